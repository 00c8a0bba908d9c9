//! Which hosts are told the trace.

use std::sync::{PoisonError, RwLock};

use http::Uri;
use otel_smart_sampler::Pattern;

use crate::config::{Config, Dsn};

/// The allow-list, and the hosts that telemetry is sent to.
static TARGETS: RwLock<Targets> = RwLock::new(Targets::none());

#[derive(Debug)]
struct Targets {
    allowed: Vec<Pattern>,
    /// As `host:port`.
    own: Vec<String>,
}

/// Sets the lists; the last one to initialize wins.
pub(crate) fn apply(config: &Config) {
    let targets = Targets::of(config);
    *TARGETS.write().unwrap_or_else(PoisonError::into_inner) = targets;
}

/// Whether a request to this URL may carry the trace.
pub(super) fn is_told(uri: &Uri) -> bool {
    TARGETS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .has(uri)
}

impl Targets {
    const fn none() -> Self {
        Self {
            allowed: Vec::new(),
            own: Vec::new(),
        }
    }

    fn of(config: &Config) -> Self {
        let allowed = config.propagation_targets.iter();
        let otlp = &config.otlp;
        let signals = [&otlp.traces, &otlp.logs, &otlp.metrics]
            .into_iter()
            .flatten();
        let own = signals.map(|signal| signal.endpoint.as_str());
        let own = own.chain(config.sentry.dsn.as_ref().map(Dsn::expose));
        let own = own.filter_map(|url| address(&url.parse().ok()?));
        Self {
            allowed: allowed
                .map(|host| Pattern::glob(host.to_ascii_lowercase()))
                .collect(),
            own: own.collect(),
        }
    }

    fn has(&self, uri: &Uri) -> bool {
        if self.allowed.is_empty() {
            return false;
        }
        let (Some(host), Some(address)) = (uri.host(), address(uri)) else {
            return false;
        };
        let host = host.to_ascii_lowercase();
        let is_allowed = |pattern: &Pattern| pattern.matches(&host) || pattern.matches(&address);
        !self.own.contains(&address) && self.allowed.iter().any(is_allowed)
    }
}

/// `host:port` in lower case, with the scheme's port where none is given.
fn address(uri: &Uri) -> Option<String> {
    let port = match (uri.port_u16(), uri.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("http")) => 80,
        (None, Some("https")) => 443,
        (None, _) => return None,
    };
    Some(format!("{}:{port}", uri.host()?.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AppInfo;

    #[test]
    fn hosts_on_the_list_are_told_but_never_those_of_telemetry() {
        let config = Config::from_lookup(AppInfo::new("app", "1"), |name| {
            let value = match name {
                "MCP_TELEMETRY_PROPAGATION_TARGETS" => {
                    "api.example.com,*.Internal,only:8080,localhost,ingest.example.com,[::1]"
                }
                "SENTRY_DSN" => "https://key@ingest.example.com/1",
                "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://localhost:4318",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let targets = Targets::of(&config.unwrap());
        for (uri, expected) in [
            ("https://api.example.com/a?b", true),
            ("https://API.example.com:8443/", true),
            ("https://example.com/", false),
            ("https://api.example.com.evil.org/", false),
            ("https://evil.org/api.example.com", false),
            ("https://api.example.com@evil.org/", false),
            ("http://a.b.internal/", true),
            ("http://internal/", false),
            ("http://only:8080/", true),
            ("http://only/", false),
            ("http://[::1]:80/", true),
            ("http://localhost:9000/", true),
            ("http://localhost:4318/v1/traces", false),
            ("https://ingest.example.com/api/1/envelope/", false),
            ("https://ingest.example.com:8443/", true),
            ("/relative", false),
        ] {
            assert_eq!(targets.has(&uri.parse().unwrap()), expected, "{uri}");
        }
        assert!(!Targets::none().has(&"http://api.example.com/".parse().unwrap()));
    }
}
