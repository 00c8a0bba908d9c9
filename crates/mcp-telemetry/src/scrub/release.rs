//! The release, for Sentry's OTLP endpoint.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use otel_pipeline::Scrub;

use crate::attributes::SENTRY_RELEASE;
use crate::config::{Config, SentryTraces};

/// Puts the release on each span where spans come to Sentry over OTLP: it takes none from the
/// resource.
pub(crate) struct ReleaseOnSpans(Option<KeyValue>);

impl ReleaseOnSpans {
    pub(crate) fn new(config: &Config) -> Self {
        let by_otlp = [SentryTraces::Otlp, SentryTraces::Collector];
        let release = by_otlp
            .contains(&config.sentry.traces)
            .then(|| KeyValue::new(SENTRY_RELEASE, config.sentry.release.clone()));
        Self(release)
    }
}

impl Scrub for ReleaseOnSpans {
    fn scrub(&mut self, span: &mut SpanData) {
        span.attributes.extend(self.0.clone());
    }

    fn scrub_inherited(&mut self, _: &mut Vec<KeyValue>) -> bool {
        true
    }
}
