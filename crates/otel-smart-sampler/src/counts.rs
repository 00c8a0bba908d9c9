//! Counters per rule.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::{Decision, RULE_PARENT, SampleRate, SamplerObserver, SmartSampler};

/// Counts what each rule saw and kept. Clones share their counters.
///
/// A decision costs one atomic addition and takes no lock. Use the counters with the sampler only
/// that they were made for. When its rules change, a rule that keeps its name keeps its counts, and
/// the counts of a rule that is gone are gone.
///
/// ```
/// use opentelemetry::trace::{Span, Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otel_smart_sampler::{Pattern, Rule, RuleRate, SamplingCounts, SmartSampler};
///
/// let sampler = SmartSampler::builder()
///     .rule(Rule::new("health").name(Pattern::exact("GET /health")).rate(RuleRate::Never))
///     .build()?;
/// let counts = SamplingCounts::new(&sampler);
/// let provider = SdkTracerProvider::builder()
///     .with_sampler(sampler.with_observer(counts.clone()))
///     .build();
///
/// provider.tracer("app").start("GET /health").end();
/// let health = &counts.snapshot()[0];
/// assert_eq!((health.rule.as_str(), health.seen, health.kept), ("health", 1, 0));
/// # Ok::<(), otel_smart_sampler::BuildError>(())
/// ```
#[derive(Clone)]
pub struct SamplingCounts {
    slots: Arc<ArcSwap<Vec<Arc<Slot>>>>,
}

/// On a cache line of its own, so that threads that hit different rules do not slow each other.
#[repr(align(64))]
#[derive(Default)]
struct Slot {
    rule: String,
    /// The rate when the slot was made.
    rate: Option<SampleRate>,
    kept: AtomicU64,
    dropped: AtomicU64,
    /// What was decided at another rate: by a limit, or since the rules have changed.
    other: Other,
}

#[derive(Default)]
struct Other {
    seen: AtomicU64,
    kept: AtomicU64,
    /// The sum of the rates, in parts per million.
    expected_ppm: AtomicU64,
    /// The sum of what the kept stand for, in thousandths.
    represented_milli: AtomicU64,
}

/// What a rule saw and kept since the counters were made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RuleCount {
    /// The rule's name, [`RULE_BASE`](crate::RULE_BASE) or [`RULE_PARENT`](crate::RULE_PARENT).
    pub rule: String,
    /// The rule's rate at the start, without its limit; `None` for followed remote parents.
    pub rate: Option<SampleRate>,
    /// Local roots that the rule decided on.
    pub seen: u64,
    /// Those of them that were kept.
    pub kept: u64,
    /// How many were to be expected, by the rates that were applied; `None` for followed remote
    /// parents.
    pub expected: Option<f64>,
    /// How many the kept ones stand for, each for one over its rate: an estimate of `seen` without
    /// bias. `None` for followed remote parents.
    pub represented: Option<f64>,
}

impl SamplingCounts {
    /// Counters, all zero, for the rules of this sampler.
    #[must_use]
    pub fn new(sampler: &SmartSampler) -> Self {
        let rates = sampler.rates();
        let rates: Vec<_> = rates.iter().map(|(rule, rate)| (&**rule, *rate)).collect();
        Self {
            slots: Arc::new(ArcSwap::from_pointee(slots(&rates, &[]))),
        }
    }

    /// The counts now: the rules in order, then the base rate, then followed remote parents.
    ///
    /// Each number is exact, and `kept` is never above `seen`. While decisions go on, the numbers of
    /// different rules may be some decisions apart.
    #[must_use]
    pub fn snapshot(&self) -> Vec<RuleCount> {
        self.slots.load().iter().map(|slot| slot.count()).collect()
    }
}

/// The slots of these rules; those of rules that were there before are taken over.
fn slots(rates: &[(&str, SampleRate)], before: &[Arc<Slot>]) -> Vec<Arc<Slot>> {
    let rules = rates.iter().map(|(rule, rate)| (*rule, Some(*rate)));
    rules
        .chain([(RULE_PARENT, None)])
        .map(|(rule, rate)| {
            let known = before.iter().find(|slot| slot.rule == rule);
            known.map(Arc::clone).unwrap_or_else(|| {
                Arc::new(Slot {
                    rule: rule.to_owned(),
                    rate,
                    ..Slot::default()
                })
            })
        })
        .collect()
}

impl Slot {
    fn add(&self, decision: &Decision<'_>) {
        let counter = match decision.sampled {
            true => &self.kept,
            false => &self.dropped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let Some(rate) = decision.rate.filter(|_| decision.rate != self.rate) else {
            return;
        };
        let ppm = u64::from(rate.ppm());
        self.other.seen.fetch_add(1, Ordering::Relaxed);
        self.other.expected_ppm.fetch_add(ppm, Ordering::Relaxed);
        if decision.sampled {
            let milli = 1_000 * u64::from(SampleRate::PARTS) / ppm.max(1);
            self.other.kept.fetch_add(1, Ordering::Relaxed);
            self.other
                .represented_milli
                .fetch_add(milli, Ordering::Relaxed);
        }
    }

    fn count(&self) -> RuleCount {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // The others first: they are never more than all.
        let (other_seen, other_kept) = (load(&self.other.seen), load(&self.other.kept));
        let expected = load(&self.other.expected_ppm) as f64 / f64::from(SampleRate::PARTS);
        let represented = load(&self.other.represented_milli) as f64 / 1_000.0;
        let kept = load(&self.kept);
        let seen = kept.saturating_add(load(&self.dropped));
        let own_seen = seen.saturating_sub(other_seen) as f64;
        let own_kept = kept.saturating_sub(other_kept) as f64;
        let share = self.rate.map(SampleRate::as_f64);
        let stands_for = |share: f64| match share > 0.0 {
            true => own_kept / share,
            false => 0.0,
        };
        RuleCount {
            rule: self.rule.clone(),
            rate: self.rate,
            seen,
            kept,
            expected: share.map(|share| expected + own_seen * share),
            represented: share.map(|share| represented + stands_for(share)),
        }
    }
}

impl SamplerObserver for SamplingCounts {
    fn decided(&self, decision: &Decision<'_>) {
        let slots = self.slots.load();
        let is_its = |slot: &&Arc<Slot>| slot.rule == decision.rule;
        // While the rules are changing, a decision by the old ones may meet the new slots.
        let slot = slots.get(decision.rule_index).filter(is_its);
        if let Some(slot) = slot.or_else(|| slots.iter().find(is_its)) {
            slot.add(decision);
        }
    }

    fn rules_changed(&self, rates: &[(&str, SampleRate)]) {
        self.slots.rcu(|before| slots(rates, before));
    }
}

impl fmt::Debug for SamplingCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SamplingCounts")
            .field(&self.snapshot())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecisionReason, Rule, RuleRate};

    fn decide(counts: &SamplingCounts, rule: &str, index: usize, rate: f64, sampled: bool) {
        counts.decided(&Decision {
            rule,
            rule_index: index,
            rate: Some(SampleRate::new(rate).unwrap()),
            sampled,
            reason: DecisionReason::Root,
        });
    }

    #[test]
    fn what_is_kept_stands_for_one_over_the_rate_that_was_applied() {
        let rule = Rule::new("r").rate(SampleRate::new(0.5).unwrap());
        let sampler = SmartSampler::builder().rule(rule).build().unwrap();
        let counts = SamplingCounts::new(&sampler);
        for (rate, sampled) in [(0.5, true), (0.5, false), (0.1, true), (0.25, false)] {
            decide(&counts, "r", 0, rate, sampled);
        }
        let count = &counts.snapshot()[0];
        assert_eq!((count.seen, count.kept), (4, 2));
        assert!((count.expected.unwrap() - 1.35).abs() < 1e-9, "{count:?}");
        assert!(
            (count.represented.unwrap() - 12.0).abs() < 1e-9,
            "{count:?}"
        );
        assert_eq!(counts.snapshot()[2].represented, None, "followed parents");
    }

    #[test]
    fn rules_keep_their_counts_by_name_when_others_change() {
        let build = |names: &[&'static str]| {
            let rules = names
                .iter()
                .map(|name| Rule::new(*name).rate(RuleRate::Always));
            SmartSampler::builder().rules(rules)
        };
        let sampler = build(&["a", "b"]).build().unwrap();
        let counts = SamplingCounts::new(&sampler);
        let sampler = sampler.with_observer(counts.clone());
        decide(&counts, "a", 0, 1.0, true);
        decide(&counts, "b", 1, 1.0, true);

        sampler.handle().replace(build(&["b", "c"])).unwrap();
        // By the old rules, met by the new slots.
        decide(&counts, "b", 1, 1.0, true);
        decide(&counts, "a", 0, 1.0, true);
        let counted: Vec<_> = counts
            .snapshot()
            .into_iter()
            .map(|count| (count.rule, count.seen))
            .collect();
        let expected = [("b", 2), ("c", 0), ("base", 0), ("parent", 0)];
        assert_eq!(
            counted,
            expected.map(|(rule, seen)| (rule.to_owned(), seen))
        );
    }
}
