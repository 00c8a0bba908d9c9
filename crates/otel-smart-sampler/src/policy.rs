//! What was configured, worked out once so that a decision only copies it.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::trace::{SpanKind, TraceState};
use opentelemetry::{KeyValue, StringValue};

use crate::consistency::{OtEntry, Randomness, Threshold};
use crate::limit::Limit;
use crate::{
    RULE_BASE, RULE_PARENT, RemoteParents, Rule, RuleRate, SAMPLING_RATE, SAMPLING_RULE, SampleRate,
};

/// Rules and rates, ready to be applied.
#[derive(Debug)]
pub(crate) struct Policy {
    rules: Vec<(Rule, Verdict)>,
    base: Verdict,
    pub(crate) remote_parents: RemoteParents,
    /// Whether any rule needs to be asked below a remote parent.
    keeps_despite_parent: bool,
    /// The attribute of a local root that follows its remote parent.
    pub(crate) parent_attributes: [KeyValue; 1],
}

/// The arguments of `should_sample` that rules look at.
#[derive(Clone, Copy)]
pub(crate) struct SpanStart<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a SpanKind,
    pub(crate) attributes: &'a [KeyValue],
}

/// A rate ready to be applied.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) index: usize,
    pub(crate) rule: StringValue,
    /// The rate without the limit.
    rate: SampleRate,
    /// `None`: never sample.
    threshold: Option<Threshold>,
    limit: Option<Limit>,
    /// Whether this is [`RuleRate::Never`]: then nothing may be kept by others either.
    pub(crate) is_never: bool,
    /// That of a root that is kept.
    trace_state: TraceState,
    attributes: [KeyValue; 2],
}

/// A verdict on one trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applied<'a> {
    pub(crate) verdict: &'a Verdict,
    pub(crate) rate: SampleRate,
    pub(crate) threshold: Option<Threshold>,
    pub(crate) sampled: bool,
}

impl Policy {
    pub(crate) fn new(
        base_rate: SampleRate,
        rules: Vec<Rule>,
        remote_parents: RemoteParents,
    ) -> Self {
        let base = Verdict::new(rules.len(), RULE_BASE.into(), base_rate);
        let keeps_despite_parent = rules.iter().any(|rule| rule.keep_despite_parent);
        let rules = rules
            .into_iter()
            .enumerate()
            .map(|(index, rule)| {
                let rate = rule.rate.resolve(base_rate);
                let mut verdict = Verdict::new(index, rule.name.clone(), rate);
                verdict.is_never = rule.rate == RuleRate::Never;
                verdict.limit = rule.at_most.map(|most| Limit::new(most, rate));
                (rule, verdict)
            })
            .collect();
        Self {
            rules,
            base,
            remote_parents,
            keeps_despite_parent,
            parent_attributes: [KeyValue::new(SAMPLING_RULE, RULE_PARENT)],
        }
    }

    /// The verdict of the first matching rule, else that of the base rate.
    pub(crate) fn verdict(&self, span: SpanStart<'_>) -> &Verdict {
        self.first_match(span)
            .map_or(&self.base, |(_, verdict)| verdict)
    }

    /// The verdict that counts below a remote parent, if any does.
    pub(crate) fn verdict_below_remote(&self, span: SpanStart<'_>) -> Option<&Verdict> {
        match self.remote_parents {
            RemoteParents::Obey => None,
            RemoteParents::Ignore => Some(self.verdict(span)),
            RemoteParents::ByRule if !self.keeps_despite_parent => None,
            RemoteParents::ByRule => {
                let (rule, verdict) = self.first_match(span)?;
                rule.keep_despite_parent.then_some(verdict)
            }
        }
    }

    fn first_match(&self, span: SpanStart<'_>) -> Option<&(Rule, Verdict)> {
        self.rules
            .iter()
            .find(|(rule, _)| rule.matches(span.name, span.kind, span.attributes))
    }

    /// The number under which followed remote parents are counted.
    pub(crate) fn parent_index(&self) -> usize {
        self.base.index + 1
    }

    /// Each rule's name and the rate that results from it, in order; the base rate comes last.
    pub(crate) fn rates(&self) -> impl Iterator<Item = (&str, SampleRate)> {
        let rules = self.rules.iter().map(|(_, verdict)| verdict);
        rules
            .chain([&self.base])
            .map(|verdict| (verdict.rule.as_str(), verdict.rate_now()))
    }
}

impl Verdict {
    fn new(index: usize, rule: Cow<'static, str>, rate: SampleRate) -> Self {
        // A static or shared name: copying it into a span's attributes allocates nothing.
        let rule = match rule {
            Cow::Borrowed(name) => StringValue::from(name),
            Cow::Owned(name) => StringValue::from(Arc::<str>::from(name)),
        };
        let threshold = Threshold::from_rate(rate);
        Self {
            index,
            rate,
            threshold,
            limit: None,
            is_never: false,
            trace_state: root_state(threshold),
            attributes: [
                KeyValue::new(SAMPLING_RULE, rule.clone()),
                KeyValue::new(SAMPLING_RATE, rate.as_f64()),
            ],
            rule,
        }
    }

    fn rate_now(&self) -> SampleRate {
        self.limit.as_ref().map_or(self.rate, Limit::rate)
    }

    pub(crate) fn apply(&self, randomness: Randomness) -> Applied<'_> {
        let (rate, threshold, sampled) = match &self.limit {
            None => {
                let keeps = self.threshold.is_some_and(|th| th.keeps(randomness));
                (self.rate, self.threshold, keeps)
            }
            Some(limit) => {
                let (rate, keeps) = limit.decide(randomness);
                (rate, Threshold::from_rate(rate), keeps)
            }
        };
        Applied {
            verdict: self,
            rate,
            threshold,
            sampled,
        }
    }

    /// The attribute of a span that this verdict does not keep.
    pub(crate) fn rule_attribute(&self) -> KeyValue {
        let [rule, _] = &self.attributes;
        rule.clone()
    }
}

impl Applied<'_> {
    /// The attributes of a span that is kept.
    pub(crate) fn attributes(&self) -> Vec<KeyValue> {
        if self.rate == self.verdict.rate {
            return self.verdict.attributes.to_vec();
        }
        let rate = KeyValue::new(SAMPLING_RATE, self.rate.as_f64());
        vec![self.verdict.rule_attribute(), rate]
    }

    /// The trace state of a root that is kept.
    pub(crate) fn trace_state(&self) -> TraceState {
        if self.rate == self.verdict.rate {
            return self.verdict.trace_state.clone();
        }
        root_state(self.threshold)
    }
}

fn root_state(threshold: Option<Threshold>) -> TraceState {
    let entry = OtEntry::default().with_threshold(threshold);
    entry.write_to(&TraceState::NONE)
}
