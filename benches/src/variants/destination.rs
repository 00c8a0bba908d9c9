//! Where everything ends: destinations that count and drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use sentry::protocol::EnvelopeItem;
use sentry::{Envelope, Transport};

use crate::workload::SPANS_PER_TRACE;

/// A Sentry transport that counts transactions and drops them.
#[derive(Clone, Debug, Default)]
pub struct DroppingTransport(Arc<AtomicU64>);

impl DroppingTransport {
    /// Whole traces so far.
    #[must_use]
    pub fn traces(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Transport for DroppingTransport {
    fn send_envelope(&self, envelope: Envelope) {
        let mut items = envelope.items().peekable();
        // A raw envelope shows no items. Only our sink sends such, one a transaction; its
        // counters tell how many spans went into them.
        let is_raw = items.peek().is_none();
        let is_whole = |item: &EnvelopeItem| match item {
            EnvelopeItem::Transaction(it) => it.spans.len() as u64 + 1 == SPANS_PER_TRACE,
            _ => false,
        };
        if is_raw || items.any(is_whole) {
            self.0.fetch_add(1, Ordering::Relaxed);
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
