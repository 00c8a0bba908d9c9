//! A limit of traces a second, by a rate that adapts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::Instant;

use crate::SampleRate;
use crate::consistency::{Randomness, Threshold};

/// How often the rate is worked out anew, in microseconds.
const WINDOW: u64 = 1_000_000;

/// The shortest time from which a burst's pace is judged, in microseconds.
const SHORTEST: u64 = 10_000;

/// Keeps at most about so many traces a second.
///
/// Each decision applies the rate of that moment, which depends on earlier traces alone. So a kept
/// trace stands for one over its own rate, whatever the rate does. Decisions take no lock; the one
/// that finds a window over works the next rate out, while others go on with the old one.
#[derive(Debug)]
pub(crate) struct Limit {
    per_second: f64,
    /// The highest rate: that of the rule.
    highest: SampleRate,
    /// Kept traces above which a window's rate falls before its end. Chance alone seldom gets there.
    budget: u64,
    origin: Instant,
    ppm: AtomicU32,
    /// Traces of this window.
    seen: AtomicU64,
    /// Traces kept since the rate was last worked out.
    kept: AtomicU64,
    /// When this window ends, in microseconds since `origin`.
    ends: AtomicU64,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    started: u64,
    /// Traces a second that are reckoned with. It follows a rise at once and a fall slowly.
    expected: f64,
}

impl Limit {
    /// `per_second` must be finite and above zero.
    pub(crate) fn new(per_second: f64, highest: SampleRate) -> Self {
        let budget = per_second + 3.0 * per_second.sqrt() + 1.0;
        Self {
            per_second,
            highest,
            budget: budget as u64,
            origin: Instant::now(),
            ppm: AtomicU32::new(highest.ppm()),
            seen: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            ends: AtomicU64::new(WINDOW),
            window: Mutex::new(Window {
                started: 0,
                expected: 0.0,
            }),
        }
    }

    /// The rate that is applied now.
    pub(crate) fn rate(&self) -> SampleRate {
        SampleRate::from_ppm(self.ppm.load(Ordering::Relaxed)).unwrap_or(self.highest)
    }

    /// Decides on a trace; the rate is the one that was applied.
    pub(crate) fn decide(&self, randomness: Randomness) -> (SampleRate, bool) {
        let now = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.decide_at(randomness, now)
    }

    fn decide_at(&self, randomness: Randomness, now: u64) -> (SampleRate, bool) {
        if now >= self.ends.load(Ordering::Relaxed) {
            self.next_window(now);
        }
        let rate = self.rate();
        self.seen.fetch_add(1, Ordering::Relaxed);
        let sampled = Threshold::from_rate(rate).is_some_and(|th| th.keeps(randomness));
        if sampled && self.kept.fetch_add(1, Ordering::Relaxed) >= self.budget {
            self.tighten(now);
        }
        (rate, sampled)
    }

    /// Ends the window and sets the rate of the next by what came in.
    fn next_window(&self, now: u64) {
        self.adjust(|window| {
            if now < self.ends.load(Ordering::Relaxed) {
                return;
            }
            let elapsed = now.saturating_sub(window.started).max(SHORTEST);
            let observed = per_second(self.seen.swap(0, Ordering::Relaxed), elapsed);
            let faded = window.expected * 0.5_f64.powf(elapsed as f64 / WINDOW as f64);
            window.expected = observed.max(faded);
            window.started = now;
            self.set_rate(self.per_second / window.expected, self.highest);
            self.ends
                .store(now.saturating_add(WINDOW), Ordering::Relaxed);
        });
    }

    /// Lowers the rate within a window in which far more is kept than should be.
    fn tighten(&self, now: u64) {
        self.adjust(|window| {
            if self.kept.load(Ordering::Relaxed) <= self.budget {
                return;
            }
            let elapsed = now.saturating_sub(window.started).max(SHORTEST);
            let observed = per_second(self.seen.load(Ordering::Relaxed), elapsed);
            let half = self.rate().ppm() / 2;
            let highest = SampleRate::from_ppm(half).unwrap_or(self.highest);
            self.set_rate(self.per_second / observed, highest);
        });
    }

    /// Changes the rate, unless another thread is just doing so.
    fn adjust(&self, change: impl FnOnce(&mut Window)) {
        match self.window.try_lock() {
            Ok(mut window) => change(&mut window),
            Err(TryLockError::Poisoned(poisoned)) => change(&mut poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Sets a rate and counts what is kept anew. A rule that keeps anything never falls to zero:
    /// that could not be extrapolated from.
    fn set_rate(&self, share: f64, highest: SampleRate) {
        let wanted = SampleRate::new(share.clamp(0.0, 1.0)).unwrap_or(self.highest);
        let lowest = self.highest.ppm().min(1);
        let ppm = wanted.min(highest).ppm().max(lowest);
        self.ppm.store(ppm, Ordering::Relaxed);
        self.kept.store(0, Ordering::Relaxed);
    }
}

fn per_second(count: u64, micros: u64) -> f64 {
    count as f64 * WINDOW as f64 / micros as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64, the same numbers in every run.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> Randomness {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            Randomness::new((z ^ (z >> 31)) >> 8).unwrap()
        }
    }

    /// What a limit kept of even traffic.
    #[derive(Debug, Default)]
    struct Outcome {
        seen: u64,
        kept: u64,
        extrapolated: f64,
        /// Of `extrapolated`, as the rates say it.
        variance: f64,
    }

    impl Outcome {
        fn assert_unbiased(&self) {
            let off = (self.extrapolated - self.seen as f64).abs();
            assert!(off <= 4.0 * self.variance.sqrt(), "{self:?}");
        }
    }

    fn run(
        limit: &Limit,
        random: &mut Random,
        from: u64,
        seconds: u64,
        per_second: u64,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        for index in 0..seconds * per_second {
            let now = from * WINDOW + index * WINDOW / per_second;
            let (rate, sampled) = limit.decide_at(random.next(), now);
            let share = rate.as_f64();
            outcome.seen += 1;
            outcome.variance += (1.0 - share) / share;
            if sampled {
                outcome.kept += 1;
                outcome.extrapolated += 1.0 / share;
            }
        }
        outcome
    }

    #[test]
    fn below_the_limit_the_rules_rate_holds() {
        let highest = SampleRate::new(0.5).unwrap();
        let limit = Limit::new(100.0, highest);
        let outcome = run(&limit, &mut Random(1), 0, 60, 50);
        assert_eq!(limit.rate(), highest);
        assert!((outcome.kept as f64 - 1_500.0).abs() <= 4.0 * 750_f64.sqrt());
    }

    #[test]
    fn steady_traffic_is_kept_at_the_limit_and_extrapolates() {
        let limit = Limit::new(10.0, SampleRate::ALWAYS);
        let mut random = Random(2);
        run(&limit, &mut random, 0, 2, 1_000);
        let outcome = run(&limit, &mut random, 2, 100, 1_000);
        // Ten a second for a hundred seconds, and chance.
        assert!((800..=1_130).contains(&outcome.kept), "{outcome:?}");
        outcome.assert_unbiased();
    }

    #[test]
    fn a_burst_is_held_down_within_its_first_second() {
        let limit = Limit::new(10.0, SampleRate::ALWAYS);
        let mut random = Random(3);
        run(&limit, &mut random, 0, 10, 5);
        let burst = run(&limit, &mut random, 10, 1, 100_000);
        assert!((10..=50).contains(&burst.kept), "{burst:?}");
        let later = run(&limit, &mut random, 11, 20, 100_000);
        assert!((100..=300).contains(&later.kept), "{later:?}");
        later.assert_unbiased();
        // And over: within some seconds everything is kept again.
        run(&limit, &mut random, 31, 20, 5);
        let calm = run(&limit, &mut random, 51, 10, 5);
        assert_eq!(calm.kept, calm.seen);
    }

    #[test]
    fn less_than_one_a_second_is_a_limit_too() {
        let limit = Limit::new(0.1, SampleRate::ALWAYS);
        let mut random = Random(4);
        run(&limit, &mut random, 0, 5, 100);
        let outcome = run(&limit, &mut random, 5, 2_000, 100);
        assert!((120..=280).contains(&outcome.kept), "{outcome:?}");
        outcome.assert_unbiased();
    }

    #[test]
    fn a_rule_that_keeps_nothing_keeps_nothing() {
        let limit = Limit::new(10.0, SampleRate::NEVER);
        let outcome = run(&limit, &mut Random(5), 0, 3, 1_000);
        assert_eq!(outcome.kept, 0);
    }
}
