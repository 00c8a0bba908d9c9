//! Spans of an app's own operations, in both sinks.

use mcp_telemetry::opentelemetry::trace::TraceContextExt as _;
use mcp_telemetry::{mcp_span, opentelemetry};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value as Json, json};
use telemetry_testkit::{OtlpSpan, Received, SentrySpan, SpanStatus};
use tracing::Instrument as _;

use crate::both;
use crate::common::raw::{MODERN, Wrapper, result};

/// One span as both sinks have it.
fn span<'a>(received: &'a Received, name: &str) -> (&'a SentrySpan, &'a OtlpSpan) {
    let otlp = received.otlp_spans();
    let found: Vec<_> = otlp.into_iter().filter(|span| span.name == name).collect();
    let [otlp] = found.as_slice() else {
        panic!("{} spans `{name}`", found.len());
    };
    (received.span(&otlp.span_id).unwrap(), otlp)
}

/// These attributes in both sinks; null for one that must not be there.
#[track_caller]
fn assert_has((sentry, otlp): (&SentrySpan, &OtlpSpan), expected: Json) {
    for (key, value) in expected.as_object().unwrap() {
        let name = &otlp.name;
        let found = sentry.data(key).unwrap_or(&Json::Null);
        assert_eq!(found, value, "{key} of `{name}` in Sentry");
        let found = otlp.attribute(key).unwrap_or(&Json::Null);
        assert_eq!(found, value, "{key} of `{name}` by OTLP");
    }
}

#[tracing::instrument(name = "check quota", fields(sentry.op = "splunk.check", splunk.index = %index))]
async fn check_quota(index: &str) {
    tokio::task::yield_now().await;
}

struct Server;

impl ServerHandler for Server {
    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let span = mcp_span("custom.operation", "Process Data")
            .with_data("step", "validation")
            .with_data("item_count", 100_i64);
        span.run(async {
            check_quota("main").await;
            let lookup = tracing::info_span!(
                "lookup",
                otel.name = "lookup users",
                sentry.op = "db.lookup",
                mcp.lookup.rows = 3,
                splunk.app = "search",
            );
            tokio::task::yield_now().instrument(lookup).await;
            span.set_data("processed_count", 7_i64);
        })
        .await;
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

#[tokio::test]
async fn spans_of_an_app_arrive_in_both_sinks_with_the_requests_context() {
    let live = both();
    let mut raw = Wrapper::Handler.serve(Server).open(MODERN).await;
    result(&raw.call("work").await);
    raw.close().await;
    let received = live.finish();
    let agreement = received.agreement();
    assert!(agreement.holds(), "{agreement}");
    assert_eq!(agreement.spans, 5);

    let execution = span(&received, "mcp.tool.work").1;
    let own = span(&received, "Process Data");
    let below = [
        span(&received, "check quota"),
        span(&received, "lookup users"),
    ];
    assert_eq!(
        own.1.parent_span_id.as_deref(),
        Some(&*execution.span_id),
        "below the tool"
    );
    for (_, otlp) in below {
        assert_eq!(
            otlp.parent_span_id.as_deref(),
            Some(&*own.1.span_id),
            "{}",
            otlp.name
        );
    }
    for found in [own, below[0], below[1]] {
        let expected = json!({
            "mcp.method.name": "tools/call",
            "mcp.tool.name": "work",
            "mcp.request.id": "1",
        });
        assert_has(found, expected);
    }
    let expected = json!({ "step": "validation", "item_count": 100, "processed_count": 7 });
    assert_has(own, expected);
    assert_has(below[0], json!({ "splunk.index": "main" }));
    assert_has(
        below[1],
        json!({ "mcp.lookup.rows": 3, "splunk.app": "search" }),
    );
    for ((sentry, _), op) in [
        (own, "custom.operation"),
        (below[0], "splunk.check"),
        (below[1], "db.lookup"),
    ] {
        assert_eq!(sentry.op.as_deref(), Some(op));
    }
    assert_eq!(own.0.description.as_deref(), Some("Process Data"));
    assert_eq!(own.0.origin.as_deref(), Some("manual"));
}

#[test]
fn a_span_of_its_own_is_a_transaction() {
    let live = both();
    let span = mcp_span("custom.sync", "Read File");
    let active = span.in_scope(|| {
        let context = opentelemetry::Context::current();
        context.span().span_context().span_id().to_string()
    });
    drop(span);
    let received = live.finish();
    let transactions = received.transactions();
    let [transaction] = transactions.as_slice() else {
        panic!("{transactions:?}");
    };
    assert_eq!(transaction.name, "Read File");
    assert_eq!(transaction.op.as_deref(), Some("custom.sync"));
    assert_eq!(transaction.span_id, active);
    assert_eq!(transaction.status.as_deref(), Some("ok"));
}

#[test]
fn failures_and_panics() {
    let live = both();
    let span = mcp_span("custom.sync", "Fails");
    span.set_error("timeout", &"no answer with password=hunter2");
    drop(span);
    let panicked = std::panic::catch_unwind(|| {
        let span = mcp_span("custom.sync", "Panics");
        span.in_scope(|| panic!("on purpose"));
    });
    assert!(panicked.is_err());
    let received = live.finish();
    for (name, kind) in [("Fails", "timeout"), ("Panics", "panic")] {
        let found = self::span(&received, name);
        assert_has(found, json!({ "error.type": kind }));
        assert_eq!(found.1.status, SpanStatus::Error);
        assert!(!found.1.status_message.contains("hunter2"));
        assert_ne!(found.0.status.as_deref(), Some("ok"));
    }
}

#[test]
fn without_a_destination_nothing_happens() {
    let span = mcp_span("custom.sync", "Nowhere").with_data("step", "one");
    assert!(span.span().is_disabled());
    span.set_error("timeout", &"no answer");
    assert_eq!(span.in_scope(|| 7), 7);
    assert_eq!(futures_executor::block_on(span.run(async { 8 })), 8);
}
