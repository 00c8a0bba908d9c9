//! The id of the trace in the result, where the settings want it.

use mcp_telemetry::opentelemetry_sdk::trace::SpanData;
use serde_json::{Value as Json, json};

use crate::common::Rig;
use crate::common::expected::{NO_PII, with};
use crate::common::raw::{LEGACY, MODERN, Raw, Wrapper, code, result};
use crate::common::scripted::Scripted;

const MARKED: (&str, &str) = ("MCP_TELEMETRY_RESULT_TRACE_ID", "true");

/// Requests whose results are marked, the name of their span, and an answer.
fn marked() -> [(&'static str, Json, &'static str, Json); 3] {
    [
        (
            "tools/call",
            json!({ "name": "search" }),
            "tools/call search",
            json!({ "content": [] }),
        ),
        (
            "prompts/get",
            json!({ "name": "triage" }),
            "prompts/get triage",
            json!({ "messages": [] }),
        ),
        (
            "resources/read",
            json!({ "uri": "splunk://a" }),
            "resources/read",
            json!({ "contents": [] }),
        ),
    ]
}

async fn connect(wrapper: Wrapper, server: Scripted, version: &str) -> Raw {
    wrapper.serve(server).open(version).await
}

fn traceparent(span: &SpanData) -> String {
    let context = &span.span_context;
    format!("00-{}-{}-01", context.trace_id(), context.span_id())
}

#[tokio::test]
async fn a_result_names_the_span_of_its_request() {
    for wrapper in Wrapper::BOTH {
        for version in [LEGACY, MODERN] {
            for (method, params, name, answer) in marked() {
                let rig = Rig::new(&[NO_PII, MARKED]);
                let server = Scripted::new().result(method, answer);
                let mut raw = connect(wrapper, server, version).await;
                let message = raw.ask(method, params).await;
                let span = rig.spans().one(name);
                let told = &result(&message)["_meta"]["traceparent"];
                assert_eq!(*told, traceparent(&span), "{wrapper:?} {message}");
            }
        }
    }
}

#[tokio::test]
async fn so_does_one_that_asks_for_input() {
    let answer = json!({ "resultType": "input_required", "requestState": "s" });
    for wrapper in Wrapper::BOTH {
        for (method, params, name, _) in marked() {
            let rig = Rig::new(&[NO_PII, MARKED]);
            let server = Scripted::new().result(method, answer.clone());
            let mut raw = connect(wrapper, server, MODERN).await;
            let message = raw.ask(method, params).await;
            let span = rig.spans().one(name);
            let told = &result(&message)["_meta"]["traceparent"];
            assert_eq!(*told, traceparent(&span), "{wrapper:?} {message}");
        }
    }
}

#[tokio::test]
async fn by_default_there_is_none() {
    for wrapper in Wrapper::BOTH {
        for (method, params, _, answer) in marked() {
            let _rig = Rig::new(&[NO_PII]);
            let server = Scripted::new().result(method, answer);
            let mut raw = connect(wrapper, server, LEGACY).await;
            let message = raw.ask(method, params).await;
            assert_eq!(result(&message).get("_meta"), None, "{message}");
        }
    }
}

#[tokio::test]
async fn without_a_destination_there_is_none() {
    for wrapper in Wrapper::BOTH {
        let _rig = Rig::idle_with(&[MARKED]);
        let server = Scripted::new().result("tools/call", json!({ "content": [] }));
        let mut raw = connect(wrapper, server, LEGACY).await;
        let message = raw.call("search").await;
        assert_eq!(result(&message).get("_meta"), None, "{message}");
    }
}

#[tokio::test]
async fn what_the_handler_writes_stays() {
    let own = json!({ "_meta": { "traceparent": "own", "cost": 3 } });
    let other = json!({ "_meta": { "cost": 3 } });
    for wrapper in Wrapper::BOTH {
        for (method, params, name, answer) in marked() {
            let rig = Rig::new(&[NO_PII, MARKED]);
            let server = Scripted::new().result(method, with(answer.clone(), own.clone()));
            let mut raw = connect(wrapper, server, LEGACY).await;
            let message = raw.ask(method, params.clone()).await;
            assert_eq!(result(&message)["_meta"], own["_meta"], "{message}");
            drop((raw, rig));

            let rig = Rig::new(&[NO_PII, MARKED]);
            let server = Scripted::new().result(method, with(answer, other.clone()));
            let mut raw = connect(wrapper, server, LEGACY).await;
            let message = raw.ask(method, params).await;
            let traceparent = traceparent(&rig.spans().one(name));
            let expected = json!({ "cost": 3, "traceparent": traceparent });
            assert_eq!(result(&message)["_meta"], expected);
        }
    }
}

#[tokio::test]
async fn errors_and_other_results_have_none() {
    for wrapper in Wrapper::BOTH {
        let _rig = Rig::new(&[NO_PII, MARKED]);
        let server = Scripted::new()
            .result("tools/list", json!({ "tools": [] }))
            .error("tools/call", -32_603, "the disk is full");
        let mut raw = connect(wrapper, server, LEGACY).await;
        let message = raw.call("search").await;
        assert_eq!(code(&message), -32_603);
        assert!(!message.to_string().contains("traceparent"), "{message}");
        for method in ["tools/list", "ping"] {
            let message = raw.ask(method, Json::Null).await;
            assert_eq!(result(&message).get("_meta"), None, "{message}");
        }
    }
}
