//! A search that Splunk refuses: the error shows at every level, in both sinks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use mcp_telemetry_tests::client::{bad_search, connect, failed, search};
use mcp_telemetry_tests::harness::{ENVIRONMENT, Harness};
use mcp_telemetry_tests::trace::{CONTEXT, SEARCH_OPS, Trace};
use serde_json::{Value, json};
use splunk_simulator::Fault;
use telemetry_testkit::{Event, Received, SpanStatus};

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(1.0).unwrap());

/// What the tool answers, and what the spans say.
const MESSAGE: &str = "search.oneshot: Splunk refuses the request (400): FATAL: Unknown search \
    command 'frobnicate'. Correct the search or its time range.";

/// Runs a bad search by a client of its own, and waits for its trace.
async fn bad_search_by(harness: &Harness, client: &str) -> anyhow::Result<Trace> {
    let session = connect(harness, client).await?;
    let result = session.call_tool(search(&bad_search(client))).await?;
    assert!(failed(&result), "{result:?}");
    let content = serde_json::to_value(&result.content)?;
    assert_eq!(content[0]["text"], MESSAGE);
    session.cancel().await?;
    harness.trace_of_search(client, SEARCH_OPS.len()).await
}

/// Waits for the one error event of a trace.
async fn event_of(harness: &Harness, trace: &Trace) -> anyhow::Result<Event> {
    let look = |received: &Received| {
        let events = received.events_of(&trace.id);
        events.first().map(|event| (*event).clone())
    };
    let event = harness.wait_for("the error event", look).await?;
    let events = harness.sink.received();
    assert_eq!(
        events.events_of(&trace.id).len(),
        1,
        "one failure, one event"
    );
    Ok(event)
}

#[test]
fn every_level_below_http_has_failed() {
    HARNESS.test(async |harness| {
        let trace = bad_search_by(harness, "levels").await?;
        trace.spans(&SEARCH_OPS)?;
        let http = trace.span("http.server")?;
        assert!(!http.failed()?, "HTTP did its work");
        assert_eq!(
            http.attribute("http.response.status_code")?,
            Some(&json!(200))
        );
        assert_eq!(http.attribute("error.type")?, None);
        for op in ["mcp.server", "mcp.tool", "splunk.api"] {
            let span = trace.span(op)?;
            assert!(span.failed()?, "{op}");
            assert_eq!(span.otlp.status_message, MESSAGE, "{op}");
            assert_eq!(
                span.sentry.data_str("sentry.status.message"),
                Some(MESSAGE),
                "{op}"
            );
        }
        let client = trace.span("http.client")?;
        assert!(
            client.failed()?,
            "from 400 on it is an error for the client"
        );
        assert_eq!(
            client.attribute("http.response.status_code")?,
            Some(&json!(400))
        );
        assert_eq!(client.text("error.type")?, "400");
        Ok(())
    });
}

#[test]
fn attributes_tell_what_kind_of_error_it_is() {
    HARNESS.test(async |harness| {
        let trace = bad_search_by(harness, "kinds").await?;
        let expected = [
            ("mcp.server", "error.type", json!("tool_error")),
            ("mcp.server", "mcp.tool.status", json!("error")),
            ("mcp.server", "mcp.tool.result.is_error", json!(true)),
            ("mcp.tool", "mcp.tool.status", json!("error")),
            // The function knows the type of its error, the protocol does not.
            ("mcp.tool", "error.type", json!("ToolError")),
            ("mcp.tool", "mcp.tool.error_type", json!("ToolError")),
            ("splunk.api", "splunk.status", json!("error")),
            ("splunk.api", "http.response.status_code", json!(400)),
        ];
        for (op, key, value) in expected {
            let found = trace.span(op)?.attribute(key)?.cloned();
            assert_eq!(found, Some(value), "{key} of {op}");
        }
        let splunk = trace.span("splunk.api")?;
        let kind = splunk.text("splunk.error_type")?;
        assert!(!kind.is_empty());
        assert_eq!(splunk.text("error.type")?, kind);
        assert!(
            !kind.contains("frobnicate"),
            "a kind, not a message: {kind}"
        );
        assert_eq!(splunk.attribute("splunk.result_count")?, None);
        Ok(())
    });
}

#[test]
fn the_context_of_the_request_is_on_failed_spans_too() {
    HARNESS.test(async |harness| {
        let trace = bad_search_by(harness, "failed-context").await?;
        for key in CONTEXT {
            let expected = trace.span("mcp.server")?.text(key)?.to_owned();
            for span in trace.spans(&SEARCH_OPS)? {
                assert_eq!(span.text(key)?, expected, "{}", span.otlp.name);
            }
        }
        Ok(())
    });
}

#[test]
fn an_error_event_stands_at_the_tools_span() {
    HARNESS.test(async |harness| {
        let trace = bad_search_by(harness, "event").await?;
        let event = event_of(harness, &trace).await?;
        let tool = trace.span("mcp.tool")?;
        assert_eq!(event.span_id.as_deref(), Some(tool.id()));
        assert_eq!(event.logger.as_deref(), Some("mcp_server_splunk::tools"));
        assert_eq!(event.environment.as_deref(), Some(ENVIRONMENT));
        assert!(event.release.is_some());
        let [exception] = &*event.exceptions else {
            panic!("expected one exception: {:#?}", event.raw);
        };
        assert_eq!(exception.ty.as_deref(), Some("BadRequest"));
        assert_eq!(exception.value.as_deref(), Some(MESSAGE));
        let mechanism = &exception.raw["mechanism"];
        let expected = json!({
            "type": "auto.ai.mcp_server",
            "handled": false,
            "data": { "error_type": "tool_execution", "tool_name": "run_oneshot_search" },
        });
        assert_eq!(*mechanism, expected);
        let server = trace.span("mcp.server")?;
        for key in CONTEXT {
            let value = server.text(key)?;
            assert_eq!(
                event.tags.get(key).map(String::as_str),
                Some(value),
                "{key}"
            );
            assert_eq!(event.contexts["mcp"][key], json!(value), "{key}");
        }
        assert_eq!(event.tags["mcp.tool.status"], "error");
        // By OTLP the same error is an event of the span, as OTel's convention has it.
        let [of_span] = &*tool.otlp.events else {
            panic!("expected one span event: {:#?}", tool.otlp.events);
        };
        assert_eq!(of_span.name, "exception");
        assert_eq!(
            of_span.attributes.get("exception.message"),
            Some(&json!(MESSAGE))
        );
        for op in ["http.server", "mcp.server", "splunk.api", "http.client"] {
            assert!(trace.span(op)?.otlp.events.is_empty(), "{op}");
        }
        Ok(())
    });
}

#[test]
fn the_breadcrumbs_of_the_event_are_what_led_to_it() {
    HARNESS.test(async |harness| {
        let trace = bad_search_by(harness, "breadcrumbs").await?;
        let event = event_of(harness, &trace).await?;
        let itself: Vec<_> = event
            .breadcrumbs
            .iter()
            .filter(|crumb| crumb.message.as_deref() == Some("a tool failed"))
            .collect();
        assert!(
            itself.is_empty(),
            "the event is a breadcrumb of itself: {itself:#?}"
        );
        Ok(())
    });
}

#[test]
fn the_error_is_a_log_at_both_sinks() {
    HARNESS.test(async |harness| {
        let trace = bad_search_by(harness, "error-log").await?;
        let look = |received: &Received| {
            let arrived = !received.logs_of(&trace.id).is_empty()
                && !received.otlp_logs_of(&trace.id).is_empty();
            arrived.then(|| received.clone())
        };
        let received = harness.wait_for("the logs", look).await?;
        let (sentry, otlp) = (
            received.logs_of(&trace.id),
            received.otlp_logs_of(&trace.id),
        );
        let ([sentry], [otlp]) = (&*sentry, &*otlp) else {
            panic!("expected one log each: {sentry:#?} {otlp:#?}");
        };
        assert_eq!((&*sentry.body, &*sentry.level), ("a tool failed", "error"));
        assert_eq!(
            (otlp.text(), otlp.severity_number),
            (Some("a tool failed"), 17)
        );
        let text = sentry.attribute("error").and_then(Value::as_str).unwrap();
        assert!(text.contains(MESSAGE), "{text}");
        assert_eq!(otlp.attribute("error"), Some(&json!(MESSAGE)));
        let tool = trace.span("mcp.tool")?.id().to_owned();
        assert_eq!(sentry.span_id.as_deref(), Some(&*tool));
        assert_eq!(otlp.span_id.as_deref(), Some(&*tool));
        Ok(())
    });
}

#[test]
fn a_splunk_that_is_down_is_an_error_of_its_own_kind() {
    HARNESS.test(async |harness| {
        let session = connect(harness, "down").await?;
        harness
            .splunk
            .fault(Fault::status(503).on("/services/data/indexes"));
        let call = mcp_telemetry_tests::client::call("list_indexes", &json!({}));
        let result = session.call_tool(call).await?;
        assert!(failed(&result), "{result:?}");
        session.cancel().await?;
        let trace = harness
            .trace_of_request("down", "tools/call", SEARCH_OPS.len())
            .await?;
        trace.spans(&SEARCH_OPS)?;
        for op in ["mcp.server", "mcp.tool", "splunk.api", "http.client"] {
            assert!(trace.span(op)?.failed()?, "{op}");
        }
        assert_eq!(trace.span("http.client")?.text("error.type")?, "503");
        let other = bad_search_by(harness, "not-down").await?;
        assert_ne!(
            trace.span("splunk.api")?.text("splunk.error_type")?,
            other.span("splunk.api")?.text("splunk.error_type")?
        );
        assert_eq!(trace.span("http.server")?.otlp.status, SpanStatus::Unset);
        Ok(())
    });
}
