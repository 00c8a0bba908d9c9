//! Calls that go on for several rounds, since the server asks for input.

use mcp_telemetry::PeerExt as _;
use rmcp::model::{CallToolRequestParams, CallToolResponse, SubscriptionFilter};
use rmcp::service::ServiceError;
use serde_json::json;

use crate::common::{Rig, assert_child, assert_has, attribute, op};
use crate::host::Pair;
use crate::{NO_PII, request};

#[tokio::test]
async fn one_span_covers_all_rounds_and_the_answers_between_them() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    let call = CallToolRequestParams::new("asks");
    let answer = pair.client.traced().call_tool(call).await.unwrap();
    assert_eq!(answer.is_error, Some(false));
    let spans = rig.spans();
    let client = request(&spans, "tools/call asks");
    let calls = pair.wire.all("tools/call");
    assert_eq!(calls.len(), 2);
    let all = spans.0.iter();
    let served: Vec<_> = all.filter(|span| op(span) == "mcp.server").collect();
    let rounds = served
        .iter()
        .filter(|span| attribute(span, "mcp.tool.name") == "asks");
    let rounds: Vec<_> = rounds.collect();
    assert_eq!(rounds.len(), 2);
    rounds.iter().for_each(|round| assert_child(round, &client));
    assert_child(&spans.one("the user thinks"), &client);
}

#[tokio::test]
async fn one_round_alone_says_that_input_is_required() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    let call = CallToolRequestParams::new("asks");
    let answer = pair.client.traced().call_tool_once(call).await.unwrap();
    assert!(matches!(answer, CallToolResponse::InputRequired(_)));
    let expected = json!({
        "mcp.result.type": "input_required",
        "mcp.tool.status": "input_required",
        "mcp.input_request.count": 1,
        "mcp.input_request.methods": "elicitation/create",
        "error.type": null,
    });
    assert_has(&request(&rig.spans(), "tools/call asks"), expected);
}

#[tokio::test]
async fn too_many_rounds_are_an_error() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    let call = CallToolRequestParams::new("asks");
    let client = pair.client.traced();
    let answer = client.call_tool_with_mrtr_max_rounds(call, 1).await;
    let error = answer.unwrap_err();
    assert!(matches!(
        error,
        ServiceError::InputRequiredRoundsExceeded { .. }
    ));
    let span = request(&rig.spans(), "tools/call asks");
    assert_has(&span, json!({ "error.type": "too_many_rounds" }));
}

/// A peer's own `call_tool` has no handler to ask.
#[tokio::test]
async fn a_peer_alone_takes_the_question_for_an_unexpected_response() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    let call = CallToolRequestParams::new("asks");
    let answer = pair.client.peer().traced().call_tool(call).await;
    assert!(matches!(answer, Err(ServiceError::UnexpectedResponse)));
    let span = request(&rig.spans(), "tools/call asks");
    assert_has(&span, json!({ "error.type": "unexpected_response" }));
}

#[tokio::test]
async fn a_subscription_is_a_span_up_to_its_acknowledgement() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    let filter = SubscriptionFilter::default();
    let subscription = pair.client.traced().listen(filter).await.unwrap();
    let id = subscription.id().to_string();
    let span = request(&rig.spans(), "subscriptions/listen");
    let expected = json!({
        "mcp.subscription.id": id,
        "mcp.request.id": id,
        "jsonrpc.request.id": id,
        "error.type": null,
    });
    assert_has(&span, expected);
}
