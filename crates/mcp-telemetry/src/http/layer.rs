//! The layer.

use std::sync::Arc;

use tower_layer::Layer;

use super::options::{MakeRoute, Options};
use super::service::HttpService;

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
        Self {
            options: Arc::new(Options::default()),
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
