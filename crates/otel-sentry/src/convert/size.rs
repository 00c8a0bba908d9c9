//! How large a span becomes.
//!
//! Two sizes matter. The receiver gives the list of spans of one transaction a budget and cuts the
//! end of the list beyond it, silently; [`estimate`] is that count. And it refuses a payload above
//! its limit whole; [`json_bound`] is the most that a span can take of one.

use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;

use super::contexts::MAX_RESOURCE_BYTES;
use super::data::{MAX_KEY_BYTES, error_message, storable};
use super::description::{MAX_DESCRIPTION_BYTES, description};
use super::{Known, cut_bytes, links, op, origin};

/// The most that one span takes of a payload; the strings of a larger one are cut.
pub(crate) const MAX_SPAN_BYTES: usize = 400_000;
/// Everything of a span but its attributes, links and texts: names of the fields, ids, times,
/// status, kind.
const SPAN_FRAME_BYTES: usize = 450;
/// The most bytes of one link.
const LINK_BYTES: usize = 128
    + links::MAX_LINK_ATTRIBUTES * (MAX_GROWTH * (MAX_KEY_BYTES + links::MAX_LINK_VALUE_BYTES) + 6);
/// Everything of a payload but its spans, and the texts that [`payload_frame`] adds.
const PAYLOAD_FRAME_BYTES: usize = 3_500;
/// A JSON string is at most this many times as long as its text, without the quotes.
const MAX_GROWTH: usize = 6;

/// What the receiver counts for a span against its budget of 819,200 bytes for all spans.
///
/// The measured rule: 520 + the length of each value and 3, and per span the release, the
/// environment and the transaction's name. The description is added, to be on the safe side.
pub(crate) fn estimate(
    span: &SpanData,
    release: Option<&str>,
    environment: Option<&str>,
    transaction: &str,
) -> usize {
    let values: usize = span
        .attributes
        .iter()
        .map(|attribute| text_bytes(&attribute.value) + 3)
        .sum();
    520 + values
        + span.name.len()
        + release.map_or(0, str::len)
        + environment.map_or(0, str::len)
        + transaction.len()
}

/// The most bytes that a span takes of a payload, after [`value_limit`].
pub(crate) fn json_bound(span: &SpanData) -> usize {
    bound(span, value_limit(span))
}

/// The most bytes that a payload takes besides its spans.
pub(crate) fn payload_frame(texts: &[Option<&str>]) -> usize {
    let texts: usize = texts.iter().flatten().map(|text| quoted(text)).sum();
    PAYLOAD_FRAME_BYTES + MAX_RESOURCE_BYTES + texts
}

/// At how many bytes the strings of a span are cut: no limit, unless the span were too large.
pub(crate) fn value_limit(span: &SpanData) -> usize {
    if quick_bound(span) <= MAX_SPAN_BYTES || bound(span, usize::MAX) <= MAX_SPAN_BYTES {
        return usize::MAX;
    }
    let mut limit = 128 * 1024;
    while limit > 0 && bound(span, limit) > MAX_SPAN_BYTES {
        limit /= 2;
    }
    limit
}

/// The length of `text` as a JSON string, with the quotes.
pub(crate) fn quoted(text: &str) -> usize {
    2 + text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
            0..0x20 => MAX_GROWTH,
            _ => 1,
        })
        .sum::<usize>()
}

/// A looser bound than [`json_bound`], made of lengths alone. It proves most spans small.
pub(crate) fn quick_bound(span: &SpanData) -> usize {
    SPAN_FRAME_BYTES + MAX_GROWTH * raw_bytes(span) + LINK_BYTES * span.links.len()
}

/// All texts of a span, unescaped, with room for what stands between them.
fn raw_bytes(span: &SpanData) -> usize {
    let attributes: usize = span
        .attributes
        .iter()
        .map(|attribute| attribute.key.as_str().len() + 2 * text_bytes(&attribute.value) + 6)
        .sum();
    let status = match &span.status {
        opentelemetry::trace::Status::Error { description } => description.len(),
        _ => 0,
    };
    // Each attribute can show twice: in the data and in a description, an operation or an origin.
    2 * attributes + span.name.len() + status
}

fn bound(span: &SpanData, limit: usize) -> usize {
    let known = Known::of(&span.attributes);
    let attributes: usize = storable(&span.attributes)
        .map(|attribute| quoted(attribute.key.as_str()) + value_bound(&attribute.value, limit) + 2)
        .sum();
    let message = error_message(span, &known).map_or(0, |message| quoted_cut(message, limit));
    let links: usize = links::valid(&span.links)
        .map(|link| {
            let limit = limit.min(links::MAX_LINK_VALUE_BYTES);
            let attributes: usize = links::attributes(link)
                .iter()
                .filter(|attribute| attribute.key.as_str().len() <= MAX_KEY_BYTES)
                .map(|attribute| {
                    quoted(attribute.key.as_str()) + value_bound(&attribute.value, limit) + 2
                })
                .sum();
            attributes + 128
        })
        .sum();
    let description = quoted_cut(&description(span, &known), MAX_DESCRIPTION_BYTES);
    let op = op::op(&known, &span.span_kind).map_or(0, |op| quoted(&op));
    let origin = quoted(origin::origin(&known));
    SPAN_FRAME_BYTES + attributes + message + links + description + op + origin
}

fn quoted_cut(text: &str, limit: usize) -> usize {
    quoted(cut_bytes(text, limit))
}

/// The most bytes of a value in JSON.
fn value_bound(value: &Value, limit: usize) -> usize {
    match value {
        Value::Bool(_) => 5,
        Value::I64(_) => 20,
        Value::F64(_) => 25,
        Value::String(text) => quoted_cut(text.as_str(), limit),
        Value::Array(array) => {
            // The text of a list is escaped twice: each backslash and quote takes one more.
            let twice = match array {
                Array::String(items) => {
                    items.iter().map(|item| 2 * quoted(item.as_str()) + 1).sum()
                }
                other => list_bytes(other),
            };
            (twice + 4).min(limit.saturating_mul(MAX_GROWTH).saturating_add(2))
        }
        _ => 0,
    }
}

/// The length of a value as text, or a little more.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Bool(_) => 5,
        Value::I64(_) => 20,
        Value::F64(_) => 25,
        Value::String(text) => text.as_str().len(),
        Value::Array(array) => list_bytes(array),
        _ => 0,
    }
}

fn list_bytes(array: &Array) -> usize {
    match array {
        Array::Bool(items) => 2 + 6 * items.len(),
        Array::I64(items) => 2 + 21 * items.len(),
        Array::F64(items) => 2 + 26 * items.len(),
        Array::String(items) => {
            2 + items
                .iter()
                .map(|item| item.as_str().len() + 3)
                .sum::<usize>()
        }
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::contexts::Resource;
    use crate::convert::testing::{any_span, now, service, span};
    use crate::convert::transaction::{TransactionParts, write};
    use opentelemetry::KeyValue;
    use proptest::prelude::*;

    fn with_values(count: usize, len: usize) -> SpanData {
        let mut span = span(1, 0);
        span.attributes = (0..count)
            .map(|n| KeyValue::new(format!("k{n}"), "x".repeat(len)))
            .collect();
        span
    }

    fn payload_bytes(root: &SpanData, children: &[&SpanData]) -> usize {
        let resource = [KeyValue::new("service.name", "x".repeat(20_000))];
        let resource = Resource::new(&resource);
        let mut out = Vec::new();
        let parts = TransactionParts {
            root,
            children,
            breadcrumbs: &[],
            event_id: [7; 16],
            now: now(),
            service: &service(&resource),
        };
        write(&parts, &mut out).unwrap();
        out.len()
    }

    #[test]
    fn never_below_what_the_receiver_was_seen_to_count() {
        let release = "x".repeat(23);
        for (count, len, seen) in [(0, 0, 486), (10, 17, 686), (3, 60, 675), (1, 2_048, 2_536)] {
            let estimate = estimate(&with_values(count, len), Some(&release), Some("test"), "tx");
            assert!(estimate >= seen, "{count} x {len}: {estimate} < {seen}");
            assert!(
                estimate < seen + 120,
                "{count} x {len}: {estimate} too careful"
            );
        }
    }

    #[test]
    fn texts_of_the_service_count_for_each_span() {
        let span = span(1, 0);
        let base = estimate(&span, None, None, "");
        assert_eq!(
            estimate(&span, Some("12345"), Some("123"), "1234567"),
            base + 15
        );
    }

    #[test]
    fn quoted_is_the_length_that_the_serializer_writes() {
        let all: String = (0..=0x2000).filter_map(char::from_u32).collect();
        for text in ["", "plain", "q\"b\\n\n", "\u{0}\u{7f}é日", &all] {
            assert_eq!(
                quoted(text),
                serde_json::to_string(text).unwrap().len(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn only_a_span_that_is_too_large_is_cut() {
        assert_eq!(value_limit(&with_values(100, 1_000)), usize::MAX);
        assert_eq!(value_limit(&with_values(1, 300_000)), usize::MAX);
        for (count, len) in [(1, 5_000_000), (100, 100_000), (400, 8_000)] {
            let large = with_values(count, len);
            let limit = value_limit(&large);
            assert!(limit < len && limit > 0, "{count} x {len}: {limit}");
            assert!(json_bound(&large) <= MAX_SPAN_BYTES);
            assert!(payload_bytes(&span(1, 0), &[&large]) < 1_000_000);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_span_never_takes_more_than_its_bound(root in any_span(1), child in any_span(2)) {
            let service = service(&Resource::NONE);
            let name = serde_json::to_string(&"\u{1}".repeat(200)).unwrap();
            let frame = payload_frame(&[
                service.release,
                service.environment,
                service.server_name,
                Some(service.sdk_name),
                Some(service.sdk_version),
                Some(&name),
            ]);
            let alone = payload_bytes(&root, &[]);
            prop_assert!(alone <= frame + json_bound(&root));
            let row = payload_bytes(&root, &[&child]) - alone;
            prop_assert!(row <= json_bound(&child), "{row} > {}", json_bound(&child));
        }
    }
}
