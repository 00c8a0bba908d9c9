//! The propagator that the settings name.

use opentelemetry::propagation::TextMapCompositePropagator;

use crate::config::{Config, Propagator};

/// With Sentry: one propagator for all formats, which keeps the ids of all in step.
#[cfg(feature = "sentry")]
pub(super) fn propagator(config: &Config) -> TextMapCompositePropagator {
    use otel_sentry::propagation::{DscDefaults, Formats, TracePropagator};
    use secrecy::ExposeSecret as _;

    let has = |wanted| config.propagators.contains(&wanted);
    let formats = Formats::none()
        .with_tracecontext(has(Propagator::TraceContext))
        .with_baggage(has(Propagator::Baggage))
        .with_sentry(has(Propagator::Sentry));
    let mut propagator = TracePropagator::new()
        .with_formats(formats)
        .with_strict_continuation(config.strict_continuation)
        .with_deferred_rate(config.base_rate());
    if let Some(dsn) = &config.sentry.dsn {
        let defaults = DscDefaults::new(dsn.public_key().expose_secret().to_owned())
            .with_host(dsn.host())
            .with_release(config.sentry.release.clone())
            .with_environment(config.sentry.environment.clone());
        propagator = propagator.with_dsc_defaults(defaults);
    }
    TextMapCompositePropagator::new(vec![Box::new(propagator)])
}

/// Without Sentry: the SDK's own.
#[cfg(not(feature = "sentry"))]
pub(super) fn propagator(config: &Config) -> TextMapCompositePropagator {
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

    let propagators = config.propagators.iter().filter_map(|named| {
        let propagator: Box<dyn TextMapPropagator + Send + Sync> = match named {
            Propagator::TraceContext => Box::new(TraceContextPropagator::new()),
            Propagator::Baggage => Box::new(BaggagePropagator::new()),
            _ => return None,
        };
        Some(propagator)
    });
    TextMapCompositePropagator::new(propagators.collect())
}
