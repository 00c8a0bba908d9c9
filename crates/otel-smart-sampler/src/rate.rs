//! Sample rates in whole parts per million.

use std::fmt;
use std::str::FromStr;

/// The share of traces to keep: 0 to 1, held in whole parts per million (ppm).
///
/// Whole ppm are what makes the two decisions agree: OpenTelemetry compares 56-bit numbers, Sentry
/// compares a `sample_rand` of six decimals. See [`crate::consistency`].
///
/// ```
/// use otel_smart_sampler::SampleRate;
///
/// let rate = SampleRate::new(0.25)?;
/// assert_eq!(rate.ppm(), 250_000);
/// assert_eq!("0.25".parse::<SampleRate>()?, rate);
/// assert_eq!(
///     SampleRate::new(1.5).unwrap_err().to_string(),
///     "a sample rate must be a number from 0 to 1, got 1.5"
/// );
/// # Ok::<(), otel_smart_sampler::SampleRateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// Parts in the whole: one million.
    pub const PARTS: u32 = 1_000_000;
    /// Keep everything.
    pub const ALWAYS: SampleRate = SampleRate(Self::PARTS);
    /// Keep nothing.
    pub const NEVER: SampleRate = SampleRate(0);

    /// A rate from a share of 0 to 1.
    ///
    /// Rounds to the nearest ppm. A share above zero never becomes zero: it is at least 1 ppm.
    ///
    /// # Errors
    ///
    /// [`SampleRateError::OutOfRange`] below 0 or above 1, [`SampleRateError::NotANumber`] for NaN.
    pub fn new(share: f64) -> Result<Self, SampleRateError> {
        if share.is_nan() {
            return Err(SampleRateError::NotANumber);
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(SampleRateError::OutOfRange { value: share });
        }
        Ok(Self::rounded(share))
    }

    /// A rate from whole parts per million, 0 to 1 000 000.
    ///
    /// # Errors
    ///
    /// [`SampleRateError::TooManyParts`] above one million.
    pub const fn from_ppm(ppm: u32) -> Result<Self, SampleRateError> {
        if ppm > Self::PARTS {
            return Err(SampleRateError::TooManyParts { ppm });
        }
        Ok(Self(ppm))
    }

    /// Whole parts per million, 0 to 1 000 000.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// The share, 0 to 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::PARTS)
    }

    /// This rate times a finite factor of at least zero, capped at 1.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self::rounded((self.as_f64() * factor).clamp(0.0, 1.0))
    }

    /// `share` must lie within 0 to 1.
    fn rounded(share: f64) -> Self {
        if share <= 0.0 {
            return Self::NEVER;
        }
        let ppm = (share * f64::from(Self::PARTS)).round() as u32;
        Self(ppm.clamp(1, Self::PARTS))
    }
}

impl fmt::Display for SampleRate {
    /// The share as a plain decimal number: `0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_f64(), f)
    }
}

impl FromStr for SampleRate {
    type Err = SampleRateError;

    /// Reads a share such as `0.25`; white space around it is ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share: f64 = text
            .trim()
            .parse()
            .map_err(|_| SampleRateError::NotANumber)?;
        Self::new(share)
    }
}

impl TryFrom<f64> for SampleRate {
    type Error = SampleRateError;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        Self::new(share)
    }
}

impl From<SampleRate> for f64 {
    fn from(rate: SampleRate) -> Self {
        rate.as_f64()
    }
}

/// Why a value is no [`SampleRate`].
///
/// The text that was given is not repeated: it may come from a mixed-up environment variable.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleRateError {
    /// The text or value is no number.
    #[error("a sample rate must be a number from 0 to 1, and this is no number")]
    NotANumber,
    /// The share lies outside 0 to 1.
    #[error("a sample rate must be a number from 0 to 1, got {value}")]
    OutOfRange {
        /// The share that was given.
        value: f64,
    },
    /// More than a million parts per million.
    #[error("a sample rate must be 0 to 1000000 parts per million, got {ppm}")]
    TooManyParts {
        /// The parts that were given.
        ppm: u32,
    },
}

/// How a [`Rule`](crate::Rule) comes to its rate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum RuleRate {
    /// Keep everything: a rate of 1.
    Always,
    /// Keep nothing.
    Never,
    /// A rate of its own.
    Fixed(SampleRate),
    /// The base rate times this factor, capped at 1. The factor must be finite and at least zero.
    TimesBase(f64),
}

impl RuleRate {
    /// The rate that applies with this base rate.
    pub(crate) fn resolve(self, base: SampleRate) -> SampleRate {
        match self {
            RuleRate::Always => SampleRate::ALWAYS,
            RuleRate::Never => SampleRate::NEVER,
            RuleRate::Fixed(rate) => rate,
            RuleRate::TimesBase(factor) => base.times(factor),
        }
    }
}

impl From<SampleRate> for RuleRate {
    fn from(rate: SampleRate) -> Self {
        RuleRate::Fixed(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_to_the_nearest_ppm() {
        for (share, ppm) in [
            (0.0, 0),
            (-0.0, 0),
            (1e-9, 1),
            (0.000_001, 1),
            (0.000_001_4, 1),
            (0.000_001_6, 2),
            (0.01, 10_000),
            (0.3, 300_000),
            (0.999_999, 999_999),
            (1.0, 1_000_000),
        ] {
            assert_eq!(SampleRate::new(share).unwrap().ppm(), ppm, "{share}");
        }
    }

    #[test]
    fn wrong_shares_say_what_is_wrong() {
        assert_eq!(SampleRate::new(f64::NAN), Err(SampleRateError::NotANumber));
        for value in [-0.1, 1.000_000_1, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(
                SampleRate::new(value),
                Err(SampleRateError::OutOfRange { value })
            );
        }
        assert_eq!(
            SampleRate::from_ppm(1_000_001),
            Err(SampleRateError::TooManyParts { ppm: 1_000_001 })
        );
        assert_eq!("".parse::<SampleRate>(), Err(SampleRateError::NotANumber));
        assert_eq!(
            "10%".parse::<SampleRate>(),
            Err(SampleRateError::NotANumber)
        );
        assert_eq!(
            "nan".parse::<SampleRate>(),
            Err(SampleRateError::NotANumber)
        );
        assert_eq!(
            "2".parse::<SampleRate>(),
            Err(SampleRateError::OutOfRange { value: 2.0 })
        );
    }

    #[test]
    fn text_and_share_agree_for_every_ten_thousandth() {
        for ppm in (0..=SampleRate::PARTS).step_by(100) {
            let rate = SampleRate::from_ppm(ppm).unwrap();
            assert_eq!(SampleRate::new(rate.as_f64()), Ok(rate));
            assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }

    #[test]
    fn rule_rates_follow_the_base() {
        let base = SampleRate::new(0.4).unwrap();
        let ppm = |rate: RuleRate| rate.resolve(base).ppm();
        assert_eq!(ppm(RuleRate::Always), 1_000_000);
        assert_eq!(ppm(RuleRate::Never), 0);
        assert_eq!(ppm(SampleRate::new(0.01).unwrap().into()), 10_000);
        assert_eq!(ppm(RuleRate::TimesBase(1.5)), 600_000);
        assert_eq!(ppm(RuleRate::TimesBase(3.0)), 1_000_000);
        assert_eq!(ppm(RuleRate::TimesBase(0.0)), 0);
        assert_eq!(ppm(RuleRate::TimesBase(f64::MAX)), 1_000_000);
        assert_eq!(
            RuleRate::TimesBase(1.5).resolve(SampleRate::NEVER),
            SampleRate::NEVER
        );
    }
}
