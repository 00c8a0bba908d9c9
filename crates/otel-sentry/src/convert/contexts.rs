//! The contexts of a transaction: its own span, its resource, the response.
//!
//! Source: Sentry's "OpenTelemetry" SDK page; limits as measured against Relay.

use opentelemetry::KeyValue;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::data::{Data, Scalar, storable};
use super::hex::Hex;
use super::links::Links;
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
    pub(crate) trace_id: Hex<16>,
    pub(crate) span_id: Hex<8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_span_id: Option<Hex<8>>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<&'a RawValue>,
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

/// The attributes of the OpenTelemetry resource, as many as fit. Every payload of the process
/// has them, so they are JSON already.
#[derive(Debug)]
pub(crate) struct Resource(Option<Box<RawValue>>);

impl Resource {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(attributes: &[KeyValue]) -> Self {
        Self(to_raw_value(&Fitting(attributes)).ok())
    }

    pub(crate) fn json(&self) -> Option<&RawValue> {
        self.0.as_deref()
    }
}

struct Fitting<'a>(&'a [KeyValue]);

impl Serialize for Fitting<'_> {
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
        let json = serde_json::to_value(Resource::new(&resource).json()).unwrap();
        assert_eq!(json, json!({"service.name": "mcp", "host.cpus": 2}));
    }

    #[test]
    fn a_large_resource_keeps_its_service_within_the_limit() {
        let mut resource: Vec<_> = (0..100)
            .map(|n| KeyValue::new(format!("label.{n}"), "\u{1}\"é".repeat(300)))
            .collect();
        resource.push(KeyValue::new("service.name", "mcp"));
        resource.push(KeyValue::new("deployment.environment.name", "prod"));
        let text = Resource::new(&resource).json().unwrap().get().to_owned();
        assert!(text.len() <= MAX_RESOURCE_BYTES + 2, "{}", text.len());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["service.name"], "mcp");
        assert_eq!(json["deployment.environment.name"], "prod");
        assert!(json.as_object().unwrap().len() > 2, "others fill the rest");
    }
}
