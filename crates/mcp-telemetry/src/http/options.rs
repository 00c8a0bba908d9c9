//! What can be set on the layer, and how it tells paths apart.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;

use super::peer::{ClientAddress, PeerAddress};
use super::scheme::{OriginalScheme, url_scheme};

/// Finds the route of a request: the pattern that it matched, never its path.
///
/// Closures implement it. With axum, which puts the route it matched into the request:
///
/// ```
/// use axum::extract::MatchedPath;
/// use mcp_telemetry::http::HttpLayer;
///
/// let layer = HttpLayer::new().with_route(|head: &http::request::Parts| {
///     head.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned())
/// });
/// # drop(layer);
/// ```
pub trait MakeRoute: Send + Sync + 'static {
    /// The route, or `None` where none matched: then the span is named by its method alone.
    fn route(&self, head: &Parts) -> Option<String>;
}

impl<F: Fn(&Parts) -> Option<String> + Send + Sync + 'static> MakeRoute for F {
    fn route(&self, head: &Parts) -> Option<String> {
        self(head)
    }
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(super) mcp_path: String,
    health_paths: Vec<String>,
    pub(super) make_route: Option<Arc<dyn MakeRoute>>,
    pub(super) client_address: Option<Arc<dyn ClientAddress>>,
    pub(super) original_scheme: Option<Arc<dyn OriginalScheme>>,
}

impl Options {
    /// Whether a path is the MCP endpoint, or below it.
    pub(super) fn is_mcp(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.mcp_path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path, where it is one that needs no pattern.
    pub(super) fn known_path(&self, path: &str) -> Option<&str> {
        if self.is_mcp(path) {
            return Some(&self.mcp_path);
        }
        let known = self.health_paths.iter().find(|known| *known == path);
        known.map(String::as_str)
    }

    /// The route, if the path is a known one or the hook finds it.
    pub(super) fn route(&self, head: &Parts) -> Option<String> {
        if let Some(known) = self.known_path(head.uri.path()) {
            return Some(known.to_owned());
        }
        self.make_route.as_ref()?.route(head)
    }

    /// The scheme that the client used, if the hook knows, or the request's own.
    pub(super) fn scheme(&self, head: &Parts) -> &'static str {
        let hook = self.original_scheme.as_ref();
        url_scheme(hook.and_then(|it| it.scheme(head)).as_ref(), head)
    }

    /// Who sends the request, if the hook knows.
    pub(super) fn peer(&self, head: &Parts) -> Option<PeerAddress> {
        let address = self.client_address.as_ref()?.client_address(head)?;
        Some(PeerAddress(address))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mcp_path: "/mcp".to_owned(),
            health_paths: crate::sampling::HEALTH_PATHS.map(str::to_owned).to_vec(),
            make_route: None,
            client_address: None,
            original_scheme: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("mcp_path", &self.mcp_path)
            .field("health_paths", &self.health_paths)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let options = Options::default();
        for (path, known) in [
            ("/mcp", Some("/mcp")),
            ("/mcp/", Some("/mcp")),
            ("/mcp/sub", Some("/mcp")),
            ("/mcpx", None),
            ("/health", Some("/health")),
            ("/health/42", None),
            ("/", None),
        ] {
            assert_eq!(options.known_path(path), known, "{path}");
        }
    }
}
