//! Where everything ends: destinations that count and drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, sleep};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use sentry::protocol::{EnvelopeItem, ItemContainer};
use sentry::{Envelope, Transport};

use crate::workload::{ONE_FAILS_OF, SPANS_PER_TRACE};

/// A Sentry transport that counts transactions, logs and error events, and drops them.
#[derive(Clone, Debug, Default)]
pub struct DroppingTransport(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    traces: AtomicU64,
    logs: AtomicU64,
    events: AtomicU64,
}

impl DroppingTransport {
    /// Whole traces so far.
    #[must_use]
    pub fn traces(&self) -> u64 {
        self.0.traces.load(Ordering::Relaxed)
    }

    /// Whole traces so far with all of their logs and error events, as
    /// [`workload::trace_with_errors`](crate::workload::trace_with_errors) makes them.
    #[must_use]
    pub fn traces_with_logs(&self) -> u64 {
        let events = self.0.events.load(Ordering::Relaxed);
        // One log a trace, and one for each error.
        let logs = self.0.logs.load(Ordering::Relaxed).saturating_sub(events);
        self.traces().min(logs).min(events * ONE_FAILS_OF)
    }
}

impl Transport for DroppingTransport {
    fn send_envelope(&self, envelope: Envelope) {
        if is_whole(&envelope) {
            self.0.traces.fetch_add(1, Ordering::Relaxed);
        }
        for item in envelope.items() {
            match item {
                EnvelopeItem::Event(_) => {
                    self.0.events.fetch_add(1, Ordering::Relaxed);
                }
                EnvelopeItem::ItemContainer(ItemContainer::Logs(logs)) => {
                    self.0.logs.fetch_add(logs.len() as u64, Ordering::Relaxed);
                }
                _ => {}
            }
        }
    }
}

fn is_whole(envelope: &Envelope) -> bool {
    let mut items = envelope.items().peekable();
    // A raw envelope shows no items. Only our sink sends such, one a transaction; its
    // counters tell how many spans went into them.
    let is_raw = items.peek().is_none();
    let is_whole = |item: &EnvelopeItem| match item {
        EnvelopeItem::Transaction(it) => it.spans.len() as u64 + 1 == SPANS_PER_TRACE,
        _ => false,
    };
    is_raw || items.any(is_whole)
}

/// A Sentry transport that writes envelopes on a thread of its own, as those of the SDK do, and
/// drops the bytes. Its queue has no limit: nothing is lost.
#[derive(Clone, Debug)]
pub struct WritingTransport {
    queue: Sender<Envelope>,
    queued: Arc<AtomicU64>,
    written: Arc<AtomicU64>,
    traces: Arc<AtomicU64>,
}

impl WritingTransport {
    /// Starts the thread. It ends with the last copy of the transport.
    ///
    /// # Errors
    ///
    /// Where there can be no thread.
    pub fn start() -> std::io::Result<Self> {
        let (queue, envelopes) = channel::<Envelope>();
        let transport = Self {
            queue,
            queued: Arc::default(),
            written: Arc::default(),
            traces: Arc::default(),
        };
        let (written, traces) = (
            Arc::clone(&transport.written),
            Arc::clone(&transport.traces),
        );
        let write = move || {
            for envelope in envelopes {
                let mut bytes = Vec::new();
                let is_written = envelope.to_writer(&mut bytes).is_ok() && !bytes.is_empty();
                if is_written && is_whole(&envelope) {
                    traces.fetch_add(1, Ordering::Relaxed);
                }
                written.fetch_add(1, Ordering::Release);
            }
        };
        Builder::new().name("transport".to_owned()).spawn(write)?;
        Ok(transport)
    }

    /// Whole traces so far.
    #[must_use]
    pub fn traces(&self) -> u64 {
        self.traces.load(Ordering::Relaxed)
    }

    /// Waits until all that was sent is written.
    pub fn settle(&self) {
        while self.written.load(Ordering::Acquire) < self.queued.load(Ordering::Relaxed) {
            sleep(Duration::from_micros(200));
        }
    }
}

impl Transport for WritingTransport {
    fn send_envelope(&self, envelope: Envelope) {
        if self.queue.send(envelope).is_ok() {
            self.queued.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A span exporter that counts spans and drops them.
#[derive(Clone, Debug, Default)]
pub struct DroppingExporter(Arc<AtomicU64>);

impl DroppingExporter {
    /// Whole traces so far.
    #[must_use]
    pub fn traces(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / SPANS_PER_TRACE
    }
}

impl SpanExporter for DroppingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}
