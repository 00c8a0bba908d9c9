//! What is read from the headers of a message.

use http::{HeaderMap, Version, header};

/// Names under which a client may send its MCP session, the standard one first. Header
/// names have no case.
const SESSION_HEADERS: [&str; 2] = ["mcp-session-id", "x-session-id"];

/// The longest session id that is recorded, in bytes.
const SESSION_LIMIT: usize = 256;

/// The longest request id that is taken over, in bytes.
const REQUEST_ID_LIMIT: usize = 128;

/// The longest protocol version that is recorded, in bytes.
const PROTOCOL_VERSION_LIMIT: usize = 64;

/// The protocol version from which on there are no sessions.
const WITHOUT_SESSIONS: &str = "2026-07-28";

/// The session id, if the client sends one. Proxies that join repeated headers make
/// `id, id` of it: the first counts.
pub(crate) fn session_id(headers: &HeaderMap) -> Option<&str> {
    let ids = SESSION_HEADERS
        .iter()
        .filter_map(|name| first_of(headers, name));
    ids.into_iter().find(|id| id.len() <= SESSION_LIMIT)
}

/// Whether the client names a session, also where its id is not fit to be recorded.
pub(super) fn names_session(headers: &HeaderMap) -> bool {
    let mut names = SESSION_HEADERS.iter();
    names.any(|name| first_of(headers, name).is_some())
}

/// The id of the session that a response opens.
pub(super) fn issued_session_id(headers: &HeaderMap) -> Option<&str> {
    first_of(headers, "mcp-session-id").filter(|id| id.len() <= SESSION_LIMIT)
}

/// The first member of a list, where it is not empty.
fn first_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let first = text(headers, name)?.split(',').next()?.trim();
    (!first.is_empty()).then_some(first)
}

/// Whether a request may belong to a session. From 2026-07-28 on there are none: what such a
/// client sends as one is none. Without the header the version is one of before.
pub(super) fn has_sessions(headers: &HeaderMap) -> bool {
    // Versions are dates; rmcp orders them as text too.
    text(headers, "mcp-protocol-version").is_none_or(|version| version.trim() < WITHOUT_SESSIONS)
}

/// The protocol version that the client declares.
pub(super) fn protocol_version(headers: &HeaderMap) -> Option<&str> {
    let version = text(headers, "mcp-protocol-version")?.trim();
    (1..=PROTOCOL_VERSION_LIMIT)
        .contains(&version.len())
        .then_some(version)
}

/// The id that the client, or a proxy before it, gave to the HTTP request. One that is too
/// long, or no plain word, is none.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = text(headers, "x-request-id")?.trim();
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && (1..=REQUEST_ID_LIMIT).contains(&id.len())).then_some(id)
}

/// The bytes of the body, where the header says them.
pub(super) fn content_length(headers: &HeaderMap) -> Option<i64> {
    let length = text(headers, header::CONTENT_LENGTH.as_str())?;
    // A sign is no digit, though numbers may be read with one.
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    length.parse().ok().filter(|_| digits)
}

/// A header's value, where it is visible ASCII.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The HTTP version, as OTel writes it.
pub(crate) fn version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_bytes(value).unwrap())
        });
        pairs.collect()
    }

    #[test]
    fn session_ids() {
        let too_long = [b'x'; SESSION_LIMIT + 1];
        for (pairs, expected, named) in [
            (&[("mcp-session-id", &b"a"[..])][..], Some("a"), true),
            (&[("x-session-id", b" b ")], Some("b"), true),
            (
                &[("x-session-id", b"b"), ("mcp-session-id", b"a")],
                Some("a"),
                true,
            ),
            (&[("mcp-session-id", b"a, a")], Some("a"), true),
            (
                &[("mcp-session-id", b""), ("x-session-id", b"b")],
                Some("b"),
                true,
            ),
            (&[("mcp-session-id", &too_long)], None, true),
            (&[("mcp-session-id", b" , ")], None, false),
            (&[("mcp-session-id", b"\xff")], None, false),
            (&[], None, false),
        ] {
            let headers = headers(pairs);
            assert_eq!(session_id(&headers), expected, "{headers:?}");
            assert_eq!(names_session(&headers), named, "{headers:?}");
        }
    }

    #[test]
    fn sessions_ended_with_a_version() {
        for (version, sessions) in [
            (&b"2024-11-05"[..], true),
            (b"2025-11-25", true),
            (b"2026-07-28", false),
            (b" 2026-07-28 ", false),
            (b"2027-01-01", false),
            (b"", true),
            (b"\xff", true),
        ] {
            let headers = headers(&[("mcp-protocol-version", version)]);
            assert_eq!(has_sessions(&headers), sessions, "{version:?}");
        }
        assert!(has_sessions(&HeaderMap::new()));
    }

    #[test]
    fn request_ids() {
        let (long, too_long) = ([b'x'; REQUEST_ID_LIMIT], [b'x'; REQUEST_ID_LIMIT + 1]);
        for (value, taken) in [
            (&b"7f1c"[..], true),
            (b" 7f1c ", true),
            (b"Root=1-67891233-abcdef012345678912345678", true),
            (&long, true),
            (&too_long, false),
            (b"", false),
            (b"   ", false),
            (b"two words", false),
            (b"tab\there", false),
            (b"\xc3\xb6", false),
        ] {
            let headers = headers(&[("x-request-id", value)]);
            assert_eq!(request_id(&headers).is_some(), taken, "{value:?}");
        }
    }

    #[test]
    fn content_lengths() {
        for (value, expected) in [
            (&b"0"[..], Some(0)),
            (b"512", Some(512)),
            (b"9223372036854775807", Some(i64::MAX)),
            (b"9223372036854775808", None),
            (b"x", None),
            (b"+5", None),
            (b"-5", None),
            (b"5, 5", None),
            (b"", None),
            (b"\xff", None),
        ] {
            let headers = headers(&[("content-length", value)]);
            assert_eq!(content_length(&headers), expected, "{value:?}");
        }
    }
}
