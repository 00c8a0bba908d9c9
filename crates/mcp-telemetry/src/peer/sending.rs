//! One message that is sent: its span, its ending, its metric.

use std::future::Future;
use std::time::Instant;

use opentelemetry::trace::Status;
use opentelemetry::{Context, KeyValue};
use otel_pipeline::ContextAttributes;
use rmcp::model::{JsonObject, RequestId};
use rmcp::service::ServiceError;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::failure::Ending;
use super::role::{Notice, Role};
use super::{McpTransport, TracedPeer};
use crate::attributes as names;
use crate::call::CallKind;
use crate::mcp::{Observed, Operation, Outcome, carry, id, known_version, yield_to};
use crate::metrics::{self, Measured};
use crate::settings::{ORIGIN, TARGET, traces_notification};

/// A message on its way. Dropped before it ends, it is cancelled.
#[derive(Debug)]
pub(super) struct Sending {
    span: Span,
    since: Instant,
    labels: Labels,
    kind: Option<CallKind>,
    ended: bool,
}

/// What the metric says about a message.
#[derive(Debug)]
struct Labels {
    method: &'static str,
    /// The tool or prompt.
    target: Option<KeyValue>,
    version: Option<&'static str>,
    transport: Option<McpTransport>,
}

impl Sending {
    /// Starts the span of a request.
    pub(super) fn request<R: Role>(sender: &TracedPeer<'_, R>, operation: Operation<'_>) -> Self {
        let target = operation.target.as_ref();
        let kind = target.map(|target| target.kind);
        let named = target.and_then(|target| match target.kind {
            CallKind::Tool => Some((names::GEN_AI_TOOL_NAME, &*target.name)),
            CallKind::Prompt => Some((names::GEN_AI_PROMPT_NAME, &*target.name)),
            CallKind::Resource | CallKind::Splunk => None,
        });
        let method = operation.method;
        let name = match named {
            Some((_, target)) => format!("{method} {target}"),
            None => method.to_owned(),
        };
        let label = named.map(|(key, name)| KeyValue::new(key, name.to_owned()));
        let mut facts = operation.facts;
        if let Some(target) = operation.target {
            facts.push(target.fact());
        }
        let span = start::<R>(&name, "mcp.client");
        Self::new(sender, span, method, label, kind, facts)
    }

    /// Starts the span of a notification, where one is wanted.
    pub(super) fn notification<R: Role>(sender: &TracedPeer<'_, R>, notice: Notice<'_>) -> Self {
        let span = match traces_notification(notice.method) {
            true => start::<R>(notice.method, R::NOTIFICATION_OP),
            false => Span::none(),
        };
        Self::new(sender, span, notice.method, None, None, notice.facts)
    }

    fn new<R: Role>(
        sender: &TracedPeer<'_, R>,
        span: Span,
        method: &'static str,
        target: Option<KeyValue>,
        kind: Option<CallKind>,
        facts: Vec<KeyValue>,
    ) -> Self {
        let handshake = sender.peer.peer_info();
        let handshake = handshake.as_deref().map(R::handshake);
        if !span.is_disabled() {
            if !facts
                .iter()
                .any(|it| it.key.as_str() == names::MCP_METHOD_NAME)
            {
                span.set_attribute(names::MCP_METHOD_NAME, method);
            }
            let peer = handshake.iter().flat_map(|handshake| handshake.facts());
            let transport = sender.transport.into_iter().flat_map(McpTransport::facts);
            for fact in peer.chain(transport).chain(facts) {
                span.set_attribute(fact.key, fact.value);
            }
        }
        Self {
            span,
            since: Instant::now(),
            labels: Labels {
                method,
                target,
                version: handshake.map(|handshake| known_version(handshake.version)),
                transport: sender.transport,
            },
            kind,
            ended: false,
        }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// The id that rmcp has given to the request.
    pub(super) fn identify(&self, request: &RequestId) {
        let id = id(request);
        self.span.set_attribute(names::MCP_REQUEST_ID, id.clone());
        self.span.set_attribute(names::JSONRPC_REQUEST_ID, id);
    }

    pub(super) fn note(&self, fact: KeyValue) {
        self.span.set_attribute(fact.key, fact.value);
    }

    /// What to add to the message's `_meta`, beside what its sender has put there himself.
    pub(super) fn fields<'a>(&self, own: impl IntoIterator<Item = &'a JsonObject>) -> JsonObject {
        if self.span.is_disabled() {
            return JsonObject::new();
        }
        let mut fields = carry(&self.span.context());
        for own in own {
            yield_to(&mut fields, own);
        }
        fields
    }

    /// Sends by `call`, and ends as it ends.
    pub(super) async fn observe<T: Observed>(
        self,
        call: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        self.observe_with(call, Self::answered).await
    }

    /// As [`observe`](Self::observe), where a result says something of its own.
    pub(super) async fn observe_with<T>(
        mut self,
        call: impl Future<Output = Result<T, ServiceError>>,
        describe: impl FnOnce(&Self, &T) -> (Outcome, Vec<KeyValue>),
    ) -> Result<T, ServiceError> {
        let span = self.span.clone();
        async move {
            let result = call.await;
            match &result {
                Ok(value) => {
                    let (outcome, attributes) = describe(&self, value);
                    self.succeed(&outcome, attributes);
                }
                Err(error) => self.fail(error),
            }
            result
        }
        .instrument(span)
        .await
    }

    /// What a result says.
    fn answered<T: Observed>(&self, result: &T) -> (Outcome, Vec<KeyValue>) {
        let mut attributes = Vec::new();
        if !self.span.is_disabled() {
            attributes = result.attributes();
            let kind = KeyValue::new(names::MCP_RESULT_TYPE, result.result_type());
            attributes.push(kind);
        }
        (result.outcome(), attributes)
    }

    fn succeed(&mut self, outcome: &Outcome, attributes: Vec<KeyValue>) {
        for attribute in attributes {
            self.span.set_attribute(attribute.key, attribute.value);
        }
        self.end(&Ending::answered(outcome));
    }

    pub(super) fn fail(&mut self, error: &ServiceError) {
        self.end(&Ending::failed(error));
    }

    fn end(&mut self, ending: &Ending) {
        self.ended = true;
        let span = &self.span;
        if let Some(kind) = self.kind {
            span.set_attribute(kind.status_key(), ending.status);
        }
        if let Some(outcome) = ending.outcome {
            span.set_attribute(names::MCP_REQUEST_OUTCOME, outcome);
        }
        if ending.outcome == Some("cancelled") {
            span.set_attribute(names::SENTRY_STATUS, "cancelled");
        }
        if let Some(code) = ending.code {
            span.set_attribute(names::RPC_RESPONSE_STATUS_CODE, code.to_string());
        }
        if let Some(error) = &ending.error_type {
            span.set_attribute(names::ERROR_TYPE, error.clone());
        }
        if let Some(message) = &ending.message {
            span.set_status(Status::error(message.clone()));
        }
        self.labels.record(self.since, ending);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.ended {
            self.end(&Ending::cancelled());
        }
    }
}

impl Labels {
    fn record(&self, since: Instant, ending: &Ending) {
        metrics::record(Measured::ClientOperation, since.elapsed(), || {
            let mut labels = vec![KeyValue::new(names::MCP_METHOD_NAME, self.method)];
            if let Some(target) = &self.target {
                if target.key.as_str() == names::GEN_AI_TOOL_NAME {
                    labels.push(KeyValue::new(names::GEN_AI_OPERATION_NAME, "execute_tool"));
                }
                labels.push(target.clone());
            }
            if let Some(version) = self.version {
                labels.push(KeyValue::new(names::MCP_PROTOCOL_VERSION, version));
            }
            labels.extend(self.transport.into_iter().flat_map(McpTransport::labels));
            if let Some(error) = &ending.error_type {
                labels.push(KeyValue::new(names::ERROR_TYPE, error.clone()));
            }
            if let Some(code) = ending.code {
                let code = code.to_string();
                labels.push(KeyValue::new(names::RPC_RESPONSE_STATUS_CODE, code));
            }
            labels
        });
    }
}

/// A CLIENT span below the current one.
fn start<R: Role>(name: &str, op: &'static str) -> Span {
    let span = tracing::info_span!(
        target: TARGET, "mcp.client", otel.name = name, otel.kind = "client",
        sentry.op = op, sentry.origin = ORIGIN, sentry.source = "route",
    );
    if !span.is_disabled()
        && let Some(parent) = without_request(R::INHERITED)
    {
        // It can only fail on a span that has started; this one was made just above.
        let _ = span.set_parent(parent);
    }
    span
}

/// The current context, where it has attributes of a request that is being served, with these
/// alone: another message has another method, id and target.
fn without_request(kept: &[&str]) -> Option<Context> {
    let context = Context::current();
    let inherited = context.get::<ContextAttributes>()?.to_vec().into_iter();
    let kept = inherited.filter(|attribute| kept.contains(&attribute.key.as_str()));
    let kept = ContextAttributes::new(kept);
    Some(context.with_value(kept))
}
