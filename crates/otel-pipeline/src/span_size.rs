//! How much memory a span takes, roughly.

use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// Bytes that a span takes while it waits, to bound memory by: its texts, and a flat sum for
/// what holds them.
///
/// ```
/// # use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
/// # use opentelemetry_sdk::trace::SpanData;
/// # let mut span = SpanData {
/// #     span_context: SpanContext::empty_context(),
/// #     parent_span_id: SpanId::INVALID,
/// #     parent_span_is_remote: false,
/// #     span_kind: SpanKind::Internal,
/// #     name: "s".into(),
/// #     start_time: std::time::UNIX_EPOCH,
/// #     end_time: std::time::UNIX_EPOCH,
/// #     attributes: Vec::new(),
/// #     dropped_attributes_count: 0,
/// #     events: Default::default(),
/// #     links: Default::default(),
/// #     status: Status::Unset,
/// #     instrumentation_scope: Default::default(),
/// # };
/// let small = otel_pipeline::span_size(&span);
/// span.attributes.push(opentelemetry::KeyValue::new("text", "x".repeat(10_000)));
/// assert!(otel_pipeline::span_size(&span) > small + 10_000);
/// ```
#[must_use]
pub fn span_size(span: &SpanData) -> usize {
    /// A span without its texts.
    const SPAN: usize = 512;
    /// An event or link without its attributes.
    const PART: usize = 128;
    let events = span.events.iter();
    let events: usize = events
        .map(|event| PART + event.name.len() + texts(&event.attributes))
        .sum();
    let links: usize = span
        .links
        .iter()
        .map(|link| PART + texts(&link.attributes))
        .sum();
    SPAN + span.name.len() + texts(&span.attributes) + events + links
}

fn texts(attributes: &[KeyValue]) -> usize {
    /// A key and a value without their texts.
    const PAIR: usize = 64;
    let pairs = attributes.iter();
    pairs
        .map(|pair| PAIR + pair.key.as_str().len() + text(&pair.value))
        .sum()
}

/// What a value takes beside its place in the pair.
fn text(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(items)) => items.len(),
        Value::Array(Array::I64(items)) => 8 * items.len(),
        Value::Array(Array::F64(items)) => 8 * items.len(),
        Value::Array(Array::String(items)) => {
            items.iter().map(|item| 32 + item.as_str().len()).sum()
        }
        _ => 0,
    }
}
