//! Tests of the whole delivery against a loopback server.

mod ends;
mod order;
mod rate_limits;
mod requests;
mod retries;
mod server;
mod spool;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sentry::protocol::{Event, Log, LogLevel};
use sentry::{Client, ClientOptions, Envelope};
use serde_json::Value;

use super::{Compression, Delivery, DeliverySnapshot, DeliveryStats, SharedTransport};
use server::{PATIENCE, Reply, Server};

/// A client with a delivery, and the handles that a test needs.
struct Setup {
    client: Client,
    shared: SharedTransport,
    stats: DeliveryStats,
}

fn setup(dsn: &str, delivery: Delivery) -> Setup {
    let stats = delivery.stats();
    let shared = SharedTransport::new(delivery);
    let client = Client::with_options(ClientOptions::new().dsn(dsn).transport(shared.clone()));
    Setup {
        client,
        shared,
        stats,
    }
}

/// A delivery that loses no time between attempts.
fn impatient() -> Delivery {
    Delivery::new().with_retry_base_delay(Duration::from_millis(1))
}

impl Setup {
    fn send_transaction(&self, number: usize) {
        assert!(self.shared.send(transaction(number)));
    }

    fn send_error(&self) {
        self.client.capture_event(Event::default(), None);
    }

    /// Waits until the figures are as they should be.
    fn wait_until(&self, condition: impl Fn(&DeliverySnapshot) -> bool) -> DeliverySnapshot {
        let until = Instant::now() + PATIENCE;
        loop {
            let snapshot = self.stats.snapshot();
            if condition(&snapshot) {
                return snapshot;
            }
            assert!(Instant::now() < until, "{snapshot:?}");
            thread::yield_now();
        }
    }

    /// The client report that the client attaches to its next envelope.
    fn client_report(&self, server: &Server) -> Vec<(String, String, u64)> {
        let before = server.requests().len();
        self.client.send_envelope(Envelope::new());
        assert!(self.shared.flush(PATIENCE));
        let requests = server.requests();
        let mut entries: Vec<_> = requests[before..]
            .iter()
            .flat_map(|request| request.body.lines())
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|line| line["discarded_events"].as_array().cloned())
            .flatten()
            .map(|entry| {
                (
                    entry["reason"].as_str().unwrap().to_owned(),
                    entry["category"].as_str().unwrap().to_owned(),
                    entry["quantity"].as_u64().unwrap(),
                )
            })
            .collect();
        entries.sort();
        entries
    }
}

/// A raw transaction with two child spans.
fn transaction(number: usize) -> Envelope {
    sized_transaction(number, 0)
}

fn sized_transaction(number: usize, padding: usize) -> Envelope {
    let payload = format!(
        "{{\"type\":\"transaction\",\"number\":{number},\"padding\":\"{}\"}}",
        "x".repeat(padding)
    );
    let envelope = format!(
        "{{\"event_id\":\"{number:032x}\"}}\n{{\"type\":\"transaction\",\"length\":{},\"span_count\":2}}\n{payload}\n",
        payload.len()
    );
    Envelope::from_bytes_raw(envelope.into_bytes()).unwrap()
}

fn logs(count: usize) -> Envelope {
    let log = Log {
        level: LogLevel::Info,
        body: "12345".to_owned(),
        trace_id: None,
        timestamp: std::time::SystemTime::now(),
        severity_number: None,
        attributes: Default::default(),
    };
    Envelope::from(sentry::protocol::EnvelopeItem::from(vec![log; count]))
}

fn loss(reason: &str, category: &str, quantity: u64) -> (String, String, u64) {
    (reason.to_owned(), category.to_owned(), quantity)
}

/// A raw envelope of one item.
fn raw(item_type: &str) -> Envelope {
    let text = format!("{{}}\n{{\"type\":\"{item_type}\",\"length\":2}}\n{{}}\n");
    Envelope::from_bytes_raw(text.into_bytes()).unwrap()
}
