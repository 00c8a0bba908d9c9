//! `#[trace_splunk_operation]`.

use std::future::{Future as _, pending, poll_fn};
use std::task::Poll;
use std::time::{Duration, Instant};

use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use mcp_telemetry::{CallSpan, Outcome, trace_mcp_tool, trace_splunk_operation};
use serde_json::{Value as Json, json};

use crate::common::{Rig, assert_attributes, assert_child, assert_has, attribute, failed};
use crate::{NO_PII, PII};

#[trace_splunk_operation("search.oneshot")]
async fn oneshot(query: &str) -> Result<usize, std::num::ParseIntError> {
    mcp_telemetry::record("splunk.result_count", 100_i64);
    query.parse()
}

#[trace_splunk_operation]
fn server_info(at_least: Duration) {
    let since = Instant::now();
    while since.elapsed() < at_least {
        std::hint::spin_loop();
    }
}

#[trace_mcp_tool]
async fn tool(query: &str) -> usize {
    oneshot(query).await.unwrap_or_default()
}

#[tokio::test]
async fn an_operation_that_succeeds() {
    let rig = Rig::new(&[PII]);
    oneshot("7").await.unwrap();
    let span = rig.spans().one("splunk/search.oneshot");
    assert_eq!(span.span_kind, SpanKind::Internal);
    assert_eq!(span.status, Status::Unset);
    let duration = attribute(&span, "splunk.duration");
    assert!(duration.is_f64(), "{duration}");
    let expected = json!({
        "sentry.op": "splunk.api",
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "sampling.rule": "splunk",
        "sampling.rate": 1.0,
        "splunk.operation": "search.oneshot",
        "splunk.argument.query": "\"7\"",
        "splunk.result_count": 100,
        "splunk.status": "success",
        "splunk.duration": duration,
    });
    assert_attributes(&span, expected);
}

#[test]
fn the_duration_is_in_milliseconds() {
    let rig = Rig::new(&[NO_PII]);
    let since = Instant::now();
    server_info(Duration::from_millis(5));
    let most = since.elapsed().as_secs_f64() * 1_000.0;
    let span = rig.spans().one("splunk/server_info");
    let duration = attribute(&span, "splunk.duration").as_f64().unwrap();
    assert!(
        (5.0..=most).contains(&duration),
        "5 <= {duration} <= {most}"
    );
}

#[tokio::test]
async fn an_operation_that_fails() {
    let rig = Rig::new(&[NO_PII]);
    oneshot("x").await.unwrap_err();
    let span = rig.spans().one("splunk/search.oneshot");
    assert_eq!(span.status, failed("invalid digit found in string"));
    let expected = json!({
        "splunk.status": "error",
        "splunk.error_type": "ParseIntError",
        "error.type": "ParseIntError",
        "splunk.argument.query": null,
    });
    assert_has(&span, expected);
    assert!(attribute(&span, "splunk.duration").is_f64());
}

#[test]
fn an_operation_that_takes_too_long() {
    let rig = Rig::new(&[NO_PII]);
    CallSpan::splunk("search.oneshot").run_sync(
        || (),
        |()| Outcome::Error {
            kind: "timeout",
            message: "no answer within 30 s".to_owned(),
        },
    );
    let span = rig.spans().one("splunk/search.oneshot");
    assert_eq!(span.status, failed("no answer within 30 s"));
    let expected = json!({
        "splunk.status": "timeout",
        "splunk.error_type": "timeout",
        "error.type": "timeout",
    });
    assert_has(&span, expected);
}

#[trace_splunk_operation("jobs.wait")]
async fn wait_for_job() {
    pending().await
}

#[tokio::test]
async fn an_operation_that_is_given_up() {
    let rig = Rig::new(&[NO_PII]);
    let mut call = Box::pin(wait_for_job());
    let started = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending()));
    assert!(started.await);
    drop(call);
    let span = rig.spans().one("splunk/jobs.wait");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({ "splunk.status": "cancelled", "error.type": Json::Null });
    assert_has(&span, expected);
    assert!(attribute(&span, "splunk.duration").is_f64());
}

#[tokio::test]
async fn inside_a_tool_it_is_a_child() {
    let rig = Rig::new(&[NO_PII]);
    assert_eq!(tool("7").await, 7);
    assert_eq!(tool("x").await, 0);
    let spans = rig.spans();
    let tools: Vec<_> = spans.all("mcp.tool.tool").collect();
    let operations: Vec<_> = spans.all("splunk/search.oneshot").collect();
    assert_eq!((tools.len(), operations.len()), (2, 2));
    for (tool, operation) in tools.iter().zip(&operations) {
        assert_child(operation, tool);
        // The tool made the best of it.
        assert_eq!(tool.status, Status::Unset);
    }
    assert_has(operations[1], json!({ "splunk.status": "error" }));
}

/// `SENTRY_SEND_PII` has another meaning for what is asked of Splunk: none.
#[tokio::test]
async fn what_is_recorded_by_hand_is_sanitized_too() {
    let rig = Rig::new(&[PII]);
    let call = CallSpan::splunk("auth.login")
        .attribute("splunk.username", "admin")
        .attribute("splunk.password", "hunter2")
        .input(
            "splunk.query_preview",
            "| makeresults | eval token=\"abc123def456\"",
        );
    call.run_sync(|| (), |()| Outcome::Success);
    let span = rig.spans().one("splunk/auth.login");
    let all = crate::common::attributes(&span).to_string();
    for secret in ["hunter2", "abc123def456"] {
        assert!(!all.contains(secret), "{all}");
    }
}
