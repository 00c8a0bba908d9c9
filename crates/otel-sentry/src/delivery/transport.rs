//! The transport that a client gets.

use std::fmt;
use std::time::Duration;

use sentry::{Envelope, Transport, TransportOptions};

use super::Delivery;
use super::connection::http_options;
use super::envelopes::{Envelopes, Parcel};
use super::kind::{self, Verdict};

/// The application's end of a delivery. The other end is a thread of its own.
pub(super) struct DeliveryTransport {
    delivery: telemetry_delivery::Delivery<Envelopes>,
}

impl DeliveryTransport {
    /// Starts the delivery's thread.
    pub(super) fn start(delivery: &Delivery, options: TransportOptions) -> Self {
        let mut settings = delivery.settings.clone();
        if let Some(capacity) = options.transport_channel_capacity {
            settings = settings.with_queue_capacity(capacity.into());
        }
        let envelopes = Envelopes::new(&options, delivery.compression);
        let delivery = match http_options(delivery, &options) {
            Ok(http) => settings.start(envelopes, http),
            Err(error) => settings.start_broken(envelopes, error),
        };
        Self { delivery }
    }
}

impl Transport for DeliveryTransport {
    fn send_envelope(&self, envelope: Envelope) {
        match kind::inspect(&envelope) {
            Verdict::Send(contents) => {
                // What is not accepted is counted and reported already.
                let _ = self.delivery.accept(Parcel::new(contents, envelope));
            }
            Verdict::Empty => {}
            Verdict::Malformed => self
                .delivery
                .reject("a raw envelope has no readable item header"),
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.delivery.flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        self.delivery.shutdown(timeout)
    }
}

impl fmt::Debug for DeliveryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryTransport").finish_non_exhaustive()
    }
}
