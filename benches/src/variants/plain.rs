//! Variants that send nothing: what tracing costs by itself.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing::Dispatch;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Running, default_layer, plain_open, plain_trace, tuned_layer};
use crate::workload;

/// No subscriber at all.
pub(super) fn none() -> anyhow::Result<Running> {
    Ok(Running {
        dispatch: None,
        trace: plain_trace,
        open: plain_open,
        provider: None,
        settle: Box::new(|| ()),
        delivered: Box::new(|| 0),
        _keep: None,
    })
}

/// OpenTelemetry with nothing behind it.
pub(super) fn noop() -> anyhow::Result<Running> {
    Ok(with_sampler(Sampler::AlwaysOn, default_layer))
}

/// [`noop`] with the tuned layer.
pub(super) fn noop_tuned() -> anyhow::Result<Running> {
    Ok(with_sampler(Sampler::AlwaysOn, tuned_layer))
}

/// [`noop_tuned`], and every span gets the attributes of its request by a processor's `on_start`, as
/// OpenTelemetry's baggage span processors do it.
pub(super) fn noop_inherited() -> anyhow::Result<Running> {
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_span_processor(Inherit)
        .build();
    let dispatch = tuned_layer(&provider);
    Ok(Running::new(provider, dispatch)
        .with_trace(|number| workload::trace(number, |root| inherit(root, number)))
        .with_open(|number, kept| workload::open(number, |root| inherit(root, number), kept)))
}

fn inherit(root: &tracing::Span, number: u64) {
    let attributes = Attributes(Arc::new(workload::request_attributes(number)));
    // It can only fail on a span that has started, and this one has not.
    let _ = root.set_parent(Context::new().with_value(attributes));
}

/// What the spans of a request are to carry.
struct Attributes(Arc<[KeyValue; 5]>);

/// Gives each span what its context carries.
#[derive(Debug)]
struct Inherit;

impl SpanProcessor for Inherit {
    fn on_start(&self, span: &mut Span, context: &Context) {
        if let Some(Attributes(attributes)) = context.get() {
            span.set_attributes(attributes.iter().cloned());
        }
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// OpenTelemetry that samples nothing.
pub(super) fn off() -> anyhow::Result<Running> {
    Ok(with_sampler(Sampler::AlwaysOff, default_layer))
}

fn with_sampler(sampler: Sampler, layer: fn(&SdkTracerProvider) -> Dispatch) -> Running {
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(Noop)
        .build();
    let dispatch = layer(&provider);
    Running::new(provider, dispatch)
}

/// A span processor that drops every span.
#[derive(Debug)]
struct Noop;

impl SpanProcessor for Noop {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
