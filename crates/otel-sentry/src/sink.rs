//! The sink that turns spans into Sentry transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use opentelemetry::{Key, KeyValue, TraceId, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use otel_pipeline::SpanSink;
use sentry::protocol::Breadcrumb;
use sentry::{Client, Envelope};
use thiserror::Error;

use crate::assembly::{Assembly, AssemblyOptions, Group, is_local_root};
use crate::convert::Resource as ResourceJson;
use crate::convert::events::{breadcrumbs, payload_bytes, timeline};
use crate::convert::split::{Limits, split};
use crate::delivery::SharedTransport;
use crate::dsc::DynamicSamplingContext;
use crate::envelope;
use crate::exceptions::{Exceptions, OnException};
use crate::recent::Recent;
use crate::target::Target;

/// Traces whose sampling context is kept for spans that come after their root.
const REMEMBERED_TRACES: usize = 10_000;

/// Why there can be no sink for a client.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The client sends nowhere.
    #[error("the Sentry client has no DSN; expected one, such as https://key@host/project")]
    NoDsn,
    /// The client was built without the shared transport.
    #[error(
        "the client does not send through this SharedTransport; \
         expected it as `ClientOptions::transport` of the client"
    )]
    ForeignTransport,
}

/// What a [`SentrySink`] counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkStats {
    /// Transactions handed to the transport.
    pub transactions: u64,
    /// Spans in them, roots included.
    pub spans: u64,
    /// Spans that could not be sent: invalid, or too old.
    pub refused: u64,
    /// Exceptions on spans that were captured as error events.
    pub exceptions: u64,
}

/// Reads a sink's counters while the pipeline owns the sink.
#[derive(Clone, Debug, Default)]
pub struct SinkHandle(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    transactions: AtomicU64,
    spans: AtomicU64,
    refused: AtomicU64,
    exceptions: AtomicU64,
}

impl SinkHandle {
    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> SinkStats {
        SinkStats {
            transactions: self.0.transactions.load(Ordering::Relaxed),
            spans: self.0.spans.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            exceptions: self.0.exceptions.load(Ordering::Relaxed),
        }
    }

    fn sent(&self, spans: usize) {
        self.0.transactions.fetch_add(1, Ordering::Relaxed);
        add(&self.0.spans, spans);
    }

    fn refused(&self, spans: usize) {
        add(&self.0.refused, spans);
    }
}

/// A [`SpanSink`] that assembles spans into transactions and sends them through a client's
/// transport.
#[derive(Debug)]
pub struct SentrySink {
    target: Target,
    transport: SharedTransport,
    resource: ResourceJson,
    assembly: Assembly,
    contexts: Recent<TraceId, Arc<DynamicSamplingContext>>,
    exceptions: Option<Exceptions>,
    transactions: bool,
    handle: SinkHandle,
}

impl SentrySink {
    /// A sink that sends what the client's release, environment and DSN say, through the
    /// transport that the client was given.
    ///
    /// # Errors
    ///
    /// Where the client has no DSN, or `transport` is not ready, so not the client's.
    pub fn new(client: &Client, transport: &SharedTransport) -> Result<Self, SinkError> {
        let target = Target::of(client.options()).ok_or(SinkError::NoDsn)?;
        if !transport.is_ready() {
            return Err(SinkError::ForeignTransport);
        }
        Ok(Self {
            target,
            transport: transport.clone(),
            resource: ResourceJson::NONE,
            assembly: Assembly::new(AssemblyOptions::default()),
            contexts: Recent::new(REMEMBERED_TRACES),
            exceptions: None,
            transactions: true,
            handle: SinkHandle::default(),
        })
    }

    /// Sets when traces are closed without their root.
    #[must_use]
    pub fn with_assembly(mut self, options: AssemblyOptions) -> Self {
        self.assembly = Assembly::new(options);
        self
    }

    /// Captures exceptions on spans as error events of `client`, which is the client that this
    /// sink was made for. `hook` sees each of them first.
    ///
    /// An exception is a span event named `exception`, such as `Span::record_error` makes. It
    /// becomes an event once its transaction is sent, so in sampled traces alone, and passes
    /// the client's integrations and its `before_send` on the pipeline's thread. Its
    /// breadcrumbs are the events of the transaction's spans before it.
    ///
    /// There is no second event for an error that has one:
    ///
    /// - an exception that `tracing-opentelemetry` recorded is left to those layers that
    ///   capture `tracing` events;
    /// - one whose text another event of the same transaction has, and one at or below a span
    ///   with an event captured as [`SpanFailed`](crate::SpanFailed), is known already. The
    ///   client's options have to come from [`connect`](crate::connect) for that.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use opentelemetry_sdk::trace::SpanData;
    /// use otel_sentry::delivery::{Delivery, SharedTransport};
    /// use otel_sentry::{SentrySink, connect};
    /// use sentry::protocol::Event;
    ///
    /// let transport = SharedTransport::new(Delivery::new());
    /// let options = sentry::ClientOptions::new().dsn("http://key@127.0.0.1:9/1");
    /// let client = Arc::new(sentry::Client::with_options(connect(options, &transport)));
    /// let sink = SentrySink::new(&client, &transport)?.with_exceptions(
    ///     &client,
    ///     |mut event: Event<'static>, span: &SpanData| {
    ///         event.tags.insert("span".to_owned(), span.name.to_string());
    ///         Some(event)
    ///     },
    /// );
    /// # drop(sink);
    /// # Ok::<(), otel_sentry::SinkError>(())
    /// ```
    #[must_use]
    pub fn with_exceptions(mut self, client: &Arc<Client>, hook: impl OnException) -> Self {
        self.exceptions = Some(Exceptions::new(client, hook));
        self
    }

    /// Leaves transactions out, and captures exceptions alone: for spans that reach Sentry in
    /// another way, such as OTLP, where it drops the events of spans.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use opentelemetry_sdk::trace::SpanData;
    /// use otel_sentry::delivery::{Delivery, SharedTransport};
    /// use otel_sentry::{SentrySink, connect};
    /// use sentry::protocol::Event;
    ///
    /// let transport = SharedTransport::new(Delivery::new());
    /// let options = sentry::ClientOptions::new().dsn("http://key@127.0.0.1:9/1");
    /// let client = Arc::new(sentry::Client::with_options(connect(options, &transport)));
    /// let sink = SentrySink::new(&client, &transport)?
    ///     .with_exceptions(&client, |event: Event<'static>, _: &SpanData| Some(event))
    ///     .without_transactions();
    /// # drop(sink);
    /// # Ok::<(), otel_sentry::SinkError>(())
    /// ```
    #[must_use]
    pub fn without_transactions(mut self) -> Self {
        self.transactions = false;
        self
    }

    /// A handle to the counters.
    #[must_use]
    pub fn handle(&self) -> SinkHandle {
        self.handle.clone()
    }

    fn send(&mut self, groups: Vec<Group>) {
        for group in groups {
            let mut crumbs = self.span_events(&group);
            if !self.transactions {
                continue;
            }
            let dsc = self.sampling_context(&group.root);
            let limits = Limits::default().without(payload_bytes(&crumbs));
            let children: Vec<&SpanData> = group.rest.iter().map(AsRef::as_ref).collect();
            let service = envelope::service(&self.target, &self.resource);
            for part in split(&group.root, &children, &service, limits) {
                // The first part, which has the root, shows what happened in all of them.
                let crumbs = std::mem::take(&mut crumbs);
                match envelope::write(&part, &crumbs, &dsc, &service) {
                    Ok((bytes, written)) => self.deliver(bytes, written.children, written.refused),
                    Err(error) => {
                        tracing::warn!(%error, "a transaction could not be sent");
                        self.handle.refused(part.children.len() + 1);
                    }
                }
            }
        }
    }

    /// Captures the exceptions on a group's spans; gives all their events as breadcrumbs.
    fn span_events(&mut self, group: &Group) -> Vec<Breadcrumb> {
        let events = timeline(group.spans());
        if events.is_empty() {
            return Vec::new();
        }
        let now = SystemTime::now();
        if let Some(exceptions) = &mut self.exceptions {
            let captured = exceptions.capture(group, &events, now);
            add(&self.handle.0.exceptions, captured);
        }
        breadcrumbs(&events, now)
    }

    fn deliver(&self, bytes: Vec<u8>, children: usize, refused: usize) {
        self.handle.refused(refused);
        let sent = Envelope::from_bytes_raw(bytes).is_ok_and(|e| self.transport.send(e));
        match sent {
            true => self.handle.sent(children + 1),
            false => self.handle.refused(children + 1),
        }
    }

    /// The sampling context of the trace: that of its first local root, also for what comes later,
    /// unless a later one was kept at another rate.
    fn sampling_context(&mut self, root: &SpanData) -> Arc<DynamicSamplingContext> {
        let trace_id = root.span_context.trace_id();
        let known = self.contexts.get(&trace_id);
        if let Some(known) = known
            && !is_local_root(root)
        {
            return Arc::clone(known);
        }
        let dsc = DynamicSamplingContext::of_root(root, &self.target.dsc);
        if let Some(known) = known
            && known.get("sample_rate") == dsc.get("sample_rate")
        {
            return Arc::clone(known);
        }
        let dsc = Arc::new(dsc);
        self.contexts.insert(trace_id, Arc::clone(&dsc));
        dsc
    }
}

impl SpanSink for SentrySink {
    fn name(&self) -> &'static str {
        "sentry"
    }

    fn set_resource(&mut self, resource: &Resource) {
        let pair = |(key, value): (&Key, &Value)| KeyValue::new(key.clone(), value.clone());
        let pairs: Vec<_> = resource.iter().map(pair).collect();
        self.resource = ResourceJson::new(&pairs);
    }

    fn accept(&mut self, spans: &[Arc<SpanData>]) {
        let now = Instant::now();
        for span in spans {
            self.assembly.add(Arc::clone(span), now);
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let groups = self.assembly.due(now);
        self.send(groups);
        self.assembly.next_due()
    }

    fn flush(&mut self, deadline: Instant) -> bool {
        let groups = self.assembly.ended();
        self.send(groups);
        self.transport
            .flush(deadline.saturating_duration_since(Instant::now()))
    }

    fn shutdown(&mut self, deadline: Instant) -> bool {
        let groups = self.assembly.all();
        self.send(groups);
        self.flush(deadline)
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
}
