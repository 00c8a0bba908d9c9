//! `HttpLayer` around rmcp's own service: sessions that are not known, batches.

use std::sync::Arc;

use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use mcp_telemetry::TracedHandler;
use mcp_telemetry::http::{HttpLayer, HttpService};
use mcp_telemetry::opentelemetry::trace::Status;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value as Json, json};
use tower::{Layer as _, ServiceExt as _};

use crate::common::{Rig, assert_has, attribute};
use crate::{Headers, NO_PII, request};

/// A server that can do nothing.
#[derive(Clone)]
struct Bare;

impl ServerHandler for Bare {}

type Rmcp = HttpService<StreamableHttpService<TracedHandler<Bare>, LocalSessionManager>>;

fn rmcp() -> Rmcp {
    let handler = TracedHandler::new(Bare);
    HttpLayer::new().layer(StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    ))
}

/// Posts a body; gives the answer's status and the session that it opens.
async fn post(service: &Rmcp, headers: Headers<'_>, body: &Json) -> (StatusCode, String) {
    let common: Headers<'_> = &[
        ("host", b"localhost"),
        ("accept", b"application/json, text/event-stream"),
        ("content-type", b"application/json"),
    ];
    let body = body.to_string();
    let length = body.len().to_string();
    let length: Headers<'_> = &[("content-length", length.as_bytes())];
    let head = request("POST", "/mcp", &[common, headers, length].concat());
    let asked: Request<String> = head.map(|_| body);
    let response = service.clone().oneshot(asked).await.unwrap();
    let session = response.headers().get("mcp-session-id");
    let session = session.map_or("", |id| id.to_str().unwrap()).to_owned();
    let status = response.status();
    response.into_body().collect().await.unwrap();
    (status, session)
}

fn message(id: i64, method: &str, params: Json) -> Json {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn initialize() -> Json {
    let client = json!({ "name": "inspector", "version": "0.9" });
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client,
    });
    message(0, "initialize", params)
}

/// What a request of 2026-07-28 says of its client.
fn meta() -> Json {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "inspector", "version": "0.9" },
    })
}

#[tokio::test]
async fn initialize_has_the_session_that_it_opens() {
    let rig = Rig::new(&[NO_PII]);
    let body = initialize();
    let (status, session) = post(&rmcp(), &[], &body).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!session.is_empty());
    let span = rig.spans().one("POST /mcp");
    let expected = json!({
        "mcp.session.id": session,
        "mcp.session.status": null,
        "http.request.body.size": body.to_string().len(),
    });
    assert_has(&span, expected);
    let sent = attribute(&span, "http.response.body.size").as_i64();
    assert!(sent.is_some_and(|bytes| bytes > 100), "{sent:?}");
}

#[tokio::test]
async fn a_session_that_rmcp_does_not_know() {
    let rig = Rig::new(&[NO_PII]);
    let headers: Headers<'_> = &[
        ("mcp-session-id", b"gone"),
        ("mcp-protocol-version", b"2025-11-25"),
    ];
    let (status, _) = post(&rmcp(), headers, &message(1, "tools/list", json!({}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let span = rig.spans().one("POST /mcp");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({
        "mcp.session.id": "gone",
        "mcp.session.status": "not_found",
        "http.response.status_code": 404,
        "error.type": null,
    });
    assert_has(&span, expected);
}

/// rmcp answers 404 for a method that it does not know too, where there are no sessions.
#[tokio::test]
async fn a_method_that_rmcp_does_not_know_is_no_lost_session() {
    let rig = Rig::new(&[NO_PII]);
    let headers: Headers<'_> = &[
        ("mcp-session-id", b"imagined"),
        ("mcp-protocol-version", b"2026-07-28"),
        ("mcp-method", b"no/such"),
    ];
    let body = message(1, "no/such", json!({ "_meta": meta() }));
    let (status, _) = post(&rmcp(), headers, &body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let expected = json!({
        "mcp.session.id": null,
        "mcp.session.status": null,
        // As the handler's wrapper has it.
        "mcp.method.name": "_OTHER",
        "http.response.status_code": 404,
    });
    assert_has(&rig.spans().one("POST /mcp"), expected);
}

/// The header says early what the handler's wrapper says once the body is read.
#[tokio::test]
async fn the_method_stands_once() {
    let rig = Rig::new(&[NO_PII]);
    let headers: Headers<'_> = &[
        ("mcp-protocol-version", b"2026-07-28"),
        ("mcp-method", b"server/discover"),
    ];
    let body = message(1, "server/discover", json!({ "_meta": meta() }));
    let (status, _) = post(&rmcp(), headers, &body).await;
    assert_eq!(status, StatusCode::OK);
    let spans = rig.spans();
    spans.one("server/discover");
    let expected = json!({ "mcp.method.name": "server/discover" });
    assert_has(&spans.one("POST /mcp"), expected);
}

#[tokio::test]
async fn a_batch_is_refused_and_seen() {
    let rig = Rig::new(&[NO_PII]);
    let batch = json!([
        message(1, "tools/list", json!({})),
        message(2, "prompts/list", json!({})),
    ]);
    let (status, _) = post(&rmcp(), &[], &batch).await;
    // Its word for what is no message: it reads none of the batch.
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let spans = rig.spans();
    assert_eq!(spans.names(), ["POST /mcp"], "nothing was executed");
    let span = spans.one("POST /mcp");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({
        "http.response.status_code": 415,
        "error.type": null,
        "http.request.body.size": batch.to_string().len(),
    });
    assert_has(&span, expected);
}
