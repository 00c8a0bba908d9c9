//! Switches that instrumentation reads on the request's path.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::config::{Config, McpParent, Notifications};
use crate::http::targets;

/// The target of every span that this crate makes; filters know our spans by it.
pub(crate) const TARGET: &str = "mcp_telemetry";

/// The origin of every span that this crate makes, for Sentry.
pub(crate) const ORIGIN: &str = "auto.mcp.mcp_telemetry";

static SEND_PII: AtomicBool = AtomicBool::new(false);
static AMBIENT_FIRST: AtomicBool = AtomicBool::new(false);
static MARKS_RESULTS: AtomicBool = AtomicBool::new(false);
static NOTIFICATIONS: AtomicU8 = AtomicU8::new(0);

/// Sets the switches; the last one to initialize wins.
pub(crate) fn apply(config: &Config) {
    SEND_PII.store(config.sentry.send_pii, Ordering::Relaxed);
    let ambient = config.mcp.parent == McpParent::AmbientFirst;
    AMBIENT_FIRST.store(ambient, Ordering::Relaxed);
    MARKS_RESULTS.store(config.mcp.result_trace_id, Ordering::Relaxed);
    NOTIFICATIONS.store(config.mcp.notifications as u8, Ordering::Relaxed);
    targets::apply(config);
}

/// Whether inputs and outputs of tools, client addresses and the like may be recorded.
/// They pass the sanitizer either way. Off until telemetry is initialized.
pub(crate) fn send_pii() -> bool {
    SEND_PII.load(Ordering::Relaxed)
}

/// Whether the HTTP span, not `_meta`, is an MCP request's parent.
pub(crate) fn ambient_first() -> bool {
    AMBIENT_FIRST.load(Ordering::Relaxed)
}

/// Whether results tell the client which span they came from.
pub(crate) fn marks_results() -> bool {
    MARKS_RESULTS.load(Ordering::Relaxed)
}

/// Whether a notification with this method has a span.
pub(crate) fn traces_notification(method: &str) -> bool {
    const ALL: u8 = Notifications::All as u8;
    const NONE: u8 = Notifications::None as u8;
    // There may be one of these for each row of a result.
    const FREQUENT: [&str; 2] = ["notifications/progress", "notifications/message"];
    match NOTIFICATIONS.load(Ordering::Relaxed) {
        ALL => true,
        NONE => false,
        _ => !FREQUENT.contains(&method),
    }
}
