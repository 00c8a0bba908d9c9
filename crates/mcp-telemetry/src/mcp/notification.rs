//! Notifications that are received, as spans.

use std::future::Future;
use std::time::Instant;

use opentelemetry::trace::{FutureExt as _, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, Value};
use rmcp::model::{CancelledNotificationParam, NotificationMetaObject, ProgressNotificationParam};
use rmcp::service::{NotificationContext, ServiceRole};
use rmcp::{ErrorData, RoleServer};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::facts::Facts;
use super::instance::Instance;
use super::known::OTHER;
use super::labels::Labels;
use super::outcome::{Outcome, Seen};
use super::parent::Parent;
use super::text::{bounded, id};
use crate::attributes as names;
use crate::errors::{Failed, McpErrorType, Watch};
use crate::isolation::Scope;
use crate::settings::{ORIGIN, TARGET, send_pii, traces_notification};

const INITIALIZED: &str = "notifications/initialized";

/// What a notification says.
#[derive(Debug)]
pub(crate) struct Notice {
    /// A method of the specification; never text of the client's.
    pub(crate) method: &'static str,
    pub(crate) facts: Vec<KeyValue>,
}

impl Notice {
    /// Whether the client is ready from now on.
    pub(crate) fn begins_session(&self) -> bool {
        self.method == INITIALIZED
    }

    pub(crate) fn initialized() -> Self {
        Self {
            method: INITIALIZED,
            facts: initialized(),
        }
    }

    pub(crate) fn roots_list_changed() -> Self {
        Self {
            method: "notifications/roots/list_changed",
            facts: Vec::new(),
        }
    }

    pub(crate) fn cancelled(params: &CancelledNotificationParam) -> Self {
        Self {
            method: "notifications/cancelled",
            facts: cancelled(params),
        }
    }

    pub(crate) fn progress(params: &ProgressNotificationParam) -> Self {
        Self {
            method: "notifications/progress",
            facts: progress(params),
        }
    }

    /// A custom method is the client's text: it is not named.
    pub(crate) fn custom() -> Self {
        Self {
            method: OTHER,
            facts: Vec::new(),
        }
    }
}

/// What `notifications/initialized` says.
pub(crate) fn initialized() -> Vec<KeyValue> {
    vec![
        KeyValue::new(names::MCP_LIFECYCLE_PHASE, "initialization_complete"),
        KeyValue::new(names::MCP_PROTOCOL_READY, 1),
    ]
}

/// What `notifications/cancelled` says, in either direction.
pub(crate) fn cancelled(params: &CancelledNotificationParam) -> Vec<KeyValue> {
    let mut facts = Vec::new();
    if let Some(request) = &params.request_id {
        facts.push(KeyValue::new(names::MCP_CANCELLED_REQUEST_ID, id(request)));
    }
    if let Some(reason) = params.reason.as_deref().filter(|_| send_pii()) {
        let reason = bounded(reason).into_owned();
        facts.push(KeyValue::new(names::MCP_CANCELLED_REASON, reason));
    }
    facts
}

/// What `notifications/progress` says, in either direction.
pub(crate) fn progress(params: &ProgressNotificationParam) -> Vec<KeyValue> {
    let mut facts = vec![
        KeyValue::new(names::MCP_PROGRESS_TOKEN, id(&params.progress_token.0)),
        KeyValue::new(names::MCP_PROGRESS_CURRENT, whole(params.progress)),
    ];
    if let Some(total) = params.total {
        facts.push(KeyValue::new(names::MCP_PROGRESS_TOTAL, whole(total)));
        let percentage = params.progress / total * 100.0;
        if percentage.is_finite() {
            facts.push(KeyValue::new(names::MCP_PROGRESS_PERCENTAGE, percentage));
        }
    }
    if let Some(message) = params.message.as_deref().filter(|_| send_pii()) {
        let message = bounded(message).into_owned();
        facts.push(KeyValue::new(names::MCP_PROGRESS_MESSAGE, message));
    }
    facts
}

/// What the handler of a notification returns.
pub(crate) trait Handled {
    fn outcome(&self) -> Outcome;
}

impl Handled for () {
    fn outcome(&self) -> Outcome {
        Outcome::Success
    }
}

impl Handled for Result<(), ErrorData> {
    fn outcome(&self) -> Outcome {
        match self {
            Ok(()) => Outcome::Success,
            Err(error) => Outcome::of_error(error, Seen::OnWire, false),
        }
    }
}

/// Sentry's convention has whole numbers here; what is after the point is cut off.
fn whole(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cut is wanted; numbers out of range become the nearest, NaN 0"
    )]
    let whole = number as i64;
    Value::I64(whole)
}

/// Runs the handler of a notification to a server inside its span.
pub(crate) async fn observe_notification<T: Handled>(
    instance: &Instance,
    notice: Notice,
    context: &NotificationContext<RoleServer>,
    handler: impl Future<Output = T>,
) -> T {
    if notice.begins_session() {
        instance.session.ready();
    }
    let version = context.peer.peer_info();
    let version = version.as_deref().map(|it| &it.protocol_version);
    let labels = Labels::new(notice.method, version, &context.extensions);
    let notified = Notified::start("mcp.notification.client_to_server", labels, || {
        let mut facts = Facts::of_notification(notice.method, context, &instance.own.info);
        facts.own.extend(notice.facts);
        // The HTTP request has been answered already: its span is not written to any more.
        (facts, Parent::of(meta(context), &context.extensions))
    });
    notified.observe(handler).await
}

/// The notification's `_meta`. rmcp 3.11 looks for it after it has taken the extensions, which
/// hold it, into the context.
pub(crate) fn meta<R: ServiceRole>(context: &NotificationContext<R>) -> &NotificationMetaObject {
    match context.extensions.get::<NotificationMetaObject>() {
        Some(meta) if context.meta.is_empty() => meta,
        _ => &context.meta,
    }
}

/// A notification that has come. It ends, also where its handler panics.
pub(crate) struct Notified {
    span: Span,
    labels: Labels,
    since: Instant,
    watch: Watch,
    outcome: Option<Outcome>,
}

impl Notified {
    /// Starts the span of a notification, where one is wanted; `begin` is asked where there is
    /// one.
    pub(crate) fn start(
        op: &'static str,
        labels: Labels,
        begin: impl FnOnce() -> (Facts, Parent),
    ) -> Self {
        let since = Instant::now();
        let (span, watch) = start(op, labels.method(), begin);
        Self {
            span,
            labels,
            since,
            watch,
            outcome: None,
        }
    }

    /// Runs the handler inside the span.
    pub(crate) async fn observe<T: Handled>(self, handler: impl Future<Output = T>) -> T {
        let span = self.span.clone();
        // Its span has the watch, where it is OTel's.
        let watched = self.watch.is_on() && !span.context().span().span_context().is_valid();
        let watched = watched.then(|| self.watch.put_into(Context::current()));
        let observed = async move {
            let handled = handler.await;
            self.finish(handled.outcome());
            handled
        };
        let observed = Scope::new().wrap(observed.instrument(span));
        match watched {
            Some(context) => observed.with_context(context).await,
            None => observed.await,
        }
    }

    fn finish(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

/// The span of a notification, where one is wanted.
fn start(
    op: &'static str,
    method: &'static str,
    begin: impl FnOnce() -> (Facts, Parent),
) -> (Span, Watch) {
    if !traces_notification(method) {
        let watch = Watch::start(None, || begin().0.context_attributes());
        return (Span::none(), watch);
    }
    let span = tracing::info_span!(
        target: TARGET, parent: None, "mcp.notification", otel.name = method,
        otel.kind = "server", sentry.op = op, sentry.origin = ORIGIN, sentry.source = "route",
    );
    if span.is_disabled() {
        let watch = Watch::start(None, || begin().0.context_attributes());
        return (span, watch);
    }
    let (facts, parent) = begin();
    let inherited = facts.context_attributes();
    let watch = Watch::start(None, || inherited.clone());
    for attribute in facts.own {
        span.set_attribute(attribute.key, attribute.value);
    }
    if let Some(link) = parent.link {
        span.add_link(link);
    }
    // It can only fail on a span that has started; this one was made just above.
    let _ = span.set_parent(watch.put_into(parent.context.with_value(inherited)));
    (span, watch)
}

impl Drop for Notified {
    fn drop(&mut self) {
        let unfinished = || match std::thread::panicking() {
            true => Outcome::Panicked,
            false => Outcome::Cancelled,
        };
        let outcome = self.outcome.take().unwrap_or_else(unfinished);
        let mut verdict = outcome.verdict();
        // Nothing goes back to the sender, so no code of a response.
        verdict.code = None;
        self.labels.operation(self.since.elapsed(), None, &verdict);
        if let (Some(error), Some(message)) = (verdict.error_type, verdict.message) {
            self.watch.failed(|| failed(&outcome, &error, &message));
            self.span.set_attribute(names::ERROR_TYPE, error);
            self.span.set_status(Status::error(message));
        }
    }
}

/// A notification that its handler failed at.
fn failed(outcome: &Outcome, error: &str, message: &str) -> Failed {
    Failed {
        kind: None,
        exception: match outcome {
            Outcome::Protocol { .. } => "ErrorData".to_owned(),
            _ => error.to_owned(),
        },
        message: message.to_owned(),
        cause: None,
        status: "error",
        error_type: McpErrorType::HandlerExecution,
        code: None,
    }
}
