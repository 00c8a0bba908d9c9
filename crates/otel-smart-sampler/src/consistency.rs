//! The formulae of consistent probability sampling, pure and without state.
//!
//! One 56-bit number R, the [`Randomness`], decides for a whole trace. Every service compares it
//! with a [`Threshold`] T of its own: `R >= T` keeps. So a service with a lower rate keeps a subset
//! of what a service with a higher rate keeps.
//!
//! With a rate of `n` parts per million (0 < n <= 1 000 000) and `M = 2^56`:
//!
//! ```text
//! T           = M - ceil(M * n / 1_000_000)
//! sampled     = R >= T
//! sample_rand = floor((M - 1 - R) * 1_000_000 / M)       in parts per million
//! ```
//!
//! From these follows, without rounding error, `sampled <=> sample_rand < n`. This is the invariant
//! that Sentry asks for between `sample_rand`, `sample_rate` and `sampled`: a bridge to Sentry that
//! computes [`sample_rand`] from the same R never contradicts the OpenTelemetry decision.
//!
//! Sources: OpenTelemetry specification, `trace/tracestate-probability-sampling.md` and
//! `trace/tracestate-handling.md`; Sentry developer documentation, "Dynamic Sampling Context".
//!
//! ```
//! use opentelemetry::trace::TraceId;
//! use otel_smart_sampler::SampleRate;
//! use otel_smart_sampler::consistency::{Randomness, Threshold, sample_rand};
//!
//! let randomness = Randomness::from_trace_id(TraceId::from(0x00c0_0000_0000_0000_u128));
//! let rate = SampleRate::new(0.25)?;
//! let threshold = Threshold::from_rate(rate).ok_or("rate 0 has no threshold")?;
//!
//! assert_eq!(threshold.to_string(), "c");
//! assert!(threshold.keeps(randomness));
//! assert_eq!(sample_rand(randomness), 249_999); // below 250 000: Sentry says the same
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ot_entry;

use std::fmt;

use opentelemetry::trace::TraceId;

use crate::SampleRate;

pub use ot_entry::{OT_KEY, OtEntry};

/// Bits of randomness and of thresholds.
const BITS: u32 = 56;
/// M: the number of randomness values, 2^56.
const VALUES: u64 = 1 << BITS;
/// Hex digits of a full value.
const DIGITS: usize = 14;
const PPM: u128 = SampleRate::PARTS as u128;

/// R: the 56 random bits that decide for a whole trace.
///
/// They are the `rv` of the trace state if there is one, else the low 56 bits of the trace id.
/// `Display` writes `rv`: 14 lowercase hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Randomness(u64);

impl Randomness {
    /// The greatest value, 2^56 - 1: kept at every rate above zero.
    pub const MAX: Randomness = Randomness(VALUES - 1);

    /// A value below 2^56; `None` for others.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value < VALUES {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The low 56 bits of a trace id, which the specification says to presume random.
    #[must_use]
    pub const fn from_trace_id(trace_id: TraceId) -> Self {
        let low = u128::from_be_bytes(trace_id.to_bytes()) as u64;
        Self(low & (VALUES - 1))
    }

    /// Reads an `rv`: exactly 14 lowercase hex digits. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != DIGITS {
            return None;
        }
        lower_hex(text).map(Self)
    }

    /// A value in the middle of those whose [`sample_rand`] is `ppm`; `None` from a million on.
    ///
    /// For a trace that arrives with a Sentry `sample_rand` and no `rv`: put it into the trace state
    /// with [`OtEntry::with_randomness`], and both worlds decide from the same value.
    ///
    /// ```
    /// use otel_smart_sampler::consistency::{Randomness, sample_rand};
    ///
    /// let randomness = Randomness::from_sample_rand(123_456).ok_or("below a million")?;
    /// assert_eq!(sample_rand(randomness), 123_456);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub const fn from_sample_rand(ppm: u32) -> Option<Self> {
        if ppm >= SampleRate::PARTS {
            return None;
        }
        let first = kept_values(ppm);
        let last = kept_values(ppm + 1) - 1;
        Some(Self(VALUES - 1 - (first + (last - first) / 2)))
    }

    /// The value, below 2^56.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

/// T: the rejection threshold. A trace is kept when its randomness is at least this.
///
/// `Display` writes `th`: 1 to 14 lowercase hex digits without trailing zeros, `0` for "keeps all".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(u64);

impl Threshold {
    /// Keeps everything, `th:0`.
    pub const ALWAYS: Threshold = Threshold(0);

    /// The threshold of a rate, `2^56 - ceil(2^56 * ppm / 1_000_000)`, at full precision.
    ///
    /// `None` for a rate of zero: the specification knows no threshold that keeps nothing.
    #[must_use]
    pub const fn from_rate(rate: SampleRate) -> Option<Self> {
        if rate.ppm() == 0 {
            None
        } else {
            Some(Self(VALUES - kept_values(rate.ppm())))
        }
    }

    /// Reads a `th`: 1 to 14 lowercase hex digits, filled up with zeros on the right. `None` for
    /// anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > DIGITS {
            return None;
        }
        let missing = DIGITS - text.len();
        lower_hex(text).map(|value| Self(value << (4 * missing)))
    }

    /// Whether a trace with this randomness is kept.
    #[must_use]
    pub const fn keeps(self, randomness: Randomness) -> bool {
        randomness.0 >= self.0
    }

    /// The rate that this threshold stands for, in whole ppm.
    ///
    /// Exact for the thresholds of [`Threshold::from_rate`]. A foreign threshold between two ppm is
    /// rounded up, so that a kept trace always has a [`sample_rand`] below the rate.
    #[must_use]
    pub const fn rate(self) -> SampleRate {
        let kept = VALUES - self.0;
        let whole = ((kept as u128 * PPM) >> BITS) as u32;
        let ppm = if kept_values(whole) == kept {
            whole
        } else {
            whole + 1
        };
        match SampleRate::from_ppm(ppm) {
            Ok(rate) => rate,
            // kept is at most M, so ppm is at most a million.
            Err(_) => SampleRate::ALWAYS,
        }
    }

    /// The value, below 2^56.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        let digits = DIGITS - self.0.trailing_zeros() as usize / 4;
        let value = self.0 >> (4 * (DIGITS - digits));
        write!(f, "{value:0digits$x}")
    }
}

/// Sentry's `sample_rand` in whole ppm, 0 to 999 999: `floor((M - 1 - R) * 1_000_000 / M)`.
///
/// Divide by a million for the six decimals that Sentry's headers carry. A trace is kept at a rate
/// of `n` ppm exactly when this is below `n`.
#[must_use]
pub const fn sample_rand(randomness: Randomness) -> u32 {
    let complement = (VALUES - 1 - randomness.0) as u128;
    ((complement * PPM) >> BITS) as u32
}

/// How many randomness values a rate keeps: `ceil(M * ppm / 1_000_000)`.
const fn kept_values(ppm: u32) -> u64 {
    ((ppm as u128) << BITS).div_ceil(PPM) as u64
}

/// At most 16 digits, lowercase only: `u64::from_str_radix` alone would accept a sign and capitals.
fn lower_hex(text: &str) -> Option<u64> {
    if text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    {
        u64::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(ppm: u32) -> Threshold {
        Threshold::from_rate(SampleRate::from_ppm(ppm).unwrap()).unwrap()
    }

    #[test]
    fn thresholds_have_the_values_of_the_specification() {
        assert_eq!(threshold(1_000_000).to_string(), "0");
        assert_eq!(threshold(500_000).to_string(), "8");
        assert_eq!(threshold(250_000).to_string(), "c");
        assert!(threshold(10_000).to_string().starts_with("fd70a3d7"));
        assert_eq!(Threshold::from_rate(SampleRate::NEVER), None);
    }

    #[test]
    fn malformed_hex_is_refused() {
        for text in [
            "",
            "C",
            "0x1",
            "+1",
            "-1",
            " 1",
            "1 ",
            "g",
            "é",
            "123456789012345",
        ] {
            assert_eq!(Threshold::parse(text), None, "{text:?}");
        }
        assert_eq!(Threshold::parse("c").unwrap().value(), 0xc << 52);
        assert_eq!(Threshold::parse("c00").unwrap().to_string(), "c");
        assert_eq!(
            Threshold::parse("00000000000001").unwrap().to_string(),
            "00000000000001"
        );
        for text in [
            "",
            "0",
            "0123456789abc",
            "0123456789abcde",
            "0123456789ABCD",
            "+123456789abcd",
        ] {
            assert_eq!(Randomness::parse(text), None, "{text:?}");
        }
        assert_eq!(
            Randomness::parse("00000000000001").unwrap(),
            Randomness::new(1).unwrap()
        );
        assert_eq!(Randomness::new(1 << 56), None);
    }

    #[test]
    fn every_rate_survives_its_threshold_and_its_text() {
        for ppm in 1..=SampleRate::PARTS {
            let threshold = threshold(ppm);
            assert_eq!(threshold.rate().ppm(), ppm);
            if ppm % 97 == 0 {
                assert_eq!(Threshold::parse(&threshold.to_string()), Some(threshold));
            }
        }
    }

    #[test]
    fn the_decision_turns_exactly_at_the_threshold() {
        for ppm in (1..SampleRate::PARTS).step_by(7) {
            let threshold = threshold(ppm);
            let last_kept = Randomness(threshold.value());
            let first_dropped = Randomness(threshold.value() - 1);
            assert!(threshold.keeps(last_kept));
            assert!(!threshold.keeps(first_dropped));
            assert_eq!(sample_rand(last_kept), ppm - 1);
            assert_eq!(sample_rand(first_dropped), ppm);
        }
    }

    #[test]
    fn foreign_thresholds_round_up() {
        // 1 % at four hex digits keeps 655 / 65536 = 0.009 994 5...
        assert_eq!(Threshold::parse("fd71").unwrap().rate().ppm(), 9_995);
        assert_eq!(Threshold::parse("ffffffffffffff").unwrap().rate().ppm(), 1);
        assert_eq!(
            Threshold::parse("00000000000001").unwrap().rate().ppm(),
            1_000_000
        );
    }

    #[test]
    fn sample_rand_is_found_again() {
        for ppm in (0..SampleRate::PARTS).step_by(3) {
            let randomness = Randomness::from_sample_rand(ppm).unwrap();
            assert_eq!(sample_rand(randomness), ppm);
        }
        assert_eq!(Randomness::from_sample_rand(1_000_000), None);
        assert_eq!(sample_rand(Randomness::MAX), 0);
        assert_eq!(sample_rand(Randomness(0)), 999_999);
    }

    #[test]
    fn randomness_is_the_low_56_bits_of_the_trace_id() {
        let id = TraceId::from_hex("0123456789abcdeffedcba9876543210").unwrap();
        assert_eq!(Randomness::from_trace_id(id).to_string(), "dcba9876543210");
    }
}
