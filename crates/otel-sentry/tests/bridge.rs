//! Spans of a real tracer provider, and what the Sentry SDK captures beside them, as a
//! Sentry endpoint receives them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, trace::SpanId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use otel_pipeline::ContextAttributes;
use otel_sentry::delivery::{Delivery, SharedTransport};
use otel_sentry::propagation::TracePropagator;
use otel_sentry::{SentryProcessor, SinkHandle, connect};
use sentry::{Client, ClientOptions, Hub};
use telemetry_testkit::{Sink, Transaction};

const DEADLINE: Duration = Duration::from_secs(20);

struct App {
    sink: Sink,
    client: Arc<Client>,
    provider: SdkTracerProvider,
    handle: SinkHandle,
}

impl App {
    fn start(sampler: Sampler) -> Self {
        let sink = Sink::start().unwrap();
        let transport = SharedTransport::new(Delivery::new());
        let options = ClientOptions::new()
            .dsn(&sink.dsn())
            .release("app@1.0.0")
            .environment("test");
        let client = Arc::new(Client::with_options(connect(options, &transport)));
        let processor = SentryProcessor::new(&client, &transport).unwrap();
        let handle = processor.handle();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_resource(Resource::builder_empty().with_service_name("svc").build())
            .with_span_processor(processor)
            .build();
        Self {
            sink,
            client,
            provider,
            handle,
        }
    }

    fn tracer(&self) -> SdkTracer {
        self.provider.tracer("app")
    }

    /// Runs with a Sentry scope of its own.
    fn scoped<T>(&self, run: impl FnOnce() -> T) -> T {
        let hub = Arc::new(Hub::new(Some(Arc::clone(&self.client)), Arc::default()));
        Hub::run(hub, run)
    }

    fn transactions(&self, trace: TraceId, count: usize) -> Vec<Transaction> {
        let found = self.sink.wait_for(DEADLINE, |received| {
            let found = received.transactions_of(trace);
            (found.len() >= count).then(|| found.into_iter().cloned().collect())
        });
        found.unwrap_or_else(|timeout| panic!("{timeout}; {:?}", self.handle.stats()))
    }
}

/// A span as child of `parent`, in its context.
fn start(tracer: &SdkTracer, name: &'static str, parent: &Context) -> Context {
    parent.with_span(tracer.start_with_context(name, parent))
}

fn trace_id(cx: &Context) -> TraceId {
    cx.span().span_context().trace_id()
}

fn span_id(cx: &Context) -> String {
    cx.span().span_context().span_id().to_string()
}

fn remote(trace: u128, span: u64) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(trace),
        SpanId::from(span),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    ))
}

#[test]
fn a_tree_is_one_transaction_with_everything_in_its_place() {
    let app = App::start(Sampler::AlwaysOn);
    let tracer = app.tracer();
    let root = tracer
        .span_builder("POST /mcp")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", "/mcp"),
            KeyValue::new("http.response.status_code", 200_i64),
        ])
        .start_with_context(&tracer, &Context::new());
    let root = Context::new().with_span(root);
    let tool = tracer
        .span_builder("mcp.tool.search")
        .with_attributes([KeyValue::new("sentry.op", "mcp.tool")])
        .start_with_context(&tracer, &root);
    let tool = root.with_span(tool);
    tool.span().set_status(Status::error("it broke"));
    tool.span().end();
    root.span().end();

    let found = app.transactions(trace_id(&root), 1);
    let transaction = &found[0];
    assert_eq!(transaction.name, "POST /mcp");
    assert_eq!(transaction.source.as_deref(), Some("route"));
    assert_eq!(transaction.op.as_deref(), Some("http.server"));
    assert_eq!(transaction.status.as_deref(), Some("ok"));
    assert_eq!(transaction.release.as_deref(), Some("app@1.0.0"));
    assert_eq!(transaction.environment.as_deref(), Some("test"));
    assert_eq!(transaction.platform.as_deref(), Some("native"));
    assert_eq!(transaction.parent_span_id, None);
    assert_eq!(
        transaction.raw["contexts"]["otel"]["resource"]["service.name"],
        "svc"
    );
    assert_eq!(transaction.spans.len(), 1);
    let span = &transaction.spans[0];
    assert_eq!(span.op.as_deref(), Some("mcp.tool"));
    assert_eq!(span.description.as_deref(), Some("mcp.tool.search"));
    assert_eq!(span.status.as_deref(), Some("internal_error"));
    assert_eq!(
        span.parent_span_id.as_deref(),
        Some(span_id(&root).as_str())
    );
    assert!(app.sink.received().problems().is_empty());
}

#[test]
fn children_that_end_late_arrive_as_a_transaction_of_the_same_trace() {
    let app = App::start(Sampler::AlwaysOn);
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    let late = start(&tracer, "late", &root);
    let deeper = start(&tracer, "deeper", &late);
    deeper.span().end();
    root.span().end();
    app.transactions(trace_id(&root), 1);
    late.span().end();

    let found = app.transactions(trace_id(&root), 2);
    let second = found
        .iter()
        .find(|it| it.span_id == span_id(&late))
        .unwrap();
    assert_eq!(
        second.parent_span_id.as_deref(),
        Some(span_id(&root).as_str())
    );
    let ids: Vec<_> = second
        .spans
        .iter()
        .map(|span| span.span_id.clone())
        .collect();
    assert_eq!(ids, [span_id(&deeper)]);
}

#[test]
fn more_spans_than_a_transaction_holds_all_arrive_once() {
    let app = App::start(Sampler::AlwaysOn);
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    let mut sent: Vec<String> = vec![span_id(&root)];
    for _ in 0..2_500 {
        let child = start(&tracer, "child", &root);
        sent.push(span_id(&child));
        child.span().end();
    }
    root.span().end();

    let found = app.transactions(trace_id(&root), 3);
    assert_eq!(found.len(), 3);
    let mut arrived: Vec<String> = found
        .iter()
        .flat_map(|it| it.all_spans())
        .map(|span| span.span_id.clone())
        .collect();
    arrived.sort();
    sent.sort();
    assert_eq!(arrived, sent);
}

#[test]
fn two_requests_of_one_trace_at_once_make_two_transactions() {
    let app = App::start(Sampler::AlwaysOn);
    let tracer = app.tracer();
    let (first, second) = (remote(0xabc, 1), remote(0xabc, 2));
    let first = start(&tracer, "first", &first);
    let second = start(&tracer, "second", &second);
    for (root, name) in [(&first, "a"), (&second, "b")] {
        start(&tracer, name, root).span().end();
    }
    first.span().end();
    second.span().end();

    let found = app.transactions(TraceId::from(0xabc), 2);
    for (name, child, parent) in [
        ("first", "a", "0000000000000001"),
        ("second", "b", "0000000000000002"),
    ] {
        let transaction = found.iter().find(|it| it.name == name).unwrap();
        assert_eq!(transaction.parent_span_id.as_deref(), Some(parent));
        let children: Vec<_> = transaction
            .spans
            .iter()
            .map(|it| it.description.clone())
            .collect();
        assert_eq!(children, [Some(child.to_owned())]);
    }
}

#[test]
fn an_error_carries_the_active_span_also_in_a_trace_that_is_not_sampled() {
    for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
        let app = App::start(sampler.clone());
        let active = start(&app.tracer(), "active", &Context::new());
        app.scoped(|| {
            let _guard = active.clone().attach();
            sentry::capture_message("it broke", sentry::Level::Error);
        });
        active.span().end();
        let event = app
            .sink
            .wait_for(DEADLINE, |received| {
                received.events().first().copied().cloned()
            })
            .unwrap();
        assert_eq!(
            event.trace_id,
            Some(trace_id(&active).to_string()),
            "{sampler:?}"
        );
        assert_eq!(event.span_id, Some(span_id(&active)), "{sampler:?}");
    }
}

#[test]
fn logs_and_metrics_carry_the_active_span_and_logs_the_requests_attributes() {
    let app = App::start(Sampler::AlwaysOn);
    let request = Context::new().with_value(ContextAttributes::new([
        KeyValue::new("mcp.tool.name", "search"),
        KeyValue::new("size", 3_i64),
    ]));
    let active = start(&app.tracer(), "active", &request);
    app.scoped(|| {
        let _guard = active.clone().attach();
        sentry::logger_info!(size = 9, "searching");
        sentry::metrics::counter("searches", 1.0).capture();
    });
    app.client.flush(Some(DEADLINE));
    let received = app
        .sink
        .wait_for(DEADLINE, |received| {
            let both = !received.logs().is_empty() && !received.trace_metrics().is_empty();
            both.then(|| received.clone())
        })
        .unwrap();
    let log = &received.logs()[0];
    assert_eq!(log.trace_id, trace_id(&active).to_string());
    assert_eq!(
        log.attributes["sentry.trace.parent_span_id"].value,
        span_id(&active)
    );
    assert_eq!(log.attributes["mcp.tool.name"].value, "search");
    assert_eq!(log.attributes["size"].value, 9);
    let metric = &received.trace_metrics()[0];
    assert_eq!(metric.trace_id, trace_id(&active).to_string());
    assert_eq!(metric.span_id, Some(span_id(&active)));
}

#[test]
fn a_trace_from_elsewhere_is_continued_with_its_own_sampling_context() {
    let app = App::start(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
    let headers: HashMap<String, String> = [
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03",
        ),
        (
            "baggage",
            "sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-public_key=other,\
             sentry-sample_rate=0.25,sentry-sample_rand=0.1,sentry-sampled=true,user=7",
        ),
        (
            "sentry-trace",
            "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        ),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let parent = TracePropagator::new().extract_with_context(&Context::new(), &headers);
    let tracer = app.tracer();
    let root = start(&tracer, "root", &parent);
    let child = start(&tracer, "child", &root);
    let mut outgoing: HashMap<String, String> = HashMap::new();
    TracePropagator::new().inject_context(&child, &mut outgoing);
    child.span().end();
    root.span().end();

    let found = app.transactions(trace_id(&root), 1);
    assert_eq!(found[0].trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(found[0].parent_span_id.as_deref(), Some("b7ad6b7169203331"));
    let dsc = &found[0].dsc;
    assert_eq!(dsc["sample_rate"], "0.25");
    assert_eq!(dsc["public_key"], "other");
    assert!(found[0].root_span().data("sentry.dsc").is_none());
    let baggage = &outgoing["baggage"];
    assert!(
        baggage.contains("sentry-sample_rate=0.25") && baggage.contains("user=7"),
        "{baggage}"
    );
    assert!(outgoing["traceparent"].contains(&span_id(&child)));
    assert!(outgoing["sentry-trace"].contains(&span_id(&child)));
}

#[test]
fn shutdown_sends_what_waits_for_a_root_that_stays_open() {
    let app = App::start(Sampler::AlwaysOn);
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    let child = start(&tracer, "child", &root);
    child.span().end();
    app.provider.force_flush().unwrap();
    assert_eq!(app.handle.stats().transactions, 0, "its root may still end");
    app.provider.shutdown().unwrap();
    let found = app.transactions(trace_id(&root), 1);
    assert_eq!(found[0].span_id, span_id(&child));
    assert_eq!(app.handle.stats().spans, 1);
}
