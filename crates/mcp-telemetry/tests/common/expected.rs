//! What spans of MCP messages over stdio carry.

use serde_json::{Value as Json, json};

pub(crate) const PII: (&str, &str) = ("SENTRY_SEND_PII", "true");
pub(crate) const NO_PII: (&str, &str) = ("SENTRY_SEND_PII", "false");

const ORIGIN: &str = "auto.mcp.mcp_telemetry";

/// What every server span of a request carries, and `more`.
pub(crate) fn server_span(method: &str, id: &str, more: Json) -> Json {
    let own = json!({
        "sentry.op": "mcp.server",
        "mcp.request.id": id,
        "jsonrpc.request.id": id,
    });
    with(with(message(method), own), more)
}

/// As [`server_span`], of a request that was answered by a complete result.
pub(crate) fn answered(method: &str, id: &str, more: Json) -> Json {
    let result = json!({ "mcp.status": "success", "mcp.result.type": "complete" });
    server_span(method, id, with(result, more))
}

/// What every span of a notification carries, and `more`.
pub(crate) fn notification_span(method: &str, more: Json) -> Json {
    let own = json!({ "sentry.op": "mcp.notification.client_to_server" });
    with(with(message(method), own), more)
}

/// What every execution span of a request carries, and `more`.
pub(crate) fn execution_span(op: &str, method: &str, id: &str, more: Json) -> Json {
    let own = json!({
        "sentry.op": op,
        "sentry.origin": ORIGIN,
        "mcp.method.name": method,
        "mcp.request.id": id,
        "jsonrpc.request.id": id,
        "mcp.transport": "stdio",
        "network.transport": "pipe",
    });
    with(own, more)
}

/// As the client of `raw` and `server` says it, at the newest version with `initialize`.
fn message(method: &str) -> Json {
    json!({
        "sentry.origin": ORIGIN,
        "sentry.source": "route",
        "mcp.method.name": method,
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
    })
}

/// `attributes` with `more`, which replaces; null takes away.
pub(crate) fn with(mut attributes: Json, more: Json) -> Json {
    let Json::Object(more) = more else {
        panic!("attributes are an object");
    };
    let all = attributes.as_object_mut().unwrap();
    all.extend(more);
    all.retain(|_, value| !value.is_null());
    attributes
}
