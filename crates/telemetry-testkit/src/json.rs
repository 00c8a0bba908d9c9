//! Reading fields out of JSON objects, with errors that name the place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::problem::ParseError;

/// A JSON object and what it is called in errors.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    place: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// Takes an object; `place` is what it is called, for example `transaction.spans[3]`.
    pub(crate) fn of(place: impl Into<String>, value: &'a Value) -> Result<Self, ParseError> {
        let place = place.into();
        match value {
            Value::Object(map) => Ok(Self { place, map }),
            other => Err(ParseError::Field {
                place,
                field: "*".to_owned(),
                expected: "an object",
                found: kind_of(other).to_owned(),
            }),
        }
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The value of a field; null counts as absent.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    pub(crate) fn wrong(&self, field: &str, expected: &'static str) -> ParseError {
        ParseError::Field {
            place: self.place.clone(),
            field: field.to_owned(),
            expected,
            found: self.map.get(field).map_or("nothing", kind_of).to_owned(),
        }
    }

    fn read<T>(
        &self,
        field: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        match self.get(field) {
            None => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| self.wrong(field, expected)),
        }
    }

    fn need<T>(
        &self,
        field: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, ParseError> {
        self.get(field)
            .and_then(read)
            .ok_or_else(|| self.wrong(field, expected))
    }

    pub(crate) fn text(&self, field: &str) -> Result<Option<String>, ParseError> {
        self.read(field, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn need_text(&self, field: &str) -> Result<String, ParseError> {
        self.need(field, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn count(&self, field: &str) -> Result<Option<u64>, ParseError> {
        self.read(field, "an unsigned integer", Value::as_u64)
    }

    pub(crate) fn need_count(&self, field: &str) -> Result<u64, ParseError> {
        self.need(field, "an unsigned integer", Value::as_u64)
    }

    pub(crate) fn need_number(&self, field: &str) -> Result<f64, ParseError> {
        self.need(field, "a number", Value::as_f64)
    }

    pub(crate) fn flag(&self, field: &str) -> Result<Option<bool>, ParseError> {
        self.read(field, "a boolean", Value::as_bool)
    }

    /// A time as seconds since 1970: a number, or RFC 3339 text.
    pub(crate) fn time(&self, field: &str) -> Result<Option<f64>, ParseError> {
        self.read(field, "seconds or RFC 3339 text", seconds)
    }

    pub(crate) fn need_time(&self, field: &str) -> Result<f64, ParseError> {
        self.need(field, "seconds or RFC 3339 text", seconds)
    }

    /// A trace id: 32 hex digits, not all zero. Returned in lower case, without dashes.
    pub(crate) fn trace_id(&self, field: &str) -> Result<Option<String>, ParseError> {
        self.read(field, "32 hex digits", |value| hex_id(value, 32))
    }

    pub(crate) fn need_trace_id(&self, field: &str) -> Result<String, ParseError> {
        self.need(field, "32 hex digits", |value| hex_id(value, 32))
    }

    /// A span id: 16 hex digits, not all zero. Returned in lower case.
    pub(crate) fn span_id(&self, field: &str) -> Result<Option<String>, ParseError> {
        self.read(field, "16 hex digits", |value| hex_id(value, 16))
    }

    pub(crate) fn need_span_id(&self, field: &str) -> Result<String, ParseError> {
        self.need(field, "16 hex digits", |value| hex_id(value, 16))
    }

    /// An object as a sorted map; empty when absent.
    pub(crate) fn map(&self, field: &str) -> Result<BTreeMap<String, Value>, ParseError> {
        let map = self.read(field, "an object", Value::as_object)?;
        Ok(map.map(sorted).unwrap_or_default())
    }

    /// A list; empty when absent.
    pub(crate) fn list(&self, field: &str) -> Result<&'a [Value], ParseError> {
        let list = self.read(field, "a list", Value::as_array)?;
        Ok(list.map(Vec::as_slice).unwrap_or_default())
    }

    /// A list of objects, each with its place; empty when absent.
    pub(crate) fn objects(&self, field: &str) -> Result<Vec<Fields<'a>>, ParseError> {
        self.list(field)?
            .iter()
            .enumerate()
            .map(|(index, value)| Fields::of(format!("{}.{field}[{index}]", self.place), value))
            .collect()
    }

    /// A nested object.
    pub(crate) fn object(&self, field: &str) -> Result<Option<Fields<'a>>, ParseError> {
        self.get(field)
            .map(|value| Fields::of(format!("{}.{field}", self.place), value))
            .transpose()
    }

    /// Sentry tags: an object, or a list of `[key, value]` pairs. Scalars become text.
    pub(crate) fn tags(&self) -> Result<BTreeMap<String, String>, ParseError> {
        let expected = "an object or a list of pairs";
        match self.get("tags") {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(map)) => {
                Ok(map.iter().map(|(k, v)| (k.clone(), plain(v))).collect())
            }
            Some(Value::Array(pairs)) => pairs
                .iter()
                .map(|pair| match pair.as_array().map(Vec::as_slice) {
                    Some([Value::String(key), value]) => Some((key.clone(), plain(value))),
                    _ => None,
                })
                .collect::<Option<_>>()
                .ok_or_else(|| self.wrong("tags", expected)),
            Some(_) => Err(self.wrong("tags", expected)),
        }
    }

    /// The object itself, as a value of its own.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.map.clone())
    }
}

/// Parses JSON; `place` is what it is called in errors.
pub(crate) fn parse(place: impl Into<String>, bytes: &[u8]) -> Result<Value, ParseError> {
    serde_json::from_slice(bytes).map_err(|error| ParseError::Json {
        place: place.into(),
        reason: describe(&error),
    })
}

/// What a JSON error says, without quoting the input.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "read error",
        serde_json::error::Category::Syntax => "syntax error",
        serde_json::error::Category::Data => "wrong shape",
        serde_json::error::Category::Eof => "it ends too early",
    };
    format!("{kind} at line {} column {}", error.line(), error.column())
}

pub(crate) fn sorted(map: &Map<String, Value>) -> BTreeMap<String, Value> {
    map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Lower-case hex of exactly `digits` digits, dashes left out; `None` when it is not that or zero.
pub(crate) fn hex_text(text: &str, digits: usize) -> Option<String> {
    let hex: String = text
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let sound = hex.len() == digits
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
        && hex.bytes().any(|b| b != b'0');
    sound.then_some(hex)
}

fn hex_id(value: &Value, digits: usize) -> Option<String> {
    hex_text(value.as_str()?, digits)
}

fn seconds(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            Some(time.unix_timestamp() as f64 + f64::from(time.nanosecond()) / 1e9)
        }
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_numbers_or_rfc_3339() {
        let value = json!({"a": 1.5, "b": "1970-01-01T00:00:02.250Z", "c": "soon", "d": null});
        let fields = Fields::of("x", &value).unwrap();
        assert_eq!(fields.need_time("a").unwrap(), 1.5);
        assert_eq!(fields.need_time("b").unwrap(), 2.25);
        assert_eq!(fields.time("d").unwrap(), None);
        let error = fields.need_time("c").unwrap_err().to_string();
        assert_eq!(
            error,
            "x.c: expected seconds or RFC 3339 text, found a string"
        );
    }

    #[test]
    fn ids_are_hex_of_the_right_length_and_not_zero() {
        assert_eq!(hex_text("00AB", 4).as_deref(), Some("00ab"));
        assert_eq!(hex_text("00-ab", 4).as_deref(), Some("00ab"));
        assert_eq!(hex_text("0000", 4), None);
        assert_eq!(hex_text("00a", 4), None);
        assert_eq!(hex_text("00xz", 4), None);
    }

    #[test]
    fn tags_come_as_object_or_pairs() {
        let object = json!({"tags": {"a": "1", "b": true}});
        let pairs = json!({"tags": [["a", "1"], ["b", true]]});
        let wrong = json!({"tags": [["a"]]});
        let read = |v: &Value| Fields::of("x", v).unwrap().tags();
        assert_eq!(read(&object).unwrap(), read(&pairs).unwrap());
        assert!(read(&wrong).is_err());
    }

    #[test]
    fn errors_do_not_quote_the_input() {
        let error = parse("the header", b"{\"token\": hunter2}").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
