//! Errors on spans, named as OTel's convention has it.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use otel_pipeline::Scrub;

/// Names span events that hold an exception `exception`.
///
/// tracing-opentelemetry does so only for events without a message; with one it takes the
/// message for the name.
pub(crate) struct NameExceptions;

impl Scrub for NameExceptions {
    fn scrub(&mut self, span: &mut SpanData) {
        for event in &mut span.events.events {
            let mut attributes = event.attributes.iter();
            if attributes.any(|pair| pair.key.as_str() == "exception.message") {
                event.name = "exception".into();
            }
        }
    }

    fn scrub_inherited(&mut self, _: &mut Vec<KeyValue>) -> bool {
        true
    }
}
