//! Links to spans of other traces.
//!
//! Source: Sentry's "Span Links" page; the receiver keeps them on the trace context and on spans.

use opentelemetry::KeyValue;
use opentelemetry::trace::Link;
use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::data::Attributes;
use super::hex::Hex;

/// More links than this are left out. OpenTelemetry's own limit is 128.
pub(crate) const MAX_LINKS: usize = 128;
/// Of one link, so many attributes are written.
pub(crate) const MAX_LINK_ATTRIBUTES: usize = 16;
/// Strings of a link are cut at so many bytes, or less.
pub(crate) const MAX_LINK_VALUE_BYTES: usize = 256;

/// The links to write; one to no valid span says nothing.
pub(crate) fn valid(links: &[Link]) -> impl Iterator<Item = &Link> {
    links
        .iter()
        .filter(|link| link.span_context.is_valid())
        .take(MAX_LINKS)
}

/// The attributes of a link to write.
pub(crate) fn attributes(link: &Link) -> &[KeyValue] {
    link.attributes
        .get(..MAX_LINK_ATTRIBUTES)
        .unwrap_or(&link.attributes)
}

/// Links as a JSON list.
pub(crate) struct Links<'a> {
    links: &'a [Link],
    limit: usize,
}

impl<'a> Links<'a> {
    /// `None` without a link to write, so that the field is left out.
    pub(crate) fn of(links: &'a [Link], limit: usize) -> Option<Self> {
        valid(links).next()?;
        Some(Self {
            links,
            limit: limit.min(MAX_LINK_VALUE_BYTES),
        })
    }
}

#[derive(serde::Serialize)]
struct Wire<'a> {
    trace_id: Hex<16>,
    span_id: Hex<8>,
    sampled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Attributes<'a>>,
}

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for link in valid(self.links) {
            let attributes = attributes(link);
            list.serialize_element(&Wire {
                trace_id: link.span_context.trace_id().into(),
                span_id: link.span_context.span_id().into(),
                sampled: link.span_context.is_sampled(),
                attributes: (!attributes.is_empty()).then_some(Attributes {
                    attributes,
                    limit: self.limit,
                }),
            })?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::testing::span;
    use opentelemetry::trace::SpanContext;
    use serde_json::json;

    #[test]
    fn valid_links_with_their_attributes() {
        let other = span(0xabc, 0).span_context;
        let links = [
            Link::with_context(SpanContext::NONE),
            Link::with_context(other.clone()),
            Link::new(
                other,
                vec![KeyValue::new("sentry.link.type", "previous_trace")],
                0,
            ),
        ];
        let json = serde_json::to_value(Links::of(&links, usize::MAX).unwrap()).unwrap();
        let id = json!({
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": "0000000000000abc",
            "sampled": true,
        });
        let mut with_attributes = id.clone();
        with_attributes["attributes"] = json!({"sentry.link.type": "previous_trace"});
        assert_eq!(json, json!([id, with_attributes]));
    }

    #[test]
    fn no_valid_link_no_field() {
        assert!(Links::of(&[], 10).is_none());
        assert!(Links::of(&[Link::with_context(SpanContext::NONE)], 10).is_none());
    }

    #[test]
    fn numbers_are_bounded() {
        let context = span(1, 0).span_context;
        let attributes: Vec<_> = (0..50)
            .map(|n| KeyValue::new(format!("k{n}"), "x".repeat(1_000)))
            .collect();
        let links = vec![Link::new(context, attributes, 0); 200];
        let json = serde_json::to_value(Links::of(&links, usize::MAX).unwrap()).unwrap();
        assert_eq!(json.as_array().unwrap().len(), MAX_LINKS);
        let attributes = json[0]["attributes"].as_object().unwrap();
        assert_eq!(attributes.len(), MAX_LINK_ATTRIBUTES);
        assert_eq!(
            attributes["k0"].as_str().unwrap().len(),
            MAX_LINK_VALUE_BYTES
        );
    }
}
