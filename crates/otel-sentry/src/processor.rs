//! The ready-made processor for apps that want Sentry alone.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, TraceContextExt as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use otel_pipeline::{PipelineProcessor, Scrub};
use sentry::protocol::Event;
use sentry::{Client, Hub};

use crate::delivery::SharedTransport;
use crate::dsc::FrozenDsc;
use crate::sink::{SentrySink, SinkError, SinkHandle};

/// Keeps the sampling context that came in with a trace on its local root, so that the
/// transaction can repeat it. Where a sampler overruled the remote parent it says so, or is left out.
///
/// For [`PipelineBuilder::with_on_start`](otel_pipeline::PipelineBuilder::with_on_start);
/// [`SentryProcessor`] has it built in.
pub fn keep_frozen_dsc(span: &mut Span, parent: &Context) {
    let is_local_root = !parent.has_active_span() || parent.span().span_context().is_remote();
    if is_local_root && let Some(attribute) = FrozenDsc::attribute_for(parent, span.span_context())
    {
        span.set_attribute(attribute);
    }
}

/// A [`SpanProcessor`] that sends transactions to Sentry: an
/// [`otel_pipeline::PipelineProcessor`] with a [`SentrySink`]. See the
/// [crate documentation](crate) for an example.
///
/// Where the client is the current hub's, as it is after `sentry::init`, exceptions on spans
/// become error events: see [`SentrySink::with_exceptions`].
#[derive(Debug)]
pub struct SentryProcessor {
    pipeline: PipelineProcessor,
    handle: SinkHandle,
}

impl SentryProcessor {
    /// A processor for spans that may leave as they are.
    ///
    /// # Errors
    ///
    /// As [`SentrySink::new`]; and where the system gives no thread.
    pub fn new(client: &Client, transport: &SharedTransport) -> Result<Self, ProcessorError> {
        Self::with_scrub(client, transport, |_: &mut SpanData| {})
    }

    /// A processor that cleans every span first.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_scrub(
        client: &Client,
        transport: &SharedTransport,
        scrub: impl Scrub,
    ) -> Result<Self, ProcessorError> {
        let mut sink = SentrySink::new(client, transport)?;
        let of_hub = Hub::current().client();
        if let Some(client) = of_hub.filter(|it| std::ptr::eq(Arc::as_ptr(it), client)) {
            let as_it_is = |event: Event<'static>, _: &SpanData| Some(event);
            sink = sink.with_exceptions(&client, as_it_is);
        }
        let handle = sink.handle();
        let pipeline = PipelineProcessor::builder()
            .with_on_start(keep_frozen_dsc)
            .with_scrub(scrub)
            .with_sink(sink)
            .build()?;
        Ok(Self { pipeline, handle })
    }

    /// A handle to the sink's counters.
    #[must_use]
    pub fn handle(&self) -> SinkHandle {
        self.handle.clone()
    }
}

/// Why there can be no processor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// The sink cannot be made.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The system gives no thread.
    #[error("the pipeline's thread could not be started")]
    Thread(#[from] std::io::Error),
}

impl SpanProcessor for SentryProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.pipeline.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        self.pipeline.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.pipeline.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.pipeline.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.pipeline.set_resource(resource);
    }
}
