//! The sampler: parents first, then rules.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::builder::{BuildError, SmartSamplerBuilder};
use crate::consistency::{OtEntry, Randomness, Threshold};
use crate::policy::{Applied, Policy, SpanStart, Verdict};
use crate::{Decision, DecisionReason, RULE_PARENT, RemoteParents, SampleRate, SamplerObserver};

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
    policy: Arc<ArcSwap<Policy>>,
    observer: Option<Arc<dyn SamplerObserver>>,
    record_unsampled: bool,
}

impl SmartSampler {
    /// Starts with no rules and a base rate of 1.
    pub fn builder() -> SmartSamplerBuilder {
        SmartSamplerBuilder::new()
    }

    pub(crate) fn new(policy: Policy, record_unsampled: bool) -> Self {
        Self {
            policy: Arc::new(ArcSwap::from_pointee(policy)),
            observer: None,
            record_unsampled,
        }
    }

    /// Tells this observer of every decision on a local root, in the place of an earlier observer.
    #[must_use]
    pub fn with_observer(mut self, observer: impl SamplerObserver) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Each rule's name and the rate that results from it, in order; the base rate comes last. Of a
    /// rule with a limit it is the rate that is applied now.
    #[must_use]
    pub fn rates(&self) -> Vec<(String, SampleRate)> {
        let policy = self.policy.load();
        let owned = policy.rates().map(|(rule, rate)| (rule.to_owned(), rate));
        owned.collect()
    }

    /// A handle that changes the rules while the sampler works.
    ///
    /// Get it after [`with_observer`](Self::with_observer), so that the observer hears of changes.
    pub fn handle(&self) -> SamplerHandle {
        SamplerHandle(self.clone())
    }

    fn decide_root(
        &self,
        policy: &Policy,
        trace_id: TraceId,
        span: SpanStart<'_>,
    ) -> SamplingResult {
        if trace_id == TraceId::INVALID {
            // The SDK takes the id of an invalid parent (made while telemetry is suppressed or after
            // shutdown). Such a span could not be exported by anyone.
            return dropped(TraceState::NONE);
        }
        let applied = policy
            .verdict(span)
            .apply(Randomness::from_trace_id(trace_id));
        self.observe(&applied, DecisionReason::Root);
        if applied.sampled {
            return sampled(applied.attributes(), applied.trace_state());
        }
        self.not_sampled(Some(applied.verdict), policy, TraceState::NONE)
    }

    fn decide_below_remote(
        &self,
        policy: &Policy,
        parent: &SpanContext,
        span: SpanStart<'_>,
    ) -> SamplingResult {
        let trace_state = parent.trace_state();
        let ot = OtEntry::of(trace_state);
        let randomness = ot
            .randomness()
            .unwrap_or_else(|| Randomness::from_trace_id(parent.trace_id()));
        // A threshold that contradicts the flag is of another decision.
        let parents = ot
            .threshold()
            .filter(|th| parent.is_sampled() && th.keeps(randomness));
        let applied = policy
            .verdict_below_remote(span)
            .map(|verdict| verdict.apply(randomness));
        let ignores = policy.remote_parents == RemoteParents::Ignore;

        if let Some(applied) = &applied
            && (ignores
                || !parent.is_sampled()
                || (applied.sampled && is_more_generous(applied.threshold, parents)))
        {
            self.observe(applied, DecisionReason::DespiteRemoteParent);
            if applied.sampled {
                let trace_state = with_threshold(ot, applied.threshold, trace_state);
                return sampled(applied.attributes(), trace_state);
            }
        } else {
            self.observe_parent(policy, parent.is_sampled());
            if parent.is_sampled() {
                let trace_state = with_threshold(ot, parents, trace_state);
                return sampled(policy.parent_attributes.to_vec(), trace_state);
            }
        }
        // The threshold of a span that is not sampled must not be passed on.
        let trace_state = with_threshold(ot, None, trace_state);
        if policy.remote_parents == RemoteParents::Obey {
            return dropped(trace_state);
        }
        let verdict = applied.map(|applied| applied.verdict);
        self.not_sampled(verdict, policy, trace_state)
    }

    /// A local root that is not sampled: recorded if somebody may still want it.
    fn not_sampled(
        &self,
        verdict: Option<&Verdict>,
        policy: &Policy,
        trace_state: TraceState,
    ) -> SamplingResult {
        if !self.record_unsampled || verdict.is_some_and(|verdict| verdict.is_never) {
            return dropped(trace_state);
        }
        let attributes = match verdict {
            Some(verdict) => vec![verdict.rule_attribute()],
            None => policy.parent_attributes.to_vec(),
        };
        SamplingResult {
            decision: SamplingDecision::RecordOnly,
            attributes,
            trace_state,
        }
    }

    fn observe(&self, applied: &Applied<'_>, reason: DecisionReason) {
        if let Some(observer) = &self.observer {
            observer.decided(&Decision {
                rule: applied.verdict.rule.as_str(),
                rule_index: applied.verdict.index,
                rate: Some(applied.rate),
                sampled: applied.sampled,
                reason,
            });
        }
    }

    fn observe_parent(&self, policy: &Policy, sampled: bool) {
        if let Some(observer) = &self.observer {
            observer.decided(&Decision {
                rule: RULE_PARENT,
                rule_index: policy.parent_index(),
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
            .map(|span| (span, span.span_context()))
            .filter(|(_, context)| context.is_valid());
        if let Some((span, context)) = parent
            && !context.is_remote()
        {
            // The way of almost every span: nothing is looked at but the parent's flag.
            let decision = if context.is_sampled() {
                SamplingDecision::RecordAndSample
            } else if self.record_unsampled && span.is_recording() {
                SamplingDecision::RecordOnly
            } else {
                SamplingDecision::Drop
            };
            return SamplingResult {
                decision,
                attributes: Vec::new(),
                trace_state: context.trace_state().clone(),
            };
        }
        let span = SpanStart {
            name,
            kind: span_kind,
            attributes,
        };
        let policy = self.policy.load();
        match parent {
            Some((_, parent)) => self.decide_below_remote(&policy, parent, span),
            None => self.decide_root(&policy, trace_id, span),
        }
    }
}

impl fmt::Debug for SmartSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmartSampler")
            .field("rates", &self.rates())
            .field("observed", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}

/// Changes the rules of a [`SmartSampler`] that is at work. Clones change the same sampler.
///
/// ```
/// use otel_smart_sampler::{Rule, SampleRate, SmartSampler};
///
/// let sampler = SmartSampler::builder().base_rate(SampleRate::new(0.1)?).build()?;
/// let handle = sampler.handle();
///
/// let incident = SmartSampler::builder()
///     .base_rate(SampleRate::new(0.5)?)
///     .rules(Rule::parse("noise: name=GET /poll* -> never")?);
/// handle.replace(incident)?;
/// assert_eq!(sampler.rates()[1].1.as_f64(), 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SamplerHandle(SmartSampler);

impl SamplerHandle {
    /// Replaces base rate, rules and the setting for remote parents. Traces that have begun keep
    /// their decision; those that begin from now on get the new rules. Decisions never wait.
    ///
    /// Whether unsampled spans are recorded stays as it was.
    ///
    /// # Errors
    ///
    /// [`BuildError`] as from [`SmartSamplerBuilder::build`]; then the old rules stay.
    pub fn replace(&self, builder: SmartSamplerBuilder) -> Result<(), BuildError> {
        let policy = Arc::new(builder.policy()?);
        self.0.policy.store(Arc::clone(&policy));
        if let Some(observer) = &self.0.observer {
            observer.rules_changed(&policy.rates().collect::<Vec<_>>());
        }
        Ok(())
    }

    /// The rates now, as [`SmartSampler::rates`].
    #[must_use]
    pub fn rates(&self) -> Vec<(String, SampleRate)> {
        self.0.rates()
    }
}

/// Whether a span that our threshold keeps was likelier to be kept by it than by its parent's. Of
/// a parent without a threshold that is unknown, unless ours keeps everything.
fn is_more_generous(ours: Option<Threshold>, parents: Option<Threshold>) -> bool {
    match (ours, parents) {
        (Some(ours), Some(parents)) => ours < parents,
        (ours, None) => ours == Some(Threshold::ALWAYS),
        (None, Some(_)) => false,
    }
}

/// The parent's trace state, with this threshold or none.
fn with_threshold(
    ot: OtEntry<'_>,
    threshold: Option<Threshold>,
    trace_state: &TraceState,
) -> TraceState {
    if ot.threshold() == threshold {
        return trace_state.clone();
    }
    ot.with_threshold(threshold).write_to(trace_state)
}

fn sampled(attributes: Vec<KeyValue>, trace_state: TraceState) -> SamplingResult {
    SamplingResult {
        decision: SamplingDecision::RecordAndSample,
        attributes,
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
