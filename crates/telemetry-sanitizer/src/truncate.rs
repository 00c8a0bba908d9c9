//! Cutting long text, on character boundaries, with a note of the original length.

use crate::MARKER;

const NOTE_START: &str = "…(";
const NOTE_END: &str = " chars)";

/// How much of a text is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cap {
    /// So many bytes of UTF-8.
    Bytes(usize),
    /// So many `char`s.
    Chars(usize),
}

impl Cap {
    /// No kept text has more bytes than this.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Bytes(n) => n,
            Self::Chars(n) => n.saturating_mul(4),
        }
    }

    /// Where to cut `text`, if it is too long. A marker is never cut: the cut moves behind it.
    pub(crate) fn cut(self, text: &str) -> Option<usize> {
        let at = match self {
            Self::Bytes(n) if text.len() <= n => return None,
            Self::Bytes(n) => floor_char_boundary(text, n),
            Self::Chars(n) if text.len() <= n => return None,
            Self::Chars(n) => text.char_indices().nth(n)?.0,
        };
        let at = behind_marker(text, at);
        (at < text.len()).then_some(at)
    }
}

/// `head…(1234 chars)`.
pub(crate) fn with_note(head: &str, chars: usize) -> String {
    format!("{head}{NOTE_START}{chars}{NOTE_END}")
}

/// Splits off the note that an earlier cut has left. The number is `None` when there is no note.
pub(crate) fn split_note(text: &str) -> (&str, Option<usize>) {
    let parts = text.strip_suffix(NOTE_END).and_then(|rest| {
        let head = rest.trim_end_matches(|c: char| c.is_ascii_digit());
        let chars = rest.get(head.len()..)?.parse().ok()?;
        Some((head.strip_suffix(NOTE_START)?, Some(chars)))
    });
    parts.unwrap_or((text, None))
}

fn floor_char_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn behind_marker(text: &str, at: usize) -> usize {
    let from = at.saturating_sub(MARKER.len() - 1);
    (from..at)
        .find(|&i| crate::bytes::has(text.as_bytes(), i, MARKER.as_bytes()))
        .map_or(at, |i| i + MARKER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_on_character_boundaries() {
        assert_eq!(Cap::Bytes(2).cut("aé€"), Some(1));
        assert_eq!(Cap::Bytes(3).cut("aé€"), Some(3));
        assert_eq!(Cap::Bytes(6).cut("aé€"), None);
        assert_eq!(Cap::Chars(2).cut("aé€"), Some(3));
        assert_eq!(Cap::Chars(3).cut("aé€"), None);
    }

    #[test]
    fn a_marker_stays_whole() {
        let text = format!("a {MARKER} b");
        assert_eq!(Cap::Bytes(2).cut(&text), Some(2));
        for n in 3..=16 {
            assert_eq!(Cap::Bytes(n).cut(&text), Some(16), "{n}");
        }
        assert_eq!(Cap::Bytes(17).cut(&text), Some(17));
    }

    #[test]
    fn only_a_real_note_is_split_off() {
        assert_eq!(split_note("x…(12 chars)"), ("x", Some(12)));
        for text in [
            "x(12 chars)",
            "x…( chars)",
            "x…(a chars)",
            " chars)",
            "…(99999999999999999999999 chars)",
        ] {
            assert_eq!(split_note(text), (text, None));
        }
    }
}
