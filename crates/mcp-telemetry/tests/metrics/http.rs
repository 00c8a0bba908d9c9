//! Durations of HTTP requests, served and sent.

use std::convert::Infallible;

use http::{Method, Request, Response, StatusCode, Uri, Version};
use mcp_telemetry::http::{HttpCall, HttpLayer};
use serde_json::{Value as Json, json};
use telemetry_testkit::Received;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::common::Live;
use crate::{expected, histograms, metric, points};

const SERVER: &str = "http.server.request.duration";
const CLIENT: &str = "http.client.request.duration";
const NOT_FOUND: &str = "mcp.server.session.not_found";

const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Serves a request with this status.
async fn serve(method: &str, uri: &str, session: Option<&str>, status: u16) {
    let service = HttpLayer::new().layer(service_fn(move |_: Request<String>| {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    let mut request = Request::new(String::new());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = uri.parse().unwrap();
    if let Some(session) = session {
        let session = session.parse().unwrap();
        request.headers_mut().insert("mcp-session-id", session);
    }
    drop(service.oneshot(request).await.unwrap());
}

async fn serve_some() {
    serve("POST", "/mcp", None, 200).await;
    serve("POST", "/mcp", None, 200).await;
    serve("POST", "/mcp", Some("gone"), 404).await;
    serve("GET", "/health", None, 503).await;
    serve("BREW", "/secret/path", None, 200).await;
}

fn served() -> Vec<(Json, u64)> {
    let labels = |method: &str, status: u16| {
        json!({
            "http.request.method": method, "url.scheme": "http",
            "http.response.status_code": status, "network.protocol.version": "1.1",
        })
    };
    let with = |mut labels: Json, key: &str, value: &str| {
        labels[key] = json!(value);
        labels
    };
    let failed = with(labels("GET", 503), "http.route", "/health");
    expected([
        (with(labels("POST", 200), "http.route", "/mcp"), 2),
        (with(labels("POST", 404), "http.route", "/mcp"), 1),
        (with(failed, "error.type", "503"), 1),
        (labels("_OTHER", 200), 1),
    ])
}

fn assert_served(received: &Received) {
    assert_eq!(points(received, SERVER), served());
    assert_eq!(metric(received, SERVER).unwrap().unit, "s");
    for histogram in histograms(received, SERVER) {
        assert_eq!(histogram.bounds, BOUNDS);
    }
    let unknown = metric(received, NOT_FOUND).unwrap();
    assert_eq!(unknown.unit, "{request}");
    assert_eq!(unknown.points.len(), 1);
    assert!(unknown.points[0].attributes.is_empty());
}

#[tokio::test]
async fn requests_that_are_served() {
    let live = Live::measured(&[]);
    serve_some().await;
    assert_served(&live.finish());
}

#[tokio::test]
async fn served_requests_count_where_nothing_is_traced() {
    let live = Live::measured(&[("OTEL_TRACES_EXPORTER", "none")]);
    serve_some().await;
    let received = live.finish();
    assert!(received.otlp_spans().is_empty());
    assert_served(&received);
}

#[tokio::test]
async fn requests_that_are_sent() {
    for traces in ["otlp", "none"] {
        let live = Live::measured(&[("OTEL_TRACES_EXPORTER", traces)]);
        let uri = Uri::from_static("https://splunk.local:8089/services/x/1?token=abc");
        let start = || HttpCall::start(&Method::GET, &uri, Some("/services/x/{id}"));
        start().respond(StatusCode::OK, Version::HTTP_11);
        start().respond(StatusCode::UNAUTHORIZED, Version::HTTP_2);
        start().fail("timeout", &"no answer");
        drop(start());
        let received = live.finish();
        let common = json!({
            "http.request.method": "GET", "server.address": "splunk.local",
            "server.port": 8089, "url.template": "/services/x/{id}",
        });
        let with = |more: Json| {
            let mut labels = common.clone();
            labels
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            (labels, 1)
        };
        let answered = |status: u16, version: &str| {
            json!({
                "http.response.status_code": status, "network.protocol.version": version,
            })
        };
        let mut refused = answered(401, "2");
        refused["error.type"] = json!("401");
        let expected = expected([
            with(answered(200, "1.1")),
            with(refused),
            with(json!({ "error.type": "timeout" })),
            with(json!({})),
        ]);
        assert_eq!(points(&received, CLIENT), expected, "{traces}");
        assert_eq!(metric(&received, CLIENT).unwrap().unit, "s");
        for histogram in histograms(&received, CLIENT) {
            assert_eq!(histogram.bounds, BOUNDS);
        }
    }
}
