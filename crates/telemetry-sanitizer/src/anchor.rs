//! Anchors and the windows by which they are found.

use crate::block::fold;
use crate::bytes::is_name;

/// What may follow the literal of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Any,
    /// What names and tokens consist of.
    Name,
    Hex,
    /// What ends a name: separators, quotes, `_` and the like, but no blank.
    Tie,
    /// The same, or the end of the text.
    TieOrEnd,
    Blank,
}

impl Next {
    fn folded(self) -> impl Iterator<Item = u8> {
        // Folding maps ASCII onto these 64 values.
        (0x20..=0x3f_u8)
            .chain(0x60..=0x7f)
            .filter(move |&c| self.has(c))
    }

    fn has(self, c: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Name => is_name(c) || c == fold(b'_'),
            Self::Hex => c.is_ascii_hexdigit(),
            Self::Tie => {
                b"=:-\"'%!>".contains(&c) || c == fold(b'_') || c == fold(b'\\') || c == fold(b']')
            }
            Self::TieOrEnd => c == fold(0) || Self::Tie.has(c),
            Self::Blank => c == fold(b' ') || c == fold(b'\t'),
        }
    }

    fn rarity(self) -> usize {
        match self {
            Self::Any => 0,
            Self::Name => 5,
            Self::Blank => 10,
            Self::Hex | Self::Tie | Self::TieOrEnd => 20,
        }
    }
}

/// What the rules look for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor<'a, R> {
    /// Two bytes or more; shorter ones are passed over.
    pub(crate) literal: &'a [u8],
    /// So many bytes of the literal stand before the place where the rule starts.
    pub(crate) lead: isize,
    pub(crate) next: Next,
    pub(crate) rule: R,
}

impl<'a, R> Anchor<'a, R> {
    pub(crate) const fn new(literal: &'a [u8], next: Next, rule: R) -> Self {
        Self {
            literal,
            lead: 0,
            next,
            rule,
        }
    }
}

/// A window of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<R> {
    pub(crate) window: [u8; 3],
    pub(crate) rule: R,
    /// Offset of the window from where the rule starts; -1 if it starts one byte before.
    pub(crate) offset: isize,
}

/// Adds the rarest window at an even offset and the rarest one at an odd offset.
pub(crate) fn add<R: Copy>(entries: &mut Vec<Entry<R>>, anchor: &Anchor<'_, R>) {
    let Anchor {
        literal,
        lead,
        next,
        rule,
    } = *anchor;
    let mut push = |a: u8, b: u8, c: u8, offset: isize| {
        entries.push(Entry {
            window: [a, b, c].map(fold),
            rule,
            offset: offset - lead,
        });
    };
    if let [a, b] = *literal {
        for c in next.folded() {
            push(a, b, c, 0);
            if next == Next::Hex {
                next.folded().for_each(|d| push(b, c, d, 1));
            }
        }
        if next != Next::Hex {
            Next::Any.folded().for_each(|any| push(any, a, b, -1));
        }
        return;
    }
    // A window that is not whole stands for many.
    const WHOLE: usize = 30;
    // In words of every log: took, search, request_id.
    const COMMON: &[&str] = &[
        "ook", "ear", "are", "ion", "_id", "id_", "ing", "ess", "sta", "ser", "ent", "res", "api",
        "app", "web", "plu", "spl", "lun", "unk", "fig", "out", "for", "com", "ice", "hoo", "ook",
        "oks", "pro", "pos", "con", "acc",
    ];
    for parity in 0..2 {
        let sum = |window: &[u8]| {
            let common = COMMON
                .iter()
                .any(|w| w.as_bytes().eq_ignore_ascii_case(window));
            if common {
                0
            } else {
                window.iter().map(|c| rarity(*c)).sum::<usize>()
            }
        };
        let whole = literal
            .windows(3)
            .enumerate()
            .map(|(i, w)| (i, w, sum(w) + WHOLE));
        // The last two bytes and what follows.
        let open = literal
            .windows(2)
            .enumerate()
            .skip(literal.len().saturating_sub(2));
        let open = open.map(|(i, w)| (i, w, sum(w) + next.rarity()));
        let best = whole
            .chain(open)
            .filter(|(i, ..)| i % 2 == parity)
            .max_by_key(|(_, _, rarity)| *rarity);
        match best {
            Some((i, &[a, b, c], _)) => push(a, b, c, i.cast_signed()),
            Some((i, &[a, b], _)) => next.folded().for_each(|c| push(a, b, c, i.cast_signed())),
            _ => {}
        }
    }
}

/// How rare a byte is in logs and English, roughly.
fn rarity(c: u8) -> usize {
    const COMMON_FIRST: &[u8] = b" etaoinsr_.=-:/hldcumfpgwybvk0123456789xjqz~";
    COMMON_FIRST
        .iter()
        .position(|f| *f == c.to_ascii_lowercase())
        .unwrap_or(COMMON_FIRST.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_windows_are_chosen() {
        let mut entries = Vec::new();
        add(&mut entries, &Anchor::new(b"bearer", Next::Blank, ()));
        assert_eq!(
            entries
                .iter()
                .map(|e| (e.window, e.offset))
                .collect::<Vec<_>>(),
            [(*b"bea", 0), (*b"rer", 3)]
        );
    }
}
