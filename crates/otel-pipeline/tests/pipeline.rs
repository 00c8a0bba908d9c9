//! The pipeline behind a real tracer provider.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::trace::{Span as _, SpanContext, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::trace::{SpanKind, TracerProvider as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SamplingDecision, SamplingResult, SdkTracerProvider,
    ShouldSample, SpanData, SpanExporter,
};
use otel_pipeline::{
    BatchOptions, ContextAttributes, ExporterSink, PipelineBuilder, PipelineHandle,
    PipelineProcessor, Scrub, SpanSink,
};

/// A sink that keeps what it gets.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Arc<SpanData>>>>);

impl Kept {
    fn spans(&self) -> Vec<Arc<SpanData>> {
        self.0.lock().unwrap().clone()
    }

    fn named(&self, name: &str) -> Arc<SpanData> {
        let found = self.spans().into_iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name} in {:?}", self.spans()))
    }
}

impl SpanSink for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }
    fn accept(&mut self, spans: &[Arc<SpanData>]) {
        self.0.lock().unwrap().extend_from_slice(spans);
    }
    fn flush(&mut self, _: Instant) -> bool {
        true
    }
}

fn provider(pipeline: PipelineBuilder) -> (SdkTracerProvider, PipelineHandle) {
    let processor = pipeline.build().unwrap();
    let handle = processor.handle();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .build();
    (provider, handle)
}

fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let found = span.attributes.iter().find(|pair| pair.key.as_str() == key);
    found.map(|pair| pair.value.clone())
}

#[test]
fn every_sink_gets_the_same_span_as_the_sdk_would_export() {
    let (first, second) = (Kept::default(), Kept::default());
    let plain = InMemorySpanExporter::default();
    let pipeline = PipelineProcessor::builder()
        .with_sink(first.clone())
        .with_sink(second.clone())
        .build()
        .unwrap();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(plain.clone())
        .with_span_processor(pipeline)
        .build();
    let tracer = provider.tracer("app");
    let mut span = tracer
        .span_builder("outer")
        .with_kind(SpanKind::Server)
        .with_attributes([KeyValue::new("n", 7_i64)])
        .start(&tracer);
    span.add_event("happened", vec![KeyValue::new("k", "v")]);
    span.add_link(SpanContext::empty_context(), Vec::new());
    span.set_status(Status::error("no"));
    span.end();
    provider.force_flush().unwrap();

    let expected = plain.get_finished_spans().unwrap();
    assert_eq!(expected.len(), 1);
    assert_eq!(*first.named("outer"), expected[0]);
    assert!(Arc::ptr_eq(&first.named("outer"), &second.named("outer")));
}

#[test]
fn context_attributes_reach_every_span_below_and_own_ones_win() {
    let kept = Kept::default();
    let (provider, _) = provider(PipelineProcessor::builder().with_sink(kept.clone()));
    let tracer = provider.tracer("app");
    let request = Context::new().with_value(ContextAttributes::new([
        KeyValue::new("mcp.request.id", "7\u{e9}\u{1f}"),
        KeyValue::new("size", 5_i64),
    ]));
    let root = request.with_span(tracer.start_with_context("root", &request));
    tracer
        .span_builder("child")
        .with_attributes([KeyValue::new("size", 9_i64)])
        .start_with_context(&tracer, &root)
        .end();
    root.span().end();
    tracer.start_with_context("outside", &Context::new()).end();
    provider.force_flush().unwrap();

    for name in ["root", "child"] {
        let id = attribute(&kept.named(name), "mcp.request.id");
        assert_eq!(id, Some("7\u{e9}\u{1f}".into()), "{name}");
    }
    assert_eq!(attribute(&kept.named("root"), "size"), Some(5_i64.into()));
    assert_eq!(attribute(&kept.named("child"), "size"), Some(9_i64.into()));
    assert_eq!(kept.named("child").attributes.len(), 2);
    assert!(kept.named("outside").attributes.is_empty());
}

#[test]
fn a_scrub_sees_inherited_attributes_and_its_panic_drops_only_that_span() {
    let kept = Kept::default();
    let (provider, handle) = provider(
        PipelineProcessor::builder()
            .with_sink(kept.clone())
            .with_scrub(|span: &mut SpanData| {
                assert_ne!(span.name, "poison", "cannot be cleaned");
                span.attributes.retain(|pair| pair.key.as_str() != "secret");
            }),
    );
    let tracer = provider.tracer("app");
    let cx = Context::new().with_value(ContextAttributes::new([KeyValue::new("secret", "s")]));
    for name in ["one", "poison", "two"] {
        tracer.start_with_context(name, &cx).end();
    }
    provider.force_flush().unwrap();

    let names: Vec<_> = kept.spans().iter().map(|span| span.name.clone()).collect();
    assert_eq!(names, ["one", "two"]);
    assert!(kept.spans().iter().all(|span| span.attributes.is_empty()));
    assert_eq!(handle.stats().dropped_scrub, 1);
    assert_eq!(handle.stats().delivered, 2);
}

/// Cleans inherited attributes apart from the spans, and says so.
struct Once(Arc<AtomicUsize>);

impl Scrub for Once {
    fn scrub(&mut self, span: &mut SpanData) {
        span.attributes.retain(|pair| pair.key.as_str() != "secret");
    }

    fn scrub_inherited(&mut self, attributes: &mut Vec<KeyValue>) -> bool {
        let times = self.0.fetch_add(1, Ordering::Relaxed);
        assert_ne!(times, 1, "cannot be cleaned");
        attributes.retain(|pair| pair.key.as_str() != "secret");
        true
    }
}

#[test]
fn inherited_attributes_are_scrubbed_once_where_every_scrub_can() {
    let kept = Kept::default();
    let times = Arc::new(AtomicUsize::new(0));
    let (provider, handle) = provider(
        PipelineProcessor::builder()
            .with_sink(kept.clone())
            .with_scrub(Once(Arc::clone(&times))),
    );
    let tracer = provider.tracer("app");
    let set = |id: &str| {
        let pairs = [
            KeyValue::new("secret", "s"),
            KeyValue::new("id", "0"),
            KeyValue::new("id", id.to_owned()),
        ];
        Context::new().with_value(ContextAttributes::new(pairs))
    };
    // The second set panics, and is then cleaned at the next span that has it.
    for (name, id) in [
        ("a", "1"),
        ("b", "1"),
        ("poison", "2"),
        ("c", "2"),
        ("d", ""),
    ] {
        let mut span = tracer.start_with_context(name, &set(id));
        span.set_attribute(KeyValue::new("secret", "own"));
        span.end();
    }
    provider.force_flush().unwrap();
    let spans = kept.spans();
    let ids = spans.iter().map(|span| {
        assert_eq!(span.attributes.len(), 1, "{span:?}");
        (span.name.to_string(), span.attributes[0].value.to_string())
    });
    let expected = [("a", "1"), ("b", "1"), ("c", "2"), ("d", "")];
    assert_eq!(
        ids.collect::<Vec<_>>(),
        expected.map(|(name, id)| (name.to_owned(), id.to_owned()))
    );
    assert_eq!(times.load(Ordering::Relaxed), 4);
    assert_eq!(handle.stats().dropped_scrub, 1);
}

/// Records every span and samples none.
#[derive(Clone, Debug)]
struct RecordOnly;

impl ShouldSample for RecordOnly {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: opentelemetry::trace::TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[opentelemetry::trace::Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: SamplingDecision::RecordOnly,
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}

#[test]
fn a_span_recorded_but_not_sampled_goes_nowhere() {
    for sampler in [
        Box::new(RecordOnly) as Box<dyn ShouldSample>,
        Box::new(Sampler::AlwaysOff),
    ] {
        let kept = Kept::default();
        let pipeline = PipelineProcessor::builder().with_sink(kept.clone());
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_processor(pipeline.build().unwrap())
            .build();
        provider.tracer("app").start("hidden").end();
        provider.force_flush().unwrap();
        assert!(kept.spans().is_empty());
    }
}

/// A sink that does not come back before it is released.
struct Stuck(Receiver<()>);

impl Stuck {
    fn new() -> (Sender<()>, Self) {
        let (release, released) = channel();
        (release, Self(released))
    }
}

impl SpanSink for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }
    fn accept(&mut self, _: &[Arc<SpanData>]) {
        let _ = self.0.recv();
    }
    fn flush(&mut self, _: Instant) -> bool {
        true
    }
}

#[test]
fn full_buffers_drop_and_count_but_keep_room_for_errors() {
    let (release, stuck) = Stuck::new();
    let kept = Kept::default();
    let (provider, handle) = provider(
        PipelineProcessor::builder()
            .with_sink(stuck)
            .with_sink(kept.clone())
            .with_capacity_bytes(64 * 1024),
    );
    let tracer = provider.tracer("app");
    let mut offered = 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    while handle.stats().dropped_full == 0 {
        assert!(
            Instant::now() < deadline,
            "never full: {:?}",
            handle.stats()
        );
        tracer.start("plain").end();
        offered += 1;
    }
    let mut failed = tracer.start("failed");
    failed.set_status(Status::error("boom"));
    failed.end();
    let dropped = handle.stats().dropped_full;
    drop(release);
    provider.force_flush().unwrap();

    assert_eq!(handle.stats().dropped_full, dropped, "the error found room");
    assert_eq!(kept.spans().len() as u64, offered + 1 - dropped);
    assert_eq!(kept.named("failed").status, Status::error("boom"));
}

#[test]
fn shutdown_keeps_its_deadline_while_a_sink_hangs() {
    let (_release, stuck) = Stuck::new();
    let (provider, _) = provider(PipelineProcessor::builder().with_sink(stuck));
    provider.tracer("app").start("span").end();
    let asked = Instant::now();
    let ended = provider.shutdown_with_timeout(Duration::from_millis(200));
    assert!(ended.is_err());
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn after_shutdown_everything_is_delivered_and_a_second_one_says_so() {
    let kept = Kept::default();
    let processor = PipelineProcessor::builder()
        .with_sink(kept.clone())
        .build()
        .unwrap();
    let handle = processor.handle();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .build();
    let tracer = provider.tracer("app");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let tracer = tracer.clone();
            std::thread::spawn(move || (0..500).for_each(|_| tracer.start("span").end()))
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    provider.shutdown().unwrap();
    assert_eq!(kept.spans().len(), 2_000);
    assert_eq!(handle.stats().delivered, 2_000);
    assert!(matches!(
        provider.shutdown(),
        Err(OTelSdkError::AlreadyShutdown)
    ));
}

struct Panics;

impl SpanSink for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn accept(&mut self, _: &[Arc<SpanData>]) {
        panic!("a sink of somebody else's");
    }
    fn flush(&mut self, _: Instant) -> bool {
        true
    }
}

#[test]
fn a_sink_that_panics_is_taken_out_and_the_others_go_on() {
    let kept = Kept::default();
    let (provider, handle) = provider(
        PipelineProcessor::builder()
            .with_sink(Panics)
            .with_sink(kept.clone()),
    );
    let tracer = provider.tracer("app");
    for _ in 0..2 {
        tracer.start("span").end();
        provider.force_flush().unwrap();
    }
    assert_eq!(kept.spans().len(), 2);
    assert_eq!(handle.stats().failed_sinks, 1);
}

#[test]
fn an_exporter_gets_batches_with_the_resource_and_hears_of_the_end() {
    let exporter = InMemorySpanExporter::default();
    let mut options = BatchOptions::default();
    options.max_export_batch_size = 10;
    let sink = ExporterSink::new(exporter.clone(), options);
    let exported = sink.handle();
    let processor = PipelineProcessor::builder()
        .with_sink(sink)
        .build()
        .unwrap();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("svc").build())
        .with_span_processor(processor)
        .build();
    let tracer = provider.tracer("app");
    (0..25).for_each(|_| tracer.start("span").end());
    provider.force_flush().unwrap();
    assert_eq!(exporter.get_finished_spans().unwrap().len(), 25);
    assert_eq!(exported.stats().exported, 25);
    tracer.start("last").end();
    provider.shutdown().unwrap();
    assert_eq!(exported.stats().exported, 26);
}

/// An exporter that refuses every batch.
#[derive(Debug)]
struct Refuses;

impl SpanExporter for Refuses {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("refused".to_owned()))
    }
}

#[test]
fn what_an_exporter_refuses_is_counted() {
    let sink = ExporterSink::new(Refuses, BatchOptions::default());
    let exported = sink.handle();
    let (provider, _) = provider(PipelineProcessor::builder().with_sink(sink));
    provider.tracer("app").start("span").end();
    provider.force_flush().unwrap();
    assert_eq!(exported.stats().failed, 1);
    assert_eq!(exported.stats().exported, 0);
}

/// An exporter that panics before it has made its future.
#[derive(Debug)]
struct PanicsAtOnce;

impl SpanExporter for PanicsAtOnce {
    fn export(&self, _: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        assert!(
            std::hint::black_box(false),
            "an exporter of somebody else's"
        );
        std::future::ready(Ok(()))
    }
}

#[test]
fn an_exporter_that_panics_loses_its_batch_and_nobody_waits_for_it() {
    let sink = ExporterSink::new(PanicsAtOnce, BatchOptions::default());
    let exported = sink.handle();
    let (provider, _) = provider(PipelineProcessor::builder().with_sink(sink));
    provider.tracer("app").start("span").end();
    provider.force_flush().unwrap();
    assert_eq!(exported.stats().failed, 1);
    provider.shutdown().unwrap();
}

#[test]
fn an_exporters_queue_is_bounded_by_bytes() {
    let exporter = InMemorySpanExporter::default();
    let mut options = BatchOptions::default();
    options.max_queue_bytes = 10_000;
    options.schedule_delay = Duration::MAX;
    let sink = ExporterSink::new(exporter.clone(), options);
    let exported = sink.handle();
    let (provider, handle) = provider(PipelineProcessor::builder().with_sink(sink));
    let tracer = provider.tracer("app");
    for _ in 0..20 {
        let large = KeyValue::new("text", "x".repeat(1_000));
        tracer
            .span_builder("large")
            .with_attributes([large])
            .start(&tracer)
            .end();
    }
    provider.force_flush().unwrap();
    assert_eq!(handle.stats().delivered, 20);
    let kept = exporter.get_finished_spans().unwrap().len();
    assert!((4..=9).contains(&kept), "{kept}");
    assert_eq!(exported.stats().dropped, 20 - kept as u64);
}

#[test]
fn a_span_larger_than_its_slot_passes() {
    let kept = Kept::default();
    let (provider, handle) = provider(
        PipelineProcessor::builder()
            .with_sink(kept.clone())
            .with_capacity_bytes(16 * 1024),
    );
    let tracer = provider.tracer("app");
    let large = KeyValue::new("text", "x".repeat(500_000));
    tracer
        .span_builder("large")
        .with_attributes([large])
        .start(&tracer)
        .end();
    provider.force_flush().unwrap();
    assert_eq!(kept.named("large").attributes.len(), 1);
    assert_eq!(handle.stats().dropped_full, 0);
}
