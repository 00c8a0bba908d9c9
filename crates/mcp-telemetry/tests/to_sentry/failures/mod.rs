//! Every failure is one error event with the MCP context of its request; what is no failure is
//! none.

mod anywhere;
mod by_itself;
mod by_the_app;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use mcp_telemetry::{
    McpErrorContext, McpErrorType, TracedHandler, capture_mcp_error, sentry, trace_mcp_tool,
    trace_splunk_operation,
};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams,
    GetPromptResponse, InputRequiredResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value as Json, json};
use telemetry_testkit::{Event, Received};

use crate::common::DEADLINE;
use crate::common::server::Connection;
use crate::live;

/// A search that failed because of its index.
#[derive(Debug)]
struct SearchFailed(NoSuchIndex);

#[derive(Debug)]
struct NoSuchIndex;

impl fmt::Display for SearchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the search failed")
    }
}

impl Error for SearchFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Display for NoSuchIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such index")
    }
}

impl Error for NoSuchIndex {}

const FAILED: SearchFailed = SearchFailed(NoSuchIndex);

#[trace_splunk_operation("search.oneshot")]
fn search() -> Result<(), SearchFailed> {
    Err(FAILED)
}

#[trace_mcp_tool("traced")]
fn traced() -> Result<(), SearchFailed> {
    search()
}

#[trace_mcp_tool("slow")]
async fn slow() -> Result<(), tokio::time::error::Elapsed> {
    tokio::time::timeout(Duration::ZERO, std::future::pending()).await
}

#[tracing::instrument(err)]
fn instrumented() -> Result<(), SearchFailed> {
    Err(FAILED)
}

#[tracing::instrument(err)]
fn instrumented_twice() -> Result<(), String> {
    instrumented().map_err(|error| format!("while searching: {error}"))
}

/// A server whose tools are named by how they fail.
struct Failing;

fn failed(text: &str) -> CallToolResponse {
    CallToolResult::error(vec![ContentBlock::text(text)]).into()
}

impl Failing {
    async fn call(name: &str) -> Result<CallToolResponse, ErrorData> {
        let error = &FAILED as &dyn Error;
        let answer = || Ok(failed(&FAILED.to_string()));
        match name {
            "answers" => Ok(failed("user bob may not")),
            "refuses" => Err(ErrorData::internal_error("the disk is full", None)),
            "panics" => panic!("on purpose"),
            "traced" => {
                traced().unwrap_err();
                answer()
            }
            "slow" => {
                slow().await.unwrap_err();
                Ok(failed("too slow"))
            }
            "logs" => {
                tracing::info!("looking");
                tracing::error!(error, "giving up");
                answer()
            }
            "logs text" => {
                tracing::error!(error = %FAILED, "giving up");
                answer()
            }
            "logs twice" => {
                // The cause first, and then what it led to.
                tracing::error!(error = &NoSuchIndex as &dyn Error, "no index");
                tracing::error!(error, "giving up");
                answer()
            }
            "instruments" => {
                instrumented_twice().unwrap_err();
                answer()
            }
            "captures" => {
                let context = McpErrorContext::new()
                    .with_error_type(McpErrorType::Validation)
                    .with_extra("retry_count", 3)
                    .with_extra("api_key", "hunter2");
                let first = capture_mcp_error(&FAILED, context).unwrap();
                assert_eq!(first.len(), 32);
                // The same error once more is the same event.
                let again = capture_mcp_error(error, McpErrorContext::new());
                assert_eq!(again, Some(first));
                tracing::error!(error, "giving up");
                answer()
            }
            "captures by the SDK" => {
                sentry::capture_error(&FAILED);
                answer()
            }
            "spawns" => {
                use tracing::Instrument as _;
                let log = async { tracing::error!(error = &FAILED as &dyn Error, "giving up") };
                tokio::spawn(log.in_current_span()).await.unwrap();
                answer()
            }
            "gets over" => {
                traced().unwrap_err();
                Ok(CallToolResult::success(Vec::new()).into())
            }
            "asks" => Ok(InputRequiredResult::from_request_state("half way").into()),
            _ => Err(ErrorData::invalid_params("no such tool", None)),
        }
    }
}

impl ServerHandler for Failing {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == "is cancelled" {
            context.ct.cancelled().await;
            return Ok(failed("nobody reads it"));
        }
        Self::call(&request.name).await
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Err(ErrorData::internal_error("the disk is full", None))
    }

    async fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Err(ErrorData::internal_error("the disk is full", None))
    }

    async fn read_resource(
        &self,
        _: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Err(ErrorData::internal_error("the disk is full", None))
    }
}

/// What Sentry got of these calls.
async fn sent(variables: &[(&str, &str)], calls: &[(&str, Json)]) -> Received {
    let live = live(variables);
    let connection = Connection::legacy(TracedHandler::new(Failing)).await;
    for (method, params) in calls {
        let answered = connection.send(method, params.clone());
        // A handler that panics never answers.
        if params["name"] == "panics" {
            let look = |received: &Received| (!received.events().is_empty()).then_some(());
            tokio::select! {
                answer = answered => panic!("{answer:?}"),
                seen = live.sink.wait_for_async(DEADLINE, look) => seen.unwrap(),
            }
        } else {
            let _ = answered.await;
        }
    }
    live.finish()
}

async fn called(tool: &str) -> Received {
    sent(&[], &[("tools/call", json!({ "name": tool }))]).await
}

#[track_caller]
fn one(received: &Received) -> &Event {
    match received.events()[..] {
        [event] => event,
        ref events => panic!("{} events: {events:#?}", events.len()),
    }
}

/// Types and texts, the innermost first.
fn exceptions(event: &Event) -> Vec<(&str, &str)> {
    event
        .exceptions
        .iter()
        .map(|it| (it.ty.as_deref().unwrap(), it.value.as_deref().unwrap()))
        .collect()
}

/// The mechanism of the outermost exception: the only one that has it.
#[track_caller]
fn mechanism(event: &Event) -> Json {
    let found = event.exceptions.last().unwrap().raw["mechanism"].clone();
    let others = event.exceptions.iter().rev().skip(1);
    for other in others {
        assert!(other.mechanism.is_none(), "{other:?}");
    }
    found
}

fn expected_mechanism(data: Json) -> Json {
    json!({ "type": "auto.ai.mcp_server", "handled": false, "data": data })
}

#[track_caller]
fn assert_tool_failure(received: &Received, tool: &str, expected: &[(&str, &str)]) {
    let event = one(received);
    assert_eq!(exceptions(event), expected, "{tool}");
    let data = json!({ "error_type": "tool_execution", "tool_name": tool });
    assert_eq!(mechanism(event), expected_mechanism(data), "{tool}");
    assert_at_execution(received, event, tool);
}

/// The event has the tags and the context of its request, and stands at its execution span.
#[track_caller]
fn assert_at_execution(received: &Received, event: &Event, tool: &str) {
    let trace = event.trace_id.as_ref().unwrap();
    let transaction = received.transaction_of(trace).unwrap();
    let id = transaction.data["mcp.request.id"].as_str().unwrap();
    let tags = [
        ("mcp.method.name", "tools/call"),
        ("mcp.request.id", id),
        ("mcp.tool.name", tool),
        ("mcp.tool.status", "error"),
        ("mcp.transport", "stdio"),
    ];
    let found: Vec<_> = event.tags.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(found, tags, "{tool}");
    let context = event.contexts["mcp"].as_object().unwrap();
    for (key, value) in &tags[..3] {
        assert_eq!(context[*key], json!(value), "{key}");
    }
    assert_eq!(context["jsonrpc.request.id"], json!(id));
    assert_eq!(context["network.transport"], json!("pipe"));
    let execution = &transaction.spans[0];
    assert_eq!(execution.op.as_deref(), Some("mcp.tool"));
    assert_eq!(event.span_id.as_ref(), Some(&execution.span_id), "{tool}");
}

const CHAIN: [(&str, &str); 2] = [
    ("NoSuchIndex", "no such index"),
    ("SearchFailed", "the search failed"),
];
