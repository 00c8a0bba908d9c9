//! OTLP spans.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::{
    Span, span::SpanKind as ProtoKind, status::StatusCode as ProtoCode,
};
use serde_json::Value;

use super::common::{OtlpRoute, Resource, Scope, attributes, id, need_id};
use crate::problem::ParseError;

/// A span as it came by OTLP. Ids are lower-case hex; times are nanoseconds since 1970.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpSpan {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; `None` for a root.
    pub parent_span_id: Option<String>,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: SpanKind,
    /// Status code.
    pub status: SpanStatus,
    /// Status message; empty when there is none.
    pub status_message: String,
    /// Start, in nanoseconds since 1970.
    pub start_nanos: u64,
    /// End, in nanoseconds since 1970.
    pub end_nanos: u64,
    /// Attributes.
    pub attributes: BTreeMap<String, Value>,
    /// Span events.
    pub events: Vec<OtlpEvent>,
    /// Links.
    pub links: Vec<OtlpLink>,
    /// Attributes that the SDK dropped for a limit.
    pub dropped_attributes: u32,
    /// W3C tracestate; empty when there is none.
    pub trace_state: String,
    /// Span flags: bits 0 to 7 the W3C trace flags, `0x100` "remote is known", `0x200` "the parent is remote".
    pub flags: u32,
    /// Instrumentation scope.
    pub scope: Arc<Scope>,
    /// Attributes of the resource.
    pub resource: Arc<Resource>,
    /// The path it came by.
    pub route: OtlpRoute,
}

impl OtlpSpan {
    /// An attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// An attribute that is a string.
    #[must_use]
    pub fn attribute_str(&self, key: &str) -> Option<&str> {
        self.attributes.get(key)?.as_str()
    }

    /// How long the span took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.end_nanos.saturating_sub(self.start_nanos))
    }

    pub(super) fn read(
        place: &str,
        span: Span,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
        route: OtlpRoute,
    ) -> Result<Self, ParseError> {
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        if end < start {
            return Err(ParseError::Field {
                place: place.to_owned(),
                field: "end_time_unix_nano".to_owned(),
                expected: "a time not before start_time_unix_nano",
                found: "an earlier one".to_owned(),
            });
        }
        let kind = SpanKind::read(place, span.kind)?;
        let status = span.status.unwrap_or_default();
        Ok(Self {
            trace_id: need_id(place, "trace_id", &span.trace_id, 16)?,
            span_id: need_id(place, "span_id", &span.span_id, 8)?,
            parent_span_id: id(place, "parent_span_id", &span.parent_span_id, 8)?,
            name: span.name,
            kind,
            status: SpanStatus::read(place, status.code)?,
            status_message: status.message,
            start_nanos: start,
            end_nanos: end,
            attributes: attributes(span.attributes),
            events: span
                .events
                .into_iter()
                .map(|event| OtlpEvent {
                    name: event.name,
                    time_nanos: event.time_unix_nano,
                    attributes: attributes(event.attributes),
                })
                .collect(),
            links: span
                .links
                .into_iter()
                .map(|link| {
                    Ok(OtlpLink {
                        trace_id: need_id(place, "link.trace_id", &link.trace_id, 16)?,
                        span_id: need_id(place, "link.span_id", &link.span_id, 8)?,
                        trace_state: link.trace_state,
                        flags: link.flags,
                        attributes: attributes(link.attributes),
                    })
                })
                .collect::<Result<_, ParseError>>()?,
            dropped_attributes: span.dropped_attributes_count,
            trace_state: span.trace_state,
            flags: span.flags,
            scope: Arc::clone(scope),
            resource: Arc::clone(resource),
            route,
        })
    }
}

/// An event of an OTLP span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OtlpEvent {
    /// Name, for example `exception`.
    pub name: String,
    /// Time, in nanoseconds since 1970.
    pub time_nanos: u64,
    /// Attributes.
    pub attributes: BTreeMap<String, Value>,
}

/// A link of an OTLP span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OtlpLink {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// W3C tracestate of the other span.
    pub trace_state: String,
    /// Flags, as on a span.
    pub flags: u32,
    /// Attributes.
    pub attributes: BTreeMap<String, Value>,
}

/// Kind of an OTLP span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Not said.
    Unspecified,
    /// Inside the program.
    Internal,
    /// Serves a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Takes a message.
    Consumer,
}

impl SpanKind {
    fn read(place: &str, kind: i32) -> Result<Self, ParseError> {
        match ProtoKind::try_from(kind) {
            Ok(ProtoKind::Unspecified) => Ok(Self::Unspecified),
            Ok(ProtoKind::Internal) => Ok(Self::Internal),
            Ok(ProtoKind::Server) => Ok(Self::Server),
            Ok(ProtoKind::Client) => Ok(Self::Client),
            Ok(ProtoKind::Producer) => Ok(Self::Producer),
            Ok(ProtoKind::Consumer) => Ok(Self::Consumer),
            Err(_) => Err(unknown_enum(place, "kind", "0 to 5", kind)),
        }
    }
}

/// Status code of an OTLP span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanStatus {
    /// Not set: fine.
    Unset,
    /// Said to be fine.
    Ok,
    /// Failed.
    Error,
}

impl SpanStatus {
    fn read(place: &str, code: i32) -> Result<Self, ParseError> {
        match ProtoCode::try_from(code) {
            Ok(ProtoCode::Unset) => Ok(Self::Unset),
            Ok(ProtoCode::Ok) => Ok(Self::Ok),
            Ok(ProtoCode::Error) => Ok(Self::Error),
            Err(_) => Err(unknown_enum(place, "status.code", "0 to 2", code)),
        }
    }
}

pub(super) fn unknown_enum(
    place: &str,
    field: &str,
    expected: &'static str,
    found: i32,
) -> ParseError {
    ParseError::Field {
        place: place.to_owned(),
        field: field.to_owned(),
        expected,
        found: found.to_string(),
    }
}
