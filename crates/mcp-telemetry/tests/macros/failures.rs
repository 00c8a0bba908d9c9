//! What a traced function noted of its failure, and what became of the request.

use mcp_telemetry::opentelemetry::trace::Status;
use mcp_telemetry::{trace_mcp_prompt, trace_mcp_resource, trace_mcp_tool, trace_splunk_operation};
use serde_json::json;

use crate::common::{Rig, assert_has, failed};
use crate::server::{call, request};
use crate::{NO_PII, PII};

#[tokio::test]
async fn a_fault_of_the_caller_is_no_error_of_the_execution() {
    let spans = call("search", "refused", NO_PII).await;
    for op in ["mcp.server", "mcp.tool"] {
        let span = spans
            .0
            .iter()
            .filter(|span| span.name != "initialize")
            .find(|span| crate::common::op(span) == op)
            .unwrap();
        assert_eq!(span.status, Status::Unset, "{op}");
        let expected = json!({
            "mcp.tool.status": "error",
            "error.type": null,
            "mcp.tool.error_type": null,
        });
        assert_has(span, expected);
    }
    let params = json!({ "uri": "splunk://indexes/refused" });
    let spans = request("resources/read", params, NO_PII).await;
    let execution = spans.of_op("mcp.resource");
    assert_eq!(execution.status, Status::Unset);
    let expected = json!({ "mcp.resource.status": "error", "error.type": null });
    assert_has(&execution, expected);
}

#[tokio::test]
async fn a_fault_of_the_server_is_one_of_the_execution() {
    let params = json!({ "uri": "splunk://indexes/broken" });
    let spans = request("resources/read", params, NO_PII).await;
    let execution = spans.of_op("mcp.resource");
    assert_eq!(execution.status, failed("the disk is full"));
    let expected = json!({ "mcp.resource.status": "error", "error.type": "ErrorData" });
    assert_has(&execution, expected);
    assert_has(
        &spans.one("resources/read"),
        json!({ "error.type": "-32603" }),
    );
}

#[tokio::test]
async fn a_timeout_is_one_on_both_spans() {
    let spans = call("slow", "slow", PII).await;
    let server = spans.one("tools/call slow");
    let execution = spans.one("mcp.tool.slow");
    for span in [&server, &execution] {
        assert_eq!(span.status, failed("no answer within 30 s"));
        assert_has(span, json!({ "mcp.tool.status": "timeout" }));
    }
    assert_has(&server, json!({ "error.type": "tool_error" }));
    let expected = json!({ "error.type": "timeout", "mcp.tool.error_type": "timeout" });
    assert_has(&execution, expected);
}

#[tokio::test]
async fn a_timeout_that_the_tool_got_over_is_none() {
    let spans = call("slow_but_fine", "slow", NO_PII).await;
    for name in ["tools/call slow_but_fine", "mcp.tool.slow_but_fine"] {
        let span = spans.one(name);
        assert_eq!(span.status, Status::Unset, "{name}");
        let expected = json!({
            "mcp.tool.status": "success",
            "error.type": null,
            "mcp.tool.error_type": null,
        });
        assert_has(&span, expected);
    }
}

type TimedOut = Result<(), tokio::time::error::Elapsed>;

/// The error of a real timeout: its type cannot be made by hand.
async fn elapsed() -> TimedOut {
    tokio::time::timeout(std::time::Duration::ZERO, std::future::pending()).await
}

#[trace_mcp_tool]
async fn tool() -> TimedOut {
    elapsed().await
}

#[trace_mcp_prompt]
async fn prompt() -> TimedOut {
    elapsed().await
}

#[trace_mcp_resource]
async fn resource() -> TimedOut {
    elapsed().await
}

#[trace_splunk_operation]
async fn operation() -> TimedOut {
    elapsed().await
}

#[tokio::test]
async fn every_kind_of_call_knows_a_timeout() {
    let rig = Rig::new(&[NO_PII]);
    for ended in [
        tool().await,
        prompt().await,
        resource().await,
        operation().await,
    ] {
        ended.unwrap_err();
    }
    let spans = rig.spans();
    for (name, status) in [
        ("mcp.tool.tool", "mcp.tool.status"),
        ("mcp.prompt.prompt", "mcp.prompt.status"),
        ("mcp.resource", "mcp.resource.status"),
        ("splunk/operation", "splunk.status"),
    ] {
        let span = spans.one(name);
        assert_eq!(span.status, failed("deadline has elapsed"), "{name}");
        assert_has(&span, json!({ status: "timeout", "error.type": "timeout" }));
    }
    let span = spans.one("mcp.resource");
    assert_has(
        &span,
        json!({ "mcp.resource.name": "resource", "mcp.resource.uri": null }),
    );
}
