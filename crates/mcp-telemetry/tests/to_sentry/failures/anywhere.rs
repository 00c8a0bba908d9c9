//! Failures side by side, without a sampled trace, and outside of requests.

use mcp_telemetry::{McpErrorContext, TracedHandler, capture_mcp_error};
use serde_json::json;

use super::{CHAIN, FAILED, Failing, exceptions, expected_mechanism, mechanism, one, sent, traced};
use crate::common::server::Connection;
use crate::live;

#[tokio::test]
async fn requests_side_by_side_do_not_share() {
    let live = live(&[]);
    let connection = Connection::legacy(TracedHandler::new(Failing)).await;
    let calls = ["logs", "traced", "answers", "asks"].map(|tool| connection.call(tool));
    let [a, b, c, d] = calls;
    let _ = tokio::join!(a, b, c, d);
    let received = live.finish();
    let mut tools: Vec<_> = received
        .events()
        .iter()
        .map(|it| &*it.tags["mcp.tool.name"])
        .collect();
    tools.sort_unstable();
    assert_eq!(tools, ["answers", "logs", "traced"]);
    for event in received.events() {
        let transaction = received
            .transaction_of(event.trace_id.as_ref().unwrap())
            .unwrap();
        let tool = &event.tags["mcp.tool.name"];
        assert_eq!(transaction.data["mcp.tool.name"], json!(tool));
    }
}

#[tokio::test]
async fn a_trace_that_is_not_sampled_has_its_error() {
    // Its parent has decided, and is obeyed.
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    for tool in ["answers", "logs"] {
        let params = json!({ "name": tool, "_meta": { "traceparent": parent } });
        let live = live(&[("MCP_TELEMETRY_OBEY_PARENT", "true")]);
        mcp_telemetry::opentelemetry::global::set_text_map_propagator(
            mcp_telemetry::opentelemetry_sdk::propagation::TraceContextPropagator::new(),
        );
        let connection = Connection::legacy(TracedHandler::new(Failing)).await;
        let _ = connection.send("tools/call", params).await;
        let received = live.finish();
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert!(received.transaction_of(trace).is_none(), "{tool}");
        let event = one(&received);
        assert_eq!(event.trace_id.as_deref(), Some(trace), "{tool}");
        assert_ne!(event.span_id.as_deref(), Some("00f067aa0ba902b7"), "{tool}");
        assert_eq!(event.tags["mcp.tool.status"], "error");
    }
}

#[tokio::test]
async fn without_traces_errors_have_their_context_all_the_same() {
    for tool in ["answers", "logs", "captures"] {
        let call = ("tools/call", json!({ "name": tool }));
        let received = sent(&[("MCP_TELEMETRY_SENTRY_TRACES", "off")], &[call]).await;
        assert!(received.transactions().is_empty());
        let event = one(&received);
        assert_eq!(event.tags["mcp.tool.name"], tool);
        assert_eq!(event.tags["mcp.tool.status"], "error");
        assert_eq!(
            event.contexts["mcp"]["mcp.method.name"],
            json!("tools/call")
        );
    }
}

#[test]
fn a_traced_function_outside_of_a_request() {
    for variables in [&[][..], &[("MCP_TELEMETRY_SENTRY_TRACES", "off")]] {
        let live = live(variables);
        traced().unwrap_err();
        let received = live.finish();
        let event = one(&received);
        assert_eq!(exceptions(event), CHAIN);
        let data = json!({ "error_type": "tool_execution", "tool_name": "traced" });
        assert_eq!(mechanism(event), expected_mechanism(data));
        assert_eq!(event.tags["mcp.tool.name"], "traced");
        assert_eq!(event.tags["mcp.tool.status"], "error");
    }
}

#[test]
fn a_captured_error_outside_of_a_request() {
    let context = McpErrorContext::new().with_tool_name("risky_operation");
    let live = live(&[]);
    let id = capture_mcp_error(&FAILED, context.clone()).unwrap();
    // Nothing remembers it here.
    let again = capture_mcp_error(&FAILED, context).unwrap();
    assert_ne!(id, again);
    let received = live.finish();
    let events = received.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].event_id, id);
    let data = json!({ "error_type": "tool_execution", "tool_name": "risky_operation" });
    assert_eq!(mechanism(events[0]), expected_mechanism(data));
    assert_eq!(events[0].tags["mcp.tool.name"], "risky_operation");
}
