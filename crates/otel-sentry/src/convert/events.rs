//! Span events in the order of their times, and as breadcrumbs.
//!
//! Source: Sentry's "Breadcrumbs Interface"; what Relay keeps of one: 8,192 bytes of message and
//! 2,048 of data.

use std::time::SystemTime;

use opentelemetry::trace::Event;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use sentry::Level;
use sentry::protocol::{Breadcrumb, Map, Value as Json};

use super::data::{Scalar, storable, text};
use super::repair::moment;
use super::{cut_bytes, exception};

/// The most breadcrumbs of one payload; the last ones stay.
const MAX_BREADCRUMBS: usize = 100;
/// The most that the breadcrumbs of one payload take, as JSON.
const MAX_BYTES: usize = 100_000;
/// Messages are cut at so many bytes.
const MAX_MESSAGE_BYTES: usize = 1_024;
/// Values that would make the data larger than this are left out.
const MAX_DATA_BYTES: usize = 2_048;
/// The category of what is neither an exception nor an event of `tracing`.
const CATEGORY: &str = "otel.event";

/// An event on its span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occurrence<'a> {
    pub(crate) span: &'a SpanData,
    pub(crate) event: &'a Event,
}

/// The events of all these spans, the earliest first. Without events it costs a look at each span.
pub(crate) fn timeline<'a>(spans: impl Iterator<Item = &'a SpanData>) -> Vec<Occurrence<'a>> {
    let mut found = Vec::new();
    for span in spans.filter(|span| !span.events.events.is_empty()) {
        let events = span.events.events.iter();
        found.extend(events.map(|event| Occurrence { span, event }));
    }
    found.sort_by_key(|it| it.event.timestamp);
    found
}

/// The level and the target of an event that tracing-opentelemetry made: it begins with both.
pub(crate) fn of_tracing(event: &Event) -> Option<(&Value, &Value)> {
    match event.attributes.as_slice() {
        [level, target, ..] if level.key.as_str() == "level" && target.key.as_str() == "target" => {
            Some((&level.value, &target.value))
        }
        _ => None,
    }
}

/// The last of these events as breadcrumbs, the earliest first.
pub(crate) fn breadcrumbs(events: &[Occurrence<'_>], now: SystemTime) -> Vec<Breadcrumb> {
    let mut room = MAX_BYTES;
    let last = events.iter().rev().take(MAX_BREADCRUMBS);
    let mut crumbs: Vec<_> = last
        .map(|it| breadcrumb(it.event, now))
        .map_while(|crumb| {
            // One more for the comma.
            room = room.checked_sub(bytes(&crumb) + 1)?;
            Some(crumb)
        })
        .collect();
    crumbs.reverse();
    crumbs
}

/// What these breadcrumbs take of a payload, at most.
pub(crate) fn payload_bytes(crumbs: &[Breadcrumb]) -> usize {
    match crumbs {
        [] => 0,
        crumbs => crumbs.iter().map(|crumb| bytes(crumb) + 1).sum::<usize>() + 32,
    }
}

fn bytes(crumb: &Breadcrumb) -> usize {
    serde_json::to_vec(crumb).map_or(0, |json| json.len())
}

fn breadcrumb(event: &Event, now: SystemTime) -> Breadcrumb {
    let timestamp = moment(event.timestamp, now);
    if exception::is_exception(event) {
        let data = data(&event.attributes, |key| !exception::is_field(key));
        let message = exception::title(event);
        return Breadcrumb {
            timestamp,
            ty: "error".to_owned(),
            category: Some("exception".to_owned()),
            level: Level::Error,
            message: Some(cut_bytes(&message, MAX_MESSAGE_BYTES).to_owned()),
            data,
        };
    }
    let made = of_tracing(event);
    let skipped = if made.is_some() { 2 } else { 0 };
    let attributes = event.attributes.get(skipped..).unwrap_or_default();
    let category = made.map_or_else(|| CATEGORY.into(), |(_, target)| text(target));
    Breadcrumb {
        timestamp,
        category: Some(cut_bytes(&category, MAX_MESSAGE_BYTES).to_owned()),
        level: made.map_or(Level::Info, |(value, _)| level(value)),
        message: Some(cut_bytes(&event.name, MAX_MESSAGE_BYTES).to_owned()),
        data: data(attributes, |_| true),
        ..Breadcrumb::default()
    }
}

/// A level as tracing-opentelemetry writes it.
fn level(value: &Value) -> Level {
    match text(value).as_ref() {
        "ERROR" => Level::Error,
        "WARN" => Level::Warning,
        "INFO" => Level::Info,
        _ => Level::Debug,
    }
}

/// The attributes that fit.
pub(crate) fn data(attributes: &[KeyValue], takes: impl Fn(&str) -> bool) -> Map<String, Json> {
    let mut room = MAX_DATA_BYTES;
    let mut data = Map::new();
    for KeyValue { key, value, .. } in storable(attributes) {
        let key = key.as_str();
        let limit = MAX_DATA_BYTES;
        if !takes(key) {
            continue;
        }
        let Ok(value) = serde_json::to_value(Scalar { value, limit }) else {
            continue;
        };
        let bytes = key.len() + value.as_str().map_or(25, str::len) + 6;
        if let Some(left) = room.checked_sub(bytes) {
            room = left;
            data.insert(key.to_owned(), value);
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use opentelemetry::Array;
    use serde_json::json;

    use super::*;
    use crate::convert::testing::{at, attributes, now, span};

    fn event(name: &'static str, micros: u64, attributes: Vec<KeyValue>) -> Event {
        Event::new(name, at(micros), attributes, 0)
    }

    fn only(event: Event) -> Breadcrumb {
        let mut span = span(1, 0);
        span.events.events = vec![event];
        let mut crumbs = breadcrumbs(&timeline([&span].into_iter()), now());
        assert_eq!(crumbs.len(), 1);
        crumbs.remove(0)
    }

    #[test]
    fn a_plain_event() {
        let mut pairs = attributes(&[("cache", "warm")]);
        pairs.push(KeyValue::new("size", 3_i64));
        pairs.push(KeyValue::new("bad", f64::NAN));
        let list = Value::Array(Array::I64(vec![1, 2]));
        pairs.push(KeyValue::new("hosts", list));
        let crumb = only(event("cache hit", 7, pairs));
        assert_eq!(crumb.message.as_deref(), Some("cache hit"));
        assert_eq!(crumb.category.as_deref(), Some("otel.event"));
        assert_eq!((crumb.ty.as_str(), crumb.level), ("default", Level::Info));
        assert_eq!(crumb.timestamp, at(7));
        let data = json!({"cache": "warm", "size": 3, "hosts": "[1,2]"});
        assert_eq!(json!(crumb.data), data);
    }

    #[test]
    fn an_event_of_tracing_has_its_level_and_target() {
        for (written, expected) in [
            ("ERROR", Level::Error),
            ("WARN", Level::Warning),
            ("INFO", Level::Info),
            ("TRACE", Level::Debug),
        ] {
            let pairs = attributes(&[("level", written), ("target", "app::db"), ("rows", "7")]);
            let crumb = only(event("queried", 0, pairs));
            assert_eq!(crumb.level, expected);
            assert_eq!(crumb.category.as_deref(), Some("app::db"));
            assert_eq!(json!(crumb.data), json!({"rows": "7"}));
        }
        let crumb = only(event("queried", 0, attributes(&[("level", "ERROR")])));
        assert_eq!(crumb.level, Level::Info);
        assert_eq!(json!(crumb.data), json!({"level": "ERROR"}));
    }

    #[test]
    fn an_exception_is_an_error() {
        let pairs = attributes(&[
            ("exception.type", "Timeout"),
            ("exception.message", "too slow"),
            ("exception.stacktrace", "at main"),
            ("peer", "splunk"),
        ]);
        let crumb = only(event("exception", 0, pairs));
        assert_eq!(crumb.message.as_deref(), Some("Timeout: too slow"));
        assert_eq!((crumb.ty.as_str(), crumb.level), ("error", Level::Error));
        assert_eq!(json!(crumb.data), json!({"peer": "splunk"}));
    }

    #[test]
    fn times_that_cannot_be_are_set_right() {
        let mut crumb = event("late", 0, Vec::new());
        crumb.timestamp = now() + std::time::Duration::from_secs(3_600);
        assert_eq!(only(crumb.clone()).timestamp, now());
        crumb.timestamp = SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
        assert_eq!(only(crumb).timestamp, SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn the_last_events_of_all_spans_stay_in_the_order_of_their_times() {
        let (mut one, mut two) = (span(1, 0), span(2, 1));
        for number in 0..150 {
            let to = if number % 2 == 0 { &mut one } else { &mut two };
            to.events
                .events
                .push(event("step", 1_000 - number, Vec::new()));
        }
        let all = timeline([&one, &two].into_iter());
        let crumbs = breadcrumbs(&all, now());
        assert_eq!(crumbs.len(), MAX_BREADCRUMBS);
        assert_eq!(crumbs[0].timestamp, at(1_000 - 99));
        assert_eq!(crumbs[99].timestamp, at(1_000));
        assert!(crumbs.is_sorted_by_key(|crumb| crumb.timestamp));
        assert!(timeline([&span(3, 0)].into_iter()).is_empty());
    }

    #[test]
    fn large_events_are_cut_and_take_no_more_than_their_share() {
        let long = "\u{1}".repeat(MAX_DATA_BYTES - 100);
        let pairs = vec![
            KeyValue::new("small", 1_i64),
            KeyValue::new("second", long.clone()),
            KeyValue::new("first", long),
        ];
        let name = "n".repeat(5_000);
        let mut span = span(1, 0);
        span.events.events = (0..MAX_BREADCRUMBS)
            .map(|_| Event::new(name.clone(), at(0), pairs.clone(), 0))
            .collect();
        let crumbs = breadcrumbs(&timeline([&span].into_iter()), now());
        let keys: Vec<_> = crumbs[0].data.keys().map(String::as_str).collect();
        assert_eq!(keys, ["first", "small"]);
        assert_eq!(
            crumbs[0].message.as_ref().map(String::len),
            Some(MAX_MESSAGE_BYTES)
        );
        let bytes = payload_bytes(&crumbs);
        assert!(crumbs.len() < MAX_BREADCRUMBS && bytes > MAX_BYTES / 2);
        assert!(bytes <= MAX_BYTES + 32);
        assert!(serde_json::to_vec(&crumbs).unwrap().len() + 30 <= bytes);
    }
}
