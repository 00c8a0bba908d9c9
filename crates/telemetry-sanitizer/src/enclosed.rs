//! Secrets that are not found by how they begin: private keys, and tokens with their sign inside.

use std::ops::Range;

use crate::MARKER;
use crate::bytes::{at, before, find, has, skip, skip_back};

/// The body of the PEM block of a private key whose `BEGIN` starts at `start`.
pub(crate) fn private_key(b: &[u8], start: usize) -> Option<Range<usize>> {
    const LABEL: usize = 48;
    if !matches!(before(b, start), b'-' | b' ') || !has(b, start, b"BEGIN ") {
        return None;
    }
    let label = skip(b.get(..(start + LABEL).min(b.len()))?, start, |c| {
        c.is_ascii_alphanumeric() || c == b' '
    });
    let header = b.get(start..label)?;
    if !header.windows(11).any(|w| w == b"PRIVATE KEY") {
        return None;
    }
    let body = skip(b, label, |c| c == b'-');
    let end = find(b, body, b"---").unwrap_or(b.len());
    let content = b.get(body..end)?;
    let harmless = content.is_empty() || content == MARKER.as_bytes() || body == label;
    (!harmless).then_some(body..end)
}

/// Azure AD client secrets: `abc8Q~…`; `start` is at the digit. Telegram's bot tokens: `123456789:AA…`; `start` is at the colon.
pub(crate) fn inner_anchor(b: &[u8], start: usize) -> Option<Range<usize>> {
    let is_run = |c: u8| c.is_ascii_alphanumeric() || b"_-~.".contains(&c);
    let (back, skip_ahead) = if at(b, start).is_ascii_digit() && has(b, start + 1, b"Q~") {
        (3, 3)
    } else if has(b, start, b":AA") {
        (
            skip_back(b, start, start.saturating_sub(12), |c| c.is_ascii_digit()).abs_diff(start),
            3,
        )
    } else {
        return None;
    };
    let first = start
        .checked_sub(back)
        .filter(|_| back == 3 || (8..=10).contains(&back))?;
    if !b.get(first..start)?.iter().all(|c| is_run(*c)) {
        return None;
    }
    let end = skip(b, start + skip_ahead, is_run);
    (end - start >= 30).then_some(first..end)
}
