//! What a client and a server send each other through `traced()`: spans, trace context on the
//! wire, endings and metrics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    deprecated,
    reason = "a failed set-up fails the test; what rmcp deprecates must be traced too"
)]

mod cache;
#[path = "../common/mod.rs"]
mod common;
mod endings;
mod host;
mod metrics;
mod notifications;
mod propagation;
mod received;
mod requests;
mod rounds;
mod server_side;
mod sessions;
mod surface;
mod table;
mod wire;

use std::sync::Arc;

use common::Spans;
use mcp_telemetry::opentelemetry::trace::SpanKind;
use mcp_telemetry::opentelemetry_sdk::trace::SpanData;

pub(crate) const PII: (&str, &str) = ("SENTRY_SEND_PII", "true");
pub(crate) const NO_PII: (&str, &str) = ("SENTRY_SEND_PII", "false");

/// The only span of this op, name and kind.
#[track_caller]
fn one(spans: &Spans, op: &str, name: &str, kind: SpanKind) -> Arc<SpanData> {
    let found: Vec<_> = spans
        .all(name)
        .filter(|span| common::op(span) == op && span.span_kind == kind)
        .collect();
    match found.as_slice() {
        [one] => Arc::clone(one),
        found => panic!("{} spans `{name}` of {op} in {spans:?}", found.len()),
    }
}

/// The only span of a message that was sent, with this op and name.
#[track_caller]
pub(crate) fn sent(spans: &Spans, op: &str, name: &str) -> Arc<SpanData> {
    one(spans, op, name, SpanKind::Client)
}

/// The only span of a request that was sent.
#[track_caller]
pub(crate) fn request(spans: &Spans, name: &str) -> Arc<SpanData> {
    sent(spans, "mcp.client", name)
}

/// The only span of a notification that was received by a client.
#[track_caller]
pub(crate) fn told(spans: &Spans, name: &str) -> Arc<SpanData> {
    let op = "mcp.notification.server_to_client";
    one(spans, op, name, SpanKind::Server)
}

/// The only span of a request that was served.
#[track_caller]
pub(crate) fn served(spans: &Spans, name: &str) -> Arc<SpanData> {
    one(spans, "mcp.server", name, SpanKind::Server)
}
