use super::*;
use crate::convert::testing::{TRACE_ID, span};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};
use proptest::prelude::*;

fn defaults() -> DscDefaults {
    DscDefaults::new("0123456789abcdef")
        .with_org_id("42")
        .with_release("app@1.2.3")
        .with_environment("test")
}

fn root(trace_id: u128, ot: Option<&str>, attributes: Vec<KeyValue>) -> SpanData {
    let state = match ot {
        Some(ot) => TraceState::from_key_value([("ot", ot)]).unwrap(),
        None => TraceState::NONE,
    };
    let ids = (TraceId::from(trace_id), SpanId::from(1));
    SpanData {
        span_context: SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, false, state),
        name: "POST /mcp".into(),
        attributes,
        ..span(1, 0)
    }
}

#[test]
fn built_from_a_root_as_the_envelopes_header() {
    let root = root(TRACE_ID, None, vec![KeyValue::new("sampling.rate", 0.25)]);
    let json = serde_json::to_value(DynamicSamplingContext::of_root(&root, &defaults()));
    // R is 0x48_eb21_1c80_319c, which a rate of 0.25 would not keep, so `sample_rand` is
    // clamped below it.
    let expected = serde_json::json!({
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "public_key": "0123456789abcdef",
        "sample_rate": "0.25",
        "sample_rand": "0.249999",
        "sampled": "true",
        "release": "app@1.2.3",
        "environment": "test",
        "org_id": "42",
        "transaction": "POST /mcp",
    });
    assert_eq!(json.unwrap(), expected);
}

#[test]
fn where_the_rate_comes_from() {
    let noted = |rate: Value| vec![KeyValue::new("sampling.rate", rate)];
    let full = "th:8;rv:ffffffffffffff";
    for (ot, attributes, rate) in [
        (None, vec![], None),
        (None, noted(0.05.into()), Some("0.05")),
        (None, noted(1.0.into()), Some("1")),
        (None, noted(0.0.into()), None),
        (None, noted(f64::NAN.into()), None),
        (None, noted("0.5".into()), None),
        (Some(full), vec![], Some("0.5")),
        (Some(full), noted(0.75.into()), Some("0.75")),
        (Some("th:0"), vec![], Some("1")),
        (Some("th:ffffffffffffff;rv:00000000000000"), vec![], None),
    ] {
        let root = root(TRACE_ID, ot, attributes.clone());
        let dsc = DynamicSamplingContext::of_root(&root, &defaults());
        assert_eq!(dsc.get("sample_rate"), rate, "{ot:?} {attributes:?}");
        assert_eq!(dsc.get("sampled"), Some("true"));
        let rand: f64 = dsc.get("sample_rand").unwrap().parse().unwrap();
        let rate = rate.map_or(1.0, |rate| rate.parse().unwrap());
        assert!((0.0..rate).contains(&rand), "{rand} {rate}");
    }
}

#[test]
fn a_frozen_context_wins_and_stays_as_it_came() {
    let frozen = "sentry-trace_id=x,sentry-replay_id=a%2Cb";
    for (text, expected) in [(frozen, frozen), ("", ""), ("%%%,=,;", "")] {
        let attributes = vec![
            KeyValue::new("sampling.rate", 0.5),
            KeyValue::new(DSC_ATTRIBUTE, text),
        ];
        let root = root(TRACE_ID, None, attributes);
        let dsc = DynamicSamplingContext::of_root(&root, &defaults());
        assert_eq!(dsc.to_baggage(), expected);
        assert!(!dsc.is_sendable());
    }
    let wrong = [KeyValue::new(DSC_ATTRIBUTE, 7_i64)];
    assert_eq!(DynamicSamplingContext::from_attributes(&wrong), None);
    assert_eq!(DynamicSamplingContext::from_attributes(&[]), None);
}

#[test]
fn sendable_with_a_trace_and_a_key() {
    let dsc = DynamicSamplingContext::new().with("trace_id", "1");
    assert!(!dsc.is_sendable());
    assert!(dsc.with("public_key", "k").is_sendable());
}

#[test]
fn baggage_table() {
    for (headers, expected) in [
        (vec![], None),
        (vec!["a=b"], None),
        (vec!["sentry-a=b"], Some(vec![("a", "b")])),
        (vec!["sentry-a=1,sentry-a=2"], Some(vec![("a", "1")])),
        (
            vec!["x=y, sentry-a = 1 ;p=q", "sentry-b=%C3%A9"],
            Some(vec![("a", "1"), ("b", "é")]),
        ),
        (vec!["sentry-a,sentry-b=1"], Some(vec![("b", "1")])),
        (vec!["sentry-a=%FF"], None),
        (vec!["Sentry-a=1"], None),
    ] {
        let dsc = DynamicSamplingContext::from_baggage(headers.iter().copied());
        let found = dsc.as_ref().map(|dsc| dsc.iter().collect::<Vec<_>>());
        assert_eq!(found, expected, "{headers:?}");
    }
}

#[test]
fn decimals() {
    for (ppm, text) in [
        (0, "0"),
        (1, "0.000001"),
        (50_000, "0.05"),
        (999_999, "0.999999"),
        (1_000_000, "1"),
    ] {
        assert_eq!(decimal(ppm), text);
        assert_eq!(
            text.parse::<f64>().ok().and_then(randomness::to_ppm),
            Some(ppm)
        );
    }
}

#[test]
fn a_frozen_context_is_of_its_trace_only() {
    let dsc = DynamicSamplingContext::new().with("trace_id", "1");
    let ours = span(1, 0).span_context;
    let cx = Context::new().with_value(FrozenDsc::new(ours.trace_id(), &dsc));
    assert_eq!(FrozenDsc::attribute(&cx), None, "no span");
    let with_ours = cx.with_remote_span_context(ours);
    let attribute = FrozenDsc::attribute(&with_ours).unwrap();
    assert_eq!(
        DynamicSamplingContext::from_attributes(&[attribute]),
        Some(dsc)
    );
    let other = root(7, None, vec![]).span_context;
    assert_eq!(
        FrozenDsc::attribute(&cx.with_remote_span_context(other)),
        None
    );
}

proptest! {
    #[test]
    fn any_values_survive_baggage(
        values in proptest::collection::vec(("[a-z_]{1,12}", any::<String>()), 1..9),
    ) {
        let dsc = values
            .iter()
            .fold(DynamicSamplingContext::new(), |dsc, (key, value)| {
                dsc.with(key.clone(), value.clone())
            });
        let header = dsc.to_baggage();
        prop_assert!(header.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
        if header.len() <= baggage::MAX_BYTES {
            let read = DynamicSamplingContext::from_baggage([header.as_str()]);
            prop_assert_eq!(read, Some(dsc));
        }
    }

    #[test]
    fn the_invariant_of_sentry_holds(
        trace_id in 1..u128::MAX,
        rate in 0.000_001..=1.0_f64,
    ) {
        let root = root(trace_id, None, vec![KeyValue::new("sampling.rate", rate)]);
        let dsc = DynamicSamplingContext::of_root(&root, &defaults());
        prop_assert!(dsc.ppm("sample_rand").unwrap() < dsc.ppm("sample_rate").unwrap());
    }
}

#[test]
fn organizations() {
    for (host, org) in [
        ("o1234.ingest.sentry.io", Some("1234")),
        ("o1.ingest.us.sentry.io", Some("1")),
        ("ingest.sentry.io", None),
        ("o.sentry.io", None),
        ("office.example.com", None),
        ("127.0.0.1", None),
        ("o12", None),
    ] {
        assert_eq!(organization(host), org, "{host}");
    }
}

#[test]
fn a_trace_that_is_kept_at_its_end_says_so() {
    for (baggage, expected) in [
        (
            "sentry-trace_id=t,sentry-sample_rate=0.25,sentry-sampled=true,sentry-transaction=a",
            Some("sentry-trace_id=t,sentry-sample_rate=1,sentry-sampled=true,sentry-transaction=a"),
        ),
        (
            "sentry-trace_id=t",
            Some("sentry-trace_id=t,sentry-sample_rate=1,sentry-sampled=true"),
        ),
        ("sentry-trace_id=t,sentry-sampled=false", None),
        ("", None),
    ] {
        let mut root = root(
            1,
            None,
            vec![KeyValue::new(DSC_ATTRIBUTE, baggage), KeyValue::new("a", 1)],
        );
        keep_whole(&mut root);
        let left = DynamicSamplingContext::from_attributes(&root.attributes);
        assert_eq!(
            left.map(|dsc| dsc.to_baggage()).as_deref(),
            expected,
            "{baggage}"
        );
        assert!(root.attributes.iter().any(|it| it.key.as_str() == "a"));
        keep_whole(&mut root);
        let still = DynamicSamplingContext::from_attributes(&root.attributes);
        assert_eq!(
            still.map(|dsc| dsc.to_baggage()).as_deref(),
            expected,
            "twice is once"
        );
    }
}
