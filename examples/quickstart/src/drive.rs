//! What the server is asked to do.

use anyhow::{Context as _, ensure};
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, RequestParamsMeta as _};
use rmcp::transport::StreamableHttpClientTransport;
use serde_json::json;
use splunk_client::{SplunkClient, SplunkConfig};
use tokio::task::JoinSet;

use crate::progress;
use crate::stage::{Stage, splunk_setting};

/// A search that finds something.
pub(crate) const GOOD: &str = "index=main status>=500 | stats count by host";
/// A search that Splunk refuses.
pub(crate) const BAD: &str = "index=main | frobnicate";
/// A search that takes its time; the backquoted macro is the simulator's own.
pub(crate) const SLOW: &str = "index=main `sim_sleep(300)` | stats count";

/// Requests to pages that are no health checks, and Splunk operations outside a request:
/// they show the other sampling rules.
const OTHERS: u32 = 200;

/// How many requests are under way at once.
const AT_ONCE: u32 = 8;

/// What was done, so that it can be looked for.
#[derive(Debug)]
pub(crate) struct Driven {
    /// The trace that the client started itself, by `_meta.traceparent`.
    pub(crate) continued_trace: String,
    /// The client's span in it.
    pub(crate) continued_parent: String,
}

pub(crate) async fn drive(stage: &Stage, health_checks: u32) -> anyhow::Result<Driven> {
    let endpoint = format!(
        "http://{}{}",
        stage.address,
        mcp_server_splunk::http::MCP_PATH
    );
    let driven = tools(&endpoint).await?;
    progress::say("Splunk operations outside a request");
    background(stage).await?;
    let page = |path: &str| format!("http://{}{path}", stage.address);
    get_many(&page("/health"), health_checks, "health checks").await?;
    get_many(&page("/favicon.ico"), OTHERS, "other requests").await?;
    Ok(driven)
}

/// Calls tools by a real MCP client.
async fn tools(endpoint: &str) -> anyhow::Result<Driven> {
    progress::say("connecting an MCP client");
    let client = ().serve(StreamableHttpClientTransport::from_uri(endpoint)).await?;
    let search = |spl: &str| {
        let arguments = json!({ "query": spl, "earliest_time": "-24h", "max_results": 20 });
        call("run_oneshot_search", arguments)
    };
    progress::say("searching");
    let good = client.call_tool(search(GOOD)).await?;
    ensure!(!failed(&good), "the good search failed: {good:?}");
    let bad = client.call_tool(search(BAD)).await?;
    ensure!(failed(&bad), "the bad search did not fail: {bad:?}");
    progress::say("searching slowly");
    let slow = client.call_tool(search(SLOW)).await?;
    ensure!(!failed(&slow), "the slow search failed: {slow:?}");
    progress::say("plain calls");
    client.list_tools(None).await?;
    for tool in ["list_indexes", "get_splunk_health"] {
        let result = client.call_tool(call(tool, json!({}))).await?;
        ensure!(!failed(&result), "{tool} failed: {result:?}");
    }
    // A client that traces itself: its span is the parent of the request's.
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let mut traced = search(GOOD);
    traced.set_traceparent(&format!("00-{trace}-{span}-03"));
    client.call_tool(traced).await?;
    client.cancel().await?;
    Ok(Driven {
        continued_trace: trace.to_owned(),
        continued_parent: span.to_owned(),
    })
}

fn call(tool: &'static str, arguments: serde_json::Value) -> CallToolRequestParams {
    let arguments: JsonObject = arguments.as_object().cloned().unwrap_or_default();
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

fn failed(result: &CallToolResult) -> bool {
    result.is_error == Some(true)
}

/// Splunk operations that no request asks for, as a scheduler would run them.
async fn background(stage: &Stage) -> anyhow::Result<()> {
    let config = SplunkConfig::from_lookup(|key| splunk_setting(&stage.splunk, key))?;
    let client = SplunkClient::new(config)?;
    for _ in 0..OTHERS {
        client.server_info().await?;
    }
    Ok(())
}

/// Asks for one page many times.
async fn get_many(url: &str, count: u32, what: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let mut running = JoinSet::new();
    for share in 0..AT_ONCE {
        let (client, url) = (client.clone(), url.to_owned());
        let count = count / AT_ONCE + u32::from(share < count % AT_ONCE);
        running.spawn(async move {
            for _ in 0..count {
                client.get(&url).send().await?.bytes().await?;
            }
            Ok::<_, reqwest::Error>(())
        });
    }
    let mut parts = 0;
    while let Some(done) = running.join_next().await {
        done.context("asking")?
            .with_context(|| format!("asking for {url}"))?;
        parts += 1;
        progress::say(&format!("{what}: {} of {count}", count * parts / AT_ONCE));
    }
    Ok(())
}
