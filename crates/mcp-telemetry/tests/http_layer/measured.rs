//! Durations of HTTP requests, as a collector receives them.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::MutexGuard;
use std::task::Poll;

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use mcp_telemetry::http::{HttpCall, HttpLayer};
use mcp_telemetry::{Builder, Telemetry, TelemetryLayer};
use serde_json::{Value as Json, json};
use telemetry_testkit::{Histogram, MetricKind, OtlpMetric, Received, Sink, Temporality};
use tower::{Layer as _, ServiceExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::common::{alone, config};
use crate::{Headers, Stream, answering, exchange, request};

const SERVED: &str = "http.server.request.duration";
const SENT: &str = "http.client.request.duration";

/// Telemetry that sends metrics, and nothing but what else is asked for.
struct Metrics {
    sink: Sink,
    telemetry: Telemetry,
    _alone: MutexGuard<'static, ()>,
}

impl Metrics {
    /// Metrics alone: no spans, no subscriber.
    fn alone() -> Self {
        Self::new(&[]).0
    }

    /// Metrics, and spans where these variables say so.
    fn new(variables: &[(&str, &str)]) -> (Self, TelemetryLayer) {
        let alone = alone();
        let sink = Sink::start().unwrap();
        let endpoint = sink.otlp_endpoint();
        let own = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_LOGS_EXPORTER", "none"),
        ];
        let without_traces = [("OTEL_TRACES_EXPORTER", "none")];
        let variables = match variables {
            [] => [&own, &without_traces[..]].concat(),
            variables => [&own, variables].concat(),
        };
        let builder = Builder::new(config(&variables)).with_stderr_logs(false);
        let (telemetry, layer) = builder.build().unwrap();
        telemetry.make_global();
        let metrics = Self {
            sink,
            telemetry,
            _alone: alone,
        };
        (metrics, layer)
    }

    /// Ends telemetry; gives what the collector got.
    fn finish(self) -> Received {
        self.telemetry.shutdown().unwrap();
        let received = self.sink.received();
        assert!(received.problems().is_empty(), "{:?}", received.problems());
        received
    }
}

/// The only metric of this name; it is a histogram of seconds with HTTP's buckets.
fn durations<'a>(received: &'a Received, name: &str) -> &'a OtlpMetric {
    let found = received.otlp_metrics_named(name);
    let [metric] = found.as_slice() else {
        panic!("{} metrics `{name}`: {found:?}", found.len());
    };
    assert_eq!(metric.unit, "s");
    assert_eq!(metric.scope.name, "mcp-telemetry");
    let temporality = Temporality::Cumulative;
    assert_eq!(metric.kind, MetricKind::Histogram { temporality });
    for point in &metric.points {
        let histogram = point.histogram().unwrap();
        let bounds = [
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        ];
        assert_eq!(histogram.bounds, bounds);
        assert!(histogram.sum.is_some_and(|sum| sum >= 0.0));
    }
    metric
}

/// The attributes of each point and how often it was recorded, sorted.
fn points(metric: &OtlpMetric) -> Vec<(Json, u64)> {
    let count = |histogram: &Histogram| histogram.count;
    let points = metric.points.iter();
    let mut points: Vec<_> = points
        .map(|point| {
            let count = point.histogram().map_or(0, count);
            (json!(point.attributes), count)
        })
        .collect();
    points.sort_by_key(|(attributes, _)| attributes.to_string());
    points
}

#[track_caller]
fn assert_points(metric: &OtlpMetric, mut expected: Vec<(Json, u64)>) {
    expected.sort_by_key(|(attributes, _)| attributes.to_string());
    assert_eq!(points(metric), expected);
}

#[tokio::test]
async fn requests_are_measured_without_any_tracing() {
    let metrics = Metrics::alone();
    let sent: Headers<'_> = &[
        ("host", b"client-chosen.example"),
        ("user-agent", b"claude/1.0"),
        ("mcp-session-id", b"s-1"),
        ("mcp-method", b"tools/call"),
        ("mcp-name", b"search"),
    ];
    for (method, uri, status, times) in [
        ("POST", "/mcp", 200, 3),
        ("POST", "/mcp?a=b", 503, 1),
        ("BREW", "/client/chosen", 405, 1),
        ("GET", "https://h/health", 200, 2),
        ("GET", "foo://h/health", 200, 1),
    ] {
        for _ in 0..times {
            let service = answering(HttpLayer::new(), status);
            exchange(service, request(method, uri, sent)).await;
        }
    }
    let received = metrics.finish();
    let expected = vec![
        (
            json!({
                "http.request.method": "POST", "http.route": "/mcp", "url.scheme": "http",
                "http.response.status_code": 200, "network.protocol.version": "1.1",
            }),
            3,
        ),
        (
            json!({
                "http.request.method": "POST", "http.route": "/mcp", "url.scheme": "http",
                "http.response.status_code": 503, "network.protocol.version": "1.1",
                "error.type": "503",
            }),
            1,
        ),
        (
            json!({
                "http.request.method": "_OTHER", "url.scheme": "http",
                "http.response.status_code": 405, "network.protocol.version": "1.1",
            }),
            1,
        ),
        (
            json!({
                "http.request.method": "GET", "http.route": "/health", "url.scheme": "https",
                "http.response.status_code": 200, "network.protocol.version": "1.1",
            }),
            2,
        ),
        (
            json!({
                "http.request.method": "GET", "http.route": "/health", "url.scheme": "http",
                "http.response.status_code": 200, "network.protocol.version": "1.1",
            }),
            1,
        ),
    ];
    assert_points(durations(&received, SERVED), expected);
    assert!(received.otlp_spans().is_empty());
}

#[tokio::test]
async fn requests_are_measured_whether_or_not_they_are_sampled() {
    let (metrics, layer) = Metrics::new(&[("SENTRY_TRACES_SAMPLE_RATE", "0.0")]);
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    let _current = tracing::subscriber::set_default(subscriber);
    for path in ["/mcp", "/elsewhere"] {
        let service = answering(HttpLayer::new(), 200);
        exchange(service, request("POST", path, &[])).await;
    }
    let call = HttpCall::start(&Method::GET, &Uri::from_static("http://h/p"), None);
    call.respond(StatusCode::OK, Version::HTTP_11);
    drop(call);
    let received = metrics.finish();
    let names: Vec<_> = received
        .otlp_spans()
        .iter()
        .map(|span| span.name.clone())
        .collect();
    assert_eq!(names, ["POST /mcp"]);
    let counts = |name| points(durations(&received, name)).len();
    assert_eq!((counts(SERVED), counts(SENT)), (2, 1));
}

#[derive(Debug)]
struct BrokenError;

#[tokio::test]
async fn every_way_to_end_is_measured_once() {
    let metrics = Metrics::alone();
    // Given up before there is an answer.
    let hanging = HttpLayer::new().layer(tower::service_fn(|_: Request<String>| {
        pending::<Result<Response<String>, Infallible>>()
    }));
    {
        let mut asked = pin!(hanging.oneshot(request("POST", "/mcp", &[])));
        assert!(poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_pending())).await);
    }
    // Given up while the answer is sent: the status is known.
    let (frames, stream) = Stream::new();
    let mut stream = Some(stream);
    let streaming = HttpLayer::new().layer(tower::service_fn(move |_: Request<String>| {
        let response = Response::new(stream.take().unwrap());
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    let response = streaming
        .oneshot(request("PUT", "/mcp", &[]))
        .await
        .unwrap();
    drop(response);
    drop(frames);
    // No answer.
    let broken = HttpLayer::new().layer(tower::service_fn(|_: Request<String>| {
        std::future::ready(Err::<Response<String>, _>(BrokenError))
    }));
    assert!(broken.oneshot(request("GET", "/mcp", &[])).await.is_err());
    // A panic.
    let panicking = HttpLayer::new().layer(tower::service_fn(async |_: Request<String>| {
        if true {
            panic!("on purpose");
        }
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let asked = panicking.oneshot(request("DELETE", "/mcp", &[]));
    let task = tokio::spawn(async move { asked.await.is_ok() });
    assert!(task.await.unwrap_err().is_panic());

    let received = metrics.finish();
    let of = |method: &str, status: Option<u16>, error: Option<&str>| {
        let mut attributes = json!({
            "http.request.method": method, "http.route": "/mcp", "url.scheme": "http",
            "network.protocol.version": "1.1",
        });
        if let Some(status) = status {
            attributes["http.response.status_code"] = json!(status);
        }
        if let Some(error) = error {
            attributes["error.type"] = json!(error);
        }
        (attributes, 1)
    };
    let expected = vec![
        of("POST", None, None),
        of("PUT", Some(200), None),
        of("GET", None, Some("BrokenError")),
        of("DELETE", None, Some("panic")),
    ];
    assert_points(durations(&received, SERVED), expected);
}

/// Streams that last as long as a session are measured while they go on.
#[tokio::test]
async fn a_stream_of_events_is_measured_at_its_headers() {
    let metrics = Metrics::alone();
    let listen: Headers<'_> = &[("mcp-method", b"subscriptions/listen")];
    let mut open = Vec::new();
    for (method, headers) in [("GET", &[][..]), ("POST", listen), ("POST", &[][..])] {
        let (frames, stream) = Stream::new();
        let mut stream = Some(stream);
        let service = HttpLayer::new().layer(tower::service_fn(move |_: Request<String>| {
            let mut response = Response::new(stream.take().unwrap());
            let events = HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert(header::CONTENT_TYPE, events);
            std::future::ready(Ok::<_, Infallible>(response))
        }));
        let response = service.oneshot(request(method, "/mcp", headers)).await;
        open.push((frames, response.unwrap()));
    }
    let received = metrics.finish();
    let counts: Vec<_> = points(durations(&received, SERVED))
        .into_iter()
        .map(|(attributes, count)| (attributes["http.request.method"].clone(), count))
        .collect();
    // The answer to the other POST goes on.
    assert_eq!(counts, [(json!("GET"), 1), (json!("POST"), 1)]);
    drop(open);
}

#[tokio::test]
async fn sessions_that_are_not_known_are_counted() {
    let metrics = Metrics::alone();
    let named: Headers<'_> = &[("mcp-session-id", b"s-1")];
    let modern: Headers<'_> = &[
        ("mcp-session-id", b"s-1"),
        ("mcp-protocol-version", b"2026-07-28"),
    ];
    for (path, headers, status) in [
        ("/mcp", named, 404),
        ("/mcp", named, 404),
        ("/mcp", named, 200),
        ("/mcp", modern, 404),
        ("/mcp", &[], 404),
        ("/elsewhere", named, 404),
    ] {
        let service = answering(HttpLayer::new(), status);
        exchange(service, request("POST", path, headers)).await;
    }
    let received = metrics.finish();
    let found = received.otlp_metrics_named("mcp.server.session.not_found");
    let [metric] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(metric.unit, "{request}");
    let [point] = metric.points.as_slice() else {
        panic!("{:?}", metric.points);
    };
    assert_eq!(point.number(), Some(2.0));
    assert!(point.attributes.is_empty(), "{:?}", point.attributes);
}

#[test]
fn calls_are_measured_without_any_tracing() {
    let metrics = Metrics::alone();
    let jobs = Uri::from_static("https://splunk.local:8089/services/search/jobs/1.2?secret=x");
    let template = Some("/services/search/jobs/{sid}");
    for status in [200, 200, 404, 503] {
        let call = HttpCall::start(&Method::GET, &jobs, template);
        call.respond(StatusCode::from_u16(status).unwrap(), Version::HTTP_2);
    }
    let plain = Uri::from_static("http://h/p");
    let call = HttpCall::start(&Method::POST, &plain, None);
    call.fail("timeout", &"no answer within 30 s");
    drop(call);
    // Nobody waits for it any more.
    drop(HttpCall::start(&Method::PUT, &plain, None));
    // The answer comes, and breaks.
    let call = HttpCall::start(&Method::from_bytes(b"BREW").unwrap(), &plain, None);
    call.respond(StatusCode::OK, Version::HTTP_11);
    call.fail("connection", &"reset");
    drop(call);

    let received = metrics.finish();
    let splunk = |status: u16, error: Option<&str>| {
        let mut attributes = json!({
            "http.request.method": "GET", "server.address": "splunk.local", "server.port": 8089,
            "url.template": "/services/search/jobs/{sid}",
            "http.response.status_code": status, "network.protocol.version": "2",
        });
        if let Some(error) = error {
            attributes["error.type"] = json!(error);
        }
        attributes
    };
    let expected = vec![
        (splunk(200, None), 2),
        (splunk(404, Some("404")), 1),
        (splunk(503, Some("503")), 1),
        (
            json!({
                "http.request.method": "POST", "server.address": "h", "server.port": 80,
                "error.type": "timeout",
            }),
            1,
        ),
        (
            json!({
                "http.request.method": "PUT", "server.address": "h", "server.port": 80,
            }),
            1,
        ),
        (
            json!({
                "http.request.method": "_OTHER", "server.address": "h", "server.port": 80,
                "http.response.status_code": 200, "network.protocol.version": "1.1",
                "error.type": "connection",
            }),
            1,
        ),
    ];
    assert_points(durations(&received, SENT), expected);
}
