//! Notifications that a client sends, as spans.

use std::future::Future;
use std::time::Instant;

use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, Value};
use rmcp::RoleServer;
use rmcp::model::{CancelledNotificationParam, NotificationMetaObject, ProgressNotificationParam};
use rmcp::service::NotificationContext;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::facts::Facts;
use super::known::OTHER;
use super::labels::Labels;
use super::observe::Instance;
use super::outcome::Outcome;
use super::parent::Parent;
use super::text::{bounded, id};
use crate::attributes as names;
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
        let facts = vec![
            KeyValue::new(names::MCP_LIFECYCLE_PHASE, "initialization_complete"),
            KeyValue::new(names::MCP_PROTOCOL_READY, 1),
        ];
        Self {
            method: INITIALIZED,
            facts,
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

/// Sentry's convention has whole numbers here; what is after the point is cut off.
fn whole(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cut is wanted; numbers out of range become the nearest, NaN 0"
    )]
    let whole = number as i64;
    Value::I64(whole)
}

/// Runs the handler of a notification inside its span.
pub(crate) async fn observe_notification<T>(
    instance: &Instance,
    notice: Notice,
    context: &NotificationContext<RoleServer>,
    handler: impl Future<Output = T>,
) -> T {
    if notice.begins_session() {
        instance.session.ready();
    }
    let since = Instant::now();
    let version = context.peer.peer_info();
    let version = version.as_deref().map(|it| &it.protocol_version);
    let ending = Ending {
        labels: Labels::new(notice.method, version, &context.extensions),
        span: start(instance, notice, context),
        since,
        done: false,
    };
    let span = ending.span.clone();
    let observed = async move {
        let handled = handler.await;
        ending.finish();
        handled
    };
    Scope::new().wrap(observed.instrument(span)).await
}

/// The span of a notification, where one is wanted.
fn start(instance: &Instance, notice: Notice, context: &NotificationContext<RoleServer>) -> Span {
    if !traces_notification(notice.method) {
        return Span::none();
    }
    let span = tracing::info_span!(
        target: TARGET, parent: None, "mcp.notification", otel.name = notice.method,
        otel.kind = "server", sentry.op = "mcp.notification.client_to_server",
        sentry.origin = ORIGIN, sentry.source = "route",
    );
    if span.is_disabled() {
        return span;
    }
    let facts = Facts::of_notification(notice.method, context, &instance.server.info);
    // The HTTP request has been answered already: its span is not written to any more.
    // rmcp 3.11 takes the extensions out of a notification before `_meta`, which is among them:
    // the context's own is empty then.
    let meta = match context.extensions.get::<NotificationMetaObject>() {
        Some(meta) if context.meta.is_empty() => meta,
        _ => &context.meta,
    };
    let parent = Parent::of(meta, &context.extensions);
    let inherited = facts.context_attributes();
    for attribute in facts.own.into_iter().chain(notice.facts) {
        span.set_attribute(attribute.key, attribute.value);
    }
    if let Some(link) = parent.link {
        span.add_link(link);
    }
    // It can only fail on a span that has started; this one was made just above.
    let _ = span.set_parent(parent.context.with_value(inherited));
    span
}

/// Ends the notification, also where its handler panics.
struct Ending {
    span: Span,
    labels: Labels,
    since: Instant,
    done: bool,
}

impl Ending {
    fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let outcome = match (self.done, std::thread::panicking()) {
            (false, true) => Outcome::Panicked,
            (false, false) => Outcome::Cancelled,
            (true, _) => Outcome::Success,
        };
        let verdict = outcome.verdict();
        self.labels.operation(self.since.elapsed(), None, &verdict);
        if let (Some(error), Some(message)) = (verdict.error_type, verdict.message) {
            self.span.set_attribute(names::ERROR_TYPE, error);
            self.span.set_status(Status::error(message));
        }
    }
}
