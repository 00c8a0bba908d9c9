//! `conformance-server`: what the MCP conformance suite asks of a server, traced or plain.
//!
//! The suite runs against both, and must find the same: instrumentation changes nothing that
//! a client sees. Telemetry is set up as in any program, so without `SENTRY_DSN` and `OTEL_*`
//! the wrapper is there and sends nothing.

mod asking;
mod changes;
mod content;
mod prompts;
mod resources;
mod rounds;
mod server;
mod streams;

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use clap::Parser;
use mcp_telemetry::config::AppInfo;
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::{Telemetry, TracedHandler};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::ConformanceServer;
use crate::streams::Sessions;

/// Path of the MCP endpoint.
const MCP_PATH: &str = "/mcp";

/// How long requests under way may take once the server is to end.
const GRACE: Duration = Duration::from_secs(3);

/// Serves the tools, resources and prompts of the MCP conformance suite over streamable HTTP.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Without any instrumentation: no telemetry, no HTTP layer, no wrapper.
    #[arg(long)]
    plain: bool,
    /// A file that gets the URL of the endpoint once the server listens.
    #[arg(long)]
    url_file: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let telemetry = (!arguments.plain).then(|| {
        let name = "conformance-server";
        mcp_telemetry::init(AppInfo::new(name, env!("CARGO_PKG_VERSION")))
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(&arguments));
    // What is dropped here ends its spans, which are sent below.
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry.map(Telemetry::shutdown).transpose()?;
    served
}

async fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    let url = format!("http://{}{MCP_PATH}", listener.local_addr()?);
    let shutdown = CancellationToken::new();
    tokio::spawn(cancel_on_signal(shutdown.clone()));
    let router = match arguments.plain {
        true => router(ConformanceServer::new(), shutdown.clone()),
        false => router(
            TracedHandler::new(ConformanceServer::new()),
            shutdown.clone(),
        )
        .layer(HttpLayer::new().with_mcp_path(MCP_PATH)),
    };
    announce(&url, arguments)?;
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = served => Ok(served?),
        () = out_of_time => Ok(()),
    }
}

fn router<H: ServerHandler + Clone>(handler: H, shutdown: CancellationToken) -> Router {
    let mut config = StreamableHttpServerConfig::default();
    config.cancellation_token = shutdown;
    let sessions = Sessions::default();
    let mcp = StreamableHttpService::new(move || Ok(handler.clone()), sessions.into(), config);
    Router::new().nest_service(MCP_PATH, mcp)
}

/// Tells people by stderr and scripts by the file. The listener is bound: who reads it may
/// connect.
fn announce(url: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let how = if arguments.plain { "plain" } else { "traced" };
    // A closed stderr is no reason to stop.
    let _ = writeln!(std::io::stderr(), "serving MCP, {how}, on {url}");
    let Some(file) = &arguments.url_file else {
        return Ok(());
    };
    std::fs::write(file, format!("{url}\n"))
        .with_context(|| format!("writing the URL to {}", file.display()))
}

async fn cancel_on_signal(shutdown: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return shutdown.cancel();
        }
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        shutdown.cancel();
    }
}
