//! A server whose tools, prompts and resources are traced functions.

use std::future::{Future as _, pending, poll_fn};
use std::task::Poll;

use mcp_telemetry::{
    TracedHandler, trace_mcp_prompt, trace_mcp_resource, trace_mcp_tool, trace_splunk_operation,
};
use rmcp::handler::server::wrapper::{Json as Structured, Parameters};
use rmcp::model::{
    CallToolResult, ContentBlock, GetPromptResult, IntoContents, PromptMessage,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents, Role,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{
    ErrorData, RoleServer, ServerHandler, prompt, prompt_handler, prompt_router, schemars, tool,
    tool_handler, tool_router,
};
use serde_json::{Value as Json, json};

use crate::common::server::Connection;
use crate::common::{Rig, Spans};

#[derive(Debug, rmcp::serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "rmcp::serde")]
pub(crate) struct Search {
    query: String,
}

#[derive(Debug, rmcp::serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "rmcp::serde")]
struct Login {
    user: String,
    password: String,
    query: String,
}

#[derive(Debug, rmcp::serde::Serialize, schemars::JsonSchema)]
#[serde(crate = "rmcp::serde")]
struct Rows {
    results: Vec<String>,
    count: u8,
}

/// An error that says by its name that something took too long.
#[derive(Debug)]
struct SearchTimeoutError;

impl std::fmt::Display for SearchTimeoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer within 30 s")
    }
}

impl IntoContents for SearchTimeoutError {
    fn into_contents(self) -> Vec<ContentBlock> {
        vec![ContentBlock::text(self.to_string())]
    }
}

#[trace_splunk_operation("search.oneshot")]
async fn oneshot(query: &str) -> usize {
    query.len()
}

/// A tool's function that others call too.
#[trace_mcp_tool("helper")]
async fn helper(step: u8) -> u8 {
    step
}

#[trace_mcp_tool("hangs")]
async fn hangs() {
    pending().await
}

fn found(text: &str) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

#[derive(Clone, Debug)]
pub(crate) struct Server;

#[tool_router]
impl Server {
    /// Its function is called otherwise.
    #[trace_mcp_tool("search_function")]
    #[tool(name = "search")]
    async fn search_function(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        match query.as_str() {
            "panic" => panic!("on purpose"),
            "refused" => return Err(ErrorData::invalid_params("no such index", None)),
            _ => {}
        }
        oneshot(&query).await;
        helper(1).await;
        Ok(found("done"))
    }

    #[tool(name = "search_below", description = "As above, the attribute below.")]
    #[trace_mcp_tool("search_function")]
    async fn search_below(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        oneshot(&query).await;
        helper(1).await;
        Ok(found("done"))
    }

    /// Traced by its own name, below a span of the app's.
    #[tool]
    async fn wrapped(&self) -> CallToolResult {
        let span = tracing::info_span!("app");
        tracing::Instrument::instrument(self.wrapped_inside(), span).await
    }

    #[trace_mcp_tool("wrapped")]
    async fn wrapped_inside(&self) -> CallToolResult {
        helper(1).await;
        found("done")
    }

    /// Not traced, calls a traced function below a span of the app's.
    #[tool]
    async fn calls_below(&self) -> CallToolResult {
        let span = tracing::info_span!("app");
        tracing::Instrument::instrument(helper(1), span).await;
        found("done")
    }

    /// Not traced, gives up a traced function and goes on.
    #[tool]
    async fn gives_up(&self) -> CallToolResult {
        let mut call = Box::pin(hangs());
        poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
        found("without it")
    }

    /// Too slow.
    #[trace_mcp_tool]
    #[tool]
    async fn slow(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, SearchTimeoutError> {
        match query.as_str() {
            "slow" => Err(SearchTimeoutError),
            _ => Ok(found("in time")),
        }
    }

    /// Too slow, but it got over that.
    #[tool]
    async fn slow_but_fine(&self, params: Parameters<Search>) -> CallToolResult {
        match self.slow(params).await {
            Ok(result) => result,
            Err(SearchTimeoutError) => found("from the cache"),
        }
    }

    /// Has secrets.
    #[trace_mcp_tool(ret)]
    #[tool]
    async fn login(
        &self,
        Parameters(Login {
            user,
            password,
            query,
        }): Parameters<Login>,
    ) -> Result<CallToolResult, ErrorData> {
        let text = json!({ "user": user, "password": password, "rows": [query] });
        Ok(found(&text.to_string()))
    }

    /// Has secrets, all in one argument.
    #[trace_mcp_tool]
    #[tool]
    async fn login_whole(&self, params: Parameters<Login>) -> CallToolResult {
        let Parameters(Login { user, .. }) = params;
        found(&user)
    }

    /// Structured.
    #[trace_mcp_tool(ret)]
    #[tool]
    async fn rows(&self) -> Structured<Rows> {
        Structured(Rows {
            results: vec!["a".to_owned()],
            count: 1,
        })
    }
}

#[prompt_router]
impl Server {
    /// By its name.
    #[trace_mcp_prompt]
    #[prompt]
    async fn triage(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<GetPromptResult, ErrorData> {
        ask(&query)
    }

    #[prompt(
        name = "triage_below",
        description = "The attribute below, another name."
    )]
    #[trace_mcp_prompt("other", ret)]
    async fn triage_below(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<GetPromptResult, ErrorData> {
        ask(&query)
    }
}

fn ask(query: &str) -> Result<GetPromptResult, ErrorData> {
    match query {
        "broken" => Err(ErrorData::internal_error("no template", None)),
        query => {
            let message = PromptMessage::new_text(Role::User, query);
            Ok(GetPromptResult::new(vec![message]))
        }
    }
}

impl Server {
    #[trace_mcp_resource("index")]
    async fn index(&self, name: &str, password: &str) -> Result<String, ErrorData> {
        let _ = password;
        match name {
            "refused" => Err(ErrorData::resource_not_found("no such index", None)),
            "broken" => Err(ErrorData::internal_error("the disk is full", None)),
            "both" => Ok(self.part().await.to_owned()),
            name => Ok(name.to_owned()),
        }
    }

    #[trace_mcp_resource("splunk://parts/{part}", ret)]
    async fn part(&self) -> &'static str {
        "a part"
    }
}

#[tool_handler]
#[prompt_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let text = match request.uri.strip_prefix("splunk://indexes/") {
            Some(index) => self.index(index, "hunter2").await?,
            // Below a span of the app's, as behind a router of its own.
            None => {
                let span = tracing::info_span!("app");
                let part = tracing::Instrument::instrument(self.part(), span).await;
                part.to_owned()
            }
        };
        let contents = ResourceContents::text(text, request.uri);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

/// Sends one request; gives the spans that it made.
pub(crate) async fn request(method: &str, params: Json, pii: (&str, &str)) -> Spans {
    let rig = Rig::new(&[pii]);
    let connection = Connection::legacy(TracedHandler::new(Server)).await;
    // A refusal is an answer too.
    drop(connection.send(method, params).await);
    rig.spans()
}

/// Calls a tool with a query.
pub(crate) async fn call(tool: &str, query: &str, pii: (&str, &str)) -> Spans {
    let params = json!({ "name": tool, "arguments": { "query": query } });
    request("tools/call", params, pii).await
}
