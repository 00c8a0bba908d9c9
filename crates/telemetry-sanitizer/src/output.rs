//! A text with its replacements.

use std::borrow::Cow;
use std::ops::Range;

use crate::MARKER;
use crate::assignment::Found;

/// How far a pass looks behind the last byte that is kept. What starts there and reaches back is at most an e-mail address.
const MARGIN: usize = 128;

/// The outcome of a pass.
#[derive(Debug)]
pub(crate) struct Pass<'t> {
    /// Borrowed when nothing was replaced.
    pub(crate) text: Cow<'t, str>,
    /// Whether the whole text was read. If not, [`Pass::text`] is longer than the budget.
    pub(crate) complete: bool,
}

/// The text with replacements so far.
#[derive(Debug)]
pub(crate) struct Output<'t> {
    text: &'t str,
    /// Everything before is in `out`.
    pub(crate) copied: usize,
    out: String,
    budget: usize,
    /// Keeps what was found instead of replacing it.
    found: Option<Vec<Found>>,
}

impl<'t> Output<'t> {
    /// Replaces what is found, until the text kept is longer than `budget`.
    pub(crate) fn new(text: &'t str, budget: usize) -> Self {
        Self {
            text,
            copied: 0,
            out: String::new(),
            budget,
            found: None,
        }
    }

    /// Keeps what is found and replaces nothing.
    pub(crate) fn finding(text: &'t str) -> Self {
        Self {
            found: Some(Vec::new()),
            ..Self::new(text, usize::MAX)
        }
    }

    /// Where reading may stop: the text kept up to there is longer than the budget.
    pub(crate) fn end(&self) -> usize {
        let left = self.budget.saturating_add(MARGIN);
        self.copied
            .saturating_add(left.saturating_sub(self.out.len()))
            .min(self.text.len())
    }

    pub(crate) fn replace(&mut self, found: &Found) {
        let Range { start, end } = found.range;
        // Ranges start and end at ASCII bytes; were one of them not a boundary, the text before would stay in, unharmed.
        let Some(before) = self.text.get(self.copied..start) else {
            return;
        };
        if !self.text.is_char_boundary(end) {
            return;
        }
        if let Some(all) = &mut self.found {
            all.push(found.clone());
        } else {
            self.out.push_str(before);
            let quote = |out: &mut String| {
                if let Some(slashes) = found.quote {
                    out.extend(std::iter::repeat_n('\\', slashes).chain(['"']));
                }
            };
            quote(&mut self.out);
            self.out.push_str(MARKER);
            quote(&mut self.out);
        }
        self.copied = end;
    }

    /// What was found, in ascending order.
    pub(crate) fn found(self) -> Vec<Found> {
        self.found.unwrap_or_default()
    }

    /// Up to where the text has been read.
    pub(crate) fn read(&self) -> &'t str {
        let mut end = self.end().max(self.copied);
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.text.get(..end).unwrap_or_default()
    }

    pub(crate) fn finish(mut self) -> Pass<'t> {
        let end = self.read().len();
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
