//! Through a real `SdkTracerProvider`: what reaches the exported spans.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use otel_smart_sampler::{
    Match, Pattern, Rule, RuleRate, SampleRate, SamplingCounts, SmartSampler,
};

struct Setup {
    provider: SdkTracerProvider,
    exporter: InMemorySpanExporter,
    counts: SamplingCounts,
    tracer: SdkTracer,
}

fn setup() -> Setup {
    let sampler = SmartSampler::builder()
        .base_rate(SampleRate::NEVER)
        .rule(
            Rule::new("api")
                .kind(SpanKind::Server)
                .attribute("http.route", Match::pattern(Pattern::glob("/api/*")))
                .rate(RuleRate::Always),
        )
        .rule(
            Rule::new("entry")
                .name(Pattern::prefix("entry"))
                .rate(RuleRate::Always)
                .keep_despite_parent(),
        )
        .build()
        .unwrap();
    let counts = SamplingCounts::new(&sampler);
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler.with_observer(counts.clone()))
        .with_simple_exporter(exporter.clone())
        .build();
    let tracer = provider.tracer("test");
    Setup {
        provider,
        exporter,
        counts,
        tracer,
    }
}

impl Setup {
    fn exported(&self) -> HashMap<String, SpanData> {
        self.provider.force_flush().unwrap();
        let spans = self.exporter.get_finished_spans().unwrap();
        let count = spans.len();
        let by_name: HashMap<_, _> = spans
            .into_iter()
            .map(|span| (span.name.to_string(), span))
            .collect();
        assert_eq!(by_name.len(), count, "span names must differ");
        by_name
    }

    fn counted(&self, rule: &str) -> (u64, u64) {
        let counts = self.counts.snapshot();
        let count = counts.iter().find(|count| count.rule == rule).unwrap();
        (count.seen, count.kept)
    }
}

fn extracted(traceparent: &str, tracestate: &str) -> Context {
    let headers = HashMap::from([
        ("traceparent".to_owned(), traceparent.to_owned()),
        ("tracestate".to_owned(), tracestate.to_owned()),
    ]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &headers)
}

fn injected(context: &Context) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(context, &mut headers);
    headers
}

fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    let found = span.attributes.iter().find(|kv| kv.key.as_str() == key);
    found.map(|kv| &kv.value)
}

fn trace_state(span: &SpanData) -> String {
    span.span_context.trace_state().header()
}

#[test]
fn a_root_and_its_descendants_are_exported_with_the_decision() {
    let setup = setup();
    let root = setup
        .tracer
        .span_builder("GET /api/x")
        .with_kind(SpanKind::Server)
        .with_attributes([KeyValue::new("http.route", "/api/x")])
        .start_with_context(&setup.tracer, &Context::new());
    let root = Context::new().with_span(root);
    let child = setup.tracer.start_with_context("child", &root);
    let child = root.with_span(child);
    setup.tracer.start_with_context("grandchild", &child).end();
    let headers = injected(&child);
    child.span().end();
    root.span().end();

    let spans = setup.exported();
    assert_eq!(spans.len(), 3);
    let root = &spans["GET /api/x"];
    assert_eq!(attribute(root, "sampling.rule"), Some(&Value::from("api")));
    assert_eq!(attribute(root, "sampling.rate"), Some(&Value::F64(1.0)));
    assert_eq!(attribute(root, "http.route"), Some(&Value::from("/api/x")));
    for span in spans.values() {
        assert_eq!(trace_state(span), "ot=th:0");
        assert!(span.span_context.is_sampled());
    }
    for name in ["child", "grandchild"] {
        assert_eq!(attribute(&spans[name], "sampling.rule"), None);
        assert_eq!(attribute(&spans[name], "sampling.rate"), None);
    }
    assert_eq!(headers["tracestate"], "ot=th:0");
    assert!(headers["traceparent"].ends_with("-01"));
    assert_eq!(setup.counted("api"), (1, 1));
    assert_eq!(setup.counted("base"), (0, 0));
}

#[test]
fn a_dropped_root_takes_its_descendants_along() {
    let setup = setup();
    let root = setup.tracer.start_with_context("other", &Context::new());
    assert!(!root.is_recording());
    let root = Context::new().with_span(root);
    // The name would match a rule, but a child is not asked.
    let child = setup.tracer.start_with_context("entry", &root);
    assert!(!child.is_recording());
    assert_eq!(
        child.span_context().trace_id(),
        root.span().span_context().trace_id()
    );
    let headers = injected(&root.with_span(child));
    assert!(headers["traceparent"].ends_with("-00"));
    assert!(setup.exported().is_empty());
    assert_eq!(setup.counted("base"), (1, 0));
    assert_eq!(setup.counted("entry"), (0, 0));
}

#[test]
fn a_remote_decision_is_followed_into_the_export() {
    let setup = setup();
    let sampled = extracted(
        "00-11111111111111111111111111111111-2222222222222222-01",
        "ot=th:1;p:8,vendor=x",
    );
    let entry = setup.tracer.start_with_context("remote entry", &sampled);
    let entry = Context::new().with_span(entry);
    setup.tracer.start_with_context("inner", &entry).end();
    entry.span().end();

    let unsampled = extracted(
        "00-33333333333333333333333333333333-2222222222222222-00",
        "",
    );
    setup.tracer.start_with_context("lost", &unsampled).end();

    let spans = setup.exported();
    assert_eq!(spans.len(), 2);
    let entry = &spans["remote entry"];
    assert_eq!(
        attribute(entry, "sampling.rule"),
        Some(&Value::from("parent"))
    );
    assert_eq!(attribute(entry, "sampling.rate"), None);
    assert!(entry.parent_span_is_remote);
    assert_eq!(trace_state(entry), "ot=th:1;p:8,vendor=x");
    assert_eq!(trace_state(&spans["inner"]), "ot=th:1;p:8,vendor=x");
    assert_eq!(setup.counted("parent"), (2, 1));
}

#[test]
fn a_rule_keeps_an_entry_span_below_an_unsampled_caller() {
    let setup = setup();
    let unsampled = extracted(
        "00-33333333333333333333333333333333-2222222222222222-00",
        "vendor=x,ot=rv:00000000000000",
    );
    let entry = setup.tracer.start_with_context("entry x", &unsampled);
    let entry = Context::new().with_span(entry);
    setup.tracer.start_with_context("inner", &entry).end();
    let headers = injected(&entry);
    entry.span().end();

    let spans = setup.exported();
    assert_eq!(spans.len(), 2);
    let entry = &spans["entry x"];
    assert_eq!(
        attribute(entry, "sampling.rule"),
        Some(&Value::from("entry"))
    );
    assert!(entry.span_context.is_sampled());
    assert_eq!(
        entry.span_context.trace_id().to_string(),
        "33333333333333333333333333333333"
    );
    assert_eq!(headers["tracestate"], "ot=th:0;rv:00000000000000,vendor=x");
    assert!(headers["traceparent"].ends_with("-01"));
    assert_eq!(setup.counted("entry"), (1, 1));
}

#[test]
fn children_made_after_an_invalid_parent_are_not_exported() {
    let setup = setup();
    let suppressed = {
        let _guard = Context::enter_telemetry_suppressed_scope();
        setup.tracer.start("entry suppressed")
    };
    assert!(!suppressed.span_context().is_valid());
    let context = Context::new().with_span(suppressed);
    let child = setup.tracer.start_with_context("entry child", &context);
    assert!(!child.is_recording());
    drop(child);
    assert!(setup.exported().is_empty());
}
