//! A second place for everything that is sent.

use std::sync::Arc;
use std::time::Duration;

use sentry::{ClientOptions, Envelope, Transport, TransportFactory, TransportOptions};

/// Sends everything to a second Sentry endpoint too, such as a local viewer beside the
/// project.
///
/// Each endpoint has a transport of its own, so a slow or dead copy holds up nothing.
/// What is flushed counts both; losses of the copy are in no client report.
///
/// ```
/// use otel_sentry::delivery::{Delivery, SharedTransport, Tee};
///
/// let copy = "http://key@127.0.0.1:8969/1".parse()?;
/// let transport = SharedTransport::new(Tee::new(Delivery::new(), Delivery::new(), copy));
/// # drop(transport);
/// # Ok::<(), sentry::types::ParseDsnError>(())
/// ```
pub struct Tee {
    main: Arc<dyn TransportFactory>,
    copy: Arc<dyn TransportFactory>,
    dsn: sentry::types::Dsn,
}

impl Tee {
    /// Sends by `main` to the client's DSN, and by `copy` to `dsn`.
    #[must_use]
    pub fn new(
        main: impl TransportFactory + 'static,
        copy: impl TransportFactory + 'static,
        dsn: sentry::types::Dsn,
    ) -> Self {
        Self {
            main: Arc::new(main),
            copy: Arc::new(copy),
            dsn,
        }
    }
}

impl std::fmt::Debug for Tee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tee")
            .field("host", &self.dsn.host())
            .finish_non_exhaustive()
    }
}

impl TransportFactory for Tee {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        let main = self.main.create_transport_with_options(options);
        let mut of_copy = ClientOptions::new();
        of_copy.dsn = Some(self.dsn.clone());
        match TransportOptions::try_from_client_options(&of_copy) {
            Some(options) => Arc::new(Both {
                main,
                copy: self.copy.create_transport_with_options(options),
            }),
            None => main,
        }
    }
}

struct Both {
    main: Arc<dyn Transport>,
    copy: Arc<dyn Transport>,
}

impl Both {
    /// Does the same to both at once: each may take the whole time.
    fn both(&self, act: impl Fn(&dyn Transport) -> bool + Sync) -> bool {
        std::thread::scope(|scope| {
            let copy = std::thread::Builder::new()
                .name("sentry-copy".to_owned())
                .spawn_scoped(scope, || act(self.copy.as_ref()));
            let main = act(self.main.as_ref());
            copy.is_ok_and(|copy| copy.join().unwrap_or(false)) && main
        })
    }
}

impl Transport for Both {
    fn send_envelope(&self, envelope: Envelope) {
        self.copy.send_envelope(envelope.clone());
        self.main.send_envelope(envelope);
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.both(|transport| transport.flush(timeout))
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        self.both(|transport| transport.shutdown(timeout))
    }
}

#[cfg(test)]
mod tests {
    use sentry::{Client, Level, protocol::Event};
    use telemetry_testkit::Sink;

    use super::super::{Delivery, SharedTransport};
    use super::*;

    #[test]
    fn both_endpoints_get_the_event() {
        let (main, copy) = (Sink::start().unwrap(), Sink::start().unwrap());
        let dsn = copy.dsn().parse().unwrap();
        let transport = SharedTransport::new(Tee::new(Delivery::new(), Delivery::new(), dsn));
        let options = ClientOptions::new()
            .dsn(&main.dsn())
            .release("tee@1.0.0")
            .environment("tests")
            .transport(transport);
        let client = Client::with_options(options);
        let event = Event {
            message: Some("to both".to_owned()),
            level: Level::Error,
            ..Event::default()
        };
        client.capture_event(event, None);
        assert!(client.close(Some(Duration::from_secs(10))));
        for sink in [main, copy] {
            let received = sink.received();
            assert_eq!(received.events().len(), 1);
            assert_eq!(received.events()[0].text(), Some("to both"));
        }
    }
}
