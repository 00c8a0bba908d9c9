//! What reaches Sentry: events, breadcrumbs, logs and transactions, tied together.

#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod events;
mod failures;
mod isolation;

use common::Live;
use mcp_telemetry::sentry::Hub;

/// Telemetry that is the process's: Sentry's client belongs to hubs, not to subscribers.
pub(crate) fn live(variables: &[(&str, &str)]) -> Live {
    let live = Live::sentry(variables);
    live.telemetry().make_global();
    // Scopes are the process's: what earlier tests and telemetry itself left goes.
    for hub in [Hub::main(), Hub::current()] {
        hub.configure_scope(|scope| scope.clear());
    }
    live
}
