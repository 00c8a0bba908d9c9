//! Who made the span: `sentry.origin`.
//!
//! Source: Sentry's "Trace Origin" page. The receiver sets an origin with other characters than
//! `[a-zA-Z0-9_.]` to null and notes an error.

use super::Known;

/// The origin of a span that says none.
pub(crate) const DEFAULT: &str = "auto.otel";
/// The origin instead of one that the receiver would refuse.
pub(crate) const INVALID: &str = "manual";
const MAX_BYTES: usize = 128;

/// The origin of a span.
pub(crate) fn origin<'a>(known: &Known<'a>) -> &'a str {
    match known.origin {
        None => DEFAULT,
        Some(origin) if is_valid(origin) => origin,
        Some(_) => INVALID,
    }
}

fn is_valid(origin: &str) -> bool {
    origin.len() <= MAX_BYTES
        && origin
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (given, expected) in [
            (None, "auto.otel"),
            (Some("manual"), "manual"),
            (Some("auto.mcp.mcp_telemetry"), "auto.mcp.mcp_telemetry"),
            (Some("auto.http.tower-http"), "manual"),
            (Some("auto/http"), "manual"),
            (Some("über"), "manual"),
        ] {
            let known = Known {
                origin: given,
                ..Known::default()
            };
            assert_eq!(origin(&known), expected, "{given:?}");
        }
        let long = "a".repeat(MAX_BYTES + 1);
        let known = Known {
            origin: Some(&long),
            ..Known::default()
        };
        assert_eq!(origin(&known), "manual");
    }
}
