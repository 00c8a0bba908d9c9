//! A text without its escapes: `%3D`, `\u003d`, `&quot;`. Only those of ASCII are read.

use std::ops::Range;

use crate::bytes::{at, has, has_ignoring_case, skip};

/// Escapes of XML and HTML.
const ENTITIES: &[(&[u8], char)] = &[
    (b"&quot;", '"'),
    (b"&apos;", '\''),
    (b"&amp;", '&'),
    (b"&lt;", '<'),
    (b"&gt;", '>'),
    (b"&#34;", '"'),
    (b"&#39;", '\''),
    (b"&#x22;", '"'),
    (b"&#x27;", '\''),
];

/// A text with escapes read, and the way back.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    text: String,
    /// For each escape: the position behind its character, and how much longer the original is up to there.
    shifts: Vec<(usize, usize)>,
}

impl Plain {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where `range` of the text stands in the original.
    pub(crate) fn origin(&self, range: Range<usize>) -> Range<usize> {
        self.offset(range.start)..self.offset(range.end)
    }

    fn offset(&self, i: usize) -> usize {
        let behind = self.shifts.partition_point(|(position, _)| *position <= i);
        let shift = behind
            .checked_sub(1)
            .and_then(|n| self.shifts.get(n))
            .map_or(0, |(_, shift)| *shift);
        i + shift
    }
}

/// Reads the escapes in `text`.
pub(crate) fn read(text: &str) -> Plain {
    let b = text.as_bytes();
    let mut plain = Plain::default();
    plain.text.reserve(text.len());
    let (mut copied, mut i) = (0, 0);
    loop {
        i = skip(b, i, |c| !matches!(c, b'%' | b'\\' | b'&'));
        if i >= b.len() {
            break;
        }
        // The last backslash of several is the one of the escape.
        let slashes = skip(b, i, |c| c == b'\\');
        if slashes > i + 1 && !is_terminal_escape(b, slashes) {
            i = slashes - 1;
        }
        let Some((c, len)) = escape(b, i) else {
            i += 1;
            continue;
        };
        plain.text.push_str(text.get(copied..i).unwrap_or_default());
        plain.text.push(c);
        i += len;
        copied = i;
        plain.shifts.push((plain.text.len(), i - plain.text.len()));
    }
    plain.text.push_str(text.get(copied..).unwrap_or_default());
    plain
}

/// The character of the escape at `i`, and its length.
fn escape(b: &[u8], i: usize) -> Option<(char, usize)> {
    let hex = |i: usize| {
        let digit = |i| char::from(at(b, i)).to_digit(16);
        let byte = u8::try_from(digit(i)? << 4 | digit(i + 1)?).ok()?;
        byte.is_ascii().then(|| char::from(byte))
    };
    match at(b, i) {
        b'%' => Some((hex(i + 1)?, 3)),
        b'\\' => {
            let slashes = skip(b, i, |c| c == b'\\');
            if is_terminal_escape(b, slashes) {
                Some(('\u{1b}', slashes + 5 - i))
            } else if has(b, i, b"\\u00") {
                Some((hex(i + 4)?, 6))
            } else {
                None
            }
        }
        b'&' => ENTITIES
            .iter()
            .find(|(entity, _)| has(b, i, entity))
            .map(|(entity, c)| (*c, entity.len())),
        _ => None,
    }
}

/// Whether the escape of terminals stands behind backslashes, as JSON or as Rust's `Debug` writes it: all of them belong
/// to it, so that it stays one. Both are of one length.
fn is_terminal_escape(b: &[u8], i: usize) -> bool {
    has_ignoring_case(b, i, b"u001b") || has(b, i, b"u{1b}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_found_again() {
        for (text, plain) in [
            ("a%20b", "a b"),
            ("%22token%22%3A%22x%22", "\"token\":\"x\""),
            ("a\\u003db", "a=b"),
            ("{&quot;a&quot;:1}&amp;", "{\"a\":1}&"),
            ("100%", "100%"),
            ("%zz %C3%BC \\u00fc &nbsp;", "%zz %C3%BC \\u00fc &nbsp;"),
            ("\\\\\\u0022", "\\\\\""),
            ("a\\u001b[0m\\\\u001B[1m", "a\u{1b}[0m\u{1b}[1m"),
            ("a\\u{1b}[0m\\\\u{1b}[1m", "a\u{1b}[0m\u{1b}[1m"),
            ("ü%3Dü", "ü=ü"),
            ("%", "%"),
            ("\\u00", "\\u00"),
            ("", ""),
        ] {
            let read = read(text);
            assert_eq!(read.text(), plain);
            assert_eq!(read.origin(0..plain.len()), 0..text.len(), "{text}");
        }
        let read = read("x%3Dsecret%26y");
        let range = read.text().find("secret").unwrap();
        assert_eq!(read.origin(range..range + 6), 4..10);
        assert_eq!(read.origin(1..2), 1..4);
    }
}
