//! Transactions: the root of a part of a trace, with its spans.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::span::{SentryLink, SentrySpan, links, times};
use crate::json::Fields;
use crate::problem::ParseError;

/// A transaction event.
///
/// Ids are lower-case hex; times are seconds since 1970. Shape: Sentry's event payload with
/// `contexts.trace`, `spans` and `transaction_info`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transaction {
    /// Event id, 32 hex digits.
    pub event_id: String,
    /// The transaction's name.
    pub name: String,
    /// `transaction_info.source`, for example `route`.
    pub source: Option<String>,
    /// `contexts.trace.trace_id`, 32 hex digits.
    pub trace_id: String,
    /// Id of the root span, 16 hex digits.
    pub span_id: String,
    /// Parent of the root span, 16 hex digits.
    pub parent_span_id: Option<String>,
    /// Operation of the root span.
    pub op: Option<String>,
    /// Status of the root span, as sent.
    pub status: Option<String>,
    /// Origin of the root span.
    pub origin: Option<String>,
    /// Start, in seconds since 1970.
    pub start: f64,
    /// End, in seconds since 1970; never before `start`.
    pub end: f64,
    /// Attributes of the root span: `contexts.trace.data`.
    pub data: BTreeMap<String, Value>,
    /// All contexts, `trace` among them.
    pub contexts: BTreeMap<String, Value>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Release.
    pub release: Option<String>,
    /// Environment.
    pub environment: Option<String>,
    /// Platform.
    pub platform: Option<String>,
    /// Links of the root span.
    pub links: Vec<SentryLink>,
    /// The dynamic sampling context: the `trace` header of the envelope. Empty when it has none.
    pub dsc: BTreeMap<String, Value>,
    /// The spans below the root.
    pub spans: Vec<SentrySpan>,
    /// The JSON payload as it came.
    pub raw: Value,
    root: SentrySpan,
}

impl Transaction {
    /// The root as a span: its description is the transaction's name.
    #[must_use]
    pub fn root_span(&self) -> &SentrySpan {
        &self.root
    }

    /// The root and all spans below it.
    pub fn all_spans(&self) -> impl Iterator<Item = &SentrySpan> {
        std::iter::once(&self.root).chain(&self.spans)
    }

    /// How long the transaction took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.root.duration()
    }

    pub(super) fn read(
        raw: Value,
        header_event_id: Option<&str>,
        dsc: &BTreeMap<String, Value>,
    ) -> Result<Self, ParseError> {
        let fields = Fields::of("transaction", &raw)?;
        let trace = fields
            .object("contexts")?
            .and_then(|contexts| contexts.object("trace").transpose())
            .transpose()?
            .ok_or_else(|| fields.wrong("contexts", "an object with trace"))?;
        let event_id = event_id(&fields, header_event_id)?;
        let (start, end) = times(&fields)?;
        let name = fields.text("transaction")?.unwrap_or_default();
        let root = SentrySpan {
            span_id: trace.need_span_id("span_id")?,
            parent_span_id: trace.span_id("parent_span_id")?,
            trace_id: trace.need_trace_id("trace_id")?,
            op: trace.text("op")?,
            description: Some(name.clone()),
            status: trace.text("status")?,
            origin: trace.text("origin")?,
            start,
            end,
            data: trace.map("data")?,
            links: links(&trace)?,
            tags: fields.tags()?,
            is_root: true,
            event_id: event_id.clone(),
            raw: trace.to_value(),
        };
        let source = match fields.object("transaction_info")? {
            Some(info) => info.text("source")?,
            None => None,
        };
        let spans = fields
            .objects("spans")?
            .iter()
            .map(|span| SentrySpan::read(span, &event_id))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            event_id,
            name,
            source,
            trace_id: root.trace_id.clone(),
            span_id: root.span_id.clone(),
            parent_span_id: root.parent_span_id.clone(),
            op: root.op.clone(),
            status: root.status.clone(),
            origin: root.origin.clone(),
            start,
            end,
            data: root.data.clone(),
            contexts: fields.map("contexts")?,
            tags: root.tags.clone(),
            release: fields.text("release")?,
            environment: fields.text("environment")?,
            platform: fields.text("platform")?,
            links: root.links.clone(),
            dsc: dsc.clone(),
            spans,
            root,
            raw,
        })
    }
}

/// The event id: the envelope header's wins over the payload's, as in Relay.
pub(super) fn event_id(fields: &Fields<'_>, header: Option<&str>) -> Result<String, ParseError> {
    match (header, fields.trace_id("event_id")?) {
        (Some(header), _) => Ok(header.to_owned()),
        (None, Some(payload)) => Ok(payload),
        (None, None) => {
            Err(fields.wrong("event_id", "32 hex digits, here or in the envelope header"))
        }
    }
}
