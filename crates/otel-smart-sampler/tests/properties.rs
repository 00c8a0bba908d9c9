//! What must hold for every trace id, rate and trace state.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample,
};
use otel_smart_sampler::consistency::{OtEntry, Randomness, Threshold, sample_rand};
use otel_smart_sampler::{Rule, RuleRate, SampleRate, SmartSampler};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

const RANDOMNESS_VALUES: u64 = 1 << 56;

fn base(rate: SampleRate) -> SmartSampler {
    SmartSampler::builder().base_rate(rate).build().unwrap()
}

fn root(sampler: &SmartSampler, trace_id: TraceId) -> SamplingResult {
    sampler.should_sample(None, trace_id, "root", &SpanKind::Internal, &[], &[])
}

fn below_remote(sampler: &SmartSampler, parent: SpanContext) -> SamplingResult {
    let trace_id = parent.trace_id();
    let context = Context::new().with_remote_span_context(parent);
    sampler.should_sample(
        Some(&context),
        trace_id,
        "entry",
        &SpanKind::Server,
        &[],
        &[],
    )
}

fn remote(trace_id: TraceId, sampled: bool, trace_state: TraceState) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(sampled);
    SpanContext::new(trace_id, SpanId::from(1), flags, true, trace_state)
}

fn is_sampled(result: &SamplingResult) -> bool {
    result.decision == SamplingDecision::RecordAndSample
}

prop_compose! {
    fn any_rate()(ppm in 0..=SampleRate::PARTS) -> SampleRate {
        SampleRate::from_ppm(ppm).unwrap()
    }
}

prop_compose! {
    fn any_randomness()(value in 0..RANDOMNESS_VALUES) -> Randomness {
        Randomness::new(value).unwrap()
    }
}

prop_compose! {
    fn any_trace_id()(id in 1_u128..) -> TraceId {
        TraceId::from(id)
    }
}

/// A randomness at or next to the threshold of a rate, where an inexact formula would fail.
fn near_threshold() -> impl Strategy<Value = (SampleRate, Randomness)> {
    (1..=SampleRate::PARTS, -2..=2_i64).prop_map(|(ppm, offset)| {
        let rate = SampleRate::from_ppm(ppm).unwrap();
        let threshold = Threshold::from_rate(rate).unwrap().value();
        let value = threshold
            .saturating_add_signed(offset)
            .min(RANDOMNESS_VALUES - 1);
        (rate, Randomness::new(value).unwrap())
    })
}

/// Texts of the alphabet of `ot` entries, mostly broken.
const OT_LIKE: &str = "((th|rv|p|x1):[0-9a-fA-F.;:_-]{0,16};?){0,6}[ -~]{0,6}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn sampled_exactly_when_sample_rand_is_below_the_rate(
        (rate, randomness) in prop_oneof![near_threshold(), (any_rate(), any_randomness())],
    ) {
        let sampled = Threshold::from_rate(rate).is_some_and(|th| th.keeps(randomness));
        prop_assert_eq!(sampled, sample_rand(randomness) < rate.ppm());
    }

    #[test]
    fn a_trace_kept_at_a_rate_is_kept_at_every_higher_rate(
        one in any_rate(), other in any_rate(), randomness in any_randomness(),
    ) {
        let keeps = |rate| Threshold::from_rate(rate).is_some_and(|th| th.keeps(randomness));
        let (low, high) = (one.min(other), one.max(other));
        prop_assert!(!keeps(low) || keeps(high));
    }

    #[test]
    fn thresholds_and_randomness_survive_their_text(
        value in 0..RANDOMNESS_VALUES, zeros in 0..56_u32,
    ) {
        let text = format!("{:014x}", value >> zeros << zeros);
        let threshold = Threshold::parse(&text).unwrap();
        prop_assert_eq!(threshold.value(), value >> zeros << zeros);
        prop_assert_eq!(Threshold::parse(&threshold.to_string()), Some(threshold));
        prop_assert!(!threshold.to_string().ends_with('0') || threshold == Threshold::ALWAYS);
        let randomness = Randomness::parse(&text).unwrap();
        prop_assert_eq!(randomness.to_string(), text);
    }

    #[test]
    fn a_kept_trace_is_below_the_rate_of_any_foreign_threshold(
        value in 0..RANDOMNESS_VALUES, randomness in any_randomness(),
    ) {
        let threshold = Threshold::parse(&format!("{value:014x}")).unwrap();
        if threshold.keeps(randomness) {
            prop_assert!(sample_rand(randomness) < threshold.rate().ppm());
        } else {
            // Rounding up costs at most one part per million.
            prop_assert!(sample_rand(randomness) + 1 >= threshold.rate().ppm());
        }
    }

    #[test]
    fn every_sample_rand_becomes_a_randomness_and_is_found_again(ppm in 0..SampleRate::PARTS) {
        prop_assert_eq!(sample_rand(Randomness::from_sample_rand(ppm).unwrap()), ppm);
    }

    #[test]
    fn roots_are_decided_by_the_low_56_bits_of_the_trace_id_alone(
        trace_id in any_trace_id(), high in 1..u64::from(u32::MAX), rate in any_rate(),
    ) {
        let sampler = base(rate);
        let result = root(&sampler, trace_id);
        prop_assert_eq!(&result, &root(&sampler, trace_id));

        let low = u128::from_be_bytes(trace_id.to_bytes()) & u128::from(RANDOMNESS_VALUES - 1);
        let other = TraceId::from(low | u128::from(high) << 64);
        prop_assert_eq!(is_sampled(&result), is_sampled(&root(&sampler, other)));

        let randomness = Randomness::from_trace_id(trace_id);
        prop_assert_eq!(is_sampled(&result), sample_rand(randomness) < rate.ppm());
        let written = OtEntry::of(&result.trace_state).threshold();
        let expected = Threshold::from_rate(rate).filter(|_| is_sampled(&result));
        prop_assert_eq!(written, expected);
    }
}

// Making up texts is slow, so fewer of them.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn any_text_is_read_and_rewritten_within_the_limits(
        text in prop_oneof![OT_LIKE, any::<String>(), "[a-z;:]{200,300}"],
        value in 0..RANDOMNESS_VALUES,
    ) {
        let threshold = Threshold::parse(&format!("{value:014x}"));
        let entry = OtEntry::parse(&text).with_threshold(threshold);
        let written = entry.to_string();
        prop_assert!(written.len() <= 256);
        // What was written is a fixed point and a valid member of a trace state.
        prop_assert_eq!(OtEntry::parse(&written).to_string(), written.as_str());
        prop_assert_eq!(OtEntry::parse(&written).threshold(), threshold);
        prop_assert_eq!(OtEntry::parse(&written).randomness(), entry.randomness());
        prop_assert!(TraceState::NONE.insert("ot", written).is_ok());
    }

    /// Malformed or not: the flag decides, the rest of the trace state stays, and what goes on never
    /// contradicts the flag.
    #[test]
    fn remote_parents_are_followed_whatever_their_trace_state(
        trace_id in any_trace_id(), sampled: bool, rate in any_rate(),
        ot in OT_LIKE, vendor in "[a-z0-9]{0,8}",
    ) {
        let Ok(trace_state) = TraceState::from_key_value([("v", vendor.as_str()), ("ot", &ot)])
        else {
            return Ok(()); // `,` or `=`: no propagator lets this through
        };
        let result = below_remote(&base(rate), remote(trace_id, sampled, trace_state));
        prop_assert_eq!(is_sampled(&result), sampled);
        prop_assert_eq!(result.trace_state.get("v"), Some(vendor.as_str()));

        let before = OtEntry::parse(&ot);
        let after = OtEntry::of(&result.trace_state);
        prop_assert_eq!(after.randomness(), before.randomness());
        let randomness = before.randomness().unwrap_or(Randomness::from_trace_id(trace_id));
        let expected = before.threshold().filter(|th| sampled && th.keeps(randomness));
        prop_assert_eq!(after.threshold(), expected);
    }

    #[test]
    fn below_an_unsampled_parent_its_randomness_decides(
        trace_id in any_trace_id(), rate in any_rate(), rv in proptest::option::of(any_randomness()),
    ) {
        let sampler = SmartSampler::builder()
            .rule(Rule::new("keep").rate(rate).keep_despite_parent())
            .build()
            .unwrap();
        let mut entry = OtEntry::default();
        if let Some(rv) = rv {
            entry = entry.with_randomness(rv);
        }
        let parent = remote(trace_id, false, entry.write_to(&TraceState::NONE));
        let result = below_remote(&sampler, parent);
        let randomness = rv.unwrap_or(Randomness::from_trace_id(trace_id));
        prop_assert_eq!(is_sampled(&result), sample_rand(randomness) < rate.ppm());
        prop_assert_eq!(OtEntry::of(&result.trace_state).randomness(), rv);
    }
}

/// 100 000 ids, the same in every run: the kept share lies within four standard errors.
#[test]
fn rates_hold_over_many_trace_ids() {
    const IDS: u32 = 100_000;
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for share in [0.0, 0.001, 0.01, 0.25, 0.5, 0.9, 1.0] {
        let sampler = base(SampleRate::new(share).unwrap());
        let kept = (0..IDS)
            .map(|_| TraceId::from(u128::from(random.next_u64()) | 1 << 100))
            .filter(|id| is_sampled(&root(&sampler, *id)))
            .count() as f64;
        let expected = share * f64::from(IDS);
        let standard_error = (expected * (1.0 - share)).sqrt();
        assert!(
            (kept - expected).abs() <= 4.0 * standard_error,
            "rate {share} kept {kept} of {IDS}"
        );
    }
}

#[test]
fn two_services_keep_nested_subsets() {
    let rules = |share: f64| {
        SmartSampler::builder()
            .rule(Rule::new("all").rate(SampleRate::new(share).unwrap()))
            .base_rate(SampleRate::NEVER)
            .build()
            .unwrap()
    };
    let (low, high) = (rules(0.1), rules(0.3));
    let generator = RandomIdGenerator::default();
    let ids: Vec<TraceId> = (0..10_000).map(|_| generator.new_trace_id()).collect();
    let kept = |sampler: &SmartSampler| -> Vec<TraceId> {
        ids.iter()
            .copied()
            .filter(|id| is_sampled(&root(sampler, *id)))
            .collect()
    };
    let (low, high) = (kept(&low), kept(&high));
    assert!(!low.is_empty() && low.len() < high.len());
    assert!(low.iter().all(|id| high.contains(id)));
}

#[test]
fn never_and_always_have_no_exceptions() {
    let never = SmartSampler::builder()
        .rule(Rule::new("never").rate(RuleRate::Never))
        .build()
        .unwrap();
    let always = base(SampleRate::ALWAYS);
    for low in [1, RANDOMNESS_VALUES - 1, RANDOMNESS_VALUES, u64::MAX] {
        let id = TraceId::from(u128::from(low) | 1 << 100);
        assert!(!is_sampled(&root(&never, id)));
        assert!(is_sampled(&root(&always, id)));
    }
}
