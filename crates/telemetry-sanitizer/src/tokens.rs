//! Tokens known by their shape: a fixed prefix and a run of certain characters.

use std::ops::Range;

use crate::anchor::Next;
use crate::bytes::{at, has, in_word, skip};

/// The characters a token goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// `A-Z0-9`
    Upper,
    /// `A-Za-z0-9`
    Alnum,
    /// `0-9a-f`
    Hex,
    /// `0-9a-fA-F-`: also of UUIDs
    HexDash,
    /// `A-Za-z0-9_-`
    Base64Url,
    /// `A-Za-z0-9_-` and `.=`
    Dotted,
    /// `A-Za-z0-9_-` and `.=+/`
    Wide,
    /// `A-Za-z0-9` and `./+=$,-}`: a password's hash with its salt and parameters
    Hash,
}

impl Run {
    fn has(self, c: u8) -> bool {
        match self {
            Self::Upper => c.is_ascii_uppercase() || c.is_ascii_digit(),
            Self::Alnum => c.is_ascii_alphanumeric(),
            Self::Hex => c.is_ascii_digit() || (b'a'..=b'f').contains(&c),
            Self::HexDash => c.is_ascii_hexdigit() || c == b'-',
            Self::Base64Url => c.is_ascii_alphanumeric() || c == b'_' || c == b'-',
            Self::Dotted => c.is_ascii_alphanumeric() || b"_-.=".contains(&c),
            Self::Wide => c.is_ascii_alphanumeric() || b"_-.=+/".contains(&c),
            Self::Hash => c.is_ascii_alphanumeric() || b"./+=$,-}".contains(&c),
        }
    }
}

/// What else makes a run behind a prefix a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// Nothing: the prefix stands nowhere else.
    Prefix,
    /// No letter or digit before the prefix.
    Start,
    /// The same, and a digit or letters of both cases: the prefix is also the start of words.
    Mixed,
}

/// One kind of token.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) prefix: &'static str,
    run: Run,
    /// Fewest characters behind the prefix. What is shorter is no token.
    min: usize,
    sign: Sign,
}

impl Shape {
    /// What may follow a prefix that is too short to be an anchor.
    pub(crate) fn next(&self) -> Next {
        match self.run {
            Run::Hex => Next::Hex,
            Run::Dotted | Run::Wide | Run::Hash => Next::Any,
            _ => Next::Name,
        }
    }

    /// The token whose prefix starts at `start`.
    pub(crate) fn find(&self, b: &[u8], start: usize) -> Option<Range<usize>> {
        /// So many characters are looked at for digits and letters of both cases.
        const JUDGED: usize = 64;
        if !has(b, start, self.prefix.as_bytes()) {
            return None;
        }
        let body = start + self.prefix.len();
        if !(body..body + self.min).all(|i| self.run.has(at(b, i))) {
            return None;
        }
        if self.sign != Sign::Prefix && in_word(b, start) {
            return None;
        }
        if self.sign == Sign::Mixed {
            let judged = skip(b.get(..(body + JUDGED).min(b.len()))?, body, |c| {
                self.run.has(c)
            });
            let judged = b.get(body..judged)?;
            let digit = judged.iter().any(u8::is_ascii_digit);
            let upper = judged.iter().any(u8::is_ascii_uppercase);
            let lower = judged.iter().any(u8::is_ascii_lowercase);
            if !(digit || (upper && lower)) {
                return None;
            }
        }
        // An address is no secret.
        let start = if self.prefix.ends_with('/') {
            body
        } else {
            start
        };
        // Whatever the format says of lengths: nothing of a longer run is left behind.
        Some(
            start..skip(b, body + self.min, |c| {
                self.run.has(c) || c.is_ascii_alphanumeric()
            }),
        )
    }
}

pub(crate) const fn shape(prefix: &'static str, run: Run, min: usize) -> Shape {
    Shape {
        prefix,
        run,
        min,
        sign: Sign::Prefix,
    }
}

pub(crate) const fn start(prefix: &'static str, run: Run, min: usize) -> Shape {
    Shape {
        prefix,
        run,
        min,
        sign: Sign::Start,
    }
}

pub(crate) const fn mixed(prefix: &'static str, run: Run, min: usize) -> Shape {
    Shape {
        prefix,
        run,
        min,
        sign: Sign::Mixed,
    }
}
