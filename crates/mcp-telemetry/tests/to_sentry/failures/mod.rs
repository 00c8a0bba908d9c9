//! Every failure is one error event with the MCP context of its request; what is no failure is
//! none.

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
use crate::common::raw::{LEGACY, Wrapper};
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

#[tokio::test]
async fn an_answer_that_is_an_error() {
    let received = called("answers").await;
    assert_tool_failure(&received, "answers", &[("tool_error", "user bob may not")]);
    assert_eq!(one(&received).logger.as_deref(), Some("mcp_telemetry"));
    assert_eq!(one(&received).level.as_deref().unwrap_or("error"), "error");
}

#[tokio::test]
async fn an_answer_is_an_output() {
    let call = ("tools/call", json!({ "name": "answers" }));
    let received = sent(&[("SENTRY_SEND_PII", "false")], &[call]).await;
    let expected = [("tool_error", "the tool answered with an error")];
    assert_tool_failure(&received, "answers", &expected);
    assert!(!one(&received).raw.to_string().contains("bob"));
}

#[tokio::test]
async fn a_json_rpc_error() {
    let received = called("refuses").await;
    assert_tool_failure(&received, "refuses", &[("ErrorData", "the disk is full")]);
    let context = &one(&received).contexts["mcp"];
    assert_eq!(context["rpc.response.status_code"], json!("-32603"));
}

#[tokio::test]
async fn a_panic() {
    let received = called("panics").await;
    assert_tool_failure(&received, "panics", &[("panic", "on purpose")]);
    let event = one(&received);
    assert_eq!(event.level.as_deref(), Some("fatal"));
    let frames = &event.exceptions[0].raw["stacktrace"]["frames"];
    let in_app = |frame: &Json| {
        let function = frame["function"].as_str().unwrap_or_default().to_owned();
        frame["in_app"].as_bool().unwrap().then_some(function)
    };
    let ours: Vec<_> = frames
        .as_array()
        .unwrap()
        .iter()
        .filter_map(in_app)
        .collect();
    assert!(ours.iter().any(|it| it.contains("Failing")), "{ours:?}");
    for library in ["mcp_telemetry::", "rmcp::", "tokio::", "tracing::"] {
        let found = ours.iter().find(|it| it.starts_with(library));
        assert_eq!(found, None, "{library}");
    }
    let transaction = received.transactions();
    let failed = transaction
        .iter()
        .find(|it| it.name.starts_with("tools/call"));
    assert_eq!(failed.unwrap().status.as_deref(), Some("internal_error"));
}

#[tokio::test]
async fn a_traced_function_that_is_the_request() {
    let received = called("traced").await;
    assert_tool_failure(&received, "traced", &CHAIN);
}

#[tokio::test]
async fn a_timeout() {
    let received = called("slow").await;
    let event = one(&received);
    assert_eq!(exceptions(event), [("Elapsed", "deadline has elapsed")]);
    let data = json!({ "error_type": "timeout", "tool_name": "slow" });
    assert_eq!(mechanism(event), expected_mechanism(data));
    assert_eq!(event.tags["mcp.tool.status"], "timeout");
}

#[tokio::test]
async fn a_failure_that_is_logged() {
    let received = called("logs").await;
    assert_tool_failure(&received, "logs", &CHAIN);
    let event = one(&received);
    assert_eq!(event.text(), Some("giving up"));
    assert_eq!(event.logger.as_deref(), Some("to_sentry::failures"));
    let trail: Vec<_> = event
        .breadcrumbs
        .iter()
        .filter_map(|it| it.message.as_deref())
        .collect();
    assert_eq!(trail, ["tools/call _OTHER", "looking"]);
    // The log is one too.
    let logs = received.logs();
    assert_eq!(logs.iter().filter(|log| log.body == "giving up").count(), 1);
}

#[tokio::test]
async fn a_failure_that_is_logged_as_text() {
    let received = called("logs text").await;
    assert_tool_failure(&received, "logs text", &[("Error", "the search failed")]);
    assert_eq!(one(&received).text(), Some("giving up"));
}

#[tokio::test]
async fn a_failure_that_is_logged_on_its_way() {
    let received = called("logs twice").await;
    let cause = [("NoSuchIndex", "no such index")];
    assert_tool_failure(&received, "logs twice", &cause);
    let logs = received.logs();
    assert_eq!(logs.iter().filter(|log| log.level == "error").count(), 2);
}

#[tokio::test]
async fn a_failure_that_passes_instrumented_functions() {
    let received = called("instruments").await;
    let event = one(&received);
    assert_eq!(exceptions(event), [("Error", "the search failed")]);
    let data = json!({ "error_type": "tool_execution", "tool_name": "instruments" });
    assert_eq!(mechanism(event), expected_mechanism(data));
    // At the innermost span.
    let span = received.span(event.span_id.as_ref().unwrap()).unwrap();
    assert_eq!(span.description.as_deref(), Some("instrumented"));
}

#[tokio::test]
async fn a_failure_that_is_captured() {
    let received = called("captures").await;
    let event = one(&received);
    assert_eq!(exceptions(event), CHAIN);
    let data = json!({ "error_type": "validation", "tool_name": "captures" });
    assert_eq!(mechanism(event), expected_mechanism(data));
    assert_at_execution(&received, event, "captures");
    assert_eq!(event.raw["extra"]["retry_count"], json!(3));
    assert!(!event.raw.to_string().contains("hunter2"));
    let received = called("captures by the SDK").await;
    assert_tool_failure(&received, "captures by the SDK", &CHAIN);
}

#[tokio::test]
async fn a_failure_of_a_task() {
    let received = called("spawns").await;
    assert_tool_failure(&received, "spawns", &CHAIN);
}

#[tokio::test]
async fn failures_of_other_requests() {
    let uri = "splunk://indexes";
    for (method, params, error_type, name) in [
        (
            "prompts/get",
            json!({ "name": "triage" }),
            "prompt_execution",
            Some(("prompt_name", "triage")),
        ),
        (
            "resources/read",
            json!({ "uri": uri }),
            "resource_execution",
            Some(("resource_uri", uri)),
        ),
        ("tools/list", json!({}), "handler_execution", None),
    ] {
        let received = sent(&[], &[(method, params)]).await;
        let event = one(&received);
        assert_eq!(exceptions(event), [("ErrorData", "the disk is full")]);
        let mut data = json!({ "error_type": error_type });
        if let Some((key, name)) = name {
            data[key] = json!(name);
        }
        assert_eq!(mechanism(event), expected_mechanism(data), "{method}");
        assert_eq!(event.tags["mcp.method.name"], method);
    }
}

#[tokio::test]
async fn what_is_no_failure_is_no_event() {
    for tool in ["gets over", "asks", "is nothing"] {
        let received = called(tool).await;
        assert!(
            received.events().is_empty(),
            "{tool}: {:#?}",
            received.events()
        );
        let transactions = received.transactions();
        assert!(
            transactions
                .iter()
                .any(|it| it.name.starts_with("tools/call"))
        );
    }
}

#[tokio::test]
async fn a_cancelled_request_is_no_failure() {
    for wrapper in Wrapper::BOTH {
        let live = live(&[]);
        let mut raw = wrapper.serve(Failing).open(LEGACY).await;
        let params = json!({ "name": "is cancelled" });
        let id = raw.send("tools/call", params).await;
        raw.notify("notifications/cancelled", json!({ "requestId": id }))
            .await;
        raw.close().await;
        let received = live.finish();
        assert!(received.events().is_empty(), "{:#?}", received.events());
    }
}

#[tokio::test]
async fn requests_side_by_side_do_not_share() {
    let live = live(&[]);
    let connection = Connection::legacy(TracedHandler::new(Failing)).await;
    let calls = ["logs", "traced", "answers", "asks"].map(|tool| connection.call(tool));
    let [a, b, c, d] = calls;
    let _ = tokio::join!(a, b, c, d);
    let received = live.finish();
    let mut tools: Vec<_> = received
        .events()
        .iter()
        .map(|it| &*it.tags["mcp.tool.name"])
        .collect();
    tools.sort_unstable();
    assert_eq!(tools, ["answers", "logs", "traced"]);
    for event in received.events() {
        let transaction = received
            .transaction_of(event.trace_id.as_ref().unwrap())
            .unwrap();
        let tool = &event.tags["mcp.tool.name"];
        assert_eq!(transaction.data["mcp.tool.name"], json!(tool));
    }
}

#[tokio::test]
async fn a_trace_that_is_not_sampled_has_its_error() {
    // Its parent has decided.
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    for tool in ["answers", "logs"] {
        let params = json!({ "name": tool, "_meta": { "traceparent": parent } });
        let live = live(&[]);
        mcp_telemetry::opentelemetry::global::set_text_map_propagator(
            mcp_telemetry::opentelemetry_sdk::propagation::TraceContextPropagator::new(),
        );
        let connection = Connection::legacy(TracedHandler::new(Failing)).await;
        let _ = connection.send("tools/call", params).await;
        let received = live.finish();
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert!(received.transaction_of(trace).is_none(), "{tool}");
        let event = one(&received);
        assert_eq!(event.trace_id.as_deref(), Some(trace), "{tool}");
        assert_ne!(event.span_id.as_deref(), Some("00f067aa0ba902b7"), "{tool}");
        assert_eq!(event.tags["mcp.tool.status"], "error");
    }
}

#[tokio::test]
async fn without_traces_errors_have_their_context_all_the_same() {
    for tool in ["answers", "logs", "captures"] {
        let call = ("tools/call", json!({ "name": tool }));
        let received = sent(&[("MCP_TELEMETRY_SENTRY_TRACES", "off")], &[call]).await;
        assert!(received.transactions().is_empty());
        let event = one(&received);
        assert_eq!(event.tags["mcp.tool.name"], tool);
        assert_eq!(event.tags["mcp.tool.status"], "error");
        assert_eq!(
            event.contexts["mcp"]["mcp.method.name"],
            json!("tools/call")
        );
    }
}

#[test]
fn a_traced_function_outside_of_a_request() {
    for variables in [&[][..], &[("MCP_TELEMETRY_SENTRY_TRACES", "off")]] {
        let live = live(variables);
        traced().unwrap_err();
        let received = live.finish();
        let event = one(&received);
        assert_eq!(exceptions(event), CHAIN);
        let data = json!({ "error_type": "tool_execution", "tool_name": "traced" });
        assert_eq!(mechanism(event), expected_mechanism(data));
        assert_eq!(event.tags["mcp.tool.name"], "traced");
        assert_eq!(event.tags["mcp.tool.status"], "error");
    }
}

#[test]
fn a_captured_error_outside_of_a_request() {
    let context = McpErrorContext::new().with_tool_name("risky_operation");
    let live = live(&[]);
    let id = capture_mcp_error(&FAILED, context.clone()).unwrap();
    // Nothing remembers it here.
    let again = capture_mcp_error(&FAILED, context).unwrap();
    assert_ne!(id, again);
    let received = live.finish();
    let events = received.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].event_id, id);
    let data = json!({ "error_type": "tool_execution", "tool_name": "risky_operation" });
    assert_eq!(mechanism(events[0]), expected_mechanism(data));
    assert_eq!(events[0].tags["mcp.tool.name"], "risky_operation");
}
