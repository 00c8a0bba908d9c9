//! Reading spans back from a byte buffer, on the pipeline's own thread.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::names::Names;
use super::tag;

/// Takes the first span off `buffer`.
///
/// `None` at the end of the buffer, or where what stands there was not written by
/// [`write`](super::write()); reading then cannot go on.
pub(crate) fn read(buffer: &mut &[u8], names: &mut Names) -> Option<SpanData> {
    let mut from = Reader::new(buffer, names);
    let length = from.length()?;
    let record = from.bytes(length)?;
    let rest = from.rest;
    let span = span(&mut Reader::new(record, names))?;
    *buffer = rest;
    Some(span)
}

/// Reads what [`write_attribute`](super::write_attribute) wrote, to the end of `buffer`.
pub(crate) fn read_attributes(buffer: &[u8], names: &mut Names) -> Vec<KeyValue> {
    let mut from = Reader::new(buffer, names);
    std::iter::from_fn(|| key_value(&mut from)).collect()
}

fn span(from: &mut Reader<'_, '_>) -> Option<SpanData> {
    let span_context = context(from)?;
    let parent_span_id = SpanId::from_bytes(from.array()?);
    let parent_span_is_remote = from.byte()? != 0;
    let span_kind = kind(from.byte()?)?;
    let name = from.text()?.to_owned().into();
    let start_time = time(from)?;
    let end_time = time(from)?;
    let (attributes, dropped_attributes_count) = attributes(from)?;

    let mut events = SpanEvents::default();
    let count = from.length()?;
    events.events = many(from, count, |from| {
        let name = from.text()?.to_owned();
        let timestamp = time(from)?;
        let (attributes, dropped) = self::attributes(from)?;
        Some(Event::new(name, timestamp, attributes, dropped))
    })?;
    events.dropped_count = u32::from_le_bytes(from.array()?);

    let mut links = SpanLinks::default();
    let count = from.length()?;
    links.links = many(from, count, |from| {
        let span_context = context(from)?;
        let (attributes, dropped) = self::attributes(from)?;
        Some(Link::new(span_context, attributes, dropped))
    })?;
    links.dropped_count = u32::from_le_bytes(from.array()?);

    let status = match from.byte()? {
        tag::UNSET => Status::Unset,
        tag::OK => Status::Ok,
        _ => Status::error(from.text()?.to_owned()),
    };
    Some(SpanData {
        span_context,
        parent_span_id,
        parent_span_is_remote,
        span_kind,
        name,
        start_time,
        end_time,
        attributes,
        dropped_attributes_count,
        events,
        links,
        status,
        instrumentation_scope: scope(from)?,
    })
}

fn scope(from: &mut Reader<'_, '_>) -> Option<InstrumentationScope> {
    let mut scope = InstrumentationScope::builder(from.text()?.to_owned());
    if let Some(version) = from.optional_text()? {
        scope = scope.with_version(version.to_owned());
    }
    if let Some(url) = from.optional_text()? {
        scope = scope.with_schema_url(url.to_owned());
    }
    let count = from.length()?;
    let attributes = many(from, count, key_value)?;
    Some(scope.with_attributes(attributes).build())
}

fn context(from: &mut Reader<'_, '_>) -> Option<SpanContext> {
    let trace_id = TraceId::from_bytes(from.array()?);
    let span_id = SpanId::from_bytes(from.array()?);
    let flags = TraceFlags::new(from.byte()?);
    let is_remote = from.byte()? != 0;
    let count = usize::from(from.byte()?);
    let state = if count == 0 {
        TraceState::NONE
    } else {
        let pairs = many(from, count, |from| Some((from.text()?, from.text()?)))?;
        TraceState::from_key_value(pairs).unwrap_or_default()
    };
    Some(SpanContext::new(trace_id, span_id, flags, is_remote, state))
}

fn attributes(from: &mut Reader<'_, '_>) -> Option<(Vec<KeyValue>, u32)> {
    let count = from.length()?;
    let attributes = many(from, count, key_value)?;
    Some((attributes, u32::from_le_bytes(from.array()?)))
}

fn key_value(from: &mut Reader<'_, '_>) -> Option<KeyValue> {
    let length = from.length()?;
    let name = from.bytes(length)?;
    let key = from.names.key(name)?;
    Some(KeyValue::new(key, value(from)?))
}

/// Takes a value with its type in front.
fn value(from: &mut Reader<'_, '_>) -> Option<Value> {
    Some(match from.byte()? {
        tag::BOOL => Value::Bool(from.byte()? != 0),
        tag::I64 => Value::I64(i64::from_le_bytes(from.array()?)),
        tag::F64 => Value::F64(f64::from_le_bytes(from.array()?)),
        tag::STRING => Value::String(from.text()?.to_owned().into()),
        tag::BOOLS => {
            let count = from.length()?;
            Value::Array(Array::Bool(many(from, count, |from| {
                Some(from.byte()? != 0)
            })?))
        }
        tag::I64S => {
            let count = from.length()?;
            let items = many(from, count, |from| Some(i64::from_le_bytes(from.array()?)))?;
            Value::Array(Array::I64(items))
        }
        tag::F64S => {
            let count = from.length()?;
            let items = many(from, count, |from| Some(f64::from_le_bytes(from.array()?)))?;
            Value::Array(Array::F64(items))
        }
        tag::STRINGS => {
            let count = from.length()?;
            let items = many(from, count, |from| {
                Some(StringValue::from(from.text()?.to_owned()))
            })?;
            Value::Array(Array::String(items))
        }
        _ => return None,
    })
}

fn time(from: &mut Reader<'_, '_>) -> Option<SystemTime> {
    let nanos = u64::from_le_bytes(from.array()?);
    UNIX_EPOCH.checked_add(Duration::from_nanos(nanos))
}

fn kind(tag: u8) -> Option<SpanKind> {
    Some(match tag {
        tag::CLIENT => SpanKind::Client,
        tag::SERVER => SpanKind::Server,
        tag::PRODUCER => SpanKind::Producer,
        tag::CONSUMER => SpanKind::Consumer,
        tag::INTERNAL => SpanKind::Internal,
        _ => return None,
    })
}

fn many<'a, 'n, T>(
    from: &mut Reader<'a, 'n>,
    count: usize,
    mut one: impl FnMut(&mut Reader<'a, 'n>) -> Option<T>,
) -> Option<Vec<T>> {
    // Every item takes at least one byte: a larger count is no count of ours.
    if count > from.rest.len() {
        return None;
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(one(from)?);
    }
    Some(items)
}

/// What is left to read, and the names known so far.
struct Reader<'a, 'n> {
    rest: &'a [u8],
    names: &'n mut Names,
}

impl<'a, 'n> Reader<'a, 'n> {
    fn new(rest: &'a [u8], names: &'n mut Names) -> Self {
        Self { rest, names }
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    fn optional_text(&mut self) -> Option<Option<&'a str>> {
        match self.byte()? {
            0 => Some(None),
            _ => self.text().map(Some),
        }
    }
}
