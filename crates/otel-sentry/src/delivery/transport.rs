//! The transport that a client gets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sentry::{Envelope, Transport, TransportOptions};

use super::queue::{Bounds, most_in_flight};
use super::state::State;
use super::{Delivery, http, worker};

/// The application's end of a delivery. The other end is a thread of its own.
pub(super) struct DeliveryTransport {
    state: Arc<State>,
    shutdown_timeout: Duration,
}

impl DeliveryTransport {
    /// Starts the delivery's thread.
    pub(super) fn start(delivery: &Delivery, options: TransportOptions) -> Self {
        let bounds = Bounds {
            count: options
                .transport_channel_capacity
                .map_or(delivery.queue_capacity, usize::from),
            bytes: delivery.queue_bytes,
            in_flight: delivery.max_in_flight,
        };
        let state = Arc::new(State::new(
            bounds,
            delivery.stats.clone(),
            options.client_report_recorder.clone(),
        ));
        let http = http::HttpSettings {
            connect_timeout: delivery.connect_timeout,
            request_timeout: delivery.request_timeout,
            max_connections: most_in_flight(delivery.max_in_flight),
            compression: delivery.compression,
        };
        worker::start(Arc::clone(&state), http, delivery.retry, options);
        Self {
            state,
            shutdown_timeout: delivery.shutdown_timeout,
        }
    }
}

impl Transport for DeliveryTransport {
    fn send_envelope(&self, envelope: Envelope) {
        self.state.send(envelope);
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.state.flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        self.state.shutdown(timeout)
    }
}

impl Drop for DeliveryTransport {
    fn drop(&mut self) {
        self.state.drain(self.shutdown_timeout);
    }
}

impl fmt::Debug for DeliveryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryTransport").finish_non_exhaustive()
    }
}
