//! A hook that hears of decisions.

use crate::SampleRate;

/// Hears of every decision on a local root; closures implement it.
///
/// It runs while a span is created, on the thread that creates it: be quick, do not block, do not
/// panic, start no span. It is not called for children of local spans.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use otel_smart_sampler::{Decision, SmartSampler};
///
/// let dropped = Arc::new(AtomicU64::new(0));
/// let counter = Arc::clone(&dropped);
/// let sampler = SmartSampler::builder().build()?.with_observer(move |decision: &Decision<'_>| {
///     if !decision.sampled {
///         counter.fetch_add(1, Ordering::Relaxed);
///     }
/// });
/// # let _ = sampler;
/// # Ok::<(), otel_smart_sampler::BuildError>(())
/// ```
pub trait SamplerObserver: Send + Sync + 'static {
    /// Called once for each decision.
    fn decided(&self, decision: &Decision<'_>);

    /// Called when the rules have been replaced: their names and rates in order, the base rate
    /// last. Decisions by the old rules may still come in. Closures do not hear of it.
    fn rules_changed(&self, rates: &[(&str, SampleRate)]) {
        let _ = rates;
    }
}

impl<F> SamplerObserver for F
where
    F: Fn(&Decision<'_>) + Send + Sync + 'static,
{
    fn decided(&self, decision: &Decision<'_>) {
        self(decision);
    }
}

/// One decision on a local root: a span without a parent, or with a remote one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision<'a> {
    /// The rule's name, [`RULE_BASE`](crate::RULE_BASE) when none matched,
    /// [`RULE_PARENT`](crate::RULE_PARENT) when a remote parent was followed.
    pub rule: &'a str,
    /// The rule's number in the order of the builder, from 0. The base rate comes after the last
    /// rule, and followed remote parents after the base rate.
    pub rule_index: usize,
    /// The rate that was applied, also where a limit has lowered it; `None` when a remote parent
    /// was followed.
    pub rate: Option<SampleRate>,
    /// Whether the span is kept.
    pub sampled: bool,
    /// What the decision rests on.
    pub reason: DecisionReason,
}

/// What a [`Decision`] rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecisionReason {
    /// The span has no parent: a rate of ours was applied.
    Root,
    /// The sampled flag of the remote parent was followed.
    RemoteParent,
    /// There is a remote parent, but a rate of ours was applied: that of a rule with
    /// [`keep_despite_parent`](crate::Rule::keep_despite_parent), or any with
    /// [`RemoteParents::Ignore`](crate::RemoteParents::Ignore).
    DespiteRemoteParent,
}
