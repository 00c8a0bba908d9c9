//! From a finished OpenTelemetry span tree to the JSON of a Sentry transaction.
//!
//! Everything here is a pure function over a table, one table a file:
//!
//! | file | from the span | to the wire |
//! |---|---|---|
//! | `known` | attributes | the few that the tables read, found in one pass |
//! | `op` | `sentry.op`, semantic conventions, kind | `op` |
//! | `description` | name, `http.*`, `db.*`, `sentry.*` | `description`, `transaction`, its source |
//! | `status` | status, HTTP and gRPC codes | `status` |
//! | `origin` | `sentry.origin` | `origin` |
//! | `data` | attributes | `data`, scalars only |
//! | `links` | links | `links` |
//! | `events` | span events | `breadcrumbs` |
//! | `exception` | an `exception` event | an error event of its own |
//! | `contexts` | root span, resource | `contexts` |
//! | `hex` | ids | ids |
//! | `repair` | ids and times | what the receiver accepts, or a refusal |
//! | `size` | the whole span | the receiver's budget and the JSON size |
//! | `split` | a whole tree | the parts that each fit into one payload |
//! | `transaction` | one part | the payload |
//!
//! The order of use: [`split::split`] a tree, give each part to [`transaction::write`].
//! The spans come sanitized: nothing here redacts.

mod contexts;
mod data;
pub(crate) mod description;
pub(crate) mod events;
pub(crate) mod exception;
mod hex;
mod known;
mod links;
mod op;
mod origin;
pub(crate) mod repair;
pub(crate) mod size;
pub(crate) mod split;
mod status;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod transaction;

pub(crate) use contexts::Resource;
pub(crate) use known::Known;

/// Attributes that speak to this crate. They became fields of the payload and are left out of its
/// data.
pub(crate) mod keys {
    pub(crate) const OP: &str = "sentry.op";
    pub(crate) const ORIGIN: &str = "sentry.origin";
    pub(crate) const STATUS: &str = "sentry.status";
    pub(crate) const STATUS_MESSAGE: &str = "sentry.status.message";
    pub(crate) const DESCRIPTION: &str = "sentry.description";
    pub(crate) const CUSTOM_SPAN_NAME: &str = "sentry.custom_span_name";
    pub(crate) const SEGMENT_NAME_SOURCE: &str = "sentry.segment.name.source";
    pub(crate) const SPAN_SOURCE: &str = "sentry.span.source";
    pub(crate) const SOURCE: &str = "sentry.source";
    pub(crate) const PROFILER_ID: &str = "sentry.profiler_id";
    pub(crate) const KIND: &str = "sentry.kind";

    /// Whether the attribute became a field, so that `data` need not repeat it.
    pub(crate) fn is_field(key: &str) -> bool {
        key.starts_with("sentry.")
            && matches!(
                key,
                OP | ORIGIN
                    | STATUS
                    | DESCRIPTION
                    | CUSTOM_SPAN_NAME
                    | SEGMENT_NAME_SOURCE
                    | SPAN_SOURCE
                    | SOURCE
                    | crate::dsc::DSC_ATTRIBUTE
            )
    }
}

/// `text` cut to at most `max` characters, without copying.
pub(crate) fn cut_chars(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    match text.char_indices().nth(max) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// `text` cut to at most `max` bytes at a character boundary, without copying.
pub(crate) fn cut_bytes(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::{cut_bytes, cut_chars};

    #[test]
    fn cuts_stay_on_character_boundaries() {
        for (text, max, chars, bytes) in [
            ("", 3, "", ""),
            ("abc", 3, "abc", "abc"),
            ("abcd", 3, "abc", "abc"),
            ("äöü", 2, "äö", "ä"),
            ("äöü", 3, "äöü", "ä"),
            ("日本", 0, "", ""),
        ] {
            assert_eq!(cut_chars(text, max), chars, "{text} chars {max}");
            assert_eq!(cut_bytes(text, max), bytes, "{text} bytes {max}");
        }
    }
}
