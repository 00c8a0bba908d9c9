//! One call of a tool, resource, prompt or Splunk operation as a span.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use opentelemetry::trace::{FutureExt as _, Status, TraceContextExt as _};
use opentelemetry::{Context, Key, KeyValue, Value};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::argument::format_argument;
use super::ending::Ending;
use super::returned::Returned;
use super::{CallKind, Failure, Outcome};
use crate::attributes as names;
use crate::errors::{Cause, Failed, McpErrorType, Watch};
use crate::execution::Execution;
use crate::settings::send_pii;

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

/// A call that is traced: `#[trace_mcp_tool]` and its siblings expand to this.
///
/// Inside an MCP request that [`TracedHandler`](crate::TracedHandler) observes, the call of
/// what the request executes adds to the request's own execution span instead of making a
/// second one. Once for a request, that is the first call of
///
/// - the tool or prompt that the request names;
/// - a tool or prompt of another name, directly in the execution span: the app calls its
///   function otherwise than its tool. The span keeps the request's name;
/// - any resource, where the request reads one.
///
/// Every other call makes a span of its own. How a call in the request's span failed counts
/// where the request failed as well.
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
    name: &'static str,
    place: Place,
    /// Outside of a request the call keeps watch over its errors itself.
    watch: Watch,
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

    /// A read of an MCP resource. What has `://` in it is a URI, or a template of one; all
    /// else is a name.
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
        let mut watch = Watch::off();
        let (place, named) = match Execution::claim(kind, name) {
            // The request has the URI of its resource, but no name. All else it knows itself.
            Some(execution) => (
                Place::Request(execution),
                kind.name_key(name) == names::MCP_RESOURCE_NAME,
            ),
            None => {
                watch = Watch::outside_of_requests(kind, name);
                let _current = watch.put_into(Context::current()).attach();
                (Place::Own(kind.span(name, None)), true)
            }
        };
        let call = Self {
            kind,
            name,
            place,
            watch,
        };
        if named {
            call.record(kind.name_key(name), name);
        }
        call
    }

    /// Records an argument, where inputs may be recorded: its `Debug` text, of at most 1 KiB.
    pub fn argument(self, name: &'static str, value: &dyn Debug) -> Self {
        if send_pii() && self.is_recording() {
            let key = format!("{}{name}", self.kind.argument_prefix());
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
    ///
    /// An operation on Splunk is also measured: `splunk.api.duration`, by operation, status
    /// and kind of error, whether or not its span is sampled.
    pub async fn run<T>(
        self,
        call: impl Future<Output = T>,
        outcome: impl FnOnce(&T) -> Outcome,
    ) -> T {
        self.run_returning(call, outcome, |_| None).await
    }

    /// As [`run`](Self::run), for a call that blocks.
    pub fn run_sync<T>(self, call: impl FnOnce() -> T, outcome: impl FnOnce(&T) -> Outcome) -> T {
        self.run_sync_returning(call, outcome, |_| None)
    }

    /// As [`run`](Self::run); also records what was returned, where outputs may be recorded.
    #[doc(hidden)]
    pub async fn run_returning<T>(
        self,
        call: impl Future<Output = T>,
        outcome: impl FnOnce(&T) -> Outcome,
        returned: impl FnOnce(&T) -> Option<Returned>,
    ) -> T {
        let span = self.span();
        let watched = self.watched();
        let ending = Ending::new(self);
        let call = async {
            let value = call.await;
            ending.call().returned(|| returned(&value));
            ending.with(&outcome(&value));
            value
        }
        .instrument(span);
        match watched {
            Some(context) => call.with_context(context).await,
            None => call.await,
        }
    }

    /// As [`run_returning`](Self::run_returning), for a call that blocks.
    #[doc(hidden)]
    pub fn run_sync_returning<T>(
        self,
        call: impl FnOnce() -> T,
        outcome: impl FnOnce(&T) -> Outcome,
        returned: impl FnOnce(&T) -> Option<Returned>,
    ) -> T {
        let span = self.span();
        let _watched = self.watched().map(Context::attach);
        let ending = Ending::new(self);
        span.in_scope(|| {
            let value = call();
            ending.call().returned(|| returned(&value));
            ending.with(&outcome(&value));
            value
        })
    }

    pub(super) fn kind(&self) -> CallKind {
        self.kind
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The span to run in: none of its own where the request's is current already.
    fn span(&self) -> Span {
        match &self.place {
            Place::Own(span) => span.clone(),
            Place::Request(_) => Span::none(),
        }
    }

    /// The context in which the call keeps watch over its errors. Its span has it too, where
    /// it is one of OTel's.
    fn watched(&self) -> Option<Context> {
        let context = || self.watch.put_into(Context::current());
        self.watch.is_on().then(context)
    }

    fn is_recording(&self) -> bool {
        match &self.place {
            Place::Own(span) => !span.is_disabled(),
            Place::Request(_) => true,
        }
    }

    pub(super) fn record(&self, key: impl Into<Key>, value: impl Into<Value>) {
        match &self.place {
            Place::Own(span) if span.is_disabled() => {}
            Place::Own(span) => span.set_attribute(key, value),
            Place::Request(execution) => execution.note(KeyValue::new(key, value)),
        }
    }

    /// Records what was returned, where outputs may be recorded.
    fn returned(&self, returned: impl FnOnce() -> Option<Returned>) {
        if !(send_pii() && self.is_recording()) {
            return;
        }
        let Some(returned) = returned() else {
            return;
        };
        self.record(self.kind.returned_key(), returned.text);
        if let (CallKind::Tool, Some(keys)) = (self.kind, returned.keys) {
            self.record(names::MCP_TOOL_RESULT_KEYS, keys);
        }
    }

    /// The call ended without a failure. A request says itself how it ended.
    pub(super) fn ended(&self, status: &'static str) {
        if let Place::Own(_) = &self.place {
            self.record(self.kind.status_key(), status);
        }
    }

    /// The call was given up. That a request was is the request's to say: its handler may
    /// have given up this call and gone on.
    pub(super) fn cancelled(&self) {
        if let Place::Own(_) = &self.place {
            self.record(names::SENTRY_STATUS, "cancelled");
        }
    }

    /// The call failed. Whether a request failed with it, the request knows at its end.
    pub(super) fn failed(&self, failure: Failure, message: &str, cause: Option<Cause>) {
        match &self.place {
            Place::Own(span) => {
                let message = match failure.kind {
                    "tool_error" => output(message),
                    _ => message.to_owned(),
                };
                self.watch
                    .failed(|| failed(self.kind, failure, message.clone(), cause));
                self.record(self.kind.status_key(), failure.status());
                self.record(names::ERROR_TYPE, failure.kind);
                if let Some(key) = self.kind.error_key() {
                    self.record(key, failure.kind);
                }
                span.set_status(Status::error(message));
            }
            Place::Request(execution) => execution.fail(failure, cause),
        }
    }
}

/// A failed call, for its error event.
fn failed(kind: CallKind, failure: Failure, message: String, cause: Option<Cause>) -> Failed {
    let status = failure.status();
    Failed {
        kind: Some(kind),
        exception: failure.kind.to_owned(),
        message,
        cause,
        status,
        error_type: McpErrorType::of_status(status, Some(kind)),
        code: None,
    }
}

/// What a tool answered, where outputs may be recorded.
pub(crate) fn output(text: &str) -> String {
    match send_pii() {
        true => text.to_owned(),
        false => "the tool answered with an error".to_owned(),
    }
}
