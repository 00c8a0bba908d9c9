//! Attributes that every span of a request inherits through the OTel context.

use std::sync::Arc;

use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{Span, SpanData};

use crate::codec;

/// The one attribute under which the set travels on a span until the pipeline unpacks it.
const CARRIER: &str = "otel_pipeline.context";

/// Attributes set once in an OTel [`Context`] and found on every span below it.
///
/// Put it into the context that becomes the parent of a request's first span. Each span
/// started below carries one reference to the shared set, whatever its size; the set is
/// unpacked on the pipeline's own thread. An attribute that the span has itself wins.
///
/// ```
/// use opentelemetry::{Context, KeyValue};
/// use otel_pipeline::ContextAttributes;
///
/// let request = ContextAttributes::new([KeyValue::new("mcp.tool.name", "search")]);
/// let cx = Context::current_with_value(request);
/// let found = cx.get::<ContextAttributes>().map(ContextAttributes::to_vec);
/// assert_eq!(found, Some(vec![KeyValue::new("mcp.tool.name", "search")]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextAttributes {
    /// The encoded attributes, a byte a character: an attribute value has to be text.
    packed: Arc<str>,
}

impl ContextAttributes {
    /// Packs `attributes`.
    pub fn new(attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        // Once per request, on its thread: few allocations.
        let mut bytes = Vec::with_capacity(512);
        for attribute in attributes {
            codec::write_attribute(&attribute, &mut bytes);
        }
        let mut packed = String::with_capacity(2 * bytes.len());
        packed.extend(bytes.into_iter().map(char::from));
        Self {
            packed: packed.into(),
        }
    }

    /// The attributes, in the order given.
    #[must_use]
    pub fn to_vec(&self) -> Vec<KeyValue> {
        unpack(&self.packed)
    }
}

/// Puts the context's set on a span that starts: one attribute, nothing copied.
pub(crate) fn attach(span: &mut Span, cx: &Context) {
    if let Some(set) = cx.get::<ContextAttributes>() {
        let packed = Value::String(StringValue::from(Arc::clone(&set.packed)));
        span.set_attribute(KeyValue::new(CARRIER, packed));
    }
}

/// Unpacks sets on the pipeline's thread; consecutive spans mostly carry the same one.
#[derive(Debug, Default)]
pub(crate) struct Unpacker {
    packed: String,
    attributes: Vec<KeyValue>,
}

impl Unpacker {
    /// Replaces the carrier on `span` by what it carries.
    pub(crate) fn unpack(&mut self, span: &mut SpanData) {
        let carrier = |pair: &KeyValue| pair.key.as_str() == CARRIER;
        let Some(at) = span.attributes.iter().rposition(carrier) else {
            return;
        };
        // Not `swap_remove`: of a key that is set again the last value counts.
        let pair = span.attributes.remove(at);
        if let Value::String(packed) = &pair.value
            && packed.as_str() != self.packed
        {
            packed.as_str().clone_into(&mut self.packed);
            self.attributes = unpack(&self.packed);
        }
        let own = span.attributes.len();
        for inherited in &self.attributes {
            let owned = span.attributes.iter().take(own);
            if !owned.into_iter().any(|pair| pair.key == inherited.key) {
                span.attributes.push(inherited.clone());
            }
        }
    }
}

fn unpack(packed: &str) -> Vec<KeyValue> {
    // `new` made every character from one byte.
    let bytes: Vec<u8> = packed
        .chars()
        .map(|c| u8::try_from(c).unwrap_or_default())
        .collect();
    codec::read_attributes(&bytes)
}
