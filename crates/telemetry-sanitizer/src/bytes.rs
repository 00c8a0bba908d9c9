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
