//! One rule: its conditions and its rate.

use std::borrow::Cow;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Key, KeyValue};

use crate::{Match, Pattern, RuleRate};

/// A named rule: which local roots it is for, and at what rate they are kept.
///
/// All conditions must hold. A condition that is given several values holds when any of them does:
/// several [`name`](Rule::name)s, several [`kind`](Rule::kind)s, several
/// [`attribute`](Rule::attribute) matches of the same key. A rule without conditions is for every
/// span. The rate is the base rate unless [`rate`](Rule::rate) says otherwise.
///
/// ```
/// use opentelemetry::KeyValue;
/// use opentelemetry::trace::SpanKind;
/// use otel_smart_sampler::{Match, Pattern, Rule, RuleRate, SampleRate};
///
/// let health = Rule::new("health")
///     .kind(SpanKind::Server)
///     .attribute("http.route", Match::equals("/health"))
///     .attribute("http.route", Match::pattern(Pattern::prefix("/ready")))
///     .rate(RuleRate::Fixed(SampleRate::new(0.01)?));
///
/// let route = [KeyValue::new("http.route", "/readyz")];
/// assert!(health.matches("GET /readyz", &SpanKind::Server, &route));
/// assert!(!health.matches("GET /readyz", &SpanKind::Client, &route));
/// # Ok::<(), otel_smart_sampler::SampleRateError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing until it is given to a sampler's builder"]
pub struct Rule {
    pub(crate) name: Cow<'static, str>,
    names: Vec<Pattern>,
    kinds: Vec<SpanKind>,
    attributes: Vec<(Key, Vec<Match>)>,
    pub(crate) rate: RuleRate,
    /// Traces a second.
    pub(crate) at_most: Option<f64>,
    pub(crate) keep_despite_parent: bool,
}

impl Rule {
    /// A rule for every span, at the base rate.
    ///
    /// The name shows up as the span attribute `sampling.rule` and in the counts. It must be unique
    /// within a sampler and neither empty nor [`RULE_BASE`](crate::RULE_BASE) nor
    /// [`RULE_PARENT`](crate::RULE_PARENT); the sampler's builder checks that.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            names: Vec::new(),
            kinds: Vec::new(),
            attributes: Vec::new(),
            rate: RuleRate::TimesBase(1.0),
            at_most: None,
            keep_despite_parent: false,
        }
    }

    /// The rule's own name.
    #[must_use]
    pub fn rule_name(&self) -> &str {
        &self.name
    }

    /// Only spans whose name matches; given several times, any of the patterns.
    pub fn name(mut self, pattern: Pattern) -> Self {
        self.names.push(pattern);
        self
    }

    /// Only spans of this kind; given several times, any of the kinds.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Only spans which have this attribute when they start, with a value that matches; given
    /// several times for one key, any of the matches.
    ///
    /// When a span has several attributes of the key, it is enough that one matches.
    pub fn attribute(mut self, key: impl Into<Key>, condition: Match) -> Self {
        let key = key.into();
        match self.attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, conditions)) => conditions.push(condition),
            None => self.attributes.push((key, vec![condition])),
        }
        self
    }

    /// The rate at which the spans are kept. A [`SampleRate`](crate::SampleRate) is a fixed rate.
    pub fn rate(mut self, rate: impl Into<RuleRate>) -> Self {
        self.rate = rate.into();
        self
    }

    /// Keeps about so many traces a second at most; a fraction is fine. No limit unless set.
    ///
    /// When more come, the rate falls below that of [`rate`](Self::rate), and each span is marked
    /// with the rate that was applied to it: what is kept still extrapolates without bias. The limit
    /// holds on average. In the first second of a burst about twice as many may be kept.
    ///
    /// The limit is this process's own: with it, services no longer decide alike on one trace.
    pub fn at_most(mut self, traces_per_second: f64) -> Self {
        self.at_most = Some(traces_per_second);
        self
    }

    /// Applies the rule below remote parents too: what either of the two would keep is kept. Off
    /// unless set.
    ///
    /// Below a caller that did not sample, the span and its descendants are there while the caller's
    /// part of the trace is missing. `th` and rate are those of the more generous of the two, since
    /// that is how likely the span was to be kept.
    /// [`RemoteParents::Obey`](crate::RemoteParents::Obey) switches this off for all rules.
    pub fn keep_despite_parent(mut self) -> Self {
        self.keep_despite_parent = true;
        self
    }

    /// Whether all conditions hold for a span with this name, kind and attributes.
    #[must_use]
    pub fn matches(&self, name: &str, kind: &SpanKind, attributes: &[KeyValue]) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(kind))
            && (self.names.is_empty() || self.names.iter().any(|pattern| pattern.matches(name)))
            && self.attributes.iter().all(|(key, conditions)| {
                attributes
                    .iter()
                    .filter(|attribute| attribute.key == *key)
                    .any(|attribute| conditions.iter().any(|c| c.matches(&attribute.value)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: SpanKind = SpanKind::Server;

    #[test]
    fn a_rule_without_conditions_is_for_every_span() {
        assert!(Rule::new("all").matches("", &SpanKind::Internal, &[]));
    }

    #[test]
    fn all_conditions_must_hold() {
        let rule = Rule::new("r")
            .name(Pattern::prefix("GET "))
            .kind(SERVER)
            .attribute("a", Match::present())
            .attribute("b", Match::equals(1));
        let both = [KeyValue::new("b", 1), KeyValue::new("a", "x")];
        assert!(rule.matches("GET /", &SERVER, &both));
        assert!(!rule.matches("POST /", &SERVER, &both));
        assert!(!rule.matches("GET /", &SpanKind::Internal, &both));
        assert!(!rule.matches("GET /", &SERVER, &both[..1]));
        assert!(!rule.matches("GET /", &SERVER, &both[1..]));
    }

    #[test]
    fn several_values_of_a_condition_are_a_set() {
        let rule = Rule::new("r")
            .name(Pattern::exact("x"))
            .name(Pattern::exact("y"))
            .kind(SpanKind::Client)
            .kind(SpanKind::Producer)
            .attribute("a", Match::equals(1))
            .attribute("a", Match::equals("one"));
        for name in ["x", "y"] {
            for kind in [SpanKind::Client, SpanKind::Producer] {
                assert!(rule.matches(name, &kind, &[KeyValue::new("a", 1)]));
                assert!(rule.matches(name, &kind, &[KeyValue::new("a", "one")]));
                assert!(!rule.matches(name, &kind, &[KeyValue::new("a", 2)]));
            }
        }
        assert!(!rule.matches("z", &SpanKind::Client, &[KeyValue::new("a", 1)]));
        assert!(!rule.matches("x", &SERVER, &[KeyValue::new("a", 1)]));
    }

    #[test]
    fn of_repeated_attributes_one_is_enough() {
        let rule = Rule::new("r").attribute("a", Match::equals(2));
        let twice = [KeyValue::new("a", 1), KeyValue::new("a", 2)];
        assert!(rule.matches("", &SERVER, &twice));
    }
}
