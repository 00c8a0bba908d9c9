//! What the pipeline counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineStats {
    /// Spans that reached the sinks.
    pub delivered: u64,
    /// Spans dropped because the hand-over buffers were full.
    pub dropped_full: u64,
    /// Spans dropped because the scrub or keep hook panicked on them.
    pub dropped_scrub: u64,
    /// Sinks taken out because they panicked.
    pub failed_sinks: u64,
    /// Traces (local roots with what descends from them) that were kept by
    /// [`KeepOptions`](crate::KeepOptions), whether the sampler had kept them or not.
    pub kept: u64,
    /// Traces that were not sampled and in which nothing was found to keep them for.
    pub let_go: u64,
    /// Traces that were judged before their local root had ended, for want of room or by age.
    pub judged_early: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: AtomicU64,
    pub(crate) dropped_scrub: AtomicU64,
    pub(crate) failed_sinks: AtomicU64,
    pub(crate) kept: AtomicU64,
    pub(crate) let_go: AtomicU64,
    pub(crate) judged_early: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self, dropped_full: u64) -> PipelineStats {
        PipelineStats {
            delivered: self.delivered.load(Ordering::Relaxed),
            dropped_full,
            dropped_scrub: self.dropped_scrub.load(Ordering::Relaxed),
            failed_sinks: self.failed_sinks.load(Ordering::Relaxed),
            kept: self.kept.load(Ordering::Relaxed),
            let_go: self.let_go.load(Ordering::Relaxed),
            judged_early: self.judged_early.load(Ordering::Relaxed),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
}
