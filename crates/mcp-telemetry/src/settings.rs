//! Switches that instrumentation reads on the request's path.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::{Config, McpParent};

/// The target of every span that this crate makes; filters know our spans by it.
pub(crate) const TARGET: &str = "mcp_telemetry";

/// The origin of every span that this crate makes, for Sentry.
pub(crate) const ORIGIN: &str = "auto.mcp.mcp_telemetry";

static SEND_PII: AtomicBool = AtomicBool::new(false);
static AMBIENT_FIRST: AtomicBool = AtomicBool::new(false);

/// Sets the switches; the last one to initialize wins.
pub(crate) fn apply(config: &Config) {
    SEND_PII.store(config.sentry.send_pii, Ordering::Relaxed);
    let ambient = config.mcp.parent == McpParent::AmbientFirst;
    AMBIENT_FIRST.store(ambient, Ordering::Relaxed);
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
