//! What a delivery has done so far.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Why an envelope was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropReason {
    QueueOverflow,
    /// The server's limit was known before the request was made.
    RateLimited,
    /// The server answered this very request with 429, and counts the loss itself.
    TooManyRequests,
    SendError,
    NetworkError,
    InternalError,
    Shutdown,
}

/// A handle to the figures of a [`Delivery`](super::Delivery); clones show the same.
///
/// ```
/// use otel_sentry::delivery::Delivery;
///
/// let delivery = Delivery::new();
/// let stats = delivery.stats();
/// assert_eq!(stats.snapshot().sent, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct DeliveryStats {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    queued: AtomicU64,
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
    last_error: Mutex<Option<String>>,
}

/// The figures at one moment. Unless named otherwise the unit is one envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliverySnapshot {
    /// Waiting, for a first attempt or for another one.
    pub queued: u64,
    /// On their way right now.
    pub in_flight: u64,
    /// Acknowledged by the server (2xx).
    pub sent: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Bytes of the acknowledged request bodies, after compression.
    pub bytes_sent: u64,
    /// Given up, by reason.
    pub dropped: DroppedEnvelopes,
    /// What went wrong last, in a few words; holds no URL, key or payload.
    pub last_error: Option<String>,
}

/// How many envelopes were given up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedEnvelopes {
    /// The queue was full and held nothing less urgent.
    pub queue_overflow: u64,
    /// The server had asked for a pause (`429`, `X-Sentry-Rate-Limits`).
    pub rate_limited: u64,
    /// The server refused it (4xx), or failed (5xx) until the last attempt.
    pub send_error: u64,
    /// The server could not be reached until the last attempt.
    pub network_error: u64,
    /// It could not be read or serialized, or the delivery could not be started.
    pub internal_error: u64,
    /// The delivery was shut down before its turn came, or before it was sent.
    pub shutdown: u64,
}

impl DroppedEnvelopes {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.queue_overflow
            + self.rate_limited
            + self.send_error
            + self.network_error
            + self.internal_error
            + self.shutdown
    }
}

impl DeliveryStats {
    /// The figures of this moment. Each is exact; together they may be a few events apart.
    #[must_use]
    pub fn snapshot(&self) -> DeliverySnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &*self.counters;
        DeliverySnapshot {
            queued: read(&counters.queued),
            in_flight: read(&counters.in_flight),
            sent: read(&counters.sent),
            retried: read(&counters.retried),
            bytes_sent: read(&counters.bytes_sent),
            dropped: DroppedEnvelopes {
                queue_overflow: read(&counters.queue_overflow),
                rate_limited: read(&counters.rate_limited),
                send_error: read(&counters.send_error),
                network_error: read(&counters.network_error),
                internal_error: read(&counters.internal_error),
                shutdown: read(&counters.shutdown),
            },
            last_error: counters
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    pub(super) fn dropped(&self, reason: DropReason) {
        let counters = &*self.counters;
        let counter = match reason {
            DropReason::QueueOverflow => &counters.queue_overflow,
            DropReason::RateLimited | DropReason::TooManyRequests => &counters.rate_limited,
            DropReason::SendError => &counters.send_error,
            DropReason::NetworkError => &counters.network_error,
            DropReason::InternalError => &counters.internal_error,
            DropReason::Shutdown => &counters.shutdown,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.counters.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn retried(&self) {
        self.counters.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Several transports may share these figures, so the gauges move by differences.
    pub(super) fn moved(&self, queued: (usize, usize), in_flight: (usize, usize)) {
        shift(&self.counters.queued, queued);
        shift(&self.counters.in_flight, in_flight);
    }

    pub(super) fn failed(&self, error: String) {
        let mut last = self
            .counters
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some(error);
    }
}

/// Moves a gauge by the difference of two counts. A negative difference wraps around, and so
/// does the sum.
fn shift(gauge: &AtomicU64, (before, after): (usize, usize)) {
    let delta = (after as u64).wrapping_sub(before as u64);
    if delta != 0 {
        gauge.fetch_add(delta, Ordering::Relaxed);
    }
}
