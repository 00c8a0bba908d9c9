//! Gathering spans into the groups that become transactions.
//!
//! Spans arrive one by one, children mostly before their parents. A *local root* (a span
//! without parent, or with a parent in another process) closes its group: itself and all
//! that descends from it. Two local roots of one trace make two groups. What ends after
//! its group has gone, or whose root stays open too long, forms a group of its own.
//! Each span is looked at a fixed number of times, whatever the size of its trace.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;
use otel_pipeline::span_size;

use crate::clock::after;
use crate::recent::Recent;

/// When groups are closed without, or after, their local root.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AssemblyOptions {
    /// How long a group stays open after its local root has ended: spans that other
    /// threads ended just before it are still on their way (default 100 ms).
    pub grace: Duration,
    /// How long a span waits for its local root before it goes without (default 5 min).
    pub max_age: Duration,
    /// Bytes of waiting spans above which the oldest trace goes first (default 64 MiB).
    pub max_bytes: usize,
}

impl Default for AssemblyOptions {
    fn default() -> Self {
        Self {
            grace: Duration::from_millis(100),
            max_age: Duration::from_secs(300),
            max_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Sent spans whose late children are recognized at once rather than by age.
const REMEMBERED_SPANS: usize = 65_536;

/// Spans of one trace that go out together.
#[derive(Debug)]
pub(crate) struct Group {
    /// The local root; in a group of late spans the first of them.
    pub(crate) root: Arc<SpanData>,
    /// The others, parents before their children.
    pub(crate) rest: Vec<Arc<SpanData>>,
}

impl Group {
    /// All spans, the root first.
    pub(crate) fn spans(&self) -> impl Iterator<Item = &SpanData> {
        std::iter::once(&self.root)
            .chain(&self.rest)
            .map(AsRef::as_ref)
    }
}

/// The spans that wait for their group to close.
#[derive(Debug)]
pub(crate) struct Assembly {
    options: AssemblyOptions,
    traces: HashMap<TraceId, Trace>,
    /// Traces with a group to close, in the order of their time.
    closing: VecDeque<(Instant, TraceId)>,
    /// When all traces are next looked through for old ones.
    next_sweep: Option<Instant>,
    sent: Recent<SpanId, ()>,
    bytes: usize,
}

#[derive(Debug)]
struct Trace {
    since: Instant,
    /// Ended local roots.
    roots: Vec<Arc<SpanData>>,
    /// Spans whose parent has gone out already.
    late: Vec<Arc<SpanData>>,
    /// Spans whose parent has not arrived yet, or is among these, by parent.
    by_parent: HashMap<SpanId, Vec<Arc<SpanData>>>,
    closing: bool,
}

impl Assembly {
    pub(crate) fn new(options: AssemblyOptions) -> Self {
        Self {
            options,
            traces: HashMap::new(),
            closing: VecDeque::new(),
            next_sweep: None,
            sent: Recent::new(REMEMBERED_SPANS),
            bytes: 0,
        }
    }

    /// Takes a span that has ended.
    pub(crate) fn add(&mut self, span: Arc<SpanData>, now: Instant) {
        let trace_id = span.span_context.trace_id();
        let trace = self
            .traces
            .entry(trace_id)
            .or_insert_with(|| Trace::new(now));
        self.bytes += span_size(&span);
        let closes = if is_local_root(&span) {
            trace.roots.push(span);
            true
        } else if self.sent.get(&span.parent_span_id).is_some() {
            trace.late.push(span);
            true
        } else {
            let siblings = trace.by_parent.entry(span.parent_span_id);
            siblings.or_default().push(span);
            false
        };
        if closes && !trace.closing {
            trace.closing = true;
            let due = after(now, self.options.grace);
            self.closing.push_back((due, trace_id));
        }
    }

    /// Closes what is due at `now`.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Group> {
        let mut groups = Vec::new();
        while let Some(trace_id) = pop_due(&mut self.closing, now) {
            self.close(trace_id, false, now, &mut groups);
        }
        if self.next_sweep.is_none_or(|at| at <= now) {
            self.next_sweep = Some(after(now, self.options.max_age / 4));
            self.close_old(now, &mut groups);
        }
        if self.bytes > self.options.max_bytes {
            self.close_oldest(self.options.max_bytes / 4 * 3, now, &mut groups);
        }
        groups
    }

    /// Closes the groups whose local root has ended, without waiting for the grace.
    pub(crate) fn ended(&mut self) -> Vec<Group> {
        let now = Instant::now();
        let mut groups = Vec::new();
        while let Some((_, trace_id)) = self.closing.pop_front() {
            self.close(trace_id, false, now, &mut groups);
        }
        groups
    }

    /// Closes everything.
    pub(crate) fn all(&mut self) -> Vec<Group> {
        let mut groups = Vec::new();
        self.close_oldest(0, Instant::now(), &mut groups);
        self.closing.clear();
        groups
    }

    /// When [`due`](Self::due) may next have something to close.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        if self.traces.is_empty() {
            return None;
        }
        let closing = self.closing.front().map(|(at, _)| *at);
        match (closing, self.next_sweep) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Closes traces whose first waiting span has waited too long.
    fn close_old(&mut self, now: Instant, into: &mut Vec<Group>) {
        let max_age = self.options.max_age;
        let is_old = |trace: &Trace| now.saturating_duration_since(trace.since) >= max_age;
        let traces = self.traces.iter().filter(|(_, trace)| is_old(trace));
        let old: Vec<TraceId> = traces.map(|(trace_id, _)| *trace_id).collect();
        for trace_id in old {
            self.close(trace_id, true, now, into);
        }
    }

    /// Closes traces, the oldest first, until no more than `keep_bytes` are left.
    fn close_oldest(&mut self, keep_bytes: usize, now: Instant, into: &mut Vec<Group>) {
        let traces = self.traces.iter();
        let mut oldest: Vec<_> = traces.map(|(id, trace)| (trace.since, *id)).collect();
        oldest.sort_unstable_by_key(|(since, _)| *since);
        for (_, trace_id) in oldest {
            if self.bytes <= keep_bytes {
                break;
            }
            self.close(trace_id, true, now, into);
        }
    }

    /// Closes the groups of ended roots and late spans, and with `orphans` also spans that
    /// still wait for their parent.
    fn close(&mut self, trace_id: TraceId, orphans: bool, now: Instant, into: &mut Vec<Group>) {
        let Some(trace) = self.traces.get_mut(&trace_id) else {
            return;
        };
        trace.closing = false;
        let before = into.len();
        for root in std::mem::take(&mut trace.roots) {
            let rest = trace.below(vec![Arc::clone(&root)]);
            into.push(Group { root, rest });
        }
        let late = std::mem::take(&mut trace.late);
        trace.close_rootless(late, into);
        while orphans && !trace.by_parent.is_empty() {
            let tops = trace.take_tops();
            trace.close_rootless(tops, into);
        }
        let mut taken = 0;
        for group in into.iter().skip(before) {
            for span in std::iter::once(&group.root).chain(&group.rest) {
                taken += span_size(span);
                self.sent.insert(span.span_context.span_id(), ());
            }
        }
        self.bytes = self.bytes.saturating_sub(taken);
        if trace.by_parent.is_empty() {
            self.traces.remove(&trace_id);
        } else {
            // What is left belongs to roots that are still open: their time starts anew, so
            // that a trace with many requests is not torn apart by its first one's age.
            trace.since = now;
        }
    }
}

impl Trace {
    fn new(since: Instant) -> Self {
        Self {
            since,
            roots: Vec::new(),
            late: Vec::new(),
            by_parent: HashMap::new(),
            closing: false,
        }
    }

    /// Takes all that descends from `tops`, parents first, without `tops` themselves.
    fn below(&mut self, tops: Vec<Arc<SpanData>>) -> Vec<Arc<SpanData>> {
        let mut found = Vec::new();
        let mut open = tops;
        while let Some(span) = open.pop() {
            let children = self.by_parent.remove(&span.span_context.span_id());
            for child in children.into_iter().flatten() {
                found.push(Arc::clone(&child));
                open.push(child);
            }
        }
        found
    }

    /// Spans whose parent is not among the waiting ones.
    fn take_tops(&mut self) -> Vec<Arc<SpanData>> {
        let waiting: HashSet<SpanId> = self
            .by_parent
            .values()
            .flatten()
            .map(|span| span.span_context.span_id())
            .collect();
        let mut tops = Vec::new();
        self.by_parent.retain(|parent, children| {
            let keep = waiting.contains(parent);
            if !keep {
                tops.append(children);
            }
            keep
        });
        if tops.is_empty() {
            // Only spans that name each other as parent are left: take them as they come.
            tops = self.by_parent.drain().flat_map(|(_, c)| c).collect();
        }
        tops
    }

    /// One group of spans without their local root: the earliest takes its place.
    fn close_rootless(&mut self, mut tops: Vec<Arc<SpanData>>, into: &mut Vec<Group>) {
        tops.sort_by_key(|span| span.start_time);
        let mut rest = self.below(tops.clone());
        if tops.is_empty() {
            return;
        }
        let root = tops.remove(0);
        tops.append(&mut rest);
        into.push(Group { root, rest: tops });
    }
}

/// A span that starts the part of its trace that runs in this process.
pub(crate) fn is_local_root(span: &SpanData) -> bool {
    span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote
}

/// Takes the front entry if its time is not after `now`.
fn pop_due(queue: &mut VecDeque<(Instant, TraceId)>, now: Instant) -> Option<TraceId> {
    match queue.front() {
        Some((at, _)) if *at <= now => queue.pop_front().map(|(_, trace_id)| trace_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};

    use super::*;

    const GRACE: Duration = Duration::from_millis(100);

    fn span(trace: u128, id: u64, parent: u64) -> Arc<SpanData> {
        Arc::new(SpanData {
            span_context: SpanContext::new(
                TraceId::from(trace),
                SpanId::from(id),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote: parent >= 1_000,
            span_kind: SpanKind::Internal,
            name: "s".into(),
            start_time: UNIX_EPOCH + Duration::from_secs(id),
            end_time: UNIX_EPOCH + Duration::from_secs(id),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: Status::Unset,
            instrumentation_scope: Default::default(),
        })
    }

    fn id(span: &SpanData) -> u64 {
        u64::from_be_bytes(span.span_context.span_id().to_bytes())
    }

    /// The groups as (root, sorted rest), sorted by root.
    fn ids(groups: Vec<Group>) -> Vec<(u64, Vec<u64>)> {
        let mut ids: Vec<_> = groups
            .into_iter()
            .map(|group| {
                let mut rest: Vec<_> = group.rest.iter().map(|span| id(span)).collect();
                rest.sort_unstable();
                (id(&group.root), rest)
            })
            .collect();
        ids.sort_unstable();
        ids
    }

    fn assembly() -> (Assembly, Instant) {
        (Assembly::new(AssemblyOptions::default()), Instant::now())
    }

    #[test]
    fn a_root_takes_its_descendants_after_the_grace_in_whatever_order_they_came() {
        let (mut assembly, now) = assembly();
        for (id, parent) in [(1, 0), (3, 2), (2, 1)] {
            assembly.add(span(9, id, parent), now);
        }
        assert!(assembly.due(now).is_empty());
        assert_eq!(assembly.next_due(), Some(now + GRACE));
        assert_eq!(ids(assembly.due(now + GRACE)), [(1, vec![2, 3])]);
        assert_eq!(assembly.next_due(), None);
        assert_eq!(assembly.bytes, 0);
    }

    #[test]
    fn two_local_roots_of_one_trace_keep_their_own_spans() {
        let (mut assembly, now) = assembly();
        for (id, parent) in [(11, 1), (21, 2), (1, 1_001), (2, 1_002)] {
            assembly.add(span(9, id, parent), now);
        }
        assert_eq!(
            ids(assembly.due(now + GRACE)),
            [(1, vec![11]), (2, vec![21])]
        );
    }

    #[test]
    fn a_root_does_not_take_what_belongs_to_an_open_one() {
        let (mut assembly, now) = assembly();
        for (id, parent) in [(21, 2), (1, 0)] {
            assembly.add(span(9, id, parent), now);
        }
        assert_eq!(ids(assembly.due(now + GRACE)), [(1, vec![])]);
        assembly.add(span(9, 2, 1_000), now + GRACE);
        assert_eq!(ids(assembly.due(now + GRACE * 2)), [(2, vec![21])]);
    }

    #[test]
    fn late_children_go_together_and_later_ones_again() {
        let (mut assembly, now) = assembly();
        assembly.add(span(9, 1, 0), now);
        assert_eq!(ids(assembly.due(now + GRACE)), [(1, vec![])]);
        for (id, parent) in [(4, 3), (2, 1), (3, 1)] {
            assembly.add(span(9, id, parent), now + GRACE);
        }
        assert_eq!(ids(assembly.due(now + GRACE * 2)), [(2, vec![3, 4])]);
        assembly.add(span(9, 5, 4), now + GRACE * 2);
        assert_eq!(ids(assembly.due(now + GRACE * 3)), [(5, vec![])]);
        assert!(assembly.traces.is_empty());
    }

    #[test]
    fn a_root_that_stays_open_loses_its_children_by_age_and_comes_alone() {
        let (mut assembly, now) = assembly();
        let age = AssemblyOptions::default().max_age;
        assert!(assembly.due(now).is_empty());
        for (id, parent) in [(3, 2), (2, 1), (4, 1)] {
            assembly.add(span(9, id, parent), now);
        }
        assert!(assembly.due(now + age / 2).is_empty());
        assert_eq!(ids(assembly.due(now + age)), [(2, vec![3, 4])]);
        assembly.add(span(9, 1, 0), now + age);
        assert_eq!(ids(assembly.due(now + age + GRACE)), [(1, vec![])]);
    }

    #[test]
    fn a_root_open_for_an_hour_loses_no_child_and_holds_no_more_than_one_age() {
        let (mut assembly, start) = assembly();
        let age = AssemblyOptions::default().max_age;
        // Looked through every quarter of an age, so that nothing waits for longer than this.
        let longest = age + age / 4;
        let of_one = span_size(&span(9, 2, 1));
        let (mut seen, mut most_bytes) = (Vec::new(), 0);
        let mut keep = |groups: Vec<Group>| {
            seen.extend(groups.iter().flat_map(Group::spans).map(id));
        };
        for second in 0..3_600 {
            let now = start + Duration::from_secs(second);
            assembly.add(span(9, 2 + second, 1), now);
            keep(assembly.due(now));
            most_bytes = most_bytes.max(assembly.bytes);
            assert!(assembly.traces.len() <= 1 && assembly.closing.is_empty());
        }
        let end = start + Duration::from_secs(3_600);
        assembly.add(span(9, 1, 0), end);
        keep(assembly.due(end + GRACE));

        seen.sort_unstable();
        assert_eq!(seen, (1..=3_601).collect::<Vec<_>>(), "each span once");
        let most = usize::try_from(longest.as_secs() + 1).unwrap() * of_one;
        assert!(most_bytes <= most, "{most_bytes} of {most}");
        assert_eq!(assembly.bytes, 0);
        assert!(assembly.traces.is_empty());
    }

    #[test]
    fn above_the_limit_of_bytes_the_oldest_trace_goes_first() {
        let (_, now) = assembly();
        let mut assembly = Assembly::new(AssemblyOptions {
            max_bytes: span_size(&span(1, 1, 1)) * 8,
            ..AssemblyOptions::default()
        });
        for trace in 1..=8 {
            let later = now + Duration::from_millis(u64::try_from(trace).unwrap());
            assembly.add(span(trace, u64::try_from(trace).unwrap(), 99), later);
        }
        assert!(assembly.due(now).is_empty());
        assembly.add(span(9, 9, 99), now + GRACE / 2);
        assert_eq!(
            ids(assembly.due(now + GRACE / 2)),
            [(1, vec![]), (2, vec![]), (3, vec![])]
        );
    }

    #[test]
    fn spans_that_name_each_other_as_parent_come_out_once() {
        let (mut assembly, now) = assembly();
        for (id, parent) in [(1, 2), (2, 1), (3, 3), (5, 4)] {
            assembly.add(span(9, id, parent), now);
        }
        let groups = assembly.all();
        let mut seen: Vec<u64> = groups
            .iter()
            .flat_map(|group| std::iter::once(&group.root).chain(&group.rest))
            .map(|span| id(span))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3, 5]);
        assert_eq!(assembly.bytes, 0);
        assert!(assembly.traces.is_empty());
    }
}
