//! Attributes as the scalars that Sentry stores.
//!
//! The receiver keeps strings, numbers and booleans as they are; it turns lists into text and notes
//! an error, and drops what is not a finite number. So lists are written as JSON text here, and
//! numbers that are not finite are left out. Of several attributes with one key the last counts.

use std::borrow::Cow;
use std::collections::HashSet;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Known, cut_bytes, keys};

/// More attributes than this are left out, the first ones first. OpenTelemetry's own limit is 128.
pub(crate) const MAX_ATTRIBUTES: usize = 512;
/// Attributes with a longer key are left out.
pub(crate) const MAX_KEY_BYTES: usize = 200;
/// Up to so many attributes, duplicates are found by comparing each with each.
const FEW: usize = 64;

/// The value as JSON: a scalar, or the text of a list. Strings are cut at `limit` bytes.
pub(crate) struct Scalar<'a> {
    pub(crate) value: &'a Value,
    pub(crate) limit: usize,
}

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I64(value) => serializer.serialize_i64(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            other => serializer.serialize_str(cut_bytes(&text(other), self.limit)),
        }
    }
}

/// The value as text; a list as JSON.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Array(array) => Cow::Owned(list(array)),
        other => Cow::Owned(other.to_string()),
    }
}

fn list(array: &Array) -> String {
    match array {
        Array::Bool(items) => serde_json::to_string(items),
        Array::I64(items) => serde_json::to_string(items),
        Array::F64(items) => serde_json::to_string(items),
        Array::String(items) => {
            serde_json::to_string(&items.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
        }
        // A kind of list that this version of OpenTelemetry does not have.
        other => Ok(other.to_string()),
    }
    .unwrap_or_default()
}

/// Whether the receiver keeps such a value.
fn is_storable(value: &Value) -> bool {
    !matches!(value, Value::F64(number) if !number.is_finite())
}

/// The attributes to write, each key once.
pub(crate) fn storable(attributes: &[KeyValue]) -> impl Iterator<Item = &KeyValue> {
    let mut seen = (attributes.len() > FEW).then(HashSet::new);
    // Backwards, since the last of a key counts.
    let indexed = attributes.iter().enumerate().rev();
    indexed
        .filter(move |(index, attribute)| {
            let key = attribute.key.as_str();
            match &mut seen {
                Some(seen) => seen.insert(key),
                None => !attributes
                    .iter()
                    .skip(index + 1)
                    .any(|later| later.key.as_str() == key),
            }
        })
        .map(|(_, attribute)| attribute)
        .filter(|attribute| {
            let key = attribute.key.as_str();
            !key.is_empty() && key.len() <= MAX_KEY_BYTES && is_storable(&attribute.value)
        })
        .take(MAX_ATTRIBUTES)
}

/// Attributes as a JSON object.
pub(crate) struct Attributes<'a> {
    pub(crate) attributes: &'a [KeyValue],
    pub(crate) limit: usize,
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for KeyValue { key, value, .. } in storable(self.attributes) {
            map.serialize_entry(
                key.as_str(),
                &Scalar {
                    value,
                    limit: self.limit,
                },
            )?;
        }
        map.end()
    }
}

/// The `data` of a span: its attributes without those that became fields, its kind, and the
/// description of an error.
pub(crate) struct Data<'a> {
    pub(crate) span: &'a SpanData,
    pub(crate) known: &'a Known<'a>,
    /// Strings are cut at so many bytes.
    pub(crate) limit: usize,
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut has_kind = false;
        for KeyValue { key, value, .. } in storable(&self.span.attributes) {
            let key = key.as_str();
            if keys::is_field(key) {
                continue;
            }
            has_kind |= key == keys::KIND;
            map.serialize_entry(
                key,
                &Scalar {
                    value,
                    limit: self.limit,
                },
            )?;
        }
        if !has_kind {
            map.serialize_entry(keys::KIND, kind(&self.span.span_kind))?;
        }
        if let Some(message) = error_message(self.span, self.known) {
            map.serialize_entry(keys::STATUS_MESSAGE, cut_bytes(message, self.limit))?;
        }
        map.end()
    }
}

/// The description of an error status, unless an attribute already says it.
pub(crate) fn error_message<'a>(span: &'a SpanData, known: &Known<'_>) -> Option<&'a str> {
    match &span.status {
        Status::Error { description } if !description.is_empty() && !known.has_status_message => {
            Some(description)
        }
        _ => None,
    }
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::testing::span;
    use opentelemetry::StringValue;
    use serde_json::{Value as Json, json};

    fn data(span: &SpanData) -> Json {
        let known = Known::of(&span.attributes);
        let data = Data {
            span,
            known: &known,
            limit: usize::MAX,
        };
        serde_json::from_str(&serde_json::to_string(&data).unwrap()).unwrap()
    }

    #[test]
    fn values_table() {
        let strings = |items: &[&'static str]| {
            Value::Array(Array::String(
                items.iter().map(|item| StringValue::from(*item)).collect(),
            ))
        };
        let rows = [
            (Value::from(true), json!(true)),
            (Value::from(i64::MIN), json!(i64::MIN)),
            (Value::from(i64::MAX), json!(i64::MAX)),
            (Value::from(0.5), json!(0.5)),
            (Value::from("a\"b\n"), json!("a\"b\n")),
            (strings(&["a", "b\""]), json!(r#"["a","b\""]"#)),
            (strings(&[]), json!("[]")),
            (Value::Array(vec![1_i64, -2].into()), json!("[1,-2]")),
            (
                Value::Array(vec![true, false].into()),
                json!("[true,false]"),
            ),
            (
                Value::Array(vec![0.5, f64::NAN].into()),
                json!("[0.5,null]"),
            ),
        ];
        for (value, expected) in rows {
            let scalar = Scalar {
                value: &value,
                limit: usize::MAX,
            };
            assert_eq!(serde_json::to_value(&scalar).unwrap(), expected);
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_left_out() {
        let mut span = span(1, 0);
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            span.attributes = vec![KeyValue::new("x", number), KeyValue::new("y", 1.5)];
            assert_eq!(data(&span), json!({"y": 1.5, "sentry.kind": "internal"}));
        }
    }

    #[test]
    fn the_last_duplicate_counts_among_few_and_many() {
        for filler in [0, FEW] {
            let mut attributes = vec![KeyValue::new("a", 1_i64), KeyValue::new("b", 0_i64)];
            attributes.extend((0..filler).map(|n| KeyValue::new(format!("f{n}"), 1_i64)));
            attributes.push(KeyValue::new("a", 2_i64));
            let text = serde_json::to_string(&Attributes {
                attributes: &attributes,
                limit: usize::MAX,
            })
            .unwrap();
            assert_eq!(text.matches("\"a\":").count(), 1);
            let json: Json = serde_json::from_str(&text).unwrap();
            assert_eq!((&json["a"], &json["b"]), (&json!(2), &json!(0)));
        }
    }

    #[test]
    fn fields_are_not_repeated_and_other_sentry_attributes_stay() {
        let mut span = span(1, 0);
        span.attributes = [
            keys::OP,
            keys::ORIGIN,
            keys::STATUS,
            keys::DESCRIPTION,
            keys::CUSTOM_SPAN_NAME,
            keys::SEGMENT_NAME_SOURCE,
            keys::SPAN_SOURCE,
            keys::SOURCE,
            crate::dsc::DSC_ATTRIBUTE,
            "sentry.release",
            "sentry.kind",
            "mcp.tool.name",
            "",
        ]
        .map(|key| KeyValue::new(key, "v"))
        .to_vec();
        let expected = json!({"sentry.release": "v", "sentry.kind": "v", "mcp.tool.name": "v"});
        assert_eq!(data(&span), expected);
    }

    #[test]
    fn an_errors_description_is_data() {
        let mut span = span(1, 0);
        span.status = Status::error("it broke");
        assert_eq!(data(&span)["sentry.status.message"], "it broke");
        span.attributes = vec![KeyValue::new("sentry.status.message", "told")];
        assert_eq!(data(&span)["sentry.status.message"], "told");
    }

    #[test]
    fn too_many_and_too_long_are_left_out() {
        let mut attributes: Vec<_> = (0..MAX_ATTRIBUTES + 10)
            .map(|n| KeyValue::new(format!("k{n}"), 1_i64))
            .collect();
        attributes.push(KeyValue::new("x".repeat(MAX_KEY_BYTES + 1), 1_i64));
        assert_eq!(storable(&attributes).count(), MAX_ATTRIBUTES);
        let value = Value::from("é".repeat(10));
        let scalar = Scalar {
            value: &value,
            limit: 5,
        };
        assert_eq!(serde_json::to_value(&scalar).unwrap(), json!("éé"));
    }
}
