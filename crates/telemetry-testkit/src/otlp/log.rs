//! OTLP log records.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::Value;

use super::common::{OtlpRoute, Resource, Scope, any, attributes, id};
use crate::problem::ParseError;

/// A log record as it came by OTLP. Ids are lower-case hex; times are nanoseconds since 1970.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpLog {
    /// Time of the event; 0 when not said.
    pub time_nanos: u64,
    /// When the SDK saw it.
    pub observed_nanos: u64,
    /// OTel severity number: 1 to 24, 0 when not said.
    pub severity_number: i32,
    /// Severity as text; empty when there is none.
    pub severity_text: String,
    /// Body; null when there is none.
    pub body: Value,
    /// Attributes.
    pub attributes: BTreeMap<String, Value>,
    /// 32 hex digits.
    pub trace_id: Option<String>,
    /// 16 hex digits.
    pub span_id: Option<String>,
    /// W3C trace flags.
    pub flags: u32,
    /// Event name; empty when there is none.
    pub event_name: String,
    /// Instrumentation scope.
    pub scope: Arc<Scope>,
    /// Attributes of the resource.
    pub resource: Arc<Resource>,
    /// The path it came by.
    pub route: OtlpRoute,
}

impl OtlpLog {
    /// An attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// The body, if it is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.body.as_str()
    }

    pub(super) fn read(
        place: &str,
        record: LogRecord,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
        route: OtlpRoute,
    ) -> Result<Self, ParseError> {
        Ok(Self {
            time_nanos: record.time_unix_nano,
            observed_nanos: record.observed_time_unix_nano,
            severity_number: record.severity_number,
            severity_text: record.severity_text,
            body: any(record.body),
            attributes: attributes(record.attributes),
            trace_id: id(place, "trace_id", &record.trace_id, 16)?,
            span_id: id(place, "span_id", &record.span_id, 8)?,
            flags: record.flags,
            event_name: record.event_name,
            scope: Arc::clone(scope),
            resource: Arc::clone(resource),
            route,
        })
    }
}
