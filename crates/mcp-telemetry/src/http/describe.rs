//! What a request says about itself.

use http::request::Parts;
use http::{Method, header};
use opentelemetry::{Array, StringValue, Value};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::headers::{
    content_length, has_sessions, protocol_version, request_id, session_id, text, version,
};
use super::peer::PeerAddress;
use crate::attributes as names;
use crate::settings::send_pii;

/// The longest method that is recorded, in characters. Not shorter: of a token that is cut off
/// the sanitizer may not know the rest.
const METHOD_LIMIT: usize = 256;

/// Sets what the head of a request says.
pub(super) fn describe(span: &Span, head: &Parts, is_mcp: bool) {
    let headers = &head.headers;
    if let Some(version) = version(head.version) {
        span.set_attribute(names::NETWORK_PROTOCOL_VERSION, version);
    }
    if let Some(query) = head.uri.query() {
        span.set_attribute(names::URL_QUERY, query.to_owned());
    }
    if let Some((host, port)) = host(head) {
        span.set_attribute(names::SERVER_ADDRESS, host.to_owned());
        if let Some(port) = port {
            span.set_attribute(names::SERVER_PORT, i64::from(port));
        }
    }
    if let Some(size) = content_length(headers) {
        span.set_attribute(names::HTTP_REQUEST_BODY_SIZE, size);
    }
    let id = request_id(headers).map_or_else(new_request_id, str::to_owned);
    let id = Value::Array(Array::String(vec![StringValue::from(id)]));
    span.set_attribute(names::HTTP_REQUEST_ID_HEADER, id);
    if let Some(peer) = head.extensions.get::<PeerAddress>() {
        span.set_attribute(names::CLIENT_ADDRESS, peer.ip());
        span.set_attribute(names::CLIENT_PORT, peer.port());
        span.set_attribute(names::NETWORK_PEER_ADDRESS, peer.ip());
        span.set_attribute(names::NETWORK_PEER_PORT, peer.port());
    }
    if let Some(agent) = text(headers, header::USER_AGENT.as_str()).filter(|_| send_pii()) {
        span.set_attribute(names::USER_AGENT_ORIGINAL, agent.to_owned());
    }
    if is_mcp {
        span.set_attribute(names::MCP_TRANSPORT, "http");
        if let Some(session) = session_id(headers).filter(|_| has_sessions(headers)) {
            span.set_attribute(names::MCP_SESSION_ID, session.to_owned());
        }
        if let Some(version) = protocol_version(headers) {
            span.set_attribute(names::MCP_PROTOCOL_VERSION, version.to_owned());
        }
    }
}

/// An id for a request that has none: 32 random hex digits.
fn new_request_id() -> String {
    RandomIdGenerator::default().new_trace_id().to_string()
}

/// The host and port that the client asked for.
fn host(head: &Parts) -> Option<(&str, Option<u16>)> {
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let authority = authority.or_else(|| text(&head.headers, header::HOST.as_str()))?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host, port.parse().ok())),
        _ => Some((authority, None)),
    }
}

/// The method, `_OTHER` for one that is not standard, and then how it was written.
pub(super) fn method(method: &Method) -> (&'static str, Option<String>) {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    match KNOWN.into_iter().find(|known| *known == method.as_str()) {
        Some(known) => (known, None),
        None => (
            "_OTHER",
            Some(method.as_str().chars().take(METHOD_LIMIT).collect()),
        ),
    }
}

/// The method as it stands in a span's name. OTel's HTTP convention: one that is not known is
/// `HTTP` there.
pub(super) fn verb(method: &'static str) -> &'static str {
    match method {
        "_OTHER" => "HTTP",
        known => known,
    }
}
