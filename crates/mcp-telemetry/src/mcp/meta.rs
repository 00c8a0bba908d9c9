//! Trace context in a request's `params._meta`.

use opentelemetry::propagation::Extractor;
use rmcp::model::JsonObject;

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
