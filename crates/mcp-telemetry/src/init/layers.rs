//! The layers of the subscriber: which spans and events go where.

use std::fmt;
use std::io::IsTerminal as _;

use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracer;
use telemetry_sanitizer::Sanitizer;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{DynFilterFn, EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

use super::BoxedLayer;
use super::log_layer::LogLayer;
use crate::settings::TARGET;

/// Targets whose events leave the process by no way: rmcp logs whole payloads, and what
/// the pipeline and its HTTP clients log would come back into the pipeline.
const DENIED: [&str; 16] = [
    "rmcp::service",
    "rmcp::transport",
    "otel_pipeline",
    "otel_sentry",
    "otel_smart_sampler",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry_otlp",
    "opentelemetry_http",
    "opentelemetry-sdk",
    "opentelemetry-otlp",
    "opentelemetry-http",
    "sentry",
    "hyper",
    "h2",
    "reqwest",
];

/// Diagnostics of the pipeline itself, for `SENTRY_DEBUG`.
const DIAGNOSTICS: &str = "otel_pipeline=debug,otel_sentry=debug,mcp_telemetry=debug";

/// What reaches stderr where `RUST_LOG` says nothing.
const STDERR_DEFAULT: &str = "info,rmcp=warn";

/// The layer that [`Builder::build`](crate::Builder::build) returns: spans, logs,
/// breadcrumbs and error events to where the settings say.
#[must_use = "add it to a subscriber"]
pub struct TelemetryLayer(Vec<BoxedLayer>);

impl TelemetryLayer {
    /// The layers, to add to a [`Registry`] by `registry().with(layers)`.
    #[must_use]
    pub fn into_layers(self) -> Vec<Box<dyn Layer<Registry> + Send + Sync>> {
        self.0
    }
}

impl fmt::Debug for TelemetryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TelemetryLayer")
            .field(&self.0.len())
            .finish()
    }
}

#[derive(Default)]
pub(super) struct Layers(Vec<BoxedLayer>);

impl Layers {
    /// Log lines on stderr; stdout may be the protocol.
    pub(super) fn stderr(&mut self, debug: bool) {
        let mut filter =
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(STDERR_DEFAULT));
        if debug {
            let directives = DIAGNOSTICS.split(',').filter_map(|it| it.parse().ok());
            filter = directives.fold(filter, EnvFilter::add_directive);
        }
        // Our spans are made for sinks; on stderr their fields would drown the message.
        let lines = filter_fn(|metadata| !(metadata.is_span() && metadata.target() == TARGET))
            .with_max_level_hint(LevelFilter::TRACE);
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(filter.and(lines));
        self.0.push(Box::new(layer));
    }

    /// Spans, and the errors that belong on them, to the tracer.
    pub(super) fn spans(&mut self, tracer: SdkTracer) {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(belongs_on_spans).with_max_level_hint(LevelFilter::INFO));
        self.0.push(Box::new(layer));
    }

    /// Events to Sentry: breadcrumbs and logs from INFO, error events from ERROR.
    #[cfg(feature = "sentry")]
    pub(super) fn sentry(&mut self, logs: bool) {
        use sentry::integrations::tracing as sentry_tracing;

        // Errors first: an error event then holds what led to it, not itself.
        let errors = crate::errors::ErrorLayer;
        let is_error = leaving(|metadata| *metadata.level() == Level::ERROR);
        self.0.push(Box::new(errors.with_filter(is_error)));
        let breadcrumbs = sentry_tracing::BreadcrumbLayer::new();
        self.0
            .push(Box::new(breadcrumbs.with_filter(leaving(|_| true))));
        if logs {
            let logs = sentry_tracing::LogLayer::new();
            self.0.push(Box::new(logs.with_filter(leaving(|_| true))));
        }
    }

    /// The same events as OTLP log records.
    pub(super) fn otlp_logs(&mut self, provider: &SdkLoggerProvider, sanitizer: Sanitizer) {
        let layer = LogLayer::new(provider, sanitizer);
        self.0.push(Box::new(layer.with_filter(leaving(|_| true))));
    }

    pub(super) fn finish(self) -> TelemetryLayer {
        TelemetryLayer(self.0)
    }
}

/// Spans from INFO; of events only errors with an `error` field, as `#[instrument(err)]`
/// makes them. A plain `error!` is a log: it does not fail the span that it stands in.
fn belongs_on_spans(metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() {
        return *metadata.level() <= Level::INFO && !is_denied(metadata.target());
    }
    *metadata.level() == Level::ERROR
        && metadata.fields().field("error").is_some()
        && !is_denied(metadata.target())
}

/// Logs that leave the process, of those that `also` takes. What the pipeline's own threads
/// log does not: it would come back to them.
fn leaving(
    also: impl Fn(&Metadata<'_>) -> bool,
) -> DynFilterFn<Registry, impl Fn(&Metadata<'_>, &Context<'_, Registry>) -> bool> {
    DynFilterFn::new(move |metadata: &Metadata<'_>, _: &Context<'_, Registry>| {
        is_log(metadata)
            && also(metadata)
            && !opentelemetry::Context::is_current_telemetry_suppressed()
    })
    // What is below costs its callers nothing.
    .with_max_level_hint(LevelFilter::INFO)
}

/// An event from INFO up that may leave the process.
fn is_log(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && *metadata.level() <= Level::INFO && !is_denied(metadata.target())
}

fn is_denied(target: &str) -> bool {
    DENIED.iter().any(|denied| {
        target
            .strip_prefix(denied)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_targets() {
        for (target, denied) in [
            ("rmcp::service", true),
            ("rmcp::service::server", true),
            ("rmcp::handler", false),
            ("hyper::proto::h1", true),
            ("hyperspace", false),
            ("my_app", false),
        ] {
            assert_eq!(is_denied(target), denied, "{target}");
        }
    }
}
