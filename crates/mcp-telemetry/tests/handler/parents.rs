//! Whose children the spans of requests are, and what the transport adds to them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use mcp_telemetry::http::{HttpLayer, TracedBody};
use mcp_telemetry::opentelemetry::trace::{SpanId, TraceId};
use mcp_telemetry::{TracedHandler, TracedService};
use rmcp::model::Extensions;
use rmcp::{RoleServer, Service};
use serde_json::{Value as Json, json};
use tower::{Layer as _, ServiceExt as _};
use tracing::Instrument as _;

use crate::common::expected::NO_PII;
use crate::common::server::{Connection, Server, WithExtension};
use crate::common::{Rig, assert_child, assert_has, assert_root};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A call with a trace context in `_meta`.
fn traced(tool: &str) -> Json {
    json!({ "name": tool, "_meta": { "traceparent": format!("00-{TRACE}-{PARENT}-01") } })
}

/// A server that gets requests as over HTTP: with the head of a POST in their context.
fn behind_http(parts: Parts) -> impl Service<RoleServer> {
    WithExtension {
        inner: TracedHandler::new(Server::default()),
        extend: move |extensions: &mut Extensions| {
            extensions.insert(parts.clone());
        },
    }
}

/// Sends a POST through the layer; gives the head behind it, and the response.
async fn through_layer(request: http::Request<String>) -> (Parts, TracedBody<String>) {
    let head = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&head);
    let inner = tower::service_fn(move |request: http::Request<String>| {
        *keep.lock().unwrap() = Some(request.into_parts().0);
        let response = http::Response::new(String::new());
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let response = HttpLayer::new()
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap();
    let parts = head.lock().unwrap().take().unwrap();
    (parts, response.into_body())
}

#[tokio::test]
async fn the_context_in_meta_is_the_parent() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    connection.send("tools/call", traced("echo")).await.unwrap();
    // What is no context is none.
    let params = json!({ "name": "fails", "_meta": { "traceparent": 7, "tracestate": "?" } });
    connection.send("tools/call", params).await.unwrap();

    let spans = rig.spans();
    let server = spans.one("tools/call echo");
    assert_eq!(
        server.span_context.trace_id(),
        TraceId::from_hex(TRACE).unwrap()
    );
    assert_eq!(server.parent_span_id, SpanId::from_hex(PARENT).unwrap());
    assert!(server.parent_span_is_remote);
    assert_eq!(server.links.links.len(), 0);
    assert_child(&spans.one("mcp.tool.echo"), &server);
    assert_root(&spans.one("tools/call fails"));
}

#[tokio::test]
async fn requests_do_not_hang_below_the_span_of_the_session() {
    let rig = Rig::new(&[NO_PII]);
    // rmcp runs all handlers in the span that was current when the session began.
    let session = tracing::info_span!("session");
    let connect = Connection::legacy(TracedHandler::new(Server::default()));
    let connection = connect.instrument(session).await;
    for _ in 0..2 {
        connection.call("echo").await.unwrap();
    }
    let spans = rig.spans();
    let requests: Vec<_> = spans.all("tools/call echo").collect();
    assert_eq!(requests.len(), 2);
    requests.iter().for_each(|span| assert_root(span));
    let traces = [0, 1].map(|at| requests[at].span_context.trace_id());
    assert_ne!(traces[0], traces[1]);
}

#[tokio::test]
async fn without_meta_the_http_span_is_the_parent_and_with_it_a_link() {
    let rig = Rig::new(&[NO_PII]);
    let post = http::Request::post("/mcp").header("mcp-session-id", "191c4850af6c");
    let (parts, body) = through_layer(post.body(String::new()).unwrap()).await;
    let connection = Connection::legacy(behind_http(parts)).await;
    connection.call("echo").await.unwrap();
    connection
        .send("tools/call", traced("fails"))
        .await
        .unwrap();
    // The HTTP span ends with the body.
    assert_eq!(rig.spans().all("POST /mcp").count(), 0);
    drop(body);

    let spans = rig.spans();
    let http = spans.one("POST /mcp");
    let below = spans.one("tools/call echo");
    assert_child(&below, &http);
    assert_eq!(below.links.links.len(), 0);
    let expected = json!({
        "mcp.transport": "http",
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "mcp.session.id": "191c4850af6c",
    });
    assert_has(&below, expected);
    let expected = json!({ "mcp.transport": "http", "mcp.session.id": "191c4850af6c" });
    assert_has(&spans.one("mcp.tool.echo"), expected);

    let elsewhere = spans.one("tools/call fails");
    assert_eq!(elsewhere.parent_span_id, SpanId::from_hex(PARENT).unwrap());
    let links = elsewhere.links.iter();
    let linked: Vec<_> = links.map(|link| link.span_context.span_id()).collect();
    assert_eq!(linked, [http.span_context.span_id()]);
    // What the POST is about is on its span; this one carried several requests: the last wins.
    let expected = json!({
        "mcp.method.name": "tools/call",
        "mcp.tool.name": "fails",
        "mcp.request.id": "2",
        "mcp.transport": "http",
        "mcp.session.id": "191c4850af6c",
    });
    assert_has(&http, expected);
}

#[tokio::test]
async fn the_http_span_comes_first_where_the_settings_say_so() {
    let rig = Rig::new(&[NO_PII, ("MCP_TELEMETRY_MCP_PARENT", "ambient-first")]);
    let post = http::Request::post("/mcp").body(String::new()).unwrap();
    let (parts, body) = through_layer(post).await;
    let connection = Connection::legacy(behind_http(parts)).await;
    connection.send("tools/call", traced("echo")).await.unwrap();
    drop(body);
    let spans = rig.spans();
    let span = spans.one("tools/call echo");
    assert_child(&span, &spans.one("POST /mcp"));
    let links = span.links.iter();
    let linked: Vec<_> = links.map(|link| link.span_context.span_id()).collect();
    assert_eq!(linked, [SpanId::from_hex(PARENT).unwrap()]);
    drop((connection, rig));

    // Without an HTTP span, `_meta` is still better than nothing.
    let rig = Rig::new(&[NO_PII, ("MCP_TELEMETRY_MCP_PARENT", "ambient-first")]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    connection.send("tools/call", traced("echo")).await.unwrap();
    let span = rig.spans().one("tools/call echo");
    assert_eq!(span.parent_span_id, SpanId::from_hex(PARENT).unwrap());
}

#[tokio::test]
async fn a_newer_client_has_no_session() {
    let rig = Rig::new(&[NO_PII]);
    let post = http::Request::post("/mcp")
        .header("mcp-session-id", "made-up")
        .version(http::Version::HTTP_2);
    let (parts, ()) = post.body(()).unwrap().into_parts();
    let connection = Connection::modern(behind_http(parts)).await;
    connection.call("echo").await.unwrap();
    let span = rig.spans().one("tools/call echo");
    assert_root(&span);
    let expected = json!({
        "mcp.session.id": null,
        "mcp.transport": "http",
        "network.protocol.version": "2",
        "mcp.protocol.version": "2026-07-28",
    });
    assert_has(&span, expected);
}

/// Documented, not wished for: wrap once.
#[tokio::test]
async fn two_wrappers_make_the_spans_of_a_request_twice() {
    let rig = Rig::new(&[NO_PII]);
    let service = TracedService::new(TracedHandler::new(Server::default()));
    let connection = Connection::legacy(service).await;
    connection.call("echo").await.unwrap();
    let spans = rig.spans();
    assert_eq!(spans.all("initialize").count(), 2);
    assert_eq!(spans.all("mcp.tool.echo").count(), 2);
    // They do not know of each other: two traces.
    let requests: Vec<_> = spans.all("tools/call echo").collect();
    assert_eq!(requests.len(), 2);
    requests.iter().for_each(|span| assert_root(span));
}
