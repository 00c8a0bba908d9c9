//! Envelopes: a header line, then items, each a header line and a payload.
//!
//! Format: <https://develop.sentry.dev/sdk/data-model/envelopes/>. An item with `length` has a
//! payload of that many bytes, then a newline or the end; without `length` it ends at the next
//! newline. Empty lines between items are taken as Relay takes them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::log::{LOGS, TRACE_METRICS, container};
use super::{ClientReport, Event, Log, SessionAggregate, SessionUpdate, TraceMetric, Transaction};
use crate::json::{Fields, parse};
use crate::problem::ParseError;

/// A parsed envelope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Envelope {
    /// The header: `event_id`, `sent_at`, `dsn`, `sdk`, `trace` and the rest.
    pub headers: BTreeMap<String, Value>,
    /// The items, in the order they came.
    pub items: Vec<Item>,
}

impl Envelope {
    /// Parses an envelope.
    ///
    /// # Errors
    ///
    /// [`ParseError`] names the item and field that is not as Sentry wants it.
    ///
    /// ```
    /// let envelope = telemetry_testkit::Envelope::parse(
    ///     "{\"sdk\":{\"name\":\"demo\"}}\n{\"type\":\"attachment\",\"length\":5}\nhello\n",
    /// )?;
    /// assert_eq!(envelope.items[0].ty, "attachment");
    /// assert_eq!(envelope.items[0].payload, "hello");
    /// # Ok::<(), telemetry_testkit::ParseError>(())
    /// ```
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, ParseError> {
        Self::read(bytes.into())
    }

    /// Event id of the header, as 32 lower-case hex digits.
    #[must_use]
    pub fn event_id(&self) -> Option<String> {
        crate::json::hex_text(self.header_str("event_id")?, 32)
    }

    /// A header that is text, for example `sent_at` or `dsn`.
    #[must_use]
    pub fn header_str(&self, key: &str) -> Option<&str> {
        self.headers.get(key)?.as_str()
    }

    /// The types of the items, in order.
    pub fn item_types(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.ty.as_str())
    }

    fn read(bytes: Bytes) -> Result<Self, ParseError> {
        let mut rest = bytes;
        let line = take_line(&mut rest);
        let header = parse("envelope header", &line)?;
        let fields = Fields::of("envelope header", &header)?;
        let event_id = fields.trace_id("event_id")?;
        fields.time("sent_at")?;
        let dsc = fields.map("trace")?;
        let headers = header
            .as_object()
            .map(crate::json::sorted)
            .unwrap_or_default();
        let mut items = Vec::new();
        loop {
            while rest.first() == Some(&b'\n') {
                rest = rest.slice(1..);
            }
            if rest.is_empty() {
                return Ok(Self { headers, items });
            }
            items.push(Item::read(
                items.len(),
                &mut rest,
                event_id.as_deref(),
                &dsc,
            )?);
        }
    }
}

/// One item of an envelope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Item {
    /// Type, for example `transaction`.
    pub ty: String,
    /// The item's header: `type`, `length` and the rest.
    pub headers: BTreeMap<String, Value>,
    /// The payload's bytes.
    pub payload: Bytes,
    /// The payload, parsed.
    pub content: ItemContent,
}

/// The parsed payload of an item.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ItemContent {
    /// `transaction`.
    Transaction(Box<Transaction>),
    /// `event`.
    Event(Box<Event>),
    /// `log`: the logs of a container.
    Logs(Vec<Log>),
    /// `trace_metric`: the metrics of a container.
    TraceMetrics(Vec<TraceMetric>),
    /// `sessions`: the buckets of the item.
    Sessions(Vec<SessionAggregate>),
    /// `session`.
    Session(SessionUpdate),
    /// `client_report`.
    ClientReport(ClientReport),
    /// Any other type: its JSON, if it is JSON.
    Other(Option<Value>),
}

impl Item {
    fn read(
        index: usize,
        rest: &mut Bytes,
        event_id: Option<&str>,
        dsc: &BTreeMap<String, Value>,
    ) -> Result<Self, ParseError> {
        let place = format!("header of item {index}");
        let header = parse(place.as_str(), &take_line(rest))?;
        let fields = Fields::of(place, &header)?;
        let ty = fields.need_text("type")?;
        let payload = match fields.count("length")? {
            None => take_line(rest),
            Some(length) => take_length(index, length, rest)?,
        };
        let json = || parse(format!("{ty} (item {index})"), &payload);
        let content = match ty.as_str() {
            "transaction" => {
                ItemContent::Transaction(Box::new(Transaction::read(json()?, event_id, dsc)?))
            }
            "event" => ItemContent::Event(Box::new(Event::read(json()?, event_id, dsc)?)),
            "log" => ItemContent::Logs(container("log", &fields, &json()?, LOGS, Log::read)?),
            "trace_metric" => ItemContent::TraceMetrics(container(
                "trace_metric",
                &fields,
                &json()?,
                TRACE_METRICS,
                TraceMetric::read,
            )?),
            "sessions" => ItemContent::Sessions(SessionAggregate::read_all(&json()?)?),
            "session" => ItemContent::Session(SessionUpdate::read(json()?)?),
            "client_report" => ItemContent::ClientReport(ClientReport::read(json()?)?),
            _ => ItemContent::Other(json().ok()),
        };
        let headers = header
            .as_object()
            .map(crate::json::sorted)
            .unwrap_or_default();
        Ok(Self {
            ty,
            headers,
            payload,
            content,
        })
    }
}

/// Takes a line off the front; the newline goes with it but is not part of the result.
fn take_line(rest: &mut Bytes) -> Bytes {
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len());
    let line = rest.split_to(end);
    if !rest.is_empty() {
        *rest = rest.slice(1..);
    }
    line
}

/// Takes a payload of a known length and the newline after it.
fn take_length(item: usize, length: u64, rest: &mut Bytes) -> Result<Bytes, ParseError> {
    let left = rest.len();
    let end = usize::try_from(length)
        .ok()
        .filter(|end| *end <= left)
        .ok_or(ParseError::ItemLength { item, length, left })?;
    let payload = rest.split_to(end);
    match rest.first() {
        None => {}
        Some(b'\n') => *rest = rest.slice(1..),
        Some(_) => return Err(ParseError::ItemEnd { item, length }),
    }
    Ok(payload)
}
