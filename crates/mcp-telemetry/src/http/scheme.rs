//! The scheme that the client used.

use http::request::Parts;
use http::uri::Scheme;

/// Finds the scheme that a client used, where another one arrives: behind a proxy that ends
/// TLS.
///
/// OTel's HTTP convention asks for the original scheme where it is known. Anyone can send
/// `X-Forwarded-Proto` or `Forwarded`, so neither is read unless a hook does it: behind a proxy
/// that sets the header, and overwrites what a client wrote there.
///
/// Closures implement it:
///
/// ```
/// use mcp_telemetry::http::HttpLayer;
///
/// let layer = HttpLayer::new().with_scheme(|head: &http::request::Parts| {
///     let scheme = head.headers.get("x-forwarded-proto")?;
///     scheme.to_str().ok()?.parse().ok()
/// });
/// # drop(layer);
/// ```
pub trait OriginalScheme: Send + Sync + 'static {
    /// The scheme; one that is neither `http` nor `https`, or `None`, leaves that of the
    /// request.
    fn scheme(&self, head: &Parts) -> Option<Scheme>;
}

impl<F: Fn(&Parts) -> Option<Scheme> + Send + Sync + 'static> OriginalScheme for F {
    fn scheme(&self, head: &Parts) -> Option<Scheme> {
        self(head)
    }
}

/// The scheme as it is recorded: one of two, as a label has to be one of few. What names no
/// scheme, as most requests do, came by HTTP.
pub(super) fn url_scheme(original: Option<&Scheme>, head: &Parts) -> &'static str {
    let known = |scheme: &Scheme| {
        let of = |known: &&'static str| known.eq_ignore_ascii_case(scheme.as_str());
        ["http", "https"].into_iter().find(of)
    };
    let original = original.and_then(known);
    let own = || head.uri.scheme().and_then(known);
    original.or_else(own).unwrap_or("http")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_of_two() {
        for (original, uri, expected) in [
            (None, "/mcp", "http"),
            (None, "https://host/mcp", "https"),
            (None, "ftp://host/mcp", "http"),
            (Some("https"), "/mcp", "https"),
            (Some("HTTPS"), "/mcp", "https"),
            (Some("http"), "https://host/mcp", "http"),
            (Some("gopher"), "https://host/mcp", "https"),
        ] {
            let request = http::Request::get(uri).body(()).unwrap();
            let original: Option<Scheme> = original.map(|it| it.parse().unwrap());
            let (head, ()) = request.into_parts();
            let found = url_scheme(original.as_ref(), &head);
            assert_eq!(found, expected, "{original:?} {uri}");
        }
    }
}
