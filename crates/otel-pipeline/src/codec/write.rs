//! Writing a span into a byte buffer, on the thread that ended it.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanKind, Status};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::tag;

/// Appends `span` to `out`, with its length in front.
///
/// Nothing is allocated but the growth of `out`: numbers are copied as they are,
/// texts with their length in front.
pub(crate) fn write(span: &SpanData, out: &mut Vec<u8>) {
    let start = out.len();
    u32_of(out, 0);
    context(out, &span.span_context);
    out.extend_from_slice(&span.parent_span_id.to_bytes());
    out.push(u8::from(span.parent_span_is_remote));
    out.push(kind(&span.span_kind));
    text(out, &span.name);
    time(out, span.start_time);
    time(out, span.end_time);
    attributes(out, &span.attributes, span.dropped_attributes_count);
    u32_of(out, span.events.events.len());
    for event in &span.events.events {
        text(out, &event.name);
        time(out, event.timestamp);
        attributes(out, &event.attributes, event.dropped_attributes_count);
    }
    out.extend_from_slice(&span.events.dropped_count.to_le_bytes());
    u32_of(out, span.links.links.len());
    for link in &span.links.links {
        context(out, &link.span_context);
        attributes(out, &link.attributes, link.dropped_attributes_count);
    }
    out.extend_from_slice(&span.links.dropped_count.to_le_bytes());
    match &span.status {
        Status::Unset => out.push(tag::UNSET),
        Status::Ok => out.push(tag::OK),
        Status::Error { description } => {
            out.push(tag::ERROR);
            text(out, description);
        }
    }
    let scope = &span.instrumentation_scope;
    text(out, scope.name());
    optional_text(out, scope.version());
    optional_text(out, scope.schema_url());
    u32_of(out, scope.attributes().count());
    scope.attributes().for_each(|pair| key_value(out, pair));

    let length = length_of(out.len() - start - 4).to_le_bytes();
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length);
    }
}

/// Appends an attribute alone.
pub(crate) fn write_attribute(attribute: &KeyValue, out: &mut Vec<u8>) {
    key_value(out, attribute);
}

fn context(out: &mut Vec<u8>, context: &SpanContext) {
    out.extend_from_slice(&context.trace_id().to_bytes());
    out.extend_from_slice(&context.span_id().to_bytes());
    out.push(context.trace_flags().to_u8());
    out.push(u8::from(context.is_remote()));
    let state = context.trace_state();
    let count_at = out.len();
    out.push(0);
    let mut count: u8 = 0;
    // W3C allows 32 list members; what is above 255 cannot have come from a valid header.
    for (key, value) in state.into_iter().take(usize::from(u8::MAX)) {
        text(out, key);
        text(out, value);
        count += 1;
    }
    if let Some(place) = out.get_mut(count_at) {
        *place = count;
    }
}

fn attributes(out: &mut Vec<u8>, attributes: &[KeyValue], dropped: u32) {
    u32_of(out, attributes.len());
    attributes.iter().for_each(|pair| key_value(out, pair));
    out.extend_from_slice(&dropped.to_le_bytes());
}

fn key_value(out: &mut Vec<u8>, pair: &KeyValue) {
    text(out, pair.key.as_str());
    value(out, &pair.value);
}

/// Appends the type of a value and the value.
fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(v) => out.extend_from_slice(&[tag::BOOL, u8::from(*v)]),
        Value::I64(v) => {
            out.push(tag::I64);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::F64(v) => {
            out.push(tag::F64);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::String(v) => {
            out.push(tag::STRING);
            text(out, v.as_str());
        }
        Value::Array(v) => array(out, v),
        // `Value` may grow: what this version does not know travels as its text.
        other => {
            out.push(tag::STRING);
            text(out, &other.as_str());
        }
    }
}

fn array(out: &mut Vec<u8>, array: &Array) {
    match array {
        Array::Bool(items) => {
            out.push(tag::BOOLS);
            u32_of(out, items.len());
            items.iter().for_each(|v| out.push(u8::from(*v)));
        }
        Array::I64(items) => {
            out.push(tag::I64S);
            u32_of(out, items.len());
            items
                .iter()
                .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        }
        Array::F64(items) => {
            out.push(tag::F64S);
            u32_of(out, items.len());
            items
                .iter()
                .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        }
        Array::String(items) => {
            out.push(tag::STRINGS);
            u32_of(out, items.len());
            items.iter().for_each(|v| text(out, v.as_str()));
        }
        other => {
            out.push(tag::STRING);
            text(out, &other.to_string());
        }
    }
}

fn time(out: &mut Vec<u8>, at: SystemTime) {
    let nanos = at.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    out.extend_from_slice(&nanos.to_le_bytes());
}

fn optional_text(out: &mut Vec<u8>, value: Option<&str>) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        text(out, value);
    }
}

fn text(out: &mut Vec<u8>, value: &str) {
    u32_of(out, value.len());
    out.extend_from_slice(value.as_bytes());
}

fn u32_of(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&length_of(value).to_le_bytes());
}

/// Lengths are 32 bits wide; a process never holds a single text of 4 GiB in a span.
fn length_of(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn kind(kind: &SpanKind) -> u8 {
    match kind {
        SpanKind::Client => tag::CLIENT,
        SpanKind::Server => tag::SERVER,
        SpanKind::Producer => tag::PRODUCER,
        SpanKind::Consumer => tag::CONSUMER,
        SpanKind::Internal => tag::INTERNAL,
    }
}
