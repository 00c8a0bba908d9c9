//! Texts taken over from a client.

use std::borrow::Cow;

use rmcp::model::NumberOrString;

use super::bounded_json::CONTENT_LIMIT;
use crate::settings::send_pii;

/// The longest text taken over from a client into an attribute.
const TEXT_LIMIT: usize = 256;

/// At most [`TEXT_LIMIT`] bytes of a client's text, cut at a character.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    cut(text, TEXT_LIMIT)
}

/// At most [`CONTENT_LIMIT`] bytes of an input that is a text, cut at a character.
pub(crate) fn content(text: &str) -> Cow<'_, str> {
    cut(text, CONTENT_LIMIT)
}

fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= limit).last();
    let text = text.get(..end.unwrap_or(0));
    Cow::Owned(format!("{}…", text.unwrap_or_default()))
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
        assert!(cut.ends_with('…') && cut.len() <= TEXT_LIMIT + '…'.len_utf8());
    }
}
