//! Spans of an app's own operations.

use std::future::Future;

use opentelemetry::trace::Status;
use opentelemetry::{Key, Value};
use tracing::instrument::Instrumented;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::attributes as names;
use crate::settings::TARGET;

/// The origin of spans that an app makes by hand, as Sentry's SDKs name it.
const MANUAL: &str = "manual";

/// Starts a span of an operation of the app's, below the current span.
///
/// `op` says what kind of operation it is, in a few words with dots between them; `name` says
/// which. Both should be one of few: no ids, no user's text.
///
/// Inside an MCP request the span has the request's `mcp.*` attributes in every sink. It ends
/// when what is returned is dropped.
///
/// ```
/// use mcp_telemetry::mcp_span;
///
/// # async fn process_data() -> Vec<u32> { vec![1, 2] }
/// async fn complex_operation() -> Vec<u32> {
///     let span = mcp_span("custom.operation", "Process Data")
///         .with_data("step", "validation")
///         .with_data("item_count", 100_i64);
///     span.run(async {
///         // Your operation here
///         let result = process_data().await;
///
///         // Add more context
///         span.set_data("processed_count", result.len() as i64);
///         result
///     })
///     .await
/// }
/// # assert_eq!(futures_executor::block_on(complex_operation()), [1, 2]);
/// ```
///
/// The same without `async`, and with an error:
///
/// ```
/// use mcp_telemetry::mcp_span;
///
/// fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     let span = mcp_span("custom.parse", "Parse Count");
///     span.in_scope(|| text.parse().inspect_err(|error| span.set_error("parse", error)))
/// }
/// # assert!(parse("many").is_err());
/// ```
///
/// Spans that `#[tracing::instrument]` and `info_span!` make serve as well: fields named
/// `sentry.op` and `otel.name` are op and name, all others are attributes.
pub fn mcp_span(op: &str, name: &str) -> McpSpan {
    let span = tracing::info_span!(
        target: TARGET, "custom", otel.name = name,
        sentry.op = op, sentry.origin = MANUAL,
    );
    McpSpan(span)
}

/// A span of an app's own operation: [`mcp_span`] makes it. It ends when this is dropped; if
/// that is because of a panic, it failed.
#[derive(Debug)]
#[must_use = "the span ends when this is dropped"]
pub struct McpSpan(Span);

impl McpSpan {
    /// Sets an attribute. What is set before the span first runs can decide on its sampling.
    pub fn with_data(self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.set_data(key, value);
        self
    }

    /// Sets an attribute, such as a result that is known only at the end. Values are `bool`,
    /// `i64`, `f64` and texts, and arrays of them.
    pub fn set_data(&self, key: impl Into<Key>, value: impl Into<Value>) {
        self.0.set_attribute(key, value);
    }

    /// Says that the operation failed. `kind` is one of few, such as `timeout`; it becomes
    /// `error.type`. No error event is captured.
    pub fn set_error(&self, kind: &'static str, error: &impl std::fmt::Display) {
        if !self.0.is_disabled() {
            self.0.set_attribute(names::ERROR_TYPE, kind);
            self.0.set_status(Status::error(error.to_string()));
        }
    }

    /// A future that runs in the span.
    pub fn run<F: Future>(&self, future: F) -> Instrumented<F> {
        future.instrument(self.0.clone())
    }

    /// Runs something in the span.
    pub fn in_scope<T>(&self, run: impl FnOnce() -> T) -> T {
        self.0.in_scope(run)
    }

    /// The `tracing` span, to make others below it or to pass it on.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.0
    }
}

impl Drop for McpSpan {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.set_error("panic", &"the operation panicked");
        }
        // A span lasts until it was last entered.
        self.0.in_scope(|| {});
    }
}
