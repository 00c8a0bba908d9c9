//! OTLP/HTTP: both formats, all signals, both routes.

use std::io::Write as _;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::{Value, json};
use telemetry_testkit::{
    MetricKind, MetricValue, OtlpRoute, ParseError, Sink, SpanKind, SpanStatus, Temporality,
};

use crate::{CHILD, ROOT, TRACE, post};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

fn resource() -> Value {
    json!({"attributes": [{"key": "service.name", "value": {"stringValue": "demo"}}]})
}

fn scope() -> Value {
    json!({"name": "demo.scope", "version": "1.2"})
}

fn traces() -> Value {
    json!({"resourceSpans": [{"resource": resource(), "scopeSpans": [{"scope": scope(), "spans": [
        {
            "traceId": TRACE, "spanId": ROOT, "parentSpanId": "", "name": "tools/call search",
            "kind": 2, "startTimeUnixNano": "1000000000", "endTimeUnixNano": "3500000000",
            "traceState": "ot=th:8", "flags": 769,
            "status": {"code": 2, "message": "tool_error"},
            "attributes": [
                {"key": "mcp.tool.name", "value": {"stringValue": "search"}},
                {"key": "n", "value": {"intValue": "-7"}},
                {"key": "ratio", "value": {"doubleValue": 0.5}},
                {"key": "yes", "value": {"boolValue": true}},
                {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
                {"key": "map", "value": {"kvlistValue": {"values": [
                    {"key": "a", "value": {"stringValue": "b"}}]}}},
                {"key": "bytes", "value": {"bytesValue": "AP8="}},
            ],
            "events": [{"name": "exception", "timeUnixNano": "2000000000", "attributes": [
                {"key": "exception.type", "value": {"stringValue": "E"}}]}],
            "links": [{"traceId": TRACE, "spanId": CHILD, "flags": 1, "attributes": []}],
        },
        {
            "traceId": TRACE, "spanId": CHILD, "parentSpanId": ROOT, "name": "mcp.tool.search",
            "kind": 1, "startTimeUnixNano": "1000000001", "endTimeUnixNano": "1000000001",
        },
    ]}]}]})
}

fn logs() -> Value {
    json!({"resourceLogs": [{"resource": resource(), "scopeLogs": [{"scope": scope(), "logRecords": [
        {
            "timeUnixNano": "5", "observedTimeUnixNano": "6", "severityNumber": 13,
            "severityText": "WARN", "body": {"stringValue": "slow"}, "eventName": "slow.search",
            "traceId": TRACE, "spanId": ROOT, "flags": 1,
            "attributes": [{"key": "k", "value": {"stringValue": "v"}}],
        },
        {"timeUnixNano": "7", "severityNumber": 9, "body": {"stringValue": "no span"},
         "traceId": "", "spanId": ""},
    ]}]}]})
}

fn metrics() -> Value {
    let times = json!({"startTimeUnixNano": "1", "timeUnixNano": "2"});
    let point = |more: Value| {
        let mut point = times.clone();
        for (key, value) in more.as_object().unwrap() {
            point[key] = value.clone();
        }
        point
    };
    let attributes = json!([{"key": "mcp.method.name", "value": {"stringValue": "tools/call"}}]);
    json!({"resourceMetrics": [{"resource": resource(), "scopeMetrics": [{"scope": scope(), "metrics": [
        {"name": "mcp.server.operation.duration", "unit": "s", "description": "d", "histogram": {
            "aggregationTemporality": 2, "dataPoints": [point(json!({
                "attributes": attributes, "count": "3", "sum": 0.7, "min": 0.1, "max": 0.4,
                "explicitBounds": [0.2, 0.5], "bucketCounts": ["1", "2", "0"],
                "exemplars": [{"timeUnixNano": "2", "asDouble": 0.4, "traceId": TRACE,
                               "spanId": ROOT, "filteredAttributes": []}]}))]}},
        {"name": "requests", "unit": "1", "sum": {
            "aggregationTemporality": 1, "isMonotonic": true,
            "dataPoints": [point(json!({"attributes": attributes, "asInt": "12"}))]}},
        {"name": "load", "gauge": {"dataPoints": [point(json!({"asDouble": 0.25}))]}},
        {"name": "sizes", "exponentialHistogram": {
            "aggregationTemporality": 1, "dataPoints": [point(json!({
                "count": "2", "sum": 3.0, "scale": 1, "zeroCount": "0",
                "positive": {"offset": -1, "bucketCounts": ["1", "1"]}}))]}},
        {"name": "old", "summary": {"dataPoints": [point(json!({
            "count": "2", "sum": 3.0, "quantileValues": [{"quantile": 0.5, "value": 1.5}]}))]}},
    ]}]}]})
}

/// A request in protobuf, made from JSON by the library that exporters use. That library reads
/// some fields of metrics otherwise than the format says.
fn protobuf(path: &str, mut json: Value) -> Vec<u8> {
    let mut at = |pointer: &str, values: Value| {
        let pointer = format!("/resourceMetrics/0/scopeMetrics/0/metrics{pointer}");
        if let Some(object) = json.pointer_mut(&pointer) {
            for (key, value) in values.as_object().unwrap() {
                object[key] = value.clone();
            }
        }
    };
    at("/1/sum/dataPoints/0", json!({"asInt": 12}));
    at(
        "/0/histogram/dataPoints/0/exemplars/0",
        json!({"value": {"asDouble": 0.4}}),
    );
    at(
        "/3/exponentialHistogram/dataPoints/0",
        json!({"attributes": [], "flags": 0, "exemplars": [], "zeroThreshold": 0.0}),
    );
    let path = path.trim_end_matches('/');
    if path.ends_with("traces") {
        let request: ExportTraceServiceRequest = serde_json::from_value(json).unwrap();
        request.encode_to_vec()
    } else if path.ends_with("logs") {
        let request: ExportLogsServiceRequest = serde_json::from_value(json).unwrap();
        request.encode_to_vec()
    } else {
        let request: ExportMetricsServiceRequest = serde_json::from_value(json).unwrap();
        request.encode_to_vec()
    }
}

/// Sends the same request in both formats; each must be answered with an empty message of its
/// own format. Gives the sink with both.
async fn both_formats(path: &str, json: Value) -> Sink {
    let sink = Sink::start().unwrap();
    let response = post(&sink, path, &[PROTOBUF], protobuf(path, json.clone())).await;
    assert_eq!(response.status(), 200, "{}", sink.received());
    assert_eq!(response.headers()["content-type"], "application/x-protobuf");
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    let response = post(&sink, path, &[JSON], json.to_string()).await;
    assert_eq!(response.status(), 200, "{}", sink.received());
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.text().await.unwrap(), "{}");
    assert!(sink.received().problems().is_empty());
    sink
}

#[tokio::test]
async fn traces_are_read_whole_in_both_formats() {
    let sink = both_formats("/v1/traces", traces()).await;
    let received = sink.received();
    let spans = received.otlp_spans_of(TRACE);
    assert_eq!(spans.len(), 4, "{received}");
    // In the order of their ends, one of each request.
    let (children, roots) = spans.split_at(2);
    for (root, child) in roots.iter().zip(children) {
        assert_eq!((root.span_id.as_str(), &root.parent_span_id), (ROOT, &None));
        assert_eq!(root.name, "tools/call search");
        assert_eq!(root.kind, SpanKind::Server);
        assert_eq!(root.status, SpanStatus::Error);
        assert_eq!(root.status_message, "tool_error");
        assert_eq!(root.start_nanos, 1_000_000_000);
        assert_eq!(root.duration().as_millis(), 2500);
        assert_eq!((root.trace_state.as_str(), root.flags), ("ot=th:8", 0x301));
        assert_eq!(root.route, OtlpRoute::Plain);
        assert_eq!(root.scope.name, "demo.scope");
        assert_eq!(root.scope.version, "1.2");
        assert_eq!(root.resource["service.name"], "demo");
        assert_eq!(root.attribute_str("mcp.tool.name"), Some("search"));
        let attributes = json!(root.attributes);
        assert_eq!(
            attributes,
            json!({"mcp.tool.name": "search", "n": -7, "ratio": 0.5, "yes": true, "list": [1],
                   "map": {"a": "b"}, "bytes": "00ff"})
        );
        assert_eq!(root.events[0].name, "exception");
        assert_eq!(root.events[0].time_nanos, 2_000_000_000);
        assert_eq!(root.events[0].attributes["exception.type"], "E");
        assert_eq!(root.links[0].span_id, CHILD);
        assert_eq!(child.parent_span_id.as_deref(), Some(ROOT));
        assert_eq!(child.status, SpanStatus::Unset);
    }
    assert_eq!(received.otlp_span(CHILD).unwrap().kind, SpanKind::Internal);
}

#[tokio::test]
async fn sentrys_otlp_paths_are_told_apart() {
    let sink = both_formats("/api/1/integration/otlp/v1/traces/", traces()).await;
    let spans = sink.received();
    assert!(
        spans
            .otlp_spans()
            .iter()
            .all(|span| span.route == OtlpRoute::Sentry)
    );
    let sink = both_formats("/api/1/integration/otlp/v1/logs", logs()).await;
    assert_eq!(sink.received().otlp_logs()[0].route, OtlpRoute::Sentry);
    assert!(
        sink.sentry_otlp_endpoint()
            .ends_with("/api/1/integration/otlp")
    );
}

#[tokio::test]
async fn logs_are_read_whole_in_both_formats() {
    let sink = both_formats("/v1/logs", logs()).await;
    let received = sink.received();
    assert_eq!(received.otlp_logs().len(), 4);
    for log in received.otlp_logs_of(TRACE) {
        assert_eq!(log.text(), Some("slow"));
        assert_eq!((log.time_nanos, log.observed_nanos), (5, 6));
        assert_eq!(log.severity_number, 13);
        assert_eq!(log.severity_text, "WARN");
        assert_eq!(log.span_id.as_deref(), Some(ROOT));
        assert_eq!(log.attribute("k"), Some(&json!("v")));
        assert_eq!(log.event_name, "slow.search");
        assert_eq!(log.resource["service.name"], "demo");
    }
    let without = received.otlp_logs()[3];
    assert_eq!((&without.trace_id, &without.span_id), (&None, &None));
}

#[tokio::test]
async fn metrics_are_read_whole_in_both_formats() {
    let sink = both_formats("/v1/metrics", metrics()).await;
    let received = sink.received();
    assert_eq!(received.otlp_metrics().len(), 10, "{received}");
    let durations = received.otlp_metrics_named("mcp.server.operation.duration");
    assert_eq!(durations.len(), 2);
    for metric in durations {
        let temporality = Temporality::Cumulative;
        assert_eq!(metric.kind, MetricKind::Histogram { temporality });
        assert_eq!(metric.unit, "s");
        let point = &metric.points[0];
        assert_eq!(
            point.attribute("mcp.method.name"),
            Some(&json!("tools/call"))
        );
        let histogram = point.histogram().unwrap();
        assert_eq!((histogram.count, histogram.sum), (3, Some(0.7)));
        assert_eq!((histogram.min, histogram.max), (Some(0.1), Some(0.4)));
        assert_eq!(histogram.bounds, [0.2, 0.5]);
        assert_eq!(histogram.bucket_counts, [1, 2, 0]);
        assert_eq!(point.exemplars[0].value, Some(0.4));
        assert_eq!(point.exemplars[0].span_id.as_deref(), Some(ROOT));
    }
    for metric in received.otlp_metrics_named("requests") {
        let kind = MetricKind::Sum {
            monotonic: true,
            temporality: Temporality::Delta,
        };
        assert_eq!(metric.kind, kind);
        assert_eq!(metric.points[0].value, MetricValue::Int(12));
        assert_eq!(metric.points[0].number(), Some(12.0));
        assert_eq!(
            (metric.points[0].start_nanos, metric.points[0].time_nanos),
            (1, 2)
        );
    }
    for metric in received.otlp_metrics_named("load") {
        assert_eq!(metric.points[0].value, MetricValue::Double(0.25));
    }
    for metric in received.otlp_metrics_named("sizes") {
        let MetricValue::ExponentialHistogram(histogram) = &metric.points[0].value else {
            panic!("{metric:?}");
        };
        assert_eq!((histogram.count, histogram.scale), (2, 1));
        assert_eq!(histogram.positive, (-1, vec![1, 1]));
        assert_eq!(histogram.negative, (0, vec![]));
    }
    for metric in received.otlp_metrics_named("old") {
        let quantiles = vec![(0.5, 1.5)];
        let value = MetricValue::Summary {
            count: 2,
            sum: 3.0,
            quantiles,
        };
        assert_eq!(metric.points[0].value, value);
    }
}

#[tokio::test]
async fn json_may_leave_out_and_null_what_has_a_default() {
    let sink = Sink::start().unwrap();
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        assert_eq!(post(&sink, path, &[JSON], "{}").await.status(), 200);
    }
    let body = json!({"resourceSpans": [{"resource": null, "scopeSpans": [{"spans": [{
        "traceId": TRACE, "spanId": ROOT, "parentSpanId": null, "status": {}, "attributes": [
            {"key": "nothing", "value": {}},
            {"key": "empty", "value": {"arrayValue": {}}},
            {"key": "none", "value": null},
        ],
        "unknownField": {"value": {}},
    }]}]}]});
    let response = post(&sink, "/v1/traces", &[JSON], body.to_string()).await;
    assert_eq!(response.status(), 200, "{}", sink.received());
    let received = sink.received();
    let attributes = json!(received.otlp_spans()[0].attributes);
    assert_eq!(
        attributes,
        json!({"nothing": null, "empty": [], "none": null})
    );
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "sizes", "exponentialHistogram": {"dataPoints": [
            {"count": "1", "negative": {"bucketCounts": ["1"]},
             "exemplars": [{"asInt": "7"}]}]}},
    ]}]}]});
    let response = post(&sink, "/v1/metrics", &[JSON], body.to_string()).await;
    assert_eq!(response.status(), 200, "{}", sink.received());
    let received = sink.received();
    let exemplar = &received.otlp_metrics()[0].points[0].exemplars[0];
    assert_eq!((exemplar.value, &exemplar.span_id), (Some(7.0), &None));
}

#[tokio::test]
async fn every_encoding_is_taken() {
    let sink = Sink::start().unwrap();
    let body = protobuf("/v1/traces", traces());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    gzip.write_all(&body).unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
    zlib.write_all(&body).unwrap();
    let bodies = [
        ("identity", body.clone()),
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(body.as_slice(), 1).unwrap()),
    ];
    for (encoding, wire) in bodies {
        let headers = [PROTOBUF, ("content-encoding", encoding)];
        let response = post(&sink, "/v1/traces", &headers, wire).await;
        assert_eq!(response.status(), 200, "{encoding}");
    }
    let received = sink.received();
    assert_eq!(received.otlp_spans_of(TRACE).len(), 8);
    assert!(received.requests().iter().all(|r| r.body == body));
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

async fn refused(path: &str, body: Value) -> (String, String) {
    let sink = Sink::start().unwrap();
    let in_json = post(&sink, path, &[JSON], body.to_string()).await;
    assert_eq!(in_json.status(), 400, "{body}");
    let detail: Value = in_json.json().await.unwrap();
    let in_protobuf = post(&sink, path, &[PROTOBUF], protobuf(path, body)).await;
    assert_eq!(in_protobuf.status(), 400);
    let status = RpcStatus::decode(in_protobuf.bytes().await.unwrap()).unwrap();
    assert_eq!(status.code, 3);
    let received = sink.received();
    assert_eq!(received.problems().len(), 2);
    assert!(received.otlp_spans().is_empty() && received.otlp_metrics().is_empty());
    (
        detail["message"].as_str().unwrap().to_owned(),
        status.message,
    )
}

#[tokio::test]
async fn what_is_unsound_is_refused_in_both_formats() {
    let span = |key: &str, value: Value| {
        let mut body = traces();
        body["resourceSpans"][0]["scopeSpans"][0]["spans"][1][key] = value;
        body
    };
    let cases = [
        (
            span("traceId", json!("")),
            "span 1.trace_id: expected 16 bytes, not all zero, found 0 bytes",
        ),
        (
            span("spanId", json!("0".repeat(16))),
            "span 1.span_id: expected 8 bytes, not all zero, found zeros",
        ),
        (
            span("parentSpanId", json!("ab")),
            "span 1.parent_span_id: expected 8 bytes, not all zero, found 1 bytes",
        ),
        (
            span("endTimeUnixNano", json!("5")),
            "span 1.end_time_unix_nano: expected a time not before",
        ),
        (
            span("kind", json!(9)),
            "span 1.kind: expected 0 to 5, found 9",
        ),
    ];
    for (body, expected) in cases {
        let (in_json, in_protobuf) = refused("/v1/traces", body).await;
        assert!(in_json.contains(expected), "{in_json}");
        assert_eq!(in_json, in_protobuf);
    }
    let mut body = metrics();
    body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["histogram"]["dataPoints"][0]["bucketCounts"] =
        json!(["1"]);
    let (in_json, in_protobuf) = refused("/v1/metrics", body).await;
    assert!(
        in_json.contains("bucket_counts: expected one more than explicit_bounds, found 1 for 2"),
        "{in_json}"
    );
    assert_eq!(in_json, in_protobuf);
}

#[tokio::test]
async fn what_is_not_otlp_is_refused() {
    let sink = Sink::start().unwrap();
    let cases = [
        (PROTOBUF, "not protobuf at all", 400),
        (JSON, "{\"resourceSpans\":", 400),
        (JSON, "[]", 400),
        (JSON, "{\"resourceSpans\":7}", 400),
        (("content-type", "text/plain"), "{}", 415),
        (("x-no-content-type", ""), "{}", 415),
    ];
    for (header, body, status) in cases {
        let response = post(&sink, "/v1/traces", &[header], body).await;
        assert_eq!(response.status(), status, "{header:?} {body}");
    }
    for point in [json!({"asInt": "twelve"}), json!({"asDouble": "NaN"})] {
        let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": "n", "gauge": {"dataPoints": [point]}}]}]}]});
        let response = post(&sink, "/v1/metrics", &[JSON], body.to_string()).await;
        assert_eq!(response.status(), 400, "{body}");
    }
    let received = sink.received();
    assert_eq!(received.problems().len(), 8);
    assert!(matches!(
        received.problems()[0].error,
        ParseError::Protobuf {
            signal: "traces",
            ..
        }
    ));
}
