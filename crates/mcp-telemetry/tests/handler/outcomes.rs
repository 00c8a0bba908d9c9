//! How requests end, and what their spans say about it.

use mcp_telemetry::TracedHandler;
use mcp_telemetry::opentelemetry::trace::Status;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ServerResult};
use rmcp::service::{PeerRequestOptions, RequestHandle};
use serde_json::{Value as Json, json};

use crate::common::expected::{NO_PII, PII, server_span};
use crate::common::server::{Connection, Server, request};
use crate::common::{Rig, assert_attributes, assert_has, failed};

/// Calls a tool without waiting for its answer.
async fn start(connection: &Connection, tool: &str) -> RequestHandle<RoleClient> {
    let call = request("tools/call", json!({ "name": tool }));
    let options = PeerRequestOptions::no_options();
    let sent = connection.client.send_cancellable_request(call, options);
    sent.await.unwrap()
}

#[tokio::test]
async fn a_method_that_the_server_does_not_have_is_the_callers_fault() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let params = json!({ "taskId": "t" });
    assert!(connection.send("tasks/cancel", params).await.is_err());
    let span = rig.spans().one("tasks/cancel");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({ "rpc.response.status_code": "-32601", "mcp.status": "error" });
    assert_attributes(&span, server_span("tasks/cancel", "1", expected));
}

#[tokio::test]
async fn how_a_tool_ends_is_on_both_spans() {
    // Tool, label in names, status, attributes of both spans, of the server span alone.
    let cases = [
        (
            "fails",
            "fails",
            failed("the tool answered with an error"),
            json!({ "mcp.tool.status": "error", "error.type": "tool_error" }),
            json!({ "mcp.tool.result.is_error": true, "rpc.response.status_code": null }),
        ),
        (
            "broken",
            "_OTHER",
            failed("the disk is full"),
            json!({ "mcp.tool.status": "error", "error.type": "-32603" }),
            json!({ "rpc.response.status_code": "-32603", "mcp.tool.result.is_error": null }),
        ),
        (
            "refused",
            "_OTHER",
            Status::Unset,
            json!({ "mcp.tool.status": "error", "error.type": null }),
            json!({ "rpc.response.status_code": "-32602" }),
        ),
    ];
    for (tool, label, status, both, server_alone) in cases {
        let rig = Rig::new(&[NO_PII]);
        let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
        let answer = connection.call(tool).await;
        assert_eq!(answer.is_ok(), tool == "fails", "{answer:?}");
        let spans = rig.spans();
        let server = spans.one(&format!("tools/call {label}"));
        let execution = spans.one(&format!("mcp.tool.{label}"));
        for span in [&server, &execution] {
            assert_eq!(span.status, status, "{tool}: {}", span.name);
            assert_has(span, json!({ "mcp.tool.name": tool }));
            assert_has(span, both.clone());
        }
        assert_has(&server, server_alone);
        let kind = both.get("error.type").cloned().unwrap_or(Json::Null);
        assert_has(&execution, json!({ "mcp.tool.error_type": kind }));
    }
}

#[tokio::test]
async fn a_resource_that_is_not_there_is_the_callers_fault() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let params = json!({ "uri": "file:///etc/passwd" });
    assert!(connection.send("resources/read", params).await.is_err());
    let spans = rig.spans();
    let server = spans.one("resources/read");
    assert_has(&server, json!({ "rpc.response.status_code": "-32002" }));
    for span in [server, spans.one("mcp.resource")] {
        assert_eq!(span.status, Status::Unset);
        let expected = json!({ "mcp.resource.status": "error", "error.type": null });
        assert_has(&span, expected);
    }
}

#[tokio::test]
async fn a_tool_that_asks_for_input_is_no_error() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::modern(TracedHandler::new(Server::default())).await;
    let answer = connection.call("asks").await;
    let asks = matches!(answer, Ok(ServerResult::InputRequiredResult(_)));
    assert!(asks, "{answer:?}");
    let spans = rig.spans();
    let (server, execution) = (spans.one("tools/call asks"), spans.one("mcp.tool.asks"));
    for span in [&server, &execution] {
        assert_eq!(span.status, Status::Unset);
        let expected = json!({ "mcp.tool.status": "input_required", "error.type": null });
        assert_has(span, expected);
    }
    let expected = json!({
        "mcp.result.type": "input_required",
        "mcp.protocol.version": "2026-07-28",
        "mcp.client.name": "inspector",
    });
    assert_has(&server, expected);
    let expected = json!({
        "mcp.method.name": "server/discover",
        "mcp.protocol.version": "2026-07-28",
    });
    assert_has(&spans.one("server/discover"), expected);
}

#[tokio::test]
async fn a_request_that_the_client_takes_back_is_cancelled() {
    let rig = Rig::new(&[PII]);
    let server = Server::default();
    let connection = Connection::legacy(TracedHandler::new(server.clone())).await;
    let call = start(&connection, "waits").await;
    server.started.notified().await;
    // It sends `notifications/cancelled`.
    call.cancel(Some("never mind".to_owned())).await.unwrap();

    let server = rig.span("tools/call _OTHER").await;
    let execution = rig.spans().one("mcp.tool._OTHER");
    for span in [&server, &execution] {
        // The tool did return in the end, but nobody reads it.
        assert_eq!(span.status, Status::Unset, "{}", span.name);
        let expected = json!({
            "mcp.tool.name": "waits",
            "mcp.tool.status": "cancelled",
            "mcp.request.outcome": "cancelled",
            "sentry.status": "cancelled",
            "error.type": null,
            "mcp.tool.result.content_count": null,
        });
        assert_has(span, expected);
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_an_error() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    // rmcp answers nothing: the task that served the request is gone.
    let _call = start(&connection, "panics").await;
    let server = rig.span("tools/call _OTHER").await;
    let execution = rig.spans().one("mcp.tool._OTHER");
    for span in [&server, &execution] {
        assert_eq!(span.status, failed("the handler panicked"));
        let expected = json!({ "mcp.tool.status": "error", "error.type": "panic" });
        assert_has(span, expected);
    }
    assert_has(&execution, json!({ "mcp.tool.error_type": "panic" }));

    // The session goes on.
    connection.call("echo").await.unwrap();
    assert_eq!(rig.spans().one("tools/call echo").status, Status::Unset);
}

#[test]
fn a_request_that_is_dropped_is_cancelled() {
    let rig = Rig::new(&[PII]);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let server = Server::default();
    let connection = runtime.block_on(async {
        let connection = Connection::legacy(TracedHandler::new(server.clone())).await;
        drop(start(&connection, "hangs").await);
        server.started.notified().await;
        connection
    });
    let names = ["initialize", "notifications/initialized"];
    assert_eq!(rig.spans().names(), names);
    // As when a process ends while a tool runs.
    drop(runtime);
    drop(connection);
    let spans = rig.spans();
    for span in [spans.one("tools/call _OTHER"), spans.one("mcp.tool._OTHER")] {
        assert_eq!(span.status, Status::Unset);
        let expected = json!({
            "mcp.tool.status": "cancelled",
            "mcp.request.outcome": "cancelled",
        });
        assert_has(&span, expected);
    }
}

#[tokio::test]
async fn requests_of_one_session_run_side_by_side() {
    let rig = Rig::new(&[NO_PII]);
    let server = Server::default();
    let connection = Connection::legacy(TracedHandler::new(server.clone())).await;
    let slow = start(&connection, "waits").await;
    server.started.notified().await;
    connection.call("echo").await.unwrap();
    let spans = rig.spans();
    let quick = spans.one("tools/call echo");
    assert_eq!(spans.all("tools/call _OTHER").count(), 0);
    slow.cancel(None).await.unwrap();
    let slow = rig.span("tools/call _OTHER").await;
    assert_has(&slow, json!({ "mcp.request.id": "1" }));
    assert_has(&quick, json!({ "mcp.request.id": "2" }));
    let traces = [&slow, &quick].map(|span| span.span_context.trace_id());
    assert_ne!(traces[0], traces[1]);
}

#[tokio::test]
async fn a_wrapper_without_a_destination_changes_nothing() {
    let _rig = Rig::idle();
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let call = CallToolRequestParams::new("echo");
    let answer = connection.client.call_tool(call).await.unwrap();
    let text = answer.content.first().and_then(|block| block.as_text());
    assert_eq!(text.map(|text| text.text.as_str()), Some("hello"));
}
