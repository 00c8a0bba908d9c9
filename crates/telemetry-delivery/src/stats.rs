//! What a delivery has done so far.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Why a load was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue was full and held nothing less urgent.
    QueueOverflow,
    /// The server's limit was known before the request was made.
    RateLimited,
    /// The server answered this very request with 429.
    TooManyRequests,
    /// The server refused it, or failed until the last attempt.
    SendError,
    /// The server could not be reached until the last attempt.
    NetworkError,
    /// It is broken, or the delivery could not be started.
    InternalError,
    /// The delivery was shut down first.
    Shutdown,
    /// It was on disk alone, and had to make room for something more urgent.
    SpoolOverflow,
}

/// A handle to the figures of a delivery; clones show the same.
///
/// ```
/// use telemetry_delivery::Settings;
///
/// let settings = Settings::new();
/// let stats = settings.stats();
/// assert_eq!(stats.snapshot().sent, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct DeliveryStats {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    queued: AtomicU64,
    queued_bytes: AtomicU64,
    in_flight: AtomicU64,
    sent: AtomicU64,
    retried: AtomicU64,
    bytes_sent: AtomicU64,
    queue_overflow: AtomicU64,
    rate_limited: AtomicU64,
    send_error: AtomicU64,
    network_error: AtomicU64,
    internal_error: AtomicU64,
    shutdown: AtomicU64,
    spool_overflow: AtomicU64,
    stored: AtomicU64,
    recovered: AtomicU64,
    spooled: AtomicU64,
    spool_bytes: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Clone, Debug, Default)]
struct Last {
    error: Option<(String, SystemTime)>,
    success: Option<SystemTime>,
}

/// The figures at one moment. Unless named otherwise the unit is one load: an envelope, a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliverySnapshot {
    /// Waiting, for a first attempt or for another one.
    pub queued: u64,
    /// Bytes of what waits, as the loads give them.
    pub queued_bytes: u64,
    /// On their way right now.
    pub in_flight: u64,
    /// Acknowledged by the server (2xx).
    pub sent: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Bytes of the acknowledged request bodies, after compression.
    pub bytes_sent: u64,
    /// Given up, by reason.
    pub dropped: Dropped,
    /// Written to the spool.
    pub stored: u64,
    /// Found in the spool at the start, left by an earlier process.
    pub recovered: u64,
    /// In the spool alone right now: of an earlier process, or when memory was full or the server
    /// failed for long. They are read back when there is room.
    pub spooled: u64,
    /// Bytes of the spool's files.
    pub spool_bytes: u64,
    /// What went wrong last, in a few words; holds no URL, key or payload.
    pub last_error: Option<String>,
    /// When that was.
    pub last_failure: Option<SystemTime>,
    /// When the server last acknowledged something.
    pub last_success: Option<SystemTime>,
}

/// How many loads were given up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The queue was full and held nothing less urgent.
    pub queue_overflow: u64,
    /// The server had asked for a pause (`429`, or a limit known before).
    pub rate_limited: u64,
    /// The server refused it (4xx), or failed (5xx) until the last attempt.
    pub send_error: u64,
    /// The server could not be reached until the last attempt.
    pub network_error: u64,
    /// It could not be read or serialized, or the delivery could not be started.
    pub internal_error: u64,
    /// The delivery was shut down before its turn came, or before it was sent.
    pub shutdown: u64,
    /// It was on disk alone, and had to make room for something more urgent.
    pub spool_overflow: u64,
}

impl Dropped {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.queue_overflow
            + self.rate_limited
            + self.send_error
            + self.network_error
            + self.internal_error
            + self.shutdown
            + self.spool_overflow
    }
}

impl DeliveryStats {
    /// The figures of this moment. Each is exact; together they may be a few events apart.
    #[must_use]
    pub fn snapshot(&self) -> DeliverySnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &*self.counters;
        let last = self.last().clone();
        let (last_error, last_failure) = last.error.unzip();
        DeliverySnapshot {
            queued: read(&counters.queued),
            queued_bytes: read(&counters.queued_bytes),
            in_flight: read(&counters.in_flight),
            sent: read(&counters.sent),
            retried: read(&counters.retried),
            bytes_sent: read(&counters.bytes_sent),
            dropped: Dropped {
                queue_overflow: read(&counters.queue_overflow),
                rate_limited: read(&counters.rate_limited),
                send_error: read(&counters.send_error),
                network_error: read(&counters.network_error),
                internal_error: read(&counters.internal_error),
                shutdown: read(&counters.shutdown),
                spool_overflow: read(&counters.spool_overflow),
            },
            stored: read(&counters.stored),
            recovered: read(&counters.recovered),
            spooled: read(&counters.spooled),
            spool_bytes: read(&counters.spool_bytes),
            last_error,
            last_failure,
            last_success: last.success,
        }
    }

    pub(crate) fn dropped(&self, reason: DropReason) {
        let counters = &*self.counters;
        let counter = match reason {
            DropReason::QueueOverflow => &counters.queue_overflow,
            DropReason::RateLimited | DropReason::TooManyRequests => &counters.rate_limited,
            DropReason::SendError => &counters.send_error,
            DropReason::NetworkError => &counters.network_error,
            DropReason::InternalError => &counters.internal_error,
            DropReason::Shutdown => &counters.shutdown,
            DropReason::SpoolOverflow => &counters.spool_overflow,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.counters.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
        self.last().success = Some(SystemTime::now());
    }

    pub(crate) fn retried(&self) {
        self.counters.retried.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stored(&self) {
        self.counters.stored.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn recovered(&self, count: usize) {
        self.counters
            .recovered
            .fetch_add(count as u64, Ordering::Relaxed);
    }

    /// The spool's gauges moved.
    pub(crate) fn spool_moved(&self, before: SpoolGauges, after: SpoolGauges) {
        let counters = &*self.counters;
        shift(&counters.spooled, before.waiting, after.waiting);
        shift(&counters.spool_bytes, before.bytes, after.bytes);
    }

    /// Several deliveries may share these figures, so the gauges move by differences.
    pub(crate) fn moved(&self, before: Gauges, after: Gauges) {
        let counters = &*self.counters;
        shift(&counters.queued, before.queued, after.queued);
        shift(
            &counters.queued_bytes,
            before.queued_bytes,
            after.queued_bytes,
        );
        shift(&counters.in_flight, before.in_flight, after.in_flight);
    }

    pub(crate) fn failed(&self, error: String) {
        self.last().error = Some((error, SystemTime::now()));
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        let last = self.counters.last.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a queue holds at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauges {
    pub(crate) queued: usize,
    pub(crate) queued_bytes: usize,
    pub(crate) in_flight: usize,
}

/// What a spool holds at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpoolGauges {
    pub(crate) waiting: usize,
    pub(crate) bytes: usize,
}

/// Moves a gauge by the difference of two counts. A negative difference wraps around, and so
/// does the sum.
fn shift(gauge: &AtomicU64, before: usize, after: usize) {
    let delta = (after as u64).wrapping_sub(before as u64);
    if delta != 0 {
        gauge.fetch_add(delta, Ordering::Relaxed);
    }
}
