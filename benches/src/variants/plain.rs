//! Variants that send nothing: what tracing costs by itself.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing::Dispatch;

use super::{Running, default_layer, plain_trace, tuned_layer};

/// No subscriber at all.
pub(super) fn none() -> anyhow::Result<Running> {
    Ok(Running {
        dispatch: None,
        trace: plain_trace,
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
