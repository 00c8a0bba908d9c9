//! What is no plain search: slow ones, lists, pings, and what does not exist.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;
use std::time::Duration;

use mcp_telemetry_tests::client::{call, connect, failed, search, slow_search};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::raw::{RawSession, answer};
use mcp_telemetry_tests::trace::SEARCH_OPS;
use rmcp::model::{ClientRequest, ErrorCode, PingRequest};
use rmcp::service::ServiceError;
use serde_json::json;
use telemetry_testkit::{Received, SpanStatus};

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(1.0).unwrap());

#[test]
fn a_slow_search_takes_its_time_at_every_level() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "slow").await?;
        client.call_tool(search(&slow_search("slow", 300))).await?;
        client.cancel().await?;
        let trace = harness.trace_of_search("slow", SEARCH_OPS.len()).await?;
        for span in trace.spans(&SEARCH_OPS)? {
            for duration in span.durations() {
                assert!(
                    duration >= Duration::from_millis(300),
                    "{}: {duration:?}",
                    span.otlp.name
                );
            }
        }
        let millis = trace
            .span("splunk.api")?
            .attribute("splunk.duration")?
            .cloned();
        assert!(
            millis
                .and_then(|it| it.as_f64())
                .is_some_and(|it| it >= 300.0)
        );
        Ok(())
    });
}

#[test]
fn listing_tools_counts_them() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "lister").await?;
        let tools = client.list_tools(None).await?.tools;
        client.cancel().await?;
        let trace = harness.trace_of_request("lister", "tools/list", 2).await?;
        trace.spans(&["http.server", "mcp.server"])?;
        let span = trace.span("mcp.server")?;
        assert_eq!(span.otlp.name, "tools/list");
        assert_eq!(
            span.attribute("mcp.result.count")?,
            Some(&json!(tools.len()))
        );
        assert_eq!(span.attribute("mcp.tool.name")?, None);
        assert!(!span.failed()?);
        Ok(())
    });
}

#[test]
fn an_unknown_tool_is_the_callers_fault_and_names_no_span() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "unknown").await?;
        let result = client
            .call_tool(call("no_such_tool", &json!({ "a": 1 })))
            .await;
        let Err(ServiceError::McpError(error)) = result else {
            panic!("expected an error: {result:?}");
        };
        assert_eq!(error.code, ErrorCode(-32_602));
        client.cancel().await?;
        let trace = harness.trace_of_request("unknown", "tools/call", 3).await?;
        let ops = ["http.server", "mcp.server", "mcp.tool"];
        for span in trace.spans(&ops)? {
            let name = &span.otlp.name;
            assert_eq!(span.text("mcp.tool.name")?, "no_such_tool", "{name}");
            assert_eq!(span.attribute("error.type")?, None, "{name}");
            assert_eq!(span.otlp.status, SpanStatus::Unset, "{name}");
            assert!(!span.failed()?, "{name}");
            assert!(!name.contains("no_such_tool"), "{name}");
        }
        let server = trace.span("mcp.server")?;
        assert_eq!(server.otlp.name, "tools/call _OTHER");
        assert_eq!(server.text("rpc.response.status_code")?, "-32602");
        assert_eq!(server.text("mcp.tool.status")?, "error");
        assert_eq!(trace.span("mcp.tool")?.otlp.name, "mcp.tool._OTHER");
        assert!(trace.received.events_of(&trace.id).is_empty());
        Ok(())
    });
}

#[test]
fn arguments_that_do_not_fit_are_an_error_of_the_tool() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "misfit").await?;
        let result = client
            .call_tool(call("run_oneshot_search", &json!({ "query": 7 })))
            .await?;
        assert!(failed(&result), "{result:?}");
        client.cancel().await?;
        let trace = harness.trace_of_request("misfit", "tools/call", 3).await?;
        trace.spans(&["http.server", "mcp.server", "mcp.tool"])?;
        for (op, name) in [
            ("mcp.server", "tools/call run_oneshot_search"),
            ("mcp.tool", "mcp.tool.run_oneshot_search"),
        ] {
            let span = trace.span(op)?;
            assert_eq!(span.otlp.name, name);
            assert_eq!(span.text("mcp.tool.status")?, "error");
            assert_eq!(span.text("error.type")?, "tool_error");
            assert!(span.failed()?);
        }
        Ok(())
    });
}

#[test]
fn a_ping_is_a_request_like_others() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "pinger").await?;
        client
            .send_request(ClientRequest::PingRequest(PingRequest::default()))
            .await?;
        client.cancel().await?;
        let trace = harness.trace_of_request("pinger", "ping", 2).await?;
        for span in trace.spans(&["http.server", "mcp.server"])? {
            assert_eq!(span.text("mcp.method.name")?, "ping");
            assert_eq!(span.text("mcp.transport")?, "http");
            assert!(!span.text("mcp.session.id")?.is_empty());
            assert!(!span.failed()?);
        }
        assert_eq!(trace.span("mcp.server")?.otlp.name, "ping");
        Ok(())
    });
}

#[test]
fn a_method_that_is_none_names_no_span() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "inventor").await?;
        let response = session
            .request(1, "invented/method", &json!({}))
            .send()
            .await?;
        let answer = answer(response).await?;
        assert_eq!(answer["error"]["code"], -32_601, "{answer}");
        let trace = harness.trace_of_request("inventor", "_OTHER", 2).await?;
        let server = trace.spans(&["http.server", "mcp.server"])?[1];
        assert_eq!(server.otlp.name, "_OTHER");
        assert_eq!(server.text("rpc.response.status_code")?, "-32601");
        assert!(!server.failed()?);
        Ok(())
    });
}

#[test]
fn the_end_of_a_session_is_traced() {
    HARNESS.test(async |harness| {
        let id = "baf92f3577b34da6a3ce929d0e0e4736";
        let session = RawSession::start(harness, "leaver").await?;
        let request = reqwest::Client::new()
            .delete(harness.mcp_url())
            .header("mcp-session-id", &session.id)
            .header("traceparent", format!("00-{id}-00f067aa0ba902b7-01"));
        let status = request.send().await?.status();
        assert!(status.is_success(), "{status}");
        let trace = harness.trace(id, 1).await?;
        let span = trace.spans(&["http.server"])?[0];
        assert_eq!(span.otlp.name, "DELETE /mcp");
        assert_eq!(span.text("mcp.session.id")?, session.id);
        Ok(())
    });
}

#[test]
fn an_open_event_stream_does_not_hold_back_its_span() {
    HARNESS.test(async |harness| {
        let id = "baf92f3577b34da6a3ce929d0e0e4737";
        let session = RawSession::start(harness, "listener").await?;
        let request = reqwest::Client::new()
            .get(harness.mcp_url())
            .header("accept", "text/event-stream")
            .header("mcp-session-id", &session.id)
            .header("traceparent", format!("00-{id}-00f067aa0ba902b7-01"));
        let stream = request.send().await?;
        assert_eq!(stream.status(), 200);
        let trace = harness.trace(id, 1).await?;
        let span = trace.spans(&["http.server"])?[0];
        assert_eq!(span.otlp.name, "GET /mcp");
        assert_eq!(span.text("mcp.session.id")?, session.id);
        assert!(!span.failed()?);
        // It is still open here.
        drop(stream);
        Ok(())
    });
}

#[test]
fn a_batch_is_refused_and_seen_on_its_http_request() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "batch").await?;
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let request = session.message(&json!([ping, ping]));
        let response = request.header("x-request-id", "a-batch").send().await?;
        // rmcp's status for a body that is not one message.
        assert_eq!(response.status(), 415);
        let why = response.text().await?;
        assert!(why.contains("request body"), "{why}");
        http_request_is(harness, "a-batch", 415, None).await
    });
}

#[test]
fn an_expired_session_is_seen_on_its_http_request() {
    HARNESS.test(async |harness| {
        let mut session = RawSession::start(harness, "expired").await?;
        session.id = "no-such-session".to_owned();
        let request = session.request(1, "ping", &json!({}));
        let response = request.header("x-request-id", "expired").send().await?;
        assert_eq!(response.status(), 404);
        http_request_is(harness, "expired", 404, Some("not_found")).await
    });
}

/// Holds the one span of a request that is refused before there is a message.
async fn http_request_is(
    harness: &Harness,
    id: &str,
    status: u16,
    session: Option<&str>,
) -> anyhow::Result<()> {
    let find = |received: &Received| {
        let spans = received.otlp_spans();
        let key = "http.request.header.x-request-id";
        let span = spans
            .into_iter()
            .find(|span| span.attribute(key) == Some(&json!([id])));
        span.map(|span| span.trace_id.clone())
    };
    let trace = harness.wait_for(id, find).await?;
    let trace = harness.trace(&trace, 1).await?;
    let [span] = trace.spans(&["http.server"])?[..] else {
        panic!("one span")
    };
    assert_eq!(span.otlp.status, SpanStatus::Unset);
    assert_eq!(
        span.attribute("http.response.status_code")?,
        Some(&json!(status))
    );
    let found = span.attribute("mcp.session.status")?;
    assert_eq!(found, session.map(|it| json!(it)).as_ref());
    assert_eq!(span.attribute("mcp.request.id")?, None);
    Ok(())
}
