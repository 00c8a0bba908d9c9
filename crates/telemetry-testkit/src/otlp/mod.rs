//! OTLP's side: export requests and what they carry.
//!
//! Bodies: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

mod common;
mod decode;
mod json;
mod log;
mod metric;
mod span;

pub use common::{OtlpRoute, Resource, Scope};
pub(crate) use decode::{Format, OtlpBatch, Signal, decode};
pub use log::OtlpLog;
pub use metric::{
    ExponentialHistogram, Histogram, MetricKind, MetricValue, OtlpExemplar, OtlpMetric, OtlpPoint,
    Temporality,
};
pub use span::{OtlpEvent, OtlpLink, OtlpSpan, SpanKind, SpanStatus};
