//! Methods that a client may name in the header `Mcp-Method`.

use http::HeaderMap;

use super::headers::text;

/// `subscriptions/listen`, whose response lasts as long as the subscription.
pub(super) const LISTEN: &str = "subscriptions/listen";

/// What a client sends to a server: the methods of the MCP specification up to 2026-07-28,
/// and of its extensions for tasks and skills.
const METHODS: [&str; 25] = [
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/initialized",
    "notifications/progress",
    "notifications/roots/list_changed",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/directory/read",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "skills/get",
    "skills/list",
    LISTEN,
    "tasks/cancel",
    "tasks/get",
    "tasks/update",
    "tools/call",
    "tools/list",
];

/// The method that the header `Mcp-Method` names. Nothing where there is none of these:
/// text of the client's is no method.
///
/// The body decides what is done; rmcp refuses a header that contradicts it. `Mcp-Name` and
/// `Mcp-Param-*` are inputs of the call and are never read.
pub(super) fn mcp_method(headers: &HeaderMap) -> Option<&'static str> {
    let named = text(headers, "mcp-method")?.trim();
    METHODS.into_iter().find(|method| *method == named)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn named(value: &[u8]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert("mcp-method", HeaderValue::from_bytes(value).unwrap());
        mcp_method(&headers)
    }

    #[test]
    fn only_methods_of_the_specification_are_taken_over() {
        for method in METHODS {
            assert_eq!(named(method.as_bytes()), Some(method));
        }
        for other in [
            &b""[..],
            b"tools/calls",
            b"TOOLS/CALL",
            b"_OTHER",
            b"=?base64?dG9vbHMvY2FsbA==?=",
            b"tools/call, tools/list",
            b"\xff\xfe",
        ] {
            assert_eq!(named(other), None, "{other:?}");
        }
        assert_eq!(named(b" tools/list "), Some("tools/list"));
        assert_eq!(mcp_method(&HeaderMap::new()), None);
    }
}
