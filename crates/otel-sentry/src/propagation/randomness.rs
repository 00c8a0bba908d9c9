//! One random number a trace, read by OpenTelemetry and by Sentry.
//!
//! OpenTelemetry's consistent sampling (specification, "TraceState: Probability Sampling") compares
//! 56 random bits R with a rejection threshold T: a trace is kept if `R >= T`. Sentry compares
//! `sample_rand` with `sample_rate`: kept if `sample_rand < sample_rate`. With rates in whole parts
//! per million and the formulas here, both say the same of every trace.

use opentelemetry::trace::{SpanContext, TraceId, TraceState};

/// 2^56: R and T are below it.
const RANGE: u128 = 1 << 56;
/// Parts in a rate of one.
pub(crate) const MILLION: u32 = 1_000_000;
/// The key of OpenTelemetry's entry in `tracestate`.
const OT: &str = "ot";

/// R of a trace: `rv` of the `ot` entry if it is there, else the low 56 bits of the trace id.
pub(crate) fn randomness(context: &SpanContext) -> u64 {
    sub_key(context.trace_state(), "rv")
        .filter(|digits| digits.len() == 14)
        .and_then(hex)
        .unwrap_or_else(|| of_trace_id(context.trace_id()))
}

fn of_trace_id(trace_id: TraceId) -> u64 {
    u64::try_from(u128::from_be_bytes(trace_id.to_bytes()) % RANGE).unwrap_or(0)
}

/// Sentry's `sample_rand` of R, in parts per million: `floor((2^56 - 1 - R) * 10^6 / 2^56)`.
pub(crate) fn sample_rand(randomness: u64) -> u32 {
    let complement = RANGE - 1 - u128::from(randomness).min(RANGE - 1);
    u32::try_from(complement * u128::from(MILLION) / RANGE).unwrap_or(MILLION - 1)
}

/// An R whose [`sample_rand`] is `ppm`: the middle of those that have it.
pub(crate) fn of_sample_rand(ppm: u32) -> u64 {
    let ppm = u128::from(ppm.min(MILLION - 1));
    let million = u128::from(MILLION);
    let lowest = (ppm * RANGE).div_ceil(million);
    let highest = ((ppm + 1) * RANGE).div_ceil(million) - 1;
    let middle = lowest + (highest - lowest) / 2;
    u64::try_from(RANGE - 1 - middle).unwrap_or(0)
}

/// The rate in parts per million, at least one, by the `th` of the `ot` entry.
///
/// Rounded to the nearest: the threshold of a whole rate keeps up to one value of R more than the
/// rate says, so rounding up would give the next rate.
///
/// `None` without a valid `th`, and if R does not reach it: then it is not of this decision.
pub(crate) fn rate(context: &SpanContext) -> Option<u32> {
    let digits = sub_key(context.trace_state(), "th")?;
    if digits.is_empty() || digits.len() > 14 {
        return None;
    }
    let threshold = hex(digits)? << (4 * (14 - digits.len()));
    if randomness(context) < threshold {
        return None;
    }
    let kept = RANGE - u128::from(threshold);
    let rate = (kept * u128::from(MILLION) + RANGE / 2) / RANGE;
    u32::try_from(rate.max(1)).ok()
}

/// `th` for a rate in parts per million: 14 digits without the zeros at the end.
pub(crate) fn threshold(rate: u32) -> String {
    let rate = u128::from(rate.min(MILLION));
    let threshold = RANGE - (RANGE * rate).div_ceil(u128::from(MILLION));
    let digits = format!("{threshold:014x}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { "0" } else { digits }.to_owned()
}

/// The `ot` entry of a decision that came from Sentry alone: `rv`, and `th` if a rate is known.
pub(crate) fn ot_entry(randomness: u64, rate: Option<u32>) -> (&'static str, String) {
    let rv = format!("rv:{randomness:014x}");
    let value = match rate {
        Some(rate) => format!("th:{};{rv}", threshold(rate)),
        None => rv,
    };
    (OT, value)
}

/// A rate or a random number from zero to one as whole parts per million, if it is one.
pub(crate) fn to_ppm(number: f64) -> Option<u32> {
    // `contains` is false for NaN.
    (0.0..=1.0)
        .contains(&number)
        .then(|| (number * f64::from(MILLION)).round() as u32)
}

fn sub_key<'a>(state: &'a TraceState, key: &str) -> Option<&'a str> {
    state.get(OT)?.split(';').find_map(|member| {
        member
            .split_once(':')
            .filter(|(found, _)| *found == key)
            .map(|(_, value)| value)
    })
}

/// Lower-case hexadecimal digits only.
pub(crate) fn hex(digits: &str) -> Option<u64> {
    let valid = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.is_empty() || !digits.bytes().all(valid) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{SpanId, TraceFlags};
    use proptest::prelude::*;

    fn context(trace_id: u128, ot: Option<&str>) -> SpanContext {
        let state = match ot {
            Some(value) => TraceState::from_key_value([("ot", value)]).unwrap(),
            None => TraceState::NONE,
        };
        let ids = (TraceId::from(trace_id), SpanId::from(1));
        SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, true, state)
    }

    #[test]
    fn sample_rand_table() {
        let max = (RANGE - 1) as u64;
        for (randomness, ppm) in [
            (max, 0),
            (0, 999_999),
            (1 << 55, 499_999),
            (max / 2, 500_000),
        ] {
            assert_eq!(sample_rand(randomness), ppm, "{randomness:014x}");
        }
        // Beyond the range, as no `rv` can be.
        assert_eq!(sample_rand(u64::MAX), 0);
    }

    #[test]
    fn thresholds_of_the_specification() {
        for (rate, th) in [(1_000_000, "0"), (250_000, "c"), (500_000, "8")] {
            assert_eq!(threshold(rate), th);
        }
        assert!(
            threshold(10_000).starts_with("fd70a3d70a3d7"),
            "{}",
            threshold(10_000)
        );
    }

    #[test]
    fn randomness_is_rv_or_of_the_trace_id() {
        let id = 0xffff_ffff_ffff_ffff_ff12_3456_789a_bcde;
        for (ot, expected) in [
            (None, 0x12_3456_789a_bcde),
            (Some("rv:00000000000001"), 1),
            (Some("th:8;rv:00000000000001;x:y"), 1),
            (Some("rv:1"), 0x12_3456_789a_bcde),
            (Some("rv:0000000000000G"), 0x12_3456_789a_bcde),
            (Some("rv"), 0x12_3456_789a_bcde),
        ] {
            assert_eq!(randomness(&context(id, ot)), expected, "{ot:?}");
        }
    }

    #[test]
    fn rate_by_threshold() {
        for (ot, expected) in [
            (None, None),
            (Some("th:0"), Some(1_000_000)),
            (Some("th:8;rv:ffffffffffffff"), Some(500_000)),
            (Some("th:c;rv:c0000000000000"), Some(250_000)),
            (Some("th:c;rv:bfffffffffffff"), None),
            (Some("th:;rv:ffffffffffffff"), None),
            (Some("th:000000000000000"), None),
            (Some("th:zz"), None),
            (Some("th:fd70a4;rv:ffffffffffffff"), Some(10_000)),
            (Some("th:ffffffffffffff;rv:ffffffffffffff"), Some(1)),
        ] {
            assert_eq!(rate(&context(1, ot)), expected, "{ot:?}");
        }
    }

    #[test]
    fn parts_per_million() {
        for (number, expected) in [
            (0.05, Some(50_000)),
            (1.0, Some(MILLION)),
            (0.0, Some(0)),
            (-0.1, None),
            (1.1, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(to_ppm(number), expected, "{number}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn both_worlds_decide_the_same(randomness in 0..(1_u64 << 56), rate in 1..=MILLION) {
            let digits = threshold(rate);
            let threshold = hex(&digits).unwrap() << (4 * (14 - digits.len()));
            prop_assert_eq!(randomness >= threshold, sample_rand(randomness) < rate);
        }

        #[test]
        fn a_foreign_sample_rand_is_kept(ppm in 0..MILLION) {
            prop_assert_eq!(sample_rand(of_sample_rand(ppm)), ppm);
        }

        #[test]
        fn a_whole_rate_survives_its_threshold(rate in 1..=MILLION) {
            let (key, value) = ot_entry(RANGE as u64 - 1, Some(rate));
            prop_assert_eq!(key, "ot");
            prop_assert_eq!(super::rate(&context(1, Some(&value))), Some(rate));
        }
    }
}
