//! Any OpenTelemetry span exporter as a sink.

use std::collections::VecDeque;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use futures_util::FutureExt as _;
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::clock::deadline_after;
use crate::stats::add;
use crate::{SpanSink, span_size};

/// How spans are gathered into batches. Names follow the OTel specification of the batch
/// span processor (`OTEL_BSP_*`).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BatchOptions {
    /// Spans that wait at most; above it new ones are dropped and counted (default 65,536).
    pub max_queue_size: usize,
    /// Bytes of spans that wait at most, by [`span_size`](crate::span_size) (default 64 MiB).
    pub max_queue_bytes: usize,
    /// Spans in one export at most (default 512).
    pub max_export_batch_size: usize,
    /// How long a span waits for others at most (default 1 s).
    pub schedule_delay: Duration,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            max_queue_size: 65_536,
            max_queue_bytes: 64 * 1024 * 1024,
            max_export_batch_size: 512,
            schedule_delay: Duration::from_secs(1),
        }
    }
}

/// What an exporter sink counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportStats {
    /// Spans that the exporter reported as exported.
    pub exported: u64,
    /// Spans in batches for which the exporter reported an error.
    pub failed: u64,
    /// Spans dropped because too many waited.
    pub dropped: u64,
}

/// Runs a [`SpanExporter`] on a thread of its own, in batches.
///
/// The exporter's futures are polled there without an async runtime: exporters that need
/// tokio's reactor do not work here; those with a blocking HTTP client do, and those that hand
/// their batches to a thread of their own.
pub struct ExporterSink {
    shared: Arc<Shared>,
    /// Where the thread could not be started all spans count as dropped.
    running: bool,
}

/// Reads an [`ExporterSink`]'s counters while the pipeline owns the sink.
#[derive(Clone)]
pub struct ExportHandle(Arc<Shared>);

impl ExportHandle {
    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> ExportStats {
        ExportStats {
            exported: self.0.exported.load(Ordering::Relaxed),
            failed: self.0.failed.load(Ordering::Relaxed),
            dropped: self.0.dropped.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for ExportHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExportHandle").field(&self.stats()).finish()
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    options: BatchOptions,
    exported: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<SpanData>>,
    /// Bytes of the waiting spans.
    bytes: usize,
    /// When the oldest waiting span has waited long enough.
    due: Option<Instant>,
    exporting: bool,
    /// Export without waiting for more until nothing is left.
    hurry: bool,
    resource: Option<Resource>,
    /// The exporter is to be shut down by then.
    end_by: Option<Instant>,
    ended: bool,
}

impl ExporterSink {
    /// Starts the exporter's thread.
    pub fn new(exporter: impl SpanExporter + 'static, options: BatchOptions) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            options,
            exported: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&shared);
        let running = std::thread::Builder::new()
            .name("otel-export".to_owned())
            .spawn(move || export_until_ended(&of_thread, exporter))
            .is_ok();
        Self { shared, running }
    }

    /// A handle to the counters.
    #[must_use]
    pub fn handle(&self) -> ExportHandle {
        ExportHandle(Arc::clone(&self.shared))
    }

    /// Changes the state, wakes the thread, and waits for `done` until `deadline`.
    fn wait_until(
        &self,
        deadline: Instant,
        change: impl FnOnce(&mut State),
        done: impl Fn(&State) -> bool,
    ) -> bool {
        let mut state = self.shared.lock();
        change(&mut state);
        self.shared.changed.notify_all();
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.wait(state, Some(left));
        }
        true
    }
}

impl SpanSink for ExporterSink {
    fn name(&self) -> &'static str {
        "exporter"
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.shared.lock().resource = Some(resource.clone());
        self.shared.changed.notify_all();
    }

    fn accept(&mut self, spans: &[Arc<SpanData>]) {
        let shared = &self.shared;
        let mut state = shared.lock();
        let running = self.running && !state.ended;
        for (index, span) in spans.iter().enumerate() {
            let size = span_size(span);
            let room = running
                && state.waiting.len() < shared.options.max_queue_size
                && state.bytes + size <= shared.options.max_queue_bytes;
            if !room {
                add(&shared.dropped, spans.len() - index);
                break;
            }
            state.bytes += size;
            state.waiting.push_back(Arc::clone(span));
        }
        if state.due.is_none() && !state.waiting.is_empty() {
            state.due = Some(deadline_after(shared.options.schedule_delay));
        }
        drop(state);
        shared.changed.notify_all();
    }

    fn flush(&mut self, deadline: Instant) -> bool {
        self.wait_until(
            deadline,
            |state| state.hurry = true,
            |state| state.ended || (state.waiting.is_empty() && !state.exporting),
        )
    }

    fn shutdown(&mut self, deadline: Instant) -> bool {
        self.wait_until(
            deadline,
            |state| state.end_by = Some(deadline),
            |state| state.ended,
        ) && self.shared.lock().waiting.is_empty()
    }
}

impl Drop for ExporterSink {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.end_by.get_or_insert_with(Instant::now);
        self.shared.changed.notify_all();
    }
}

impl fmt::Debug for ExporterSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExporterSink")
            .field("options", &self.shared.options)
            .field("stats", &self.handle().stats())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        at_most: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match at_most {
            Some(limit) => {
                let waited = self.changed.wait_timeout(state, limit);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.changed.wait(state);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        }
    }
}

/// The exporter's thread.
fn export_until_ended(shared: &Shared, mut exporter: impl SpanExporter) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let _end = EndOfThread(shared);
    let max = shared.options.max_export_batch_size.max(1);
    let mut state = shared.lock();
    loop {
        if let Some(resource) = state.resource.take() {
            exporter.set_resource(&resource);
        }
        let now = Instant::now();
        let is_due = state.due.is_some_and(|due| due <= now);
        let is_full = state.waiting.len() >= max;
        let ending = state.end_by.is_some();
        if !state.waiting.is_empty() && (is_due || is_full || state.hurry || ending) {
            if state.end_by.is_some_and(|end| end <= now) {
                break;
            }
            let count = state.waiting.len().min(max);
            let batch: Vec<Arc<SpanData>> = state.waiting.drain(..count).collect();
            state.bytes -= batch.iter().map(|span| span_size(span)).sum::<usize>();
            state.due =
                (!state.waiting.is_empty()).then(|| deadline_after(shared.options.schedule_delay));
            state.exporting = true;
            drop(state);
            let sent = export(&exporter, batch.into_iter().map(owned).collect());
            add(
                if sent {
                    &shared.exported
                } else {
                    &shared.failed
                },
                count,
            );
            state = shared.lock();
            state.exporting = false;
        } else if ending {
            break;
        } else {
            state.hurry = false;
            shared.changed.notify_all();
            let left = state.due.map(|due| due.saturating_duration_since(now));
            state = shared.wait(state, left);
        }
    }
    let left = state.end_by.unwrap_or_else(Instant::now);
    drop(state);
    let left = left.saturating_duration_since(Instant::now());
    if let Err(error) = exporter.shutdown_with_timeout(left) {
        tracing::debug!(%error, "span exporter did not shut down cleanly");
    }
}

/// Says that the thread has ended, also where the exporter panicked: nobody must wait for it.
struct EndOfThread<'a>(&'a Shared);

impl Drop for EndOfThread<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        add(&self.0.dropped, state.waiting.len());
        state.ended = true;
        self.0.changed.notify_all();
    }
}

/// Exports one batch; a panic of the exporter counts as a failure of this batch.
fn export(exporter: &impl SpanExporter, batch: Vec<SpanData>) -> bool {
    let exporting = async { exporter.export(batch).await };
    match block_on(AssertUnwindSafe(exporting).catch_unwind()) {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "spans could not be exported");
            false
        }
        Err(_) => {
            tracing::warn!("the span exporter panicked");
            false
        }
    }
}

/// The span itself where no other sink holds it, else a copy.
fn owned(span: Arc<SpanData>) -> SpanData {
    Arc::try_unwrap(span).unwrap_or_else(|shared| SpanData::clone(&shared))
}
