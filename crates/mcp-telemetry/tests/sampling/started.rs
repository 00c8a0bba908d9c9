//! The trace in which this process was started, and processes that it starts.

use mcp_telemetry::TracedHandler;
use mcp_telemetry::opentelemetry::trace::TraceContextExt as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::common::Live;
use crate::common::server::{Connection, Server};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// The parents of a call over a pipe with these variables.
async fn parents(variables: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    let live = Live::both(variables);
    live.telemetry().make_global();
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    connection.call("echo").await.unwrap();
    let received = live.finish();
    let transactions = received.transactions();
    let of_call = transactions
        .iter()
        .filter(|it| it.name == "tools/call echo");
    of_call
        .map(|it| (it.trace_id.clone(), it.parent_span_id.clone()))
        .collect()
}

#[tokio::test]
async fn requests_over_stdio_belong_to_the_trace_in_which_the_server_was_started() {
    let w3c = format!("00-{TRACE}-{SPAN}-01");
    let sentry = format!("{TRACE}-{SPAN}-0");
    let expected = vec![(TRACE.to_owned(), Some(SPAN.to_owned()))];
    assert_eq!(parents(&[("TRACEPARENT", &w3c)]).await, expected);
    let variables = [
        ("SENTRY_TRACE", sentry.as_str()),
        ("SENTRY_BAGGAGE", "sentry-sampled=false"),
    ];
    assert_eq!(parents(&variables).await, expected);
    // What is malformed is none, and so is what the settings do not read.
    for variables in [
        vec![("TRACEPARENT", "00-x")],
        vec![
            ("TRACEPARENT", &w3c),
            ("OTEL_PROPAGATORS", "sentry,baggage"),
        ],
        vec![],
    ] {
        let found = parents(&variables).await;
        assert_eq!(found.len(), 1, "{variables:?}");
        assert!(found[0].0 != TRACE && found[0].1.is_none(), "{found:?}");
    }
}

#[test]
fn a_process_that_is_started_learns_the_current_span() {
    let live = Live::both(&[]);
    live.telemetry().make_global();
    assert_eq!(mcp_telemetry::child_environment(), [], "there is no trace");
    let span = tracing::info_span!("starting");
    let context = span.context().span().span_context().clone();
    let told = span.in_scope(mcp_telemetry::child_environment);
    drop(span);
    let value = |name: &str| {
        let found = told.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let (trace, id) = (context.trace_id(), context.span_id());
    assert_eq!(value("TRACEPARENT"), format!("00-{trace}-{id}-01"));
    assert_eq!(value("TRACESTATE"), "ot=th:0");
    assert_eq!(value("SENTRY_TRACE"), format!("{trace}-{id}-1"));
    assert!(value("SENTRY_BAGGAGE").contains("sentry-sample_rate=1"));
    assert_eq!(value("BAGGAGE"), value("SENTRY_BAGGAGE"));
    drop(live.finish());
}
