//! The ways of spans into Sentry: what comes by which, once, with errors and logs beside.

use std::io;

use mcp_telemetry::opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use mcp_telemetry::opentelemetry::{Context, KeyValue};
use mcp_telemetry::otel_pipeline::ContextAttributes;
use telemetry_testkit::{OtlpSpan, Received, Sink};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::common::Live;
use crate::{live, make_global};

const WAY: &str = "MCP_TELEMETRY_SENTRY_TRACES";
const OTLP: &str = "/api/1/integration/otlp/v1/";

/// Two spans: an error is logged, a library records another, and there are secrets.
fn work() {
    work_in(&tracing::info_span!(
        "work token=abc123def456",
        password = "hunter2"
    ));
}

fn work_in(span: &Span) {
    let _in = span.enter();
    tracing::info_span!("inner").in_scope(|| tracing::error!("broken"));
    Context::map_current(|cx| cx.span().record_error(&io::Error::other("no disk")));
}

/// The spans that came by OTLP on a path, by name.
fn by_otlp<'a>(received: &'a Received, path: &str) -> Vec<&'a OtlpSpan> {
    let came = received.requests_on(path);
    let on_path = came
        .iter()
        .filter(|it| it.path.ends_with("/traces"))
        .count();
    assert!(on_path <= 1, "one batch: {on_path}");
    match on_path {
        0 => Vec::new(),
        _ => received.otlp_spans(),
    }
}

/// Both errors became events of the spans' trace, and nothing of the secrets got out.
fn assert_errors(received: &Received, trace_id: &str) {
    let mut texts: Vec<_> = received
        .events_of(trace_id)
        .iter()
        .map(|it| {
            it.exceptions.first().map_or_else(
                || it.message.clone().unwrap_or_default(),
                |exception| exception.value.clone().unwrap_or_default(),
            )
        })
        .collect();
    texts.sort();
    assert_eq!(texts, ["broken", "no disk"]);
    assert_eq!(received.events().len(), 2);
    assert!(
        received
            .logs_of(trace_id)
            .iter()
            .any(|it| it.body == "broken")
    );
    for request in received.requests() {
        let sent = String::from_utf8_lossy(&request.body);
        for secret in ["hunter2", "abc123def456"] {
            assert!(!sent.contains(secret), "{secret} on {}", request.path);
        }
    }
}

/// Telemetry with the stock processor; `traces` says whether spans go out over OTLP too. What it sends is in a directory of its own, apart
/// from what ingestion's rules are checked with: its transactions have times as text, no platform, and no release in the
/// trace header.
fn stock(traces: &str) -> Live {
    let directory = concat!(env!("CARGO_TARGET_TMPDIR"), "/stock");
    let sink = Sink::builder().store_bodies(directory).start().unwrap();
    let (dsn, endpoint) = (sink.dsn(), sink.otlp_endpoint());
    make_global(Live::with(
        sink,
        &[
            ("SENTRY_DSN", &dsn),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_TRACES_EXPORTER", traces),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            (WAY, "stock"),
        ],
    ))
}

fn release(span: &OtlpSpan) -> String {
    let found = span.attributes.get("sentry.release");
    found.map_or_else(|| "none".to_owned(), |it| format!("{it:?}"))
}

#[test]
fn otlp_to_the_project_of_the_dsn() {
    let live = live(&[(WAY, "otlp"), ("SENTRY_RELEASE", "app@9")]);
    work();
    let received = live.finish();
    assert!(received.transactions().is_empty());
    let spans = by_otlp(&received, OTLP);
    let names: Vec<_> = spans.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for span in &spans {
        assert!(release(span).contains("app@9"), "{span:?}");
    }
    let request = received.requests_on(OTLP)[0];
    let auth = request.header("x-sentry-auth").unwrap();
    assert_eq!(auth, "sentry sentry_key=7e1e3e7275e57c17a11ce5afe0000001");
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    assert_errors(&received, &spans[0].trace_id);
}

#[test]
fn otlp_to_the_project_and_to_a_collector() {
    let live = make_global(Live::both(&[(WAY, "otlp"), ("OTEL_LOGS_EXPORTER", "none")]));
    work();
    let received = live.finish();
    let mut spans: Vec<_> = received.otlp_spans();
    spans.sort_by_key(|it| it.span_id.clone());
    let ids: Vec<_> = spans.iter().map(|it| &it.span_id).collect();
    assert_eq!(ids.len(), 4, "twice two");
    assert_eq!((ids[0], ids[2]), (ids[1], ids[3]), "the same to both");
    assert_eq!(received.requests_on(OTLP).len(), 1);
    assert_eq!(received.requests_on("/v1/traces").len(), 1);
    assert_errors(&received, &spans[0].trace_id);
}

#[test]
fn through_a_collector() {
    let live = make_global(Live::both(&[
        (WAY, "collector"),
        ("SENTRY_RELEASE", "app@9"),
    ]));
    work();
    let received = live.finish();
    assert!(received.transactions().is_empty());
    assert!(received.requests_on(OTLP).is_empty());
    let spans = by_otlp(&received, "/v1/traces");
    assert_eq!(spans.len(), 2);
    assert!(release(spans[0]).contains("app@9"), "{:?}", spans[0]);
    assert_errors(&received, &spans[0].trace_id);
}

#[test]
fn the_bridge_puts_no_release_on_spans() {
    let live = make_global(Live::both(&[]));
    work();
    let received = live.finish();
    let spans = by_otlp(&received, "/v1/traces");
    assert_eq!(spans.len(), 2);
    assert_eq!(release(spans[0]), "none");
    assert_eq!(received.transactions().len(), 1);
    assert_errors(&received, &spans[0].trace_id);
}

#[test]
fn the_stock_processor() {
    let live = stock("otlp");
    work();
    let received = live.finish();
    let spans = by_otlp(&received, "/v1/traces");
    assert_eq!(spans.len(), 2);
    let (trace_id, transactions) = (&spans[0].trace_id, received.transactions());
    assert_eq!(transactions.len(), 1);
    assert_eq!(received.transaction_of(trace_id).unwrap().spans.len(), 1);
    for span in &spans {
        assert!(received.span(&span.span_id).is_some(), "{span:?}");
    }
    assert_errors(&received, trace_id);
}

#[test]
fn the_stock_processor_gets_what_is_sampled_with_what_it_inherits() {
    let unsampled = live(&[(WAY, "stock"), ("SENTRY_TRACES_SAMPLE_RATE", "0")]);
    work();
    assert!(unsampled.finish().transactions().is_empty());

    let live = stock("none");
    let set = ContextAttributes::new([KeyValue::new("mcp.client.name", "Bearer abc123def456")]);
    let span = tracing::info_span!("above");
    span.set_parent(Context::new().with_value(set)).unwrap();
    work_in(&span);
    drop(span);
    let received = live.finish();
    let [sent] = &received.transactions()[..] else {
        panic!("{:?}", received.transactions());
    };
    let data = &sent.raw["contexts"]["trace"]["data"];
    assert_eq!(data["mcp.client.name"], "Bearer ***REDACTED***");
    assert!(!sent.raw.to_string().contains("otel_pipeline"));
}

#[test]
fn the_stock_processor_continues_a_trace() {
    let live = stock("none");
    let trace_id = TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
    let parent = SpanId::from_hex("00f067aa0ba902b7").unwrap();
    let remote = SpanContext::new(
        trace_id,
        parent,
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    let span = tracing::info_span!("work");
    span.set_parent(Context::new().with_remote_span_context(remote))
        .unwrap();
    span.in_scope(|| {});
    drop(span);
    let received = live.finish();
    let transaction = received.transaction_of(trace_id).unwrap();
    let found = transaction.parent_span_id.as_deref();
    assert_eq!(found, Some("00f067aa0ba902b7"));
}

/// A setting that the project would get twice over is reported by the strict reading, so this
/// takes the lenient one.
#[test]
fn an_endpoint_of_the_same_project_sends_nothing_twice() {
    let sink = Sink::start().unwrap();
    let base = format!("{}/api/1/integration/otlp", sink.otlp_endpoint());
    for (way, transactions, spans) in [("bridge", 1, 0), ("otlp", 0, 2), ("collector", 0, 2)] {
        let variables = [
            ("SENTRY_DSN", sink.dsn()),
            (WAY, way.to_owned()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", base.clone()),
            ("OTEL_METRICS_EXPORTER", "none".to_owned()),
        ];
        let before = sink.received();
        Live::lenient(&variables, work);
        let after = sink.received();
        let new = |of: fn(&Received) -> usize| of(&after) - of(&before);
        assert_eq!(new(|it| it.transactions().len()), transactions, "{way}");
        assert_eq!(new(|it| it.otlp_spans().len()), spans, "{way}");
        assert_eq!(new(|it| it.otlp_logs().len()), 0, "{way}");
        let broken = |it: &Received| it.logs().iter().filter(|it| it.body == "broken").count();
        assert_eq!(new(broken), 1, "{way}");
    }
}
