//! `mcp-server-splunk`: the MCP server for Splunk.

use std::net::IpAddr;

use clap::{Parser, ValueEnum};
use mcp_server_splunk::{SplunkServer, app_info, http, stdio};
use mcp_telemetry::TelemetryHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The MCP server for Splunk, traced from end to end.
///
/// Settings come from the environment and from a file `.env`: `SPLUNK_*` names the Splunk,
/// `SENTRY_*`, `OTEL_*` and `MCP_TELEMETRY_*` the telemetry.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// How clients reach the server.
    #[arg(long, value_enum, default_value_t = Transport::Stdio, env = "MCP_SERVER_TRANSPORT")]
    transport: Transport,
    /// Address to listen on, for HTTP.
    #[arg(long, default_value = "127.0.0.1", env = "MCP_SERVER_HOST")]
    host: IpAddr,
    /// Port to listen on, for HTTP; 0 takes a free one.
    #[arg(long, default_value_t = 8003, env = "MCP_SERVER_PORT")]
    port: u16,
    /// Host names, beside the loopback ones, that HTTP requests may be for.
    #[arg(long, value_delimiter = ',', env = "MCP_SERVER_ALLOWED_HOSTS")]
    allowed_hosts: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Transport {
    Stdio,
    Http,
}

fn main() -> anyhow::Result<()> {
    // A missing file is no error; variables that are set win over it.
    let env_file = dotenvy::dotenv();
    let arguments = Arguments::parse();
    let telemetry = mcp_telemetry::init(app_info());
    if let Err(error) = env_file
        && !error.not_found()
    {
        tracing::warn!(%error, "the file .env could not be read");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(arguments, telemetry.handle()));
    // Requests that did not end in time are dropped here, so that their spans are sent.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    if let Err(error) = telemetry.shutdown() {
        tracing::warn!(%error);
    }
    served
}

async fn serve(arguments: Arguments, telemetry: TelemetryHandle) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    tokio::spawn(cancel_on_signal(shutdown.clone()));
    let server = SplunkServer::from_lookup(|key| std::env::var(key).ok());
    match arguments.transport {
        Transport::Stdio => stdio::serve(server, shutdown).await,
        Transport::Http => {
            let listener = TcpListener::bind((arguments.host, arguments.port)).await?;
            tracing::info!(
                "serving MCP on http://{}{}",
                listener.local_addr()?,
                http::MCP_PATH
            );
            let mut options = http::HttpOptions::default();
            options.allowed_hosts = arguments.allowed_hosts;
            options.telemetry = Some(telemetry);
            Ok(http::serve(listener, server, options, shutdown).await?)
        }
    }
}

/// Ends the server at Ctrl-C and, where there is such a thing, at SIGTERM; the second time
/// at once.
async fn cancel_on_signal(shutdown: CancellationToken) {
    signalled().await;
    shutdown.cancel();
    signalled().await;
    tracing::warn!("ended at once, by a second signal");
    std::process::exit(130);
}

async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // Without signals the process ends as its parent wants.
        std::future::pending::<()>().await;
    }
}
