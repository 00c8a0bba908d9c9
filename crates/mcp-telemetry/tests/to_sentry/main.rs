//! What reaches Sentry: events, breadcrumbs, logs and transactions, tied together.

#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod breadcrumbs;
#[path = "../common/mod.rs"]
mod common;
mod custom;
mod events;
mod failures;
mod health;
mod isolation;
mod otel_events;
mod ways;

use common::Live;
use mcp_telemetry::sentry::Hub;

/// Telemetry that is the process's: Sentry's client belongs to hubs, not to subscribers.
pub(crate) fn live(variables: &[(&str, &str)]) -> Live {
    make_global(Live::sentry(variables))
}

/// The same, with traces by OTLP besides.
pub(crate) fn both() -> Live {
    make_global(Live::both(&[]))
}

fn make_global(live: Live) -> Live {
    live.telemetry().make_global();
    // Scopes are the process's: what earlier tests and telemetry itself left goes.
    for hub in [Hub::main(), Hub::current()] {
        hub.configure_scope(|scope| scope.clear());
    }
    live
}
