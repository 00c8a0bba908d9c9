//! Spans for the criterion benchmarks, as the workload leaves them behind.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// The three spans of trace `number`, the innermost first, as they end.
///
/// ```
/// let spans = mcp_telemetry_benches::spans::trace(1);
/// assert_eq!(spans.len(), 3);
/// assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
/// ```
#[must_use]
pub fn trace(number: u64) -> [Arc<SpanData>; 3] {
    let first = number.wrapping_mul(4);
    [
        span(number, first + 3, first + 2),
        span(number, first + 2, first + 1),
        span(number, first + 1, 0),
    ]
    .map(Arc::new)
}

/// One sampled span with eight attributes; `parent` 0 makes it a root.
#[must_use]
pub fn span(trace: u64, id: u64, parent: u64) -> SpanData {
    // Of just now: the Sentry sink refuses old spans.
    let start = SystemTime::now() - Duration::from_secs(1);
    let id_of = |id: u64| SpanId::from_bytes(id.to_be_bytes());
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(u128::from(trace) + 1),
            id_of(id),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: id_of(parent),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "call splunk".into(),
        start_time: start,
        end_time: start + Duration::from_millis(12),
        attributes: vec![
            KeyValue::new("url.template", "/services/search/jobs".to_owned()),
            KeyValue::new("peer.service", "search-head-01.example.net".to_owned()),
            KeyValue::new("app.statement", "index=main | stats count".to_owned()),
            KeyValue::new("app.namespace", "nobody/search/admin".to_owned()),
            KeyValue::new("app.attempt", 1_i64),
            KeyValue::new("app.rows", 100_i64),
            KeyValue::new("app.streamed", true),
            KeyValue::new("app.duration", 12.5),
        ],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("bench").build(),
    }
}
