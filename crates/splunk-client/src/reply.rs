//! Reading Splunk's JSON: lists of entries, and fields that may be numbers or texts.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::message::{Secrets, SplunkMessage};

/// An answer that a call can be decoded into.
pub(crate) trait Reply: Sized {
    /// Reads the body of a successful answer. The error says what was not as expected, without quoting the body.
    fn decode(body: &[u8], secrets: &Secrets<'_>) -> Result<Self, String>;

    /// How many rows or entries it has, where it is a list.
    fn count(&self) -> Option<usize> {
        None
    }

    /// Messages by which a successful answer says that the call failed.
    fn failure(&self) -> Option<Vec<SplunkMessage>> {
        None
    }
}

/// One entry of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) content: Map<String, Value>,
}

#[derive(Deserialize)]
struct Feed {
    entry: Vec<Entry>,
}

/// The entries of a list.
pub(crate) fn entries(body: &[u8]) -> Result<Vec<Entry>, String> {
    let feed: Feed = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    Ok(feed.entry)
}

/// The only entry of a list.
pub(crate) fn entry(body: &[u8]) -> Result<Entry, String> {
    let first = entries(body)?.into_iter().next();
    first.ok_or_else(|| "the list of entries is empty".to_owned())
}

/// Says where a body stops being what it should be. serde's own text may quote the body, so it stays out.
pub(crate) fn not_json(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "is not JSON",
        serde_json::error::Category::Data => "is JSON of another shape",
        serde_json::error::Category::Eof => "is JSON that ends too early",
    };
    format!(
        "the body {kind} (line {}, column {})",
        error.line(),
        error.column()
    )
}

impl Entry {
    /// A field as text; numbers are printed.
    pub(crate) fn text(&self, field: &str) -> Option<String> {
        match self.content.get(field)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A field as a whole number; some versions of Splunk send it as text, or with a fraction.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        match self.content.get(field)? {
            Value::Number(number) => number
                .as_u64()
                .or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A field as a truth value; some versions of Splunk send 1 and 0.
    pub(crate) fn flag(&self, field: &str) -> Option<bool> {
        match self.content.get(field)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => Some(number.as_f64() != Some(0.0)),
            Value::String(text) => match text.as_str() {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A field as a list of texts.
    pub(crate) fn texts(&self, field: &str) -> Vec<String> {
        let values = self.content.get(field).and_then(Value::as_array);
        values
            .into_iter()
            .flatten()
            .filter_map(|value| value.as_str().map(ToOwned::to_owned))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(content: Value) -> Entry {
        serde_json::from_value(json!({"name": "x", "content": content})).unwrap()
    }

    #[test]
    fn reads_fields_of_any_make() {
        let entry = of(json!({
            "n": 5, "t": "6", "f": 7.9, "neg": -1, "word": "many",
            "yes": true, "one": 1, "zero": "0", "list": ["a", 1, "b"], "empty": "",
        }));
        assert_eq!(entry.number("n"), Some(5));
        assert_eq!(entry.number("t"), Some(6));
        assert_eq!(entry.number("f"), Some(7));
        assert_eq!(entry.number("neg"), None);
        assert_eq!(entry.number("word"), None);
        assert_eq!(entry.text("n").as_deref(), Some("5"));
        assert_eq!(entry.text("empty"), None);
        assert_eq!(entry.flag("yes"), Some(true));
        assert_eq!(entry.flag("one"), Some(true));
        assert_eq!(entry.flag("zero"), Some(false));
        assert_eq!(entry.flag("word"), None);
        assert_eq!(entry.texts("list"), ["a", "b"]);
        assert_eq!(entry.texts("missing"), Vec::<String>::new());
    }

    #[test]
    fn says_what_is_wrong_without_quoting() {
        for (body, expected) in [
            ("hunter2", "the body is not JSON (line 1, column 1)"),
            ("{\"entry\": \"hunter2\"}", "is JSON of another shape"),
            ("{\"entry\": [", "is JSON that ends too early"),
            ("{\"entry\": []}", "the list of entries is empty"),
        ] {
            let error = entry(body.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"));
        }
    }
}
