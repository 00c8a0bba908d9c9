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
    /// Spans dropped because the scrub hook panicked on them.
    pub dropped_scrub: u64,
    /// Sinks taken out because they panicked.
    pub failed_sinks: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: AtomicU64,
    pub(crate) dropped_scrub: AtomicU64,
    pub(crate) failed_sinks: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self, dropped_full: u64) -> PipelineStats {
        PipelineStats {
            delivered: self.delivered.load(Ordering::Relaxed),
            dropped_full,
            dropped_scrub: self.dropped_scrub.load(Ordering::Relaxed),
            failed_sinks: self.failed_sinks.load(Ordering::Relaxed),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
}
