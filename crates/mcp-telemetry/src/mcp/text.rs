//! Texts taken over from a client.

use std::borrow::Cow;

use rmcp::model::NumberOrString;
use serde::Serialize;

use crate::bounded;
use crate::settings::send_pii;

/// The longest text taken over from a client into an attribute.
const TEXT_LIMIT: usize = 256;

/// The longest recorded input or output, in bytes.
pub(crate) const CONTENT_LIMIT: usize = 8 * 1024;

/// At most [`TEXT_LIMIT`] bytes of a client's text.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    bounded::text(text, TEXT_LIMIT)
}

/// At most [`CONTENT_LIMIT`] bytes of an input that is a text.
pub(crate) fn content(text: &str) -> Cow<'_, str> {
    bounded::text(text, CONTENT_LIMIT)
}

/// The JSON of an input or output, at most [`CONTENT_LIMIT`] bytes.
pub(crate) fn json(value: &impl Serialize) -> String {
    bounded::json(value, CONTENT_LIMIT)
}

/// A JSON-RPC id, or a token, as text.
pub(crate) fn id(id: &NumberOrString) -> String {
    match id {
        NumberOrString::Number(id) => id.to_string(),
        NumberOrString::String(id) => bounded(id).into_owned(),
    }
}

/// A resource's URI as it may be recorded: where inputs are not, without what could tell
/// about a user.
pub(crate) fn uri(uri: &str) -> String {
    let uri = bounded(uri);
    match send_pii() {
        true => uri.into_owned(),
        false => without_details(&uri).to_owned(),
    }
}

/// A URI without user information, query and fragment.
fn without_details(uri: &str) -> &str {
    let end = uri.find(['?', '#']).unwrap_or(uri.len());
    let uri = uri.get(..end).unwrap_or(uri);
    match (uri.split_once("://"), uri.rfind('@')) {
        // What stands before the `@` may be a password: keep what follows it alone.
        (Some(_), Some(at)) => uri.get(at + 1..).unwrap_or_default(),
        _ => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_without_details_keeps_what_is_no_user_data() {
        for (uri, kept) in [
            ("splunk://indexes", "splunk://indexes"),
            ("splunk://a/b?user=bob#x", "splunk://a/b"),
            ("https://me:pw@host/path", "host/path"),
            ("file:///tmp/x", "file:///tmp/x"),
            ("", ""),
        ] {
            assert_eq!(without_details(uri), kept);
        }
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(bounded("short"), "short");
        let cut = bounded(&"ö".repeat(200)).into_owned();
        assert!(cut.ends_with('…') && cut.len() <= TEXT_LIMIT);
    }
}
