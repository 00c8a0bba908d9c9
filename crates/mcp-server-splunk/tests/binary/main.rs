//! The program, as an operator starts it: what it says where, what it sends, how it ends.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod ends;
mod http;
mod program;
mod says;
mod settings;
mod spool;
mod stdio;

use telemetry_testkit::{OtlpSpan, SentrySpan, Sink, Transaction};

use crate::program::DEADLINE;

/// A search that finds three rows.
const GOOD: &str = "index=main status>=500 | stats count by host";
/// A search that Splunk refuses.
const BAD: &str = "index=main | frobnicate";

/// Settings that are wrong, each in its own way.
const WRONG: [(&str, &str); 8] = [
    ("SENTRY_DSN", "https://hunter2"),
    ("SENTRY_TRACES_SAMPLE_RATE", "2"),
    ("SENTRY_SEND_PII", "perhaps"),
    ("SENTRY_ENVIRONMENT", "a/b"),
    ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", "soon"),
    ("MCP_TELEMETRY_MCP_PARENT", "both"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "lz4"),
    ("OTEL_PROPAGATORS", "tracecontext,morse"),
];

/// The transaction and the OTLP spans of the tool call with the request id 1.
fn first_call(sink: &Sink) -> (Transaction, Vec<OtlpSpan>) {
    let is_it = |span: &SentrySpan| {
        span.op.as_deref() == Some("mcp.tool") && span.data_str("mcp.request.id") == Some("1")
    };
    let found = sink.wait_for(DEADLINE, |received| {
        let mut transactions = received.transactions().into_iter();
        let call = transactions.find(|it| it.all_spans().any(is_it))?;
        let spans = received.otlp_spans_of(&call.trace_id);
        let complete = spans.len() == call.all_spans().count();
        complete.then(|| (call.clone(), spans.into_iter().cloned().collect()))
    });
    found.unwrap()
}
