//! Spans as bytes: how they cross from the request's thread to the pipeline's.
//!
//! A span holds some fifteen small allocations. Freed on another thread than the one
//! that made them, they cost the maker: glibc's per-thread caches run dry. Written into
//! one reused buffer they are freed at home, and what crosses over is a single block of
//! memory. The format lives only between two threads of one process and of one version,
//! so it has no version and no checks beyond its own length fields.

mod names;
mod read;
mod write;

pub(crate) use names::Names;
pub(crate) use read::{read, read_attributes};
pub(crate) use write::{write, write_attribute};

/// The bytes that say what follows.
mod tag {
    pub(super) const UNSET: u8 = 0;
    pub(super) const OK: u8 = 1;
    pub(super) const ERROR: u8 = 2;

    pub(super) const INTERNAL: u8 = 0;
    pub(super) const SERVER: u8 = 1;
    pub(super) const CLIENT: u8 = 2;
    pub(super) const PRODUCER: u8 = 3;
    pub(super) const CONSUMER: u8 = 4;

    pub(super) const BOOL: u8 = 0;
    pub(super) const I64: u8 = 1;
    pub(super) const F64: u8 = 2;
    pub(super) const STRING: u8 = 3;
    pub(super) const BOOLS: u8 = 4;
    pub(super) const I64S: u8 = 5;
    pub(super) const F64S: u8 = 6;
    pub(super) const STRINGS: u8 = 7;
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use opentelemetry::trace::{
        Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
    };
    use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
    use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

    use super::*;

    /// A span in which every field differs from its default.
    fn full() -> SpanData {
        let state = TraceState::from_key_value([("ot", "th:c;rv:0123456789abcd"), ("v", "x")]);
        let mut events = SpanEvents::default();
        events.events.push(Event::new(
            "exception",
            UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_007),
            vec![KeyValue::new("exception.type", "E")],
            3,
        ));
        events.dropped_count = 4;
        let mut links = SpanLinks::default();
        links.links.push(Link::new(
            SpanContext::new(
                TraceId::from(7),
                SpanId::from(8),
                TraceFlags::new(3),
                true,
                TraceState::default(),
            ),
            vec![KeyValue::new("sentry.link.type", "http")],
            5,
        ));
        links.dropped_count = 6;
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(0x1234),
                SpanId::from(0x56),
                TraceFlags::SAMPLED,
                false,
                state.unwrap(),
            ),
            parent_span_id: SpanId::from(0x78),
            parent_span_is_remote: true,
            span_kind: SpanKind::Server,
            name: "tools/call größe".into(),
            start_time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001),
            end_time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_002),
            attributes: vec![
                KeyValue::new("s", "text"),
                KeyValue::new("b", true),
                KeyValue::new("i", -5_i64),
                KeyValue::new("f", 1.5),
                KeyValue::new("bs", Value::Array(Array::Bool(vec![true, false]))),
                KeyValue::new("is", Value::Array(Array::I64(vec![1, i64::MIN]))),
                KeyValue::new("fs", Value::Array(Array::F64(vec![0.25]))),
                KeyValue::new(
                    "ss",
                    Value::Array(Array::String(vec!["a".into(), "".into()])),
                ),
            ],
            dropped_attributes_count: 2,
            events,
            links,
            status: Status::error("it broke"),
            instrumentation_scope: InstrumentationScope::builder("app")
                .with_version("1.2")
                .with_schema_url("https://example.com/schema")
                .with_attributes([KeyValue::new("k", 1_i64)])
                .build(),
        }
    }

    #[test]
    fn a_span_comes_back_as_it_was() {
        let mut second = full();
        second.status = Status::Ok;
        second.span_kind = SpanKind::Consumer;
        second.instrumentation_scope = InstrumentationScope::default();
        second.attributes.clear();
        let mut buffer = Vec::new();
        write(&full(), &mut buffer);
        write(&second, &mut buffer);

        let mut rest = buffer.as_slice();
        let names = &mut Names::default();
        assert_eq!(read(&mut rest, names), Some(full()));
        assert_eq!(read(&mut rest, names), Some(second));
        assert_eq!(read(&mut rest, names), None);
        assert!(rest.is_empty());
    }

    #[test]
    fn a_cut_buffer_ends_the_reading_without_panic() {
        let mut buffer = Vec::new();
        write(&full(), &mut buffer);
        for end in 0..buffer.len() {
            let read = read(&mut &buffer[..end], &mut Names::default());
            assert_eq!(read, None, "cut at {end}");
        }
    }

    #[test]
    fn a_changed_byte_never_panics() {
        let mut buffer = Vec::new();
        write(&full(), &mut buffer);
        let mut read_back = 0;
        for at in 0..buffer.len() {
            let mut changed = buffer.clone();
            changed[at] ^= 0xff;
            let read = read(&mut changed.as_slice(), &mut Names::default());
            read_back += usize::from(read.is_some());
        }
        // Most bytes are content, which may take any value.
        assert!(read_back > 0);
    }
}
