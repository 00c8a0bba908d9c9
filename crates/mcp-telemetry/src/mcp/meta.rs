//! Trace context in a request's `params._meta`.

use opentelemetry::propagation::Extractor;
use opentelemetry::trace::SpanContext;
use rmcp::model::{JsonObject, MetaObject};

/// Reads propagation fields from `_meta`, where they stand unprefixed (SEP-414).
/// Values that are no text are as good as absent.
pub(crate) struct MetaExtractor<'a>(pub(crate) &'a JsonObject);

impl Extractor for MetaExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(serde_json::Value::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// Writes into a result's `_meta` which span it came from, in the form of a `traceparent`,
/// unless the handler has written one.
pub(crate) fn mark(meta: &mut Option<MetaObject>, span: &SpanContext) {
    let meta = meta.get_or_insert_default();
    if meta.get_traceparent().is_none() {
        meta.set_traceparent(format!(
            "00-{}-{}-{:02x}",
            span.trace_id(),
            span.span_id(),
            span.trace_flags().to_u8() & 1
        ));
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    #[test]
    fn a_mark_is_a_traceparent_and_never_replaces_one() {
        let span = SpanContext::new(
            TraceId::from(0xab),
            SpanId::from(0xcd),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        );
        let mut meta = None;
        mark(&mut meta, &span);
        let written = "00-000000000000000000000000000000ab-00000000000000cd-01";
        assert_eq!(meta.as_ref().unwrap().get_traceparent(), Some(written));

        let mut meta = Some(MetaObject::new());
        meta.as_mut().unwrap().set_traceparent("own");
        mark(&mut meta, &span);
        assert_eq!(meta.unwrap().get_traceparent(), Some("own"));
    }
}
