//! Where data is.

use mcp_telemetry::trace_mcp_tool;
use rmcp::handler::server::wrapper::Json;
use rmcp::{schemars, tool, tool_router};
use schemars::JsonSchema;
use serde::Serialize;

use super::failed;
use crate::error::ToolError;
use crate::server::SplunkServer;

/// What `list_indexes` answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Indexes {
    /// Names of the indexes that are not Splunk's own.
    pub(crate) indexes: Vec<String>,
    /// How many there are.
    pub(crate) count: usize,
    /// How many there are with Splunk's own.
    pub(crate) total_count_including_internal: usize,
}

#[tool_router(router = index_tools, vis = "pub(super)")]
impl SplunkServer {
    /// Lists the indexes that the user may see.
    #[trace_mcp_tool("list_indexes")]
    #[tool(name = "list_indexes")]
    async fn list_indexes(&self) -> Result<Json<Indexes>, ToolError> {
        let all = self.splunk()?.list_indexes().await.map_err(failed)?;
        let own = all.iter().filter(|index| !index.internal);
        let indexes: Vec<String> = own.map(|index| index.name.clone()).collect();
        Ok(Json(Indexes {
            count: indexes.len(),
            total_count_including_internal: all.len(),
            indexes,
        }))
    }
}
