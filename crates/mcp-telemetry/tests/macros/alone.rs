//! Traced tools outside any request.

use std::error::Error;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use mcp_telemetry::{CallSpan, Outcome, trace_mcp_tool};
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::json;

use crate::common::{Rig, assert_attributes, assert_child, assert_has, assert_root, failed};
use crate::{NO_PII, PII};

/// An error as apps write them.
#[derive(Debug)]
pub(crate) struct SearchError(&'static str);

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for SearchError {}

/// A type that cannot be shown.
struct Opaque;

#[trace_mcp_tool]
fn count(query: &str, _unused: u8) -> usize {
    query.len()
}

#[trace_mcp_tool("splunk_search", skip(token))]
async fn search(query: String, limit: Option<u32>, token: &str, sink: Opaque) -> usize {
    let Opaque = sink;
    tracing::info_span!("inside").in_scope(|| query.len() + token.len() + limit.map_or(0, |_| 1))
}

#[trace_mcp_tool(name = "everything", skip_all)]
async fn skips_all(password: &str, query: &str) -> usize {
    password.len() + query.len()
}

struct Server {
    hits: usize,
}

impl Server {
    #[trace_mcp_tool]
    async fn method(&mut self, query: impl fmt::Debug + Send) -> usize {
        let _ = query;
        self.hits += 1;
        self.hits
    }

    #[trace_mcp_tool("boxed")]
    fn boxed(&self, query: u8) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async move { self.hits + usize::from(query) })
    }
}

#[test]
fn a_function_that_blocks() {
    let rig = Rig::new(&[PII]);
    assert_eq!(count("index=main", 0), 10);
    let span = rig.spans().one("mcp.tool.count");
    assert_root(&span);
    assert_eq!(span.span_kind, SpanKind::Internal);
    assert_eq!(span.status, Status::Unset);
    let expected = json!({
        "sentry.op": "mcp.tool",
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "sampling.rule": "mcp.tool",
        "sampling.rate": 1.0,
        "mcp.tool.name": "count",
        "mcp.tool.status": "success",
        "mcp.request.argument.query": "\"index=main\"",
    });
    assert_attributes(&span, expected);
}

#[tokio::test]
async fn a_function_that_is_async() {
    let rig = Rig::new(&[PII]);
    let outer = tracing::info_span!("outer");
    let called = search("index=main".to_owned(), Some(5), "t0ken", Opaque);
    tracing::Instrument::instrument(called, outer).await;
    let spans = rig.spans();
    let span = spans.one("mcp.tool.splunk_search");
    assert_child(&span, &spans.one("outer"));
    assert_child(&spans.one("inside"), &span);
    // Neither the skipped argument nor the one that has no text.
    let expected = json!({
        "sentry.op": "mcp.tool",
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "mcp.tool.name": "splunk_search",
        "mcp.tool.status": "success",
        "mcp.request.argument.query": "\"index=main\"",
        "mcp.request.argument.limit": "Some(5)",
    });
    assert_attributes(&span, expected);
}

#[tokio::test]
async fn methods_and_functions_that_return_futures() {
    let rig = Rig::new(&[PII]);
    let mut server = Server { hits: 0 };
    assert_eq!(server.method("a").await, 1);
    assert_eq!(server.boxed(7).await, 8);
    let spans = rig.spans();
    let method = spans.one("mcp.tool.method");
    assert_has(&method, json!({ "mcp.request.argument.query": "\"a\"" }));
    let boxed = spans.one("mcp.tool.boxed");
    assert_has(&boxed, json!({ "mcp.request.argument.query": "7" }));
    assert_eq!(spans.len(), 2);
}

#[tokio::test]
async fn arguments_need_leave() {
    let rig = Rig::new(&[NO_PII]);
    count("index=main", 0);
    search("index=main".to_owned(), None, "t0ken", Opaque).await;
    let spans = rig.spans();
    assert_eq!(spans.len(), 3);
    let all = format!("{spans:?}");
    assert!(!all.contains("mcp.request.argument"), "{all}");
    assert!(!all.contains("index=main"), "{all}");
}

#[trace_mcp_tool]
fn login(password: &str, header: &str) -> usize {
    password.len() + header.len()
}

#[tokio::test]
async fn arguments_are_sanitized_bounded_and_can_be_left_out() {
    let rig = Rig::new(&[PII]);
    login("hunter2", "Authorization: Bearer abc123def456");
    skips_all("hunter2", "index=main").await;
    count(&"x".repeat(100_000), 0);
    let spans = rig.spans();
    let all = format!("{spans:?}");
    for secret in ["hunter2", "abc123def456", "index=main"] {
        assert!(!all.contains(secret), "{all}");
    }
    let long = spans.one("mcp.tool.count");
    let long = crate::common::attribute(&long, "mcp.request.argument.query");
    assert_eq!(long.as_str().unwrap().len(), 1024);
}

#[trace_mcp_tool]
fn fails(kind: &'static str) -> Result<u8, Box<dyn Error>> {
    match kind {
        "ok" => Ok(1),
        other => Err(Box::new(SearchError(other))),
    }
}

#[trace_mcp_tool]
fn typed(text: &'static str) -> Result<(), SearchError> {
    Err(SearchError(text))
}

#[trace_mcp_tool]
async fn tool(kind: &'static str) -> Result<CallToolResult, ErrorData> {
    let content = vec![ContentBlock::text("no such index")];
    match kind {
        "is_error" => Ok(CallToolResult::error(content)),
        "protocol" => Err(ErrorData::internal_error("broken", None)),
        _ => Ok(CallToolResult::success(content)),
    }
}

#[tokio::test]
async fn what_is_returned_says_how_it_went() {
    let rig = Rig::new(&[NO_PII]);
    fails("ok").unwrap();
    assert_eq!(rig.spans().one("mcp.tool.fails").status, Status::Unset);
    drop(rig);

    let rig = Rig::new(&[NO_PII]);
    fails("no answer").unwrap_err();
    typed("password=hunter2 is wrong").unwrap_err();
    let spans = rig.spans();
    let span = spans.one("mcp.tool.fails");
    assert_eq!(span.status, failed("no answer"));
    let expected = json!({
        "mcp.tool.status": "error",
        "error.type": "Box",
        "mcp.tool.error_type": "Box",
    });
    assert_has(&span, expected);
    let span = spans.one("mcp.tool.typed");
    assert_has(&span, json!({ "error.type": "SearchError" }));
    // Texts of errors are sanitized as well.
    let Status::Error { description } = &span.status else {
        panic!("{:?}", span.status);
    };
    assert!(!description.contains("hunter2"), "{description}");
    drop(rig);

    for (kind, status, told, error) in [
        ("fine", Status::Unset, "success", json!(null)),
        (
            "is_error",
            failed("the tool answered with an error"),
            "error",
            json!("tool_error"),
        ),
        (
            "protocol",
            failed("-32603: broken"),
            "error",
            json!("ErrorData"),
        ),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let _ = tool(kind).await;
        let span = rig.spans().one("mcp.tool.tool");
        assert_eq!(span.status, status, "{kind}");
        let expected = json!({
            "mcp.tool.status": told,
            "error.type": error,
            "mcp.tool.error_type": error,
        });
        assert_has(&span, expected);
    }
}

#[trace_mcp_tool]
fn panics(on_purpose: bool) -> u8 {
    assert!(!on_purpose, "on purpose");
    1
}

#[trace_mcp_tool]
async fn panics_later(on_purpose: bool) -> u8 {
    tokio::task::yield_now().await;
    assert!(!on_purpose, "on purpose");
    1
}

#[tokio::test]
async fn a_panic_is_an_error() {
    let rig = Rig::new(&[NO_PII]);
    assert!(catch_unwind(|| panics(true)).is_err());
    let mut later = Box::pin(panics_later(true));
    let ended = poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| later.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(_)) => Poll::Ready(false),
            Err(_) => Poll::Ready(true),
        },
    );
    assert!(ended.await);
    drop(later);
    let spans = rig.spans();
    for span in [
        spans.one("mcp.tool.panics"),
        spans.one("mcp.tool.panics_later"),
    ] {
        assert_eq!(span.status, failed("panicked"));
        let expected = json!({
            "mcp.tool.status": "error",
            "error.type": "panic",
            "mcp.tool.error_type": "panic",
        });
        assert_has(&span, expected);
    }
}

#[trace_mcp_tool]
async fn hangs() {
    pending().await
}

#[tokio::test]
async fn a_future_that_is_dropped_is_cancelled() {
    let rig = Rig::new(&[NO_PII]);
    // Never asked for anything: it never ran.
    drop(hangs());
    let mut call = Box::pin(hangs());
    let started = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending()));
    assert!(started.await);
    assert_eq!(rig.spans().len(), 0);
    drop(call);
    let span = rig.spans().one("mcp.tool.hangs");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({ "mcp.tool.status": "cancelled", "error.type": null });
    assert_has(&span, expected);
}

#[tokio::test]
async fn calls_can_be_traced_without_the_macros() {
    let rig = Rig::new(&[NO_PII]);
    let call = CallSpan::tool("by_hand").attribute("app.rows", 3_i64);
    let returned = call.input("app.query", "index=main").run_sync(
        || {
            mcp_telemetry::record("app.late", true);
            "no"
        },
        |returned| Outcome::Error {
            kind: "my_app::Refused",
            message: (*returned).to_owned(),
        },
    );
    assert_eq!(returned, "no");
    let prompt = CallSpan::prompt("triage").run(async {}, |()| Outcome::Success);
    prompt.await;
    let resource = CallSpan::resource("splunk://a").run(async {}, |()| Outcome::Success);
    resource.await;
    let spans = rig.spans();
    let span = spans.one("mcp.tool.by_hand");
    assert_eq!(span.status, failed("no"));
    let expected = json!({
        "app.rows": 3,
        "app.late": true,
        "app.query": null,
        "error.type": "Refused",
    });
    assert_has(&span, expected);
    let expected = json!({ "sentry.op": "mcp.prompt", "mcp.prompt.status": "success" });
    assert_has(&spans.one("mcp.prompt.triage"), expected);
    // A URI is user data: it stands in no name.
    let expected = json!({ "sentry.op": "mcp.resource", "mcp.resource.uri": "splunk://a" });
    assert_has(&spans.one("mcp.resource"), expected);
}

#[tokio::test]
async fn without_a_destination_calls_go_on() {
    let rig = Rig::idle();
    assert_eq!(count("index=main", 0), 10);
    assert!(fails("no answer").is_err());
    assert_eq!(search("a".to_owned(), None, "", Opaque).await, 1);
    assert!(!rig.telemetry().is_tracing());
}
