//! When to try again, and for how long.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

/// How often and how long a load is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// Attempts in all, the first included.
    pub(crate) max_attempts: u32,
    /// No attempt begins later than this after the first.
    pub(crate) max_age: Duration,
    /// The longest pause after the first attempt; it doubles with each one.
    pub(crate) base_delay: Duration,
}

/// No pause is longer than this, unless the server asks for it.
const MAX_DELAY: Duration = Duration::from_secs(15);

impl RetryPolicy {
    /// When to begin the next attempt; None when it is time to give up.
    ///
    /// `asked` is the pause that the server asked for (`Retry-After`), `random` is in `0.0..1.0`.
    pub(crate) fn next_attempt(
        &self,
        attempts: u32,
        first_attempt: Instant,
        now: Instant,
        asked: Option<Duration>,
        random: f64,
    ) -> Option<Instant> {
        if attempts >= self.max_attempts {
            return None;
        }
        let pause = self.pause(attempts, random).max(asked.unwrap_or_default());
        let due = now.checked_add(pause)?;
        (due.saturating_duration_since(first_attempt) <= self.max_age).then_some(due)
    }

    /// Full jitter: anything between nothing and the exponential pause.
    fn pause(&self, attempts: u32, random: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        self.base_delay
            .saturating_mul(1 << doublings)
            .min(MAX_DELAY)
            .mul_f64(random.clamp(0.0, 1.0))
    }
}

/// A random number in `0.0..1.0`.
pub(crate) fn random() -> f64 {
    // Every state has random keys of its own, so its hash of nothing is a random number.
    let [a, b, c, d, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    f64::from(u32::from_ne_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 5,
        max_age: Duration::from_secs(60),
        base_delay: Duration::from_millis(500),
    };

    #[test]
    fn the_pause_doubles_and_is_jittered() {
        for (attempts, longest) in [(1, 500), (2, 1000), (3, 2000), (6, 15_000), (40, 15_000)] {
            assert_eq!(POLICY.pause(attempts, 1.0), Duration::from_millis(longest));
            assert_eq!(
                POLICY.pause(attempts, 0.5),
                Duration::from_millis(longest) / 2
            );
            assert_eq!(POLICY.pause(attempts, 0.0), Duration::ZERO);
        }
    }

    #[test]
    fn attempts_and_age_are_bounded() {
        let first = Instant::now();
        let next = |attempts, age, asked: Option<u64>| {
            POLICY.next_attempt(
                attempts,
                first,
                first + Duration::from_secs(age),
                asked.map(Duration::from_secs),
                0.0,
            )
        };
        assert_eq!(next(4, 0, None), Some(first));
        assert_eq!(next(5, 0, None), None, "five attempts are enough");
        assert!(next(1, 60, None).is_some());
        assert_eq!(next(1, 61, None), None, "too old");
        assert_eq!(
            next(1, 10, Some(20)),
            Some(first + Duration::from_secs(30)),
            "the server's wish counts"
        );
        assert_eq!(next(1, 10, Some(51)), None, "but not beyond the age");
    }

    #[test]
    fn random_numbers_are_in_range_and_differ() {
        let numbers: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number != numbers[0]));
    }
}
