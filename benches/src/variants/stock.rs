//! The parts as they come: Sentry's span processor and the SDK's batch processor.

use std::sync::Arc;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use sentry::integrations::tracing as sentry_tracing;
use sentry::{ClientOptions, Transport};
use sentry_opentelemetry::SentrySpanProcessor;
use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::{
    DroppingExporter, DroppingTransport, Running, WritingTransport, default_layer, tuned_layer,
};
use crate::workload;

/// A DSN that nothing is ever sent to.
pub(super) const DSN: &str = "http://key@127.0.0.1:9/1";

/// The SDK's batch processor.
pub(super) fn batch() -> anyhow::Result<Running> {
    Ok(batch_with(default_layer))
}

/// [`batch`] with the tuned layer.
pub(super) fn batch_tuned() -> anyhow::Result<Running> {
    Ok(batch_with(tuned_layer))
}

/// Sentry's processor.
pub(super) fn stock() -> anyhow::Result<Running> {
    Ok(stock_with(default_layer))
}

/// [`stock`] with the tuned layer.
pub(super) fn stock_tuned() -> anyhow::Result<Running> {
    Ok(stock_with(tuned_layer))
}

/// [`stock`] with what its transport does on another thread.
pub(super) fn stock_written() -> anyhow::Result<Running> {
    let transport = WritingTransport::start()?;
    let settled = transport.clone();
    let guard = client(&transport);
    let provider = provider();
    let dispatch = default_layer(&provider);
    Ok(Running::new(provider, dispatch)
        .with_settle(move || settled.settle())
        .with_delivered(move || transport.traces())
        .keeping(guard))
}

/// [`stock`] with breadcrumbs, logs and error events of `tracing`, as its documentation sets it up.
pub(super) fn stock_with_logs() -> anyhow::Result<Running> {
    let transport = DroppingTransport::default();
    let guard = client(&transport);
    let provider = provider();
    let is_error = |metadata: &Metadata<'_>| *metadata.level() == Level::ERROR;
    let dispatch = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("bench")))
        .with(sentry_tracing::ErrorLayer::new().with_filter(filter_fn(is_error)))
        .with(sentry_tracing::BreadcrumbLayer::new().with_filter(LevelFilter::INFO))
        .with(sentry_tracing::LogLayer::new().with_filter(LevelFilter::INFO))
        .into();
    Ok(Running::new(provider, dispatch)
        .with_trace(|number| workload::trace_with_errors(number, |_| {}))
        .with_settle(|| {
            if let Some(client) = sentry::Hub::main().client() {
                client.flush(None);
            }
        })
        .with_delivered(move || transport.traces_with_logs())
        .keeping(guard))
}

/// Both processors: the SDK copies each span for each.
pub(super) fn stock_and_batch() -> anyhow::Result<Running> {
    let transport = DroppingTransport::default();
    let exporter = DroppingExporter::default();
    let guard = client(&transport);
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_span_processor(SentrySpanProcessor::new())
        .with_batch_exporter(exporter.clone())
        .build();
    let dispatch = default_layer(&provider);
    Ok(Running::new(provider, dispatch)
        .with_delivered(move || transport.traces().min(exporter.traces()))
        .keeping(guard))
}

fn batch_with(layer: fn(&SdkTracerProvider) -> Dispatch) -> Running {
    let exporter = DroppingExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_batch_exporter(exporter.clone())
        .build();
    let dispatch = layer(&provider);
    Running::new(provider, dispatch).with_delivered(move || exporter.traces())
}

fn stock_with(layer: fn(&SdkTracerProvider) -> Dispatch) -> Running {
    let transport = DroppingTransport::default();
    let guard = client(&transport);
    let provider = provider();
    let dispatch = layer(&provider);
    Running::new(provider, dispatch)
        .with_delivered(move || transport.traces())
        .keeping(guard)
}

fn provider() -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_span_processor(SentrySpanProcessor::new())
        .build()
}

/// Has to come before [`SentrySpanProcessor::new`], which configures the current scope.
fn client<T: Transport + Clone>(transport: &T) -> sentry::ClientInitGuard {
    sentry::init(
        ClientOptions::new()
            .dsn(DSN)
            .traces_sample_rate(1.0)
            .transport(Arc::new(transport.clone())),
    )
}
