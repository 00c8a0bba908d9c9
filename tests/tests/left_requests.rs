//! Requests that nobody waits for any more: taken back, or left.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::future::Future;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcp_telemetry_tests::client::{connect, search, slow_search};
use mcp_telemetry_tests::harness::{Harness, PATIENCE};
use mcp_telemetry_tests::raw::RawSession;
use mcp_telemetry_tests::trace::{SEARCH_OPS, Trace};
use rmcp::model::{CallToolRequest, ClientRequest};
use rmcp::service::PeerRequestOptions;
use serde_json::json;
use telemetry_testkit::SpanStatus;
use tokio::sync::Mutex;

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(1.0).unwrap());

/// Held while a search starts, so that the request that Splunk sees is its own.
static STARTING: Mutex<()> = Mutex::const_new(());

/// Starts a search and returns when Splunk has been asked, while the search still runs.
async fn started<T>(
    harness: &Harness,
    start: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let _guard = STARTING.lock().await;
    let searches = || {
        let requests = harness.splunk.requests();
        let searches = requests
            .iter()
            .filter(|it| it.path.ends_with("/search/jobs"));
        searches.count()
    };
    let before = searches();
    let begun = start.await?;
    let asked = async {
        while searches() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await?;
    Ok(begun)
}

/// Asserts that a request that nobody waited for is told as such, and as no error.
fn assert_cancelled(trace: &Trace) -> anyhow::Result<()> {
    for op in ["mcp.server", "mcp.tool"] {
        let span = trace.span(op)?;
        assert_eq!(span.text("mcp.request.outcome")?, "cancelled", "{op}");
        assert_eq!(span.text("mcp.tool.status")?, "cancelled", "{op}");
        assert_eq!(span.attribute("error.type")?, None, "{op}");
        assert_eq!(span.otlp.status, SpanStatus::Unset, "{op}");
        assert_eq!(span.sentry.status.as_deref(), Some("cancelled"), "{op}");
    }
    assert!(
        trace.received.events_of(&trace.id).is_empty(),
        "no error event"
    );
    Ok(())
}

#[test]
fn a_request_that_the_client_takes_back_is_cancelled() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "taker-back").await?;
        let request = CallToolRequest::new(search(&slow_search("taken-back", 400)));
        let request = ClientRequest::CallToolRequest(request);
        let send = async {
            let options = PeerRequestOptions::no_options();
            Ok(client.send_cancellable_request(request, options).await?)
        };
        let handle = started(harness, send).await?;
        handle.cancel(Some("changed my mind".to_owned())).await?;
        let trace = harness
            .trace_of_search("taken-back", SEARCH_OPS.len())
            .await?;
        trace.spans(&SEARCH_OPS)?;
        assert_cancelled(&trace)?;
        client.cancel().await?;
        Ok(())
    });
}

#[test]
fn a_client_that_leaves_its_request_leaves_a_complete_trace() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "gone").await?;
        let send = async { Ok(session.search(1, &slow_search("gone", 400)).send().await?) };
        let response = started(harness, send).await?;
        let left = SystemTime::now().duration_since(UNIX_EPOCH)?;
        // The stream of the answer may be resumed: the work goes on.
        drop(response);
        let trace = harness.trace_of_search("gone", SEARCH_OPS.len()).await?;
        let spans = trace.spans(&SEARCH_OPS)?;
        for pair in spans.windows(2) {
            assert_eq!(
                pair[1].parent()?,
                Some(pair[0].id()),
                "{}",
                pair[1].otlp.name
            );
        }
        for span in spans {
            assert!(!span.failed()?, "{}", span.otlp.name);
        }
        let end = Duration::from_nanos(trace.span("http.server")?.otlp.end_nanos);
        assert!(
            end >= left,
            "HTTP ended {:?} before the client left",
            left - end
        );
        let end = Duration::from_nanos(trace.span("mcp.server")?.otlp.end_nanos);
        assert!(end >= left, "the work went on");
        Ok(())
    });
}

#[test]
fn a_client_without_a_session_that_leaves_has_cancelled() {
    HARNESS.test(async |harness| {
        // Protocol 2026-07-28: no session, so nothing can be resumed.
        let message = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "run_oneshot_search",
                "arguments": { "query": slow_search("left", 400) },
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/clientInfo": { "name": "left", "version": "1" },
                },
            },
        });
        let request = reqwest::Client::new()
            .post(harness.mcp_url())
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "run_oneshot_search")
            .body(message.to_string());
        let sent = started(harness, async { Ok(tokio::spawn(request.send())) }).await?;
        sent.abort();
        drop(sent.await);
        let trace = harness.trace_of_search("left", SEARCH_OPS.len()).await?;
        trace.spans(&SEARCH_OPS)?;
        assert_cancelled(&trace)?;
        let server = trace.span("mcp.server")?;
        assert_eq!(
            server.attribute("mcp.session.id")?,
            None,
            "this version has none"
        );
        assert_eq!(server.text("mcp.protocol.version")?, "2026-07-28");
        Ok(())
    });
}
