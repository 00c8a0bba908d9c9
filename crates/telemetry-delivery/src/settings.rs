//! The settings of a delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::delivery::Delivery;
use crate::http::HttpOptions;
use crate::protocol::Protocol;
use crate::queue::{Bounds, most_in_flight};
use crate::retry::RetryPolicy;
use crate::spool::SpoolOptions;
use crate::stats::DeliveryStats;
use crate::worker::Parts;

/// The settings of a delivery. Clones share their figures.
///
/// ```
/// use std::time::Duration;
/// use telemetry_delivery::Settings;
///
/// let settings = Settings::new()
///     .with_max_in_flight(8)
///     .with_queue_bytes(16 * 1024 * 1024)
///     .with_max_retry_age(Duration::from_secs(300));
/// # let _ = settings;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    bounds: Bounds,
    retry: RetryPolicy,
    shutdown_timeout: Duration,
    stats: DeliveryStats,
    threads: Threads,
    spool: Option<SpoolOptions>,
}

/// What the threads of a delivery are called, and how they begin.
#[derive(Clone)]
pub(crate) struct Threads {
    pub(crate) name: &'static str,
    pub(crate) on_start: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Threads {
    pub(crate) fn begin(&self) {
        if let Some(on_start) = &self.on_start {
            on_start();
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Threads").field(&self.name).finish()
    }
}

impl Settings {
    /// The default settings, as each `with_*` names them.
    pub fn new() -> Self {
        Self {
            bounds: Bounds {
                count: 10_000,
                bytes: 64 * 1024 * 1024,
                in_flight: 32,
            },
            retry: RetryPolicy {
                max_attempts: 5,
                max_age: Duration::from_secs(60),
                base_delay: Duration::from_millis(500),
            },
            shutdown_timeout: Duration::from_secs(2),
            stats: DeliveryStats::default(),
            threads: Threads {
                name: "telemetry-delivery",
                on_start: None,
            },
            spool: None,
        }
    }

    /// How many requests may be on their way at once: 32 unless set, at least 1. Urgent loads may
    /// go 4 beyond it, [`High`](crate::Priority::High) ones 2.
    pub fn with_max_in_flight(mut self, max_in_flight: usize) -> Self {
        self.bounds.in_flight = max_in_flight.max(1);
        self
    }

    /// How many loads may wait: 10 000 unless set, at least 1.
    pub fn with_queue_capacity(mut self, queue_capacity: usize) -> Self {
        self.bounds.count = queue_capacity.max(1);
        self
    }

    /// How many bytes may wait: 64 MiB unless set. A larger load is dropped.
    pub fn with_queue_bytes(mut self, queue_bytes: usize) -> Self {
        self.bounds.bytes = queue_bytes;
        self
    }

    /// How often a load is tried in all: 5 times unless set, at least once.
    pub fn with_max_attempts(mut self, max_attempts: u32) -> Self {
        self.retry.max_attempts = max_attempts.max(1);
        self
    }

    /// How long after its first attempt a load may be tried again: 60 s unless set. No pause that
    /// a server asks for is kept longer.
    pub fn with_max_retry_age(mut self, max_age: Duration) -> Self {
        self.retry.max_age = max_age;
        self
    }

    /// The longest pause before the second attempt: 500 ms unless set. It doubles with each
    /// attempt, up to 15 s; the pause taken is random between nothing and that.
    pub fn with_retry_base_delay(mut self, base_delay: Duration) -> Self {
        self.retry.base_delay = base_delay;
        self
    }

    /// How long the thread goes on sending after the delivery was dropped without a shutdown: 2 s
    /// unless set.
    pub fn with_shutdown_timeout(mut self, shutdown_timeout: Duration) -> Self {
        self.shutdown_timeout = shutdown_timeout;
        self
    }

    /// What the delivery's thread is called: `telemetry-delivery` unless set.
    pub fn with_thread_name(mut self, name: &'static str) -> Self {
        self.threads.name = name;
        self
    }

    /// Called at the start of the delivery's thread, and of those that look names up for it.
    ///
    /// The place to keep what they do out of the app's own telemetry.
    pub fn with_on_thread_start(mut self, on_start: impl Fn() + Send + Sync + 'static) -> Self {
        self.threads.on_start = Some(Arc::new(on_start));
        self
    }

    /// Keeps loads on disk until they have arrived: they are in memory alone unless set. One
    /// delivery uses a directory.
    pub fn with_spool(mut self, spool: SpoolOptions) -> Self {
        self.spool = Some(spool);
        self
    }

    /// A handle to the figures of all deliveries that are started with these settings.
    #[must_use]
    pub fn stats(&self) -> DeliveryStats {
        self.stats.clone()
    }

    /// Starts a delivery.
    ///
    /// Never fails: where its thread or its HTTP client cannot be had, it drops everything as
    /// [`InternalError`](crate::DropReason::InternalError), and
    /// [`last_error`](crate::DeliverySnapshot::last_error) says why.
    #[must_use = "a delivery that is dropped sends nothing more"]
    pub fn start<P: Protocol>(&self, protocol: P, mut http: HttpOptions) -> Delivery<P> {
        http.max_idle = most_in_flight(self.bounds.in_flight);
        let parts = Parts {
            http,
            retry: self.retry,
            threads: self.threads.clone(),
            spool: self.spool.clone(),
        };
        let stats = self.stats.clone();
        Delivery::start(protocol, self.bounds, stats, parts, self.shutdown_timeout)
    }

    /// A delivery that drops everything as [`InternalError`](crate::DropReason::InternalError):
    /// for the app whose own settings, by this error, leave nothing to start.
    #[must_use = "a delivery that is dropped sends nothing more"]
    pub fn start_broken<P: Protocol>(&self, protocol: P, error: impl Into<String>) -> Delivery<P> {
        Delivery::broken(protocol, self.bounds, self.stats.clone(), error.into())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
