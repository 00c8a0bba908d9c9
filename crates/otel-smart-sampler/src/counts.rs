//! Counters per rule.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Decision, RULE_PARENT, SampleRate, SamplerObserver, SmartSampler};

/// Counts what each rule saw and kept. Clones share their counters.
///
/// A decision costs one atomic addition and takes no lock. The counters know the rules of the
/// sampler they were made for, by number; use them with that sampler only.
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
    slots: Arc<[Slot]>,
}

/// On a cache line of its own, so that threads that hit different rules do not slow each other.
#[repr(align(64))]
struct Slot {
    rule: String,
    rate: Option<SampleRate>,
    kept: AtomicU64,
    dropped: AtomicU64,
}

/// What a rule saw and kept since the counters were made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleCount {
    /// The rule's name, [`RULE_BASE`](crate::RULE_BASE) or [`RULE_PARENT`](crate::RULE_PARENT).
    pub rule: String,
    /// The rule's rate; `None` for followed remote parents.
    pub rate: Option<SampleRate>,
    /// Local roots that the rule decided on.
    pub seen: u64,
    /// Those of them that were kept.
    pub kept: u64,
}

impl SamplingCounts {
    /// Counters, all zero, for the rules of this sampler.
    #[must_use]
    pub fn new(sampler: &SmartSampler) -> Self {
        let slots = sampler
            .rates()
            .map(|(rule, rate)| (rule, Some(rate)))
            .chain([(RULE_PARENT, None)])
            .map(|(rule, rate)| Slot {
                rule: rule.to_owned(),
                rate,
                kept: AtomicU64::new(0),
                dropped: AtomicU64::new(0),
            })
            .collect();
        Self { slots }
    }

    /// The counts now: the rules in order, then the base rate, then followed remote parents.
    ///
    /// Each number is exact, and `kept` is never above `seen`. While decisions go on, the numbers of
    /// different rules may be some decisions apart.
    #[must_use]
    pub fn snapshot(&self) -> Vec<RuleCount> {
        self.slots
            .iter()
            .map(|slot| {
                let kept = slot.kept.load(Ordering::Relaxed);
                let dropped = slot.dropped.load(Ordering::Relaxed);
                RuleCount {
                    rule: slot.rule.clone(),
                    rate: slot.rate,
                    seen: kept.saturating_add(dropped),
                    kept,
                }
            })
            .collect()
    }
}

impl SamplerObserver for SamplingCounts {
    fn decided(&self, decision: &Decision<'_>) {
        if let Some(slot) = self.slots.get(decision.rule_index) {
            let counter = if decision.sampled {
                &slot.kept
            } else {
                &slot.dropped
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for SamplingCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SamplingCounts")
            .field(&self.snapshot())
            .finish()
    }
}
