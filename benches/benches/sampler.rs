//! A decision of the sampler: on a root, and on a child.
#![expect(
    clippy::expect_used,
    reason = "a benchmark that is set up wrongly has to stop"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use opentelemetry::trace::{SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::ShouldSample as _;
use otel_smart_sampler::{Match, Pattern, Rule, RuleRate, SmartSampler};

fn sampler(criterion: &mut Criterion) {
    let op = |pattern| Match::pattern(pattern);
    let sampler = SmartSampler::builder()
        .rule(Rule::new("tool").attribute("sentry.op", op(Pattern::exact("mcp.tool"))))
        .rule(Rule::new("mcp").attribute("sentry.op", op(Pattern::prefix("mcp."))))
        .rule(
            Rule::new("health")
                .attribute("http.route", op(Pattern::one_of(["/health", "/readyz"])))
                .rate(RuleRate::Always),
        )
        .build()
        .expect("the rules are right");
    let span = mcp_telemetry_benches::spans::span(1, 2, 0);
    let attributes: Vec<KeyValue> = span.attributes;
    let parent = Context::new().with_remote_span_context(span.span_context);
    let local = {
        let context = parent.span().span_context().clone();
        Context::new().with_remote_span_context(opentelemetry::trace::SpanContext::new(
            context.trace_id(),
            context.span_id(),
            context.trace_flags(),
            false,
            context.trace_state().clone(),
        ))
    };
    let decide = |parent: Option<&Context>| {
        sampler.should_sample(
            black_box(parent),
            TraceId::from(1),
            "call splunk",
            &SpanKind::Internal,
            &attributes,
            &[],
        )
    };
    criterion.bench_function("sampler/root", |bench| bench.iter(|| decide(None)));
    criterion.bench_function("sampler/child", |bench| bench.iter(|| decide(Some(&local))));
}

criterion_group!(benches, sampler);
criterion_main!(benches);
