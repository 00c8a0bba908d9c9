//! The MCP server: what it says of itself, and the tools it has.

use std::sync::Arc;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool_handler};
use splunk_client::{SplunkClient, SplunkConfig};

use crate::error::ToolError;

/// The MCP server for Splunk.
///
/// ```
/// use mcp_server_splunk::SplunkServer;
/// use rmcp::ServerHandler as _;
///
/// let server = SplunkServer::from_lookup(|_| None);
/// assert_eq!(server.get_info().server_info.name, "mcp-server-splunk");
/// assert!(server.get_tool("run_oneshot_search").is_some());
/// ```
#[derive(Clone, Debug)]
pub struct SplunkServer {
    splunk: Connection,
    tool_router: ToolRouter<Self>,
}

/// The client, or why there is none: the server then runs and its tools say so.
#[derive(Clone, Debug)]
enum Connection {
    Ready(SplunkClient),
    Unusable(Arc<str>),
}

impl SplunkServer {
    /// A server for the Splunk that the client reaches.
    #[must_use]
    pub fn new(client: SplunkClient) -> Self {
        Self::with(Connection::Ready(client))
    }

    /// A server for the Splunk that the `SPLUNK_*` settings name.
    ///
    /// Wrong settings do not keep it from starting: each tool then answers with an error
    /// that lists them all.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let client = SplunkConfig::from_lookup(lookup)
            .map_err(|error| error.to_string())
            .and_then(|config| SplunkClient::new(config).map_err(|error| error.to_string()));
        match client {
            Ok(client) => Self::new(client),
            Err(reason) => {
                let server = Self::with(Connection::Unusable(reason.as_str().into()));
                tracing::warn!("{}", ToolError::NotConfigured(reason));
                server
            }
        }
    }

    fn with(splunk: Connection) -> Self {
        Self {
            splunk,
            tool_router: crate::tools::all(),
        }
    }

    pub(crate) fn splunk(&self) -> Result<&SplunkClient, ToolError> {
        match &self.splunk {
            Connection::Ready(client) => Ok(client),
            Connection::Unusable(reason) => Err(ToolError::NotConfigured(reason.to_string())),
        }
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for SplunkServer {
    fn get_info(&self) -> ServerConfig {
        let app = crate::app_info();
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new(app.name, app.version);
        info.instructions = Some(
            "Searches a Splunk instance. Give SPL to run_oneshot_search; list_indexes tells \
             where data is; get_splunk_health tells whether Splunk is reachable."
                .to_owned(),
        );
        info
    }
}
