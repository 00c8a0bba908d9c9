//! Many words looked for at once, in every way of writing them.

use std::collections::HashMap;

/// The shortest word that can be looked for, in bytes: shorter ones stand in random text by
/// chance.
pub const SHORTEST: usize = 10;

/// Bits of the filter in front of the table.
const FILTER: usize = 1 << 23;

/// Words to look for; each has a number.
#[derive(Debug, Default)]
pub struct Needles {
    by_start: HashMap<[u8; SHORTEST], Vec<Needle>>,
    filter: Vec<u64>,
}

#[derive(Debug)]
struct Needle {
    number: usize,
    way: &'static str,
    bytes: Vec<u8>,
}

/// A word that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of the word.
    pub number: usize,
    /// How it was written.
    pub way: &'static str,
    /// Where it begins.
    pub at: usize,
}

impl Needles {
    /// No words.
    #[must_use]
    pub fn new() -> Self {
        Self {
            by_start: HashMap::new(),
            filter: vec![0; FILTER / 64],
        }
    }

    /// Looks for a word as it is.
    ///
    /// # Panics
    ///
    /// If it is shorter than [`SHORTEST`].
    pub fn add(&mut self, number: usize, way: &'static str, word: impl Into<Vec<u8>>) {
        let bytes = word.into();
        let start = start_of(&bytes).copied();
        let start = start.unwrap_or_else(|| panic!("too short: {bytes:?}"));
        let first = start.first_chunk().copied().unwrap_or_default();
        let place = filter_place(u64::from_be_bytes(first));
        if let Some(bits) = self.filter.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
        }
        let needle = Needle { number, way, bytes };
        self.by_start.entry(start).or_default().push(needle);
    }

    /// Looks for a word of letters and digits in every way of writing it. JSON leaves such a
    /// word as it is, however often it is escaped, and so do URLs and HTML; what encodes
    /// every byte does not.
    pub fn add_in_all_ways(&mut self, number: usize, word: &str) {
        let each = |write: fn(u8) -> String| word.bytes().map(write).collect::<String>();
        for (way, text) in [
            ("plain", word.to_owned()),
            ("percent", each(|byte| format!("%{byte:02X}"))),
            ("percent", each(|byte| format!("%{byte:02x}"))),
            ("JSON escapes", each(|byte| format!("\\u{byte:04x}"))),
            ("JSON escapes", each(|byte| format!("\\u{byte:04X}"))),
            ("hex", each(|byte| format!("{byte:02x}"))),
            ("hex", each(|byte| format!("{byte:02X}"))),
            ("HTML", each(|byte| format!("&#{byte};"))),
            ("HTML", each(|byte| format!("&#x{byte:x};"))),
            ("HTML", each(|byte| format!("&#x{byte:X};"))),
        ] {
            self.add(number, way, text);
        }
        for shift in 0..3 {
            self.add(number, "base64", base64_inside(word, shift));
        }
    }

    /// Where words stand in a text.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        // The last eight bytes: cheap, since this runs over all that is sent, without an
        // optimizing compiler.
        let mut last = 0_u64;
        for (end, byte) in text.iter().enumerate() {
            last = last << 8 | u64::from(*byte);
            let place = filter_place(last);
            if self.filter.get(place / 64).unwrap_or(&0) >> (place % 64) & 1 == 0 {
                continue;
            }
            let Some(at) = end.checked_sub(7) else {
                continue;
            };
            let rest = text.get(at..).unwrap_or_default();
            let known = start_of(rest).and_then(|start| self.by_start.get(start));
            for needle in known.into_iter().flatten() {
                if rest.starts_with(&needle.bytes) {
                    let (number, way) = (needle.number, needle.way);
                    found.push(Found { number, way, at });
                }
            }
        }
        found
    }
}

fn start_of(word: &[u8]) -> Option<&[u8; SHORTEST]> {
    word.first_chunk()
}

/// Of eight bytes.
fn filter_place(bytes: u64) -> usize {
    let mixed = bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % FILTER
}

/// The letters of base64 that a word alone decides, where it begins `shift` bytes behind a
/// group of three. Of letters and digits neither alphabet makes anything but letters and
/// digits.
fn base64_inside(word: &str, shift: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| {
        let at = at.checked_sub(8 * shift)?;
        let byte = word.as_bytes().get(at / 8)?;
        Some(usize::from(byte >> (7 - at % 8) & 1))
    };
    let letter = |at: usize| {
        let mut bits = (0..6).map(|place| bit(6 * at + place));
        let value = bits.try_fold(0, |value, bit| Some(2 * value + bit?))?;
        LETTERS.get(value).copied().map(char::from)
    };
    let letters = (0..2 * (word.len() + shift)).map(letter);
    letters
        .skip_while(Option::is_none)
        .map_while(|letter| letter)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_every_way() {
        let mut needles = Needles::new();
        needles.add_in_all_ways(3, "hunter2hunter2");
        for (way, text) in [
            ("plain", "a hunter2hunter2 b"),
            ("plain", r#"{"a":"{\"b\":\"hunter2hunter2\"}"}"#),
            ("percent", "%68%75%6E%74%65%72%32%68%75%6E%74%65%72%32"),
            ("percent", "%68%75%6e%74%65%72%32%68%75%6e%74%65%72%32"),
            ("hex", "68756e7465723268756e74657232"),
            ("hex", "68756E7465723268756E74657232"),
            (
                "HTML",
                "&#x68;&#x75;&#x6e;&#x74;&#x65;&#x72;&#x32;&#x68;&#x75;&#x6e;&#x74;&#x65;&#x72;&#x32;",
            ),
            ("base64", "aHVudGVyMmh1bnRlcjI="),
            ("base64", "YWh1bnRlcjJodW50ZXIy"),
            ("base64", "YWFodW50ZXIyaHVudGVyMg=="),
        ] {
            let found = needles.find(text.as_bytes());
            assert!(found.iter().any(|it| it.way == way), "{way} in {text}");
            assert!(found.iter().all(|it| it.number == 3), "{text}");
        }
        let escaped: String = "hunter2hunter2"
            .bytes()
            .map(|it| format!("\\u{it:04x}"))
            .collect();
        assert_eq!(needles.find(escaped.as_bytes()).len(), 1);
        assert_eq!(needles.find(b"hunter2 hunter2 aHVudGVyMg==").len(), 0);
        assert_eq!(needles.find(b"").len(), 0);
    }

    #[test]
    fn of_several_words_each_is_found() {
        let mut needles = Needles::new();
        needles.add(0, "plain", "near001of001");
        needles.add(1, "plain", "near001of002");
        let found = needles.find(b"near001of002near001of001 near001of00");
        let found: Vec<_> = found.iter().map(|it| (it.number, it.at)).collect();
        assert_eq!(found, [(1, 0), (0, 12)]);
    }
}
