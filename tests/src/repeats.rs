//! Keys that stand twice in one object: JSON parsers keep one of them without a word.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use prost::Message as _;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The keys that stand more than once in one object of a JSON text.
///
/// # Errors
///
/// Where the text is no JSON.
pub fn in_json(text: &[u8]) -> serde_json::Result<Vec<String>> {
    let repeats = RefCell::default();
    let mut reader = serde_json::Deserializer::from_slice(text);
    Walk(&repeats).deserialize(&mut reader)?;
    reader.end()?;
    Ok(repeats.into_inner())
}

/// The attributes that stand more than once on one resource, scope, span, event or link of
/// an OTLP request in protobuf.
///
/// # Errors
///
/// Where the request is no such thing.
pub fn in_otlp_spans(body: &[u8]) -> Result<Vec<String>, prost::DecodeError> {
    let request = ExportTraceServiceRequest::decode(body)?;
    let mut repeats = Vec::new();
    for resource_spans in &request.resource_spans {
        if let Some(resource) = &resource_spans.resource {
            repeated("resource", &resource.attributes, &mut repeats);
        }
        for scope_spans in &resource_spans.scope_spans {
            if let Some(scope) = &scope_spans.scope {
                repeated(&scope.name, &scope.attributes, &mut repeats);
            }
            for span in &scope_spans.spans {
                repeated(&span.name, &span.attributes, &mut repeats);
                for event in &span.events {
                    repeated(&event.name, &event.attributes, &mut repeats);
                }
                for link in &span.links {
                    repeated("link", &link.attributes, &mut repeats);
                }
            }
        }
    }
    Ok(repeats)
}

fn repeated(of: &str, attributes: &[KeyValue], repeats: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for attribute in attributes {
        if !seen.insert(&attribute.key) {
            repeats.push(format!("{of}: {}", attribute.key));
        }
    }
}

/// Walks through a JSON value and notes repeated keys.
#[derive(Clone, Copy)]
struct Walk<'a>(&'a RefCell<Vec<String>>);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(self)?;
            if !seen.insert(key.clone()) {
                self.0.borrow_mut().push(key);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

    use super::*;

    #[test]
    fn repeated_keys_are_found_at_any_depth() {
        let once = br#"{"a": {"a": 1}, "b": [{"a": null}, {"a": true}], "c": "x", "d": -1.5}"#;
        assert!(in_json(once).unwrap().is_empty());
        let twice = br#"{"a": [{"b": {"c": 1, "d": 2, "c": 3}}], "a": 1}"#;
        assert_eq!(in_json(twice).unwrap(), ["c", "a"]);
        assert!(in_json(b"{} {}").is_err());
    }

    #[test]
    fn repeated_attributes_are_found() {
        let attribute = |key: &str| KeyValue {
            key: key.to_owned(),
            ..KeyValue::default()
        };
        let request = |keys: &[&str]| {
            let span = Span {
                name: "s".to_owned(),
                attributes: keys.iter().copied().map(attribute).collect(),
                ..Span::default()
            };
            let scope_spans = ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            };
            let resource_spans = ResourceSpans {
                scope_spans: vec![scope_spans],
                ..ResourceSpans::default()
            };
            ExportTraceServiceRequest {
                resource_spans: vec![resource_spans],
            }
            .encode_to_vec()
        };
        assert!(in_otlp_spans(&request(&["a", "b"])).unwrap().is_empty());
        assert_eq!(in_otlp_spans(&request(&["a", "b", "a"])).unwrap(), ["s: a"]);
    }
}
