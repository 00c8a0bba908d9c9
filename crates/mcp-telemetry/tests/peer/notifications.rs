//! Notifications, both ways.

use mcp_telemetry::PeerExt as _;
use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use rmcp::model::{
    CallToolRequestParams, CancelledNotificationParam, ProgressNotificationParam, ProgressToken,
    RequestId,
};
use serde_json::{Value as Json, json};

use crate::common::{Rig, Spans, assert_child, assert_has, attribute, op};
use crate::host::Pair;
use crate::{NO_PII, PII, sent};

const TO_SERVER: &str = "mcp.notification.client_to_server";
const TO_CLIENT: &str = "mcp.notification.server_to_client";
const ALL: (&str, &str) = ("MCP_TELEMETRY_NOTIFICATIONS", "all");

/// The names of the notifications that were sent, not served.
fn names(spans: &Spans, wanted: &str) -> Vec<String> {
    let found = spans
        .0
        .iter()
        .filter(|span| op(span) == wanted && span.span_kind == SpanKind::Client);
    let mut names: Vec<_> = found.map(|span| span.name.to_string()).collect();
    names.sort();
    names
}

pub(crate) async fn tell_all(pair: &Pair) {
    let client = pair.client.traced();
    let cancelled = CancelledNotificationParam::new(
        Some(RequestId::String("gone".into())),
        Some("of no use".to_owned()),
    );
    client.notify_cancelled(cancelled).await.unwrap();
    let token = ProgressToken(RequestId::Number(7));
    let progress = ProgressNotificationParam::new(token, 1.0);
    client.notify_progress(progress).await.unwrap();
    client.notify_initialized().await.unwrap();
    client.notify_roots_list_changed().await.unwrap();
}

#[tokio::test]
async fn a_client_tells_its_server() {
    let rig = Rig::new(&[PII, ALL]);
    let pair = Pair::legacy().await;
    tell_all(&pair).await;
    // The server's side of them ends when it likes.
    let both = |spans: &Spans, name: &str| spans.all(name).count() == 2;
    let spans = rig
        .wait(|spans| both(spans, "notifications/roots/list_changed"))
        .await;
    for (name, facts) in [
        (
            "notifications/cancelled",
            json!({ "mcp.cancelled.request_id": "gone", "mcp.cancelled.reason": "of no use" }),
        ),
        (
            "notifications/progress",
            json!({ "mcp.progress.token": "7", "mcp.progress.current": 1,
                    "mcp.progress.total": null, "mcp.progress.percentage": null }),
        ),
        (
            "notifications/initialized",
            json!({ "mcp.lifecycle.phase": "initialization_complete", "mcp.protocol.ready": 1 }),
        ),
        ("notifications/roots/list_changed", json!({})),
    ] {
        let client: Vec<_> = spans
            .all(name)
            .filter(|span| span.span_kind == SpanKind::Client)
            .collect();
        assert_eq!(client.len(), 1, "{name}: {spans:?}");
        assert_eq!(client[0].status, Status::Unset);
        assert_has(client[0], facts);
        let expected = json!({
            "sentry.op": TO_SERVER,
            "mcp.method.name": name,
            "mcp.protocol.version": "2025-11-25",
            "mcp.server.name": "splunk",
            "mcp.request.id": null,
            "mcp.result.type": null,
        });
        assert_has(client[0], expected);
    }
    let changed: Vec<_> = spans.all("notifications/roots/list_changed").collect();
    let [client, server] = [SpanKind::Client, SpanKind::Server].map(|kind| {
        let mut found = changed.iter().filter(|span| span.span_kind == kind);
        found.next().unwrap()
    });
    assert_child(server, client);
}

#[tokio::test]
async fn a_server_tells_its_client_from_within_a_tool() {
    for (pii, reason, message, log, uri) in [
        (
            PII,
            json!("of no use"),
            json!("halfway"),
            json!(r#"{"rows":3}"#),
            "splunk://a?user=bob",
        ),
        (NO_PII, Json::Null, Json::Null, Json::Null, "splunk://a"),
    ] {
        let rig = Rig::new(&[pii, ALL]);
        let pair = Pair::legacy().await;
        let call = CallToolRequestParams::new("tells");
        pair.client.call_tool(call).await.unwrap();
        let spans = rig.spans();
        let execution = spans.one("mcp.tool.tells");
        let cases = [
            (
                "notifications/cancelled",
                json!({ "mcp.cancelled.request_id": null, "mcp.cancelled.reason": reason }),
            ),
            (
                "notifications/progress",
                json!({ "mcp.progress.current": 1, "mcp.progress.total": 3,
                        "mcp.progress.percentage": 50.0, "mcp.progress.message": message }),
            ),
            (
                "notifications/message",
                json!({ "mcp.logging.level": "warning", "mcp.logging.logger": "search",
                        "mcp.logging.data_type": "object", "mcp.logging.message": log }),
            ),
            (
                "notifications/resources/updated",
                json!({ "mcp.resource.uri": uri }),
            ),
            ("notifications/resources/list_changed", json!({})),
            ("notifications/tools/list_changed", json!({})),
            ("notifications/prompts/list_changed", json!({})),
        ];
        for (name, facts) in &cases {
            let span = sent(&spans, TO_CLIENT, name);
            assert_eq!(span.span_kind, SpanKind::Client);
            assert_child(&span, &execution);
            assert_has(&span, facts.clone());
            // Of the call it has the connection alone.
            let expected = json!({
                "mcp.method.name": name,
                "mcp.client.name": "inspector",
                "mcp.transport": "stdio",
                "mcp.request.id": null,
                "jsonrpc.request.id": null,
                "mcp.tool.name": null,
            });
            assert_has(&span, expected);
            let context = &span.span_context;
            let expected = format!("00-{}-{}-01", context.trace_id(), context.span_id());
            assert_eq!(pair.wire.meta(name)["traceparent"], expected, "{name}");
        }
        let token = attribute(
            &sent(&spans, TO_CLIENT, "notifications/progress"),
            "mcp.progress.token",
        );
        assert!(token.is_string());
        assert_eq!(names(&spans, TO_CLIENT).len(), cases.len());
    }
}

#[tokio::test]
async fn frequent_ones_have_a_span_only_where_wanted() {
    for (setting, to_server, to_client) in [("significant", 3, 5), ("all", 4, 7), ("none", 0, 0)] {
        let rig = Rig::new(&[NO_PII, ("MCP_TELEMETRY_NOTIFICATIONS", setting)]);
        let pair = Pair::legacy().await;
        tell_all(&pair).await;
        let call = CallToolRequestParams::new("tells");
        pair.client.call_tool(call).await.unwrap();
        let spans = rig.spans();
        assert_eq!(names(&spans, TO_SERVER).len(), to_server, "{setting}");
        assert_eq!(names(&spans, TO_CLIENT).len(), to_client, "{setting}");
        // They are sent all the same.
        for method in ["notifications/progress", "notifications/message"] {
            assert!(!pair.wire.all(method).is_empty(), "{setting}: {method}");
        }
    }
}
