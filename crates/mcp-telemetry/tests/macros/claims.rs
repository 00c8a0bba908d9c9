//! Which traced functions add to the span of the request, and which make one of their own.

use mcp_telemetry::opentelemetry::trace::Status;
use serde_json::json;

use crate::common::server::Connection;
use crate::common::{Rig, assert_child, assert_has, failed};
use crate::server::{Server, call, request};
use crate::{NO_PII, PII};

const QUERY: &str = "mcp.request.argument.query";

#[tokio::test]
async fn a_tools_function_of_another_name_is_the_requests_execution() {
    for tool in ["search", "search_below"] {
        let spans = call(tool, "index=main", PII).await;
        let execution = spans.one(&format!("mcp.tool.{tool}"));
        assert_eq!(spans.all("mcp.tool.search_function").count(), 0);
        let expected = json!({
            "mcp.tool.name": tool,
            "mcp.tool.status": "success",
            QUERY: "\"index=main\"",
        });
        assert_has(&execution, expected);
        assert_child(&spans.one("splunk/search.oneshot"), &execution);
    }
}

#[tokio::test]
async fn another_traced_tool_inside_makes_its_own_span() {
    for tool in ["search", "search_below", "wrapped"] {
        let spans = call(tool, "index=main", PII).await;
        let execution = spans.one(&format!("mcp.tool.{tool}"));
        let helper = spans.one("mcp.tool.helper");
        match tool {
            "wrapped" => assert_child(&helper, &spans.one("app")),
            _ => assert_child(&helper, &execution),
        }
        let step = "mcp.request.argument.step";
        let expected =
            json!({ "mcp.tool.name": "helper", "mcp.tool.status": "success", step: "1" });
        assert_has(&helper, expected);
        let expected = json!({ "mcp.tool.name": tool, step: null });
        assert_has(&execution, expected);
    }
}

#[tokio::test]
async fn a_function_of_another_name_below_a_span_of_the_apps_makes_its_own() {
    let spans = call("calls_below", "", PII).await;
    let helper = spans.one("mcp.tool.helper");
    assert_child(&helper, &spans.one("app"));
    assert_child(&spans.one("app"), &spans.one("mcp.tool.calls_below"));
}

#[tokio::test]
async fn a_panic_in_a_function_of_another_name_is_the_requests() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(mcp_telemetry::TracedHandler::new(Server)).await;
    let params = json!({ "name": "search", "arguments": { "query": "panic" } });
    let request = crate::common::server::request("tools/call", params);
    let options = rmcp::service::PeerRequestOptions::no_options();
    // rmcp answers nothing.
    let _sent = connection
        .client
        .send_cancellable_request(request, options)
        .await
        .unwrap();
    // The handshake's two, the request, its execution, and none for the function.
    let spans = rig.wait(|spans| spans.len() >= 4).await;
    assert_eq!(spans.len(), 4, "{spans:?}");
    let execution = spans.of_op("mcp.tool");
    assert_eq!(execution.status, failed("the handler panicked"));
    assert_has(
        &execution,
        json!({ "error.type": "panic", "mcp.tool.status": "error", "mcp.tool.name": "search" }),
    );
}

#[tokio::test]
async fn what_is_given_up_inside_says_nothing_about_the_request() {
    let spans = call("gives_up", "", NO_PII).await;
    let execution = spans.one("mcp.tool.gives_up");
    assert_eq!(execution.status, Status::Unset);
    let expected = json!({
        "mcp.tool.status": "success",
        "sentry.status": null,
        "error.type": null,
    });
    assert_has(&execution, expected);
}

#[tokio::test]
async fn prompts_claim_by_their_name_and_by_their_place() {
    for prompt in ["triage", "triage_below"] {
        let params = json!({ "name": prompt, "arguments": { "query": "why" } });
        let spans = request("prompts/get", params, PII).await;
        let execution = spans.of_op("mcp.prompt");
        assert_eq!(execution.name, format!("mcp.prompt.{prompt}"));
        assert_child(&execution, &spans.one(&format!("prompts/get {prompt}")));
        let expected = json!({
            "mcp.prompt.name": prompt,
            "mcp.prompt.status": "success",
            QUERY: "\"why\"",
        });
        assert_has(&execution, expected);
        // The handshake's two, the request, its execution.
        assert_eq!(spans.len(), 4, "{spans:?}");
    }
}

#[tokio::test]
async fn a_prompt_that_fails_says_so_once() {
    let params = json!({ "name": "triage", "arguments": { "query": "broken" } });
    let spans = request("prompts/get", params, PII).await;
    let execution = spans.of_op("mcp.prompt");
    assert_eq!(execution.status, failed("no template"));
    let expected = json!({ "mcp.prompt.status": "error", "error.type": "ErrorData" });
    assert_has(&execution, expected);
}

#[tokio::test]
async fn a_resource_is_claimed_by_the_first_function_that_reads_one() {
    let params = json!({ "uri": "splunk://indexes/main" });
    let spans = request("resources/read", params, PII).await;
    let execution = spans.of_op("mcp.resource");
    assert_child(&execution, &spans.one("resources/read"));
    let expected = json!({
        "mcp.resource.uri": "splunk://indexes/main",
        "mcp.resource.name": "index",
        "mcp.resource.status": "success",
        "mcp.request.argument.name": "\"main\"",
        "mcp.request.argument.password": "***REDACTED***",
    });
    assert_has(&execution, expected);
    assert_eq!(spans.len(), 4, "{spans:?}");
}

#[tokio::test]
async fn a_second_read_inside_a_resource_makes_its_own_span() {
    let params = json!({ "uri": "splunk://indexes/both" });
    let spans = request("resources/read", params, PII).await;
    let all: Vec<_> = spans.all("mcp.resource").collect();
    let [part, execution] = all.as_slice() else {
        panic!("{spans:?}");
    };
    assert_child(part, execution);
    // A template of a URI, where the app has given that for a name.
    let expected = json!({
        "mcp.resource.uri": "splunk://parts/{part}",
        "mcp.resource.name": null,
        "mcp.resource.status": "success",
        "mcp.resource.result.content": "\"a part\"",
    });
    assert_has(part, expected);
    let expected = json!({
        "mcp.resource.uri": "splunk://indexes/both",
        "mcp.resource.name": "index",
        "mcp.resource.result.content": null,
    });
    assert_has(execution, expected);
}

#[tokio::test]
async fn a_resource_behind_a_span_of_the_apps_is_claimed_too() {
    let params = json!({ "uri": "splunk://parts/1" });
    let spans = request("resources/read", params, PII).await;
    let execution = spans.of_op("mcp.resource");
    assert_child(&spans.one("app"), &execution);
    let expected = json!({
        "mcp.resource.uri": "splunk://parts/1",
        "mcp.resource.status": "success",
        "mcp.resource.result.content": "\"a part\"",
    });
    assert_has(&execution, expected);
}
