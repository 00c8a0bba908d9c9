//! The tools. Names and parameters are those of the Python server.

use mcp_telemetry::trace_mcp_tool;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::{schemars, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use splunk_client::{Search, SplunkError};

use crate::error::ToolError;
use crate::server::SplunkServer;

/// The most rows that one search may answer with.
const MAX_RESULTS: u32 = 10_000;

/// What `run_oneshot_search` takes.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct OneshotSearch {
    /// The search in SPL, for example `index=main status>=500 | stats count by host`.
    pub(crate) query: String,
    /// Start of the time range, in Splunk's notation.
    #[serde(default = "OneshotSearch::earliest")]
    pub(crate) earliest_time: String,
    /// End of the time range, in Splunk's notation.
    #[serde(default = "OneshotSearch::latest")]
    pub(crate) latest_time: String,
    /// The most rows to answer with, 1 to 10000.
    #[serde(default = "OneshotSearch::rows")]
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) max_results: u32,
}

impl OneshotSearch {
    fn earliest() -> String {
        "-15m".to_owned()
    }

    fn latest() -> String {
        "now".to_owned()
    }

    fn rows() -> u32 {
        100
    }
}

/// What `run_oneshot_search` answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OneshotResults {
    /// The rows that Splunk found.
    pub(crate) results: Vec<Map<String, Value>>,
    /// How many rows there are.
    pub(crate) results_count: usize,
    /// The search as it was run.
    pub(crate) query_executed: String,
    /// What Splunk says beside the rows, such as warnings.
    pub(crate) messages: Vec<String>,
}

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

#[tool_router(router = tools, vis = "pub(crate)")]
impl SplunkServer {
    /// Runs a search and answers with its results. For searches of seconds; up to
    /// `max_results` rows.
    #[trace_mcp_tool("run_oneshot_search")]
    #[tool(name = "run_oneshot_search")]
    async fn run_oneshot_search(
        &self,
        Parameters(parameters): Parameters<OneshotSearch>,
    ) -> Result<Json<OneshotResults>, ToolError> {
        let search = Search::new(parameters.query)
            .with_earliest(parameters.earliest_time)
            .with_latest(parameters.latest_time)
            .with_max_count(parameters.max_results.clamp(1, MAX_RESULTS));
        let found = self.splunk()?.oneshot_search(&search).await;
        let found = found.map_err(failed)?;
        tracing::info!(result_count = found.rows.len(), "search finished");
        Ok(Json(OneshotResults {
            results_count: found.rows.len(),
            query_executed: search.spl(),
            messages: found
                .messages
                .iter()
                .map(|message| message.text.clone())
                .collect(),
            results: found.rows,
        }))
    }

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

/// Logs why a tool fails. That is the failure's one error event, with Splunk's own error; the
/// wrapper adds none when the tool then returns it.
fn failed(error: SplunkError) -> ToolError {
    let source: &(dyn std::error::Error + 'static) = &error;
    tracing::error!(error = source, "a tool failed");
    error.into()
}
