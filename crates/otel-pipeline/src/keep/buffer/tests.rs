//! What waits, for how long, and what becomes of it.

use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags};

use super::*;

const GRACE: Duration = Duration::from_millis(100);

/// A span of trace 9; parents from 1,000 on are remote.
fn span(id: u64, parent: u64, sampled: bool) -> SpanData {
    let state = if sampled { "ot=th:8" } else { "" };
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(9),
            SpanId::from(id),
            TraceFlags::default().with_sampled(sampled),
            false,
            state.parse().unwrap(),
        ),
        parent_span_id: SpanId::from(parent),
        parent_span_is_remote: parent >= 1_000,
        span_kind: SpanKind::Internal,
        name: id.to_string().into(),
        start_time: UNIX_EPOCH,
        end_time: UNIX_EPOCH + Duration::from_secs(id),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: Status::Unset,
        instrumentation_scope: Default::default(),
    }
}

fn failed(id: u64, parent: u64, sampled: bool) -> SpanData {
    SpanData {
        status: Status::error("no"),
        ..span(id, parent, sampled)
    }
}

fn of_trace(trace: u128, mut span: SpanData) -> SpanData {
    let context = &span.span_context;
    span.span_context = SpanContext::new(
        TraceId::from(trace),
        context.span_id(),
        context.trace_flags(),
        false,
        context.trace_state().clone(),
    );
    span
}

struct Rig {
    buffer: Buffer,
    now: Instant,
    out: Vec<SpanData>,
}

impl Rig {
    fn new(options: KeepOptions) -> Self {
        let mark = |span: &mut SpanData, reason: KeepReason| {
            span.attributes.push(KeyValue::new("kept", reason.as_str()));
        };
        Self {
            buffer: Buffer::new(options, Box::new(mark), Arc::default()),
            now: Instant::now(),
            out: Vec::new(),
        }
    }

    fn errors() -> Self {
        Self::new(KeepOptions::default().with_errors(true))
    }

    fn add(&mut self, spans: impl IntoIterator<Item = SpanData>) -> &mut Self {
        for span in spans {
            self.buffer.add(span, self.now, &mut self.out);
        }
        self
    }

    fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.buffer.due(self.now, &mut self.out);
        self
    }

    /// What came out: ids, whether kept, `th`. Kept ones must be sampled.
    fn out(&mut self) -> Vec<(String, bool, String)> {
        let mut out: Vec<_> = std::mem::take(&mut self.out)
            .into_iter()
            .map(|span| {
                assert!(span.span_context.is_sampled());
                let kept = !span.attributes.is_empty();
                let state = span.span_context.trace_state().header();
                (span.name.to_string(), kept, state)
            })
            .collect();
        out.sort();
        out
    }

    fn assert_empty(&self) {
        let buffer = &self.buffer;
        assert_eq!((buffer.spans, buffer.bytes, buffer.traces.len()), (0, 0, 0));
    }

    fn counted(&self) -> (u64, u64, u64) {
        let counters = &self.buffer.counters;
        let [kept, let_go, early] = [&counters.kept, &counters.let_go, &counters.judged_early];
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        (load(kept), load(let_go), load(early))
    }
}

fn kept(ids: &[u64]) -> Vec<(String, bool, String)> {
    ids.iter()
        .map(|id| (id.to_string(), true, "ot=th:0".to_owned()))
        .collect()
}

fn as_sampled(ids: &[u64]) -> Vec<(String, bool, String)> {
    ids.iter()
        .map(|id| (id.to_string(), false, "ot=th:8".to_owned()))
        .collect()
}

#[test]
fn an_unsampled_trace_with_an_error_is_kept_whole() {
    let mut rig = Rig::errors();
    rig.add([span(3, 2, false), failed(2, 1, false), span(1, 0, false)]);
    assert_eq!(rig.buffer.next_due(), Some(rig.now + GRACE));
    // A thread that was just ending its span.
    rig.add([span(4, 1, false)]);
    assert_eq!(rig.out(), []);
    assert_eq!(rig.wait(GRACE).out(), kept(&[1, 2, 3, 4]));
    rig.assert_empty();
    assert_eq!(rig.counted(), (1, 0, 0));
    // What comes late follows.
    rig.add([span(5, 4, false), span(6, 5, false)]);
    assert_eq!(rig.out(), kept(&[5, 6]));
}

#[test]
fn an_unsampled_trace_without_one_goes_nowhere() {
    let mut rig = Rig::errors();
    rig.add([span(2, 1, false), span(1, 0, false)]).wait(GRACE);
    // Its error comes too late.
    rig.add([failed(3, 2, false)])
        .wait(Duration::from_secs(600));
    assert_eq!(rig.out(), []);
    rig.assert_empty();
    assert_eq!(rig.counted(), (0, 1, 0));
    assert_eq!(rig.wait(GRACE).buffer.next_due(), None);
}

#[test]
fn a_sampled_trace_counts_as_one_if_it_would_have_been_kept_anyway() {
    let mut rig = Rig::errors();
    rig.add([span(2, 1, true), span(1, 0, true)]);
    assert_eq!(rig.wait(GRACE).out(), as_sampled(&[1, 2]));
    rig.add([failed(4, 3, true), span(3, 0, true)]);
    assert_eq!(rig.wait(GRACE).out(), kept(&[3, 4]));
    assert_eq!(rig.counted(), (1, 0, 0));
    rig.assert_empty();
}

#[test]
fn what_is_certain_waits_for_nothing() {
    let mut rig = Rig::errors();
    let mut certain = failed(2, 1, true);
    certain.span_context = super::certain(&certain.span_context);
    rig.add([certain]);
    assert_eq!(rig.out(), [("2".to_owned(), false, "ot=th:0".to_owned())]);
    rig.assert_empty();
}

#[test]
fn two_local_roots_of_a_trace_are_judged_one_by_one() {
    let mut rig = Rig::errors();
    rig.add([
        failed(21, 2, false),
        span(11, 1, false),
        span(1, 1_001, false),
    ]);
    assert_eq!(rig.wait(GRACE).out(), []);
    assert_eq!(rig.counted(), (0, 1, 0));
    rig.add([span(2, 1_002, false)]);
    assert_eq!(rig.wait(GRACE).out(), kept(&[2, 21]));
    rig.assert_empty();
}

#[test]
fn slow_is_by_the_local_root() {
    // A span lasts as many seconds as its number.
    let options = KeepOptions::default().with_slow(Some(Duration::from_secs(10)));
    let mut rig = Rig::new(options);
    rig.add([failed(20, 9, false), span(9, 0, false)]);
    assert_eq!(rig.wait(GRACE).out(), []);
    rig.add([span(1, 10, false), span(10, 0, false)]);
    assert_eq!(rig.wait(GRACE).out(), kept(&[1, 10]));
}

#[test]
fn remote_parents_that_are_obeyed_are_not_judged() {
    let mut rig = Rig::new(
        KeepOptions::default()
            .with_errors(true)
            .with_remote_parents(false),
    );
    rig.add([failed(2, 1, true), span(1, 1_000, true)]);
    assert_eq!(rig.wait(GRACE).out(), as_sampled(&[1, 2]));
    rig.add([failed(4, 3, false), span(3, 0, false)]);
    assert_eq!(rig.wait(GRACE).out(), kept(&[3, 4]));
}

#[test]
fn a_root_that_stays_open_is_not_waited_for_without_end() {
    let mut rig = Rig::errors();
    rig.add([span(2, 1, true), span(3, 1, false)]);
    assert_eq!(rig.wait(Duration::from_secs(299)).out(), []);
    assert_eq!(rig.wait(Duration::from_secs(1)).out(), as_sampled(&[2]));
    rig.assert_empty();
    rig.add([failed(5, 4, false), span(6, 5, false)]);
    assert_eq!(rig.wait(Duration::from_secs(300)).out(), kept(&[5, 6]));
    assert_eq!(rig.counted(), (1, 0, 2));
}

#[test]
fn an_open_root_beside_ended_ones_has_its_own_time() {
    let mut rig = Rig::errors();
    rig.add([span(2, 1, true)]);
    for id in [10, 11, 12] {
        rig.add([span(id, 1_000, true)]);
        assert_eq!(rig.wait(Duration::from_secs(200)).out(), as_sampled(&[id]));
    }
    rig.add([span(1, 1_000, true)]);
    assert_eq!(rig.wait(GRACE).out(), as_sampled(&[1, 2]));
    rig.assert_empty();
}

#[test]
fn what_waits_is_bounded() {
    let options = KeepOptions::default().with_errors(true);
    let one = span_size(&span(1, 0, true));
    for (traces, spans, bytes) in [
        (3, 100, usize::MAX),
        (100, 3, usize::MAX),
        (100, 100, 3 * one + 10),
    ] {
        let mut rig = Rig::new(options.with_limits(traces, spans, bytes));
        for trace in 1..=5 {
            rig.add([of_trace(trace, failed(trace as u64, 50, true))]);
        }
        assert_eq!(rig.out(), kept(&[1, 2]), "{traces} {spans} {bytes}");
        assert_eq!((rig.buffer.spans, rig.buffer.traces.len()), (3, 3));
        assert_eq!(rig.counted(), (2, 0, 2));
    }
    // One trace that is too large for all the room.
    let mut rig = Rig::new(options.with_limits(10, 3, usize::MAX));
    rig.add((1..=4).map(|id| span(id, 50, true)));
    assert_eq!(rig.out(), as_sampled(&[1, 2, 3, 4]));
    rig.assert_empty();
}

#[test]
fn at_the_end_everything_is_judged() {
    let mut rig = Rig::errors();
    rig.add([span(2, 1, true), span(1, 0, true)]);
    rig.add([
        of_trace(3, span(4, 3, true)),
        of_trace(3, failed(5, 3, true)),
    ]);
    rig.add([of_trace(6, span(7, 6, false))]);
    rig.buffer.ended(rig.now, &mut rig.out);
    assert_eq!(rig.out(), as_sampled(&[1, 2]));
    rig.buffer.all(rig.now, &mut rig.out);
    assert_eq!(rig.out(), kept(&[4, 5]));
    rig.assert_empty();
}

#[test]
fn spans_that_name_each_other_as_parent_end_with_their_age() {
    let mut rig = Rig::errors();
    rig.add([span(1, 2, true), span(2, 1, true), span(3, 3, true)]);
    assert_eq!(
        rig.wait(Duration::from_secs(300)).out(),
        as_sampled(&[1, 2, 3])
    );
    rig.assert_empty();
}
