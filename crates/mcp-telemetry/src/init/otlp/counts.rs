//! What became of what was handed to the OTLP way out.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use telemetry_delivery::{DeliverySnapshot, DeliveryStats, DropReason};

/// Losses are said this often at most.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The longest text of a server that is kept.
const MAX_MESSAGE: usize = 300;

/// What goes over OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(super) const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// As it stands in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// The figures of the OTLP way out at one moment.
///
/// ```
/// use mcp_telemetry::Builder;
/// use mcp_telemetry::config::{AppInfo, Config};
///
/// let endpoint = "http://127.0.0.1:9";
/// let config = Config::from_lookup(AppInfo::new("app", "1.0.0"), |key| {
///     (key == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| endpoint.to_owned())
/// })?;
/// let (telemetry, _layer) = Builder::new(config).with_stderr_logs(false).build()?;
/// let figures = telemetry.otlp_delivery().expect("there is an endpoint");
/// assert_eq!((figures.traces.handed_over, figures.delivery.queued), (0, 0));
/// # drop(telemetry);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpDelivery {
    /// Batches: what waits, is on its way, was sent, was dropped and why; the last error and the
    /// last success.
    pub delivery: DeliverySnapshot,
    /// Spans.
    pub traces: OtlpSignalCounts,
    /// Log records.
    pub logs: OtlpSignalCounts,
    /// Data points.
    pub metrics: OtlpSignalCounts,
    /// What a collector said last about something that it took only in part.
    pub last_rejection: Option<String>,
}

/// What became of the spans, log records or data points of a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpSignalCounts {
    /// Handed to the delivery by the exporter.
    pub handed_over: u64,
    /// Acknowledged by the collector (2xx), but for those rejected.
    pub sent: u64,
    /// Rejected by the collector within a batch that it acknowledged (OTLP's partial success).
    pub rejected: u64,
    /// In batches that were dropped, for whatever reason.
    pub dropped: u64,
    /// Left in the spool alone; what is read back counts again as `restored`.
    pub spooled: u64,
    /// Read back from the spool, where this process or an earlier one has left it.
    pub restored: u64,
}

impl OtlpSignalCounts {
    /// In memory: neither sent nor lost yet.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let done = self.sent + self.rejected + self.dropped + self.spooled;
        (self.handed_over + self.restored).saturating_sub(done)
    }
}

/// What was not sent over OTLP when the time was up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpUnsent {
    /// Spans.
    pub spans: u64,
    /// Log records.
    pub log_records: u64,
    /// Data points of metrics.
    pub data_points: u64,
}

impl OtlpUnsent {
    /// Whether all was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::AddAssign for OtlpUnsent {
    fn add_assign(&mut self, other: Self) {
        self.spans += other.spans;
        self.log_records += other.log_records;
        self.data_points += other.data_points;
    }
}

impl fmt::Display for OtlpUnsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (count, one, many) in [
            (self.spans, "span", "spans"),
            (self.log_records, "log record", "log records"),
            (self.data_points, "data point", "data points"),
        ] {
            if count > 0 {
                let noun = if count == 1 { one } else { many };
                write!(f, "{between}{count} {noun}")?;
                between = ", ";
            }
        }
        Ok(())
    }
}

/// The counters, shared by all that count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    traces: OfSignal,
    logs: OfSignal,
    metrics: OfSignal,
    last_rejection: Mutex<Option<String>>,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct OfSignal {
    handed_over: AtomicU64,
    sent: AtomicU64,
    rejected: AtomicU64,
    /// Dropped before the end.
    dropped: AtomicU64,
    /// Dropped because the time was up.
    cut_off: AtomicU64,
    spooled: AtomicU64,
    restored: AtomicU64,
}

/// What was said about losses.
#[derive(Debug, Default)]
struct Said {
    at: Option<Instant>,
    dropped: u64,
    rejected: u64,
}

impl Counts {
    fn of(&self, signal: Signal) -> &OfSignal {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Logs => &self.logs,
            Signal::Metrics => &self.metrics,
        }
    }

    pub(super) fn handed_over(&self, signal: Signal, items: u64) {
        let of = self.of(signal);
        of.handed_over.fetch_add(items, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, signal: Signal, items: u64, rejected: u64, message: String) {
        // A server that rejects more than there was is not believed.
        let rejected = rejected.min(items);
        let of = self.of(signal);
        of.sent.fetch_add(items - rejected, Ordering::Relaxed);
        of.rejected.fetch_add(rejected, Ordering::Relaxed);
        if !message.is_empty() {
            let message = message.chars().take(MAX_MESSAGE).collect();
            *lock(&self.last_rejection) = Some(message);
        }
    }

    pub(super) fn lost(&self, signal: Signal, items: u64, reason: DropReason) {
        let of = self.of(signal);
        let counter = match reason {
            DropReason::Shutdown => &of.cut_off,
            _ => &of.dropped,
        };
        counter.fetch_add(items, Ordering::Relaxed);
    }

    pub(super) fn kept(&self, signal: Signal, items: u64) {
        self.of(signal).spooled.fetch_add(items, Ordering::Relaxed);
    }

    pub(super) fn restored(&self, signal: Signal, items: u64) {
        self.of(signal).restored.fetch_add(items, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self, delivery: DeliverySnapshot) -> OtlpDelivery {
        OtlpDelivery {
            delivery,
            traces: self.traces.snapshot(),
            logs: self.logs.snapshot(),
            metrics: self.metrics.snapshot(),
            last_rejection: lock(&self.last_rejection).clone(),
        }
    }

    /// What waits, and what was cut off at the end.
    pub(super) fn unsent(&self) -> OtlpUnsent {
        OtlpUnsent {
            spans: self.traces.unsent(),
            log_records: self.logs.unsent(),
            data_points: self.metrics.unsent(),
        }
    }

    /// Writes one line where something was lost since the last one: at most one a minute.
    ///
    /// For threads whose events are not exported themselves.
    pub(super) fn say_losses(&self, delivery: &DeliveryStats) {
        let total = |counter: fn(&OfSignal) -> &AtomicU64| -> u64 {
            let of = Signal::ALL.map(|signal| counter(self.of(signal)).load(Ordering::Relaxed));
            of.iter().sum()
        };
        let dropped = total(|of| &of.dropped);
        let rejected = total(|of| &of.rejected);
        let mut said = lock(&self.said);
        let is_new = dropped > said.dropped || rejected > said.rejected;
        if !is_new || said.at.is_some_and(|at| at.elapsed() < SAID_EVERY) {
            return;
        }
        let before = std::mem::replace(
            &mut *said,
            Said {
                at: Some(Instant::now()),
                dropped,
                rejected,
            },
        );
        drop(said);
        tracing::warn!(
            dropped = as_i64(dropped - before.dropped),
            rejected = as_i64(rejected - before.rejected),
            error = delivery.snapshot().last_error,
            rejection = lock(&self.last_rejection).clone(),
            "spans, log records or data points were lost on the way to the collector",
        );
    }
}

fn as_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl OfSignal {
    fn snapshot(&self) -> OtlpSignalCounts {
        // What is done is read first, so that nothing seems to be done that was not handed over.
        let sent = self.sent.load(Ordering::Relaxed);
        let rejected = self.rejected.load(Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed) + self.cut_off.load(Ordering::Relaxed);
        let spooled = self.spooled.load(Ordering::Relaxed);
        OtlpSignalCounts {
            handed_over: self.handed_over.load(Ordering::Relaxed),
            restored: self.restored.load(Ordering::Relaxed),
            sent,
            rejected,
            dropped,
            spooled,
        }
    }

    fn unsent(&self) -> u64 {
        let mut counts = self.snapshot();
        counts.dropped = self.dropped.load(Ordering::Relaxed);
        counts.waiting()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_somewhere() {
        let counts = Counts::default();
        counts.handed_over(Signal::Traces, 20);
        counts.sent(Signal::Traces, 6, 2, "two are too old".to_owned());
        counts.lost(Signal::Traces, 5, DropReason::SendError);
        counts.lost(Signal::Traces, 3, DropReason::Shutdown);
        let figures = counts.snapshot(DeliverySnapshot::default());
        let traces = figures.traces;
        assert_eq!((traces.sent, traces.rejected, traces.dropped), (4, 2, 8));
        assert_eq!(traces.waiting(), 6);
        assert_eq!(figures.last_rejection.as_deref(), Some("two are too old"));
        assert_eq!(figures.logs, OtlpSignalCounts::default());
        // Cut off, or still waiting.
        assert_eq!(counts.unsent().spans, 9);
        // The spool's are not lost, and come again.
        counts.kept(Signal::Traces, 4);
        counts.restored(Signal::Traces, 1);
        let traces = counts.snapshot(DeliverySnapshot::default()).traces;
        assert_eq!(
            (traces.spooled, traces.restored, traces.waiting()),
            (4, 1, 3)
        );
        assert_eq!(counts.unsent().spans, 6);
    }

    #[test]
    fn what_was_not_sent_in_words() {
        let unsent = OtlpUnsent {
            spans: 1,
            log_records: 20,
            data_points: 0,
        };
        assert_eq!(unsent.to_string(), "1 span, 20 log records");
        assert!(!unsent.is_empty());
    }

    #[test]
    fn a_server_cannot_reject_more_than_it_got() {
        let counts = Counts::default();
        counts.sent(Signal::Logs, 3, 1000, String::new());
        let logs = counts.snapshot(DeliverySnapshot::default()).logs;
        assert_eq!((logs.sent, logs.rejected), (0, 3));
    }
}
