//! What is read from the headers of a request.

use http::{HeaderMap, Version};

/// Names under which a client may send its MCP session, the standard one first. Header
/// names have no case.
const SESSION_HEADERS: [&str; 2] = ["mcp-session-id", "x-session-id"];

/// The session id, if the client sends one. Proxies that join repeated headers make
/// `id, id` of it: the first counts.
pub(crate) fn session_id(headers: &HeaderMap) -> Option<&str> {
    let values = SESSION_HEADERS
        .iter()
        .filter_map(|name| text(headers, name));
    values
        .filter_map(|value| value.split(',').next())
        .map(str::trim)
        .find(|id| !id.is_empty() && id.len() <= 256)
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

    type Headers<'a> = &'a [(&'static str, &'a str)];

    #[test]
    fn session_ids() {
        let too_long = "x".repeat(257);
        let cases: [(Headers<'_>, Option<&str>); 7] = [
            (&[("mcp-session-id", "a")], Some("a")),
            (&[("x-session-id", " b ")], Some("b")),
            (&[("x-session-id", "b"), ("mcp-session-id", "a")], Some("a")),
            (&[("mcp-session-id", "a, a")], Some("a")),
            (&[("mcp-session-id", ""), ("x-session-id", "b")], Some("b")),
            (&[("mcp-session-id", &too_long)], None),
            (&[], None),
        ];
        for (headers, expected) in cases {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    let name = http::HeaderName::from_static(name);
                    (name, HeaderValue::from_str(value).unwrap())
                })
                .collect();
            assert_eq!(session_id(&headers), expected, "{headers:?}");
        }
        let mut binary = HeaderMap::new();
        binary.insert("mcp-session-id", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(session_id(&binary), None);
    }
}
