//! `TracedHandler` between the real rmcp client and a server: what each request's spans say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod methods;
mod outcomes;
mod parents;
mod surface;

use serde_json::{Value as Json, json};

pub(crate) const PII: (&str, &str) = ("SENTRY_SEND_PII", "true");
pub(crate) const NO_PII: (&str, &str) = ("SENTRY_SEND_PII", "false");

const ORIGIN: &str = "auto.mcp.mcp_telemetry";

/// What every server span of a request over stdio carries, and `more`.
pub(crate) fn server_span(method: &str, id: &str, more: Json) -> Json {
    with(
        json!({
            "sentry.op": "mcp.server",
            "sentry.origin": ORIGIN,
            "sentry.source": "route",
            "mcp.method.name": method,
            "mcp.request.id": id,
            "jsonrpc.request.id": id,
            "mcp.protocol.version": "2025-11-25",
            "mcp.transport": "stdio",
            "network.transport": "pipe",
            "mcp.client.name": "inspector",
            "mcp.client.version": "0.9",
            "mcp.client.title": "Inspector",
            "mcp.server.name": "splunk",
            "mcp.server.version": "2.1.0",
            "mcp.server.title": "Splunk over MCP",
            "sampling.rule": "mcp",
            "sampling.rate": 1.0,
        }),
        more,
    )
}

/// What every execution span of a request over stdio carries, and `more`.
pub(crate) fn execution_span(op: &str, method: &str, id: &str, more: Json) -> Json {
    with(
        json!({
            "sentry.op": op,
            "sentry.origin": ORIGIN,
            "mcp.method.name": method,
            "mcp.request.id": id,
            "mcp.transport": "stdio",
            "network.transport": "pipe",
        }),
        more,
    )
}

fn with(mut attributes: Json, more: Json) -> Json {
    let Json::Object(more) = more else {
        panic!("attributes are an object");
    };
    attributes.as_object_mut().unwrap().extend(more);
    attributes
}
