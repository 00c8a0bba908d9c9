//! The pre-filter: proves in one fast pass that a text holds nothing to look at.
//!
//! All that the rules look for has an *anchor*, a literal of at least three bytes and perhaps a class of bytes behind it. Of each
//! anchor two windows of three bytes are chosen, one at an even and one at an odd offset, as rare in ordinary text as possible.
//! Wherever the anchor stands, one of the two starts at an even offset of the text, so it is enough to look at every second
//! position: first in a set of hashed windows (two tables of 4 KiB, letters folded), then, for the few that pass, in the table of windows.
//!
//! Payment card numbers have no literal: a block of 16 bytes with a run of seven digits (and separators) is looked at.
//! E-mail addresses are found by their `@`.

use std::fmt;

use crate::anchor::{Anchor, Entry, add};
use crate::block::{BLOCK, Block, fold};

/// Places in each of the two tables, and groups of windows that share a bit in their bytes.
const PLACES: usize = 4096;
const GROUPS: u32 = 8;
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
    /// A window is in the set if a byte of the first table and one of the second have a bit in common.
    upper: Box<[u8; PLACES]>,
    lower: Box<[u8; PLACES]>,
    /// Sorted by slot.
    entries: Vec<Entry<R>>,
    /// Where each slot starts in `entries`.
    slots: Vec<u16>,
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
        let (mut upper, mut lower) = (Box::new([0_u8; PLACES]), Box::new([0_u8; PLACES]));
        for entry in &entries {
            let (up, low) = places(number(entry.window));
            // Windows with the same first two bytes share a group: they also share their place in the second table.
            let group = 1 << ((number(entry.window) & 0xffff) % 17 % GROUPS);
            upper
                .get_mut(up)
                .into_iter()
                .chain(lower.get_mut(low))
                .for_each(|byte| *byte |= group);
        }
        let slots = (0..=SLOTS)
            .map(|s| {
                u16::try_from(entries.partition_point(|e| slot(e.window) < s)).unwrap_or(u16::MAX)
            })
            .collect();
        Self {
            upper,
            lower,
            entries,
            slots,
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
            let hashed = self.may_have_any(&block.windows());
            let digits = block.has_three_digits();
            let at_sign = self.emails && block.has_at_sign();
            if hashed || digits || at_sign {
                let windows = if hashed { self.exact(&block) } else { 0 };
                let digits = digits && block.has_card_run() && has_card_digits(bytes, base);
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
            if self.may_have_any(&block.windows()) || block.has_three_digits() || self.emails {
                return self.next(bytes, base, bytes.len()).is_none();
            }
            #[cfg(test)]
            crate::bytes::work::add(BLOCK as u64);
            base += BLOCK;
        }
        true
    }

    /// The windows of a block that are in the table.
    #[cold]
    fn exact(&self, block: &Block) -> u8 {
        let mut exact = 0;
        for (n, &window) in block.windows().iter().enumerate() {
            let [a, b, c, _] = window.to_le_bytes();
            let found = self.may_have(window) != 0
                && self
                    .entries_of([a, b, c])
                    .iter()
                    .any(|e| e.window == [a, b, c]);
            exact |= u8::from(found) << n;
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
            if self.may_have_any(&block.windows()) && self.exact(&block) != 0 {
                return true;
            }
            bytes = bytes.get(BLOCK..).unwrap_or_default();
        }
        false
    }

    #[inline(always)]
    fn may_have_any(&self, windows: &[u32; 8]) -> bool {
        windows.iter().fold(0, |all, w| all | self.may_have(*w)) != 0
    }

    /// Not zero if the first three bytes may be a window.
    #[inline(always)]
    fn may_have(&self, folded: u32) -> u8 {
        let (up, low) = places(folded);
        self.upper
            .get(up)
            .map_or(0, |group| group & self.lower.get(low).copied().unwrap_or(0))
    }
}

/// Whether thirteen digits with blanks or dashes stand in a row around the block at `base`.
#[cold]
fn has_card_digits(bytes: &[u8], base: usize) -> bool {
    /// Most bytes of a card number with separators.
    const LONGEST: usize = 23;
    const FEWEST: usize = 13;
    let around = base.saturating_sub(LONGEST)..bytes.len().min(base + BLOCK + LONGEST);
    let mut digits = 0;
    bytes.get(around).unwrap_or_default().iter().any(|c| {
        digits = match c {
            b'0'..=b'9' => digits + 1,
            b' ' | b'-' => digits,
            _ => 0,
        };
        digits >= FEWEST
    })
}

fn number([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}

fn slot(window: [u8; 3]) -> usize {
    places(number(window)).0 * SLOTS / PLACES
}

/// Of the first three bytes of a folded window: two numbers below `PLACES`, the first of all bytes, the second of the first two.
#[inline(always)]
fn places(folded: u32) -> (usize, usize) {
    let mixed = (folded << 8).wrapping_mul(0x1656_67b1);
    ((mixed >> 20) as usize, (mixed >> 8 & 0xfff) as usize)
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
