//! Trace context in a message's `params._meta`.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use rmcp::model::{JsonObject, MetaObject};
use serde_json::Value;

/// Reads propagation fields from `_meta`, where they stand unprefixed (SEP-414).
/// Values that are no text are as good as absent.
pub(crate) struct MetaExtractor<'a>(pub(crate) &'a JsonObject);

impl Extractor for MetaExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// Writes propagation fields as they stand in `_meta`.
struct MetaInjector<'a>(&'a mut JsonObject);

impl Injector for MetaInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), Value::String(value));
    }
}

/// The fields with which the configured propagator carries a context in `_meta`; none where
/// the context has no valid span.
pub(crate) fn carry(context: &Context) -> JsonObject {
    let mut fields = JsonObject::new();
    if context.span().span_context().is_valid() {
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(context, &mut MetaInjector(&mut fields));
        });
    }
    fields
}

/// Fields that name a span. Whoever sets one of them propagates a trace himself.
const SPAN_FIELDS: [&str; 2] = ["traceparent", "sentry-trace"];

/// Takes out of `fields` what the sender has put into `_meta` himself. Where he has named a
/// span, nothing stays: the rest would be about another one.
pub(crate) fn yield_to(fields: &mut JsonObject, own: &JsonObject) {
    if SPAN_FIELDS.iter().any(|field| own.contains_key(*field)) {
        fields.clear();
    }
    fields.retain(|field, _| !own.contains_key(field));
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
    use serde_json::json;

    use super::*;

    #[test]
    fn a_context_without_a_span_is_not_carried() {
        assert_eq!(carry(&Context::new()), JsonObject::new());
    }

    #[test]
    fn what_the_sender_has_set_stays_his() {
        let ours = json!({ "traceparent": "t", "tracestate": "s", "baggage": "b" });
        for (own, left) in [
            (json!({}), ours.clone()),
            (json!({ "progressToken": 1 }), ours.clone()),
            (
                json!({ "baggage": "own" }),
                json!({ "traceparent": "t", "tracestate": "s" }),
            ),
            (json!({ "traceparent": "own" }), json!({})),
            (json!({ "sentry-trace": "own" }), json!({})),
            // What is no text is his, too.
            (json!({ "traceparent": 7 }), json!({})),
        ] {
            let mut fields = ours.as_object().unwrap().clone();
            yield_to(&mut fields, own.as_object().unwrap());
            assert_eq!(Value::Object(fields), left, "{own}");
        }
    }

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
