//! Credentials in URLs, authentication schemes, e-mail addresses, `curl -u`.

use std::ops::Range;

use crate::bytes::{
    at, before, has_ignoring_case, in_word, is_blank, is_end, is_quote, looks_random, skip,
    skip_back,
};
use crate::{MARKER, base64};

/// Schemes whose user part alone is no secret.
const USER_ONLY: &[&[u8]] = &[b"ssh", b"scp", b"sftp"];
/// Longest local part and domain of an e-mail address (RFC 5321, 4.5.3.1).
const EMAIL_LOCAL: usize = 64;
const EMAIL_DOMAIN: usize = 255;

/// The user part of the URL whose `://` starts at `colon`, if it is a credential.
pub(crate) fn userinfo(b: &[u8], colon: usize) -> Option<Range<usize>> {
    let is_scheme = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.');
    // The longest scheme that matters is short: no long way back.
    let scheme = skip_back(b, colon, colon.saturating_sub(32), is_scheme);
    let scheme = b.get(scheme..colon).filter(|s| !s.is_empty())?;
    user_of_authority(b, colon + 3, scheme)
}

/// The user part of an authority that starts at `start`.
pub(crate) fn user_of_authority(b: &[u8], start: usize, scheme: &[u8]) -> Option<Range<usize>> {
    let (mut i, mut at_sign) = (start, None);
    // Behind a colon stands a port, or a password: that may hold `?` and `#` when somebody forgot to encode it.
    let (mut colon, mut password) = (false, false);
    loop {
        match at(b, i) {
            b'@' => at_sign = Some(i),
            b':' => colon = true,
            b'?' | b'#' if !password || at_sign.is_some() => break,
            c if is_end(c) || is_quote(c) || matches!(c, b'/' | b'<' | b'>' | b'\\') => break,
            c => password |= colon && !c.is_ascii_digit(),
        }
        i += 1;
    }
    let end = at_sign?;
    let user = b.get(start..end)?;
    let harmless = user.is_empty()
        || user == MARKER.as_bytes()
        || (!user.contains(&b':') && USER_ONLY.iter().any(|s| scheme.eq_ignore_ascii_case(s)));
    (!harmless).then_some(start..end)
}

/// Words behind `Bearer` that are prose.
const PROSE: &[&str] = &[
    "and",
    "are",
    "auth",
    "authentication",
    "authorization",
    "credential",
    "credentials",
    "error",
    "expired",
    "for",
    "format",
    "from",
    "has",
    "header",
    "in",
    "invalid",
    "is",
    "missing",
    "not",
    "of",
    "only",
    "or",
    "prefix",
    "required",
    "scheme",
    "the",
    "to",
    "token",
    "tokens",
    "type",
    "was",
    "with",
];

/// The credential behind a scheme that stands alone: `Bearer abc`, `Basic dXNlcjpwdw==`, `Splunk <token>`.
pub(crate) fn scheme(b: &[u8], start: usize) -> Option<Range<usize>> {
    if in_word(b, start) || matches!(before(b, start), b'_' | b'-' | b'.') {
        return None;
    }
    let end = skip(b, start, |c| c.is_ascii_alphabetic());
    let name = b.get(start..end)?;
    let token = skip(b, end, is_blank);
    if token == end {
        return None;
    }
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=:*^".contains(&c);
    let token = token..skip(b, token, is_token);
    let word = b.get(token.clone())?;
    let trimmed = word.len()
        - word
            .iter()
            .rev()
            .take_while(|c| matches!(c, b'.' | b':'))
            .count();
    let word = word.get(..trimmed)?;
    let token = token.start..token.start + trimmed;
    let secret = if word == MARKER.as_bytes() || word.is_empty() {
        false
    } else if name.eq_ignore_ascii_case(b"bearer") {
        let challenge = word.ends_with(b"=") && is_quote(at(b, skip(b, token.end, |c| c == b'\\')));
        let prose =
            name == b"bearer" && word.len() < 16 && word.iter().all(u8::is_ascii_alphabetic);
        !challenge
            && !prose
            && !word.iter().all(|c| b"*.-=".contains(c))
            && !PROSE
                .iter()
                .any(|p| word.eq_ignore_ascii_case(p.as_bytes()))
    } else if name.eq_ignore_ascii_case(b"basic") {
        is_base64_pair(word)
    } else if name.eq_ignore_ascii_case(b"splunk") {
        is_uuid(word)
            || (word.len() >= 32
                && looks_random(word)
                && !word.contains(&b'/')
                && !word.contains(&b'='))
    } else {
        ["negotiate", "ntlm"]
            .iter()
            .any(|s| name.eq_ignore_ascii_case(s.as_bytes()))
            && word.len() >= 24
    };
    secret.then_some(token)
}

/// `user:password` in base64: of whole groups and not a word of prose, or such a pair for certain.
fn is_base64_pair(word: &[u8]) -> bool {
    const LONGEST: usize = 1024;
    if word.len() > 4 && word.len() <= LONGEST {
        let pair = base64::decoded(word);
        if pair.contains(':') && pair.bytes().all(|c| (b' '..=b'~').contains(&c)) {
            return true;
        }
    }
    let mixed = word.iter().skip(1).any(|c| !c.is_ascii_lowercase())
        && word.iter().any(|c| !c.is_ascii_digit());
    word.len() >= 8
        && word.len().is_multiple_of(4)
        && mixed
        && word
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || b"+/=".contains(c))
}

fn is_uuid(word: &[u8]) -> bool {
    word.len() == 36
        && word.iter().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => *c == b'-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// The password of `-u user:password` and `--user user:password`; `start` is at the first dash.
pub(crate) fn user_flag(b: &[u8], start: usize) -> Option<Range<usize>> {
    let outside = before(b, start);
    let name = skip(b, start, |c| c.is_ascii_alphabetic() || c == b'-');
    let known = [&b"-u"[..], b"--user", b"--proxy-user"].contains(&b.get(start..name)?);
    if !known
        || !(is_end(outside) || is_quote(outside))
        || !(is_blank(at(b, name)) || at(b, name) == b'=')
    {
        return None;
    }
    let quote = skip(b, name + 1, is_blank);
    let quoted = is_quote(at(b, quote));
    let value = quote + usize::from(quoted);
    let stop = |c: u8| {
        is_quote(c)
            || if quoted {
                c == b'\n' || c == b'\r'
            } else {
                is_end(c)
            }
    };
    let colon = skip(b, value, |c| !stop(c) && c != b':');
    let end = skip(b, colon, |c| !stop(c));
    let secret = b.get(colon + 1..end)?;
    let harmless = at(b, colon) != b':'
        || colon == value
        || secret.is_empty()
        || secret == MARKER.as_bytes()
        || secret.starts_with(b"//")
        // User and group ids.
        || b.get(value..end)?.iter().all(|c| c.is_ascii_digit() || *c == b':');
    (!harmless).then_some(colon + 1..end)
}

/// The e-mail address around the `@` at `sign`, not reaching back over `floor`.
pub(crate) fn email(b: &[u8], sign: usize, floor: usize) -> Option<Range<usize>> {
    let is_local = |c: u8| c.is_ascii_alphanumeric() || b".!#$%&'+/=?^_{|}~-".contains(&c);
    let start = skip_back(
        b,
        sign,
        floor.max(sign.saturating_sub(EMAIL_LOCAL)),
        is_local,
    );
    // Quotes and separators that stand before the address are no part of it.
    let start = skip(b, start, |c| !c.is_ascii_alphanumeric() && c != b'@');
    // In `to=me@x.org` and `mailto/me@x.org` the address starts behind the sign.
    let start = (start..sign)
        .rev()
        .find(|&i| matches!(at(b, i), b'=' | b'/' | b'?' | b'&' | b'|' | b'\''))
        .map_or(start, |i| i + 1);
    let limit = (sign + 1 + EMAIL_DOMAIN).min(b.len());
    let mut end = sign + 1;
    while end < limit && (at(b, end).is_ascii_alphanumeric() || matches!(at(b, end), b'.' | b'-')) {
        end += 1;
    }
    while end > sign + 1 && !before(b, end).is_ascii_alphanumeric() {
        end -= 1;
    }
    let domain = b.get(sign + 1..end)?;
    let top = domain.rsplit(|c| *c == b'.').next()?;
    let valid = start < sign
        && top.len() < domain.len()
        && top.len() >= 2
        && top.iter().all(u8::is_ascii_alphabetic);
    valid.then_some(start..end)
}

/// Whether a scheme of an `Authorization` header is `word`, and whether parameters follow it to the end of the line.
pub(crate) fn known_scheme(word: &[u8]) -> Option<bool> {
    const ONE: &[&str] = &[
        "apikey",
        "api-key",
        "basic",
        "bearer",
        "dpop",
        "negotiate",
        "ntlm",
        "splunk",
        "sso-key",
        "token",
    ];
    const MANY: &[&str] = &[
        "aws4-hmac-sha256",
        "digest",
        "hawk",
        "hoba",
        "mutual",
        "oauth",
        "scram-sha-256",
        "signature",
        "vapid",
    ];
    let is = |list: &[&str]| {
        list.iter()
            .any(|s| word.len() == s.len() && has_ignoring_case(word, 0, s.as_bytes()))
    };
    if is(ONE) {
        Some(false)
    } else {
        is(MANY).then_some(true)
    }
}
