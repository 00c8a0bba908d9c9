//! Secrets that are not found by how they begin: private keys, and tokens with their sign inside.

use std::ops::Range;

use crate::MARKER;
use crate::bytes::{at, before, find, has, in_word, skip, skip_back};

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

/// The token around a sign that stands inside it; `start` is at the sign.
pub(crate) fn inner_anchor(b: &[u8], start: usize) -> Option<Range<usize>> {
    if at(b, start).is_ascii_digit() {
        return azure_ad(b, start);
    }
    match at(b, start) {
        b':' => telegram(b, start),
        b'-' => mailchimp(b, start),
        _ => azure_service(b, start),
    }
}

/// Client secrets of Azure AD: `abc8Q~…`.
fn azure_ad(b: &[u8], digit: usize) -> Option<Range<usize>> {
    if !has(b, digit + 1, b"Q~") {
        return None;
    }
    let first = digit.checked_sub(3)?;
    if !b.get(first..digit)?.iter().all(|c| is_run(*c)) {
        return None;
    }
    let end = skip(b, digit + 3, is_run);
    (end - digit >= 30).then_some(first..end)
}

/// Telegram's bot tokens: `123456789:AA…`.
fn telegram(b: &[u8], colon: usize) -> Option<Range<usize>> {
    if !has(b, colon, b":AA") {
        return None;
    }
    let first = skip_back(b, colon, colon.saturating_sub(12), |c| c.is_ascii_digit());
    let end = skip(b, colon + 3, is_run);
    ((8..=10).contains(&(colon - first)) && end - colon >= 30).then_some(first..end)
}

/// Mailchimp's keys: 32 hex digits and `-us12`.
fn mailchimp(b: &[u8], dash: usize) -> Option<Range<usize>> {
    const DIGITS: usize = 32;
    let first = dash.checked_sub(DIGITS)?;
    let end = skip(b, dash + 3, |c| c.is_ascii_digit());
    let is_key = has(b, dash, b"-us")
        && (1..=2).contains(&(end - dash - 3))
        && b.get(first..dash)?.iter().all(u8::is_ascii_hexdigit)
        && !in_word(b, first);
    is_key.then_some(first..end)
}

/// Keys of Azure's services: base64 with a sign that stands so many characters behind the start, and so many before the padding.
fn azure_service(b: &[u8], sign: usize) -> Option<Range<usize>> {
    const SIGNS: &[(&[u8], usize, usize)] = &[
        (b"+ASt", 76, 6),
        (b"+ABa", 76, 6),
        (b"+AMC", 76, 6),
        (b"ACDb", 76, 6),
        (b"AZDO", 76, 4),
        (b"+ASb", 33, 6),
        (b"+AEh", 33, 6),
        (b"+ARm", 33, 6),
        (b"AIoT", 33, 6),
        (b"AZEG", 33, 6),
        (b"AzCa", 33, 6),
        (b"AzFu", 44, 6),
        (b"AzSe", 42, 6),
        (b"+ACR", 42, 6),
    ];
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || b"+/-_".contains(&c);
    let (_, lead, tail) = SIGNS.iter().find(|(s, ..)| has(b, sign, s))?;
    let first = skip_back(b, sign, sign.saturating_sub(*lead), is_base64);
    let end = skip(b, sign, is_base64);
    let whole = sign - first == *lead && end - sign >= 4 + tail;
    whole.then(|| first..skip(b, end, |c| c == b'='))
}

fn is_run(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"_-~.".contains(&c)
}
