//! Errors on spans, named as OTel's convention has it.

use opentelemetry_sdk::trace::SpanData;

/// Names span events that hold an exception `exception`.
///
/// tracing-opentelemetry does so only for events without a message; with one it takes the
/// message for the name.
pub(crate) fn name_exceptions(span: &mut SpanData) {
    for event in &mut span.events.events {
        let mut attributes = event.attributes.iter();
        if attributes.any(|pair| pair.key.as_str() == "exception.message") {
            event.name = "exception".into();
        }
    }
}
