//! Notifications of the client: which of them have a span, and what it says.

use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use serde_json::{Value as Json, json};

use crate::common::expected::{NO_PII, PII, notification_span};
use crate::common::raw::{LEGACY, MODERN, Raw, Wrapper};
use crate::common::scripted::Scripted;
use crate::common::{Rig, assert_attributes, assert_root};

const ALL: (&str, &str) = ("MCP_TELEMETRY_NOTIFICATIONS", "all");
const NONE: (&str, &str) = ("MCP_TELEMETRY_NOTIFICATIONS", "none");

/// Sends one of each notification that a client may send, but `initialized`.
async fn send_all(raw: &mut Raw) {
    let cancelled = json!({ "requestId": 7, "reason": "the user left" });
    raw.notify("notifications/cancelled", cancelled).await;
    let progress = json!({
        "progressToken": "t1", "progress": 25, "total": 50, "message": "rows of index=main",
    });
    raw.notify("notifications/progress", progress).await;
    raw.notify("notifications/roots/list_changed", Json::Null)
        .await;
    raw.notify("x/steal?token=1", json!({ "token": 1 })).await;
}

#[tokio::test]
async fn each_has_a_span_that_says_what_it_says() {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[PII, ALL]);
        let mut raw = wrapper.serve(Scripted::new()).open(LEGACY).await;
        send_all(&mut raw).await;
        // `initialize`, and five notifications.
        let spans = rig.wait(|spans| spans.len() == 6).await;
        let cases = [
            (
                "notifications/initialized",
                json!({
                    "mcp.lifecycle.phase": "initialization_complete",
                    "mcp.protocol.ready": 1,
                }),
            ),
            (
                "notifications/cancelled",
                json!({
                    "mcp.cancelled.request_id": "7",
                    "mcp.cancelled.reason": "the user left",
                }),
            ),
            (
                "notifications/progress",
                json!({
                    "mcp.progress.token": "t1",
                    "mcp.progress.current": 25,
                    "mcp.progress.total": 50,
                    "mcp.progress.percentage": 50.0,
                    "mcp.progress.message": "rows of index=main",
                }),
            ),
            ("notifications/roots/list_changed", json!({})),
            // A custom method is the client's text: it stands nowhere.
            ("_OTHER", json!({})),
        ];
        for (method, facts) in cases {
            let span = spans.one(method);
            assert_root(&span);
            assert_eq!(span.span_kind, SpanKind::Server, "{method}");
            assert_eq!(span.status, Status::Unset, "{method}");
            assert_attributes(&span, notification_span(method, facts));
        }
        assert!(!format!("{spans:?}").contains("steal"), "{spans:?}");
    }
}

#[tokio::test]
async fn what_a_client_wrote_needs_leave() {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII, ALL]);
        let mut raw = wrapper.serve(Scripted::new()).open(LEGACY).await;
        send_all(&mut raw).await;
        let spans = rig.wait(|spans| spans.len() == 6).await;
        let facts = json!({ "mcp.cancelled.request_id": "7" });
        let expected = notification_span("notifications/cancelled", facts);
        assert_attributes(&spans.one("notifications/cancelled"), expected);
        let facts = json!({
            "mcp.progress.token": "t1",
            "mcp.progress.current": 25,
            "mcp.progress.total": 50,
            "mcp.progress.percentage": 50.0,
        });
        let expected = notification_span("notifications/progress", facts);
        assert_attributes(&spans.one("notifications/progress"), expected);
    }
}

#[tokio::test]
async fn progress_is_in_whole_numbers_where_it_is_one() {
    let rig = Rig::new(&[NO_PII, ALL]);
    let mut raw = Wrapper::Handler.serve(Scripted::new()).open(LEGACY).await;
    let cases = [
        (json!({ "progress": 1.9 }), 1, Json::Null, Json::Null),
        (
            json!({ "progress": 1.9, "total": 0 }),
            1,
            json!(0),
            Json::Null,
        ),
        (
            json!({ "progress": 1e300, "total": 1e300 }),
            i64::MAX,
            json!(i64::MAX),
            json!(100.0),
        ),
        (
            json!({ "progress": -3, "total": 4 }),
            -3,
            json!(4),
            json!(-75.0),
        ),
    ];
    for (at, (mut params, current, total, percentage)) in (0..).zip(cases) {
        params["progressToken"] = json!(at);
        raw.notify("notifications/progress", params).await;
        let spans = rig.wait(|spans| spans.len() == 3 + at).await;
        let facts = json!({
            "mcp.progress.token": at.to_string(),
            "mcp.progress.current": current,
            "mcp.progress.total": total,
            "mcp.progress.percentage": percentage,
        });
        let expected = notification_span("notifications/progress", facts);
        assert_attributes(spans.0.last().unwrap(), expected);
    }
}

/// A request behind the notifications: rmcp starts handlers in the order of their messages.
async fn names(rig: &Rig, mut raw: Raw) -> Vec<String> {
    send_all(&mut raw).await;
    raw.ask("ping", Json::Null).await;
    let spans = rig.wait(|spans| spans.all("ping").count() == 1).await;
    let mut names = spans.names();
    names.sort_unstable();
    names.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_switch_says_which_have_a_span() {
    let significant = [
        "_OTHER",
        "initialize",
        "notifications/cancelled",
        "notifications/initialized",
        "notifications/roots/list_changed",
        "ping",
    ];
    let mut all = significant.to_vec();
    all.insert(4, "notifications/progress");
    for wrapper in Wrapper::BOTH {
        let cases = [
            (None, &significant[..]),
            (Some(ALL), &all),
            (Some(NONE), &["initialize", "ping"]),
        ];
        for (switch, expected) in cases {
            let variables: Vec<_> = [NO_PII].into_iter().chain(switch).collect();
            let rig = Rig::new(&variables);
            let raw = wrapper.serve(Scripted::new()).open(LEGACY).await;
            assert_eq!(names(&rig, raw).await, expected, "{switch:?}");
        }
    }
}

#[tokio::test]
async fn a_newer_client_says_nothing_of_itself_in_a_notification() {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = wrapper.serve(Scripted::new()).open(MODERN).await;
        // The first request opens the connection.
        raw.call("any").await;
        raw.notify("notifications/cancelled", json!({ "requestId": "r" }))
            .await;
        let span = rig.span("notifications/cancelled").await;
        let facts = json!({
            "mcp.cancelled.request_id": "r",
            "mcp.protocol.version": null,
            "mcp.client.name": null,
            "mcp.client.version": null,
            "mcp.client.title": null,
        });
        let expected = notification_span("notifications/cancelled", facts);
        assert_attributes(&span, expected);
    }
}
