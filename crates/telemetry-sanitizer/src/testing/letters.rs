//! Letters and digits that look random and are the same for the same seed.

/// What a secret is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Letters {
    /// `A-Za-z0-9`
    Alnum,
    /// `0-9a-f`
    Hex,
    /// `A-Z0-9`
    Upper,
    /// `0-9`
    Digits,
}

/// A source of letters.
#[derive(Debug)]
pub(super) struct Source(u64);

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn take(&mut self, letters: Letters, count: usize) -> String {
        let set: &[u8] = match letters {
            Letters::Alnum => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            Letters::Hex => b"0123456789abcdef",
            Letters::Upper => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            Letters::Digits => b"0123456789",
        };
        (0..count)
            .filter_map(|_| {
                let index = usize::try_from(self.next() % set.len() as u64).ok()?;
                set.get(index).copied().map(char::from)
            })
            .collect()
    }

    /// A UUID.
    pub(super) fn uuid(&mut self) -> String {
        [8, 4, 4, 4, 12]
            .map(|count| self.take(Letters::Hex, count))
            .join("-")
    }

    /// A number of `count` digits that starts so and passes the Luhn check.
    pub(super) fn card(&mut self, start: &str, count: usize) -> String {
        let mut number = start.to_owned();
        number += &self.take(Letters::Digits, count.saturating_sub(start.len() + 1));
        let sum: u32 = number
            .chars()
            .rev()
            .filter_map(|c| c.to_digit(10))
            .enumerate()
            .map(|(i, digit)| match (i % 2, digit) {
                (1, digit) => digit,
                (_, digit) if digit > 4 => 2 * digit - 9,
                (_, digit) => 2 * digit,
            })
            .sum();
        number.extend(char::from_digit((10 - sum % 10) % 10, 10));
        number
    }
}

/// Base64 with padding.
pub(super) fn base64(text: &str) -> String {
    const SET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = SET.get((bits >> shift & 0x3f) as usize).copied();
            out.push(match letter {
                Some(letter) if place <= group.len() => char::from(letter),
                _ => '=',
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(text), expected);
        }
    }

    #[test]
    fn letters_are_the_same_for_the_same_seed() {
        let take = |seed| Source::new(seed).take(Letters::Alnum, 20);
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        assert_eq!(Source::new(1).card("4", 16).len(), 16);
        assert_eq!(Source::new(1).uuid().len(), 36);
    }
}
