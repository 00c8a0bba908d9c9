//! Records of the `log` crate. One test: what it installs cannot be taken back.

#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod common;

use common::config;
use mcp_telemetry::Builder;
use serde_json::json;
use telemetry_testkit::Sink;

#[test]
fn records_are_events_under_their_own_targets() {
    let sink = Sink::start().unwrap();
    let variables = [
        ("SENTRY_DSN", &*sink.dsn()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*sink.otlp_endpoint()),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let telemetry = builder.install().unwrap();
    // Nobody listens below INFO, so nothing is even asked.
    assert_eq!(log::max_level(), log::LevelFilter::Info);
    log::debug!("debug");
    log::info!(target: "some_driver", "connected");
    log::error!(target: "rmcp::service", "whole payloads");
    log::error!(target: "some_driver::pool", "connection lost");
    telemetry.shutdown().unwrap();

    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let events = received.events();
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = events[0];
    assert_eq!(event.text(), Some("connection lost"));
    assert_eq!(event.logger.as_deref(), Some("some_driver::pool"));
    let place = &event.contexts["Rust Tracing Location"];
    assert_eq!(place["module_path"], json!("log_records"));
    assert!(!event.contexts.contains_key("Rust Tracing Fields"));
    let crumb = event.breadcrumbs.last().unwrap();
    assert_eq!(crumb.message.as_deref(), Some("connected"));
    assert_eq!(crumb.category.as_deref(), Some("some_driver"));
    assert!(crumb.data.is_empty(), "{crumb:?}");

    let own = |body: &str| !body.starts_with("Sentry ");
    let logs: Vec<_> = received.logs();
    let logs: Vec<_> = logs.iter().filter(|log| own(&log.body)).collect();
    let bodies: Vec<_> = logs.iter().map(|log| &*log.body).collect();
    assert_eq!(bodies, ["connected", "connection lost"]);
    let name = logs[0].attribute("logger.name");
    assert_eq!(name, Some(&json!("some_driver")));
    let module = logs[0].attribute("code.module.name");
    assert_eq!(module, Some(&json!("log_records")));
    assert_eq!(logs[0].attribute("log.target"), None);

    let otlp = received.otlp_logs().into_iter();
    let otlp: Vec<_> = otlp.filter(|it| it.text().is_some_and(own)).collect();
    // Sent by scope, which is the target.
    let mut scopes: Vec<_> = otlp.iter().map(|it| &*it.scope.name).collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["some_driver", "some_driver::pool"]);
    assert!(otlp.iter().all(|it| it.attribute("log.target").is_none()));
}
