//! The core that both wrappers share: one request, its two spans, its ending.

use std::future::Future;
use std::sync::Arc;

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use rmcp::model::Implementation;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::facts::{Facts, Operation};
use super::known::{KnownNames, OTHER};
use super::outcome::{Outcome, Verdict};
use super::parent::Parent;
use super::result::Observed;
use crate::attributes as names;
use crate::call::{CallKind, Failure};
use crate::execution::{Execution, Notes};
use crate::isolation::Scope;
use crate::settings::{ORIGIN, TARGET};

/// What a wrapper knows of its server.
#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) info: Implementation,
    pub(crate) tools: KnownNames,
    pub(crate) prompts: KnownNames,
}

impl Server {
    fn names(&self, kind: CallKind) -> Option<&KnownNames> {
        match kind {
            CallKind::Tool => Some(&self.tools),
            CallKind::Prompt => Some(&self.prompts),
            CallKind::Resource | CallKind::Splunk => None,
        }
    }
}

/// A request whose spans have started.
pub(crate) struct Request {
    server: Arc<Server>,
    ended: bool,
    cancelled: CancellationToken,
    span: Span,
    executes: Option<Executes>,
}

/// The tool, resource or prompt that a request executes.
struct Executes {
    kind: CallKind,
    name: String,
    /// The name stands in the span names already.
    named: bool,
    execution: Arc<Execution>,
    span: Span,
}

impl Request {
    /// Starts the spans of a request; `None` where nobody listens.
    pub(crate) fn start(
        server: &Arc<Server>,
        operation: &Operation<'_>,
        context: &RequestContext<RoleServer>,
    ) -> Option<Self> {
        let label = operation.target.as_ref().and_then(|target| {
            let names = server.names(target.kind)?;
            Some(if names.contains(&target.name) {
                &*target.name
            } else {
                OTHER
            })
        });
        let name = match label {
            Some(label) => format!("{} {label}", operation.method),
            None => operation.method.to_owned(),
        };
        let span = tracing::info_span!(
            target: TARGET, parent: None, "mcp.server", otel.name = name, otel.kind = "server",
            sentry.op = "mcp.server", sentry.origin = ORIGIN, sentry.source = "route",
        );
        if span.is_disabled() {
            return None;
        }
        let facts = Facts::of(operation, context, &server.info);
        let parent = Parent::of(&context.meta, &context.extensions);
        if let Some(http) = &parent.http {
            let http = http.span();
            http.set_attributes(facts.inherited.iter().cloned());
        }
        let inherited = facts.context_attributes();
        for attribute in facts.own {
            span.set_attribute(attribute.key, attribute.value);
        }
        if let Some(link) = parent.link {
            span.add_link(link);
        }
        let execution = operation
            .target
            .as_ref()
            .map(|target| Execution::new(target.kind, &target.name));
        let mut context_of_request = parent.context.with_value(inherited);
        if let Some(execution) = &execution {
            context_of_request = context_of_request.with_value(Arc::clone(execution));
        }
        // It can only fail on a span that has started; this one was made just above.
        let _ = span.set_parent(context_of_request);
        let executes = operation.target.as_ref().zip(execution);
        let executes = executes.map(|(target, execution)| {
            let span = target.kind.span(label.unwrap_or(OTHER), Some(&span));
            execution.runs_in(&span);
            Executes {
                kind: target.kind,
                name: target.name.clone().into_owned(),
                named: label != Some(OTHER),
                execution,
                span,
            }
        });
        Some(Self {
            server: Arc::clone(server),
            ended: false,
            cancelled: context.ct.clone(),
            span,
            executes,
        })
    }

    /// The span that the handler runs in.
    fn innermost(&self) -> Span {
        let executes = self.executes.as_ref();
        executes.map_or_else(|| self.span.clone(), |executes| executes.span.clone())
    }

    /// Writes how the request ended onto its spans.
    fn end(&mut self, outcome: &Outcome, attributes: Vec<KeyValue>) {
        self.ended = true;
        let verdict = outcome.verdict();
        for KeyValue { key, value, .. } in attributes {
            self.span.set_attribute(key, value);
        }
        if let Some(code) = verdict.code {
            let code = code.to_string();
            self.span
                .set_attribute(names::RPC_RESPONSE_STATUS_CODE, code);
        }
        if *outcome == Outcome::Cancelled {
            for span in std::iter::once(&self.span).chain(self.executes.iter().map(|e| &e.span)) {
                span.set_attribute(names::MCP_REQUEST_OUTCOME, "cancelled");
                span.set_attribute(names::SENTRY_STATUS, "cancelled");
            }
        }
        if let Some(error) = &verdict.error_type {
            self.span.set_attribute(names::ERROR_TYPE, error.clone());
        }
        set_error(&self.span, &verdict);
        if let Some(executes) = &mut self.executes {
            let status = executes.end(&self.server, &self.span, outcome, &verdict);
            self.span.set_attribute(executes.kind.status_key(), status);
        }
    }
}

impl Executes {
    /// Writes how the request ended onto the execution's span; gives its status.
    fn end(
        &mut self,
        server: &Server,
        request: &Span,
        outcome: &Outcome,
        verdict: &Verdict,
    ) -> &'static str {
        if !self.named && outcome.proves_target() {
            self.rename(server, request);
        }
        let Notes {
            attributes,
            failure,
        } = self.execution.take_notes();
        for KeyValue { key, value, .. } in attributes {
            self.span.set_attribute(key, value);
        }
        // A traced function inside knows the kind of error better than its result. What
        // failed inside, but did not fail the request, is no error of the execution.
        let failure = failure.filter(|_| verdict.error_type.is_some());
        let status = failure.map_or(verdict.status, Failure::status);
        self.span.set_attribute(self.kind.status_key(), status);
        let noted = failure.map(|failure| failure.kind.to_owned());
        if let Some(error) = noted.or_else(|| verdict.error_type.clone()) {
            if let Some(key) = self.kind.error_key() {
                self.span.set_attribute(key, error.clone());
            }
            self.span.set_attribute(names::ERROR_TYPE, error);
        }
        set_error(&self.span, verdict);
        status
    }

    /// Puts the name into the span names, once it has proved to be one of few.
    fn rename(&mut self, server: &Server, request: &Span) {
        let known = server
            .names(self.kind)
            .is_some_and(|names| names.insert(&self.name));
        let (method, own) = match self.kind {
            CallKind::Tool => ("tools/call", "mcp.tool"),
            CallKind::Prompt => ("prompts/get", "mcp.prompt"),
            CallKind::Resource | CallKind::Splunk => return,
        };
        if known {
            self.named = true;
            update_name(request, format!("{method} {}", self.name));
            update_name(&self.span, format!("{own}.{}", self.name));
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.ended {
            let outcome = match std::thread::panicking() {
                true => Outcome::Panicked,
                false => Outcome::Cancelled,
            };
            self.end(&outcome, Vec::new());
        }
    }
}

/// Runs a handler inside the spans of its request.
pub(crate) async fn observe<T: Observed>(
    request: Option<Request>,
    handler: impl Future<Output = Result<T, ErrorData>>,
) -> Result<T, ErrorData> {
    let Some(mut request) = request else {
        return handler.await;
    };
    let span = request.innermost();
    let observed = async move {
        let result = handler.await;
        let (outcome, attributes) = match &result {
            // The client took its request back: whatever came of it, nobody reads it.
            _ if request.cancelled.is_cancelled() => (Outcome::Cancelled, Vec::new()),
            Ok(result) => (result.outcome(), result.attributes()),
            Err(error) => (Outcome::of_error(error), Vec::new()),
        };
        request.end(&outcome, attributes);
        result
    };
    Scope::new().wrap(observed.instrument(span)).await
}

fn set_error(span: &Span, verdict: &Verdict) {
    if let Some(message) = &verdict.message {
        span.set_status(Status::error(message.clone()));
    }
}

/// `tracing` fixes a span's name at its start; OTel does not.
fn update_name(span: &Span, name: String) {
    let context: Context = span.context();
    context.span().update_name(name);
}
