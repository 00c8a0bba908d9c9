//! The spans that wait for the verdict on their trace.
//!
//! Spans arrive one by one, children mostly before their parents. A *local root* (a span without
//! parent, or with a remote one) takes all that descends from it along; two local roots of one trace
//! are judged one by one. Each span is looked at a fixed number of times.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

use super::recent::Recent;
use super::threshold::{certain, is_certain};
use super::{KeepMark, KeepOptions, KeepReason};
use crate::span_size;
use crate::stats::{Counters, add};

/// Judged spans whose late children are recognized.
const REMEMBERED_SPANS: usize = 65_536;

pub(crate) struct Buffer {
    options: KeepOptions,
    mark: Box<dyn KeepMark>,
    counters: Arc<Counters>,
    traces: HashMap<TraceId, Trace>,
    /// Traces with an ended local root, in the order of their time.
    closing: VecDeque<(Instant, TraceId)>,
    /// Traces by the time since when they wait, oldest first. Entries of traces that are gone stay
    /// until it is their turn.
    waiting: VecDeque<(Instant, TraceId)>,
    judged: Recent<Verdict>,
    spans: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Trace {
    since: Instant,
    /// Ended local roots.
    roots: Vec<SpanData>,
    /// Spans whose parent has not arrived yet, or is among these, by parent.
    by_parent: HashMap<SpanId, Vec<SpanData>>,
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    Kept(KeepReason),
    /// As the sampler said, span by span.
    AsSampled,
}

impl Buffer {
    pub(crate) fn new(
        options: KeepOptions,
        mark: Box<dyn KeepMark>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            options,
            mark,
            counters,
            traces: HashMap::new(),
            closing: VecDeque::new(),
            waiting: VecDeque::new(),
            judged: Recent::new(REMEMBERED_SPANS),
            spans: 0,
            bytes: 0,
        }
    }

    /// Takes a span that has ended; what may go on goes into `out`.
    pub(crate) fn add(&mut self, span: SpanData, now: Instant, out: &mut Vec<SpanData>) {
        if is_certain(&span.span_context) {
            out.push(span);
            return;
        }
        let is_root = is_local_root(&span);
        if !is_root && let Some(verdict) = self.judged.get(span.parent_span_id) {
            self.carry_out(verdict, span, out);
            return;
        }
        let trace_id = span.span_context.trace_id();
        self.spans += 1;
        self.bytes += span_size(&span);
        let waiting = &mut self.waiting;
        let trace = self.traces.entry(trace_id).or_insert_with(|| {
            waiting.push_back((now, trace_id));
            Trace::new(now)
        });
        if is_root {
            trace.roots.push(span);
            self.closing
                .push_back((after(now, self.options.grace), trace_id));
        } else {
            let siblings = trace.by_parent.entry(span.parent_span_id);
            siblings.or_default().push(span);
        }
        while self.is_over_limits()
            && let Some((since, oldest)) = self.waiting.pop_front()
        {
            if self.is_since(oldest, since) {
                add(&self.counters.judged_early, 1);
                self.judge_all_of(oldest, out);
            }
        }
    }

    /// Judges what is due at `now`.
    pub(crate) fn due(&mut self, now: Instant, out: &mut Vec<SpanData>) {
        while let Some(trace_id) = pop(&mut self.closing, |at| at <= now) {
            self.judge_ended(trace_id, now, out);
        }
        let max_age = self.options.max_age;
        let is_old = |since: Instant| now.saturating_duration_since(since) >= max_age;
        while let Some((since, trace_id)) = self.waiting.front().copied()
            && (is_old(since) || !self.is_since(trace_id, since))
        {
            self.waiting.pop_front();
            if self.is_since(trace_id, since) {
                add(&self.counters.judged_early, 1);
                self.judge_all_of(trace_id, out);
            }
        }
    }

    /// Judges all whose local root has ended, without waiting any longer.
    pub(crate) fn ended(&mut self, now: Instant, out: &mut Vec<SpanData>) {
        while let Some(trace_id) = pop(&mut self.closing, |_| true) {
            self.judge_ended(trace_id, now, out);
        }
    }

    /// Judges everything.
    pub(crate) fn all(&mut self, now: Instant, out: &mut Vec<SpanData>) {
        self.ended(now, out);
        while let Some((since, trace_id)) = self.waiting.pop_front() {
            if self.is_since(trace_id, since) {
                self.judge_all_of(trace_id, out);
            }
        }
    }

    /// When [`due`](Self::due) may next have something to do.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let closing = self.closing.front().map(|(at, _)| *at);
        let old = self
            .waiting
            .front()
            .map(|(at, _)| after(*at, self.options.max_age));
        match (closing, old) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn is_over_limits(&self) -> bool {
        self.traces.len() > self.options.max_traces
            || self.spans > self.options.max_spans
            || self.bytes > self.options.max_bytes
    }

    /// Whether an entry of `waiting` is about a trace that is there.
    fn is_since(&self, trace_id: TraceId, since: Instant) -> bool {
        self.traces
            .get(&trace_id)
            .is_some_and(|trace| trace.since == since)
    }

    /// Judges the local roots of a trace that have ended, each with what descends from it.
    fn judge_ended(&mut self, trace_id: TraceId, now: Instant, out: &mut Vec<SpanData>) {
        let Some(mut trace) = self.traces.remove(&trace_id) else {
            return;
        };
        for root in std::mem::take(&mut trace.roots) {
            let group = trace.with_descendants(root);
            self.judge(group, true, out);
        }
        if !trace.by_parent.is_empty() {
            // What is left belongs to roots that are still open: their time starts anew.
            trace.since = now;
            self.waiting.push_back((now, trace_id));
            self.traces.insert(trace_id, trace);
        }
    }

    /// Judges all that is there of a trace: the spans without their local root as one.
    fn judge_all_of(&mut self, trace_id: TraceId, out: &mut Vec<SpanData>) {
        let Some(mut trace) = self.traces.remove(&trace_id) else {
            return;
        };
        for root in std::mem::take(&mut trace.roots) {
            let group = trace.with_descendants(root);
            self.judge(group, true, out);
        }
        let orphans: Vec<_> = trace.by_parent.into_values().flatten().collect();
        if !orphans.is_empty() {
            self.judge(orphans, false, out);
        }
    }

    /// Judges a group; the first of it is its local root, or it has none.
    fn judge(&mut self, group: Vec<SpanData>, with_root: bool, out: &mut Vec<SpanData>) {
        let sizes = group.iter().map(span_size);
        self.bytes = self.bytes.saturating_sub(sizes.sum());
        self.spans = self.spans.saturating_sub(group.len());
        let root = group.first().filter(|_| with_root);
        let was_sampled = group.iter().any(|span| span.span_context.is_sampled());
        let verdict = match self.options.reason(root, group.iter()) {
            Some(reason) => Verdict::Kept(reason),
            None => Verdict::AsSampled,
        };
        match verdict {
            Verdict::Kept(_) => add(&self.counters.kept, 1),
            Verdict::AsSampled if !was_sampled => add(&self.counters.let_go, 1),
            Verdict::AsSampled => {}
        }
        for span in group {
            self.carry_out(verdict, span, out);
        }
    }

    fn carry_out(&mut self, verdict: Verdict, mut span: SpanData, out: &mut Vec<SpanData>) {
        self.judged.insert(span.span_context.span_id(), verdict);
        match verdict {
            Verdict::Kept(reason) => {
                span.span_context = certain(&span.span_context);
                let mark = &mut self.mark;
                let marked = catch_unwind(AssertUnwindSafe(|| mark.mark(&mut span, reason)));
                match marked {
                    Ok(()) => out.push(span),
                    Err(_) => add(&self.counters.dropped_scrub, 1),
                }
            }
            Verdict::AsSampled if span.span_context.is_sampled() => out.push(span),
            Verdict::AsSampled => {}
        }
    }
}

impl Trace {
    fn new(since: Instant) -> Self {
        Self {
            since,
            roots: Vec::new(),
            by_parent: HashMap::new(),
        }
    }

    /// Takes all that descends from `root`: itself first, parents before their children.
    fn with_descendants(&mut self, root: SpanData) -> Vec<SpanData> {
        let mut found = vec![root];
        let mut at = 0;
        while let Some(parent) = found.get(at) {
            let children = self.by_parent.remove(&parent.span_context.span_id());
            found.extend(children.into_iter().flatten());
            at += 1;
        }
        found
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("options", &self.options)
            .field("spans", &self.spans)
            .finish_non_exhaustive()
    }
}

/// A moment later; the same one where that cannot be said.
fn after(at: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    at.checked_add(wait.min(FAR)).unwrap_or(at)
}

/// A span that starts the part of its trace that runs in this process.
fn is_local_root(span: &SpanData) -> bool {
    span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote
}

/// Takes the front entry if its time is one of those.
fn pop(
    queue: &mut VecDeque<(Instant, TraceId)>,
    is_due: impl Fn(Instant) -> bool,
) -> Option<TraceId> {
    match queue.front() {
        Some((at, _)) if is_due(*at) => queue.pop_front().map(|(_, trace_id)| trace_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
