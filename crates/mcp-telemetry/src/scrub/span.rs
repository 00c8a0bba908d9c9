//! Sanitizing a span, once, in front of all sinks.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, Status, TraceState};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;
use otel_pipeline::Scrub;
use telemetry_sanitizer::Sanitizer;

use super::{changed, name_changed};
use crate::attributes as names;

/// Cleans everything of a span that can hold text: name, attributes and their names, events,
/// links, status, `tracestate`, and what its tracer is called.
///
/// What [`init`](crate::init) puts in front of all sinks; for a pipeline of one's own it goes
/// into [`PipelineBuilder::with_scrub`](otel_pipeline::PipelineBuilder::with_scrub).
///
/// ```
/// use mcp_telemetry::SpanSanitizer;
/// use mcp_telemetry::otel_pipeline::PipelineProcessor;
/// use mcp_telemetry::telemetry_sanitizer::Sanitizer;
///
/// let pipeline = PipelineProcessor::builder()
///     .with_scrub(SpanSanitizer::new(Sanitizer::default()))
///     .build()?;
/// # drop(pipeline);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpanSanitizer(Sanitizer);

impl SpanSanitizer {
    /// Cleans by the rules of `sanitizer`.
    #[must_use]
    pub fn new(sanitizer: Sanitizer) -> Self {
        Self(sanitizer)
    }
}

impl Scrub for SpanSanitizer {
    fn scrub(&mut self, span: &mut SpanData) {
        sanitize_span(&self.0, span);
    }

    /// What is clean depends on nothing else of a span.
    fn scrub_inherited(&mut self, inherited: &mut Vec<KeyValue>) -> bool {
        attributes(&self.0, inherited);
        true
    }
}

/// Cleans everything of a span that can hold text.
pub(crate) fn sanitize_span(sanitizer: &Sanitizer, span: &mut SpanData) {
    text(sanitizer, &mut span.name);
    attributes(sanitizer, &mut span.attributes);
    trace_state(sanitizer, &mut span.span_context);
    scope(sanitizer, &mut span.instrumentation_scope);
    for event in &mut span.events.events {
        text(sanitizer, &mut event.name);
        attributes(sanitizer, &mut event.attributes);
    }
    for link in &mut span.links.links {
        attributes(sanitizer, &mut link.attributes);
        trace_state(sanitizer, &mut link.span_context);
    }
    if let Status::Error { description } = &mut span.status {
        text(sanitizer, description);
    }
}

fn attributes(sanitizer: &Sanitizer, attributes: &mut [KeyValue]) {
    for KeyValue {
        key: name, value, ..
    } in attributes
    {
        let key = name.as_str();
        match value {
            Value::String(old) => {
                if let Some(new) = string(sanitizer, key, old.as_str()) {
                    *old = StringValue::from(new);
                }
            }
            Value::Array(Array::String(items)) => {
                for old in items {
                    if let Some(new) = string(sanitizer, key, old.as_str()) {
                        *old = StringValue::from(new);
                    }
                }
            }
            // A number or truth value under a secret's name, such as a PIN.
            other if sanitizer.is_sensitive_key(key) => {
                let new = sanitizer.value(key, "0").into_owned();
                *other = Value::String(StringValue::from(new));
            }
            _ => {}
        }
        if let Some(new) = name_changed(sanitizer, key) {
            *name = Key::from(new);
        }
    }
}

/// Cleans what other vendors have written into `tracestate`. What has gone to other processes
/// in headers is another copy.
fn trace_state(sanitizer: &Sanitizer, context: &mut SpanContext) {
    let is_clean = |(key, value): (&str, &str)| {
        name_changed(sanitizer, key).is_none()
            && changed(sanitizer.value(key, value), value).is_none()
    };
    if context.trace_state().into_iter().all(is_clean) {
        return;
    }
    let members = context.trace_state().into_iter();
    let members = members.filter(|(key, _)| name_changed(sanitizer, key).is_none());
    let members = members.map(|(key, value)| (key, sanitizer.value(key, value)));
    // The marker may stand in a member; were anything else wrong, none would stay.
    let state = TraceState::from_key_value(members).unwrap_or_default();
    *context = SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags(),
        context.is_remote(),
        state,
    );
}

/// Cleans what a tracer is called and says about itself.
fn scope(sanitizer: &Sanitizer, scope: &mut InstrumentationScope) {
    let is_unclean = |text: &str| changed(sanitizer.text(text), text).is_some();
    let texts = [Some(scope.name()), scope.version(), scope.schema_url()];
    let has_attributes = scope.attributes().next().is_some();
    if !has_attributes && !texts.into_iter().flatten().any(is_unclean) {
        return;
    }
    let mut pairs: Vec<KeyValue> = scope.attributes().cloned().collect();
    attributes(sanitizer, &mut pairs);
    let clean = |text: &str| sanitizer.text(text).into_owned();
    let mut builder = InstrumentationScope::builder(clean(scope.name())).with_attributes(pairs);
    if let Some(version) = scope.version() {
        builder = builder.with_version(clean(version));
    }
    if let Some(url) = scope.schema_url() {
        builder = builder.with_schema_url(clean(url));
    }
    *scope = builder.build();
}

/// The clean text, where it differs.
fn string(sanitizer: &Sanitizer, key: &str, old: &str) -> Option<String> {
    let clean = match key {
        names::URL_FULL => sanitizer.url(old),
        _ => sanitizer.value(key, old),
    };
    changed(clean, old)
}

fn text(sanitizer: &Sanitizer, old: &mut Cow<'static, str>) {
    if let Some(new) = changed(sanitizer.text(old), old) {
        *old = Cow::Owned(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampling_context_passes_unharmed() {
        let dsc = "sentry-trace_id=0af7651916cd43dd8448eb211c80319c,\
            sentry-public_key=0123456789abcdef0123456789abcdef,sentry-sample_rate=0.25,\
            sentry-sampled=true,sentry-transaction=POST%20%2Fmcp";
        assert_eq!(string(&Sanitizer::default(), "sentry.dsc", dsc), None);
    }

    #[test]
    fn own_trace_state_stays_and_that_of_others_is_cleaned() {
        let context = |members: &[(&str, &str)]| {
            let state = TraceState::from_key_value(members.iter().copied()).unwrap();
            SpanContext::new(1.into(), 2.into(), Default::default(), true, state)
        };
        let own = [
            ("ot", "th:c;rv:6e6d1a75832a2f"),
            ("vendor", "00f067aa0ba902b7"),
        ];
        for (members, clean) in [
            (
                &own[..],
                "ot=th:c;rv:6e6d1a75832a2f,vendor=00f067aa0ba902b7",
            ),
            (&[], ""),
            (
                &[
                    own[0],
                    ("password", "hunter2"),
                    ("a", "Bearer abcdefghijklmnopqrstuvwxyz"),
                ],
                "ot=th:c;rv:6e6d1a75832a2f,password=***REDACTED***,a=Bearer ***REDACTED***",
            ),
        ] {
            let mut context = context(members);
            trace_state(&Sanitizer::default(), &mut context);
            assert_eq!(context.trace_state().header(), clean);
            assert!(context.is_valid() && context.is_remote());
        }
    }

    #[test]
    fn names_of_attributes_are_cleaned_too() {
        let mut pairs = [
            KeyValue::new("gen_ai.prompt.variable.token=abc", "x"),
            KeyValue::new("http.request.header.X-Api-Version", "1"),
        ];
        attributes(&Sanitizer::default(), &mut pairs);
        let names = pairs.map(|pair| pair.key.to_string());
        assert_eq!(names[0], "gen_ai.prompt.variable.token=***REDACTED***");
        assert_eq!(names[1], "http.request.header.X-Api-Version");
    }

    #[test]
    fn a_number_under_a_secrets_name_goes_too() {
        let mut pairs = [
            KeyValue::new("user.password", 1234_i64),
            KeyValue::new("size", 5_i64),
        ];
        attributes(&Sanitizer::default(), &mut pairs);
        assert_eq!(pairs[0].value.as_str(), telemetry_sanitizer::MARKER);
        assert_eq!(pairs[1].value, Value::I64(5));
    }
}
