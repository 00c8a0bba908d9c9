//! The contexts of a transaction: its own span, its resource, the response.
//!
//! Source: Sentry's "OpenTelemetry" SDK page; limits as measured against Relay.

use opentelemetry::KeyValue;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::data::{Data, Scalar, storable};
use super::links::Links;
use super::transaction::Hex;
use super::{cut_bytes, data, size};

/// Relay keeps 8,192 bytes of `contexts.otel` in all, and drops `resource` when it does not fit.
pub(crate) const MAX_RESOURCE_BYTES: usize = 8_000;
/// Strings of the resource are cut at so many bytes.
const MAX_RESOURCE_VALUE_BYTES: usize = 1_024;
/// These go first, so that a large resource keeps them.
const FIRST: [&str; 3] = ["service.", "deployment.", "telemetry."];

/// `contexts` of a transaction.
#[derive(Serialize)]
pub(crate) struct Contexts<'a> {
    pub(crate) trace: Trace<'a>,
    pub(crate) otel: Otel<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<Response>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<Profile<'a>>,
}

/// The root span.
#[derive(Serialize)]
pub(crate) struct Trace<'a> {
    pub(crate) trace_id: Hex<opentelemetry::TraceId>,
    pub(crate) span_id: Hex<opentelemetry::SpanId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_span_id: Option<Hex<opentelemetry::SpanId>>,
    pub(crate) op: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
    pub(crate) status: &'static str,
    pub(crate) origin: &'a str,
    pub(crate) data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<Links<'a>>,
}

/// What made the span.
#[derive(Serialize)]
pub(crate) struct Otel<'a> {
    pub(crate) resource: Resource<'a>,
}

/// The status code of an HTTP server's answer.
#[derive(Serialize)]
pub(crate) struct Response {
    pub(crate) status_code: i64,
}

/// The profile that the transaction belongs to.
#[derive(Serialize)]
pub(crate) struct Profile<'a> {
    pub(crate) profiler_id: &'a str,
}

/// The resource's attributes, as many as fit.
pub(crate) struct Resource<'a>(pub(crate) &'a [KeyValue]);

impl Serialize for Resource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut room = MAX_RESOURCE_BYTES;
        let mut map = serializer.serialize_map(None)?;
        for first in [true, false] {
            for KeyValue { key, value, .. } in storable(self.0) {
                let key = key.as_str();
                if FIRST.iter().any(|prefix| key.starts_with(prefix)) != first {
                    continue;
                }
                let text = data::text(value);
                let text = cut_bytes(&text, MAX_RESOURCE_VALUE_BYTES);
                let bytes = size::quoted(key) + size::quoted(text) + 2;
                let Some(left) = room.checked_sub(bytes) else {
                    continue;
                };
                room = left;
                map.serialize_entry(
                    key,
                    &Scalar {
                        value,
                        limit: MAX_RESOURCE_VALUE_BYTES,
                    },
                )?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_small_resource_is_kept_whole() {
        let resource = [
            KeyValue::new("host.cpus", 2_i64),
            KeyValue::new("service.name", "mcp"),
        ];
        let json = serde_json::to_value(Resource(&resource)).unwrap();
        assert_eq!(json, json!({"service.name": "mcp", "host.cpus": 2}));
    }

    #[test]
    fn a_large_resource_keeps_its_service_within_the_limit() {
        let mut resource: Vec<_> = (0..100)
            .map(|n| KeyValue::new(format!("label.{n}"), "\u{1}\"é".repeat(300)))
            .collect();
        resource.push(KeyValue::new("service.name", "mcp"));
        resource.push(KeyValue::new("deployment.environment.name", "prod"));
        let text = serde_json::to_string(&Resource(&resource)).unwrap();
        assert!(text.len() <= MAX_RESOURCE_BYTES + 2, "{}", text.len());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["service.name"], "mcp");
        assert_eq!(json["deployment.environment.name"], "prod");
        assert!(json.as_object().unwrap().len() > 2, "others fill the rest");
    }
}
