//! Where a value starts and ends.

use crate::MARKER;
use crate::bytes::{at, has, is_blank, is_end, is_name, is_quote, skip};

/// Whether the value at `i` is a marker and nothing else.
pub(crate) fn is_marked(b: &[u8], i: usize) -> bool {
    has(b, i, MARKER.as_bytes())
        && match at(b, i + MARKER.len()) {
            c if is_end(c) || is_quote(c) => true,
            // `…` of a cut
            0xe2 => true,
            c => b",;&)]}|<\\%".contains(&c),
        }
}

/// What others have masked, and wildcards: `****`, `[Filtered]`, `<redacted>`, `*`.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: &[&str] = &["filtered", "redacted", "hidden", "masked", "removed"];
    let inner = match value {
        [b'[', inner @ .., b']'] | [b'<', inner @ .., b'>'] | [b'(', inner @ .., b')'] => inner,
        _ => value,
    };
    value.iter().all(|c| *c == b'*')
        || WORDS
            .iter()
            .any(|w| inner.eq_ignore_ascii_case(w.as_bytes()))
}

/// The end of the bracketed value that opens at `start`, or the end of the text when it is not closed.
pub(crate) fn balanced(b: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0_usize, start);
    while i < b.len() {
        match at(b, i) {
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            b'"' => {
                let slashes = count_slashes(b, start, i);
                i = closing_quote(b, i + 1, i, slashes);
                i = skip(b, i, |c| c == b'\\');
            }
            _ => {}
        }
        i += 1;
    }
    b.len()
}

fn count_slashes(b: &[u8], floor: usize, quote: usize) -> usize {
    quote - crate::bytes::skip_back(b, quote, floor, |c| c == b'\\')
}

/// The end of what the quote at `quote` opens behind `slashes` backslashes: where the backslashes of the closing quote start.
///
/// Quotes inside a JSON string in a JSON string have one backslash, one level deeper three. A quote with fewer closes an outer
/// string and so this one too.
pub(crate) fn closing_quote(b: &[u8], start: usize, quote: usize, slashes: usize) -> usize {
    let kind = at(b, quote);
    let mut i = start;
    while i < b.len() {
        let run = skip(b, i, |c| c == b'\\');
        if at(b, run) == kind && run < b.len() {
            let count = run - i;
            // An apostrophe inside a word closes nothing.
            let apostrophe =
                kind == b'\'' && slashes == 0 && at(b, run + 1).is_ascii_alphanumeric();
            if !apostrophe && (count < slashes || count % (2 * (slashes + 1)) == slashes) {
                return run - count.min(slashes);
            }
        }
        i = run + 1;
    }
    b.len()
}

/// The end of the value without quotes that starts at `start`.
///
/// White space and `|` end it. Separators and closing brackets or quotes end it only if what follows says so (the next field,
/// more punctuation, the end): they may also be part of a password.
pub(crate) fn unquoted(b: &[u8], start: usize) -> usize {
    let mut i = start;
    while i < b.len() {
        match at(b, i) {
            c if is_end(c) => break,
            b'|' => break,
            b'<' if at(b, i + 1) == b'/' => break,
            // An ellipsis: the text has been cut here.
            0xe2 if has(b, i, "…".as_bytes()) => break,
            b'\\' => {
                let run = skip(b, i, |c| c == b'\\');
                if matches!(at(b, run), b'n' | b'r' | b't') || is_quote(at(b, run)) {
                    break;
                }
                i = run;
            }
            b',' | b';' | b'&' if is_next_field(b, i + 1) => break,
            b')' | b']' | b'}' | b'"' | b'\'' | b'`' => {
                let run = skip(b, i, |c| matches!(c, b')' | b']' | b'}') || is_quote(c));
                let next = at(b, run);
                if is_end(next) || b",;:.|&<\\=".contains(&next) {
                    break;
                }
                i = run;
            }
            _ => i += 1,
        }
    }
    i
}

/// Whether a separator just before `i` is followed by another field or by nothing.
fn is_next_field(b: &[u8], i: usize) -> bool {
    let c = at(b, i);
    if is_end(c)
        || is_quote(c)
        || is_blank(c)
        || matches!(c, b'{' | b'[' | b'\\')
        || has(b, i, b"amp;")
    {
        return true;
    }
    let name = skip(b, i, is_name);
    name > i && (matches!(at(b, name), b'=' | b':') || is_quote(at(b, name)))
}

/// Goes into wrappers of Debug output (`Some("x")`) and over prefixes of literals (`b"x"`).
pub(crate) fn unwrap(b: &[u8], start: usize) -> usize {
    const WRAPPERS: &[&[u8]] = &[
        b"Some",
        b"Ok",
        b"Secret",
        b"SecretString",
        b"SecretBox",
        b"String::from",
        b"Borrowed",
        b"Owned",
        b"Cow::Borrowed",
        b"Cow::Owned",
        b"Sensitive",
        b"Zeroizing",
        b"Box",
        b"Arc",
        b"Rc",
        b"Ascii",
        b"Password",
        b"Token",
        b"ApiKey",
    ];
    let mut v = start;
    for _ in 0..4 {
        let end = skip(b.get(..(v + 16).min(b.len())).unwrap_or_default(), v, |c| {
            c.is_ascii_alphabetic() || c == b':'
        });
        let name = b.get(v..end).unwrap_or_default();
        if at(b, end) == b'(' && WRAPPERS.contains(&name) {
            v = end + 1;
        } else if (is_quote(at(b, end)) || at(b, end) == b'\\')
            && matches!(name, b"b" | b"r" | b"u" | b"f" | b"B" | b"R" | b"U")
        {
            v = end;
        } else {
            break;
        }
    }
    // `Token { value: "x" }`
    let name = skip(b.get(..(v + 40).min(b.len())).unwrap_or_default(), v, |c| {
        c.is_ascii_alphanumeric() || c == b'_'
    });
    if at(b, v).is_ascii_uppercase() && has(b, name, b" {") {
        name + 1
    } else {
        v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> &str {
        &text[..unquoted(text.as_bytes(), 0)]
    }

    #[test]
    fn unquoted_values_end_where_the_field_ends() {
        for (text, value) in [
            ("abc", "abc"),
            ("abc def", "abc"),
            ("abc\tdef", "abc"),
            ("abc|stats", "abc"),
            ("abc,host=x", "abc"),
            ("abc, host", "abc"),
            ("abc&x=1", "abc"),
            ("abc&amp;x=1", "abc"),
            ("a,b", "a,b"),
            ("a,b,c=d", "a,b"),
            ("a;b", "a;b"),
            ("abc; Path=/", "abc"),
            ("abc)", "abc"),
            ("a)b", "a)b"),
            ("abc).", "abc"),
            ("abc\"}", "abc"),
            ("it's", "it's"),
            ("abc'", "abc"),
            ("abc\\n", "abc"),
            ("abc\\\"", "abc"),
            ("a\\b", "a\\b"),
            ("abc</x", "abc"),
            ("a<b", "a<b"),
            ("abc…(5 chars)", "abc"),
            ("", ""),
            ("ü!\"§$", "ü!\"§$"),
        ] {
            assert_eq!(end(text), value, "{text}");
        }
    }

    #[test]
    fn quotes_close_at_their_own_level() {
        let close = |text: &str, slashes: usize| {
            closing_quote(text.as_bytes(), slashes + 1, slashes, slashes)
        };
        assert_eq!(close(r#""abc" d"#, 0), 4);
        assert_eq!(close(r#""a\"c" d"#, 0), 5);
        assert_eq!(close(r#""a\\" d"#, 0), 4);
        assert_eq!(close(r#"\"abc\" d"#, 1), 5);
        assert_eq!(close(r#"\"a\\\"c\" d"#, 1), 8);
        assert_eq!(close(r#"\"abc" d"#, 1), 5);
        assert_eq!(close(r#""abc"#, 0), 4);
        assert_eq!(close("'a\"c'", 0), 4);
    }

    #[test]
    fn brackets_balance_over_strings() {
        let end = |text: &str| balanced(text.as_bytes(), 0);
        assert_eq!(end(r#"{"a": "}", "b": [1]} x"#), 20);
        assert_eq!(end(r#"{\"a\": \"}\"} x"#), 14);
        assert_eq!(end("[1, 2"), 5);
        assert_eq!(end("(a(b)c)d"), 7);
    }

    #[test]
    fn masks_are_no_secrets() {
        for value in ["***", "[Filtered]", "[REDACTED]", "<redacted>", "*"] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["hunter2", "$ecret$", "x", "[x1]", "<p4ss>", "*a*"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }
}
