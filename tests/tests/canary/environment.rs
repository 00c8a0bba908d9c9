//! The environment, from which telemetry reads who it speaks for.

use std::collections::BTreeSet;

use mcp_telemetry::{McpErrorContext, capture_mcp_error, mcp_span, opentelemetry};
use mcp_telemetry_tests::needles::Needles;
use opentelemetry::global;
use telemetry_testkit::Sink;

use crate::judge::alone;
use crate::place::Arrives::Both;
use crate::place::{Form, Place};
use crate::plants::Planted;
use crate::world::{World, build, percent};

pub(crate) const PLACES: &[Place] = &[
    Place::variable("resource attribute", Both, "OTEL_RESOURCE_ATTRIBUTES").form(Form::Line),
    Place::variable("service name", Both, "OTEL_SERVICE_NAME").form(Form::Line),
    Place::variable("environment", Both, "SENTRY_ENVIRONMENT").form(Form::Name),
    Place::variable("release", Both, "SENTRY_RELEASE").form(Form::Name),
];

/// Telemetry of its own with this variable, and a little of everything that it sends.
pub(crate) fn with_variable(world: &mut World, name: &str, it: &Planted) {
    let text = match name {
        "OTEL_RESOURCE_ATTRIBUTES" => {
            let (text, secret) = (percent(&it.text), percent(&it.secret));
            format!("note={text},api_key={secret}")
        }
        _ => it.text.clone(),
    };
    let more = [
        (name, text.as_str()),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", "60000"),
    ];
    let (telemetry, subscriber) = build(&world.sink, world.send_pii, &more);
    a_little_of_everything();
    telemetry.shutdown().unwrap();
    drop(subscriber);
    world.telemetry.make_global();
}

fn a_little_of_everything() {
    mcp_span("app", "step").in_scope(|| {
        tracing::info!("noted");
        let error = std::io::Error::other("it broke");
        capture_mcp_error(&error, McpErrorContext::new());
    });
    let counter = global::meter("app").u64_counter("app.steps").build();
    counter.add(1, &[]);
}

#[test]
fn headers_of_exporters_reach_their_requests_alone() {
    let _alone = alone();
    let sink = Sink::start().unwrap();
    let secrets = ["hunter2forall", "hunter2fortraces", "hunter2formetrics"];
    let values = secrets.map(|secret| format!("x-note={secret},api-key={secret}"));
    let more = [
        ("OTEL_EXPORTER_OTLP_HEADERS", values[0].as_str()),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", values[1].as_str()),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", values[2].as_str()),
    ];
    let (telemetry, subscriber) = build(&sink, true, &more);
    a_little_of_everything();
    telemetry.shutdown().unwrap();
    drop(subscriber);
    let received = sink.received();
    let mut seen = BTreeSet::new();
    for request in received.requests() {
        let own = match request.path.as_str() {
            "/v1/logs" => Some(secrets[0]),
            "/v1/traces" => Some(secrets[1]),
            "/v1/metrics" => Some(secrets[2]),
            _ => None,
        };
        seen.insert(request.path.clone());
        for name in ["x-note", "api-key"] {
            assert_eq!(request.header(name), own, "{name} to {}", request.path);
        }
        let mut needles = Needles::new();
        for (number, secret) in secrets.iter().enumerate() {
            needles.add_in_all_ways(number, secret);
        }
        assert_eq!(needles.find(&request.body), [], "{}", request.summary());
        let headers = request.headers.values();
        let foreign = headers.filter(|value| {
            let value = String::from_utf8_lossy(value.as_bytes());
            secrets
                .iter()
                .any(|it| value.contains(it) && Some(*it) != own)
        });
        assert_eq!(foreign.count(), 0, "{}", request.summary());
    }
    for path in ["/v1/logs", "/v1/traces", "/v1/metrics"] {
        assert!(seen.contains(path), "{path} in {seen:?}");
    }
}
