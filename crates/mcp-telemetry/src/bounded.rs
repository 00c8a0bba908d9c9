//! Texts of values, cut while they are written.
//!
//! However large a value is, no more than the limit is ever held. Of a word that a cut goes through nothing stays: a token
//! without its end is one that the sanitizer may not know.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

/// What stands at the end of a text that was cut.
const CUT: char = '…';

/// What stands for a value whose own formatting panicked.
pub(crate) const PANICKED: &str = "<formatting panicked>";

/// A longer word is cut like any other text: it is data, not a token. In bytes.
const LONGEST_WORD: usize = 1024;

/// A text, at most `limit` bytes of it. A longer one ends in `…`, inside the limit.
pub(crate) fn text(text: &str, limit: usize) -> Cow<'_, str> {
    match text.len() <= limit {
        true => Cow::Borrowed(text),
        false => bounded(format_args!("{text}"), limit).into(),
    }
}

/// Formats at most `limit` bytes. A longer text ends in `…`, inside the limit.
pub(crate) fn bounded(text: fmt::Arguments<'_>, limit: usize) -> String {
    // The only error is the one this writer returns when it is full, which it knows itself.
    write_bounded(limit, |out| {
        let _ = out.write_fmt(text);
    })
}

/// The JSON of a value, at most `limit` bytes; writing stops at the limit.
pub(crate) fn json(value: &impl Serialize, limit: usize) -> String {
    write_bounded(limit, |out| {
        // It fails where it is full, which `out` knows; what cannot be JSON ends where it stopped.
        let _ = serde_json::to_writer(Pieces(out), value);
    })
}

/// What is written, at most `limit` bytes; of code that panics a fixed text stays.
fn write_bounded(limit: usize, write: impl FnOnce(&mut Bounded)) -> String {
    let mut out = Bounded {
        text: String::new(),
        limit,
        cut: false,
    };
    match catch_unwind(AssertUnwindSafe(|| write(&mut out))) {
        Ok(()) => out.finish(),
        Err(_) => PANICKED.to_owned(),
    }
}

/// A writer that takes `limit` bytes and then refuses.
struct Bounded {
    text: String,
    limit: usize,
    cut: bool,
}

impl Bounded {
    fn finish(mut self) -> String {
        if self.cut {
            let room = self.limit.saturating_sub(CUT.len_utf8());
            let end = floor_char_boundary(&self.text, room);
            self.text.truncate(end);
            self.text.truncate(without_last_word(&self.text));
            self.text.push(CUT);
        }
        self.text
    }
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = self.limit.saturating_sub(self.text.len());
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        let end = floor_char_boundary(piece, room);
        self.text.push_str(piece.get(..end).unwrap_or_default());
        self.cut = true;
        Err(fmt::Error)
    }
}

/// Lets JSON, which is written as bytes, be cut as text.
struct Pieces<'a>(&'a mut Bounded);

impl io::Write for Pieces<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(piece).map_err(io::Error::other)?;
        self.0.write_str(text).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the last word begins; the end of the text where that word is longer than [`LONGEST_WORD`], or than half the text.
fn without_last_word(text: &str) -> usize {
    let ends_word = |c: char| c.is_whitespace() || "\"'`,;:=<>(){}[]|&?\\".contains(c);
    let start = text
        .rfind(ends_word)
        .and_then(|at| text.get(at..)?.chars().next().map(|c| at + c.len_utf8()));
    match start {
        Some(start) if text.len() - start <= LONGEST_WORD.min(text.len() / 2) => start,
        _ => text.len(),
    }
}

/// The largest character boundary at or before `index`. (`str::floor_char_boundary` needs Rust 1.91.)
fn floor_char_boundary(text: &str, index: usize) -> usize {
    let index = index.min(text.len());
    (0..=index)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_exactly_the_limit_is_whole() {
        let exact = "x".repeat(100);
        assert_eq!(bounded(format_args!("{exact}"), 100), exact);
        let cut = bounded(format_args!("{exact}y"), 100);
        assert_eq!(cut.len(), 100);
        assert_eq!(cut, format!("{}…", "x".repeat(97)));
    }

    #[test]
    fn the_cut_falls_between_characters() {
        for limit in 0..40 {
            let text = bounded(format_args!("{}", "aé漢🦀".repeat(20)), limit);
            assert!(text.len() <= limit.max(CUT.len_utf8()), "{limit}: {text}");
            assert!(text.ends_with(CUT), "{limit}: {text}");
            assert!(
                "aé漢🦀".repeat(20).starts_with(text.trim_end_matches(CUT)),
                "{limit}: {text}"
            );
        }
    }

    #[test]
    fn of_a_token_at_the_cut_nothing_stays() {
        let token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
        let log = format!("{} and {token}", "word ".repeat(20));
        for limit in 60..log.len() {
            let cut = text(&log, limit);
            assert!(cut.ends_with(CUT) && !cut.contains("gh"), "{limit}: {cut}");
            assert!(cut.len() + token.len() >= limit, "{limit}: {cut}");
        }
        assert_eq!(text(&log, log.len()), log);
        let map = [("name", "x".repeat(60)), ("key", token.to_owned())];
        let whole = json(&map, 1000);
        let cut = json(&map, whole.len() - 5);
        assert!(cut.ends_with(r#""key","…"#), "{cut}");
    }

    #[test]
    fn short_json_is_whole_and_long_json_is_cut_at_a_character() {
        assert_eq!(json(&[1, 2], 100), "[1,2]");
        let exact = "x".repeat(98);
        assert_eq!(json(&exact, 100).len(), 100);
        for extra in 0..4 {
            let long = format!("{}{}", "x".repeat(extra), "größe".repeat(10_000));
            let cut = json(&long, 100);
            assert!(cut.len() <= 100 && cut.ends_with("…"), "{extra}: {cut}");
        }
    }
}
