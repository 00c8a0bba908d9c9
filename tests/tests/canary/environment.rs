//! The environment, from which telemetry reads who it speaks for.

use mcp_telemetry::{McpErrorContext, capture_mcp_error, mcp_span, opentelemetry};
use opentelemetry::global;

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
    mcp_span("app", "step").in_scope(|| {
        tracing::info!("noted");
        let error = std::io::Error::other("it broke");
        capture_mcp_error(&error, McpErrorContext::new());
    });
    global::meter("app")
        .u64_counter("app.steps")
        .build()
        .add(1, &[]);
    telemetry.shutdown().unwrap();
    drop(subscriber);
    world.telemetry.make_global();
}
