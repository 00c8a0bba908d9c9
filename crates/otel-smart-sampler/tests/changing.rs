//! Rules that change at run time, spans that are recorded without being sampled, and limits.

#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample};
use otel_smart_sampler::consistency::{OtEntry, Threshold};
use otel_smart_sampler::{
    Pattern, Rule, RuleRate, SampleRate, SamplingCounts, SmartSampler, SmartSamplerBuilder,
};

fn root(sampler: &SmartSampler, id: u64) -> SamplingResult {
    // Multiplied by an odd number, so that ids in sequence are spread.
    let low = u128::from(id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8);
    let id = TraceId::from(1 << 100 | low);
    sampler.should_sample(None, id, "root", &SpanKind::Server, &[], &[])
}

#[test]
fn a_handle_changes_the_rules_of_a_sampler_at_work() {
    let with_rate =
        |rate| -> SmartSamplerBuilder { SmartSampler::builder().rule(Rule::new("all").rate(rate)) };
    let sampler = with_rate(RuleRate::Never).build().unwrap();
    let counts = SamplingCounts::new(&sampler);
    let sampler = sampler.with_observer(counts.clone());
    let handle = sampler.handle();
    assert_eq!(root(&sampler, 1).decision, SamplingDecision::Drop);

    handle.replace(with_rate(RuleRate::Always)).unwrap();
    assert_eq!(
        root(&sampler, 1).decision,
        SamplingDecision::RecordAndSample
    );
    let count = &counts.snapshot()[0];
    assert_eq!((count.seen, count.kept), (2, 1));

    // What is wrong changes nothing.
    handle
        .replace(with_rate(RuleRate::TimesBase(-1.0)))
        .unwrap_err();
    assert_eq!(handle.rates()[0], ("all".to_owned(), SampleRate::ALWAYS));
}

#[test]
fn decisions_go_on_while_rules_change() {
    let sampler = SmartSampler::builder().build().unwrap();
    let counts = SamplingCounts::new(&sampler);
    let sampler = sampler.with_observer(counts.clone());
    let handle = sampler.handle();
    let done = AtomicBool::new(false);
    let decided = std::thread::scope(|scope| {
        let deciding = scope.spawn(|| {
            let mut decided = 0_u64;
            while !done.load(Ordering::Relaxed) {
                root(&sampler, decided);
                decided += 1;
            }
            decided
        });
        for round in 0..2_000 {
            // `base` stands at another place each time.
            let rules =
                (0..round % 3).map(|n| Rule::new(format!("r{n}")).name(Pattern::exact("other")));
            handle
                .replace(SmartSampler::builder().rules(rules))
                .unwrap();
        }
        done.store(true, Ordering::Relaxed);
        deciding.join().unwrap()
    });
    let counts = counts.snapshot();
    let base = counts.iter().find(|count| count.rule == "base").unwrap();
    assert_eq!((base.seen, base.kept), (decided, decided));
}

#[test]
fn unsampled_spans_are_recorded_for_those_who_asked() {
    let build = |record| {
        SmartSampler::builder()
            .base_rate(SampleRate::NEVER)
            .rule(
                Rule::new("never")
                    .name(Pattern::exact("never"))
                    .rate(RuleRate::Never),
            )
            .record_unsampled(record)
            .build()
            .unwrap()
    };
    for (record, name, recording) in [
        (true, "other", true),
        (true, "never", false),
        (false, "other", false),
    ] {
        let provider = SdkTracerProvider::builder()
            .with_sampler(build(record))
            .build();
        let tracer = provider.tracer("test");
        let root = tracer.start_with_context(name.to_owned(), &Context::new());
        assert_eq!(root.is_recording(), recording, "{record} {name}");
        assert!(!root.span_context().is_sampled());
        assert_eq!(root.span_context().trace_state().header(), "");
        let root = Context::new().with_span(root);
        let child = tracer.start_with_context("child", &root);
        assert_eq!(child.is_recording(), recording, "{record} {name}");
        assert!(!child.span_context().is_sampled());
    }
}

/// Through the sampler: the limit lowers the rate, and every kept span says the rate it was kept at.
#[test]
fn a_limit_is_reported_in_th_rate_and_counts() {
    let sampler = SmartSampler::builder()
        .rule(Rule::new("all").rate(RuleRate::Always).at_most(50.0))
        .build()
        .unwrap();
    let counts = SamplingCounts::new(&sampler);
    let sampler = sampler.with_observer(counts.clone());
    let (mut kept, mut lowered, mut represented) = (0_u64, 0, 0.0);
    for id in 0..200_000 {
        let result = root(&sampler, id);
        if result.decision != SamplingDecision::RecordAndSample {
            continue;
        }
        let rate = result
            .attributes
            .iter()
            .find(|it| it.key.as_str() == "sampling.rate");
        let opentelemetry::Value::F64(rate) = rate.unwrap().value else {
            panic!("the rate is a number");
        };
        let written = OtEntry::of(&result.trace_state).threshold();
        let rate = SampleRate::new(rate).unwrap();
        assert_eq!(written, Threshold::from_rate(rate));
        assert!(written.unwrap().keeps(
            otel_smart_sampler::consistency::Randomness::from_trace_id(TraceId::from(
                1 << 100 | u128::from(id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8)
            ))
        ));
        kept += 1;
        lowered += u64::from(rate < SampleRate::ALWAYS);
        represented += 1.0 / rate.as_f64();
    }
    assert!(
        lowered > 0 && kept < 20_000,
        "{kept} kept, {lowered} at a lowered rate"
    );
    let count = &counts.snapshot()[0];
    assert_eq!((count.seen, count.kept), (200_000, kept));
    // Thousandths are cut off.
    assert!((count.represented.unwrap() - represented).abs() < 0.001 * kept as f64 + 0.5);
    assert!(count.expected.unwrap() < 20_000.0, "{count:?}");
}
