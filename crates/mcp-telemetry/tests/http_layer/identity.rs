//! Who sends a request, in which session, under which id; and what is never recorded.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use mcp_telemetry::http::HttpLayer;
use serde_json::{Value as Json, json};
use tower::{Layer as _, ServiceExt as _};

use crate::common::{self, Rig, assert_has, attribute};
use crate::{Headers, NO_PII, PII, Stream, answering, exchange, request};

const REQUEST_ID: &str = "http.request.header.x-request-id";

#[tokio::test]
async fn a_request_without_a_usable_id_gets_one() {
    let (long, too_long) = ([b'x'; 128], [b'x'; 129]);
    let cases: [(Headers<'_>, Option<&str>); 9] = [
        (&[("X-Request-ID", b"req-7f1c")], Some("req-7f1c")),
        (
            &[("x-request-id", b"0e37df36-f698-11e6-8dd4-cb9ced3df976")],
            Some("0e37df36-f698-11e6-8dd4-cb9ced3df976"),
        ),
        (
            &[("x-request-id", &long)],
            Some(std::str::from_utf8(&long).unwrap()),
        ),
        (&[("x-request-id", &too_long)], None),
        (&[("x-request-id", b"")], None),
        (&[("x-request-id", b"two words")], None),
        (&[("x-request-id", b"\xff\xfe")], None),
        (&[("x-request-id", b"\xc3\xb6")], None),
        (&[], None),
    ];
    let mut made = std::collections::HashSet::new();
    for path in ["/mcp", "/elsewhere"] {
        for (headers, expected) in cases {
            let rig = Rig::new(&[NO_PII]);
            let layer = HttpLayer::new();
            let response = answering(layer, 200)
                .oneshot(request("POST", path, headers))
                .await
                .unwrap();
            // The response stays as the service made it.
            assert!(response.headers().is_empty(), "{:?}", response.headers());
            drop(response);
            let spans = rig.spans();
            let span = spans.0.first().unwrap();
            let ids = attribute(span, REQUEST_ID);
            let id = ids[0].as_str().unwrap().to_owned();
            assert_eq!(ids, json!([id]), "one id");
            match expected {
                Some(expected) => assert_eq!(id, expected),
                None => {
                    let hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
                    assert!(id.len() == 32 && hex, "{id}");
                    assert!(made.insert(id), "an id of its own");
                }
            }
            // It is no id of JSON-RPC.
            assert_has(
                span,
                json!({ "mcp.request.id": null, "jsonrpc.request.id": null }),
            );
        }
    }
}

#[tokio::test]
async fn a_newer_protocol_has_no_sessions() {
    let long = [b'9'; 65];
    for (version, session, recorded) in [
        (&b"2025-11-25"[..], json!("s-1"), json!("2025-11-25")),
        (b"2026-07-28", Json::Null, json!("2026-07-28")),
        (b"2027-01-01", Json::Null, json!("2027-01-01")),
        (b"", json!("s-1"), Json::Null),
        (b"\xff", json!("s-1"), Json::Null),
        (&long, Json::Null, Json::Null),
    ] {
        for header in ["MCP-Session-ID", "X-Session-ID"] {
            let rig = Rig::new(&[NO_PII]);
            let headers: Headers<'_> = &[("MCP-Protocol-Version", version), (header, b"s-1, s-1")];
            let service = answering(HttpLayer::new(), 200);
            exchange(service, request("POST", "/mcp", headers)).await;
            let expected = json!({ "mcp.session.id": session, "mcp.protocol.version": recorded });
            assert_has(&rig.spans().one("POST /mcp"), expected);
        }
    }
}

/// A service that answers with this status and this session.
async fn answer_with(path: &str, headers: Headers<'_>, status: u16, session: &'static [u8]) {
    let service = HttpLayer::new().layer(tower::service_fn(move |_: Request<String>| {
        let mut response = Response::new(String::new());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        let session = http::HeaderValue::from_bytes(session).unwrap();
        response.headers_mut().insert("mcp-session-id", session);
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    exchange(service, request("POST", path, headers)).await;
}

#[tokio::test]
async fn a_session_that_the_response_opens_is_the_requests_own() {
    let cases: [(Headers<'_>, &'static [u8], Json); 6] = [
        (&[], b"issued", json!("issued")),
        (&[], b"", Json::Null),
        (&[], b"\xff", Json::Null),
        (&[], &[b'x'; 257], Json::Null),
        (&[("mcp-session-id", b"asked")], b"issued", json!("asked")),
        // What such a client sends is no session; what the server opens is one.
        (
            &[
                ("mcp-session-id", b"asked"),
                ("mcp-protocol-version", b"2026-07-28"),
            ],
            b"issued",
            json!("issued"),
        ),
    ];
    for (headers, issued, expected) in cases {
        let rig = Rig::new(&[NO_PII]);
        answer_with("/mcp", headers, 200, issued).await;
        let span = rig.spans().one("POST /mcp");
        assert_eq!(attribute(&span, "mcp.session.id"), expected, "{headers:?}");
    }
    let rig = Rig::new(&[NO_PII]);
    answer_with("/elsewhere", &[], 200, b"issued").await;
    assert_has(&rig.spans().one("POST"), json!({ "mcp.session.id": null }));
}

#[tokio::test]
async fn a_session_that_is_not_known_is_told_from_other_things_not_found() {
    let named: Headers<'_> = &[("mcp-session-id", b"s-1")];
    let long = [b'x'; 300];
    let modern: Headers<'_> = &[
        ("mcp-session-id", b"s-1"),
        ("mcp-protocol-version", b"2026-07-28"),
    ];
    for (path, headers, status, expected) in [
        ("/mcp", named, 404, json!("not_found")),
        ("/mcp", &[("x-session-id", b"s-1")], 404, json!("not_found")),
        // Its id is too long to be recorded, and names a session all the same.
        (
            "/mcp",
            &[("mcp-session-id", &long)],
            404,
            json!("not_found"),
        ),
        ("/mcp", named, 200, Json::Null),
        ("/mcp", named, 400, Json::Null),
        ("/mcp", named, 500, Json::Null),
        ("/mcp", &[], 404, Json::Null),
        ("/mcp", &[("mcp-session-id", b"")], 404, Json::Null),
        ("/mcp", modern, 404, Json::Null),
        ("/elsewhere", named, 404, Json::Null),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let service = answering(HttpLayer::new(), status);
        exchange(service, request("POST", path, headers)).await;
        let spans = rig.spans();
        let span = spans.0.first().unwrap();
        let found = attribute(span, "mcp.session.status");
        assert_eq!(found, expected, "{path} {headers:?} {status}");
    }
}

#[tokio::test]
async fn only_methods_of_the_specification_are_taken_from_a_header() {
    let long = [b'x'; 10_000];
    for (value, expected) in [
        (&b"tools/call"[..], json!("tools/call")),
        (b"notifications/cancelled", json!("notifications/cancelled")),
        (b"tools/steal", Json::Null),
        (b"_OTHER", Json::Null),
        (b"=?base64?dG9vbHMvY2FsbA==?=", Json::Null),
        (&long, Json::Null),
        (b"", Json::Null),
        (b"\xff", Json::Null),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let service = answering(HttpLayer::new(), 200);
        exchange(service, request("POST", "/mcp", &[("Mcp-Method", value)])).await;
        let expected = json!({
            "mcp.method.name": expected,
            // A header does not decide what is sampled.
            "sampling.rule": "mcp.http",
        });
        assert_has(&rig.spans().one("POST /mcp"), expected);
    }
}

#[tokio::test]
async fn names_and_parameters_in_headers_are_never_recorded() {
    // Also where inputs may be recorded: the span of the MCP request has them.
    for pii in [PII, NO_PII] {
        let rig = Rig::new(&[pii]);
        let headers: Headers<'_> = &[
            ("Mcp-Method", b"tools/call"),
            ("Mcp-Name", b"splunk://secret-index"),
            ("Mcp-Param-Query", b"index=payroll"),
            ("Mcp-Param-Region", b"=?base64?cGF5cm9sbC1leHBvcnQ=?="),
        ];
        let service = answering(HttpLayer::new(), 200);
        exchange(service, request("POST", "/mcp", headers)).await;
        let span = rig.spans().one("POST /mcp");
        let all = common::attributes(&span).to_string();
        for input in ["secret-index", "payroll", "cGF5cm9sb", "mcp.tool.name"] {
            assert!(!all.contains(input), "{input}: {all}");
        }
    }
}

#[tokio::test]
async fn the_bodys_size_is_what_the_request_says() {
    for (value, size) in [
        (&b"512"[..], json!(512)),
        (b"0", json!(0)),
        (b"x", Json::Null),
        (b"-1", Json::Null),
        (b"+5", Json::Null),
        (b"99999999999999999999", Json::Null),
        (b"", Json::Null),
        (b"\xff", Json::Null),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let service = answering(HttpLayer::new(), 200);
        let post = request("POST", "/mcp", &[("Content-Length", value)]);
        exchange(service, post).await;
        let span = rig.spans().one("POST /mcp");
        assert_eq!(attribute(&span, "http.request.body.size"), size);
    }
}

#[tokio::test]
async fn the_responses_size_is_what_was_sent() {
    for (frames_read, size) in [(0, 0), (1, 3), (2, 8), (3, 8)] {
        let rig = Rig::new(&[NO_PII]);
        let (frames, stream) = Stream::new();
        let mut stream = Some(stream);
        let service = HttpLayer::new().layer(tower::service_fn(move |_: Request<String>| {
            let response = Response::new(stream.take().unwrap());
            std::future::ready(Ok::<_, Infallible>(response))
        }));
        let response = service.oneshot(request("POST", "/mcp", &[])).await.unwrap();
        frames.send(Ok("one")).await.unwrap();
        frames.send(Ok("three")).await.unwrap();
        drop(frames);
        let mut body = response.into_body();
        for _ in 0..frames_read {
            drop(body.frame().await);
        }
        drop(body);
        let span = rig.spans().one("POST /mcp");
        assert_has(&span, json!({ "http.response.body.size": size }));
    }
}

/// A layer whose requests come from this address.
fn from_address(address: Option<&'static str>) -> HttpLayer {
    let address: Option<SocketAddr> = address.map(|it| it.parse().unwrap());
    HttpLayer::new().with_client_address(move |_: &Parts| address)
}

#[tokio::test]
async fn the_clients_address_needs_leave() {
    for (pii, address, ip, port) in [
        (PII, Some("10.1.2.80:4711"), json!("10.1.2.80"), json!(4711)),
        (PII, Some("[2001:db8::1]:1"), json!("2001:db8::1"), json!(1)),
        (
            PII,
            Some("[::ffff:10.1.2.80]:1"),
            json!("10.1.2.80"),
            json!(1),
        ),
        (PII, None, Json::Null, Json::Null),
        (NO_PII, Some("10.1.2.80:4711"), Json::Null, Json::Null),
    ] {
        for path in ["/mcp", "/elsewhere"] {
            let rig = Rig::new(&[pii]);
            let service = answering(from_address(address), 200);
            exchange(service, request("POST", path, &[])).await;
            let spans = rig.spans();
            let expected = json!({
                "client.address": ip,
                "client.port": port,
                "network.peer.address": ip,
                "network.peer.port": port,
            });
            assert_has(spans.0.first().unwrap(), expected);
        }
    }
}

/// Hooks see the request's whole head, and change nothing of it.
#[tokio::test]
async fn hooks_see_the_head() {
    let rig = Rig::new(&[PII]);
    let layer = HttpLayer::new()
        .with_route(|head: &Parts| {
            let version = format!("{:?}", head.version);
            Some(format!("{} {}", head.method, version))
        })
        .with_client_address(|head: &Parts| {
            let address = head.headers.get("x-test-address")?;
            address.to_str().ok()?.parse().ok()
        });
    let service = layer.layer(tower::service_fn(|request: Request<String>| {
        let address = request.headers()["x-test-address"].to_str().unwrap();
        let seen = format!("{} {} {address}", request.uri(), request.body());
        std::future::ready(Ok::<_, Infallible>(Response::new(seen)))
    }));
    let asked = request("PUT", "/a?b", &[("x-test-address", b"10.0.0.1:2")]);
    let response = service.oneshot(asked.map(|_| "body".to_owned())).await;
    let body = response.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "/a?b body 10.0.0.1:2");
    let span = rig.spans().one("PUT PUT HTTP/1.1");
    assert_has(
        &span,
        json!({ "client.address": "10.0.0.1", "http.response.body.size": 20 }),
    );
}
