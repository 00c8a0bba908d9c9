//! What the Python server that this one follows gets wrong, seen on what it sends: each has a
//! test here that fails with it. (What tracing costs is `just bench --check`.)

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::sync::LazyLock;

use mcp_telemetry_tests::client::{bad_search, call, connect, failed, good_search, search};
use mcp_telemetry_tests::everything;
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::raw::{RawSession, answer};
use mcp_telemetry_tests::trace::SEARCH_OPS;
use serde_json::json;
use telemetry_testkit::Received;

/// A server whose wrapper and HTTP layer are made before telemetry is.
static EARLY: LazyLock<everything::Service> = LazyLock::new(|| everything::service(true));

static HARNESS: LazyLock<Harness> = LazyLock::new(|| {
    LazyLock::force(&EARLY);
    Harness::start(1.0).unwrap()
});

/// There: every transaction is named `starlette.middleware.exceptions.ExceptionMiddleware`.
#[test]
fn transactions_are_named_by_their_route() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "named").await?;
        client.call_tool(search(&good_search("named"))).await?;
        client.cancel().await?;
        let trace = harness.trace_of_search("named", SEARCH_OPS.len()).await?;
        let transactions = trace.received.transactions_of(&trace.id);
        let names: Vec<&str> = transactions.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["POST /mcp"]);
        let info = transactions[0].raw.pointer("/transaction_info/source");
        assert_eq!(info, Some(&json!("route")));
        Ok(())
    });
}

/// There: middlewares and decorators look at a flag that is set after them, and never run.
#[test]
fn what_is_wrapped_before_telemetry_starts_is_traced() {
    HARNESS.test(async |harness| {
        let address: SocketAddr = EARLY.clone().serve().await?;
        let http = reqwest::Client::new();
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "echo",
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": { "name": "early", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        let request = http
            .post(format!("http://{address}/mcp"))
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "echo")
            .body(body.to_string());
        let answer = answer(request.send().await?).await?;
        assert_eq!(answer["result"]["content"][0]["text"], "hello");
        let trace = harness.trace_of_request("early", "tools/call", 3).await?;
        trace.spans(&["http.server", "mcp.server", "mcp.tool"])?;
        Ok(())
    });
}

/// There: tool and Splunk spans are missing; below `mcp.server` there is only `http.client`.
#[test]
fn tool_and_splunk_have_spans_of_their_own() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "nested").await?;
        client.call_tool(search(&good_search("nested"))).await?;
        client.cancel().await?;
        let trace = harness.trace_of_search("nested", SEARCH_OPS.len()).await?;
        let spans = trace.spans(&SEARCH_OPS)?;
        for pair in spans.windows(2) {
            assert_eq!(pair[1].parent()?, Some(pair[0].id()));
        }
        Ok(())
    });
}

/// There: tool calls that fail show status ok.
#[test]
fn failed_tool_calls_are_errors() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "failing").await?;
        let result = client.call_tool(search(&bad_search("failing"))).await?;
        assert!(failed(&result));
        client.cancel().await?;
        let trace = harness.trace_of_search("failing", SEARCH_OPS.len()).await?;
        for op in ["mcp.server", "mcp.tool", "splunk.api"] {
            let span = trace.span(op)?;
            assert!(span.failed()?, "{op}");
            assert_eq!(
                span.sentry.status.as_deref(),
                Some("internal_error"),
                "{op}"
            );
        }
        assert_eq!(trace.span("mcp.tool")?.text("mcp.tool.status")?, "error");
        Ok(())
    });
}

/// There: none of 196 transactions continues the trace of its client.
#[test]
fn the_clients_trace_is_continued() {
    const TRACE: &str = "7c4b1a3f9d2e4c5b8a6f0e1d2c3b4a59";
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "continued").await?;
        let parent = format!("00-{TRACE}-b7ad6b7169203331-03");
        let request = session.search(1, &good_search("continued"));
        let response = request.header("traceparent", parent).send().await?;
        answer(response).await?;
        let trace = harness.trace(TRACE, SEARCH_OPS.len()).await?;
        let root = trace.span("http.server")?;
        assert_eq!(root.parent()?, Some("b7ad6b7169203331"));
        Ok(())
    });
}

/// There: `password=hunter2` in a query reaches spans and logs.
#[test]
fn a_password_in_a_query_leaves_by_no_way() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "secret").await?;
        let spl = good_search("secret").replace("| stats", "password=hunter2 | stats");
        client.call_tool(search(&spl)).await?;
        client.cancel().await?;
        let trace = harness.trace_of_search("secret", SEARCH_OPS.len()).await?;
        let look = |received: &Received| {
            let arrived = !received.logs_of(&trace.id).is_empty()
                && !received.otlp_logs_of(&trace.id).is_empty();
            arrived.then(|| received.clone())
        };
        let received = harness.wait_for("its logs", look).await?;
        for request in received.requests() {
            let body = String::from_utf8_lossy(&request.body);
            assert!(!body.contains("hunter2"), "{}", request.summary());
        }
        Ok(())
    });
}

/// There: the `X-Request-ID` of the HTTP request is taken for the JSON-RPC id, which Sentry
/// copies to `jsonrpc.request.id`.
#[test]
fn the_http_request_id_is_not_the_json_rpc_id() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "ids").await?;
        let request = session.search(41, &good_search("ids"));
        let response = request
            .header("x-request-id", "of-the-proxy")
            .send()
            .await?;
        answer(response).await?;
        let trace = harness.trace_of_search("ids", SEARCH_OPS.len()).await?;
        for span in trace.spans(&SEARCH_OPS)? {
            assert_eq!(span.text("mcp.request.id")?, "41", "{}", span.otlp.name);
        }
        let http = trace.span("http.server")?;
        let id = http.otlp.attribute("http.request.header.x-request-id");
        assert_eq!(id, Some(&json!(["of-the-proxy"])));
        Ok(())
    });
}

/// There: whatever the caller does wrong (4xx, an unknown tool) counts as the server's failure.
#[test]
fn a_callers_fault_is_no_failure() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "fault").await?;
        let refused = client.call_tool(call("no_such_tool", &json!({}))).await;
        assert!(refused.is_err());
        client.cancel().await?;
        let trace = harness.trace_of_request("fault", "tools/call", 3).await?;
        for span in trace.spans(&["http.server", "mcp.server", "mcp.tool"])? {
            assert!(!span.failed()?, "{}", span.otlp.name);
        }
        let events = trace.received.events_of(&trace.id);
        assert!(events.is_empty(), "{events:?}");
        Ok(())
    });
}
