//! The sink from outside: what clients send, what it answers, what it says it has got.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod binary;
mod envelopes;
mod faults;
mod lookups;
mod malformed;
mod otlp;
mod sdk;
mod sinks;
mod waiting;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use telemetry_testkit::Sink;

/// Long enough for a loaded machine; reached only when something is broken.
const LONG: Duration = Duration::from_secs(20);

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const ROOT: &str = "b7ad6b7169203331";
const CHILD: &str = "00f067aa0ba902b7";

/// One client for all tests. It keeps no connections: they would belong to one test's runtime.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // Only plain HTTP here, but the client wants a provider all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap()
    })
}

async fn post(
    sink: &Sink,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> reqwest::Response {
    let mut request = client()
        .post(format!("{}{path}", sink.url()))
        .body(body.into());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn post_envelope(sink: &Sink, body: impl Into<Vec<u8>>) -> u16 {
    let response = post(sink, "/api/1/envelope/", &[], body).await;
    response.status().as_u16()
}

/// One blocking exchange without an HTTP library: everything the server sends until it closes.
fn raw(sink: &Sink, body: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(sink.address())?;
    stream.set_read_timeout(Some(LONG))?;
    write!(
        stream,
        "POST /api/1/envelope/ HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// An envelope with one item.
fn envelope(header: &Value, item: &Value, payload: &Value) -> String {
    let payload = payload.to_string();
    let mut item = item.clone();
    item["length"] = json!(payload.len());
    format!("{header}\n{item}\n{payload}\n")
}

fn transaction(event_id: u32) -> Value {
    json!({
        "type": "transaction",
        "event_id": format!("{event_id:032x}"),
        "transaction": "POST /mcp",
        "transaction_info": {"source": "route"},
        "start_timestamp": 1000.25,
        "timestamp": "1970-01-01T00:16:42.500Z",
        "release": "demo@1.0.0",
        "environment": "test",
        "platform": "native",
        "tags": {"region": "north"},
        "contexts": {
            "trace": {
                "trace_id": TRACE,
                "span_id": ROOT,
                "parent_span_id": "00000000000000ab",
                "op": "mcp.server",
                "status": "ok",
                "origin": "auto.mcp.demo",
                "data": {"mcp.method.name": "tools/call", "mcp.tool.result.is_error": false},
                "links": [{"trace_id": TRACE, "span_id": CHILD, "sampled": true,
                           "attributes": {"sentry.link.type": "previous_trace"}}],
            },
            "otel": {"resource": {"service.name": "demo"}},
        },
        "spans": [{
            "span_id": CHILD,
            "parent_span_id": ROOT,
            "trace_id": TRACE,
            "op": "mcp.tool",
            "description": "mcp.tool.search",
            "status": "internal_error",
            "origin": "auto.mcp.demo",
            "start_timestamp": 1000.5,
            "timestamp": 1001.5,
            "data": {"mcp.tool.name": "search"},
            "tags": {"a": "b"},
            "links": [],
        }],
    })
}

fn transaction_envelope(event_id: u32) -> String {
    envelope(
        &json!({
            "event_id": format!("{event_id:032x}"),
            "sent_at": "2026-01-01T00:00:00Z",
            "trace": {"trace_id": TRACE, "sample_rate": "0.5", "sampled": "true"},
        }),
        &json!({"type": "transaction"}),
        &transaction(event_id),
    )
}

fn event(event_id: u32) -> Value {
    json!({
        "event_id": format!("{event_id:032x}"),
        "level": "error",
        "timestamp": 1001.0,
        "logentry": {"message": "search %s failed", "formatted": "search 7 failed"},
        "exception": {"values": [
            {"type": "IoError", "value": "broken pipe", "module": "std::io"},
            {"type": "SearchError", "value": "no answer",
             "mechanism": {"type": "auto.ai.mcp_server", "handled": false,
                           "data": {"error_type": "tool_execution"}}},
        ]},
        "breadcrumbs": {"values": [
            {"timestamp": 1000.0, "category": "splunk", "level": "info", "message": "login",
             "type": "default", "data": {"n": 1}},
        ]},
        "tags": [["mcp.tool.name", "search"]],
        "contexts": {"trace": {"trace_id": TRACE, "span_id": CHILD, "parent_span_id": ROOT}},
        "release": "demo@1.0.0",
    })
}

fn event_envelope(event_id: u32) -> String {
    envelope(&json!({}), &json!({"type": "event"}), &event(event_id))
}

fn log_envelope(logs: &[Value]) -> String {
    envelope(
        &json!({}),
        &json!({
            "type": "log",
            "item_count": logs.len(),
            "content_type": "application/vnd.sentry.items.log+json",
        }),
        &json!({"items": logs}),
    )
}

fn log(body: &str) -> Value {
    json!({
        "timestamp": 1000.75,
        "trace_id": TRACE,
        "level": "warn",
        "body": body,
        "severity_number": 13,
        "attributes": {
            "mcp.tool.name": {"value": "search", "type": "string"},
            "splunk.result_count": {"value": 3, "type": "integer"},
            "sentry.trace.parent_span_id": {"value": CHILD, "type": "string"},
        },
    })
}
