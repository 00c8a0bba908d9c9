//! An MCP client that calls the server's tools.

use anyhow::Context as _;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
    JsonObject, RequestParamsMeta as _,
};
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{RoleClient, ServiceExt as _};
use serde_json::{Value, json};

use crate::harness::Harness;

/// The tool that most tests call.
pub const SEARCH: &str = "run_oneshot_search";

/// A real rmcp client with a session of its own.
pub type Client = RunningService<RoleClient, ClientConfig>;

/// Connects a client by streamable HTTP. Its name is on the spans of its requests, by which
/// tests find them.
///
/// # Errors
///
/// Where the session does not start.
pub async fn connect(harness: &Harness, name: &str) -> anyhow::Result<Client> {
    let info = ClientConfig::new(
        ClientCapabilities::default(),
        Implementation::new(name, "1.0.0"),
    );
    let transport = StreamableHttpClientTransport::from_uri(harness.mcp_url());
    info.serve(transport).await.context("starting a session")
}

/// A search that finds three rows. The marker stands in its text.
#[must_use]
pub fn good_search(marker: &str) -> String {
    format!("index=main status>=500 | stats count by host | eval marker=\"{marker}\"")
}

/// A search that Splunk refuses with 400.
#[must_use]
pub fn bad_search(marker: &str) -> String {
    format!("index=main \"{marker}\" | frobnicate")
}

/// A search that takes this long; the macro is the simulator's own.
#[must_use]
pub fn slow_search(marker: &str, millis: u32) -> String {
    format!("index=main `sim_sleep({millis})` | stats count | eval marker=\"{marker}\"")
}

/// A call of the search tool.
#[must_use]
pub fn search(spl: &str) -> CallToolRequestParams {
    let arguments = json!({ "query": spl, "earliest_time": "-24h", "max_results": 20 });
    call(SEARCH, &arguments)
}

/// A call of a tool.
#[must_use]
pub fn call(tool: &'static str, arguments: &Value) -> CallToolRequestParams {
    let arguments: JsonObject = arguments.as_object().cloned().unwrap_or_default();
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

/// The same call with an entry in `params._meta`.
#[must_use]
pub fn with_meta(
    mut call: CallToolRequestParams,
    key: &str,
    value: Value,
) -> CallToolRequestParams {
    call.meta_or_default().0.0.insert(key.to_owned(), value);
    call
}

/// Whether a tool says that it failed.
#[must_use]
pub fn failed(result: &CallToolResult) -> bool {
    result.is_error == Some(true)
}
