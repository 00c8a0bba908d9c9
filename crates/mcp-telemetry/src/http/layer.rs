//! The layer, and what can be set on it.

use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use super::service::HttpService;

/// Finds the route of a request: the pattern that it matched, never its path.
///
/// Closures implement it. With axum, which puts the route it matched into the request:
///
/// ```ignore
/// HttpLayer::new().with_route(|head: &http::request::Parts| {
///     head.extensions.get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned())
/// })
/// ```
pub trait MakeRoute: Send + Sync + 'static {
    /// The route, or `None` where none matched: then the span is named by its method alone.
    fn route(&self, head: &http::request::Parts) -> Option<String>;
}

impl<F: Fn(&http::request::Parts) -> Option<String> + Send + Sync + 'static> MakeRoute for F {
    fn route(&self, head: &http::request::Parts) -> Option<String> {
        self(head)
    }
}

#[derive(Clone)]
pub(crate) struct Options {
    mcp_path: String,
    health_paths: Vec<String>,
    pub(super) make_route: Option<Arc<dyn MakeRoute>>,
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
}

/// Makes an `http.server` span of every request that passes, and gives it a Sentry scope
/// of its own.
///
/// The parent is the trace context in the request's headers. The span ends when the
/// response's body has been sent or the client has gone; for an event stream answering a
/// GET, and for `subscriptions/listen`, when the response starts.
///
/// ```
/// use mcp_telemetry::http::HttpLayer;
/// use tower_layer::Layer as _;
///
/// let layer = HttpLayer::new().with_mcp_path("/mcp");
/// let service = layer.layer(());
/// # drop(service);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpLayer {
    options: Arc<Options>,
}

impl Default for HttpLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpLayer {
    /// A layer that knows `/mcp` as the MCP endpoint and `/health`, `/healthz`, `/livez`,
    /// `/readyz` as health checks.
    pub fn new() -> Self {
        crate::log::http_middleware_added();
        let health_paths = crate::sampling::HEALTH_PATHS.map(str::to_owned).to_vec();
        Self {
            options: Arc::new(Options {
                mcp_path: "/mcp".to_owned(),
                health_paths,
                make_route: None,
            }),
        }
    }

    /// The path of the MCP endpoint: requests to it are always traced.
    pub fn with_mcp_path(mut self, path: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.options).mcp_path = path.into();
        self
    }

    /// How the route of other paths is found.
    pub fn with_route(mut self, make_route: impl MakeRoute) -> Self {
        Arc::make_mut(&mut self.options).make_route = Some(Arc::new(make_route));
        self
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpService::new(inner, Arc::clone(&self.options))
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
        let options = HttpLayer::new().options;
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
