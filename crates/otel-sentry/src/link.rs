//! Ties what the Sentry SDK captures to the OTel span that is active.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, Value};
use otel_pipeline::ContextAttributes;
use sentry::protocol::{Event, Log, LogAttribute, Metric, SpanId, TraceContext, TraceId};
use sentry::{ClientOptions, Integration};

use crate::captured::Captured;

/// Puts trace and span id of the active OTel span on every event, also where the trace is
/// not sampled: the SDK's own scope knows nothing of OTel.
///
/// It takes no lock. [`connect`](crate::connect) adds it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct OtelIntegration {
    /// Filled by `connect`, read by the client's span sink.
    pub(crate) captured: Captured,
}

impl Integration for OtelIntegration {
    fn name(&self) -> &'static str {
        "opentelemetry"
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        if let Some(active) = active_span() {
            let context = TraceContext {
                trace_id: trace_id(&active),
                span_id: span_id(&active),
                ..TraceContext::default()
            };
            event.contexts.insert("trace".to_owned(), context.into());
        }
        Some(event)
    }
}

/// Puts trace and span id of the active OTel span on a log, and the attributes of the
/// request that it belongs to. For `ClientOptions::before_send_log`, which the SDK runs on
/// the thread that logs.
#[must_use]
pub fn link_log(mut log: Log) -> Log {
    if let Some(active) = active_span() {
        log.trace_id = Some(trace_id(&active));
        let span = span_id(&active).to_string();
        log.attributes
            .insert("sentry.trace.parent_span_id".to_owned(), text(span));
    }
    for KeyValue { key, value, .. } in request_attributes() {
        let entry = log.attributes.entry(key.as_str().to_owned());
        entry.or_insert_with(|| attribute(&value));
    }
    log
}

/// Puts trace and span id of the active OTel span on a metric. For
/// `ClientOptions::before_send_metric`.
#[must_use]
pub fn link_metric(mut metric: Metric) -> Metric {
    if let Some(active) = active_span() {
        metric.trace_id = trace_id(&active);
        metric.span_id = Some(span_id(&active));
    }
    metric
}

fn active_span() -> Option<SpanContext> {
    Context::map_current(|cx| {
        let active = cx.span().span_context().clone();
        active.is_valid().then_some(active)
    })
}

/// The attributes that every span of the current request inherits.
fn request_attributes() -> Vec<KeyValue> {
    Context::map_current(|cx| cx.get::<ContextAttributes>().map(ContextAttributes::to_vec))
        .unwrap_or_default()
}

fn trace_id(context: &SpanContext) -> TraceId {
    TraceId::from(context.trace_id().to_bytes())
}

fn span_id(context: &SpanContext) -> SpanId {
    SpanId::from(context.span_id().to_bytes())
}

fn text(value: impl Into<Cow<'static, str>>) -> LogAttribute {
    LogAttribute(value.into().into())
}

fn attribute(value: &Value) -> LogAttribute {
    LogAttribute(match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        other => other.to_string().into(),
    })
}
