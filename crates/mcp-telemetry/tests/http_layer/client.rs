//! `HttpCall`: an outgoing request.

use http::{Method, StatusCode, Uri, Version};
use mcp_telemetry::http::HttpCall;
use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use serde_json::{Value as Json, json};

use crate::NO_PII;
use crate::common::{self, Rig, assert_attributes, assert_child, assert_has, attribute, failed};

#[test]
fn a_request_and_its_response() {
    let rig = Rig::new(&[NO_PII]);
    let outer = tracing::info_span!("outer");
    outer.in_scope(|| {
        let uri = Uri::from_static("https://splunk.local:8089/services/search/jobs/1.2");
        let template = "/services/search/jobs/{sid}";
        let call = HttpCall::start(&Method::GET, &uri, Some(template));
        call.span()
            .in_scope(|| drop(tracing::info_span!("connect")));
        call.respond(StatusCode::OK, Version::HTTP_2);
    });
    drop(outer);
    let spans = rig.spans();
    let span = spans.one("GET /services/search/jobs/{sid}");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.status, Status::Unset);
    assert_child(&span, &spans.one("outer"));
    assert_child(&spans.one("connect"), &span);
    let expected = json!({
        "sentry.op": "http.client",
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.status_code": 200,
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "network.protocol.version": "2",
        "server.address": "splunk.local",
        "server.port": 8089,
        "url.full": "https://splunk.local:8089/services/search/jobs/1.2",
        "url.template": "/services/search/jobs/{sid}",
    });
    assert_attributes(&span, expected);
}

#[test]
fn for_a_client_400_is_an_error_already() {
    for (status, error) in [(302, Json::Null), (400, json!("400")), (503, json!("503"))] {
        let rig = Rig::new(&[NO_PII]);
        let call = HttpCall::start(&Method::POST, &Uri::from_static("http://h/p"), None);
        call.respond(StatusCode::from_u16(status).unwrap(), Version::HTTP_11);
        drop(call);
        let span = rig.spans().one("POST");
        assert_eq!(
            matches!(span.status, Status::Error { .. }),
            error != Json::Null
        );
        assert_has(&span, json!({ "error.type": error, "server.port": 80 }));
    }
}

#[test]
fn no_response_is_an_error_of_a_kind() {
    let rig = Rig::new(&[NO_PII]);
    let call = HttpCall::start(&Method::POST, &Uri::from_static("https://h/p"), None);
    call.fail("timeout", &"no answer within 30 s");
    drop(call);
    let span = rig.spans().one("POST");
    assert_eq!(span.status, failed("no answer within 30 s"));
    let expected = json!({
        "error.type": "timeout",
        "http.response.status_code": null,
        "server.port": 443,
    });
    assert_has(&span, expected);
}

#[test]
fn a_response_whose_body_breaks_has_its_status_and_the_error() {
    let rig = Rig::new(&[NO_PII]);
    let call = HttpCall::start(&Method::GET, &Uri::from_static("http://h/p"), None);
    call.respond(StatusCode::OK, Version::HTTP_11);
    call.fail("connection", &"connection reset");
    drop(call);
    let span = rig.spans().one("GET");
    assert_eq!(span.status, failed("connection reset"));
    let expected = json!({ "error.type": "connection", "http.response.status_code": 200 });
    assert_has(&span, expected);
}

#[test]
fn a_method_that_nobody_knows_is_other() {
    let rig = Rig::new(&[NO_PII]);
    let brew = Method::from_bytes(b"BREW").unwrap();
    drop(HttpCall::start(
        &brew,
        &Uri::from_static("http://h/p"),
        None,
    ));
    let expected = json!({
        "http.request.method": "_OTHER",
        "http.request.method_original": "BREW",
        "sentry.status": "cancelled",
    });
    assert_has(&rig.spans().one("HTTP"), expected);
}

#[test]
fn credentials_and_queries_in_urls_are_redacted() {
    let rig = Rig::new(&[NO_PII]);
    let uri = Uri::from_static("https://admin:changeme@h:8089/x?search=secret&token=abc123def");
    drop(HttpCall::start(&Method::GET, &uri, None));
    let span = rig.spans().one("GET");
    let all = common::attributes(&span).to_string();
    for secret in ["changeme", "abc123def"] {
        assert!(!all.contains(secret), "{all}");
    }
    let url = attribute(&span, "url.full").to_string();
    assert!(url.contains("h:8089/x"), "{url}");
}
