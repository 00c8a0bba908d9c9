//! Over a million cases each, the same in every run: what must hold without exception.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use otel_smart_sampler::consistency::{OtEntry, Randomness, Threshold, sample_rand};
use otel_smart_sampler::{Rule, SampleRate, SmartSampler};

const CASES: usize = 1_000_000;
const RANDOMNESS_VALUES: u64 = 1 << 56;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A rate above zero; small ones are as frequent as large ones.
    fn rate(&mut self) -> SampleRate {
        let most = [10, 1_000, 100_000, u64::from(SampleRate::PARTS)];
        let most = most[self.below(4) as usize];
        SampleRate::from_ppm(1 + self.below(most) as u32).unwrap()
    }

    /// Any randomness, or one at or next to the threshold of `rate`.
    fn randomness(&mut self, rate: SampleRate) -> Randomness {
        let value = match self.below(4) {
            0 => {
                let threshold = Threshold::from_rate(rate).unwrap().value();
                threshold.saturating_add_signed(self.below(5) as i64 - 2)
            }
            _ => self.next() >> 8,
        };
        Randomness::new(value.min(RANDOMNESS_VALUES - 1)).unwrap()
    }

    fn trace_id(&mut self, randomness: Randomness) -> TraceId {
        let high = u128::from(self.next()) << 64 | u128::from(self.next() << 56);
        TraceId::from(high | u128::from(randomness.value()) | 1 << 127)
    }
}

fn base(rate: SampleRate) -> SmartSampler {
    SmartSampler::builder().base_rate(rate).build().unwrap()
}

fn root(sampler: &SmartSampler, trace_id: TraceId) -> SamplingResult {
    sampler.should_sample(None, trace_id, "root", &SpanKind::Internal, &[], &[])
}

fn is_sampled(result: &SamplingResult) -> bool {
    result.decision == SamplingDecision::RecordAndSample
}

/// `R >= T` and `sample_rand < sample_rate` say the same, with `th` written and read back.
#[test]
fn the_two_inequalities_agree() {
    let mut random = Random(1);
    let mut kept = 0;
    for _ in 0..CASES {
        let rate = random.rate();
        let randomness = random.randomness(rate);
        let threshold = Threshold::from_rate(rate).unwrap();
        let otel = randomness.value() >= threshold.value();
        let sentry = sample_rand(randomness) < rate.ppm();
        assert_eq!(otel, sentry, "{rate} {randomness}");
        assert_eq!(threshold.keeps(randomness), otel);
        kept += usize::from(otel);
    }
    // Both outcomes are well represented.
    assert!((CASES / 10..CASES * 9 / 10).contains(&kept), "{kept}");
    for _ in 0..CASES / 10 {
        let rate = random.rate();
        let threshold = Threshold::from_rate(rate).unwrap();
        assert_eq!(Threshold::parse(&threshold.to_string()), Some(threshold));
        assert_eq!(threshold.rate(), rate);
    }
}

/// Of two rates the higher keeps all that the lower keeps, and the same trace is decided alike by
/// every service with the rate, whether it goes by the trace id or by an `rv` of that value.
#[test]
fn decisions_are_monotone_and_equal_across_services() {
    let mut random = Random(2);
    let services: Vec<(SampleRate, SmartSampler, SmartSampler)> = (0..1_000)
        .map(|_| {
            let rate = random.rate();
            let rule = Rule::new("entry").rate(rate).keep_despite_parent();
            let below = SmartSampler::builder().rule(rule).build().unwrap();
            (rate, base(rate), below)
        })
        .collect();
    let mut differed = 0;
    for index in 0..CASES {
        let a = &services[random.below(1_000) as usize];
        let b = &services[random.below(1_000) as usize];
        let (lower, higher) = if a.0 <= b.0 { (a, b) } else { (b, a) };
        let randomness = random.randomness(lower.0);
        let trace_id = random.trace_id(randomness);
        let by_lower = root(&lower.1, trace_id);
        let by_higher = root(&higher.1, trace_id);
        assert!(
            is_sampled(&by_higher) || !is_sampled(&by_lower),
            "{trace_id}"
        );
        differed += usize::from(is_sampled(&by_higher) != is_sampled(&by_lower));
        // Another process with the same rate, below an unsampled parent.
        if index % 4 == 0 {
            let with_rv = index % 8 == 0;
            let (id, state) = match with_rv {
                true => {
                    let rv = OtEntry::default().with_randomness(randomness);
                    (
                        TraceId::from(1 + u128::from(random.next())),
                        rv.write_to(&TraceState::NONE),
                    )
                }
                false => (trace_id, TraceState::NONE),
            };
            let parent = SpanContext::new(id, SpanId::from(1), TraceFlags::default(), true, state);
            let context = Context::new().with_remote_span_context(parent);
            let elsewhere =
                lower
                    .2
                    .should_sample(Some(&context), id, "entry", &SpanKind::Server, &[], &[]);
            assert_eq!(is_sampled(&elsewhere), is_sampled(&by_lower), "{id}");
            let [here, there] =
                [&by_lower, &elsewhere].map(|it| OtEntry::of(&it.trace_state).threshold());
            assert_eq!(here, there);
        }
    }
    assert!(differed > CASES / 20, "{differed}");
}

/// What others wrote, right or wrong: unknown sub-keys stay, what goes on never contradicts the
/// flag, and `rv` is never touched.
#[test]
fn foreign_entries_are_kept_or_mended() {
    let mut random = Random(3);
    let sampler = SmartSampler::builder()
        .rule(
            Rule::new("entry")
                .rate(SampleRate::new(0.3).unwrap())
                .keep_despite_parent(),
        )
        .build()
        .unwrap();
    let digits = b"0123456789abcdefABg-";
    for _ in 0..CASES {
        let mut text = |most: u64| -> String {
            let length = random.below(most + 1);
            (0..length)
                .map(|_| {
                    let last = if random.below(30) == 0 { 20 } else { 16 };
                    char::from(digits[random.below(last) as usize])
                })
                .collect()
        };
        let mut members = Vec::new();
        let th = text(15);
        let rv = format!("{:0>14.14}", text(14));
        let (foreign, value) = (
            format!("x{}", text(2).to_lowercase().replace('-', "")),
            text(6),
        );
        if th.len() % 4 != 0 {
            members.push(format!("th:{th}"));
        }
        members.push(format!("{foreign}:{value}"));
        if rv.as_bytes()[13] % 2 == 0 {
            members.push(format!("rv:{rv}"));
        }
        let text = members.join(";");
        let state = TraceState::from_key_value([("v", "1"), ("ot", &text)]).unwrap();
        let flags = TraceFlags::default().with_sampled(random.below(2) == 0);
        let low = Randomness::new(random.next() >> 8).unwrap();
        let id = random.trace_id(low);
        let before = OtEntry::parse(&text);
        let randomness = before.randomness().unwrap_or(Randomness::from_trace_id(id));
        let parent = SpanContext::new(id, SpanId::from(1), flags, true, state.clone());
        let context = Context::new().with_remote_span_context(parent);
        let result = sampler.should_sample(Some(&context), id, "x", &SpanKind::Server, &[], &[]);

        let after = OtEntry::of(&result.trace_state);
        assert_eq!(after.randomness(), before.randomness(), "{text}");
        assert_eq!(result.trace_state.get("v"), Some("1"));
        if !value.is_empty() {
            let written = result.trace_state.get("ot").unwrap_or_default();
            let member = format!("{foreign}:{value}");
            assert!(
                written.split(';').any(|it| it == member),
                "{text} -> {written}"
            );
        }
        let ours = Threshold::from_rate(SampleRate::new(0.3).unwrap()).unwrap();
        let parents = before
            .threshold()
            .filter(|th| flags.is_sampled() && th.keeps(randomness));
        let expected = match (flags.is_sampled(), parents) {
            (true, Some(parents)) if ours.keeps(randomness) => Some(parents.min(ours)),
            (true, parents) => parents,
            (false, _) => Some(ours).filter(|ours| ours.keeps(randomness)),
        };
        assert_eq!(
            after.threshold(),
            expected,
            "{text} -> {:?}",
            result.trace_state
        );
        assert_eq!(
            is_sampled(&result),
            flags.is_sampled() || ours.keeps(randomness)
        );
        if let Some(threshold) = after.threshold() {
            assert!(is_sampled(&result) && threshold.keeps(randomness));
        }
    }
}
