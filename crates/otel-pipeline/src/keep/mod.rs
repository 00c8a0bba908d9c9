//! Keeping traces that turn out to matter, whatever the sampler said when they began.

mod buffer;
mod recent;
mod threshold;

use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

pub(crate) use buffer::Buffer;

/// Which traces are kept whatever the sampler said, and how much may wait for that decision.
///
/// A sampler decides when a trace begins; whether it holds an error, or takes long, shows at its end.
/// With this, spans wait until their local root has ended, and all that descends from it is judged
/// as one:
///
/// - a trace that meets a condition is *kept*: its spans go to all sinks, marked as sampled and with
///   `th:0`, since any trace like it would have been kept. That is so for traces that the sampler
///   had kept too: if they counted for many, errors would count twice over;
/// - another goes on as it is if it was sampled, and nowhere if not.
///
/// The sampler must have its unsampled spans recorded (`RecordOnly`). Spans that are sampled with
/// certainty, `th:0`, wait for nothing. What has been sent to other services stays as it was: they
/// were told the sampler's decision.
///
/// Where there is no room for more, or a local root stays open for too long, the oldest trace is
/// judged by what is there of it. Spans that end long after their local root follow its verdict as
/// long as it is remembered, and their errors come too late.
///
/// ```
/// use std::time::Duration;
///
/// use otel_pipeline::KeepOptions;
///
/// let keep = KeepOptions::default().with_errors(true).with_slow(Some(Duration::from_secs(10)));
/// assert!(keep.is_on());
/// assert!(!KeepOptions::default().is_on());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepOptions {
    /// Traces in which a span has error status (default: no).
    pub errors: bool,
    /// Traces whose local root lasts so long or longer (default: none).
    pub slow: Option<Duration>,
    /// Whether traces with a remote parent are judged too (default: yes). Where its decision is to
    /// be obeyed they are not.
    pub remote_parents: bool,
    /// How long to wait for descendants that other threads have just ended (default 100 ms).
    pub grace: Duration,
    /// How long spans wait for their local root to end (default 5 min).
    pub max_age: Duration,
    /// Traces that wait at most (default 10,000).
    pub max_traces: usize,
    /// Spans that wait at most (default 50,000).
    pub max_spans: usize,
    /// Bytes of spans that wait at most, as [`span_size`](crate::span_size) counts (default 32 MiB).
    pub max_bytes: usize,
}

impl Default for KeepOptions {
    fn default() -> Self {
        Self {
            errors: false,
            slow: None,
            remote_parents: true,
            grace: Duration::from_millis(100),
            max_age: Duration::from_secs(300),
            max_traces: 10_000,
            max_spans: 50_000,
            max_bytes: 32 * 1024 * 1024,
        }
    }
}

impl KeepOptions {
    /// Whether there is any condition.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.errors || self.slow.is_some()
    }

    /// Sets whether errors matter.
    #[must_use]
    pub fn with_errors(mut self, on: bool) -> Self {
        self.errors = on;
        self
    }

    /// Sets from which duration on a trace matters.
    #[must_use]
    pub fn with_slow(mut self, slow: Option<Duration>) -> Self {
        self.slow = slow;
        self
    }

    /// Sets whether traces with a remote parent are judged.
    #[must_use]
    pub fn with_remote_parents(mut self, on: bool) -> Self {
        self.remote_parents = on;
        self
    }

    /// Sets how long spans wait for those of other threads, and for their local root.
    #[must_use]
    pub fn with_waits(mut self, grace: Duration, max_age: Duration) -> Self {
        self.grace = grace;
        self.max_age = max_age;
        self
    }

    /// Sets how much may wait.
    #[must_use]
    pub fn with_limits(mut self, traces: usize, spans: usize, bytes: usize) -> Self {
        self.max_traces = traces;
        self.max_spans = spans;
        self.max_bytes = bytes;
        self
    }

    /// Why these spans, the local root first, are kept; `None` where nothing asks for it.
    fn reason<'a>(
        &self,
        root: Option<&SpanData>,
        mut spans: impl Iterator<Item = &'a SpanData>,
    ) -> Option<KeepReason> {
        if !self.remote_parents && root.is_some_and(|root| root.parent_span_is_remote) {
            return None;
        }
        let failed = |span: &SpanData| matches!(span.status, Status::Error { .. });
        if self.errors && spans.any(failed) {
            return Some(KeepReason::Error);
        }
        let lasted = root.and_then(|root| root.end_time.duration_since(root.start_time).ok());
        let is_slow = self.slow.zip(lasted).is_some_and(|(slow, it)| it >= slow);
        is_slow.then_some(KeepReason::Slow)
    }
}

/// Why a trace was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeepReason {
    /// A span of it has error status.
    Error,
    /// Its local root lasted too long.
    Slow,
}

impl KeepReason {
    /// `error` or `slow`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Slow => "slow",
        }
    }
}

/// Notes on the spans of a kept trace that they were kept, on the pipeline's thread and before
/// they are scrubbed. Closures implement it.
pub trait KeepMark: Send + 'static {
    /// Changes a span of a kept trace. Flags and `th` are set already.
    fn mark(&mut self, span: &mut SpanData, reason: KeepReason);
}

impl<F: FnMut(&mut SpanData, KeepReason) + Send + 'static> KeepMark for F {
    fn mark(&mut self, span: &mut SpanData, reason: KeepReason) {
        self(span, reason);
    }
}
