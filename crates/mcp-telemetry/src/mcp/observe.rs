//! The core that both wrappers share: one request, its two spans, its ending.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use opentelemetry::trace::{FutureExt as _, SpanContext, Status, TraceContextExt as _};
use opentelemetry::{Context, ContextGuard, KeyValue};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::facts::Facts;
use super::instance::{Instance, Own};
use super::labels::Labels;
use super::listen::LISTEN;
use super::meta::mark;
use super::named::{Named, request_name};
use super::operation::Operation;
use super::outcome::{Outcome, Seen, Verdict, has_newer_errors};
use super::parent::Parent;
use super::result::Observed;
use super::session::Session;
use crate::attributes as names;
use crate::breadcrumb;
use crate::call::{CallKind, Failure};
use crate::errors::{Failed, McpErrorType, Watch};
use crate::execution::{Execution, Notes};
use crate::health::{Ended, Session as HealthSession};
use crate::isolation::Scope;
use crate::settings::{ORIGIN, TARGET, marks_results};

/// The JSON-RPC code of a handler that failed, whatever of.
const INTERNAL_ERROR: i32 = -32_603;

/// A request that has come.
pub(crate) struct Request {
    own: Arc<Own>,
    seen: Seen,
    taken_back: &'static str,
    stateless: bool,
    ended: bool,
    cancelled: CancellationToken,
    since: Instant,
    labels: Labels,
    target: Option<Named>,
    scope: Scope,
    health: HealthSession,
    watch: Watch,
    /// None where nobody listens.
    spans: Option<Spans>,
}

struct Spans {
    request: Span,
    execution: Option<(Span, Arc<Execution>)>,
}

impl Request {
    /// Starts the spans of a request to a server.
    pub(crate) fn start(
        instance: &Instance,
        operation: Operation<'_>,
        context: &RequestContext<RoleServer>,
    ) -> Self {
        let own = &instance.own;
        let version = context.protocol_version();
        let labels = Labels::new(operation.method, version.as_ref(), &context.extensions);
        let target = operation.target.as_ref();
        let target = target.map(|target| Named::new(target, own));
        let named = || context.meta.protocol_version().is_some();
        let stateless = has_newer_errors(version.as_ref(), named);
        Self::received(instance, labels, stateless, target, &context.ct, || {
            let parent = Parent::of(&context.meta, &context.extensions);
            let facts = Facts::of_request(operation, context, version, &own.info);
            (facts, parent)
        })
    }

    /// Starts the spans of a request; `begin` is asked where there are spans.
    pub(crate) fn received(
        instance: &Instance,
        labels: Labels,
        stateless: bool,
        target: Option<Named>,
        cancelled: &CancellationToken,
        begin: impl FnOnce() -> (Facts, Parent),
    ) -> Self {
        let scope = Scope::new();
        let health = HealthSession::start(&scope);
        let name = request_name(labels.method(), target.as_ref());
        breadcrumb::mcp_request(&scope, labels.method(), &name);
        let (spans, watch) = Spans::start(labels.method(), target.as_ref(), name, begin);
        Self {
            own: Arc::clone(&instance.own),
            seen: instance.seen.error_of(labels.method()),
            taken_back: instance.taken_back,
            stateless,
            ended: false,
            cancelled: cancelled.clone(),
            since: Instant::now(),
            labels,
            target,
            scope,
            health,
            watch,
            spans,
        }
    }

    /// The span that the handler runs in.
    fn innermost(&self) -> Span {
        self.spans.as_ref().map_or_else(Span::none, |spans| {
            let execution = spans.execution.as_ref().map(|(span, _)| span);
            execution.unwrap_or(&spans.request).clone()
        })
    }

    /// The scope that the handler runs in.
    pub(crate) fn scope(&self) -> Scope {
        self.scope.clone()
    }

    /// The context of the request's span, where it has one.
    fn span_context(&self) -> Option<SpanContext> {
        let spans = self.spans.as_ref()?;
        let context = spans.request.context();
        let context = context.span().span_context().clone();
        context.is_valid().then_some(context)
    }

    /// Ends the request as its result says.
    fn end_with<T: Observed>(&mut self, session: &Session, result: &Result<T, ErrorData>) {
        match result {
            // The client took its request back: whatever came of it, nobody reads it.
            _ if self.cancelled.is_cancelled() => self.end(&Outcome::Cancelled, Vec::new()),
            Ok(result) => {
                if let Some(version) = result.agreed() {
                    self.labels.agree(version);
                    session.begin(self.since, self.labels.clone());
                }
                let attributes = match &self.spans {
                    None => Vec::new(),
                    Some(_) => {
                        let kind = KeyValue::new(names::MCP_RESULT_TYPE, result.result_type());
                        let mut attributes = result.attributes();
                        attributes.push(kind);
                        attributes
                    }
                };
                self.end(&result.outcome(), attributes);
            }
            Err(error) => {
                let outcome = self.outcome_of(error);
                self.end(&outcome, Vec::new());
            }
        }
    }

    /// The outcome that an error of this request is.
    pub(crate) fn outcome_of(&self, error: &ErrorData) -> Outcome {
        Outcome::of_error(error, self.seen, self.stateless)
    }

    /// Writes how the request ended onto its spans, and counts it.
    pub(crate) fn end(&mut self, outcome: &Outcome, attributes: Vec<KeyValue>) {
        self.ended = true;
        let mut verdict = outcome.verdict();
        if *outcome == Outcome::Cancelled {
            verdict.request_status = self.taken_back;
        }
        let learned = self.target.as_mut().map(|it| it.learn(&self.own, outcome));
        if verdict.error_type.is_some() {
            // It may end outside of its spans.
            let _current = self.current();
            self.watch.failed(|| self.failed(outcome, &verdict));
        }
        let reported = self.watch.has_reported();
        self.health.end(session_end(outcome, &verdict, reported));
        if let Some(spans) = &mut self.spans {
            let target = self.target.as_ref();
            if learned == Some(true) {
                spans.rename(self.labels.method(), target);
            }
            spans.end(target, outcome, &verdict, attributes);
        }
        let target = self.target.as_ref();
        let target = target.map(|target| (target.kind, target.shown()));
        self.labels
            .operation(self.since.elapsed(), target, &verdict);
    }

    /// Makes the span that the handler runs in the current one, where there is one.
    fn current(&self) -> Option<ContextGuard> {
        self.spans
            .is_some()
            .then(|| self.innermost().context().attach())
    }

    /// The failure that the request ended with.
    fn failed(&self, outcome: &Outcome, verdict: &Verdict) -> Failed {
        let kind = self.target.as_ref().map(|target| target.kind);
        let spans = self.spans.as_ref();
        let execution = spans.and_then(|spans| spans.execution.as_ref());
        let (noted, cause) = execution.map_or((None, None), |(_, it)| it.take_failure());
        let message = verdict.message.as_deref().unwrap_or_default();
        let exception = match (noted, outcome) {
            (Some(failure), _) => failure.kind,
            (None, Outcome::Protocol { .. }) => "ErrorData",
            (None, _) => verdict.error_type.as_deref().unwrap_or_default(),
        };
        let status = noted.map_or(verdict.status, Failure::status);
        Failed {
            kind,
            exception: exception.to_owned(),
            message: message.to_owned(),
            cause,
            status,
            error_type: match (kind, verdict.code) {
                (None, Some(code)) if code != INTERNAL_ERROR => McpErrorType::Protocol,
                _ => McpErrorType::of_status(status, kind),
            },
            code: verdict.code,
        }
    }
}

impl Spans {
    fn start(
        method: &'static str,
        target: Option<&Named>,
        name: String,
        begin: impl FnOnce() -> (Facts, Parent),
    ) -> (Option<Self>, Watch) {
        let request = tracing::info_span!(
            target: TARGET, parent: None, "mcp.server", otel.name = name, otel.kind = "server",
            sentry.op = "mcp.server", sentry.origin = ORIGIN, sentry.source = "route",
        );
        let kind = target.map(|target| target.kind);
        if request.is_disabled() {
            return (None, Watch::start(kind, || begin().0.context_attributes()));
        }
        let (facts, parent) = begin();
        // A subscription's HTTP span ends with the headers, which may be now.
        if let Some(http) = parent.http.as_ref().filter(|_| method != LISTEN) {
            let http = http.span();
            http.set_attributes(facts.inherited.iter().cloned());
        }
        let inherited = facts.context_attributes();
        let watch = Watch::start(kind, || inherited.clone());
        for attribute in facts.own {
            request.set_attribute(attribute.key, attribute.value);
        }
        if let Some(link) = parent.link {
            request.add_link(link);
        }
        let execution = target.map(|target| Execution::new(target.kind, target.name()));
        let mut context_of_request = watch.put_into(parent.context.with_value(inherited));
        if let Some(execution) = &execution {
            context_of_request = context_of_request.with_value(Arc::clone(execution));
        }
        // It can only fail on a span that has started; this one was made just above.
        let _ = request.set_parent(context_of_request);
        let execution = target.zip(execution).map(|(target, execution)| {
            let span = target.kind.span(target.shown(), Some(&request));
            execution.runs_in(&span);
            (span, execution)
        });
        (Some(Self { request, execution }), watch)
    }

    /// Puts the target's name into the span names, once it has proved to be one of few.
    /// `tracing` fixes a span's name at its start; OTel does not.
    fn rename(&self, method: &str, target: Option<&Named>) {
        update_name(&self.request, request_name(method, target).into());
        if let Some((target, (span, _))) = target.zip(self.execution.as_ref()) {
            update_name(span, target.kind.span_name(target.shown()));
        }
    }

    fn end(
        &self,
        target: Option<&Named>,
        outcome: &Outcome,
        verdict: &Verdict,
        attributes: Vec<KeyValue>,
    ) {
        let request = &self.request;
        for KeyValue { key, value, .. } in attributes {
            request.set_attribute(key, value);
        }
        request.set_attribute(names::MCP_STATUS, verdict.request_status);
        if let Some(code) = verdict.code {
            request.set_attribute(names::RPC_RESPONSE_STATUS_CODE, code.to_string());
        }
        if let Some(error) = &verdict.error_type {
            request.set_attribute(names::ERROR_TYPE, error.clone());
        }
        let execution = self.execution.as_ref();
        if *outcome == Outcome::Cancelled {
            for span in [Some(request), execution.map(|(span, _)| span)]
                .into_iter()
                .flatten()
            {
                span.set_attribute(names::MCP_REQUEST_OUTCOME, "cancelled");
                span.set_attribute(names::SENTRY_STATUS, "cancelled");
            }
        }
        set_error(request, verdict);
        let Some((target, (span, execution))) = target.zip(execution) else {
            return;
        };
        let status = end_execution(target.kind, span, execution, verdict);
        request.set_attribute(target.kind.status_key(), status);
    }
}

/// Writes how the request ended onto the execution's span; gives the status that both have.
fn end_execution(
    kind: CallKind,
    span: &Span,
    execution: &Execution,
    verdict: &Verdict,
) -> &'static str {
    let Notes {
        attributes,
        failure,
        ..
    } = execution.take_notes();
    for KeyValue { key, value, .. } in attributes {
        span.set_attribute(key, value);
    }
    // A traced function inside knows the kind of error better than its result. What failed
    // inside, but did not fail the request, is no error of the execution.
    let failure = failure.filter(|_| verdict.error_type.is_some());
    let status = failure.map_or(verdict.status, Failure::status);
    span.set_attribute(kind.status_key(), status);
    let noted = failure.map(|failure| failure.kind.to_owned());
    if let Some(error) = noted.or_else(|| verdict.error_type.clone()) {
        if let Some(key) = kind.error_key() {
            span.set_attribute(key, error.clone());
        }
        span.set_attribute(names::ERROR_TYPE, error);
    }
    set_error(span, verdict);
    status
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.ended {
            let outcome = match std::thread::panicking() {
                true => Outcome::Panicked,
                false => {
                    // The client's cancelling drops nothing: whoever did cut the request off.
                    self.health.end(Ended::Abnormal);
                    Outcome::Cancelled
                }
            };
            self.end(&outcome, Vec::new());
        }
    }
}

/// Runs a handler inside the spans of its request.
pub(crate) async fn observe<T: Observed>(
    instance: &Instance,
    mut request: Request,
    handler: impl Future<Output = Result<T, ErrorData>>,
) -> Result<T, ErrorData> {
    let span = request.innermost();
    let scope = request.scope();
    // Its spans have the watch, where they are OTel's.
    let watched = request.watch.is_on() && request.span_context().is_none();
    let watched = watched.then(|| request.watch.put_into(Context::current()));
    let observed = async move {
        let mut result = handler.await;
        if let Ok(result) = &mut result
            && marks_results()
            && let Some(context) = request.span_context()
            && let Some(meta) = result.meta()
        {
            mark(meta, &context);
        }
        request.end_with(&instance.session, &result);
        result
    };
    let observed = scope.wrap(observed.instrument(span));
    match watched {
        Some(context) => observed.with_context(context).await,
        None => observed.await,
    }
}

/// What an ending means for the request's session; `reported` says that an error was captured
/// in it.
fn session_end(outcome: &Outcome, verdict: &Verdict, reported: bool) -> Ended {
    match outcome {
        Outcome::Panicked => Ended::Crashed,
        _ if reported || verdict.error_type.is_some() => Ended::Errored,
        _ => Ended::Exited,
    }
}

fn set_error(span: &Span, verdict: &Verdict) {
    if let Some(message) = &verdict.message {
        span.set_status(Status::error(message.clone()));
    }
}

fn update_name(span: &Span, name: Cow<'static, str>) {
    let context: Context = span.context();
    context.span().update_name(name);
}
