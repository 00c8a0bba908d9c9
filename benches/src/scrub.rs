//! The scrub hook as an app joins it to the pipeline.

use std::borrow::Cow;

use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;
use telemetry_sanitizer::Sanitizer;

/// Cleans all text of a span: name, attributes, events, links and status message.
pub fn scrub(sanitizer: &Sanitizer, span: &mut SpanData) {
    text(sanitizer, &mut span.name);
    attributes(sanitizer, &mut span.attributes);
    for event in &mut span.events.events {
        text(sanitizer, &mut event.name);
        attributes(sanitizer, &mut event.attributes);
    }
    for link in &mut span.links.links {
        attributes(sanitizer, &mut link.attributes);
    }
    if let Status::Error { description } = &mut span.status {
        text(sanitizer, description);
    }
}

fn text(sanitizer: &Sanitizer, old: &mut Cow<'static, str>) {
    if let Cow::Owned(new) = sanitizer.text(old) {
        *old = Cow::Owned(new);
    }
}

fn attributes(sanitizer: &Sanitizer, attributes: &mut [KeyValue]) {
    for KeyValue { key, value, .. } in attributes {
        let key = key.as_str();
        match value {
            Value::String(text) => string(sanitizer, key, text),
            Value::Array(Array::String(texts)) => {
                texts.iter_mut().for_each(|it| string(sanitizer, key, it));
            }
            other if sanitizer.is_sensitive_key(key) => {
                *other = Value::String(sanitizer.value(key, "0").into_owned().into());
            }
            _ => {}
        }
    }
}

fn string(sanitizer: &Sanitizer, key: &str, old: &mut StringValue) {
    let clean = sanitizer.value(key, old.as_str());
    if *clean != *old.as_str() {
        *old = clean.into_owned().into();
    }
}
