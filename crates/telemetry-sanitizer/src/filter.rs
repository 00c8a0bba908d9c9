//! The pre-filter: proves in one fast pass that a text holds nothing to look at.
//!
//! All that the rules look for has an *anchor*, a literal of at least three bytes and perhaps a class of bytes behind it. Of each
//! anchor two windows of three bytes are chosen, one at an even and one at an odd offset, as rare in ordinary text as possible.
//! Wherever the anchor stands, one of the two starts at an even offset of the text, so it is enough to look at every second
//! position: first in a set of 16 KiB (by two bytes the third one, six and five bits of them), then, for the few that pass, in
//! the table of windows.
//!
//! Payment card numbers have no literal: a block of 16 bytes with a run of seven digits (and separators) is looked at.
//! E-mail addresses are found by their `@`.

use std::fmt;

use crate::anchor::{Anchor, Entry, add};
use crate::block::{BLOCK, Block, Digits, PAIRS, fold, pair};
use crate::bytes::{at, skip_back};

const SLOTS: usize = 1024;

/// What the filter has seen in a block that starts at `base`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) base: usize,
    /// Bit `n`: the window at `base + 2 * n` belongs to an anchor.
    windows: u8,
    /// Enough digits in a row for a card number.
    pub(crate) digits: bool,
    /// An `@`, when e-mail addresses are looked for.
    pub(crate) at_sign: bool,
}

impl Hit {
    /// The positions of the windows.
    pub(crate) fn windows(self) -> impl Iterator<Item = usize> {
        (0..8)
            .filter(move |n| self.windows >> n & 1 == 1)
            .map(move |n| self.base + 2 * n)
    }
}

/// The set of windows and the rules they lead to.
#[derive(Clone)]
pub(crate) struct Filter<R> {
    /// For the first two bytes of a window, the low five bits of its third byte.
    thirds: Box<[u32; PAIRS]>,
    /// Sorted by slot.
    entries: Vec<Entry<R>>,
    /// Where each slot starts in `entries`.
    slots: Vec<u16>,
    /// Whether a window consists of digits.
    has_digits: bool,
    emails: bool,
}

impl<R> fmt::Debug for Filter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("entries", &self.entries.len())
            .field("emails", &self.emails)
            .finish_non_exhaustive()
    }
}

impl<R: Copy + PartialEq> Filter<R> {
    pub(crate) fn new<'a>(anchors: impl IntoIterator<Item = Anchor<'a, R>>, emails: bool) -> Self
    where
        R: 'a,
    {
        let mut entries = Vec::new();
        for anchor in anchors {
            add(&mut entries, &anchor);
        }
        entries.sort_by_key(|e: &Entry<R>| (slot(e.window), e.window, e.offset));
        entries.dedup();
        let mut thirds = Box::new([0_u32; PAIRS]);
        for Entry {
            window: [a, b, c], ..
        } in &entries
        {
            if let Some(set) = thirds.get_mut(pair(*a, *b)) {
                *set |= 1 << (c & 0x1f);
            }
        }
        let has_digits = entries
            .iter()
            .any(|e| e.window.iter().all(u8::is_ascii_digit));
        // Three digits of a card number start at an even offset, wherever its groups begin.
        for (a, b) in (b'0'..=b'9').flat_map(|a| (b'0'..=b'9').map(move |b| (a, b))) {
            if let Some(set) = thirds.get_mut(pair(a, b)) {
                *set |= (b'0'..=b'9').fold(0, |digits, c| digits | 1 << (c & 0x1f));
            }
        }
        let slots = (0..=SLOTS)
            .map(|s| {
                u16::try_from(entries.partition_point(|e| slot(e.window) < s)).unwrap_or(u16::MAX)
            })
            .collect();
        Self {
            thirds,
            entries,
            slots,
            has_digits,
            emails,
        }
    }

    /// The rules to which the window at `position` leads, with the start of their anchors.
    pub(crate) fn rules<'a>(
        &'a self,
        bytes: &[u8],
        position: usize,
    ) -> impl Iterator<Item = (R, usize)> + use<'a, R> {
        let byte = |i: usize| bytes.get(position + i).copied().map_or(fold(0), fold);
        let window = [byte(0), byte(1), byte(2)];
        self.entries_of(window)
            .iter()
            .filter(move |e| e.window == window)
            .filter_map(move |e| Some((e.rule, position.checked_add_signed(-e.offset)?)))
    }

    fn entries_of(&self, window: [u8; 3]) -> &[Entry<R>] {
        let slot = slot(window);
        let at = |s: usize| self.slots.get(s).copied().map_or(0, usize::from);
        self.entries.get(at(slot)..at(slot + 1)).unwrap_or_default()
    }

    /// The first block between `from` and `end` that must be looked at.
    pub(crate) fn next(&self, bytes: &[u8], from: usize, end: usize) -> Option<Hit> {
        let mut base = from;
        while base < end {
            let rest = bytes.get(base..)?;
            #[cfg(test)]
            crate::bytes::work::add(BLOCK as u64);
            let block = Block::new(rest);
            let found = self.may_have_any(&block);
            let at_sign = self.emails && block.has_at_sign();
            if found || at_sign {
                let digits = block.digits();
                let windows = if found {
                    self.exact(&block, &digits)
                } else {
                    0
                };
                let digits = found
                    && digits.has_three()
                    && block
                        .card_runs(&digits)
                        .is_some_and(|runs| runs.iter().any(|i| has_card_digits(bytes, base + i)));
                if windows != 0 || digits || at_sign {
                    return Some(Hit {
                        base,
                        windows,
                        digits,
                        at_sign,
                    });
                }
            }
            base += BLOCK;
        }
        None
    }

    /// Whether there is no block to look at: the same as [`Filter::next`], for texts that mostly have none.
    #[inline]
    pub(crate) fn is_clean(&self, bytes: &[u8]) -> bool {
        let mut base = 0;
        while let Some(rest) = bytes.get(base..).filter(|rest| !rest.is_empty()) {
            let block = Block::new(rest);
            if self.may_have_any(&block) || self.emails {
                return self.next(bytes, base, bytes.len()).is_none();
            }
            #[cfg(test)]
            crate::bytes::work::add(BLOCK as u64);
            base += BLOCK;
        }
        true
    }

    /// The windows of a block that are in the table.
    #[inline(always)]
    fn exact(&self, block: &Block, digits: &Digits) -> u8 {
        let pairs = block.pairs();
        let mut maybe = 0_u8;
        for (n, (&pair, &next)) in pairs.iter().zip(pairs.iter().skip(1)).enumerate() {
            maybe |= u8::from(self.has(pair, next) != 0) << n;
        }
        if !self.has_digits {
            maybe &= !digits.windows();
        }
        if maybe == 0 {
            return 0;
        }
        let windows = block.windows();
        let mut exact = 0;
        while maybe != 0 {
            let n = maybe.trailing_zeros();
            maybe &= maybe - 1;
            let [a, b, c, _] = windows.get(n as usize).copied().unwrap_or(0).to_le_bytes();
            let mut entries = self.entries_of([a, b, c]).iter();
            exact |= u8::from(entries.any(|e| e.window == [a, b, c])) << n;
        }
        exact
    }

    /// Whether a window stands anywhere in a short text such as a key.
    #[inline]
    pub(crate) fn has_window(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            #[cfg(test)]
            crate::bytes::work::add(BLOCK as u64);
            let block = Block::new(bytes);
            if self.may_have_any(&block) && self.exact(&block, &block.digits()) != 0 {
                return true;
            }
            bytes = bytes.get(BLOCK..).unwrap_or_default();
        }
        false
    }

    /// Whether one of the windows may be in the table.
    #[inline(always)]
    fn may_have_any(&self, block: &Block) -> bool {
        let pairs = block.pairs();
        let mut any = 0;
        for (&pair, &next) in pairs.iter().zip(pairs.iter().skip(1)) {
            // The next pair starts with the third byte.
            any |= self.has(pair, next);
        }
        any != 0
    }

    /// Not zero if a window of these two bytes and a third one with these low bits may be in the table.
    #[inline(always)]
    fn has(&self, pair: usize, third: usize) -> u32 {
        let set = self.thirds.get(pair & (PAIRS - 1)).copied().unwrap_or(0);
        set & BITS.get(third & (BITS.len() - 1)).copied().unwrap_or(0)
    }
}

/// `1 << n`: quicker looked up than shifted.
const BITS: [u32; 32] = {
    let mut bits = [0; 32];
    let mut n = 0;
    while n < bits.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            bits[n] = 1 << n;
        }
        n += 1;
    }
    bits
};

/// Whether thirteen digits with blanks or dashes stand in a row around `place`.
fn has_card_digits(bytes: &[u8], place: usize) -> bool {
    /// Most bytes of a card number with separators, but for the seven in its block.
    const LONGEST: usize = 16;
    const FEWEST: usize = 13;
    let is_part = |c: u8| c.is_ascii_digit() || c == b' ' || c == b'-';
    let start = skip_back(bytes, place, place.saturating_sub(LONGEST), is_part);
    let mut digits = 0;
    for i in start..start + 2 * LONGEST {
        let c = at(bytes, i);
        if c.is_ascii_digit() {
            digits += 1;
        } else if !is_part(c) {
            break;
        }
        if digits == FEWEST {
            return true;
        }
    }
    false
}

/// Where the entries of a window stand.
fn slot([a, b, c]: [u8; 3]) -> usize {
    let mixed = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x1656_67b1);
    (mixed >> 16) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anchor::Next;

    fn found<R: Copy + PartialEq>(filter: &Filter<R>, text: &str) -> bool {
        filter.next(text.as_bytes(), 0, text.len()).is_some()
    }

    #[test]
    fn an_anchor_is_seen_at_every_offset_and_in_any_case() {
        let anchors = [
            Anchor::new(&b"secret"[..], Next::Any, 1),
            Anchor::new(b"pwd", Next::Any, 2),
            Anchor::new(b"zq", Next::Any, 3),
            Anchor::new(b"sig", Next::Tie, 4),
            Anchor::new(b"JX", Next::Hex, 5),
        ];
        let filter = Filter::new(anchors, false);
        for (word, rule) in [
            ("secret", 1),
            ("SECRET", 1),
            ("sEcReT", 1),
            ("pwd", 2),
            ("PWD=", 2),
            ("zq", 3),
            ("Zq!", 3),
            ("SIG=", 4),
            ("jxf0", 5),
        ] {
            for before in 0..40 {
                for after in 0..20 {
                    let text = format!("{}{word}{}", ".".repeat(before), " ".repeat(after));
                    let hit = filter.next(text.as_bytes(), 0, text.len()).expect(&text);
                    let starts: Vec<_> = hit
                        .windows()
                        .flat_map(|w| filter.rules(text.as_bytes(), w))
                        .collect();
                    assert!(
                        starts.contains(&(rule, before)),
                        "{text:?} {hit:?} {starts:?}"
                    );
                }
            }
        }
        assert!(!found(
            &filter,
            "an ordinary line of text with nothing in it, and a design or signal"
        ));
    }

    #[test]
    fn digits_count_when_they_stand_in_a_row() {
        let filter: Filter<()> = Filter::new([], false);
        for before in 0..40 {
            assert!(found(
                &filter,
                &format!("{}4111111111111", "x".repeat(before))
            ));
            assert!(found(
                &filter,
                &format!("{}4111 1111 1111 1111", "x".repeat(before))
            ));
            assert!(found(
                &filter,
                &format!("{}3782-822463-10005", "x".repeat(before))
            ));
        }
        assert!(!found(
            &filter,
            "status=200 bytes=5120 4bf92f3577b34da6a3ce929d0e0e4736"
        ));
    }

    #[test]
    fn at_signs_only_when_asked_for() {
        let filter = |emails| Filter::<()>::new([], emails);
        assert!(found(&filter(true), "me@example.org"));
        assert!(!found(&filter(false), "me@example.org"));
    }
}
