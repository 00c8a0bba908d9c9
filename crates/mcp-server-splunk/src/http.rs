//! The server over streamable HTTP.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, MatchedPath};
use axum::routing::get;
use axum::{Json, Router};
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::{TelemetryHandle, TracedHandler};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::SplunkServer;

/// Path of the MCP endpoint.
pub const MCP_PATH: &str = "/mcp";

/// Path of the figures of telemetry.
pub const TELEMETRY_PATH: &str = "/telemetry";

/// How the server is reached.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Host names that requests may be for, beside the loopback ones. A request for
    /// another host is refused, which keeps web pages from reaching a local server through
    /// a name of theirs (DNS rebinding).
    pub allowed_hosts: Vec<String>,
    /// Telemetry whose figures are served on [`TELEMETRY_PATH`].
    pub telemetry: Option<TelemetryHandle>,
}

/// The routes: MCP on [`MCP_PATH`], `/health`, and where there is telemetry its figures on
/// [`TELEMETRY_PATH`], which are not traced themselves.
///
/// Cancel `shutdown` to end the sessions. Spans have their client's address where this is served
/// with `into_make_service_with_connect_info::<SocketAddr>()`, as [`serve`] does.
pub fn router(server: SplunkServer, options: HttpOptions, shutdown: CancellationToken) -> Router {
    let mut config = StreamableHttpServerConfig::default();
    config.cancellation_token = shutdown;
    config.allowed_hosts.extend(options.allowed_hosts);
    // Each session gets a handler of its own; the names that it has learned are shared.
    let handler = TracedHandler::new(server);
    let mcp = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let layer = HttpLayer::new()
        .with_mcp_path(MCP_PATH)
        .with_route(|head: &_| matched(head))
        .with_client_address(|head: &_| connected(head));
    let router = Router::new()
        .nest_service(MCP_PATH, mcp)
        .route("/health", get(health))
        .layer(layer);
    match options.telemetry {
        Some(handle) => router.route(
            TELEMETRY_PATH,
            get(move || async move { Json(handle.to_json()) }),
        ),
        None => router,
    }
}

/// How long requests under way may take once the server is to end.
const GRACE: Duration = Duration::from_secs(3);

/// Serves until `shutdown` is cancelled and the requests under way are done, or three
/// seconds have passed: a client that never finishes its request must not keep the server.
///
/// # Errors
///
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    server: SplunkServer,
    options: HttpOptions,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let router = router(server, options, shutdown.clone());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = served => served,
        () = out_of_time => {
            tracing::warn!("requests under way were cut off");
            Ok(())
        }
    }
}

fn matched(head: &axum::http::request::Parts) -> Option<String> {
    let path = head.extensions.get::<MatchedPath>()?;
    Some(path.as_str().to_owned())
}

fn connected(head: &axum::http::request::Parts) -> Option<SocketAddr> {
    let info = head.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(info.0)
}

/// That the server runs. It does not ask Splunk: load balancers ask often.
async fn health() -> Json<serde_json::Value> {
    let app = crate::app_info();
    Json(json!({ "status": "healthy", "server": app.name, "version": app.version }))
}
