//! `tracing` events as OTLP log records.

use mcp_telemetry::opentelemetry::{Context, KeyValue};
use mcp_telemetry::otel_pipeline::ContextAttributes;
use serde_json::{Value as Json, json};
use telemetry_testkit::{OtlpLog, Received};

use crate::common::Live;

fn one<'a>(received: &'a Received, text: &str) -> &'a OtlpLog {
    let logs = received.otlp_logs();
    let mut found = logs.into_iter().filter(|log| log.text() == Some(text));
    let log = found.next();
    assert!(found.next().is_none(), "`{text}` more than once");
    log.unwrap_or_else(|| panic!("no `{text}` in {:?}", received.otlp_logs()))
}

#[test]
fn attributes_keep_their_types() {
    let live = Live::otlp(&[]);
    tracing::info!(
        text = "a",
        number = -7,
        large = u64::MAX,
        share = 0.25,
        yes = true,
        shown = %"b",
        debugged = ?Some(1),
        "typed {}",
        "message"
    );
    let received = live.finish();
    let log = one(&received, "typed message");
    let expected = json!({
        "text": "a",
        "number": -7,
        "large": "18446744073709551615",
        "share": 0.25,
        "yes": true,
        "shown": "b",
        "debugged": "Some(1)",
    });
    let attributes: Json = log.attributes.clone().into_iter().collect();
    assert_eq!(attributes, expected);
    assert_eq!(
        log.resource.get("service.name"),
        Some(&json!("test-server"))
    );
}

#[test]
fn levels_from_info() {
    let live = Live::otlp(&[]);
    tracing::trace!("trace");
    tracing::debug!("debug");
    tracing::info!("info");
    tracing::warn!("warn");
    tracing::error!("error");
    let received = live.finish();
    let logs = received.otlp_logs();
    let levels: Vec<_> = logs
        .iter()
        .map(|log| {
            (
                log.text().unwrap(),
                log.severity_number,
                log.severity_text.as_str(),
            )
        })
        .collect();
    let expected = [
        ("info", 9, "INFO"),
        ("warn", 13, "WARN"),
        ("error", 17, "ERROR"),
    ];
    assert_eq!(levels, expected);
}

#[test]
fn a_log_belongs_to_its_span_and_request() {
    let live = Live::otlp(&[]);
    tracing::info!("outside");
    let request = ContextAttributes::new([
        KeyValue::new("mcp.tool.name", "search"),
        KeyValue::new("mcp.request.id", "7"),
        KeyValue::new("app.attempt", 2_i64),
        KeyValue::new("password", "hunter2"),
    ]);
    let attached = Context::current_with_value(request).attach();
    tracing::info_span!("work").in_scope(|| tracing::info!(own = 1, "inside"));
    drop(attached);
    let received = live.finish();
    let outside = one(&received, "outside");
    assert_eq!((&outside.trace_id, &outside.span_id), (&None, &None));
    assert!(outside.attributes.is_empty());

    let span = received.otlp_spans()[0];
    let inside = one(&received, "inside");
    assert_eq!(inside.trace_id.as_ref(), Some(&span.trace_id));
    assert_eq!(inside.span_id.as_ref(), Some(&span.span_id));
    let expected = json!({
        "own": 1,
        "mcp.tool.name": "search",
        "mcp.request.id": "7",
        "app.attempt": 2,
        "password": "***REDACTED***",
    });
    let attributes: Json = inside.attributes.clone().into_iter().collect();
    assert_eq!(attributes, expected);
    // Events are logs: they are not on their span once more.
    assert!(span.events.is_empty());
}

#[test]
fn secrets_are_redacted_in_messages_and_fields() {
    let live = Live::otlp(&[]);
    tracing::info!(
        password = "hunter2",
        pin = 4711,
        api_key = true,
        header = "Authorization: Bearer abc123def456",
        "logging in with password=hunter2 and token=abc123def456"
    );
    let received = live.finish();
    let log = received.otlp_logs()[0];
    let all = format!("{log:?}");
    for secret in ["hunter2", "abc123def456"] {
        assert!(!all.contains(secret), "{all}");
    }
    assert_eq!(log.attribute("password"), Some(&json!("***REDACTED***")));
    assert_eq!(log.attribute("api_key"), Some(&json!("***REDACTED***")));
    assert!(log.text().unwrap().starts_with("logging in with"), "{all}");
}

#[test]
fn targets_that_log_payloads_or_themselves_are_left_out() {
    let live = Live::otlp(&[]);
    tracing::info!(target: "rmcp::service", "whole requests");
    tracing::error!(target: "rmcp::service::server", error = "x", "whole responses");
    tracing::info!(target: "rmcp::transport::io", "whole lines");
    tracing::warn!(target: "opentelemetry_sdk", "would come round again");
    tracing::warn!(target: "hyper::proto", "would come round again");
    drop(tracing::info_span!(target: "hyper::proto", "connection"));
    tracing::info!(target: "rmcp::handler", "kept");
    let received = live.finish();
    let logs = received.otlp_logs();
    let texts: Vec<_> = logs.iter().map(|log| log.text().unwrap()).collect();
    assert_eq!(texts, ["kept"]);
    assert!(received.otlp_spans().is_empty());
}

#[test]
fn logs_have_a_switch_of_their_own() {
    let live = Live::otlp(&[("OTEL_LOGS_EXPORTER", "none")]);
    tracing::info_span!("work").in_scope(|| tracing::info!("said"));
    let received = live.finish();
    assert_eq!(received.otlp_spans().len(), 1);
    assert!(received.otlp_logs().is_empty());
    drop(received);

    let live = Live::otlp(&[("OTEL_TRACES_EXPORTER", "none")]);
    assert!(!live.telemetry().is_tracing());
    tracing::info_span!("work").in_scope(|| tracing::info!("said"));
    let received = live.finish();
    assert!(received.otlp_spans().is_empty());
    assert_eq!(received.otlp_logs().len(), 1);
}
