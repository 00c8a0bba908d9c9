//! Spans with fixed ids and times for the tests of this crate.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::contexts::Resource;
use super::transaction::Service;

/// The trace of every span made here.
pub(crate) const TRACE_ID: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

/// 2026-11-23 12:00:00 UTC and `micros` more.
pub(crate) fn at(micros: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_435_200_000_000 + micros)
}

/// A moment after every span made here.
pub(crate) fn now() -> SystemTime {
    at(60_000_000)
}

/// A finished sampled span of a millisecond, beginning `id` milliseconds after [`at`] 0, or less
/// for a large id.
pub(crate) fn span(id: u64, parent: u64) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(TRACE_ID),
            SpanId::from(id),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: SpanId::from(parent),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "work".into(),
        start_time: at(id % 50_000 * 1_000),
        end_time: at(id % 50_000 * 1_000 + 1_000),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

/// Keys and values of text attributes.
pub(crate) type Pairs<'a> = &'a [(&'static str, &'static str)];

/// Text attributes.
pub(crate) fn attributes(pairs: Pairs<'_>) -> Vec<KeyValue> {
    pairs
        .iter()
        .map(|(key, value)| KeyValue::new(*key, *value))
        .collect()
}

/// What every payload in the tests says.
pub(crate) fn service(resource: &Resource) -> Service<'_> {
    Service {
        release: Some("app@1.2.3"),
        environment: Some("test"),
        server_name: Some("host-1"),
        resource,
        sdk_name: "sentry.rust.otel",
        sdk_version: "0.1.0",
    }
}

/// Any text, often of characters that need escaping. Not by a regular expression, which would be
/// parsed anew for each text.
fn any_text(max: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        select(vec![
            'a', ' ', '"', '\\', '\n', '\t', '\u{0}', '\u{1}', '\u{1f}', '\u{7f}', 'é'
        ]),
        any::<char>(),
    ];
    vec(character, 0..=max).prop_map(String::from_iter)
}

/// Any attribute: every kind of value, and strings that need escaping.
fn any_attribute() -> impl Strategy<Value = KeyValue> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text(40).prop_map(Value::from),
        (0..3_000_usize).prop_map(|len| Value::from("x".repeat(len))),
        vec(any_text(9).prop_map(StringValue::from), 0..4)
            .prop_map(|items| Value::Array(items.into())),
        vec(any::<f64>(), 0..4).prop_map(|items| Value::Array(items.into())),
        vec(any::<i64>(), 0..4).prop_map(|items| Value::Array(items.into())),
        vec(any::<bool>(), 0..4).prop_map(|items| Value::Array(items.into())),
    ];
    let key = prop_oneof![
        any_text(12),
        (198..204_usize).prop_map(|len| "z".repeat(len)),
        select(&KEYS[..]).prop_map(str::to_owned)
    ];
    (key, value).prop_map(|(key, value)| KeyValue::new(key, value))
}

/// Keys that the tables know.
const KEYS: [&str; 14] = [
    "sentry.op",
    "sentry.origin",
    "sentry.status",
    "sentry.description",
    "sentry.custom_span_name",
    "sentry.source",
    "sentry.dsc",
    "sentry.kind",
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "url.full",
    "db.system",
    "db.query.text",
];

/// Any span, good or bad, with the given id.
pub(crate) fn any_span(id: u64) -> impl Strategy<Value = SpanData> {
    let kind = select(vec![
        SpanKind::Internal,
        SpanKind::Client,
        SpanKind::Server,
        SpanKind::Producer,
        SpanKind::Consumer,
    ]);
    let status = prop_oneof![
        Just(Status::Unset),
        Just(Status::Ok),
        any_text(20).prop_map(Status::error),
        Just(Status::error("\u{1}".repeat(50))),
    ];
    let link = (any::<u64>(), vec(any_attribute(), 0..20))
        .prop_map(|(id, attributes)| Link::new(span(id, 0).span_context, attributes, 0));
    (
        (any_text(30), kind, status, 0..100_000_u64, 0..100_000_u64),
        vec(any_attribute(), 0..20),
        vec(link, 0..3),
    )
        .prop_map(
            move |((name, kind, status, start, end), attributes, links)| {
                let mut span = SpanData {
                    name: name.into(),
                    span_kind: kind,
                    status,
                    start_time: at(start),
                    end_time: at(end),
                    attributes,
                    ..span(id, 1)
                };
                span.links.links = links;
                span
            },
        )
}
