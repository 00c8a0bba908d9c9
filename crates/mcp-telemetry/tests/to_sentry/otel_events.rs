//! What OTel code puts on spans: events as breadcrumbs, and exceptions as error events, each
//! failure once.

use std::error::Error;
use std::io;

use mcp_telemetry::TracedHandler;
use mcp_telemetry::opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _};
use mcp_telemetry::opentelemetry::{Context, KeyValue, global};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value as Json, json};
use telemetry_testkit::{Event, Received, Transaction};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::common::server::Connection;
use crate::{both, live};

/// A server whose tools are named by what they put on their span.
struct Recording;

fn no_disk() -> io::Error {
    io::Error::other("no disk")
}

/// As an instrumented library does, which knows OTel alone.
fn query_of_a_library() {
    let mut span = global::tracer("a-library").start("query");
    span.add_event("connected", Vec::new());
    span.record_error(&no_disk());
}

impl Recording {
    fn call(name: &str) -> Result<CallToolResponse, ErrorData> {
        let error = no_disk();
        let record = || Context::map_current(|cx| cx.span().record_error(&no_disk()));
        match name {
            "an event" => {
                let rows = KeyValue::new("rows", 7_i64);
                Span::current().add_event("looked up", vec![rows]);
            }
            "an exception" => {
                Span::current().add_event("looked up", Vec::new());
                record();
            }
            "an exception of a library" => query_of_a_library(),
            "an exception, and fails with it" => {
                record();
                return Err(ErrorData::internal_error("no disk", None));
            }
            "an exception, and fails" => {
                query_of_a_library();
                let content = vec![ContentBlock::text("nothing found")];
                return Ok(CallToolResult::error(content).into());
            }
            "an exception, and logs it" => {
                record();
                tracing::error!(error = &error as &dyn Error, "giving up");
            }
            "an exception, and logs another" => {
                record();
                tracing::error!("no memory");
            }
            "a log" => tracing::error!(error = &error as &dyn Error),
            "a log with a message" => tracing::error!(error = %error, "giving up"),
            "secrets" => {
                let password = KeyValue::new("password", "hunter2");
                let event = "refused: token=abc123def456";
                Span::current().add_event(event, vec![password.clone()]);
                let message = KeyValue::new("exception.message", event);
                let ty = KeyValue::new("exception.type", "Refused");
                Span::current().add_event("exception", vec![ty, message, password]);
            }
            other => panic!("{other}"),
        }
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

impl ServerHandler for Recording {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Self::call(&request.name)
    }
}

async fn call(tool: &str) {
    let connection = Connection::legacy(TracedHandler::new(Recording)).await;
    let _ = connection.send("tools/call", json!({ "name": tool })).await;
}

async fn called(tool: &str) -> Received {
    let live = live(&[]);
    call(tool).await;
    live.finish()
}

#[track_caller]
fn one(received: &Received) -> &Event {
    match received.events()[..] {
        [event] => event,
        ref events => panic!("{} events: {events:#?}", events.len()),
    }
}

fn transaction(received: &Received) -> &Transaction {
    let transactions = received.transactions();
    let mut calls = transactions.iter();
    calls.find(|it| it.name.starts_with("tools/call")).unwrap()
}

/// The messages of a transaction's breadcrumbs.
fn trail(transaction: &Transaction) -> Vec<&Json> {
    let crumbs = transaction.raw["breadcrumbs"]["values"].as_array();
    crumbs
        .into_iter()
        .flatten()
        .map(|it| &it["message"])
        .collect()
}

#[tokio::test]
async fn an_event_is_a_breadcrumb_of_the_transaction() {
    let received = called("an event").await;
    assert!(received.events().is_empty(), "{:#?}", received.events());
    let transaction = transaction(&received);
    assert_eq!(trail(transaction), ["looked up"]);
    let crumb = &transaction.raw["breadcrumbs"]["values"][0];
    assert_eq!(crumb["data"], json!({ "rows": 7 }));
    assert_eq!(crumb["category"], "otel.event");
}

#[tokio::test]
async fn an_exception_is_one_error_event_with_the_context_of_its_request() {
    let received = called("an exception").await;
    let event = one(&received);
    let exception = &event.exceptions[0].raw;
    assert_eq!(exception["type"], "Error");
    assert_eq!(exception["value"], "no disk");
    assert_eq!(exception["mechanism"], json!({ "type": "generic" }));
    assert_eq!(event.release.as_deref(), Some("test-server@1.0.0"));
    assert_eq!(event.platform.as_deref(), Some("native"));
    let before: Vec<_> = event.breadcrumbs.iter().map(|it| &it.message).collect();
    assert_eq!(before, [&Some("looked up".to_owned())]);

    let transaction = transaction(&received);
    assert_eq!(trail(transaction), ["looked up", "no disk"]);
    let execution = &transaction.spans[0];
    assert_eq!(execution.op.as_deref(), Some("mcp.tool"));
    assert_eq!(event.span_id.as_ref(), Some(&execution.span_id));
    assert_eq!(event.trace_id.as_ref(), Some(&transaction.trace_id));
    let id = transaction.data["mcp.request.id"].as_str().unwrap();
    let tags: Vec<_> = event.tags.iter().map(|(k, v)| (&**k, &**v)).collect();
    let expected = [
        ("mcp.method.name", "tools/call"),
        ("mcp.request.id", id),
        ("mcp.tool.name", "an exception"),
        ("mcp.tool.status", "success"),
        ("mcp.transport", "stdio"),
    ];
    assert_eq!(tags, expected);
    let mut context = event.contexts["mcp"].clone();
    context.as_object_mut().unwrap().remove("type");
    let expected = json!({
        "jsonrpc.request.id": id,
        "mcp.method.name": "tools/call",
        "mcp.request.id": id,
        "mcp.tool.name": "an exception",
        "mcp.transport": "stdio",
        "network.transport": "pipe",
    });
    assert_eq!(context, expected);
}

#[tokio::test]
async fn an_exception_on_a_span_of_a_library_has_the_request_too() {
    let received = called("an exception of a library").await;
    let event = one(&received);
    assert_eq!(event.tags["mcp.tool.name"], "an exception of a library");
    let span = received.span(event.span_id.as_ref().unwrap()).unwrap();
    assert_eq!(span.description.as_deref(), Some("query"));
}

#[tokio::test]
async fn a_failure_that_is_seen_twice_is_one_event() {
    for (tool, text, ty) in [
        ("an exception, and fails with it", "no disk", "ErrorData"),
        ("an exception, and fails", "nothing found", "tool_error"),
        ("a log", "no disk", "Custom"),
        ("a log with a message", "no disk", "Error"),
        ("an exception, and logs it", "no disk", "Custom"),
    ] {
        let received = called(tool).await;
        let exception = &one(&received).exceptions[0];
        assert_eq!(exception.value.as_deref(), Some(text), "{tool}");
        assert_eq!(exception.ty.as_deref(), Some(ty), "{tool}");
    }
}

#[tokio::test]
async fn two_errors_are_two_events() {
    let received = called("an exception, and logs another").await;
    let events = received.events();
    let exceptions = events.iter().filter(|it| !it.exceptions.is_empty()).count();
    assert_eq!((events.len(), exceptions), (2, 1));
}

#[tokio::test]
async fn secrets_leave_neither_way_and_otlp_has_the_events_as_they_are() {
    let live = both();
    call("secrets").await;
    let received = live.finish();
    let event = one(&received);
    assert_eq!(event.exceptions[0].ty.as_deref(), Some("Refused"));
    let transaction = transaction(&received);
    assert_eq!(trail(transaction).len(), 2);
    let span = received.otlp_span(event.span_id.as_ref().unwrap()).unwrap();
    let names: Vec<_> = span.events.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names.len(), 2);
    assert_eq!(names[1], "exception");
    assert!(names[0].starts_with("refused: "), "{names:?}");
    let keys: Vec<_> = span.events[1].attributes.keys().collect();
    assert_eq!(keys, ["exception.message", "exception.type", "password"]);
    let sent = format!("{} {} {span:?}", event.raw, transaction.raw);
    for secret in ["hunter2", "abc123def456"] {
        assert!(!sent.contains(secret), "{secret} in {sent}");
    }
}

#[tokio::test]
async fn without_traces_to_sentry_spans_make_no_events() {
    let live = live(&[("MCP_TELEMETRY_SENTRY_TRACES", "off")]);
    call("an exception").await;
    assert!(live.finish().events().is_empty());
}
