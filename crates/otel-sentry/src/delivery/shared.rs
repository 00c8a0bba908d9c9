//! One transport for the client and for a sender of raw envelopes.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sentry::{Envelope, Transport, TransportFactory, TransportOptions};

/// A transport factory that remembers the transport it built, so that others can send through it too.
///
/// A client owns its transport and lends it to nobody. `Client::send_envelope` is no way around
/// that for raw envelopes ([`Envelope::from_bytes_raw`]): when a client report is pending, the
/// client tries to attach it, fails, and writes a warning to stderr. A clone of this handle
/// sends raw envelopes through the very transport of the client, with its queue, its rate limits
/// and its priorities.
///
/// One `SharedTransport` serves one client. A second client gets a transport of its own; the
/// handle keeps to the first.
///
/// ```
/// use std::time::Duration;
/// use otel_sentry::delivery::{Delivery, SharedTransport};
///
/// let shared = SharedTransport::new(Delivery::new());
/// assert!(!shared.is_ready());
///
/// let client = sentry::Client::with_options(
///     sentry::ClientOptions::new()
///         .dsn("http://key@127.0.0.1:9/1")
///         .transport(shared.clone()),
/// );
/// assert!(shared.is_ready());
/// assert!(shared.flush(Duration::from_secs(1)), "nothing was sent, so nothing waits");
/// client.close(Some(Duration::ZERO));
/// ```
#[derive(Clone)]
pub struct SharedTransport {
    factory: Option<Arc<dyn TransportFactory>>,
    slot: Arc<OnceLock<Arc<dyn Transport>>>,
}

impl SharedTransport {
    /// Wraps a factory. The handle is empty until a client asks for its transport.
    #[must_use]
    pub fn new(factory: impl TransportFactory + 'static) -> Self {
        Self {
            factory: Some(Arc::new(factory)),
            slot: Arc::default(),
        }
    }

    /// Wraps a transport that is already built. Every client that uses this factory shares it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use otel_sentry::delivery::SharedTransport;
    ///
    /// struct Ignore;
    /// impl sentry::Transport for Ignore {
    ///     fn send_envelope(&self, _: sentry::Envelope) {}
    /// }
    ///
    /// let shared = SharedTransport::from_transport(Arc::new(Ignore));
    /// assert!(shared.send(sentry::Envelope::new()));
    /// ```
    #[must_use]
    pub fn from_transport(transport: Arc<dyn Transport>) -> Self {
        let slot = OnceLock::new();
        // The lock is new, so this cannot fail.
        let _ = slot.set(transport);
        Self {
            factory: None,
            slot: Arc::new(slot),
        }
    }

    /// Whether there is a transport to send through.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.slot.get().is_some()
    }

    /// The transport, once there is one.
    #[must_use]
    pub fn transport(&self) -> Option<&Arc<dyn Transport>> {
        self.slot.get()
    }

    /// Sends an envelope, typed or raw, past the client.
    ///
    /// Returns false when no client has asked for the transport yet: then the envelope is
    /// dropped. True says that the transport took it, not that it arrived.
    pub fn send(&self, envelope: Envelope) -> bool {
        match self.slot.get() {
            Some(transport) => {
                transport.send_envelope(envelope);
                true
            }
            None => false,
        }
    }

    /// Waits until everything sent so far is done with, at most for `timeout`.
    ///
    /// Returns what the transport's own `flush` returns, and true when there is no transport.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.slot
            .get()
            .is_none_or(|transport| transport.flush(timeout))
    }
}

impl TransportFactory for SharedTransport {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        match &self.factory {
            Some(factory) => {
                let transport = factory.create_transport_with_options(options);
                // The first one stays: see the type's documentation.
                let _ = self.slot.set(Arc::clone(&transport));
                transport
            }
            None => match self.slot.get() {
                Some(transport) => Arc::clone(transport),
                None => Arc::new(Nothing),
            },
        }
    }
}

impl fmt::Debug for SharedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTransport")
            .field("is_ready", &self.is_ready())
            .finish_non_exhaustive()
    }
}

/// Stands where no transport can be had.
struct Nothing;

impl Transport for Nothing {
    fn send_envelope(&self, _: Envelope) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Keep {
        bodies: Mutex<Vec<Vec<u8>>>,
        flushed: Mutex<Vec<Duration>>,
    }

    impl Transport for Keep {
        fn send_envelope(&self, envelope: Envelope) {
            let mut body = Vec::new();
            envelope.to_writer(&mut body).unwrap();
            self.bodies.lock().unwrap().push(body);
        }

        fn flush(&self, timeout: Duration) -> bool {
            self.flushed.lock().unwrap().push(timeout);
            false
        }
    }

    /// Builds a new [`Keep`] for each client and remembers them.
    #[derive(Clone, Default)]
    struct KeepFactory {
        built: Arc<Mutex<Vec<Arc<Keep>>>>,
    }

    impl TransportFactory for KeepFactory {
        fn create_transport_with_options(&self, _: TransportOptions) -> Arc<dyn Transport> {
            let keep = Arc::new(Keep::default());
            self.built.lock().unwrap().push(Arc::clone(&keep));
            keep
        }
    }

    fn client(transport: SharedTransport) -> sentry::Client {
        sentry::Client::with_options(
            sentry::ClientOptions::new()
                .dsn("http://key@127.0.0.1:9/1")
                .transport(transport),
        )
    }

    #[test]
    fn sends_raw_envelopes_through_the_clients_transport() {
        let factory = KeepFactory::default();
        let shared = SharedTransport::new(factory.clone());
        assert!(!shared.send(Envelope::new()), "no client yet");
        assert!(shared.flush(Duration::ZERO), "nothing to wait for");

        let client = client(shared.clone());
        let raw = b"{}\n{\"type\":\"transaction\",\"length\":2}\n{}\n".to_vec();
        assert!(shared.send(Envelope::from_bytes_raw(raw.clone()).unwrap()));
        client.capture_event(sentry::protocol::Event::default(), None);

        let built = factory.built.lock().unwrap();
        let bodies = built[0].bodies.lock().unwrap();
        assert_eq!(built.len(), 1);
        assert_eq!(bodies.len(), 2, "the raw one and the client's event");
        assert_eq!(bodies[0], raw);
    }

    #[test]
    fn flush_is_the_transports_own() {
        let keep = Arc::new(Keep::default());
        let shared = SharedTransport::from_transport(Arc::clone(&keep) as Arc<dyn Transport>);
        assert!(!shared.flush(Duration::from_millis(7)));
        assert_eq!(*keep.flushed.lock().unwrap(), [Duration::from_millis(7)]);
    }

    #[test]
    fn a_second_client_has_a_transport_of_its_own() {
        let factory = KeepFactory::default();
        let shared = SharedTransport::new(factory.clone());
        let _first = client(shared.clone());
        let second = client(shared.clone());
        second.capture_event(sentry::protocol::Event::default(), None);
        shared.send(Envelope::from_bytes_raw(b"raw".to_vec()).unwrap());

        let built = factory.built.lock().unwrap();
        assert_eq!(built.len(), 2);
        assert_eq!(*built[0].bodies.lock().unwrap(), [b"raw".to_vec()]);
        assert_eq!(built[1].bodies.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_wrapped_transport_serves_every_client() {
        let keep = Arc::new(Keep::default());
        let shared = SharedTransport::from_transport(Arc::clone(&keep) as Arc<dyn Transport>);
        let client = client(shared);
        client.capture_event(sentry::protocol::Event::default(), None);
        assert_eq!(keep.bodies.lock().unwrap().len(), 1);
    }
}
