//! What is counted whatever becomes of its trace, and however it ends.

use serde_json::{Value as Json, json};

use crate::common::Live;
use crate::common::raw::{LEGACY, MODERN, Wrapper, code, result};
use crate::common::scripted::Scripted;
use crate::common::server::Server;
use crate::operations::{DURATION, handshake, labels, tool};
use crate::{expected, points};

const NO_TRACES: (&str, &str) = ("OTEL_TRACES_EXPORTER", "none");

#[tokio::test]
async fn what_is_not_traced_counts() {
    let cases: [(&[(&str, &str)], bool); 3] = [
        (&[NO_TRACES], false),
        (&[("SENTRY_TRACES_SAMPLE_RATE", "0")], true),
        (&[("MCP_TELEMETRY_NOTIFICATIONS", "none"), NO_TRACES], false),
    ];
    for wrapper in Wrapper::BOTH {
        for (variables, traced) in cases {
            let live = Live::measured(variables);
            assert_eq!(live.telemetry().is_tracing(), traced);
            let mut raw = wrapper.serve(Server::default()).open(LEGACY).await;
            for _ in 0..2 {
                result(&raw.call("echo").await);
            }
            assert_eq!(code(&raw.call("made up").await), -32_602);
            raw.close().await;
            let received = live.finish();
            let unknown = json!({ "rpc.response.status_code": "-32602" });
            let all = [(tool("echo", json!({})), 2), (tool("_OTHER", unknown), 1)];
            let all = expected(handshake().into_iter().chain(all));
            assert_eq!(points(&received, DURATION), all, "{variables:?}");
            assert_eq!(received.otlp_spans().is_empty(), !traced);
        }
    }
}

/// A client that has decided against its trace is counted as all others.
#[tokio::test]
async fn what_its_client_does_not_sample_counts() {
    let obeyed = ("MCP_TELEMETRY_OBEY_PARENT", "true");
    let live = Live::measured(&[("SENTRY_TRACES_SAMPLE_RATE", "0"), obeyed]);
    let mut raw = Wrapper::Handler.serve(Server::default()).open(LEGACY).await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let params = json!({ "name": "echo", "_meta": { "traceparent": traceparent } });
    result(&raw.ask("tools/call", params).await);
    raw.close().await;
    let received = live.finish();
    let echo = (tool("echo", json!({})), 1);
    let all = expected(handshake().into_iter().chain([echo]));
    assert_eq!(points(&received, DURATION), all);
    let spans = received.otlp_spans();
    assert!(spans.iter().all(|span| !span.name.contains("echo")));
}

#[tokio::test]
async fn what_is_cancelled_or_panics_counts() {
    for wrapper in Wrapper::BOTH {
        for more in [&[][..], &[NO_TRACES]] {
            let live = Live::measured(more);
            let server = Server::default();
            let mut raw = wrapper.serve(server.clone()).open(LEGACY).await;
            // rmcp answers none of these.
            let id = raw.send("tools/call", json!({ "name": "waits" })).await;
            server.started.notified().await;
            raw.notify("notifications/cancelled", json!({ "requestId": id }))
                .await;
            raw.send("tools/call", json!({ "name": "panics" })).await;
            result(&raw.ask("ping", Json::Null).await);
            raw.close().await;
            let received = live.finish();
            let panicked = json!({ "error.type": "panic" });
            let all = [
                (labels("notifications/cancelled", json!({})), 1),
                (labels("ping", json!({})), 1),
                (tool("_OTHER", json!({})), 1),
                (tool("_OTHER", panicked), 1),
            ];
            let all = expected(handshake().into_iter().chain(all));
            let found = points(&received, DURATION);
            assert_eq!(found, all, "{wrapper:?} {more:?}");
        }
    }
}

/// As when a process ends while a tool runs.
#[test]
fn what_is_dropped_counts() {
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[]);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let server = Server::default();
        let raw = runtime.block_on(async {
            let mut raw = wrapper.serve(server.clone()).open(LEGACY).await;
            raw.send("tools/call", json!({ "name": "hangs" })).await;
            server.started.notified().await;
            raw
        });
        drop(runtime);
        drop(raw);
        let received = live.finish();
        let dropped = (tool("_OTHER", json!({})), 1);
        let all = expected(handshake().into_iter().chain([dropped]));
        assert_eq!(points(&received, DURATION), all, "{wrapper:?}");
    }
}

#[tokio::test]
async fn a_subscription_counts_once() {
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[]);
        let mut raw = wrapper.serve(Scripted::new()).open(MODERN).await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        raw.send("subscriptions/listen", filter).await;
        let method = "notifications/subscriptions/acknowledged";
        raw.receive(|message| message["method"] == method).await;
        raw.close().await;
        let received = live.finish();
        let modern = json!({ "mcp.protocol.version": MODERN });
        let all = expected([(labels("subscriptions/listen", modern), 1)]);
        assert_eq!(points(&received, DURATION), all, "{wrapper:?}");
    }
}
