//! An `exception` event on a span as an error event.
//!
//! Source: OpenTelemetry's "Semantic conventions for exceptions on spans", and Sentry's "Exception
//! Interface".

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::Event as SpanEvent;
use opentelemetry::{Array, Value};
use sentry::Level;
use sentry::integrations::backtrace::parse_stacktrace;
use sentry::protocol::{
    Breadcrumb, Context, Event, Exception, Map, Mechanism, Stacktrace, TraceContext,
};

use super::cut_bytes;
use super::data::text;
use super::events::{Occurrence, data};
use super::repair::moment;

/// The name that such an event must have.
const NAME: &str = "exception";
const TYPE: &str = "exception.type";
const MESSAGE: &str = "exception.message";
const STACKTRACE: &str = "exception.stacktrace";
const ESCAPED: &str = "exception.escaped";

/// The type of an exception that names none, as `record_error` makes it.
const NO_TYPE: &str = "Error";
/// Relay keeps so many characters of a type, and bytes of a value and of an additional value.
const MAX_TYPE_BYTES: usize = 256;
const MAX_VALUE_BYTES: usize = 8_192;
const MAX_EXTRA_BYTES: usize = 16_000;
/// As much of a stack trace is read.
const MAX_STACKTRACE_BYTES: usize = 64 * 1024;
/// Numbers with more digits than this do not fit the SDK's reader of stack traces.
const MAX_DIGITS: usize = 18;

/// Whether this is an exception, of which something is known.
pub(crate) fn is_exception(event: &SpanEvent) -> bool {
    event.name == NAME && (found(event, TYPE).is_some() || found(event, MESSAGE).is_some())
}

/// Whether the attribute became a field of the error event.
pub(crate) fn is_field(key: &str) -> bool {
    [TYPE, MESSAGE, STACKTRACE, ESCAPED].contains(&key)
}

/// The exception's type and text, as far as they are known.
pub(crate) fn title(event: &SpanEvent) -> String {
    match (found(event, TYPE), found(event, MESSAGE)) {
        (Some(ty), Some(message)) => format!("{ty}: {message}"),
        (one, other) => one.or(other).unwrap_or_default().into_owned(),
    }
}

/// What tells this error from others: its text, or its type where it has none.
pub(crate) fn key(event: &SpanEvent) -> Cow<'_, str> {
    let found = found(event, MESSAGE).or_else(|| found(event, TYPE));
    found.unwrap_or_default()
}

/// The error event of an exception on a span.
pub(crate) fn error_event(
    at: Occurrence<'_>,
    breadcrumbs: Vec<Breadcrumb>,
    now: SystemTime,
) -> Event<'static> {
    let Occurrence { span, event } = at;
    let cut = |text: Cow<'_, str>, max| cut_bytes(&text, max).to_owned();
    let stack = found(event, STACKTRACE);
    let stacktrace = stack.as_deref().and_then(frames);
    let ty = found(event, TYPE).unwrap_or(NO_TYPE.into());
    let exception = Exception {
        ty: cut(ty, MAX_TYPE_BYTES),
        value: found(event, MESSAGE).map(|value| cut(value, MAX_VALUE_BYTES)),
        mechanism: Some(Mechanism {
            ty: "generic".to_owned(),
            handled: escaped(event).map(|escaped| !escaped),
            ..Mechanism::default()
        }),
        ..Exception::default()
    };
    let trace = TraceContext {
        trace_id: span.span_context.trace_id().to_bytes().into(),
        span_id: span.span_context.span_id().to_bytes().into(),
        ..TraceContext::default()
    };
    let mut made = Event {
        level: Level::Error,
        timestamp: moment(event.timestamp, now),
        platform: "native".into(),
        exception: vec![Exception {
            stacktrace,
            ..exception
        }]
        .into(),
        breadcrumbs: breadcrumbs.into(),
        ..Event::default()
    };
    made.contexts.insert("trace".to_owned(), trace.into());
    let attributes = data(&event.attributes, |key| !is_field(key));
    if !attributes.is_empty() {
        let attributes = attributes.into_iter().collect::<serde_json::Map<_, _>>();
        let otel = Map::from_iter([("attributes".to_owned(), attributes.into())]);
        let otel = Context::Other(otel);
        made.contexts.insert("otel".to_owned(), otel);
    }
    let has_frames = |it: &Exception| it.stacktrace.is_some();
    if let Some(stack) = stack.filter(|_| !made.exception.values.iter().any(has_frames)) {
        let stack = cut(stack, MAX_EXTRA_BYTES).into();
        made.extra.insert(STACKTRACE.to_owned(), stack);
    }
    made
}

/// An attribute's value as text; the last one counts.
fn found<'a>(event: &'a SpanEvent, key: &str) -> Option<Cow<'a, str>> {
    let value = value(event, key)?;
    let text = match value {
        Value::Array(Array::String(lines)) => {
            let lines: Vec<_> = lines.iter().map(AsRef::as_ref).collect();
            Cow::Owned(lines.join("\n"))
        }
        other => text(other),
    };
    (!text.is_empty()).then_some(text)
}

fn value<'a>(event: &'a SpanEvent, key: &str) -> Option<&'a Value> {
    let mut attributes = event.attributes.iter().rev();
    let pair = attributes.find(|pair| pair.key.as_str() == key)?;
    Some(&pair.value)
}

/// Whether the exception left its span, where that is known.
fn escaped(event: &SpanEvent) -> Option<bool> {
    match value(event, ESCAPED)? {
        Value::Bool(escaped) => Some(*escaped),
        other => text(other).parse().ok(),
    }
}

/// The frames of a stack trace as Rust writes it; other languages' stay text.
fn frames(stack: &str) -> Option<Stacktrace> {
    let stack = cut_bytes(stack, MAX_STACKTRACE_BYTES);
    // The SDK's reader takes any line for a function's name.
    let is_rusts = stack.lines().any(|it| it.trim_start().starts_with("0: "));
    let mut numbers = stack.split(|c: char| !c.is_numeric());
    let fits = numbers.all(|number| number.len() <= MAX_DIGITS);
    (is_rusts && fits).then(|| parse_stacktrace(stack))?
}

#[cfg(test)]
mod tests {
    use opentelemetry::{KeyValue, StringValue};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::convert::testing::{at, attributes, now, span};

    fn made(pairs: Vec<KeyValue>) -> Json {
        let span = span(7, 1);
        let event = SpanEvent::new(NAME, at(5), pairs, 0);
        let at = Occurrence {
            span: &span,
            event: &event,
        };
        let crumb = Breadcrumb {
            message: Some("before".to_owned()),
            ..Breadcrumb::default()
        };
        serde_json::to_value(error_event(at, vec![crumb], now())).unwrap()
    }

    #[test]
    fn everything_in_its_place() {
        let mut pairs = attributes(&[
            ("exception.type", "app::Timeout"),
            ("exception.message", "too slow"),
            ("exception.stacktrace", "File \"main.py\", line 3"),
            ("peer", "splunk"),
        ]);
        pairs.push(KeyValue::new("exception.escaped", true));
        let json = made(pairs);
        let exception = json!([{
            "type": "app::Timeout",
            "value": "too slow",
            "mechanism": { "type": "generic", "handled": false },
        }]);
        assert_eq!(json["exception"]["values"], exception);
        let trace = json!({
            "type": "trace",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": "0000000000000007",
        });
        assert_eq!(json["contexts"]["trace"], trace);
        assert_eq!(
            json["contexts"]["otel"]["attributes"],
            json!({"peer": "splunk"})
        );
        assert_eq!(json["platform"], "native");
        assert_eq!(json["timestamp"], json!(1_795_435_200.000_005));
        assert_eq!(json["breadcrumbs"]["values"][0]["message"], "before");
        let stack = &json["extra"]["exception.stacktrace"];
        assert_eq!(stack, "File \"main.py\", line 3");
    }

    #[test]
    fn whether_it_was_handled_is_said_where_it_is_known() {
        for (escaped, handled) in [
            (Some(Value::from(true)), json!(false)),
            (Some(Value::from(false)), json!(true)),
            (Some(Value::from("true")), json!(false)),
            (Some(Value::from("perhaps")), Json::Null),
            (None, Json::Null),
        ] {
            let mut pairs = attributes(&[("exception.message", "m")]);
            pairs.extend(escaped.map(|it| KeyValue::new(ESCAPED, it)));
            let mechanism = &made(pairs)["exception"]["values"][0]["mechanism"];
            assert_eq!(mechanism["handled"], handled);
        }
    }

    #[test]
    fn what_record_error_writes_is_enough_and_nothing_is_not() {
        let json = made(attributes(&[("exception.message", "it broke")]));
        let exception = &json["exception"]["values"][0];
        assert_eq!(
            (&exception["type"], &exception["value"]),
            (&json!("Error"), &json!("it broke"))
        );
        assert!(json["contexts"].get("otel").is_none() && json.get("extra").is_none());
        for (name, pairs, expected) in [
            ("exception", &[("exception.message", "m")][..], true),
            ("exception", &[("exception.type", "t")], true),
            ("exception", &[("exception.message", "")], false),
            ("exception", &[], false),
            ("failed", &[("exception.message", "m")], false),
        ] {
            let event = SpanEvent::new(name, at(0), attributes(pairs), 0);
            assert_eq!(is_exception(&event), expected, "{name} {pairs:?}");
        }
    }

    #[test]
    fn a_backtrace_of_rust_has_frames() {
        let backtrace = "   0: app::search\n             at src/search.rs:12:5\n   \
            1: app::main\n             at src/main.rs:3:1\n";
        let pairs = [("exception.type", "E"), ("exception.stacktrace", backtrace)];
        let json = made(attributes(&pairs));
        let frames = &json["exception"]["values"][0]["stacktrace"]["frames"];
        assert_eq!(frames[1]["function"], "app::search");
        assert_eq!(frames[1]["lineno"], 12);
        assert!(json.get("extra").is_none());
    }

    #[test]
    fn odd_stack_traces_stay_text() {
        let huge = format!("   0: app::f\n      at src/f.rs:{}:1\n", "9".repeat(30));
        for stack in [huge.as_str(), "nonsense", "\u{0}"] {
            let pairs = vec![
                KeyValue::new(TYPE, "E"),
                KeyValue::new(STACKTRACE, stack.to_owned()),
            ];
            let json = made(pairs);
            assert_eq!(json["extra"]["exception.stacktrace"], stack);
        }
        let lines = ["a", "b"].map(StringValue::from).to_vec();
        let lines = KeyValue::new(STACKTRACE, Value::Array(lines.into()));
        let json = made(vec![KeyValue::new(TYPE, "E"), lines]);
        assert_eq!(json["extra"]["exception.stacktrace"], "a\nb");
    }

    #[test]
    fn large_texts_are_cut() {
        let long = "é".repeat(50_000);
        let pairs = [TYPE, MESSAGE, STACKTRACE, "more"].map(|key| KeyValue::new(key, long.clone()));
        let json = made(pairs.to_vec());
        let exception = &json["exception"]["values"][0];
        let bytes = |value: &Json| value.as_str().unwrap().len();
        assert_eq!(bytes(&exception["type"]), MAX_TYPE_BYTES);
        assert_eq!(bytes(&exception["value"]), MAX_VALUE_BYTES);
        assert_eq!(
            bytes(&json["extra"]["exception.stacktrace"]),
            MAX_EXTRA_BYTES
        );
        assert!(json.to_string().len() < 40_000);
    }
}
