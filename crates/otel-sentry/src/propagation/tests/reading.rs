//! What comes in.

use super::*;

#[test]
fn w3c_goes_before_sentry() {
    let sentry_trace = format!("{OTHER}-2222222222222222-0");
    let baggage = format!("sentry-trace_id={OTHER},sentry-sample_rate=0.5,tenant=a");
    let cx = extract(
        &propagator(),
        &[
            ("Traceparent", &w3c("03")),
            ("tracestate", "ot=th:c;rv:ffffffffffffff,v=1"),
            ("sentry-trace", &sentry_trace),
            ("baggage", &baggage),
        ],
    );
    assert_eq!(parent(&cx), (TRACE.into(), SPAN.into(), 3));
    let span = cx.span();
    assert!(span.span_context().is_remote());
    assert_eq!(
        span.span_context().trace_state().header(),
        "ot=th:c;rv:ffffffffffffff,v=1"
    );
    // The entries of another trace say nothing of this one.
    assert_eq!(FrozenDsc::from_context(&cx), None);
    let sentry = cx.get::<TracePropagationContext>().unwrap();
    assert_eq!(sentry.sentry_trace_header(), format!("{TRACE}-{SPAN}-1"));
    assert_eq!(cx.baggage().len(), 1);
    assert_eq!(cx.baggage().get("tenant").unwrap().as_str(), "a");
}

#[test]
fn sentry_alone_is_a_parent_with_its_random_number_and_rate() {
    let baggage = format!(
        "sentry-trace_id={TRACE},sentry-sample_rand=0.123456,sentry-sample_rate=0.25,\
         sentry-sampled=true"
    );
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let cx = extract(
        &propagator(),
        &[("sentry-trace", &sentry_trace), ("baggage", &baggage)],
    );
    assert_eq!(parent(&cx), (TRACE.into(), SPAN.into(), 1));
    let frozen = FrozenDsc::from_context(&cx).unwrap();
    assert_eq!(frozen.baggage(), baggage);
    let context = cx.span().span_context().clone();
    let randomness = randomness::randomness(&context);
    assert_eq!(randomness::sample_rand(randomness), 123_456);
    assert_eq!(randomness::rate(&context), Some(250_000));
}

#[test]
fn the_decision_of_sentry_is_kept() {
    for (suffix, flags) in [("-1", 1), ("-0", 0), ("", 1)] {
        let header = format!("{TRACE}-{SPAN}{suffix}");
        let cx = extract(&propagator(), &[("sentry-trace", &header)]);
        assert_eq!(parent(&cx), (TRACE.into(), SPAN.into(), flags), "{suffix}");
        let frozen = FrozenDsc::from_context(&cx).expect("frozen, though empty");
        assert_eq!(frozen.baggage(), "");
        let attribute = FrozenDsc::attribute(&cx).unwrap();
        let dsc = DynamicSamplingContext::from_attributes(&[attribute]).unwrap();
        assert!(dsc.is_empty());
        assert!(!inject(&propagator(), &cx).contains_key("baggage"));
    }
}

#[test]
fn a_decision_left_to_us_is_made_at_the_given_rate() {
    let header = format!("{TRACE}-{SPAN}");
    let with_rand = |rand: &str| format!("sentry-trace_id={TRACE},sentry-sample_rand={rand}");
    let propagator = propagator().with_deferred_rate(0.25);
    for (rand, sampled) in [("0.249999", true), ("0.25", false), ("0.9", false)] {
        let cx = extract(
            &propagator,
            &[("sentry-trace", &header), ("baggage", &with_rand(rand))],
        );
        assert_eq!(cx.span().span_context().is_sampled(), sampled, "{rand}");
        let baggage = FrozenDsc::from_context(&cx).unwrap().baggage();
        let dsc = DynamicSamplingContext::from_baggage([baggage]).unwrap();
        assert_eq!(dsc.get("sample_rate"), Some("0.25"));
        assert_eq!(dsc.get("sample_rand"), Some(rand));
        assert_eq!(
            dsc.get("sampled"),
            Some(if sampled { "true" } else { "false" })
        );
        let rate = randomness::rate(cx.span().span_context());
        assert_eq!(rate, sampled.then_some(250_000));
    }
    // No rate changes nothing.
    let unchanged = propagator
        .with_deferred_rate(f64::NAN)
        .with_deferred_rate(7.0);
    let cx = extract(
        &unchanged,
        &[("sentry-trace", &header), ("baggage", &with_rand("0.9"))],
    );
    assert!(!cx.span().span_context().is_sampled());
}

#[test]
fn entries_of_sentry_beside_w3c_are_frozen() {
    let baggage = format!("sentry-trace_id={TRACE},sentry-public_key=k");
    let cx = extract(
        &propagator(),
        &[("traceparent", &w3c("01")), ("baggage", &baggage)],
    );
    assert_eq!(FrozenDsc::from_context(&cx).unwrap().baggage(), baggage);
    // Without a parent they are of nothing.
    let cx = extract(&propagator(), &[("baggage", &baggage)]);
    assert!(!cx.span().span_context().is_valid());
    assert!(cx.get::<FrozenDsc>().is_none());
    // Without their trace they are of Sentry's header's.
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let anonymous = ("baggage", "sentry-public_key=k");
    let cx = extract(&propagator(), &[("sentry-trace", &sentry_trace), anonymous]);
    assert_eq!(FrozenDsc::from_context(&cx).unwrap().baggage(), anonymous.1);
    let cx = extract(&propagator(), &[("traceparent", &w3c("01")), anonymous]);
    assert_eq!(FrozenDsc::from_context(&cx), None);
}

#[test]
fn malformed_headers_count_as_absent() {
    let good_sentry = format!("{TRACE}-{SPAN}-1");
    let good = w3c("01");
    // The other header serves.
    let cx = extract(
        &propagator(),
        &[
            ("traceparent", "00-nonsense"),
            ("sentry-trace", &good_sentry),
        ],
    );
    assert_eq!(parent(&cx).0, TRACE);
    let cx = extract(
        &propagator(),
        &[("traceparent", &good), ("sentry-trace", "nonsense")],
    );
    assert_eq!(parent(&cx).0, TRACE);
    // Two parents are none.
    let cx = extract(
        &propagator(),
        &[("traceparent", &good), ("traceparent", &good)],
    );
    assert!(!cx.span().span_context().is_valid());
    assert!(cx.get::<TracePropagationContext>().is_none());
}

#[test]
fn a_context_stays_where_nothing_comes_in() {
    let outer = extract(
        &propagator(),
        &[("traceparent", &w3c("01")), ("baggage", "a=1")],
    );
    let inner = propagator().extract_with_context(&outer, &Headers::default());
    assert_eq!(parent(&inner), parent(&outer));
    assert_eq!(inner.baggage().len(), 1);
}

#[test]
fn a_frozen_context_of_an_outer_trace_is_not_of_an_inner_one() {
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let baggage = format!("sentry-trace_id={TRACE},sentry-public_key=theirs");
    let outer = extract(
        &propagator(),
        &[("sentry-trace", &sentry_trace), ("baggage", &baggage)],
    );
    let headers = Headers::of(&[("traceparent", &format!("00-{OTHER}-{SPAN}-01"))]);
    let inner = propagator().extract_with_context(&outer, &headers);
    assert_eq!(FrozenDsc::attribute(&inner), None);
    let out = inject(&propagator(), &inner);
    assert!(out["baggage"].contains("sentry-public_key=0123456789abcdef"));
    assert!(!out["baggage"].contains("theirs"));
}

#[test]
fn organizations() {
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let parent = w3c("01");
    for (incoming, own, lax, strict) in [
        (Some("1"), Some("1"), true, true),
        (None, Some("1"), true, false),
        (Some("1"), None, true, false),
        (None, None, true, true),
        (Some("1"), Some("2"), false, false),
    ] {
        let org = incoming.map_or(String::new(), |org| format!(",sentry-org_id={org}"));
        let baggage = format!("sentry-trace_id={TRACE}{org}");
        let own = match own {
            Some(own) => defaults().with_org_id(own),
            None => defaults(),
        };
        for (is_strict, expected) in [(false, lax), (true, strict)] {
            let propagator = TracePropagator::new()
                .with_dsc_defaults(own.clone())
                .with_strict_continuation(is_strict);
            for headers in [
                vec![("sentry-trace", sentry_trace.as_str())],
                vec![("sentry-trace", &sentry_trace), ("traceparent", &parent)],
                vec![("traceparent", &parent)],
            ] {
                let mut headers = headers;
                headers.push(("baggage", &baggage));
                let cx = extract(&propagator, &headers);
                let continued = cx.span().span_context().is_valid();
                assert_eq!(
                    continued, expected,
                    "{incoming:?} {own:?} {is_strict} {headers:?}"
                );
                assert_eq!(cx.get::<FrozenDsc>().is_some(), expected);
            }
            // W3C alone is not asked.
            let cx = extract(&propagator, &[("traceparent", &parent)]);
            assert!(cx.span().span_context().is_valid());
        }
    }
}

#[test]
fn the_sentry_sdk_is_told_the_organization() {
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let baggage = format!("sentry-trace_id={TRACE},sentry-org_id=42");
    let headers = [
        ("sentry-trace", sentry_trace.as_str()),
        ("baggage", &baggage),
    ];
    let cx = extract(&propagator(), &headers);
    let expected = TracePropagationContext::try_from_headers(headers).unwrap();
    assert_eq!(cx.get::<TracePropagationContext>(), Some(&expected));
}
