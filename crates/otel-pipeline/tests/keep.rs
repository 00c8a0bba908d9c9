//! Traces that are kept whatever the sampler said, behind a real tracer provider.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::trace::{
    Link, Span as _, SpanKind, Status, TraceContextExt as _, TraceId, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample, SpanData,
};
use otel_pipeline::{KeepOptions, KeepReason, PipelineHandle, PipelineProcessor, SpanSink};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Arc<SpanData>>>>);

impl Kept {
    fn names(&self) -> Vec<String> {
        let spans = self.0.lock().unwrap();
        let mut names: Vec<_> = spans.iter().map(|span| span.name.to_string()).collect();
        names.sort();
        names
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

/// Records every span and samples those whose name says so.
#[derive(Clone, Debug)]
struct ByName;

impl ShouldSample for ByName {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let parent = parent.map(|cx| cx.span().span_context().clone());
        let sampled = match parent.filter(|parent| parent.is_valid()) {
            Some(parent) => parent.is_sampled(),
            None => name.starts_with("sampled"),
        };
        SamplingResult {
            decision: match sampled {
                true => SamplingDecision::RecordAndSample,
                false => SamplingDecision::RecordOnly,
            },
            attributes: Vec::new(),
            trace_state: match sampled {
                true => "ot=th:c;rv:ffffffffffffff".parse().unwrap(),
                false => "".parse().unwrap(),
            },
        }
    }
}

fn rig(options: KeepOptions) -> (SdkTracerProvider, PipelineHandle, Kept) {
    let kept = Kept::default();
    let pipeline = PipelineProcessor::builder()
        .with_sink(kept.clone())
        .with_keep(options, |span: &mut SpanData, reason: KeepReason| {
            assert_ne!(span.name, "poison", "cannot be marked");
            span.attributes.push(KeyValue::new("kept", reason.as_str()));
        })
        .build()
        .unwrap();
    let handle = pipeline.handle();
    let provider = SdkTracerProvider::builder()
        .with_sampler(ByName)
        .with_span_processor(pipeline)
        .build();
    (provider, handle, kept)
}

/// A trace of two spans, by the name of its root.
fn trace(provider: &SdkTracerProvider, root: &'static str, child: &'static str, fails: bool) {
    let tracer = provider.tracer("app");
    let cx = Context::new().with_span(tracer.start_with_context(root, &Context::new()));
    let mut child = tracer.start_with_context(child, &cx);
    if fails {
        child.set_status(Status::error("no"));
    }
    child.end();
    cx.span().end();
}

#[test]
fn errors_are_kept_and_nothing_else_leaks() {
    let (provider, handle, kept) = rig(KeepOptions::default().with_errors(true));
    for fails in [false, true] {
        trace(&provider, "unsampled", "a", fails);
        trace(&provider, "sampled", "b", fails);
    }
    provider.force_flush().unwrap();
    assert_eq!(
        kept.names(),
        ["a", "b", "b", "sampled", "sampled", "unsampled"]
    );
    for span in kept.0.lock().unwrap().iter() {
        let state = span.span_context.trace_state().header();
        let marked = !span.attributes.is_empty();
        let expected = match (marked, span.name.as_ref()) {
            (true, "sampled" | "b") => "ot=th:0;rv:ffffffffffffff",
            (true, _) => "ot=th:0",
            (false, _) => "ot=th:c;rv:ffffffffffffff",
        };
        assert_eq!(state, expected);
        assert!(span.span_context.is_sampled());
    }
    let stats = handle.stats();
    assert_eq!((stats.kept, stats.let_go, stats.delivered), (2, 1, 6));
}

#[test]
fn without_a_condition_unsampled_spans_are_not_even_taken() {
    let (provider, handle, kept) = rig(KeepOptions::default());
    trace(&provider, "unsampled", "a", true);
    trace(&provider, "sampled", "b", true);
    provider.force_flush().unwrap();
    assert_eq!(kept.names(), ["b", "sampled"]);
    assert_eq!((handle.stats().kept, handle.stats().let_go), (0, 0));
}

#[test]
fn slow_traces_are_released_by_time_alone() {
    let slow = KeepOptions::default().with_slow(Some(Duration::ZERO));
    let (provider, _, kept) =
        rig(slow.with_waits(Duration::from_millis(1), Duration::from_secs(60)));
    trace(&provider, "unsampled", "a", false);
    let deadline = Instant::now() + Duration::from_secs(20);
    while kept.names().is_empty() {
        assert!(Instant::now() < deadline, "nothing came without a flush");
        std::thread::yield_now();
    }
    assert_eq!(kept.names(), ["a", "unsampled"]);
}

#[test]
fn the_end_judges_what_waits() {
    let (provider, _, kept) = rig(KeepOptions::default().with_errors(true));
    let tracer = provider.tracer("app");
    let open = tracer.start_with_context("unsampled", &Context::new());
    let open = Context::new().with_span(open);
    let mut child = tracer.start_with_context("child", &open);
    child.set_status(Status::error("no"));
    child.end();
    provider.force_flush().unwrap();
    assert_eq!(kept.names(), Vec::<String>::new(), "its root is still open");
    provider.shutdown().unwrap();
    assert_eq!(kept.names(), ["child"]);
}

#[test]
fn a_mark_that_panics_costs_its_span_alone() {
    let (provider, handle, kept) = rig(KeepOptions::default().with_errors(true));
    trace(&provider, "unsampled", "poison", true);
    trace(&provider, "unsampled", "fine", true);
    provider.force_flush().unwrap();
    assert_eq!(kept.names(), ["fine", "unsampled", "unsampled"]);
    assert_eq!(handle.stats().dropped_scrub, 1);
}
