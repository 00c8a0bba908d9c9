//! One call of a tool, resource, prompt or Splunk operation as a span.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, Key, KeyValue, Value};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::Outcome;
use super::argument::format_argument;
use crate::attributes as names;
use crate::execution::Execution;
use crate::settings::{ORIGIN, TARGET, send_pii};

/// Sets an attribute on the current span, such as a result that is known only at the end.
///
/// ```
/// mcp_telemetry::record("splunk.result_count", 100_i64);
/// ```
pub fn record(key: impl Into<Key>, value: impl Into<Value>) {
    // The OTel span that is active: a `tracing` span in between may be meant for logs alone.
    Context::map_current(|cx| {
        if cx.has_active_span() {
            cx.span().set_attribute(KeyValue::new(key, value));
        }
    });
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallKind {
    /// An MCP tool: `mcp.tool`.
    Tool,
    /// An MCP resource: `mcp.resource`.
    Resource,
    /// An MCP prompt: `mcp.prompt`.
    Prompt,
    /// A Splunk operation: `splunk.api`.
    Splunk,
}

impl CallKind {
    /// The attribute that says how the call ended.
    pub(crate) fn status_key(self) -> &'static str {
        match self {
            Self::Tool => names::MCP_TOOL_STATUS,
            Self::Resource => names::MCP_RESOURCE_STATUS,
            Self::Prompt => names::MCP_PROMPT_STATUS,
            Self::Splunk => names::SPLUNK_STATUS,
        }
    }

    /// The attribute that names the kind of error, beside `error.type`.
    pub(crate) fn error_key(self) -> Option<&'static str> {
        match self {
            Self::Tool => Some(names::MCP_TOOL_ERROR_TYPE),
            Self::Splunk => Some(names::SPLUNK_ERROR_TYPE),
            Self::Resource | Self::Prompt => None,
        }
    }

    /// The attribute that holds the name of what is called.
    pub(crate) fn name_key(self) -> &'static str {
        match self {
            Self::Tool => names::MCP_TOOL_NAME,
            Self::Resource => names::MCP_RESOURCE_URI,
            Self::Prompt => names::MCP_PROMPT_NAME,
            Self::Splunk => names::SPLUNK_OPERATION,
        }
    }

    /// An execution span of this kind below `parent`, or below the current span.
    ///
    /// `label` is what may stand in the span's name; resources have none there, since a
    /// URI is user data.
    pub(crate) fn span(self, label: &str, parent: Option<&Span>) -> Span {
        macro_rules! execution {
            ($op:literal, $name:expr) => {
                match parent {
                    Some(parent) => tracing::info_span!(
                        target: TARGET, parent: parent, $op, otel.name = $name,
                        sentry.op = $op, sentry.origin = ORIGIN,
                    ),
                    None => tracing::info_span!(
                        target: TARGET, $op, otel.name = $name,
                        sentry.op = $op, sentry.origin = ORIGIN,
                    ),
                }
            };
        }
        match self {
            Self::Tool => execution!("mcp.tool", format!("mcp.tool.{label}")),
            Self::Resource => execution!("mcp.resource", "mcp.resource"),
            Self::Prompt => execution!("mcp.prompt", format!("mcp.prompt.{label}")),
            Self::Splunk => execution!("splunk.api", format!("splunk/{label}")),
        }
    }
}

/// A call that is traced: `#[trace_mcp_tool]` and its siblings expand to this.
///
/// Inside an MCP request that [`TracedHandler`](crate::TracedHandler) observes, a call of
/// the very tool that the request names adds to the request's own execution span instead
/// of making a second one.
///
/// ```
/// use mcp_telemetry::{CallSpan, Outcome};
///
/// # futures_executor::block_on(async {
/// let rows = CallSpan::splunk("search.oneshot")
///     .attribute("splunk.index", "main")
///     .run(async { vec!["row"] }, |_| Outcome::Success)
///     .await;
/// assert_eq!(rows.len(), 1);
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a call is traced by `run` or `run_sync`"]
pub struct CallSpan {
    kind: CallKind,
    place: Place,
}

/// Where the call's attributes go.
#[derive(Debug)]
enum Place {
    Own(Span),
    /// The span of the MCP request that executes just this call.
    Request(Arc<Execution>),
}

impl CallSpan {
    /// A call of an MCP tool.
    pub fn tool(name: &'static str) -> Self {
        Self::new(CallKind::Tool, name)
    }

    /// A read of an MCP resource.
    pub fn resource(name: &'static str) -> Self {
        Self::new(CallKind::Resource, name)
    }

    /// A request for an MCP prompt.
    pub fn prompt(name: &'static str) -> Self {
        Self::new(CallKind::Prompt, name)
    }

    /// An operation on Splunk.
    pub fn splunk(operation: &'static str) -> Self {
        Self::new(CallKind::Splunk, operation)
    }

    fn new(kind: CallKind, name: &'static str) -> Self {
        if let Some(execution) = Execution::claim(kind, name) {
            let place = Place::Request(execution);
            return Self { kind, place };
        }
        let span = kind.span(name, None);
        if !span.is_disabled() {
            span.set_attribute(kind.name_key(), name);
        }
        let place = Place::Own(span);
        Self { kind, place }
    }

    /// Records an argument, where inputs may be recorded: its `Debug` text, of at most 1 KiB.
    pub fn argument(self, name: &'static str, value: &dyn Debug) -> Self {
        if send_pii() && self.is_recording() {
            let key = match self.kind {
                CallKind::Splunk => format!("splunk.argument.{name}"),
                _ => format!("{}{name}", names::MCP_REQUEST_ARGUMENT_PREFIX),
            };
            self.record(key, format_argument(value));
        }
        self
    }

    /// Sets an attribute that tells what a user wrote, where inputs may be recorded
    /// (`SENTRY_SEND_PII`). It passes the sanitizer either way.
    pub fn input(self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        if send_pii() {
            self.record(key, value);
        }
        self
    }

    /// Sets an attribute.
    pub fn attribute(self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.record(key, value);
        self
    }

    /// Runs the call and records how it ended, as `outcome` reads it from what was returned.
    ///
    /// A future that is dropped before it ends leaves the status unset and is recorded as
    /// cancelled; one that panics is recorded as an error.
    pub async fn run<T>(
        self,
        call: impl Future<Output = T>,
        outcome: impl FnOnce(&T) -> Outcome,
    ) -> T {
        let span = self.span();
        let ending = Ending::new(self);
        async {
            let returned = call.await;
            ending.with(outcome(&returned));
            returned
        }
        .instrument(span)
        .await
    }

    /// As [`run`](Self::run), for a call that blocks.
    pub fn run_sync<T>(self, call: impl FnOnce() -> T, outcome: impl FnOnce(&T) -> Outcome) -> T {
        let span = self.span();
        let ending = Ending::new(self);
        span.in_scope(|| {
            let returned = call();
            ending.with(outcome(&returned));
            returned
        })
    }

    /// The span to run in: none of its own where the request's is current already.
    fn span(&self) -> Span {
        match &self.place {
            Place::Own(span) => span.clone(),
            Place::Request(_) => Span::none(),
        }
    }

    fn is_recording(&self) -> bool {
        match &self.place {
            Place::Own(span) => !span.is_disabled(),
            Place::Request(_) => true,
        }
    }

    fn record(&self, key: impl Into<Key>, value: impl Into<Value>) {
        match &self.place {
            Place::Own(span) if span.is_disabled() => {}
            Place::Own(span) => span.set_attribute(key, value),
            Place::Request(execution) => execution.note(KeyValue::new(key, value)),
        }
    }

    /// Records how the call ended: an `error.type`, and what it said, where it failed.
    fn end(&self, status: &str, error: Option<(&str, &str)>) {
        self.record(self.kind.status_key(), status.to_owned());
        let Some((kind, message)) = error else {
            return;
        };
        self.record(names::ERROR_TYPE, kind.to_owned());
        if let Some(key) = self.kind.error_key() {
            self.record(key, kind.to_owned());
        }
        if let Place::Own(span) = &self.place {
            span.set_status(Status::error(message.to_owned()));
        }
    }
}

/// Records the end of a call, also where it ends by panic or by being dropped.
struct Ending {
    call: CallSpan,
    since: Instant,
    done: bool,
}

impl Ending {
    fn new(call: CallSpan) -> Self {
        Self {
            call,
            since: Instant::now(),
            done: false,
        }
    }

    fn with(mut self, outcome: Outcome) {
        self.done = true;
        match &outcome {
            Outcome::Success => self.call.end("success", None),
            Outcome::ToolError { message } => self.call.end("error", Some(("tool_error", message))),
            Outcome::Error { kind, message } => {
                let kind = short_type(kind);
                let status = if kind == "timeout" { kind } else { "error" };
                self.call.end(status, Some((kind, message)));
            }
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.done {
            match std::thread::panicking() {
                true => self.call.end("error", Some(("panic", "panicked"))),
                false => {
                    self.call.end("cancelled", None);
                    self.call.record(names::SENTRY_STATUS, "cancelled");
                }
            }
        }
        if self.call.kind == CallKind::Splunk {
            let millis = self.since.elapsed().as_secs_f64() * 1_000.0;
            self.call.record(names::SPLUNK_DURATION, millis);
        }
    }
}

/// A type's own name: no path and no arguments.
pub(crate) fn short_type(name: &str) -> &str {
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_types() {
        for (name, short) in [
            ("my_app::SearchError", "SearchError"),
            ("alloc::boxed::Box<dyn core::error::Error>", "Box"),
            ("timeout", "timeout"),
            ("", ""),
        ] {
            assert_eq!(short_type(name), short);
        }
    }
}
