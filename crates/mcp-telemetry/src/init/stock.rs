//! The SDK's own span processor, behind our sanitizer.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanContext, TraceContextExt as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use otel_pipeline::ContextAttributes;
use sentry::TracePropagationContext;
use sentry::integrations::opentelemetry::SentrySpanProcessor;
use telemetry_sanitizer::Sanitizer;

use crate::scrub::sanitize_span;

/// [`SentrySpanProcessor`] with clean spans. It sends through the client that is the process's.
#[derive(Debug)]
pub(super) struct Stock {
    inner: SentrySpanProcessor,
    sanitizer: Sanitizer,
}

impl Stock {
    pub(super) fn new(sanitizer: Sanitizer) -> Self {
        Self {
            inner: SentrySpanProcessor::new(),
            sanitizer,
        }
    }
}

impl SpanProcessor for Stock {
    /// The name that is sent is the one at the start.
    fn on_start(&self, span: &mut Span, cx: &Context) {
        // It sends what is recorded, too.
        if !span.span_context().is_sampled() {
            return;
        }
        if let Some(mut data) = span.exported_data() {
            let name = data.name.clone();
            sanitize_span(&self.sanitizer, &mut data);
            if data.name != name {
                span.update_name(data.name);
            }
        }
        let parent = cx.span().span_context().clone();
        if parent.is_valid() && parent.is_remote() {
            // It looks for what its own propagator leaves here.
            self.inner
                .on_start(span, &cx.with_value(continued(&parent)));
        } else {
            self.inner.on_start(span, cx);
        }
    }

    fn on_end(&self, mut span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        ContextAttributes::unpack_on(&mut span);
        sanitize_span(&self.sanitizer, &mut span);
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

fn continued(parent: &SpanContext) -> TracePropagationContext {
    TracePropagationContext::new(
        parent.trace_id().to_bytes().into(),
        parent.span_id().to_bytes().into(),
    )
}
