//! What a tool asks its client, seen from the server: children of the tool's execution.

use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use mcp_telemetry::{McpTransport, PeerExt as _};
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::service::ClientLifecycleMode;
use serde_json::{Value as Json, json};

use crate::common::{Rig, assert_attributes, assert_child, assert_has, assert_root};
use crate::host::{Host, Pair, Person, sampling};
use crate::wire::Wire;
use crate::{NO_PII, request, served};

/// Calls a tool without telemetry on the client's side.
async fn call(pair: &Pair, tool: &'static str) {
    let call = CallToolRequestParams::new(tool);
    pair.client.call_tool(call).await.unwrap();
}

#[tokio::test]
async fn what_a_tool_asks_is_a_child_of_its_execution() {
    for (tool, method) in [
        ("samples", "sampling/createMessage"),
        ("elicits", "elicitation/create"),
        ("lists roots", "roots/list"),
        ("pings", "ping"),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let pair = Pair::legacy().await;
        call(&pair, tool).await;
        assert_eq!(pair.failure(), None, "{tool}");
        let spans = rig.spans();
        let asked = request(&spans, method);
        let execution = spans.one(&format!("mcp.tool.{tool}"));
        assert_child(&asked, &execution);
        assert_child(&execution, &served(&spans, &format!("tools/call {tool}")));
        assert_eq!(asked.span_kind, SpanKind::Client);
        assert_eq!(asked.status, Status::Unset);
        // Of the call that it belongs to it has the connection, but neither tool nor id.
        let mut expected = json!({
            "sentry.op": "mcp.client",
            "sentry.origin": "auto.mcp.mcp_telemetry",
            "sentry.source": "route",
            "mcp.method.name": method,
            "mcp.request.id": "0",
            "jsonrpc.request.id": "0",
            "mcp.protocol.version": "2025-11-25",
            "mcp.client.name": "inspector",
            "mcp.client.version": "0.9",
            "mcp.client.title": "Inspector",
            "mcp.transport": "stdio",
            "network.transport": "pipe",
            "mcp.result.type": "complete",
        });
        if method == "roots/list" {
            expected["mcp.result.count"] = json!(2);
        }
        assert_attributes(&asked, expected);
        // And the context reaches the client.
        let context = &asked.span_context;
        let expected = format!("00-{}-{}-01", context.trace_id(), context.span_id());
        assert_eq!(pair.wire.meta(method)["traceparent"], expected);
    }
}

#[tokio::test]
async fn what_a_client_refuses_or_leaves_unanswered_is_an_error() {
    let rig = Rig::new(&[NO_PII]);
    let silent = Person { silent: true };
    let pair = Pair::new(silent, ClientLifecycleMode::Initialize).await;
    call(&pair, "elicits in vain").await;
    assert!(pair.failure().unwrap().contains("timeout"));
    let span = request(&rig.spans(), "elicitation/create");
    assert!(matches!(span.status, Status::Error { .. }));
    assert_has(&span, json!({ "error.type": "timeout" }));
}

#[tokio::test]
async fn a_server_asks_outside_of_any_request_too() {
    let rig = Rig::new(&[NO_PII]);
    let (wire, client_end, server_end) = Wire::new();
    let client = tokio::spawn(Person::default().serve(client_end));
    let server = Host::default().serve(server_end).await.unwrap();
    let _client = client.await.unwrap().unwrap();
    // Of the whole service, of its peer, and with what the app knows.
    server.traced().ping().await.unwrap();
    server.peer().clone().traced().list_roots().await.unwrap();
    let http = server.traced().with_transport(McpTransport::Http);
    http.create_message(sampling()).await.unwrap();

    let spans = rig.spans();
    for (method, transport) in [
        ("ping", Json::Null),
        ("roots/list", Json::Null),
        ("sampling/createMessage", json!("http")),
    ] {
        let span = request(&spans, method);
        assert_root(&span);
        let expected = json!({ "mcp.client.name": "inspector", "mcp.transport": transport });
        assert_has(&span, expected);
        assert!(wire.meta(method)["traceparent"].is_string());
    }
}

/// rmcp refuses it before it is sent; ours refuses it in the same words.
#[tokio::test]
async fn sampling_with_tools_needs_the_clients_capability() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    call(&pair, "samples with tools").await;
    let failure = pair.failure().unwrap();
    assert!(
        failure.contains("does not support sampling tools capability"),
        "{failure}"
    );
    assert_eq!(pair.wire.all("sampling/createMessage").len(), 0);
    assert_eq!(rig.spans().all("sampling/createMessage").count(), 0);
}

#[tokio::test]
async fn newer_protocols_have_no_such_requests() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    call(&pair, "elicits").await;
    assert!(pair.failure().unwrap().contains("not allowed"));
    let span = request(&rig.spans(), "elicitation/create");
    let expected = json!({
        "error.type": "-32600",
        "rpc.response.status_code": "-32600",
        "mcp.request.id": null,
    });
    assert_has(&span, expected);
    assert_eq!(pair.wire.all("elicitation/create").len(), 0);
}
