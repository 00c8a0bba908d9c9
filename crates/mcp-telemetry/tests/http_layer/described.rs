//! What the span says about a request: names, attributes, parents.

use axum::extract::MatchedPath;
use axum::routing::get;
use http::request::Parts;
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::opentelemetry::trace::{SpanId, SpanKind, TraceId};
use serde_json::{Value as Json, json};
use tower::{Layer as _, ServiceExt as _};

use crate::common::{
    self, Rig, assert_attributes, assert_child, assert_has, assert_root, attribute,
};
use crate::{Headers, NO_PII, PII, answering, exchange, request};

#[tokio::test]
async fn a_request_to_the_mcp_endpoint() {
    let rig = Rig::new(&[PII]);
    let post = request(
        "POST",
        "/mcp?a=1",
        &[
            ("host", b"mcp.example.com:8443"),
            ("user-agent", b"claude/1.0"),
            ("x-request-id", b"7f1c"),
            ("content-length", b"512"),
            ("mcp-session-id", b"191c4850af6c"),
            ("mcp-protocol-version", b"2025-11-25"),
            ("mcp-method", b"tools/call"),
            ("authorization", b"Bearer abc123def456"),
            ("cookie", b"session=abc123def456"),
        ],
    );
    exchange(answering(HttpLayer::new(), 200), post).await;
    let span = rig.spans().one("POST /mcp");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_root(&span);
    let expected = json!({
        "sentry.op": "http.server",
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "sentry.source": "route",
        "sampling.rule": "mcp.http",
        "sampling.rate": 1.0,
        "http.request.method": "POST",
        "http.route": "/mcp",
        "http.response.status_code": 200,
        "http.status_code": 200,
        "http.request.body.size": 512,
        "http.response.body.size": 0,
        "http.request.header.x-request-id": ["7f1c"],
        "url.path": "/mcp",
        "url.query": "a=1",
        "url.scheme": "http",
        "server.address": "mcp.example.com",
        "server.port": 8443,
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "user_agent.original": "claude/1.0",
        "mcp.transport": "http",
        "mcp.session.id": "191c4850af6c",
        "mcp.protocol.version": "2025-11-25",
        "mcp.method.name": "tools/call",
    });
    assert_attributes(&span, expected);
}

#[tokio::test]
async fn the_scheme_before_a_proxy_is_known_to_a_hook_alone() {
    let forwarded = |head: &Parts| {
        let scheme = head.headers.get("x-forwarded-proto")?;
        scheme.to_str().ok()?.parse().ok()
    };
    for (layer, expected) in [
        (HttpLayer::new(), "http"),
        (HttpLayer::new().with_scheme(forwarded), "https"),
    ] {
        let rig = Rig::new(&[]);
        let post = request("POST", "/mcp", &[("x-forwarded-proto", b"https")]);
        exchange(answering(layer, 200), post).await;
        let span = rig.spans().one("POST /mcp");
        assert_has(&span, json!({ "url.scheme": expected }));
    }
}

#[tokio::test]
async fn a_request_elsewhere_has_nothing_of_mcp() {
    let rig = Rig::new(&[PII]);
    let headers: Headers<'_> = &[
        ("mcp-session-id", b"191c"),
        ("mcp-method", b"tools/call"),
        ("x-request-id", b"7f1c"),
        ("host", b"h"),
    ];
    let get = request("GET", "/favicon.ico", headers);
    exchange(answering(HttpLayer::new(), 200), get).await;
    // Without a route its path stays out of the name.
    let expected = json!({
        "sentry.op": "http.server",
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "sampling.rule": "base",
        "sampling.rate": 1.0,
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.status_code": 200,
        "http.request.header.x-request-id": ["7f1c"],
        "http.response.body.size": 0,
        "url.path": "/favicon.ico",
        "url.scheme": "http",
        "server.address": "h",
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
    });
    assert_attributes(&rig.spans().one("GET"), expected);
}

#[tokio::test]
async fn names() {
    let layer = HttpLayer::new().with_mcp_path("/api/mcp");
    // The caller's decision holds, also for health checks.
    let sampled: Headers<'_> = &[(
        "traceparent",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )];
    let cases = [
        ("POST", "/api/mcp", "POST /api/mcp", json!("/api/mcp")),
        ("DELETE", "/api/mcp/", "DELETE /api/mcp", json!("/api/mcp")),
        ("GET", "/api/mcp/sub?x", "GET /api/mcp", json!("/api/mcp")),
        ("POST", "/mcp", "POST", Json::Null),
        ("GET", "/api/mcpx", "GET", Json::Null),
        ("GET", "/health", "GET /health", json!("/health")),
        ("HEAD", "/readyz", "HEAD /readyz", json!("/readyz")),
        ("GET", "/health/42", "GET", Json::Null),
        ("OPTIONS", "*", "OPTIONS", Json::Null),
        ("GET", "https://h:1/health", "GET /health", json!("/health")),
    ];
    for (method, uri, name, route) in cases {
        let rig = Rig::new(&[NO_PII]);
        exchange(answering(layer.clone(), 200), request(method, uri, sampled)).await;
        let span = rig.spans().one(name);
        assert_has(
            &span,
            json!({ "http.route": route, "http.request.method": method }),
        );
        assert_eq!(rig.spans().len(), 1);
    }
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_other() {
    let long = "X".repeat(300);
    for (method, route, name) in [
        ("BREW", "/mcp", "HTTP /mcp"),
        ("get", "/elsewhere", "HTTP"),
        (&long, "/mcp", "HTTP /mcp"),
    ] {
        let rig = Rig::new(&[NO_PII]);
        exchange(
            answering(HttpLayer::new(), 405),
            request(method, route, &[]),
        )
        .await;
        let expected = json!({
            "http.request.method": "_OTHER",
            "http.request.method_original": method.get(..256).unwrap_or(method),
        });
        assert_has(&rig.spans().one(name), expected);
    }
}

#[tokio::test]
async fn the_route_comes_from_a_hook() {
    let rig = Rig::new(&[NO_PII]);
    let layer = HttpLayer::new().with_route(|head: &Parts| {
        let matched = head.extensions.get::<MatchedPath>()?;
        Some(matched.as_str().to_owned())
    });
    let app = axum::Router::new()
        .route(
            "/users/{id}",
            get(|| async { tracing::info_span!("query").in_scope(|| "found") }),
        )
        .layer(layer);
    for uri in ["/users/42", "/nowhere"] {
        let request = request("GET", uri, &[]).map(axum::body::Body::from);
        let response = app.clone().oneshot(request).await.unwrap();
        drop(response);
    }
    let spans = rig.spans();
    let span = spans.one("GET /users/{id}");
    let expected = json!({
        "http.route": "/users/{id}",
        "url.path": "/users/42",
        "sentry.source": "route",
        "http.response.status_code": 200,
    });
    assert_has(&span, expected);
    // What the service does stands below it.
    assert_child(&spans.one("query"), &span);
    assert_has(
        &spans.one("GET"),
        json!({ "http.response.status_code": 404, "http.route": null }),
    );
}

#[tokio::test]
async fn session_ids() {
    let too_long = [b'x'; 257];
    let cases: [(Headers<'_>, Json); 9] = [
        (&[("Mcp-Session-Id", b"a")], json!("a")),
        (&[("x-session-id", b" b ")], json!("b")),
        (
            &[("x-session-id", b"b"), ("mcp-session-id", b"a")],
            json!("a"),
        ),
        (
            &[("mcp-session-id", b"a"), ("mcp-session-id", b"c")],
            json!("a"),
        ),
        (&[("mcp-session-id", b"a, a")], json!("a")),
        (
            &[("mcp-session-id", b""), ("x-session-id", b"b")],
            json!("b"),
        ),
        (&[("mcp-session-id", &too_long)], Json::Null),
        (&[("mcp-session-id", b"\xff\xfe")], Json::Null),
        (&[], Json::Null),
    ];
    for (headers, expected) in cases {
        let rig = Rig::new(&[NO_PII]);
        exchange(
            answering(HttpLayer::new(), 200),
            request("POST", "/mcp", headers),
        )
        .await;
        let span = rig.spans().one("POST /mcp");
        assert_eq!(attribute(&span, "mcp.session.id"), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn garbage_in_headers_is_left_out() {
    let rig = Rig::new(&[PII]);
    let bytes: &[u8] = b"\xff\x80garbage";
    let headers = [
        ("host", bytes),
        ("user-agent", bytes),
        ("x-request-id", bytes),
        ("mcp-session-id", bytes),
        ("mcp-protocol-version", bytes),
        ("mcp-method", bytes),
        ("content-length", bytes),
        ("traceparent", b"00-zz-zz-01"),
        ("tracestate", bytes),
        ("baggage", bytes),
        ("content-type", bytes),
    ];
    exchange(
        answering(HttpLayer::new(), 400),
        request("POST", "/mcp", &headers),
    )
    .await;
    let span = rig.spans().one("POST /mcp");
    assert_root(&span);
    let absent = json!({
        "server.address": null,
        "server.port": null,
        "user_agent.original": null,
        "http.request.body.size": null,
        "mcp.session.id": null,
        "mcp.protocol.version": null,
        "mcp.method.name": null,
        "http.response.status_code": 400,
    });
    assert_has(&span, absent);
}

#[tokio::test]
async fn hosts() {
    for (uri, host, address, port) in [
        ("/mcp", "localhost:8000", json!("localhost"), json!(8000)),
        ("/mcp", "localhost", json!("localhost"), Json::Null),
        ("/mcp", "[::1]:8000", json!("[::1]"), json!(8000)),
        ("/mcp", "[::1]", json!("[::1]"), Json::Null),
        ("/mcp", "h:port", json!("h"), Json::Null),
        ("/mcp", "h:99999", json!("h"), Json::Null),
        ("https://a:1/mcp", "b:2", json!("a"), json!(1)),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let post = request("POST", uri, &[("host", host.as_bytes())]);
        exchange(answering(HttpLayer::new(), 200), post).await;
        let expected = json!({ "server.address": address, "server.port": port });
        assert_has(&rig.spans().one("POST /mcp"), expected);
    }
}

#[tokio::test]
async fn who_asks_needs_leave() {
    for (variable, agent) in [(PII, json!("claude/1.0")), (NO_PII, Json::Null)] {
        let rig = Rig::new(&[variable]);
        let post = request("POST", "/mcp", &[("user-agent", b"claude/1.0")]);
        exchange(answering(HttpLayer::new(), 200), post).await;
        assert_has(
            &rig.spans().one("POST /mcp"),
            json!({ "user_agent.original": agent }),
        );
    }
}

#[tokio::test]
async fn secrets_are_redacted() {
    let rig = Rig::new(&[PII]);
    let uri = "/login?token=abc123def456&user=bob&password=hunter2";
    exchange(answering(HttpLayer::new(), 200), request("GET", uri, &[])).await;
    let span = rig.spans().one("GET");
    let all = common::attributes(&span).to_string();
    for secret in ["abc123def456", "hunter2"] {
        assert!(!all.contains(secret), "{all}");
    }
    assert_has(&span, json!({ "url.path": "/login" }));
}

#[tokio::test]
async fn the_parent_comes_from_the_headers() {
    let rig = Rig::new(&[NO_PII]);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let traceparent = format!("00-{trace}-{parent}-01");
    let post = request("POST", "/mcp", &[("traceparent", traceparent.as_bytes())]);
    // Not from the span that happens to be current.
    let current = tracing::info_span!("connection");
    let service = answering(HttpLayer::new(), 200);
    tracing::Instrument::instrument(exchange(service, post), current.clone()).await;
    let post = request("POST", "/elsewhere", &[]);
    let service = answering(HttpLayer::new(), 200);
    tracing::Instrument::instrument(exchange(service, post), current).await;

    let spans = rig.spans();
    let span = spans.one("POST /mcp");
    assert_eq!(
        span.span_context.trace_id(),
        TraceId::from_hex(trace).unwrap()
    );
    assert_eq!(span.parent_span_id, SpanId::from_hex(parent).unwrap());
    assert!(span.parent_span_is_remote);
    assert_root(&spans.one("POST"));
}

/// The sampler decides before the service runs: it must see the route and the operation.
#[tokio::test]
async fn the_sampler_sees_what_its_rules_ask_for() {
    let rig = Rig::new(&[("SENTRY_TRACES_SAMPLE_RATE", "0.0")]);
    for (method, uri) in [
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("GET", "/health"),
        ("HEAD", "/livez"),
        ("GET", "/elsewhere"),
    ] {
        exchange(answering(HttpLayer::new(), 200), request(method, uri, &[])).await;
    }
    let counts = rig.telemetry().sampling();
    let seen = |rule: &str| {
        let count = counts.iter().find(|count| count.rule == rule).unwrap();
        count.seen
    };
    assert_eq!(
        [seen("mcp.http"), seen("health"), seen("base"), seen("mcp")],
        [2, 2, 1, 0]
    );
    // At a base rate of nothing the MCP endpoint is traced all the same.
    let spans = rig.spans();
    spans.one("POST /mcp");
    spans.one("GET /mcp");
    assert_eq!(spans.all("GET").count(), 0);
}

#[tokio::test]
async fn without_a_destination_the_layer_changes_nothing() {
    let _rig = Rig::idle();
    let service = HttpLayer::new().layer(tower::service_fn(|request: http::Request<String>| {
        let parts = request.into_parts().0;
        std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(
            format!("{} extensions", parts.extensions.len()),
        )))
    }));
    let response = service.oneshot(request("GET", "/mcp", &[])).await.unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    assert_eq!(body.to_bytes(), "0 extensions");
}
