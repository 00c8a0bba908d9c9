//! The release on spans that reach Sentry over OTLP.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use otel_pipeline::Scrub;

use crate::attributes::SENTRY_RELEASE;
use crate::config::{SentryConfig, SentryTraces};

/// Writes the release on each span where Sentry gets spans over OTLP: it takes none from the resource.
#[derive(Debug)]
pub(crate) struct Release(Option<KeyValue>);

impl Release {
    pub(crate) fn new(config: &SentryConfig) -> Self {
        let by_otlp = [SentryTraces::Otlp, SentryTraces::Collector].contains(&config.traces);
        Self(by_otlp.then(|| KeyValue::new(SENTRY_RELEASE, config.release.clone())))
    }
}

impl Scrub for Release {
    fn scrub(&mut self, span: &mut SpanData) {
        span.attributes.extend(self.0.clone());
    }

    /// Once on each span is enough.
    fn scrub_inherited(&mut self, _: &mut Vec<KeyValue>) -> bool {
        true
    }
}
