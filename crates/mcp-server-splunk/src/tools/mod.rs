//! The tools. Names and parameters are those of the Python server.

mod health;
mod indexes;
mod search;

use rmcp::handler::server::router::tool::ToolRouter;
use splunk_client::SplunkError;

use crate::error::ToolError;
use crate::server::SplunkServer;

/// Every tool of the server; a router for each family.
pub(crate) fn all() -> ToolRouter<SplunkServer> {
    SplunkServer::search_tools() + SplunkServer::index_tools() + SplunkServer::health_tools()
}

/// Logs why a tool fails. That is the failure's one error event, with Splunk's own error; the
/// wrapper adds none when the tool then returns it.
fn failed(error: SplunkError) -> ToolError {
    let source: &(dyn std::error::Error + 'static) = &error;
    tracing::error!(error = source, "a tool failed");
    error.into()
}
