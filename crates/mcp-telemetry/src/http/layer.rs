//! The layer.

use std::sync::Arc;

use tower_layer::Layer;

use super::options::{MakeRoute, Options};
use super::peer::ClientAddress;
use super::scheme::OriginalScheme;
use super::service::HttpService;

/// Makes an `http.server` span of every request that passes, gives it a Sentry scope of its
/// own, and records its duration as `http.server.request.duration`, sampled or not.
///
/// The parent is the trace context in the request's headers. The span ends when the
/// response's body has been sent or the client has gone; for an event stream answering a
/// GET, and for `subscriptions/listen`, when the response starts. What is measured ends with
/// it. Nothing is added to the response.
///
/// Of the headers it records `X-Request-ID` (or an id made for the request), the session and
/// the protocol version, `Mcp-Method` where it names a method of the specification, and with
/// `SENTRY_SEND_PII` `User-Agent`; never `Mcp-Name` and `Mcp-Param-*`, which are inputs.
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

    /// How the address of a request's sender is found. It is recorded with `SENTRY_SEND_PII`
    /// alone; without this hook there is none.
    pub fn with_client_address(mut self, client_address: impl ClientAddress) -> Self {
        Arc::make_mut(&mut self.options).client_address = Some(Arc::new(client_address));
        self
    }

    /// How the scheme that the client used is found, for `url.scheme`, where a proxy ends TLS.
    /// Without this hook it is the request's own; headers are not trusted.
    pub fn with_scheme(mut self, scheme: impl OriginalScheme) -> Self {
        Arc::make_mut(&mut self.options).original_scheme = Some(Arc::new(scheme));
        self
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpService::new(inner, Arc::clone(&self.options))
    }
}
