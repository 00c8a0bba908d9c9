//! URLs: user part, query and fragment.

use std::ops::Range;

use crate::MARKER;
use crate::bytes::{at, find, has, skip};
use crate::keys::Class;
use crate::network::user_of_authority;
use crate::sanitizer::Inner;

/// Query parameters that are secrets in signed URLs, besides sensitive keys. The first four are those that OpenTelemetry's
/// semantic conventions name for `url.full`.
const SIGNED: &[&str] = &[
    "awsaccesskeyid",
    "signature",
    "sig",
    "x-goog-signature",
    "x-amz-signature",
    "key",
    "code",
];

/// What to redact in `url`: ranges in ascending order.
pub(crate) fn secrets(url: &str, inner: &Inner) -> Vec<Range<usize>> {
    let b = url.as_bytes();
    let mut found = Vec::new();
    let query = skip(b, 0, |c| c != b'?' && c != b'#');
    let authority = match find(b.get(..query).unwrap_or_default(), 0, b"//") {
        Some(slashes) => Some(slashes + 2),
        // `user:password@host/path`
        None if at(b, 0) != b'/' => Some(0),
        None => None,
    };
    if let Some(start) = authority {
        let scheme = b.get(..start.saturating_sub(3)).unwrap_or_default();
        found.extend(
            user_of_authority(b, start, scheme).filter(|user| start > 0 || has_password(b, user)),
        );
    }
    // A password may hold the first `?`.
    let mut i = found.last().map_or(query, |user| {
        skip(b, user.end.max(query), |c| c != b'?' && c != b'#')
    });
    while i < b.len() {
        let name = i + 1;
        let end = skip(b, name, |c| !is_separator(c));
        let equals = skip(b.get(..end).unwrap_or_default(), name, |c| c != b'=');
        if equals < end
            && equals + 1 < end
            && is_secret(url.get(name..equals).unwrap_or_default(), inner)
            && !is_marker(b, equals + 1, end)
        {
            found.push(equals + 1..end);
        }
        i = end;
    }
    found
}

fn is_separator(c: u8) -> bool {
    matches!(c, b'&' | b';' | b'?' | b'#')
}

fn has_password(b: &[u8], user: &Range<usize>) -> bool {
    b.get(user.clone()).is_some_and(|part| part.contains(&b':'))
}

fn is_marker(b: &[u8], start: usize, end: usize) -> bool {
    end - start == MARKER.len() && has(b, start, MARKER.as_bytes())
}

fn is_secret(name: &str, inner: &Inner) -> bool {
    let name = decoded(name);
    SIGNED.iter().any(|s| name.eq_ignore_ascii_case(s)) || inner.class(&name) != Class::Clean
}

/// Percent-decodes a parameter's name.
fn decoded(name: &str) -> std::borrow::Cow<'_, str> {
    if !name.contains('%') {
        return name.into();
    }
    let b = name.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(b.len()), 0);
    while i < b.len() {
        let hex = |i| {
            char::from(at(b, i))
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        match (at(b, i), hex(i + 1), hex(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                i += 3;
            }
            (c, ..) => {
                out.push(c);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned().into()
}
