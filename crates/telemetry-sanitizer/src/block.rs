//! Sixteen bytes of text at once.

/// Bytes that one step of the filter covers.
pub(crate) const BLOCK: usize = 16;

/// The bytes as numbers, so that all of them are compared at once.
#[derive(Debug)]
pub(crate) struct Block {
    first: u64,
    second: u64,
    /// The two bytes behind.
    rest: u64,
}

impl Block {
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let whole = bytes.split_first_chunk().and_then(|(first, bytes)| {
            let (second, bytes) = bytes.split_first_chunk()?;
            Some(Self {
                first: u64::from_le_bytes(*first),
                second: u64::from_le_bytes(*second),
                rest: u64::from(u16::from_le_bytes(*bytes.first_chunk()?)),
            })
        });
        whole.unwrap_or_else(|| Self::partial(bytes))
    }

    /// Whether one of the bytes is an `@`.
    #[inline(always)]
    pub(crate) fn has_at_sign(&self) -> bool {
        self.flags(b'@', 0) != 0
    }

    /// The first bytes of a text that ends within the block, with zeros behind.
    #[inline(always)]
    fn partial(bytes: &[u8]) -> Self {
        let len = bytes.len();
        let long = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |c| u64::from_le_bytes(*c));
        let short =
            |chunk: Option<&[u8; 4]>| chunk.map_or(0, |c| u64::from(u32::from_le_bytes(*c)));
        let byte = |i: usize| bytes.get(i).map_or(0, |c| u64::from(*c));
        let (first, second) = match len {
            // The last bytes are read at their end and shifted to their place; those read twice are the same.
            16.. => (
                long(bytes.first_chunk()),
                long(bytes.get(8..).and_then(|b| b.first_chunk())),
            ),
            8..16 => (
                long(bytes.first_chunk()),
                long(bytes.last_chunk())
                    .checked_shr(bits(16 - len))
                    .unwrap_or(0),
            ),
            4..8 => (
                short(bytes.first_chunk()) | short(bytes.last_chunk()) << bits(len - 4),
                0,
            ),
            _ => (byte(0) | byte(1) << 8 | byte(2) << 16, 0),
        };
        Self {
            first,
            second,
            rest: byte(16) | byte(17) << 8,
        }
    }

    /// The windows, folded. The high byte of each is of the next one.
    #[inline(always)]
    pub(crate) fn windows(&self) -> [u32; 8] {
        const FOLD: u64 = each(0x20);
        let (first, second, rest) = (self.first | FOLD, self.second | FOLD, self.rest | FOLD);
        let low = |bits: u64| (bits & 0xffff_ffff) as u32;
        [
            low(first),
            low(first >> 16),
            low(first >> 32),
            low(first >> 48 | second << 16),
            low(second),
            low(second >> 16),
            low(second >> 32),
            low(second >> 48 | rest << 16),
        ]
    }

    /// The pairs of bytes at even offsets as numbers (see [`pair`]). The last one stands behind the block.
    #[inline(always)]
    pub(crate) fn pairs(&self) -> [usize; BLOCK / 2 + 1] {
        let (a, b, c) = (
            each_pair(self.first),
            each_pair(self.second),
            each_pair(self.rest),
        );
        let low = |bits: u64| (bits & 0xffff) as usize;
        [
            low(a),
            low(a >> 16),
            low(a >> 32),
            low(a >> 48),
            low(b),
            low(b >> 16),
            low(b >> 32),
            low(b >> 48),
            low(c),
        ]
    }

    /// The high bit of each byte that is `c` or one of the next `reach`; `c` is ASCII and its low bits up to `reach` are 0.
    #[inline(always)]
    fn flags(&self, c: u8, reach: u8) -> u128 {
        let of = |bytes: u64| {
            let differs = bytes ^ each(c);
            !(((differs & each(0x7f)) + each(0x7f - reach)) | differs) & each(0x80)
        };
        u128::from(of(self.first)) | u128::from(of(self.second)) << 64
    }

    /// Where digits stand.
    #[inline(always)]
    pub(crate) fn digits(&self) -> Digits {
        Digits(self.flags(b'0', 9))
    }

    /// The first and the last place at which seven bytes of a card number stand in a row: digits with blanks or dashes, but those
    /// of a date stand too close.
    pub(crate) fn card_runs(&self, digits: &Digits) -> Option<[usize; 2]> {
        let separators = self.flags(b' ', 0) | self.flags(b'-', 0);
        let near = separators >> 8 | separators >> 16 | separators >> 24 | separators >> 32;
        let one = digits.0 | (separators & !near);
        let two = one & (one >> 8);
        let four = two & (two >> 16);
        let seven = four & (four >> 24);
        let byte = |bit: u32| (bit / 8) as usize;
        (seven != 0).then(|| [byte(seven.trailing_zeros()), byte(seven.ilog2())])
    }
}

/// The high bit of each byte that is a digit.
#[derive(Debug)]
pub(crate) struct Digits(u128);

impl Digits {
    /// Seven bytes of a card number hold three digits in a row, wherever the groups begin.
    #[inline(always)]
    pub(crate) fn has_three(&self) -> bool {
        self.three() != 0
    }

    /// The windows that are three digits, but perhaps for the last one. Bit `n` is of the window at `2 * n`.
    #[inline(always)]
    pub(crate) fn windows(&self) -> u8 {
        let three = self.three() >> 7;
        // Each bit at an even byte is moved next to the others.
        let four = |bits: u128| {
            const EVEN: u64 = 0x0001_0001_0001_0001;
            const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
            ((bits as u64 & EVEN).wrapping_mul(GATHER) >> 48) as u8 & 0xf
        };
        four(three) | four(three >> 64) << 4
    }

    #[inline(always)]
    fn three(&self) -> u128 {
        self.0 & (self.0 >> 8) & (self.0 >> 16)
    }
}

/// So many bytes in bits; they are few.
fn bits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(8) * 8
}

const fn each(c: u8) -> u64 {
    u64::from_le_bytes([c; 8])
}

/// How many numbers [`pair`] gives.
pub(crate) const PAIRS: usize = 4096;

/// Two bytes as a number: six bits of each, which are the same for upper and lower case.
pub(crate) fn pair(a: u8, b: u8) -> usize {
    let both = each_pair(u64::from(a) | u64::from(b) << 8);
    (both & 0xffff) as usize
}

/// The same for four pairs.
#[inline(always)]
const fn each_pair(bytes: u64) -> u64 {
    const LOW: u64 = 0x003f_003f_003f_003f;
    let six = (bytes & each(0x1f)) | (bytes >> 1 & each(0x20));
    (six & LOW) | (six >> 2 & LOW << 6)
}

/// Upper-case letters become lower-case ones; digits and most punctuation stay.
pub(crate) const fn fold(c: u8) -> u8 {
    c | 0x20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        Block::new(text.as_bytes())
    }

    #[test]
    fn windows_start_at_even_offsets_and_are_folded() {
        let windows = block("ABCDEFGHIJKLMNOPQR").windows();
        for (window, text) in windows
            .iter()
            .zip(["abc", "cde", "efg", "ghi", "ijk", "klm", "mno", "opq"])
        {
            assert_eq!(&window.to_le_bytes()[..3], text.as_bytes());
        }
    }

    #[test]
    fn pairs_stand_at_even_offsets_and_are_folded() {
        let pairs = block("ABcd=/019zQ~{[ \nxy").pairs();
        let expected: Vec<_> = b"abCD=/019Zq~{[ \nXY"
            .chunks(2)
            .map(|c| pair(c[0], c[1]))
            .collect();
        assert_eq!(pairs[..], expected[..]);
        for (n, c) in (0..=0x7f).map(|c| (usize::from(fold(c)), c)) {
            assert_eq!(pair(c, 0) & 0x1f, n & 0x1f);
            assert_eq!(pair(0, c) >> 6, pair(c, 0));
            assert_eq!(pair(c, c), pair(fold(c), fold(c)));
            assert!(pair(c, c) < PAIRS);
        }
        let letters: std::collections::BTreeSet<_> = (0x20..=0x3f)
            .chain(0x60..=0x7f)
            .map(|c| pair(c, 0))
            .collect();
        assert_eq!(letters.len(), 64);
    }

    #[test]
    fn short_texts_have_zeros_behind() {
        let text: [u8; 20] = std::array::from_fn(|i| b'A' + i as u8);
        for len in 0..=text.len() {
            let mut padded = [0; 18];
            padded[..len.min(18)].copy_from_slice(&text[..len.min(18)]);
            let (short, whole) = (Block::new(&text[..len]), Block::new(&padded));
            assert_eq!(
                (short.first, short.second, short.rest),
                (whole.first, whole.second, whole.rest),
                "{len}"
            );
        }
    }

    #[test]
    fn windows_of_digits_are_known_but_for_the_last() {
        let windows = |text: &str| block(text).digits().windows();
        assert_eq!(windows("123"), 1);
        assert_eq!(windows("x123"), 0);
        assert_eq!(windows("x1234"), 2);
        assert_eq!(windows("12345.12.123xx12345"), 0b11);
        assert_eq!(windows("0123456789012345678"), 0x7f);
        assert_eq!(windows("abc"), 0);
    }

    #[test]
    fn runs_are_found_at_every_place() {
        let runs = |text: &str| {
            let block = block(text);
            block.card_runs(&block.digits())
        };
        for before in 0..10 {
            let run = |part: &str| runs(&format!("{}{part}", "x".repeat(before))).is_some();
            assert!(run("1234567"));
            assert!(run("11 1111") && run("111-111") && run("1 11111") && run(" 411111"));
            assert!(!run("24-01-15 12"));
            assert!(!run("123456"));
            let places = runs(&format!("{}1234567", "x".repeat(before)));
            assert_eq!(places, Some([before; 2]));
            assert!(!run("123x567"));
            assert!(
                block(&format!("{}123", "/".repeat(before)))
                    .digits()
                    .has_three()
            );
            assert!(
                !block(&format!("{}12:12", "x".repeat(before)))
                    .digits()
                    .has_three()
            );
        }
        assert_eq!(runs("1234567.12345678"), Some([0, 9]));
        assert!(!block("é/:é/:é/:é/:é").digits().has_three());
    }
}
