//! The sampler: parents first, then rules.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue, StringValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::builder::SmartSamplerBuilder;
use crate::consistency::{OT_KEY, OtEntry, Randomness, Threshold};
use crate::{
    Decision, DecisionReason, RULE_BASE, RULE_PARENT, Rule, SAMPLING_RATE, SAMPLING_RULE,
    SampleRate, SamplerObserver,
};

/// A rule-based, parent-aware, consistent-probability sampler.
///
/// Give it to the tracer provider as it is, not inside the SDK's `Sampler::ParentBased`: that one
/// throws a sampler's attributes and trace state away. See the [crate documentation](crate) for what
/// it decides and what it writes. Clones are cheap and share everything.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otel_smart_sampler::{Match, Rule, RuleRate, SampleRate, SmartSampler};
///
/// let sampler = SmartSampler::builder()
///     .base_rate(SampleRate::new(0.2)?)
///     .rule(
///         Rule::new("health")
///             .attribute("http.route", Match::equals("/health"))
///             .rate(SampleRate::new(0.01)?),
///     )
///     .rule(Rule::new("checkout").attribute("cart.id", Match::present()).rate(RuleRate::Always))
///     .build()?;
/// let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
/// # let _ = provider;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SmartSampler {
    policy: Arc<Policy>,
    observer: Option<Arc<dyn SamplerObserver>>,
}

/// What was configured, worked out once so that a decision only copies it.
#[derive(Debug)]
struct Policy {
    rules: Vec<(Rule, Verdict)>,
    base: Verdict,
    /// Whether any rule needs to be asked below an unsampled remote parent.
    keeps_despite_parent: bool,
    parent_attributes: [KeyValue; 1],
}

/// A rate ready to be applied.
#[derive(Debug)]
struct Verdict {
    index: usize,
    rule: StringValue,
    rate: SampleRate,
    /// `None`: never sample.
    threshold: Option<Threshold>,
    /// The `ot` entry of a sampled root.
    ot: String,
    attributes: [KeyValue; 2],
}

/// The arguments of [`ShouldSample::should_sample`] that rules look at.
#[derive(Clone, Copy)]
struct SpanStart<'a> {
    name: &'a str,
    kind: &'a SpanKind,
    attributes: &'a [KeyValue],
}

impl SmartSampler {
    /// Starts with no rules and a base rate of 1.
    pub fn builder() -> SmartSamplerBuilder {
        SmartSamplerBuilder::new()
    }

    pub(crate) fn new(base_rate: SampleRate, rules: Vec<Rule>) -> Self {
        let base = Verdict::new(rules.len(), RULE_BASE.into(), base_rate);
        let keeps_despite_parent = rules.iter().any(|rule| rule.keep_despite_parent);
        let rules = rules
            .into_iter()
            .enumerate()
            .map(|(index, rule)| {
                let verdict = Verdict::new(index, rule.name.clone(), rule.rate.resolve(base_rate));
                (rule, verdict)
            })
            .collect();
        Self {
            policy: Arc::new(Policy {
                rules,
                base,
                keeps_despite_parent,
                parent_attributes: [KeyValue::new(SAMPLING_RULE, RULE_PARENT)],
            }),
            observer: None,
        }
    }

    /// Tells this observer of every decision on a local root, in the place of an earlier observer.
    #[must_use]
    pub fn with_observer(mut self, observer: impl SamplerObserver) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Each rule's name and the rate that results from it, in order; the base rate comes last.
    pub fn rates(&self) -> impl Iterator<Item = (&str, SampleRate)> {
        let rules = self.policy.rules.iter().map(|(_, verdict)| verdict);
        rules
            .chain([&self.policy.base])
            .map(|verdict| (verdict.rule.as_str(), verdict.rate))
    }

    fn decide_root(&self, trace_id: TraceId, span: SpanStart<'_>) -> SamplingResult {
        if trace_id == TraceId::INVALID {
            // The SDK takes the id of an invalid parent (made while telemetry is suppressed or after
            // shutdown). Such a span could not be exported by anyone.
            return dropped(TraceState::NONE);
        }
        let verdict = match self.policy.first_match(span) {
            Some((_, verdict)) => verdict,
            None => &self.policy.base,
        };
        let sampled = verdict.keeps(Randomness::from_trace_id(trace_id));
        self.observe(verdict, sampled, DecisionReason::Root);
        if !sampled {
            return dropped(TraceState::NONE);
        }
        let trace_state = TraceState::NONE.insert(OT_KEY, verdict.ot.as_str());
        sampled_with(&verdict.attributes, trace_state.unwrap_or_default())
    }

    fn decide_below_remote(&self, parent: &SpanContext, span: SpanStart<'_>) -> SamplingResult {
        let trace_state = parent.trace_state();
        let ot = OtEntry::of(trace_state);
        let randomness = ot
            .randomness()
            .unwrap_or_else(|| Randomness::from_trace_id(parent.trace_id()));

        if parent.is_sampled() {
            self.observe_parent(true);
            let contradicts = ot.threshold().is_some_and(|th| !th.keeps(randomness));
            let trace_state = if contradicts {
                ot.with_threshold(None).write_to(trace_state)
            } else {
                trace_state.clone()
            };
            return sampled_with(&self.policy.parent_attributes, trace_state);
        }

        let sampled_by = match self.policy.first_match_despite_parent(span) {
            Some(verdict) => {
                let sampled = verdict.keeps(randomness);
                self.observe(verdict, sampled, DecisionReason::DespiteRemoteParent);
                sampled.then_some(verdict)
            }
            None => {
                self.observe_parent(false);
                None
            }
        };
        match sampled_by {
            Some(verdict) => sampled_with(
                &verdict.attributes,
                ot.with_threshold(verdict.threshold).write_to(trace_state),
            ),
            // The threshold of a span that is not sampled must not be passed on.
            None if ot.threshold().is_some() => {
                dropped(ot.with_threshold(None).write_to(trace_state))
            }
            None => dropped(trace_state.clone()),
        }
    }

    fn observe(&self, verdict: &Verdict, sampled: bool, reason: DecisionReason) {
        if let Some(observer) = &self.observer {
            observer.decided(&Decision {
                rule: verdict.rule.as_str(),
                rule_index: verdict.index,
                rate: Some(verdict.rate),
                sampled,
                reason,
            });
        }
    }

    fn observe_parent(&self, sampled: bool) {
        if let Some(observer) = &self.observer {
            observer.decided(&Decision {
                rule: RULE_PARENT,
                rule_index: self.policy.base.index + 1,
                rate: None,
                sampled,
                reason: DecisionReason::RemoteParent,
            });
        }
    }
}

impl ShouldSample for SmartSampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let parent_span = parent_context.map(|context| context.span());
        let parent = parent_span
            .as_ref()
            .map(|span| span.span_context())
            .filter(|parent| parent.is_valid());
        let span = SpanStart {
            name,
            kind: span_kind,
            attributes,
        };
        match parent {
            Some(parent) if !parent.is_remote() => follow_local(parent),
            Some(parent) => self.decide_below_remote(parent, span),
            None => self.decide_root(trace_id, span),
        }
    }
}

impl fmt::Debug for SmartSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmartSampler")
            .field("rates", &self.rates().collect::<Vec<_>>())
            .field("observed", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}

impl Policy {
    fn first_match(&self, span: SpanStart<'_>) -> Option<&(Rule, Verdict)> {
        self.rules
            .iter()
            .find(|(rule, _)| rule.matches(span.name, span.kind, span.attributes))
    }

    /// The first matching rule, if it is one that overrules an unsampled parent.
    fn first_match_despite_parent(&self, span: SpanStart<'_>) -> Option<&Verdict> {
        if !self.keeps_despite_parent {
            return None;
        }
        let (rule, verdict) = self.first_match(span)?;
        rule.keep_despite_parent.then_some(verdict)
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
            ot: OtEntry::default().with_threshold(threshold).to_string(),
            attributes: [
                KeyValue::new(SAMPLING_RULE, rule.clone()),
                KeyValue::new(SAMPLING_RATE, rate.as_f64()),
            ],
            rule,
        }
    }

    fn keeps(&self, randomness: Randomness) -> bool {
        self.threshold.is_some_and(|th| th.keeps(randomness))
    }
}

/// The way of almost every span: nothing is looked at but the parent's flag.
fn follow_local(parent: &SpanContext) -> SamplingResult {
    SamplingResult {
        decision: if parent.is_sampled() {
            SamplingDecision::RecordAndSample
        } else {
            SamplingDecision::Drop
        },
        attributes: Vec::new(),
        trace_state: parent.trace_state().clone(),
    }
}

fn sampled_with(attributes: &[KeyValue], trace_state: TraceState) -> SamplingResult {
    SamplingResult {
        decision: SamplingDecision::RecordAndSample,
        attributes: attributes.to_vec(),
        trace_state,
    }
}

fn dropped(trace_state: TraceState) -> SamplingResult {
    SamplingResult {
        decision: SamplingDecision::Drop,
        attributes: Vec::new(),
        trace_state,
    }
}
