//! How a request that was sent can end, and what its span says then.

use std::time::Duration;

use mcp_telemetry::PeerExt as _;
use mcp_telemetry::opentelemetry::trace::Status;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{PeerRequestOptions, ServiceError};
use serde_json::{Value as Json, json};

use crate::common::server::request as message;
use crate::common::{DEADLINE, Rig, assert_has, failed};
use crate::host::Pair;
use crate::{NO_PII, request, sent};

#[tokio::test]
async fn every_error_is_one_to_the_client() {
    let cases = [
        // tool, status, error.type, code, mcp.tool.status
        ("echo", Status::Unset, Json::Null, Json::Null, "success"),
        (
            "fails",
            failed("the tool answered with an error"),
            json!("tool_error"),
            Json::Null,
            "error",
        ),
        (
            "broken",
            failed("the disk is full"),
            json!("-32603"),
            json!("-32603"),
            "error",
        ),
        // To the server this one is none of its errors.
        (
            "refused",
            failed("`query` is missing"),
            json!("-32602"),
            json!("-32602"),
            "error",
        ),
    ];
    for (tool, status, error_type, code, told) in cases {
        let rig = Rig::new(&[NO_PII]);
        let pair = Pair::legacy().await;
        let call = CallToolRequestParams::new(tool);
        let _ = pair.client.traced().call_tool(call).await;
        let span = request(&rig.spans(), &format!("tools/call {tool}"));
        assert_eq!(span.status, status, "{tool}");
        let expected = json!({
            "error.type": error_type,
            "rpc.response.status_code": code,
            "mcp.tool.status": told,
            "mcp.request.outcome": null,
            "sentry.status": null,
        });
        assert_has(&span, expected);
    }
}

#[tokio::test]
async fn a_timeout_is_an_error_of_its_own() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let call = message("tools/call", json!({ "name": "hangs" }));
    let options = PeerRequestOptions::with_timeout(Duration::from_millis(1));
    let client = pair.client.traced();
    let sent = client
        .send_request_with_option(call, options)
        .await
        .unwrap();
    let error = sent.await_response().await.unwrap_err();
    assert!(matches!(error, ServiceError::Timeout { .. }), "{error:?}");
    let span = request(&rig.spans(), "tools/call hangs");
    assert!(matches!(span.status, Status::Error { .. }));
    let expected = json!({
        "error.type": "timeout",
        "mcp.tool.status": "timeout",
        "mcp.request.outcome": null,
        "mcp.request.id": "1",
    });
    assert_has(&span, expected);
}

#[tokio::test]
async fn what_cannot_be_sent_says_so() {
    let rig = Rig::new(&[NO_PII]);
    let mut pair = Pair::legacy().await;
    pair.client.close().await.unwrap();
    let call = CallToolRequestParams::new("echo");
    pair.client.traced().call_tool(call).await.unwrap_err();
    pair.client.traced().ping().await.unwrap_err();
    pair.client.traced().notify_initialized().await.unwrap_err();
    let spans = rig.spans();
    let notification = sent(
        &spans,
        "mcp.notification.client_to_server",
        "notifications/initialized",
    );
    for span in [
        request(&spans, "tools/call echo"),
        request(&spans, "ping"),
        notification,
    ] {
        assert_eq!(span.status, failed("Transport closed"));
        let expected = json!({
            "error.type": "transport_closed",
            "mcp.request.outcome": "send_error",
        });
        assert_has(&span, expected);
    }
}

/// The call is dropped; the server hears of it, as without telemetry.
#[tokio::test]
async fn a_dropped_call_is_cancelled() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let client = pair.client.traced();
    let call = client.call_tool(CallToolRequestParams::new("hangs"));
    tokio::select! {
        answer = call => panic!("answered: {answer:?}"),
        () = pair.host.started.notified() => {}
    }
    let spans = rig
        .wait(|spans| spans.all("tools/call hangs").next().is_some())
        .await;
    let span = request(&spans, "tools/call hangs");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({
        "mcp.request.outcome": "cancelled",
        "sentry.status": "cancelled",
        "mcp.tool.status": "cancelled",
        "error.type": null,
    });
    assert_has(&span, expected);
    let heard = tokio::time::timeout(DEADLINE, pair.host.cancelled.notified());
    heard.await.expect("the server should hear of it");
}

#[tokio::test]
async fn a_request_that_is_taken_back_is_two_messages() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let call = message("tools/call", json!({ "name": "hangs" }));
    let client = pair.client.traced();
    let options = PeerRequestOptions::no_options();
    let request_sent = client.send_cancellable_request(call, options).await;
    let request_sent = request_sent.unwrap();
    assert_eq!(request_sent.id().to_string(), "1");
    pair.host.started.notified().await;
    request_sent.cancel(Some("of no use".into())).await.unwrap();
    let heard = tokio::time::timeout(DEADLINE, pair.host.cancelled.notified());
    heard.await.expect("the server should hear of it");

    let spans = rig.spans();
    let expected = json!({ "mcp.request.outcome": "cancelled", "mcp.request.id": "1" });
    assert_has(&request(&spans, "tools/call hangs"), expected);
    let name = "notifications/cancelled";
    let told = sent(&spans, "mcp.notification.client_to_server", name);
    let expected = json!({
        "mcp.cancelled.request_id": "1",
        "mcp.cancelled.reason": null,
        "error.type": null,
    });
    assert_has(&told, expected);
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_cancelled() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let client = pair.client.traced();
    let options = PeerRequestOptions::no_options();
    let ping = message("ping", Json::Null);
    let waiting = client.send_request_with_option(ping, options).await;
    drop(waiting.unwrap());
    let span = request(&rig.spans(), "ping");
    assert_has(&span, json!({ "mcp.request.outcome": "cancelled" }));
}

#[tokio::test]
async fn a_rules_breach_that_rmcp_sees_itself_is_an_error() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    // Before 2026-07-28 a server cannot ask in its result.
    let call = CallToolRequestParams::new("asks");
    pair.client.traced().call_tool(call).await.unwrap_err();
    let spans = rig.spans();
    let span = request(&spans, "tools/call asks");
    let expected = json!({ "rpc.response.status_code": "-32600", "error.type": "-32600" });
    assert_has(&span, expected);
}
