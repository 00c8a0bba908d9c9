//! Spans as Sentry gets them inside transactions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::json::Fields;
use crate::problem::ParseError;

/// A span of a transaction, or the transaction's own root span.
///
/// Ids are lower-case hex; times are seconds since 1970.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SentrySpan {
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; `None` for a root without a parent.
    pub parent_span_id: Option<String>,
    /// 32 hex digits.
    pub trace_id: String,
    /// Operation, for example `mcp.server`.
    pub op: Option<String>,
    /// Description; for a root span the transaction's name.
    pub description: Option<String>,
    /// Status as sent, for example `ok` or `internal_error`.
    pub status: Option<String>,
    /// Origin, for example `auto.mcp.mcp_telemetry`.
    pub origin: Option<String>,
    /// Start, in seconds since 1970.
    pub start: f64,
    /// End, in seconds since 1970; never before `start`.
    pub end: f64,
    /// Attributes.
    pub data: BTreeMap<String, Value>,
    /// Links to other spans.
    pub links: Vec<SentryLink>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// True for the view of a transaction's root.
    pub is_root: bool,
    /// Event id of the transaction that carried it.
    pub event_id: String,
    /// The JSON object as it came; for a root span its `contexts.trace`.
    pub raw: Value,
}

impl SentrySpan {
    /// How long the span took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.end - self.start).unwrap_or_default()
    }

    /// An attribute.
    #[must_use]
    pub fn data(&self, key: &str) -> Option<&Value> {
        self.data.get(key)
    }

    /// An attribute that is a string.
    #[must_use]
    pub fn data_str(&self, key: &str) -> Option<&str> {
        self.data.get(key)?.as_str()
    }

    /// Reads one element of a transaction's `spans`.
    pub(super) fn read(fields: &Fields<'_>, event_id: &str) -> Result<Self, ParseError> {
        let (start, end) = times(fields)?;
        Ok(Self {
            span_id: fields.need_span_id("span_id")?,
            parent_span_id: fields.span_id("parent_span_id")?,
            trace_id: fields.need_trace_id("trace_id")?,
            op: fields.text("op")?,
            description: fields.text("description")?,
            status: fields.text("status")?,
            origin: fields.text("origin")?,
            start,
            end,
            data: fields.map("data")?,
            links: links(fields)?,
            tags: fields.tags()?,
            is_root: false,
            event_id: event_id.to_owned(),
            raw: fields.to_value(),
        })
    }
}

/// A link from a span to another one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SentryLink {
    /// Trace of the other span, 32 hex digits.
    pub trace_id: String,
    /// Id of the other span, 16 hex digits.
    pub span_id: String,
    /// Whether the other span was sampled.
    pub sampled: Option<bool>,
    /// Attributes of the link.
    pub attributes: BTreeMap<String, Value>,
}

/// `start_timestamp` and `timestamp`. Relay refuses a whole transaction for one span without a
/// start or with an end before its start, and never stores a span without an end.
pub(super) fn times(fields: &Fields<'_>) -> Result<(f64, f64), ParseError> {
    let start = fields.need_time("start_timestamp")?;
    let end = fields.need_time("timestamp")?;
    if end < start {
        return Err(ParseError::Field {
            place: fields.place().to_owned(),
            field: "timestamp".to_owned(),
            expected: "a time not before start_timestamp",
            found: "an earlier one".to_owned(),
        });
    }
    Ok((start, end))
}

pub(super) fn links(fields: &Fields<'_>) -> Result<Vec<SentryLink>, ParseError> {
    fields
        .objects("links")?
        .iter()
        .map(|link| {
            Ok(SentryLink {
                trace_id: link.need_trace_id("trace_id")?,
                span_id: link.need_span_id("span_id")?,
                sampled: link.flag("sampled")?,
                attributes: link.map("attributes")?,
            })
        })
        .collect()
}
