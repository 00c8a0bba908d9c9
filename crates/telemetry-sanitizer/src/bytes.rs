//! Small helpers over bytes. Every hand-written scan reads through [`at`], so tests can count the work.

/// The byte at `i`, or NUL past the end.
#[inline]
pub(crate) fn at(b: &[u8], i: usize) -> u8 {
    #[cfg(test)]
    work::add(1);
    b.get(i).copied().unwrap_or(0)
}

/// The byte before `i`, or NUL at the start.
#[inline]
pub(crate) fn before(b: &[u8], i: usize) -> u8 {
    i.checked_sub(1).map_or(0, |i| at(b, i))
}

/// Whether `b` has `prefix` at `i`.
#[inline]
pub(crate) fn has(b: &[u8], i: usize, prefix: &[u8]) -> bool {
    b.get(i..).is_some_and(|rest| rest.starts_with(prefix))
}

/// Like [`has`], ignoring ASCII case.
#[inline]
pub(crate) fn has_ignoring_case(b: &[u8], i: usize, prefix: &[u8]) -> bool {
    b.get(i..i.saturating_add(prefix.len()))
        .is_some_and(|part| part.eq_ignore_ascii_case(prefix))
}

/// First index at or after `i` whose byte does not satisfy `keep`.
#[inline]
pub(crate) fn skip(b: &[u8], i: usize, keep: impl Fn(u8) -> bool) -> usize {
    let mut end = i;
    while end < b.len() && keep(at(b, end)) {
        end += 1;
    }
    end
}

/// First index at or before `i`, not under `floor`, such that all bytes from it up to `i` satisfy `keep`.
#[inline]
pub(crate) fn skip_back(b: &[u8], i: usize, floor: usize, keep: impl Fn(u8) -> bool) -> usize {
    let mut start = i;
    while start > floor && keep(before(b, start)) {
        start -= 1;
    }
    start
}

/// Length of the escape that ends just before `i`: `\n`, `\u0022`, `%3D`, `%253D`, a colour of a terminal. 0 if there is none.
pub(crate) fn escape_before(b: &[u8], i: usize) -> usize {
    let hex = |from: usize| at(b, from).is_ascii_hexdigit() && at(b, from + 1).is_ascii_hexdigit();
    let back = |n: usize| i.checked_sub(n);
    if let Some(start) = back(2)
        && at(b, start) == b'\\'
        && matches!(at(b, start + 1), b'n' | b'r' | b't')
    {
        return 2;
    }
    if let Some(start) = back(3)
        && at(b, start) == b'%'
        && hex(start + 1)
    {
        return 3;
    }
    if let Some(start) = back(5)
        && has(b, start, b"%25")
        && hex(start + 3)
    {
        return 5;
    }
    if let Some(start) = back(6)
        && has(b, start, b"\\u00")
        && hex(start + 4)
    {
        return 6;
    }
    // `ESC [ 1 ; 31 m`
    const COLOUR: usize = 8;
    if before(b, i) == b'm' {
        let codes = skip_back(b, i - 1, i.saturating_sub(COLOUR), |c| {
            c.is_ascii_digit() || c == b';'
        });
        if let Some(start) = codes.checked_sub(2)
            && has(b, start, b"\x1b[")
        {
            return i - start;
        }
    }
    0
}

/// Whether a letter or digit before `i` belongs to the same word; that of an escape does not.
pub(crate) fn in_word(b: &[u8], i: usize) -> bool {
    before(b, i).is_ascii_alphanumeric() && escape_before(b, i) == 0
}

/// First index at or after `i` behind blanks and colours of a terminal.
pub(crate) fn skip_blanks(b: &[u8], i: usize) -> usize {
    let mut end = i;
    loop {
        end = skip(b, end, is_blank);
        if !has(b, end, b"\x1b[") {
            return end;
        }
        let codes = skip(b, end + 2, |c| c.is_ascii_digit() || c == b';');
        if at(b, codes) != b'm' {
            return end;
        }
        end = codes + 1;
    }
}

/// Index of `needle` at or after `i`.
pub(crate) fn find(b: &[u8], i: usize, needle: &[u8]) -> Option<usize> {
    let (&first, _) = needle.split_first()?;
    let mut from = i;
    loop {
        from = skip(b, from, |c| c != first);
        if from >= b.len() {
            return None;
        }
        if has(b, from, needle) {
            return Some(from);
        }
        from += 1;
    }
}

/// Blanks within a line.
pub(crate) fn is_blank(c: u8) -> bool {
    c == b' ' || c == b'\t'
}

/// The end of the text (NUL), white space or a control character.
pub(crate) fn is_end(c: u8) -> bool {
    c <= b' '
}

/// The quotes that values may stand in.
pub(crate) fn is_quote(c: u8) -> bool {
    matches!(c, b'"' | b'\'' | b'`')
}

/// What names of fields consist of.
pub(crate) fn is_name(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.')
}

/// Long enough and mixed enough to be a secret rather than a word of prose.
pub(crate) fn looks_random(word: &[u8]) -> bool {
    let digit = word.iter().any(u8::is_ascii_digit);
    let letter = word.iter().any(u8::is_ascii_alphabetic);
    word.len() >= 24 || (word.len() >= 8 && digit && letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_no_part_of_the_word_behind() {
        for (text, len) in [
            ("\\n", 2),
            ("x\\t", 2),
            ("%3D", 3),
            ("%253d", 5),
            ("\\u0022", 6),
            ("\x1b[0m", 4),
            ("\x1b[1;31m", 7),
            ("n", 0),
            ("3D", 0),
            ("u0022", 0),
            ("[0m", 0),
            ("%zz", 0),
            ("", 0),
        ] {
            assert_eq!(escape_before(text.as_bytes(), text.len()), len, "{text:?}");
        }
        assert!(in_word(b"n", 1) && !in_word(b"\\n", 2) && !in_word(b"-", 1));
    }

    #[test]
    fn colours_are_blanks() {
        assert_eq!(skip_blanks(b" \x1b[0m\x1b[2m =", 0), 10);
        assert_eq!(skip_blanks(b" \x1b[2J=", 0), 1);
        assert_eq!(skip_blanks(b"\x1b[", 0), 0);
    }
}

/// Counts bytes read by hand-written scans, for the tests of linear time.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::Cell;

    thread_local!(static BYTES: Cell<u64> = const { Cell::new(0) });

    pub(crate) fn add(n: u64) {
        BYTES.with(|b| b.set(b.get() + n));
    }

    pub(crate) fn take() -> u64 {
        BYTES.with(|b| b.replace(0))
    }
}
