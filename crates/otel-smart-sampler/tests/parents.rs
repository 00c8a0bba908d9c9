//! What the sampler makes of each kind of parent, asked directly.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use otel_smart_sampler::{
    Decision, DecisionReason, Match, Pattern, RemoteParents, Rule, RuleRate, SampleRate,
    SamplingCounts, SmartSampler,
};

/// The randomness is 2^55: kept at rates from one half on.
const TRACE: u128 = 0x1111_1111_1111_1111_1180_0000_0000_0000;

fn sampler() -> SmartSampler {
    SmartSampler::builder()
        .base_rate(SampleRate::new(0.5).unwrap())
        .rule(
            Rule::new("never")
                .name(Pattern::exact("never"))
                .rate(RuleRate::Never),
        )
        .rule(
            Rule::new("low".to_owned())
                .name(Pattern::exact("low"))
                .rate(SampleRate::new(0.25).unwrap()),
        )
        .rule(
            Rule::new("keep")
                .attribute("keep", Match::present())
                .rate(RuleRate::Always)
                .keep_despite_parent(),
        )
        .rule(
            Rule::new("keep low")
                .name(Pattern::prefix("low"))
                .keep_despite_parent()
                .rate(RuleRate::TimesBase(0.5)),
        )
        .rule(
            Rule::new("twice")
                .name(Pattern::glob("tw*e"))
                .rate(RuleRate::TimesBase(4.0)),
        )
        .build()
        .unwrap()
}

fn parent(remote: bool, sampled: bool, trace_state: &str) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(TRACE),
        SpanId::from(7),
        TraceFlags::default().with_sampled(sampled),
        remote,
        trace_state.parse().unwrap(),
    ))
}

fn ask(parent: Option<&Context>, name: &str, attributes: &[KeyValue]) -> SamplingResult {
    let trace_id = TraceId::from(TRACE);
    sampler().should_sample(parent, trace_id, name, &SpanKind::Server, attributes, &[])
}

fn dropped(trace_state: &str) -> SamplingResult {
    SamplingResult {
        decision: SamplingDecision::Drop,
        attributes: vec![],
        trace_state: trace_state.parse().unwrap(),
    }
}

fn kept(rule: &'static str, rate: Option<f64>, trace_state: &str) -> SamplingResult {
    let mut attributes = vec![KeyValue::new("sampling.rule", rule)];
    attributes.extend(rate.map(|rate| KeyValue::new("sampling.rate", rate)));
    SamplingResult {
        decision: SamplingDecision::RecordAndSample,
        attributes,
        trace_state: trace_state.parse().unwrap(),
    }
}

#[test]
fn roots_go_by_the_first_matching_rule_and_else_by_the_base_rate() {
    let keep = [KeyValue::new("keep", true)];
    assert_eq!(ask(None, "other", &[]), kept("base", Some(0.5), "ot=th:8"));
    assert_eq!(ask(None, "never", &keep), dropped(""));
    assert_eq!(ask(None, "low", &keep), dropped(""));
    assert_eq!(ask(None, "x", &keep), kept("keep", Some(1.0), "ot=th:0"));
    assert_eq!(ask(None, "twice", &[]), kept("twice", Some(1.0), "ot=th:0"));
}

#[test]
fn an_invalid_parent_is_no_parent() {
    for (trace, span) in [(TRACE, 0), (0, 7), (0, 0)] {
        let context = Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from(trace),
            SpanId::from(span),
            TraceFlags::default(),
            true,
            "ot=rv:00000000000000".parse().unwrap(),
        ));
        let result = ask(Some(&context), "other", &[]);
        assert_eq!(result, kept("base", Some(0.5), "ot=th:8"));
    }
    assert_eq!(
        ask(Some(&Context::new()), "other", &[]),
        kept("base", Some(0.5), "ot=th:8")
    );
}

#[test]
fn a_span_with_the_invalid_trace_id_is_dropped() {
    let sampler = SmartSampler::builder().build().unwrap();
    let counts = SamplingCounts::new(&sampler);
    let result = sampler.with_observer(counts.clone()).should_sample(
        None,
        TraceId::INVALID,
        "x",
        &SpanKind::Internal,
        &[],
        &[],
    );
    assert_eq!(result, dropped(""));
    assert!(counts.snapshot().iter().all(|count| count.seen == 0));
}

#[test]
fn local_parents_are_followed_and_nothing_is_touched() {
    // The threshold contradicts the flags; but repairing is the local root's business.
    for trace_state in ["", "ot=th:c;rv:00000000000000,a=1"] {
        let follow = |sampled, name| ask(Some(&parent(false, sampled, trace_state)), name, &[]);
        assert_eq!(follow(false, "twice"), dropped(trace_state));
        let expected = SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            ..dropped(trace_state)
        };
        assert_eq!(follow(true, "never"), expected);
    }
}

#[test]
fn sampled_remote_parents_are_followed() {
    for (before, after) in [
        ("", ""),
        ("a=1,b=2", "a=1,b=2"),
        // Consistent: the randomness of the trace id is 80000000000000.
        ("a=1,ot=th:8;p:1", "a=1,ot=th:8;p:1"),
        ("ot=th:c;rv:d0000000000000", "ot=th:c;rv:d0000000000000"),
        // Contradicts the flag: the threshold goes, the rest stays.
        ("a=1,ot=p:1;th:c", "ot=p:1,a=1"),
        ("ot=th:8;rv:70000000000000", "ot=rv:70000000000000"),
        ("a=1,ot=th:c", "a=1"),
        // Malformed: nothing to judge by.
        ("ot=th:C;rv:1,a=1", "ot=th:C;rv:1,a=1"),
    ] {
        let context = parent(true, true, before);
        assert_eq!(
            ask(Some(&context), "never", &[]),
            kept("parent", None, after)
        );
    }
}

#[test]
fn unsampled_remote_parents_are_followed_and_lose_their_threshold() {
    for (before, after) in [
        ("", ""),
        ("a=1,ot=rv:d0000000000000", "a=1,ot=rv:d0000000000000"),
        ("a=1,ot=th:8;rv:d0000000000000", "ot=rv:d0000000000000,a=1"),
        ("a=1,ot=th:8", "a=1"),
    ] {
        let context = parent(true, false, before);
        assert_eq!(ask(Some(&context), "twice", &[]), dropped(after));
    }
}

#[test]
fn a_rule_may_keep_spans_below_an_unsampled_remote_parent() {
    let keep = [KeyValue::new("keep", 1)];
    let ask = |trace_state, name, attributes: &[KeyValue]| {
        ask(Some(&parent(true, false, trace_state)), name, attributes)
    };
    assert_eq!(ask("", "x", &keep), kept("keep", Some(1.0), "ot=th:0"));
    assert_eq!(
        ask("a=1,ot=p:1;th:f;rv:10000000000000", "x", &keep),
        kept("keep", Some(1.0), "ot=th:0;rv:10000000000000;p:1,a=1")
    );
    // An earlier rule without the flag wins.
    assert_eq!(ask("", "low", &keep), dropped(""));
    // A rate below one: the randomness decides, `rv` before the trace id.
    assert_eq!(ask("ot=th:f", "lower", &[]), dropped(""));
    assert_eq!(
        ask("ot=rv:c0000000000000", "lower", &[]),
        kept("keep low", Some(0.25), "ot=th:c;rv:c0000000000000")
    );
}

/// A span that either of the two would keep was as likely to be kept as the more generous of them
/// says: `th` and rate have to say so, also where the parent is sampled.
#[test]
fn below_a_sampled_parent_the_more_generous_rate_is_told() {
    for (trace_state, name, attributes, expected) in [
        // The parent's rate is not known. Ours is, where it keeps everything.
        ("", "x", "keep", kept("keep", Some(1.0), "ot=th:0")),
        ("a=1", "x", "keep", kept("keep", Some(1.0), "ot=th:0,a=1")),
        ("", "lower", "", kept("parent", None, "")),
        (
            "ot=rv:f0000000000000",
            "lower",
            "",
            kept("parent", None, "ot=rv:f0000000000000"),
        ),
        // Ours is the higher one.
        ("ot=th:4", "x", "keep", kept("keep", Some(1.0), "ot=th:0")),
        (
            "ot=th:e;rv:f0000000000000;p:1",
            "lower",
            "",
            kept("keep low", Some(0.25), "ot=th:c;rv:f0000000000000;p:1"),
        ),
        // The parent's is, or they are the same.
        ("ot=th:0", "x", "keep", kept("parent", None, "ot=th:0")),
        ("ot=th:4", "lower", "", kept("parent", None, "ot=th:4")),
        (
            "ot=th:c;rv:f0000000000000",
            "lower",
            "",
            kept("parent", None, "ot=th:c;rv:f0000000000000"),
        ),
        // Rules without the flag do not take part.
        ("ot=th:4", "low", "", kept("parent", None, "ot=th:4")),
        ("ot=th:4", "twice", "", kept("parent", None, "ot=th:4")),
        // A threshold that contradicts the flag is none.
        ("ot=th:f", "x", "keep", kept("keep", Some(1.0), "ot=th:0")),
        ("ot=th:f", "lower", "", kept("parent", None, "")),
    ] {
        let attributes: &[KeyValue] = match attributes {
            "" => &[],
            key => &[KeyValue::new(key, 1)],
        };
        let context = parent(true, true, trace_state);
        let result = ask(Some(&context), name, attributes);
        assert_eq!(result, expected, "{trace_state} {name} {attributes:?}");
    }
}

#[test]
fn parents_may_always_be_obeyed_or_ignored() {
    let build = |remote_parents| {
        SmartSampler::builder()
            .base_rate(SampleRate::new(0.5).unwrap())
            .rule(
                Rule::new("keep")
                    .name(Pattern::exact("keep"))
                    .rate(RuleRate::Always)
                    .keep_despite_parent(),
            )
            .rule(
                Rule::new("low")
                    .name(Pattern::exact("low"))
                    .rate(SampleRate::new(0.25).unwrap()),
            )
            .remote_parents(remote_parents)
            .record_unsampled(true)
            .build()
            .unwrap()
    };
    let (obey, ignore) = (build(RemoteParents::Obey), build(RemoteParents::Ignore));
    let low_is_recorded = SamplingResult {
        decision: SamplingDecision::RecordOnly,
        attributes: vec![KeyValue::new("sampling.rule", "low")],
        trace_state: TraceState::NONE,
    };
    for (sampled, trace_state, name, if_obeyed, if_ignored) in [
        (
            true,
            "ot=th:4",
            "keep",
            kept("parent", None, "ot=th:4"),
            kept("keep", Some(1.0), "ot=th:0"),
        ),
        (
            true,
            "ot=th:4",
            "low",
            kept("parent", None, "ot=th:4"),
            low_is_recorded.clone(),
        ),
        (
            true,
            "",
            "other",
            kept("parent", None, ""),
            kept("base", Some(0.5), "ot=th:8"),
        ),
        // What the parent drops is not even recorded where it is obeyed.
        (
            false,
            "a=1",
            "keep",
            dropped("a=1"),
            kept("keep", Some(1.0), "ot=th:0,a=1"),
        ),
        (
            false,
            "",
            "other",
            dropped(""),
            kept("base", Some(0.5), "ot=th:8"),
        ),
        (false, "ot=th:4", "low", dropped(""), low_is_recorded),
    ] {
        let context = parent(true, sampled, trace_state);
        let ask = |sampler: &SmartSampler| {
            sampler.should_sample(
                Some(&context),
                TraceId::from(TRACE),
                name,
                &SpanKind::Server,
                &[],
                &[],
            )
        };
        assert_eq!(
            ask(&obey),
            if_obeyed,
            "obeyed: {sampled} {trace_state} {name}"
        );
        assert_eq!(
            ask(&ignore),
            if_ignored,
            "ignored: {sampled} {trace_state} {name}"
        );
    }
}

#[test]
fn observers_hear_of_local_roots_only() {
    type Heard = (String, usize, Option<f64>, bool, DecisionReason);
    let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
    let log = Arc::clone(&heard);
    let sampler = sampler().with_observer(move |decision: &Decision<'_>| {
        log.lock().unwrap().push((
            decision.rule.to_owned(),
            decision.rule_index,
            decision.rate.map(SampleRate::as_f64),
            decision.sampled,
            decision.reason,
        ));
    });
    let ask = |parent: Option<Context>, name: &str, attributes: &[KeyValue]| {
        let trace_id = TraceId::from(TRACE);
        sampler.should_sample(
            parent.as_ref(),
            trace_id,
            name,
            &SpanKind::Server,
            attributes,
            &[],
        );
    };
    ask(None, "never", &[]);
    ask(None, "other", &[]);
    ask(Some(parent(false, true, "")), "other", &[]);
    ask(Some(parent(false, false, "")), "other", &[]);
    ask(Some(parent(true, true, "")), "other", &[]);
    ask(Some(parent(true, false, "")), "other", &[]);
    ask(
        Some(parent(true, false, "")),
        "other",
        &[KeyValue::new("keep", "")],
    );
    ask(Some(parent(true, false, "")), "lower", &[]);

    use DecisionReason::{DespiteRemoteParent, RemoteParent, Root};
    let expected: Vec<Heard> = vec![
        ("never".into(), 0, Some(0.0), false, Root),
        ("base".into(), 5, Some(0.5), true, Root),
        ("parent".into(), 6, None, true, RemoteParent),
        ("parent".into(), 6, None, false, RemoteParent),
        ("keep".into(), 2, Some(1.0), true, DespiteRemoteParent),
        ("keep low".into(), 3, Some(0.25), false, DespiteRemoteParent),
    ];
    assert_eq!(*heard.lock().unwrap(), expected);
}

#[test]
fn counts_add_up_from_many_threads() {
    let sampler = sampler();
    let counts = SamplingCounts::new(&sampler);
    let sampler = sampler.with_observer(counts.clone());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let sampler = sampler.clone();
            scope.spawn(move || {
                for id in 0..1000_u128 {
                    // Every other id has the highest randomness, the others the lowest.
                    let low = if id % 2 == 0 { (1 << 56) - 1 } else { 0 };
                    let trace_id = TraceId::from((id + 1) << 64 | low);
                    let ask = |name| {
                        sampler.should_sample(None, trace_id, name, &SpanKind::Client, &[], &[])
                    };
                    ask("low");
                    ask("never");
                    ask("twice");
                }
            });
        }
    });
    let seen_and_kept: Vec<(String, Option<u32>, u64, u64)> = counts
        .snapshot()
        .into_iter()
        .map(|c| (c.rule, c.rate.map(SampleRate::ppm), c.seen, c.kept))
        .collect();
    let row = |rule: &str, ppm, seen, kept| (rule.to_owned(), ppm, seen, kept);
    assert_eq!(
        seen_and_kept,
        [
            row("never", Some(0), 4000, 0),
            row("low", Some(250_000), 4000, 2000),
            row("keep", Some(1_000_000), 0, 0),
            row("keep low", Some(250_000), 0, 0),
            row("twice", Some(1_000_000), 4000, 4000),
            row("base", Some(500_000), 0, 0),
            row("parent", None, 0, 0),
        ]
    );
}

#[test]
fn the_sampler_is_described_without_its_observer() {
    let text = format!("{:?}", sampler().with_observer(|_: &Decision<'_>| ()));
    assert!(text.contains("\"keep low\""), "{text}");
    assert!(text.contains("observed: true"), "{text}");
    let state: TraceState = "ot=th:0".parse().unwrap();
    assert_eq!(
        ask(None, "x", &[KeyValue::new("keep", 1)]).trace_state,
        state
    );
}
