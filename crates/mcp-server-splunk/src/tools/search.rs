//! Searches that answer at once.

use mcp_telemetry::trace_mcp_tool;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::{schemars, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use splunk_client::Search;

use super::failed;
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

#[tool_router(router = search_tools, vis = "pub(super)")]
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
}
