//! What goes out.

use super::*;

#[test]
fn a_trace_that_begins_here_says_so() {
    let context = SpanContext::new(
        TraceId::from_hex(TRACE).unwrap(),
        SpanId::from_hex(SPAN).unwrap(),
        TraceFlags::SAMPLED,
        false,
        TraceState::from_key_value([("ot", "th:c;rv:ffffffffffffff")]).unwrap(),
    );
    let cx = Context::new()
        .with_remote_span_context(context)
        .with_baggage([
            KeyValue::new("tenant", "a b"),
            KeyValue::new("app", "x"),
            KeyValue::new("sentry-trace_id", "never twice"),
        ]);
    let out = inject(&propagator(), &cx);
    let expected = [
        ("traceparent", w3c("01")),
        ("tracestate", "ot=th:c;rv:ffffffffffffff".to_owned()),
        ("sentry-trace", format!("{TRACE}-{SPAN}-1")),
        (
            "baggage",
            format!(
                "sentry-trace_id={TRACE},sentry-public_key=0123456789abcdef,\
                 sentry-sample_rate=0.25,sentry-sample_rand=0.000000,sentry-sampled=true,\
                 sentry-release=app%401.2.3,app=x,tenant=a%20b"
            ),
        ),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(out, HashMap::from(expected));
    // Without what the process says of itself, nothing is begun.
    let out = inject(&TracePropagator::new(), &cx);
    assert_eq!(out["baggage"], "app=x,tenant=a%20b");
}

#[test]
fn without_a_span_only_baggage_goes_out() {
    assert!(inject(&propagator(), &Context::new()).is_empty());
    let cx = Context::new().with_baggage([KeyValue::new("a", "1")]);
    let out = inject(&propagator(), &cx);
    assert_eq!(
        out,
        HashMap::from([("baggage".to_owned(), "a=1".to_owned())])
    );
}

#[test]
fn properties_of_baggage_are_kept_if_they_can_be() {
    let cx = extract(&propagator(), &[("baggage", "a=1;p;q=r,b=2;ü")]);
    let out = inject(&propagator(), &cx);
    assert_eq!(out["baggage"], "a=1;p;q=r,b=2");
}

#[test]
fn formats_are_switched_each() {
    let sentry_trace = format!("{OTHER}-{SPAN}-1");
    let baggage = format!("a=1,sentry-trace_id={OTHER}");
    let headers = [
        ("traceparent", w3c("01")),
        ("sentry-trace", sentry_trace),
        ("baggage", baggage),
    ];
    let headers: Vec<_> = headers
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    for bits in 0..8_u8 {
        let on = |bit: u8| bits & bit != 0;
        let formats = Formats::none()
            .with_tracecontext(on(1))
            .with_baggage(on(2))
            .with_sentry(on(4));
        let propagator = propagator().with_formats(formats);
        let cx = extract(&propagator, &headers);
        let expected = match (on(1), on(4)) {
            (true, _) => Some(TRACE),
            (false, true) => Some(OTHER),
            (false, false) => None,
        };
        let found = parent(&cx).0;
        assert_eq!(
            found,
            expected.map_or("0".repeat(32), str::to_owned),
            "{bits:03b}"
        );
        // With Sentry off its entries are foreign as any.
        let foreign = match (on(2), on(4)) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        assert_eq!(cx.baggage().len(), foreign, "{bits:03b}");

        let out = inject(&propagator, &cx);
        let span = expected.is_some();
        assert_eq!(out.contains_key("traceparent"), on(1) && span, "{bits:03b}");
        assert_eq!(
            out.contains_key("sentry-trace"),
            on(4) && span,
            "{bits:03b}"
        );
        assert_eq!(out.contains_key("baggage"), on(2) || on(4), "{bits:03b}");
        for key in out.keys() {
            assert!(
                propagator.fields().any(|field| field == key),
                "{key} {bits:03b}"
            );
        }
    }
    assert_eq!(propagator().fields().count(), 4);
}

#[test]
fn headers_go_out_within_their_limits() {
    let state: Vec<_> = (0..32)
        .map(|n| (format!("k{n}"), "x".repeat(200)))
        .collect();
    let context = SpanContext::new(
        TraceId::from(1),
        SpanId::from(1),
        TraceFlags::SAMPLED,
        false,
        TraceState::from_key_value(state).unwrap(),
    );
    // Each character takes twelve in the header.
    let baggage = (0..60).map(|n| KeyValue::new(format!("k{n:02}"), "日".repeat(40)));
    let cx = Context::new()
        .with_remote_span_context(context)
        .with_baggage(baggage);
    let out = inject(&propagator(), &cx);
    assert!(out["tracestate"].len() <= 512);
    assert!(out["baggage"].len() <= 8_192);
    assert!(
        out["baggage"].starts_with("sentry-trace_id="),
        "Sentry's entries first"
    );
    assert!(out["baggage"].contains("k00="));
}

/// A span below the remote parent in `cx`, as a sampler decided on it.
fn below(cx: &Context, sampled: bool, state: &str) -> Context {
    let parent = cx.span().span_context().clone();
    cx.with_remote_span_context(SpanContext::new(
        parent.trace_id(),
        SpanId::from(7),
        parent.trace_flags().with_sampled(sampled),
        false,
        state.parse().unwrap(),
    ))
}

#[test]
fn what_came_in_holds_as_long_as_its_decision_does() {
    let baggage = |sampled: bool| {
        let (rate, rand) = ("0.25", if sampled { "0.1" } else { "0.9" });
        format!(
            "sentry-trace_id={TRACE},sentry-sample_rate={rate},sentry-sample_rand={rand},\
             sentry-sampled={sampled},sentry-transaction=theirs"
        )
    };
    for (parent, span, state, expected) in [
        // As the parent.
        (true, true, "ot=th:c;rv:f0000000000000", Some("0.25")),
        (true, true, "", Some("0.25")),
        (false, false, "", Some("0.25")),
        // Kept at a higher rate than the parent's: theirs but for the rate.
        (true, true, "ot=th:0;rv:f0000000000000", Some("1")),
        (true, true, "ot=th:8;rv:f0000000000000", Some("0.5")),
        // Overruled: our own.
        (false, true, "ot=th:0", None),
        (true, false, "", None),
    ] {
        let sentry_trace = format!("{TRACE}-{SPAN}-{}", u8::from(parent));
        let incoming = baggage(parent);
        let cx = extract(
            &propagator(),
            &[("sentry-trace", &sentry_trace), ("baggage", &incoming)],
        );
        let cx_of_span = below(&cx, span, state);
        let out = inject(&propagator(), &cx_of_span);
        let dsc = DynamicSamplingContext::from_baggage([out["baggage"].as_str()]).unwrap();
        let name = format!("{parent} {span} {state}: {}", out["baggage"]);
        let at_root = FrozenDsc::attribute_for(&cx, cx_of_span.span().span_context())
            .map(|attribute| DynamicSamplingContext::from_attributes(&[attribute]).unwrap());
        match expected {
            Some(rate) => {
                assert_eq!(dsc.get("sample_rate"), Some(rate), "{name}");
                let theirs = extract(
                    &propagator(),
                    &[("sentry-trace", &sentry_trace), ("baggage", &incoming)],
                );
                let theirs = FrozenDsc::from_context(&theirs)
                    .unwrap()
                    .baggage()
                    .to_owned();
                let theirs = DynamicSamplingContext::from_baggage([theirs.as_str()]).unwrap();
                for key in ["trace_id", "sample_rand", "sampled", "transaction"] {
                    assert_eq!(dsc.get(key), theirs.get(key), "{name}");
                }
                assert_eq!(at_root, Some(dsc), "{name}");
            }
            None => {
                assert_eq!(dsc.get("public_key"), Some("0123456789abcdef"), "{name}");
                assert_eq!(dsc.get("transaction"), None, "{name}");
                let sampled = if span { "true" } else { "false" };
                assert_eq!(dsc.get("sampled"), Some(sampled), "{name}");
                assert_eq!(dsc.get("sample_rate"), span.then_some("1"), "{name}");
                assert_eq!(at_root, None, "{name}");
            }
        }
        assert!(out["sentry-trace"].ends_with(if span { "-1" } else { "-0" }));
    }
}
