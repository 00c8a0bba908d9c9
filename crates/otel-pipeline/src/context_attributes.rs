//! Attributes that every span of a request inherits through the OTel context.

use std::sync::Arc;

use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{Span, SpanData};

use crate::codec::{self, Names};

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
        let packed = match String::from_utf8(bytes) {
            // Mostly so: lengths are short. Each byte is its character.
            Ok(text) if text.is_ascii() => text,
            Ok(text) => text.into_bytes().into_iter().map(char::from).collect(),
            Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
        };
        Self {
            packed: packed.into(),
        }
    }

    /// Replaces the reference on a finished span by the attributes, as the pipeline does: for
    /// processors beside it, which see the span as it ended.
    ///
    /// ```
    /// use opentelemetry_sdk::trace::{SpanData, SpanProcessor};
    /// use otel_pipeline::ContextAttributes;
    ///
    /// fn on_end(inner: &impl SpanProcessor, mut span: SpanData) {
    ///     ContextAttributes::unpack_on(&mut span);
    ///     inner.on_end(span);
    /// }
    /// ```
    pub fn unpack_on(span: &mut SpanData) {
        let (mut unpacker, mut names) = (Unpacker::default(), Names::default());
        if let Some(inherited) = unpacker.take(span, &mut names, |_| false) {
            inherited.add_to(span);
        }
    }

    /// The attributes, in the order given.
    #[must_use]
    pub fn to_vec(&self) -> Vec<KeyValue> {
        unpack(&self.packed, &mut Names::default())
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
    /// The set that was unpacked last.
    packed: Option<StringValue>,
    attributes: Vec<KeyValue>,
    /// Whether they have been scrubbed.
    clean: bool,
}

impl Unpacker {
    /// Takes the carrier off `span`. What it carries are then the attributes to add, unless
    /// there is none.
    ///
    /// A new set is scrubbed by `scrub`, which may say that it cannot do so apart from a span.
    pub(crate) fn take(
        &mut self,
        span: &mut SpanData,
        names: &mut Names,
        scrub: impl FnOnce(&mut Vec<KeyValue>) -> bool,
    ) -> Option<Inherited<'_>> {
        let carrier = |pair: &KeyValue| pair.key.as_str() == CARRIER;
        let at = span.attributes.iter().rposition(carrier)?;
        // Not `swap_remove`: of a key that is set again the last value counts.
        let pair = span.attributes.remove(at);
        let Value::String(packed) = pair.value else {
            return None;
        };
        if self.packed.as_ref() != Some(&packed) {
            // It may panic, and is then not done.
            self.packed = None;
            self.attributes = unpack(packed.as_str(), names);
            keep_last(&mut self.attributes);
            self.clean = scrub(&mut self.attributes);
            if !self.clean {
                self.attributes = unpack(packed.as_str(), names);
            }
            self.attributes.iter_mut().for_each(share);
            self.packed = Some(packed);
        }
        Some(Inherited {
            attributes: &self.attributes,
            clean: self.clean,
        })
    }
}

/// Attributes that a span inherits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited<'a> {
    attributes: &'a [KeyValue],
    /// Whether they have been scrubbed.
    pub(crate) clean: bool,
}

impl Inherited<'_> {
    /// Adds those that the span does not have itself.
    pub(crate) fn add_to(self, span: &mut SpanData) {
        let own = span.attributes.len();
        span.attributes.reserve(self.attributes.len());
        for inherited in self.attributes {
            let owned = span.attributes.iter().take(own);
            if !owned.into_iter().any(|pair| pair.key == inherited.key) {
                span.attributes.push(inherited.clone());
            }
        }
    }
}

/// Keeps the last value of each key, as OTel's specification has it for attributes that are
/// set again. The SDK only appends.
pub(crate) fn keep_last(attributes: &mut Vec<KeyValue>) {
    let mut at = 0;
    while let Some((pair, later)) = attributes.get(at..).and_then(<[_]>::split_first) {
        if later.iter().any(|other| other.key == pair.key) {
            attributes.remove(at);
        } else {
            at += 1;
        }
    }
}

/// Makes copies of a text cheap.
fn share(pair: &mut KeyValue) {
    if let Value::String(text) = &pair.value {
        pair.value = Value::String(Arc::<str>::from(text.as_str()).into());
    }
}

fn unpack(packed: &str, names: &mut Names) -> Vec<KeyValue> {
    // `new` made every character from one byte. Most sets are ASCII: lengths are short.
    if packed.is_ascii() {
        return codec::read_attributes(packed.as_bytes(), names);
    }
    let bytes: Vec<u8> = packed
        .chars()
        .map(|c| u8::try_from(c).unwrap_or_default())
        .collect();
    codec::read_attributes(&bytes, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_set_again_the_last_value_stays() {
        let pairs = [("a", 1_i64), ("b", 2), ("a", 3), ("c", 4), ("a", 5)];
        let mut attributes = pairs.map(|(key, value)| KeyValue::new(key, value)).to_vec();
        keep_last(&mut attributes);
        let left = [("b", 2_i64), ("c", 4), ("a", 5)];
        assert_eq!(
            attributes,
            left.map(|(key, value)| KeyValue::new(key, value))
        );
    }
}
