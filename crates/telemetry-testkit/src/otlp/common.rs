//! What all OTLP signals share: resource, scope, attributes, ids.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any,
};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use serde_json::Value;

use crate::problem::ParseError;

/// Attributes of a resource, by key.
pub type Resource = BTreeMap<String, Value>;

/// The instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Scope {
    /// Name.
    pub name: String,
    /// Version; empty when there is none.
    pub version: String,
    /// Attributes.
    pub attributes: BTreeMap<String, Value>,
}

/// The path an OTLP request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtlpRoute {
    /// `/v1/{traces,logs,metrics}`.
    Plain,
    /// `/api/<project>/integration/otlp/v1/{traces,logs}`.
    Sentry,
}

pub(super) fn scope(scope: Option<InstrumentationScope>) -> Scope {
    scope.map_or_else(Scope::default, |scope| Scope {
        name: scope.name,
        version: scope.version,
        attributes: attributes(scope.attributes),
    })
}

pub(super) fn resource(resource: Option<ProtoResource>) -> Resource {
    resource.map_or_else(Resource::new, |resource| attributes(resource.attributes))
}

/// Attributes by key; of two with the same key the last one stays.
pub(super) fn attributes(attributes: Vec<KeyValue>) -> BTreeMap<String, Value> {
    attributes
        .into_iter()
        .map(|attribute| (attribute.key, any(attribute.value)))
        .collect()
}

/// An attribute's value as JSON. Bytes become lower-case hex; `NaN` and infinities become the text
/// that protobuf's JSON mapping uses.
pub(super) fn any(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => Value::String(text),
        Some(Any::BoolValue(flag)) => Value::Bool(flag),
        Some(Any::IntValue(number)) => Value::from(number),
        Some(Any::DoubleValue(number)) => double(number),
        Some(Any::ArrayValue(list)) => list.values.into_iter().map(|v| any(Some(v))).collect(),
        Some(Any::KvlistValue(list)) => attributes(list.values).into_iter().collect(),
        Some(Any::BytesValue(bytes)) => Value::String(hex(&bytes)),
        // An index into a dictionary that only profiles have.
        Some(Any::StringValueStrindex(_)) | None => Value::Null,
    }
}

fn double(number: f64) -> Value {
    if number.is_nan() {
        Value::from("NaN")
    } else if number.is_infinite() {
        Value::from(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
    } else {
        Value::from(number)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// An id that must be there: `length` bytes, not all zero. As lower-case hex.
pub(super) fn need_id(
    place: &str,
    field: &str,
    bytes: &[u8],
    length: usize,
) -> Result<String, ParseError> {
    if bytes.len() == length && bytes.iter().any(|byte| *byte != 0) {
        return Ok(hex(bytes));
    }
    Err(ParseError::Field {
        place: place.to_owned(),
        field: field.to_owned(),
        expected: if length == 16 {
            "16 bytes, not all zero"
        } else {
            "8 bytes, not all zero"
        },
        found: if bytes.len() == length {
            "zeros".to_owned()
        } else {
            format!("{} bytes", bytes.len())
        },
    })
}

/// An id that may be absent: empty or all zero.
pub(super) fn id(
    place: &str,
    field: &str,
    bytes: &[u8],
    length: usize,
) -> Result<Option<String>, ParseError> {
    let absent = bytes.is_empty() || (bytes.len() == length && bytes.iter().all(|b| *b == 0));
    if absent {
        return Ok(None);
    }
    need_id(place, field, bytes, length).map(Some)
}
