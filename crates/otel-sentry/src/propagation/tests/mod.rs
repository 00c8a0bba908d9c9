//! The propagator over whole sets of headers.

mod reading;
mod w3c;
mod writing;

use std::collections::HashMap;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use proptest::prelude::*;
use sentry::TracePropagationContext;

use super::randomness;
use super::{DscDefaults, DynamicSamplingContext, Formats, FrozenDsc, TracePropagator};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const OTHER: &str = "11111111111111111111111111111111";

/// Headers that may come more than once, as HTTP's may.
#[derive(Debug, Default)]
struct Headers(Vec<(String, String)>);

impl Headers {
    fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        Self(pairs.iter().map(owned).collect())
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key)?.first().copied()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| key.as_str()).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let matching = self
            .0
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(key));
        let values: Vec<_> = matching.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then_some(values)
    }
}

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

fn defaults() -> DscDefaults {
    DscDefaults::new("0123456789abcdef").with_release("app@1.2.3")
}

fn propagator() -> TracePropagator {
    TracePropagator::new().with_dsc_defaults(defaults())
}

fn extract(propagator: &TracePropagator, pairs: &[(&str, &str)]) -> Context {
    propagator.extract_with_context(&Context::new(), &Headers::of(pairs))
}

fn inject(propagator: &TracePropagator, cx: &Context) -> HashMap<String, String> {
    let mut headers = Headers::default();
    propagator.inject_context(cx, &mut headers);
    let count = headers.0.len();
    let map: HashMap<_, _> = headers.0.into_iter().collect();
    assert_eq!(map.len(), count, "each header is set once");
    map
}

/// Trace id, span id and flags of the context's span.
fn parent(cx: &Context) -> (String, String, u8) {
    let span = cx.span();
    let context = span.span_context();
    (
        context.trace_id().to_string(),
        context.span_id().to_string(),
        context.trace_flags().to_u8(),
    )
}

fn w3c(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

proptest! {
    #[test]
    fn what_goes_out_comes_in(
        trace in 1..u128::MAX,
        span in 1..u64::MAX,
        flags in 0..4_u8,
        release in "[ -~]{0,30}",
        foreign in proptest::collection::btree_map("[a-z]{1,8}", "[!-~é日]{0,20}", 0..8),
    ) {
        let sent = SpanContext::new(
            TraceId::from(trace),
            SpanId::from(span),
            TraceFlags::new(flags),
            true,
            TraceState::from_key_value([("ot", "th:c")]).unwrap(),
        );
        let pairs = foreign.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let cx = Context::new().with_remote_span_context(sent.clone()).with_baggage(pairs);
        let propagator = TracePropagator::new()
            .with_dsc_defaults(defaults().with_release(release.clone()));

        let first = inject(&propagator, &cx);
        let received = propagator.extract_with_context(&Context::new(), &first);
        prop_assert_eq!(received.span().span_context().clone(), sent.clone());
        for (key, value) in &foreign {
            prop_assert_eq!(received.baggage().get(key).unwrap().as_str(), value.as_str());
        }
        prop_assert_eq!(received.baggage().len(), foreign.len());
        let frozen = FrozenDsc::from_context(&received).unwrap();
        let dsc = DynamicSamplingContext::from_baggage([frozen.baggage()]).unwrap();
        prop_assert_eq!(dsc.get("release"), Some(release.as_str()));

        // Passed on, nothing changes.
        prop_assert_eq!(&inject(&propagator, &received), &first);

        // By Sentry's header alone, the ids and the decision survive.
        let sentry = propagator.with_formats(Formats::none().with_sentry(true));
        let received = sentry.extract_with_context(&Context::new(), &first);
        let received = received.span().span_context().clone();
        prop_assert_eq!(received.trace_id(), sent.trace_id());
        prop_assert_eq!(received.span_id(), sent.span_id());
        prop_assert_eq!(received.is_sampled(), sent.is_sampled());
    }

    #[test]
    fn garbage_never_panics(
        traceparent in prop_oneof![any::<String>(), Just(w3c("01"))],
        tracestate in any::<String>(),
        sentry_trace in prop_oneof![any::<String>(), Just(format!("{TRACE}-{SPAN}"))],
        baggage in prop_oneof![
            any::<String>(),
            "(sentry-(trace_id|sample_rate|sample_rand|org_id|x)=[0-9.eE%a-f-]{0,12}[,;=]?){0,6}",
        ],
    ) {
        let propagator = propagator();
        let headers = [
            ("traceparent", traceparent.as_str()),
            ("tracestate", &tracestate),
            ("sentry-trace", &sentry_trace),
            ("baggage", &baggage),
        ];
        let cx = extract(&propagator, &headers);
        let out = inject(&propagator, &cx);
        for (key, value) in &out {
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{key}: {value}");
        }
        let found = cx.span().span_context().is_valid();
        prop_assert_eq!(out.contains_key("traceparent"), found);
    }
}
