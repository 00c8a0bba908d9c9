//! What HTTP says of the message that it carries: ids, sessions, method, sizes, addresses.

use std::net::SocketAddr;

use http::{HeaderValue, Request, Response, StatusCode};
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::opentelemetry::trace::Status;
use mcp_telemetry::opentelemetry_sdk::trace::SpanData;
use serde_json::{Value as Json, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::common::{Rig, assert_has, attribute, attributes};
use crate::{Headers, NO_PII, PII, answering, exchange, request};

const REQUEST_ID: &str = "http.request.header.x-request-id";

/// The request id of a span, which must be one that was made: 32 hex digits.
pub(crate) fn made_id(span: &SpanData) -> Json {
    let ids = attribute(span, REQUEST_ID);
    let id = ids[0].as_str().unwrap_or_default();
    let hex = id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit());
    assert!(hex, "{ids}");
    ids
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_of_its_own() {
    let rig = Rig::new(&[NO_PII]);
    let long = [b'x'; 200];
    let unfit: [Headers<'_>; 4] = [
        &[],
        &[("x-request-id", b"")],
        &[("x-request-id", b"two words")],
        &[("x-request-id", &long)],
    ];
    for headers in unfit {
        let post = request("POST", "/mcp", headers);
        exchange(answering(HttpLayer::new(), 200), post).await;
    }
    let spans = rig.spans();
    let ids: Vec<Json> = spans.all("POST /mcp").map(|span| made_id(span)).collect();
    assert_eq!(ids.len(), unfit.len());
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id), "{ids:?}");
    }
    // It is the HTTP request's, not the message's.
    for span in spans.all("POST /mcp") {
        assert_has(
            span,
            json!({ "mcp.request.id": null, "jsonrpc.request.id": null }),
        );
    }
}

#[tokio::test]
async fn the_method_of_the_header_is_recorded_where_it_is_one() {
    for (header, method) in [
        (&b"tools/call"[..], json!("tools/call")),
        (b"x/steal", Json::Null),
        (b"\xff", Json::Null),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let post = request("POST", "/mcp", &[("mcp-method", header)]);
        exchange(answering(HttpLayer::new(), 200), post).await;
        let span = rig.spans().one("POST /mcp");
        assert_has(&span, json!({ "mcp.method.name": method }));
        drop(rig);
        // Elsewhere it means nothing.
        let rig = Rig::new(&[NO_PII]);
        let post = request("POST", "/other", &[("mcp-method", header)]);
        exchange(answering(HttpLayer::new(), 200), post).await;
        let span = rig.spans().one("POST");
        assert_has(&span, json!({ "mcp.method.name": null }));
    }
}

#[tokio::test]
async fn inputs_in_headers_are_recorded_nowhere() {
    let rig = Rig::new(&[PII]);
    let post = request(
        "POST",
        "/mcp",
        &[
            ("mcp-method", b"tools/call"),
            ("mcp-name", b"canary-name"),
            ("mcp-param-index", b"canary-param"),
            ("mcp-param-query", b"=?base64?Y2FuYXJ5?="),
        ],
    );
    exchange(answering(HttpLayer::new(), 200), post).await;
    let all = attributes(&rig.spans().one("POST /mcp")).to_string();
    assert!(
        !all.contains("canary") && !all.contains("Y2FuYXJ5"),
        "{all}"
    );
}

/// An answer with this status that opens a session, where one is named.
async fn answered(headers: Headers<'_>, status: u16, opened: Option<&'static str>) -> Rig {
    let rig = Rig::new(&[NO_PII]);
    let service = HttpLayer::new().layer(service_fn(move |_: Request<String>| {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(opened) = opened {
            let opened = HeaderValue::from_static(opened);
            response.headers_mut().insert("Mcp-Session-Id", opened);
        }
        std::future::ready(Ok::<_, std::convert::Infallible>(response))
    }));
    exchange(service, request("POST", "/mcp", headers)).await;
    rig
}

#[tokio::test]
async fn the_session_that_a_response_opens_is_the_requests() {
    let own: Headers<'_> = &[("mcp-session-id", b"mine")];
    for (headers, opened, session) in [
        (&[][..], Some("new"), json!("new")),
        (&[], None, Json::Null),
        (own, Some("new"), json!("mine")),
    ] {
        let rig = answered(headers, 200, opened).await;
        let span = rig.spans().one("POST /mcp");
        assert_eq!(attribute(&span, "mcp.session.id"), session);
    }
}

#[tokio::test]
async fn an_unknown_session_is_said_to_be_one() {
    let old: Headers<'_> = &[("mcp-session-id", b"gone")];
    let stateless: Headers<'_> = &[
        ("mcp-session-id", b"gone"),
        ("mcp-protocol-version", b"2026-07-28"),
    ];
    for (headers, status, expected) in [
        (old, 404, json!("not_found")),
        (&[("x-session-id", b"gone")], 404, json!("not_found")),
        (old, 200, Json::Null),
        (old, 400, Json::Null),
        (&[], 404, Json::Null),
        // There the 404 is of an unknown method.
        (stateless, 404, Json::Null),
    ] {
        let rig = answered(headers, status, None).await;
        let span = rig.spans().one("POST /mcp");
        assert_has(&span, json!({ "mcp.session.status": expected }));
        assert_eq!(span.status, Status::Unset);
        if headers == stateless {
            assert_has(&span, json!({ "mcp.session.id": null }));
        }
    }
}

#[tokio::test]
async fn sizes_of_bodies() {
    for (length, size) in [
        (&b"512"[..], json!(512)),
        (b"x", Json::Null),
        (b"+5", Json::Null),
        (b"99999999999999999999", Json::Null),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let service = HttpLayer::new().layer(service_fn(|_: Request<String>| {
            let body = Response::new("twelve bytes".to_owned());
            std::future::ready(Ok::<_, std::convert::Infallible>(body))
        }));
        exchange(
            service,
            request("POST", "/mcp", &[("content-length", length)]),
        )
        .await;
        let span = rig.spans().one("POST /mcp");
        let expected = json!({ "http.request.body.size": size, "http.response.body.size": 12 });
        assert_has(&span, expected);
    }
}

#[tokio::test]
async fn addresses_need_leave_and_a_hook() {
    let address: SocketAddr = "10.1.2.80:4711".parse().unwrap();
    let told = |layer: HttpLayer| layer.with_client_address(move |_: &_| Some(address));
    let untold = |layer: HttpLayer| layer.with_client_address(|_: &_| None);
    for (pii, layer, ip, port) in [
        (PII, told(HttpLayer::new()), json!("10.1.2.80"), json!(4711)),
        (NO_PII, told(HttpLayer::new()), Json::Null, Json::Null),
        (PII, untold(HttpLayer::new()), Json::Null, Json::Null),
        (PII, HttpLayer::new(), Json::Null, Json::Null),
    ] {
        let rig = Rig::new(&[pii]);
        exchange(answering(layer, 200), request("POST", "/mcp", &[])).await;
        let expected = json!({
            "client.address": ip, "client.port": port,
            "network.peer.address": ip, "network.peer.port": port,
        });
        assert_has(&rig.spans().one("POST /mcp"), expected);
    }
}

#[tokio::test]
async fn what_a_subscription_spawns_does_not_hold_its_span() {
    let rig = Rig::new(&[NO_PII]);
    let (open, closed) = tokio::sync::oneshot::channel::<()>();
    let closed = std::sync::Mutex::new(Some(closed));
    let service = HttpLayer::new().layer(service_fn(move |_: Request<String>| {
        let closed = closed.lock().unwrap().take();
        // As rmcp does: what it spawns runs in the span that it was called in.
        let task = tracing::Instrument::instrument(
            async move {
                if let Some(closed) = closed {
                    let _ = closed.await;
                }
            },
            tracing::Span::current(),
        );
        tokio::spawn(task);
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(
            String::new(),
        )))
    }));
    let post = request("POST", "/mcp", &[("mcp-method", b"subscriptions/listen")]);
    let response = service.oneshot(post).await.unwrap();
    assert_eq!(rig.spans().names(), ["POST /mcp"]);
    drop((response, open));
}
