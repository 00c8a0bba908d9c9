//! Failures that are reported without the app's doing, and what is no failure.

use serde_json::{Value as Json, json};

use super::{
    CHAIN, Failing, assert_tool_failure, called, exceptions, expected_mechanism, mechanism, one,
    sent,
};
use crate::common::raw::{LEGACY, Wrapper};
use crate::live;

#[tokio::test]
async fn an_answer_that_is_an_error() {
    let received = called("answers").await;
    assert_tool_failure(&received, "answers", &[("tool_error", "user bob may not")]);
    assert_eq!(one(&received).logger.as_deref(), Some("mcp_telemetry"));
    assert_eq!(one(&received).level.as_deref().unwrap_or("error"), "error");
}

#[tokio::test]
async fn an_answer_is_an_output() {
    let call = ("tools/call", json!({ "name": "answers" }));
    let received = sent(&[("SENTRY_SEND_PII", "false")], &[call]).await;
    let expected = [("tool_error", "the tool answered with an error")];
    assert_tool_failure(&received, "answers", &expected);
    assert!(!one(&received).raw.to_string().contains("bob"));
}

#[tokio::test]
async fn a_json_rpc_error() {
    let received = called("refuses").await;
    assert_tool_failure(&received, "refuses", &[("ErrorData", "the disk is full")]);
    let context = &one(&received).contexts["mcp"];
    assert_eq!(context["rpc.response.status_code"], json!("-32603"));
}

#[tokio::test]
async fn a_panic() {
    let received = called("panics").await;
    assert_tool_failure(&received, "panics", &[("panic", "on purpose")]);
    let event = one(&received);
    assert_eq!(event.level.as_deref(), Some("fatal"));
    let frames = &event.exceptions[0].raw["stacktrace"]["frames"];
    let in_app = |frame: &Json| {
        let function = frame["function"].as_str().unwrap_or_default().to_owned();
        frame["in_app"].as_bool().unwrap().then_some(function)
    };
    let ours: Vec<_> = frames
        .as_array()
        .unwrap()
        .iter()
        .filter_map(in_app)
        .collect();
    assert!(ours.iter().any(|it| it.contains("Failing")), "{ours:?}");
    for library in ["mcp_telemetry::", "rmcp::", "tokio::", "tracing::"] {
        let found = ours.iter().find(|it| it.starts_with(library));
        assert_eq!(found, None, "{library}");
    }
    let transaction = received.transactions();
    let failed = transaction
        .iter()
        .find(|it| it.name.starts_with("tools/call"));
    assert_eq!(failed.unwrap().status.as_deref(), Some("internal_error"));
}

#[tokio::test]
async fn a_traced_function_that_is_the_request() {
    let received = called("traced").await;
    assert_tool_failure(&received, "traced", &CHAIN);
}

#[tokio::test]
async fn a_timeout() {
    let received = called("slow").await;
    let event = one(&received);
    assert_eq!(exceptions(event), [("Elapsed", "deadline has elapsed")]);
    let data = json!({ "error_type": "timeout", "tool_name": "slow" });
    assert_eq!(mechanism(event), expected_mechanism(data));
    assert_eq!(event.tags["mcp.tool.status"], "timeout");
}

#[tokio::test]
async fn failures_of_other_requests() {
    let uri = "splunk://indexes";
    for (method, params, error_type, name) in [
        (
            "prompts/get",
            json!({ "name": "triage" }),
            "prompt_execution",
            Some(("prompt_name", "triage")),
        ),
        (
            "resources/read",
            json!({ "uri": uri }),
            "resource_execution",
            Some(("resource_uri", uri)),
        ),
        ("tools/list", json!({}), "handler_execution", None),
    ] {
        let received = sent(&[], &[(method, params)]).await;
        let event = one(&received);
        assert_eq!(exceptions(event), [("ErrorData", "the disk is full")]);
        let mut data = json!({ "error_type": error_type });
        if let Some((key, name)) = name {
            data[key] = json!(name);
        }
        assert_eq!(mechanism(event), expected_mechanism(data), "{method}");
        assert_eq!(event.tags["mcp.method.name"], method);
    }
}

#[tokio::test]
async fn what_is_no_failure_is_no_event() {
    for tool in ["gets over", "asks", "is nothing"] {
        let received = called(tool).await;
        assert!(
            received.events().is_empty(),
            "{tool}: {:#?}",
            received.events()
        );
        let transactions = received.transactions();
        assert!(
            transactions
                .iter()
                .any(|it| it.name.starts_with("tools/call"))
        );
    }
}

#[tokio::test]
async fn a_cancelled_request_is_no_failure() {
    for wrapper in Wrapper::BOTH {
        let live = live(&[]);
        let mut raw = wrapper.serve(Failing).open(LEGACY).await;
        let params = json!({ "name": "is cancelled" });
        let id = raw.send("tools/call", params).await;
        raw.notify("notifications/cancelled", json!({ "requestId": id }))
            .await;
        raw.close().await;
        let received = live.finish();
        assert!(received.events().is_empty(), "{:#?}", received.events());
    }
}
