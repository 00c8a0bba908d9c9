//! The lines with which telemetry says what it does, in the words users look for.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::SentryConfig;

static SENTRY_ACTIVE: AtomicBool = AtomicBool::new(false);

/// Says that Sentry is on.
#[cfg(feature = "sentry")]
pub(crate) fn sentry_initialized(config: &SentryConfig, base_rate: f64) {
    SENTRY_ACTIVE.store(true, Ordering::Relaxed);
    tracing::info!(
        "Sentry initialized successfully (env={}, release={}, traces={:.1}%)",
        config.environment,
        config.release,
        base_rate * 100.0,
    );
}

/// Says why Sentry is off.
pub(crate) fn sentry_disabled(config: &SentryConfig) {
    SENTRY_ACTIVE.store(false, Ordering::Relaxed);
    if cfg!(not(feature = "sentry")) {
        tracing::info!("Sentry not compiled in - Sentry monitoring disabled");
    } else if config.dsn.is_none() {
        tracing::info!("SENTRY_DSN not set, Sentry monitoring disabled");
    } else {
        tracing::info!("OTEL_SDK_DISABLED is true, Sentry monitoring disabled");
    }
}

pub(crate) fn mcp_middleware_added() {
    static SAID: Once = Once::new();
    once_where_active(&SAID, "Sentry MCP middleware added for request tracing");
}

pub(crate) fn http_middleware_added() {
    static SAID: Once = Once::new();
    once_where_active(&SAID, "Sentry HTTP middleware added for request tracing");
}

/// A handler is wrapped anew for every session: the line appears once.
fn once_where_active(said: &Once, line: &str) {
    if SENTRY_ACTIVE.load(Ordering::Relaxed) {
        said.call_once(|| tracing::info!("{line}"));
    }
}
