//! The server over stdin and stdout.

use mcp_telemetry::TracedHandler;
use rmcp::ServiceExt as _;
use tokio_util::sync::CancellationToken;

use crate::SplunkServer;

/// Serves one client until it closes stdin, or `shutdown` is cancelled.
///
/// Nothing else may write to stdout meanwhile: it is the protocol.
///
/// # Errors
///
/// Where the client does not start a session as the protocol says.
pub async fn serve(server: SplunkServer, shutdown: CancellationToken) -> anyhow::Result<()> {
    let handler = TracedHandler::new(server);
    let transport = rmcp::transport::stdio();
    let session = handler.serve_with_ct(transport, shutdown).await?;
    session.waiting().await?;
    Ok(())
}
