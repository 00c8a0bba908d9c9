//! One pass over a text: the filter names places, the rules decide, what they find is replaced.

use std::borrow::Cow;

use regex::Regex;

use crate::MARKER;
use crate::anchor::{Anchor, Next};
use crate::assignment::{Found, assignment};
use crate::block::BLOCK;
use crate::bytes::{at, has, is_blank, skip_back};
use crate::filter::{Filter, Hit};
use crate::keys::Keys;
use crate::tokens::SHAPES;
use crate::words::{INSIDE, STRONG, WEAK};
use crate::{enclosed, network, numbers};

/// How far a pass looks behind the last byte that is kept. What starts there and reaches back is at most an e-mail address.
const MARGIN: usize = 128;
/// A card number reaches at most this far back from the block with most of its digits.
const CARD_REACH: usize = 24;

/// What to try where an anchor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Key,
    Scheme,
    Url,
    UserFlag,
    PrivateKey,
    InnerAnchor,
    /// Index in [`SHAPES`].
    Token(usize),
}

/// Anchors besides those of keys and tokens.
const ANCHORS: &[Anchor<'static, Rule>] = &[
    Anchor::new(b"bearer", Next::Blank, Rule::Scheme),
    Anchor::new(b"basic", Next::Blank, Rule::Scheme),
    Anchor::new(b"splunk", Next::Blank, Rule::Scheme),
    Anchor::new(b"negotiate", Next::Blank, Rule::Scheme),
    Anchor::new(b"ntlm", Next::Blank, Rule::Scheme),
    Anchor::new(b"://", Next::Any, Rule::Url),
    Anchor::new(b"--user", Next::Any, Rule::UserFlag),
    Anchor::new(b"--proxy-user", Next::Any, Rule::UserFlag),
    Anchor {
        literal: b" -u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor {
        literal: b"\"-u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor {
        literal: b"'-u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor {
        literal: b"\n-u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor::new(b"BEGIN ", Next::Name, Rule::PrivateKey),
    Anchor::new(b":AA", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"0Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"1Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"2Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"3Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"4Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"5Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"6Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"7Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"8Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"9Q~", Next::Name, Rule::InnerAnchor),
];

/// Words whose last two letters are common in prose: in free text, an end of the name must follow (`sso=`, `sig_x`).
const TIED: &[&str] = &["creds", "dsn", "otp", "psk", "sig", "sso"];

/// Everything a pass needs, built once.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    pub(crate) keys: Keys,
    pub(crate) patterns: Vec<Regex>,
    filter: Filter<Rule>,
    key_filter: Filter<()>,
    emails: bool,
    /// Whether an added key is too short for a filter.
    tiny_keys: bool,
}

/// The outcome of a pass.
#[derive(Debug)]
pub(crate) struct Pass<'t> {
    /// Borrowed when nothing was replaced.
    pub(crate) text: Cow<'t, str>,
    /// Whether the whole text was read. If not, [`Pass::text`] is longer than the budget.
    pub(crate) complete: bool,
}

/// The words by which sensitive keys are found, without those that contain another one.
fn key_words(keys: &Keys) -> Vec<&str> {
    let mut words: Vec<&str> = INSIDE.iter().chain(STRONG).chain(WEAK).copied().collect();
    words.extend([
        "key",
        "sig",
        "amz-sig",
        "goog-sig",
        "splunkd_",
        "session_id_",
    ]);
    words.extend(keys.added_words());
    words.sort_by_key(|word| word.len());
    let mut kept: Vec<&str> = Vec::new();
    for word in words {
        if !kept.iter().any(|k| word.contains(k) && !TIED.contains(k)) {
            kept.push(word);
        }
    }
    kept
}

impl Scanner {
    pub(crate) fn new(keys: Keys, patterns: Vec<Regex>, emails: bool) -> Self {
        let words = key_words(&keys);
        let in_text = words.iter().map(|word| {
            let next = if TIED.contains(word) {
                Next::Tie
            } else {
                Next::Any
            };
            Anchor::new(word.as_bytes(), next, Rule::Key)
        });
        let tokens = SHAPES
            .iter()
            .enumerate()
            .map(|(i, shape)| Anchor::new(shape.prefix.as_bytes(), shape.next(), Rule::Token(i)));
        let filter = Filter::new(in_text.chain(ANCHORS.iter().copied()).chain(tokens), emails);
        let in_keys = words.iter().map(|word| {
            let next = if TIED.contains(word) {
                Next::TieOrEnd
            } else {
                Next::Any
            };
            Anchor::new(word.as_bytes(), next, ())
        });
        let key_filter = Filter::new(in_keys, false);
        Self {
            filter,
            key_filter,
            tiny_keys: keys.has_tiny(),
            keys,
            patterns,
            emails,
        }
    }

    /// Whether the filter proves that `key` is not sensitive.
    #[inline]
    pub(crate) fn is_clean_key(&self, key: &str) -> bool {
        !self.tiny_keys && !self.key_filter.has_window(key.as_bytes())
    }

    /// Whether the filter proves that nothing is to be redacted in `text`. Patterns are not asked.
    #[inline]
    pub(crate) fn is_clean(&self, text: &str) -> bool {
        self.filter.is_clean(text.as_bytes())
    }

    /// Replaces what the rules and patterns find, until the text kept is longer than `budget`.
    pub(crate) fn pass<'t>(&self, text: &'t str, budget: usize) -> Pass<'t> {
        let b = text.as_bytes();
        let mut out = Output {
            text,
            copied: 0,
            out: String::new(),
        };
        let (mut from, mut settled) = (0, 0);
        loop {
            let end = out.end(budget).min(b.len());
            let Some(hit) = self.filter.next(b, from, end) else {
                break;
            };
            from = hit.base + BLOCK;
            if hit.digits {
                cards(b, &hit, &mut out);
            }
            for window in hit.windows() {
                for (rule, start) in self.filter.rules(b, window) {
                    if start >= out.copied
                        && let Some(found) = self.apply(rule, text, start, out.copied, &mut settled)
                    {
                        out.replace(&found);
                    }
                }
            }
            if hit.at_sign && self.emails {
                emails(b, &hit, &mut out);
            }
            from = from.max(out.copied);
        }
        let Pass { text, complete } = out.finish(budget);
        Pass {
            text: self.apply_patterns(text),
            complete,
        }
    }

    /// Tries a rule whose anchor starts at `start`.
    fn apply(
        &self,
        rule: Rule,
        text: &str,
        start: usize,
        floor: usize,
        settled: &mut usize,
    ) -> Option<Found> {
        let b = text.as_bytes();
        let range = match rule {
            Rule::Key => return assignment(text, start, floor, settled, &self.keys),
            Rule::Scheme => network::scheme(b, start),
            Rule::Url if has(b, start, b"://") => network::userinfo(b, start),
            Rule::Url => None,
            Rule::UserFlag => network::user_flag(b, start),
            Rule::PrivateKey => enclosed::private_key(b, start),
            Rule::InnerAnchor => enclosed::inner_anchor(b, start),
            Rule::Token(index) => SHAPES.get(index).and_then(|shape| shape.find(b, start)),
        };
        range.filter(|r| r.start >= floor).map(Found::plain)
    }

    /// Replaces the matches of the caller's patterns between markers.
    fn apply_patterns<'t>(&self, mut text: Cow<'t, str>) -> Cow<'t, str> {
        for pattern in &self.patterns {
            let mut out = String::new();
            for (index, part) in text.split(MARKER).enumerate() {
                if index > 0 {
                    out.push_str(MARKER);
                }
                let mut copied = 0;
                for found in pattern.find_iter(part).filter(|m| !m.is_empty()) {
                    out.push_str(part.get(copied..found.start()).unwrap_or_default());
                    out.push_str(MARKER);
                    copied = found.end();
                }
                out.push_str(part.get(copied..).unwrap_or_default());
            }
            if out != *text {
                text = Cow::Owned(out);
            }
        }
        text
    }
}

/// Replaces the card numbers that start in a block or a little before.
fn cards(b: &[u8], hit: &Hit, out: &mut Output<'_>) {
    let is_part = |c: u8| c.is_ascii_digit() || c == b'-' || is_blank(c);
    let floor = hit.base.saturating_sub(CARD_REACH).max(out.copied);
    for start in skip_back(b, hit.base.max(floor), floor, is_part)..hit.base + BLOCK {
        if start >= out.copied
            && at(b, start).is_ascii_digit()
            && let Some(range) = numbers::card(b, start)
        {
            out.replace(&Found::plain(range));
        }
    }
}

/// Replaces the e-mail addresses whose `@` stands in a block.
fn emails(b: &[u8], hit: &Hit, out: &mut Output<'_>) {
    for sign in hit.base..hit.base + BLOCK {
        if sign >= out.copied
            && at(b, sign) == b'@'
            && let Some(range) = network::email(b, sign, out.copied)
        {
            out.replace(&Found::plain(range));
        }
    }
}

/// The text with replacements so far.
struct Output<'t> {
    text: &'t str,
    /// Everything before is in `out`.
    copied: usize,
    out: String,
}

impl<'t> Output<'t> {
    /// Where reading may stop: the text kept up to there is longer than `budget`.
    fn end(&self, budget: usize) -> usize {
        self.copied
            .saturating_add(budget.saturating_add(MARGIN).saturating_sub(self.out.len()))
    }

    fn replace(&mut self, found: &Found) {
        // Ranges start and end at ASCII bytes; were one of them not a boundary, the text before would stay in, unharmed.
        let Some(before) = self.text.get(self.copied..found.range.start) else {
            return;
        };
        if !self.text.is_char_boundary(found.range.end) {
            return;
        }
        self.out.push_str(before);
        let quote = |out: &mut String| {
            if let Some(slashes) = found.quote {
                out.extend(std::iter::repeat_n('\\', slashes).chain(['"']));
            }
        };
        quote(&mut self.out);
        self.out.push_str(MARKER);
        quote(&mut self.out);
        self.copied = found.range.end;
    }

    fn finish(mut self, budget: usize) -> Pass<'t> {
        let mut end = self.end(budget).max(self.copied).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let complete = end == self.text.len();
        let rest = self.text.get(self.copied..end).unwrap_or_default();
        let text = if self.copied == 0 && self.out.is_empty() {
            Cow::Borrowed(rest)
        } else {
            self.out.push_str(rest);
            Cow::Owned(self.out)
        };
        Pass { text, complete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_key_tables_is_found_in_keys_and_in_text() {
        let scanner = Scanner::new(Keys::default(), Vec::new(), false);
        for word in INSIDE.iter().chain(STRONG).chain(WEAK).chain(&[
            "api_key",
            "x-amz-signature",
            "sig",
            "splunkd_8089",
            "session_id_8000",
        ]) {
            for key in [
                word.to_string(),
                word.to_uppercase(),
                format!("a.{word}"),
                format!("ab_{word}"),
                format!("{word}_x"),
            ] {
                assert!(!scanner.is_clean_key(&key), "{key}");
                for text in [
                    format!("{key}=1"),
                    format!(" {key}: 1"),
                    format!("\"{key}\":1"),
                    format!("<{key}>1</{key}>"),
                ] {
                    assert!(!scanner.is_clean(&text), "{text}");
                }
            }
        }
    }

    #[test]
    fn telemetry_keys_need_no_second_look() {
        let scanner = Scanner::new(Keys::default(), Vec::new(), false);
        for key in [
            "mcp.tool.name",
            "mcp.session.id",
            "mcp.request.id",
            "http.request.method",
            "splunk.app",
            "splunk.sid",
            "url.full",
        ] {
            assert!(scanner.is_clean_key(key), "{key}");
        }
    }

    #[test]
    fn a_pass_stops_behind_its_budget() {
        let scanner = Scanner::new(Keys::default(), Vec::new(), false);
        let text = "word ".repeat(1000);
        let pass = scanner.pass(&text, 100);
        assert!(!pass.complete && pass.text.len() > 100 && pass.text.len() < 400);
        assert!(scanner.pass(&text, 5000).complete);
    }
}
