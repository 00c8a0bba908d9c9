//! How Splunk is.

use mcp_telemetry::trace_mcp_tool;
use rmcp::handler::server::wrapper::Json;
use rmcp::{schemars, tool, tool_router};
use schemars::JsonSchema;
use serde::Serialize;

use super::failed;
use crate::error::ToolError;
use crate::server::SplunkServer;

/// What `get_splunk_health` answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `connected`; when Splunk cannot be reached the tool answers with an error.
    pub(crate) status: String,
    /// Splunk's version.
    pub(crate) version: String,
    /// The server's name.
    pub(crate) server_name: String,
    /// What Splunk's own health report says: `green`, `yellow`, `red` or `unknown`.
    pub(crate) health: String,
}

#[tool_router(router = health_tools, vis = "pub(super)")]
impl SplunkServer {
    /// Tells whether Splunk is reachable, its version, and how it is.
    #[trace_mcp_tool("get_splunk_health")]
    #[tool(name = "get_splunk_health")]
    async fn get_splunk_health(&self) -> Result<Json<Health>, ToolError> {
        let splunk = self.splunk()?;
        let info = splunk.server_info().await.map_err(failed)?;
        let health = splunk.health().await.map_err(failed)?;
        let health = serde_json::to_value(health.status);
        let health = health
            .ok()
            .and_then(|status| Some(status.as_str()?.to_owned()));
        Ok(Json(Health {
            status: "connected".to_owned(),
            version: info.version,
            server_name: info.server_name,
            health: health.unwrap_or_else(|| "unknown".to_owned()),
        }))
    }
}
