//! A result that asks the client for input, and the retry that brings it.

use mcp_telemetry::opentelemetry::trace::Status;
use serde_json::{Value as Json, json};

use crate::common::expected::{PII, execution_span, server_span, with};
use crate::common::raw::{MODERN, Wrapper, result};
use crate::common::scripted::Scripted;
use crate::common::{Rig, assert_attributes};

/// An opaque state: it may hold anything, so it stands nowhere.
const STATE: &str = "eyJjdXJzb3IiOjQyfQ";

/// Each request that may ask for input: method, parameters, names of its spans, what both
/// spans say of the thing, what the request's span alone says.
fn cases() -> [(&'static str, Json, [&'static str; 2], Json, Json); 3] {
    [
        (
            "tools/call",
            json!({ "name": "search" }),
            ["tools/call search", "mcp.tool.search"],
            json!({ "mcp.tool.name": "search", "mcp.tool.status": "input_required" }),
            json!({ "gen_ai.tool.name": "search", "gen_ai.operation.name": "execute_tool" }),
        ),
        (
            "prompts/get",
            json!({ "name": "triage" }),
            ["prompts/get triage", "mcp.prompt.triage"],
            json!({ "mcp.prompt.name": "triage", "mcp.prompt.status": "input_required" }),
            json!({ "gen_ai.prompt.name": "triage" }),
        ),
        (
            "resources/read",
            json!({ "uri": "splunk://indexes" }),
            ["resources/read", "mcp.resource"],
            json!({
                "mcp.resource.uri": "splunk://indexes",
                "mcp.resource.status": "input_required",
            }),
            json!({}),
        ),
    ]
}

async fn check(answer: Json, more_params: Json, facts: Json) {
    for wrapper in Wrapper::BOTH {
        for (method, params, names, both, own) in cases() {
            let rig = Rig::new(&[PII]);
            let server = Scripted::new().result(method, answer.clone());
            let mut raw = wrapper.serve(server).open(MODERN).await;
            let message = raw.ask(method, with(params, more_params.clone())).await;
            assert_eq!(result(&message)["resultType"], "input_required");
            let spans = rig.spans();
            let [request, execution] = names.map(|name| spans.one(name));
            assert_eq!(request.status, Status::Unset, "{method}");
            assert_eq!(execution.status, Status::Unset, "{method}");
            let common = json!({
                "mcp.protocol.version": MODERN,
                "mcp.status": "input_required",
                "mcp.result.type": "input_required",
            });
            let expected = with(with(common, both.clone()), with(own, facts.clone()));
            assert_attributes(&request, server_span(method, "1", expected));
            let (op, _) = names[1].rsplit_once('.').unwrap();
            let op = if method == "resources/read" {
                names[1]
            } else {
                op
            };
            assert_attributes(&execution, execution_span(op, method, "1", both));
            assert!(!format!("{spans:?}").contains(STATE), "{spans:?}");
        }
    }
}

#[tokio::test]
async fn it_is_a_success_that_says_what_is_asked_for() {
    let elicitation = |message: &str| {
        let schema = json!({ "type": "object", "properties": {} });
        let params = json!({ "mode": "form", "message": message, "requestedSchema": schema });
        json!({ "method": "elicitation/create", "params": params })
    };
    let sampling = json!({ "messages": [], "maxTokens": 1 });
    let answer = json!({
        "resultType": "input_required",
        "requestState": STATE,
        "inputRequests": {
            "a": { "method": "sampling/createMessage", "params": sampling },
            "b": { "method": "roots/list" },
            "c": elicitation("Which index?"),
            "d": elicitation("Since when?"),
        },
    });
    let facts = json!({
        "mcp.input_request.count": 4,
        "mcp.input_request.methods": "elicitation/create,roots/list,sampling/createMessage",
    });
    check(answer, json!({}), facts).await;
}

#[tokio::test]
async fn it_may_ask_for_nothing_but_the_state() {
    let answer = json!({ "resultType": "input_required", "requestState": STATE });
    check(answer, json!({}), json!({ "mcp.input_request.count": 0 })).await;
}

#[tokio::test]
async fn a_retry_says_what_it_brings() {
    let answer = json!({ "resultType": "input_required", "requestState": STATE });
    let params = json!({
        "inputResponses": { "c": { "action": "decline" }, "d": { "action": "cancel" } },
        "requestState": STATE,
    });
    let facts = json!({
        "mcp.input_request.count": 0,
        "mcp.input_response.count": 2,
        "mcp.request_state.present": true,
    });
    check(answer, params, facts).await;
}
