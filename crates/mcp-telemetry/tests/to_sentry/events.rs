//! Events, logs and breadcrumbs from `tracing`. Where they go by their level: `tests/levels.rs`.

use std::error::Error;
use std::io;

use mcp_telemetry::sentry::{self, User};
use serde_json::json;
use telemetry_testkit::{Event, Received};

use crate::live;

/// What was logged, without what telemetry says about itself.
fn logged(received: &Received) -> Vec<(String, String)> {
    let logs = received.logs().into_iter();
    let logs = logs.map(|log| (log.level.clone(), log.body.clone()));
    logs.filter(|(_, body)| !body.starts_with("Sentry "))
        .collect()
}

fn trail(event: &Event) -> Vec<&str> {
    let crumbs = event.breadcrumbs.iter();
    crumbs
        .filter_map(|crumb| crumb.message.as_deref())
        .collect()
}

fn pair(level: &str, body: &str) -> (String, String) {
    (level.to_owned(), body.to_owned())
}

#[test]
fn an_event_has_its_release_and_what_led_to_it() {
    let live = live(&[]);
    tracing::info!("info");
    tracing::warn!("warn");
    tracing::error!("error");
    let received = live.finish();
    let events = received.events();
    let [event] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(event.release.as_deref(), Some("test-server@1.0.0"));
    assert_eq!(event.environment.as_deref(), Some("development"));
    assert_eq!(trail(event), ["info", "warn"]);
}

#[test]
fn an_error_with_an_error_is_an_exception() {
    let live = live(&[]);
    let error = io::Error::other("no answer");
    tracing::info_span!("work").in_scope(|| {
        tracing::error!(error = &error as &dyn Error, "giving up");
    });
    let received = live.finish();
    let event = received.events()[0];
    let values: Vec<_> = event
        .exceptions
        .iter()
        .filter_map(|it| it.value.as_deref())
        .collect();
    assert!(values.contains(&"no answer"), "{values:?}");
    let transaction = received.transactions()[0];
    assert_eq!(transaction.status.as_deref(), Some("internal_error"));
    assert_eq!(event.span_id.as_ref(), Some(&transaction.span_id));
}

#[test]
fn secrets_are_redacted_everywhere() {
    let live = live(&[("MCP_TELEMETRY_REDACT_KEYS", "badge")]);
    let error = io::Error::other("refused: token=abc123def456");
    tracing::info_span!("work", badge = "4711-0815", secret = "14-chars-long!").in_scope(|| {
        // One of them is as long as what stands in its place.
        tracing::info!(
            password = "hunter2",
            secret = "14-chars-long!",
            badge = "4711-0815",
            "password=hunter2"
        );
        tracing::warn!(header = "Authorization: Bearer abc123def456", "asking");
        let source = &error as &dyn Error;
        tracing::error!(error = source, api_key = "hunter2", "token=abc123def456");
    });
    let received = live.finish();
    assert_eq!(received.events().len(), 1);
    assert_eq!(received.events()[0].breadcrumbs.len(), 2);
    assert_eq!(logged(&received).len(), 3);
    assert_eq!(received.transactions().len(), 1);
    for request in received.requests() {
        let body = String::from_utf8_lossy(&request.body);
        for secret in ["hunter2", "abc123def456", "4711-0815", "14-chars-long!"] {
            assert!(!body.contains(secret), "{secret} in {body}");
        }
    }
}

#[test]
fn targets_that_log_payloads_or_themselves_are_left_out() {
    let live = live(&[]);
    tracing::info!(target: "rmcp::service", "whole requests");
    tracing::error!(target: "rmcp::service::server", "whole responses");
    tracing::error!(target: "hyper::proto", "would come round again");
    tracing::error!(target: "rmcp::handler", "kept");
    let received = live.finish();
    assert_eq!(logged(&received), [pair("error", "kept")]);
    let events = received.events();
    assert_eq!(events.len(), 1);
    assert_eq!(trail(events[0]), [""; 0]);
}

#[test]
fn logs_have_a_switch_of_their_own() {
    let live = live(&[("SENTRY_ENABLE_LOGS", "false")]);
    tracing::info!("said");
    tracing::error!("failed");
    let received = live.finish();
    assert!(received.logs().is_empty());
    assert_eq!(trail(received.events()[0]), ["said"]);
}

#[test]
fn transactions_have_a_switch_of_their_own() {
    let live = live(&[("MCP_TELEMETRY_SENTRY_TRACES", "off")]);
    assert!(!live.telemetry().is_tracing());
    tracing::info_span!("work").in_scope(|| tracing::error!("failed"));
    let received = live.finish();
    assert!(received.transactions().is_empty());
    assert_eq!(received.events().len(), 1);
    assert_eq!(logged(&received), [pair("error", "failed")]);
}

#[test]
fn telemetry_says_that_it_is_on() {
    let live = live(&[
        ("SENTRY_ENVIRONMENT", "staging"),
        ("SENTRY_RELEASE", "app@9"),
        ("SENTRY_TRACES_SAMPLE_RATE", "0.25"),
    ]);
    let received = live.finish();
    let said: Vec<_> = received.logs().iter().map(|log| log.body.clone()).collect();
    let line = "Sentry initialized successfully (env=staging, release=app@9, traces=25.0%)";
    assert_eq!(said, [line]);
}

#[test]
fn an_error_as_text_is_an_exception_too() {
    let live = live(&[]);
    tracing::error!(error = %io::Error::other("no answer"), "giving up");
    let received = live.finish();
    let event = received.events()[0];
    assert_eq!(event.text(), Some("giving up"));
    let [exception] = event.exceptions.as_slice() else {
        panic!("{event:?}");
    };
    assert_eq!(exception.ty.as_deref(), Some("Error"));
    assert_eq!(exception.value.as_deref(), Some("no answer"));
    assert!(!event.contexts.contains_key("Rust Tracing Fields"));
}

#[test]
fn of_a_user_the_id_alone_leaves_without_pii() {
    for (pii, expected) in [
        (
            "true",
            json!({
                "id": "ada", "email": "ada@example.com", "username": "Ada", "ip_address": "192.0.2.7",
                "team": "search",
            }),
        ),
        ("false", json!({ "id": "ada" })),
    ] {
        let live = live(&[("SENTRY_SEND_PII", pii)]);
        let user = User {
            id: Some("ada".to_owned()),
            email: Some("ada@example.com".to_owned()),
            username: Some("Ada".to_owned()),
            ip_address: Some("192.0.2.7".parse().unwrap()),
            other: [("team".to_owned(), json!("search"))].into(),
        };
        sentry::configure_scope(|scope| scope.set_user(Some(user)));
        tracing::error!("failed");
        let received = live.finish();
        assert_eq!(received.events()[0].raw["user"], expected, "{pii}");
    }
}
