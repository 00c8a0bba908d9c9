//! One pass over a text: the filter names places, the rules decide, what they find is replaced.

use std::borrow::Cow;

use regex::Regex;

use crate::assignment::{Found, assignment};
use crate::block::BLOCK;
use crate::bytes::{at, has, is_blank, skip_back};
use crate::filter::{Filter, Hit};
use crate::keys::{Class, Keys};
use crate::known::Known;
use crate::output::{Output, Pass};
use crate::rules::{self, Rule};
use crate::shapes::SHAPES;
use crate::{MARKER, base64, enclosed, escapes, network, numbers};

/// How many layers of escapes and base64 are taken off.
const MOST_LAYERS: usize = 4;
/// A card number reaches at most this far back from the block with most of its digits.
const CARD_REACH: usize = 24;

/// Everything a pass needs, built once.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    known: Known,
    pub(crate) keys: Keys,
    pub(crate) patterns: Vec<Regex>,
    filter: Filter<Rule>,
    key_filter: Filter<()>,
    emails: bool,
    /// Whether an added key is too short for a filter.
    tiny_keys: bool,
}

impl Scanner {
    pub(crate) fn new(keys: Keys, patterns: Vec<Regex>, emails: bool) -> Self {
        let words = rules::key_words(&keys);
        Self {
            filter: Filter::new(rules::in_text(&words), emails),
            known: Known::new(|name| keys.class(name) == Class::Clean),
            key_filter: Filter::new(rules::in_keys(&words), false),
            tiny_keys: keys.has_tiny(),
            keys,
            patterns,
            emails,
        }
    }

    /// Whether it is quickly proved that `key` is not sensitive.
    #[inline]
    pub(crate) fn is_clean_key(&self, key: &str) -> bool {
        self.known.has(key) || self.has_no_key_window(key)
    }

    fn has_no_key_window(&self, key: &str) -> bool {
        !self.tiny_keys && !self.key_filter.has_window(key.as_bytes())
    }

    /// Whether the filter proves that nothing is to be redacted in `text`. Patterns are not asked.
    #[inline]
    pub(crate) fn is_clean(&self, text: &str) -> bool {
        self.filter.is_clean(text.as_bytes())
    }

    /// Replaces what the rules and patterns find, until the text kept is longer than `budget`.
    pub(crate) fn pass<'t>(&self, text: &'t str, budget: usize) -> Pass<'t> {
        let mut out = Output::new(text, budget);
        if self.scan(text, &mut out, 0) {
            // A secret may go on behind an escape: all is found before anything is replaced.
            let found = self.found_in(out.read(), 0);
            out = Output::new(text, budget);
            found.iter().for_each(|found| out.replace(found));
        }
        let Pass { text, complete } = out.finish();
        Pass {
            text: self.apply_patterns(text),
            complete,
        }
    }

    /// Hands what the rules find to `out`. Returns whether the text holds escapes.
    fn scan(&self, text: &str, out: &mut Output<'_>, layer: usize) -> bool {
        let b = text.as_bytes();
        let mut done = Done::default();
        let mut escaped = false;
        let mut from = 0;
        while let Some(hit) = self.filter.next(b, from, out.end()) {
            from = hit.base + BLOCK;
            if hit.digits {
                cards(b, &hit, out);
            }
            for window in hit.windows() {
                for (rule, start) in self.filter.rules(b, window) {
                    escaped |= rule == Rule::Escape;
                    if start >= out.copied
                        && let Some(found) =
                            self.apply(rule, text, start, out.copied, &mut done, layer)
                    {
                        out.replace(&found);
                    }
                }
            }
            if hit.at_sign && self.emails {
                emails(b, &hit, out);
            }
            from = from.max(out.copied);
        }
        escaped
    }

    /// Tries a rule whose anchor starts at `start`.
    fn apply(
        &self,
        rule: Rule,
        text: &str,
        start: usize,
        floor: usize,
        done: &mut Done,
        layer: usize,
    ) -> Option<Found> {
        let b = text.as_bytes();
        let range = match rule {
            Rule::Key => return assignment(text, start, floor, &mut done.names, &self.keys),
            Rule::Scheme => network::scheme(b, start),
            Rule::Url if has(b, start, b"://") => network::userinfo(b, start),
            Rule::Url | Rule::Escape => None,
            Rule::UserFlag => network::user_flag(b, start),
            Rule::PrivateKey => enclosed::private_key(b, start),
            Rule::InnerAnchor => enclosed::inner_anchor(b, start),
            Rule::Base64 if layer < MOST_LAYERS => base64::run(b, start, floor, &mut done.base64)
                .filter(|run| {
                    let inside = base64::decoded(b.get(run.clone()).unwrap_or_default());
                    !self.found_in(&inside, layer + 1).is_empty()
                }),
            Rule::Base64 => None,
            Rule::Token(index) => SHAPES.get(index).and_then(|shape| shape.find(b, start)),
        };
        range.filter(|r| r.start >= floor).map(Found::plain)
    }

    /// What the rules find in `text` as it is and behind its escapes, in ascending order.
    fn found_in(&self, text: &str, layer: usize) -> Vec<Found> {
        let mut out = Output::finding(text);
        let escaped = self.scan(text, &mut out, layer);
        let mut found = out.found();
        if escaped && layer < MOST_LAYERS {
            let plain = escapes::read(text);
            let behind = self.found_in(plain.text(), layer + 1);
            found.extend(
                behind
                    .into_iter()
                    .map(|found| Found::plain(plain.origin(found.range))),
            );
            found = merged(found);
        }
        found
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

/// Up to where rules that look at more than their own place have looked.
#[derive(Debug, Default)]
struct Done {
    names: usize,
    base64: usize,
}

/// In ascending order, what overlaps as one.
fn merged(mut all: Vec<Found>) -> Vec<Found> {
    all.sort_by_key(|found| (found.range.start, found.quote.is_none()));
    let mut merged: Vec<Found> = Vec::with_capacity(all.len());
    for found in all {
        match merged.last_mut() {
            Some(last) if found.range.start < last.range.end => {
                if found.range.end > last.range.end {
                    *last = Found::plain(last.range.start..found.range.end);
                }
            }
            _ => merged.push(found),
        }
    }
    merged
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{INSIDE, STRONG, WEAK};

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
