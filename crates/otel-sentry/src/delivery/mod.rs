//! Delivery of Sentry envelopes: many requests on their way, priorities, retries, rate limits.
//!
//! The transports of the `sentry` crate send one envelope at a time from a queue of 30, try once,
//! and can wait for ever at shutdown. [`Delivery`] takes their place. It is a
//! [`TransportFactory`], so it works with any `sentry` client, with or without the rest of this
//! crate:
//!
//! ```
//! use std::time::Duration;
//! use otel_sentry::delivery::Delivery;
//!
//! let delivery = Delivery::new().with_max_in_flight(8);
//! let stats = delivery.stats();
//! let client = sentry::Client::with_options(
//!     sentry::ClientOptions::new()
//!         .dsn("http://key@127.0.0.1:9/1")
//!         .transport(delivery),
//! );
//!
//! assert!(client.is_enabled());
//! assert!(client.close(Some(Duration::from_secs(1))), "nothing was left to send");
//! assert_eq!(stats.snapshot().dropped.total(), 0);
//! ```
//!
//! # The way of an envelope
//!
//! The application's thread looks at the envelope and puts it in a queue; it never waits for the
//! network. A thread of the delivery serializes it, compresses it and posts it. Nothing that
//! this thread does is traced ([`Context::enter_telemetry_suppressed_scope`]).
//!
//! - **Order.** Errors go before sessions and client reports, these before logs and metrics,
//!   these before transactions, these before profiles and the rest. An error may open a request
//!   beyond the limit, so it never waits for the answer to a transaction.
//! - **Bounds.** The queue is bounded by count and by bytes. When it is full, the newest of the
//!   least urgent kind goes; an envelope goes itself when nothing less urgent waits. Bytes are
//!   exact for raw envelopes and an estimate for typed ones. What is on its way does not count,
//!   so the memory is bounded by the queue plus the requests in flight.
//! - **Retries.** Network errors, timeouts and 5xx are tried again after a pause with full
//!   jitter. 4xx are not. A retry after a lost answer can deliver an envelope twice; Sentry tells
//!   events apart by their id.
//! - **Rate limits.** `429`, `Retry-After` and `X-Sentry-Rate-Limits` of any answer are kept to.
//!   Limited items are dropped; a transaction also by a limit on spans.
//! - **Client reports.** All that is dropped is recorded with the client's own recorder, except
//!   what the server refused with 429 and therefore counts itself. The recorder has no category
//!   for profiles and user feedback. The client attaches its report to the next envelope that
//!   goes through `Client::send_envelope`; sending it an empty [`Envelope`](sentry::Envelope)
//!   is enough, for an envelope without items goes no further than this transport.
//!
//! - **Spool.** With [`with_spool`](Delivery::with_spool), what is not sent outlives the process,
//!   a full queue and a server that is down for long.
//!
//! # Raw envelopes
//!
//! Envelopes from `Envelope::from_bytes_raw` are told apart by the `type` in their item headers.
//! A transaction's header may say how many child spans it has, for the client report:
//! `{"type":"transaction","length":1234,"span_count":7}`. An envelope of several items has the
//! priority of its most urgent one, and is held back by the limits of that item as a whole.
//! Send raw envelopes through a [`SharedTransport`].
//!
//! # Ends
//!
//! `flush` is true when everything accepted before the call is done with: sent or given up.
//! `shutdown` returns within its timeout and a fifth of a second, whatever the server does; what
//! is left counts as lost. What waits out a pause after a failure is tried once more, unless the
//! server asked for the pause. A client and its clones share one transport, so to close one of them
//! ends it for all. To drop the transport never waits: its thread goes on for at most
//! [`with_shutdown_timeout`](Delivery::with_shutdown_timeout).
//!
//! [`Context::enter_telemetry_suppressed_scope`]: opentelemetry::Context::enter_telemetry_suppressed_scope

mod connection;
mod envelopes;
mod kind;
mod limits;
mod shared;
mod tee;
#[cfg(test)]
mod tests;
mod transport;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use sentry::{Transport, TransportFactory, TransportOptions};
use telemetry_delivery::Settings;

pub use shared::SharedTransport;
pub use tee::Tee;
pub use telemetry_delivery::{
    DeliverySnapshot, DeliveryStats, Dropped as DroppedEnvelopes, SpoolOptions,
};

use transport::DeliveryTransport;

/// How request bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    Identity,
    /// gzip (RFC 1952).
    #[non_exhaustive]
    Gzip {
        /// From 1 (fast) to 9 (small).
        level: u32,
    },
}

impl Compression {
    /// gzip at a level from 1 (fast) to 9 (small); what is outside is moved to the nearer end.
    #[must_use]
    pub const fn gzip(level: u32) -> Self {
        let level = match level {
            0 => 1,
            1..=9 => level,
            _ => 9,
        };
        Self::Gzip { level }
    }
}

impl Default for Compression {
    /// gzip at level 1.
    fn default() -> Self {
        Self::gzip(1)
    }
}

/// The settings of a delivery, and the factory that starts one for each client.
///
/// ```
/// use std::time::Duration;
/// use otel_sentry::delivery::{Compression, Delivery};
///
/// let delivery = Delivery::new()
///     .with_max_in_flight(64)
///     .with_request_timeout(Duration::from_secs(5))
///     .with_queue_bytes(16 * 1024 * 1024)
///     .with_compression(Compression::Identity);
/// # let _ = delivery;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Delivery {
    settings: Settings,
    connect_timeout: Duration,
    request_timeout: Duration,
    compression: Compression,
}

impl Delivery {
    /// A delivery with the default settings, as each `with_*` names them.
    pub fn new() -> Self {
        Self {
            settings: Settings::new()
                .with_thread_name("otel-sentry-delivery")
                // For as long as the thread lives: nothing it does comes back as telemetry.
                .with_on_thread_start(|| {
                    std::mem::forget(Context::enter_telemetry_suppressed_scope());
                }),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            compression: Compression::default(),
        }
    }

    /// How many requests may be on their way at once: 32 unless set, at least 1. Sessions and
    /// client reports may go 2 beyond it, errors 4.
    pub fn with_max_in_flight(self, max_in_flight: usize) -> Self {
        self.with(|settings| settings.with_max_in_flight(max_in_flight))
    }

    /// How long it may take to connect, TLS included: 5 s unless set.
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Self {
        Self {
            connect_timeout,
            ..self
        }
    }

    /// How long one attempt may take in all: 15 s unless set.
    pub fn with_request_timeout(self, request_timeout: Duration) -> Self {
        Self {
            request_timeout,
            ..self
        }
    }

    /// How many envelopes may wait: 10 000 unless set, at least 1. The client's
    /// `transport_channel_capacity` goes before this.
    pub fn with_queue_capacity(self, queue_capacity: usize) -> Self {
        self.with(|settings| settings.with_queue_capacity(queue_capacity))
    }

    /// How many bytes may wait: 64 MiB unless set. A larger envelope is dropped.
    pub fn with_queue_bytes(self, queue_bytes: usize) -> Self {
        self.with(|settings| settings.with_queue_bytes(queue_bytes))
    }

    /// How bodies are compressed: gzip at level 1 unless set.
    pub fn with_compression(self, compression: Compression) -> Self {
        Self {
            compression,
            ..self
        }
    }

    /// How long the thread goes on sending after the transport was dropped without a shutdown:
    /// 2 s unless set. A client that is closed gives its own timeout to `shutdown`.
    pub fn with_shutdown_timeout(self, shutdown_timeout: Duration) -> Self {
        self.with(|settings| settings.with_shutdown_timeout(shutdown_timeout))
    }

    /// How often an envelope is tried in all: 5 times unless set, at least once.
    pub fn with_max_attempts(self, max_attempts: u32) -> Self {
        self.with(|settings| settings.with_max_attempts(max_attempts))
    }

    /// How long after its first attempt an envelope may be tried again: 60 s unless set.
    pub fn with_max_retry_age(self, max_age: Duration) -> Self {
        self.with(|settings| settings.with_max_retry_age(max_age))
    }

    /// The longest pause before the second attempt: 500 ms unless set. It doubles with each
    /// attempt, up to 15 s; the pause taken is random between nothing and that.
    pub fn with_retry_base_delay(self, base_delay: Duration) -> Self {
        self.with(|settings| settings.with_retry_base_delay(base_delay))
    }

    /// Keeps envelopes on disk until they have arrived: they are in memory alone unless set.
    /// Events and transactions are sent at least once, with their ids. Sessions, client reports,
    /// logs and metrics are not sent again after an attempt of which nobody knows whether it
    /// arrived.
    ///
    /// A directory is that of one DSN: an envelope that is found there goes to the DSN of the
    /// client. A second client in the same directory goes on without.
    ///
    /// ```
    /// use otel_sentry::delivery::{Delivery, SpoolOptions};
    ///
    /// let directory = std::env::temp_dir().join("my-app-sentry");
    /// let delivery = Delivery::new().with_spool(SpoolOptions::new(directory));
    /// # let _ = delivery;
    /// ```
    pub fn with_spool(self, spool: SpoolOptions) -> Self {
        self.with(|settings| settings.with_spool(spool))
    }

    /// A handle to the figures of all transports that this factory and its clones build.
    #[must_use]
    pub fn stats(&self) -> DeliveryStats {
        self.settings.stats()
    }

    fn with(self, change: impl FnOnce(Settings) -> Settings) -> Self {
        Self {
            settings: change(self.settings),
            ..self
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self::new()
    }
}

impl TransportFactory for Delivery {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(DeliveryTransport::start(self, options))
    }
}
