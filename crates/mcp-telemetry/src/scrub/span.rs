//! Sanitizing a span, once, in front of all sinks.

use std::borrow::Cow;

use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;
use telemetry_sanitizer::Sanitizer;

use super::changed;
use crate::attributes as names;

/// Cleans everything of a span that can hold text: name, attributes, events, links, status.
///
/// What [`init`](crate::init) puts in front of all sinks; for a pipeline of one's own it goes
/// into [`PipelineBuilder::with_scrub`](otel_pipeline::PipelineBuilder::with_scrub).
///
/// ```
/// use mcp_telemetry::opentelemetry_sdk::trace::SpanData;
/// use mcp_telemetry::otel_pipeline::PipelineProcessor;
/// use mcp_telemetry::telemetry_sanitizer::Sanitizer;
///
/// let sanitizer = Sanitizer::default();
/// let pipeline = PipelineProcessor::builder()
///     .with_scrub(move |span: &mut SpanData| mcp_telemetry::sanitize_span(&sanitizer, span))
///     .build()?;
/// # drop(pipeline);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sanitize_span(sanitizer: &Sanitizer, span: &mut SpanData) {
    text(sanitizer, &mut span.name);
    attributes(sanitizer, &mut span.attributes);
    for event in &mut span.events.events {
        text(sanitizer, &mut event.name);
        attributes(sanitizer, &mut event.attributes);
    }
    for link in &mut span.links.links {
        attributes(sanitizer, &mut link.attributes);
    }
    if let Status::Error { description } = &mut span.status {
        text(sanitizer, description);
    }
}

fn attributes(sanitizer: &Sanitizer, attributes: &mut [KeyValue]) {
    for KeyValue { key, value, .. } in attributes {
        let key = key.as_str();
        match value {
            Value::String(old) => {
                if let Some(new) = string(sanitizer, key, old.as_str()) {
                    *old = StringValue::from(new);
                }
            }
            Value::Array(Array::String(items)) => {
                for old in items {
                    if let Some(new) = string(sanitizer, key, old.as_str()) {
                        *old = StringValue::from(new);
                    }
                }
            }
            // A number or truth value under a secret's name, such as a PIN.
            other if sanitizer.is_sensitive_key(key) => {
                let new = sanitizer.value(key, "0").into_owned();
                *other = Value::String(StringValue::from(new));
            }
            _ => {}
        }
    }
}

/// The clean text, where it differs.
fn string(sanitizer: &Sanitizer, key: &str, old: &str) -> Option<String> {
    let clean = match key {
        names::URL_FULL => sanitizer.url(old),
        _ => sanitizer.value(key, old),
    };
    changed(clean, old)
}

fn text(sanitizer: &Sanitizer, old: &mut Cow<'static, str>) {
    if let Some(new) = changed(sanitizer.text(old), old) {
        *old = Cow::Owned(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampling_context_passes_unharmed() {
        let dsc = "sentry-trace_id=0af7651916cd43dd8448eb211c80319c,\
            sentry-public_key=0123456789abcdef0123456789abcdef,sentry-sample_rate=0.25,\
            sentry-sampled=true,sentry-transaction=POST%20%2Fmcp";
        assert_eq!(string(&Sanitizer::default(), "sentry.dsc", dsc), None);
    }

    #[test]
    fn a_number_under_a_secrets_name_goes_too() {
        let mut pairs = [
            KeyValue::new("user.password", 1234_i64),
            KeyValue::new("size", 5_i64),
        ];
        attributes(&Sanitizer::default(), &mut pairs);
        assert_eq!(pairs[0].value.as_str(), telemetry_sanitizer::MARKER);
        assert_eq!(pairs[1].value, Value::I64(5));
    }
}
