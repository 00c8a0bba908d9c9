//! Builds a sampler and checks its rules.

use std::fmt;

use crate::policy::Policy;
use crate::{RULE_BASE, RULE_PARENT, RemoteParents, Rule, RuleRate, SampleRate, SmartSampler};

/// Collects the base rate and the rules of a [`SmartSampler`].
#[derive(Clone, Debug)]
#[must_use = "call `build` to get a sampler"]
pub struct SmartSamplerBuilder {
    base_rate: SampleRate,
    rules: Vec<Rule>,
    remote_parents: RemoteParents,
    record_unsampled: bool,
}

impl SmartSamplerBuilder {
    /// No rules, base rate 1.
    pub(crate) fn new() -> Self {
        Self {
            base_rate: SampleRate::ALWAYS,
            rules: Vec::new(),
            remote_parents: RemoteParents::default(),
            record_unsampled: false,
        }
    }

    /// The rate of spans that no rule matches, and what [`RuleRate::TimesBase`] multiplies. 1 unless
    /// set.
    pub fn base_rate(mut self, rate: SampleRate) -> Self {
        self.base_rate = rate;
        self
    }

    /// Adds a rule behind those already there. The first rule that matches a span wins.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds several rules in their order.
    pub fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules.extend(rules);
        self
    }

    /// What the decision of a remote parent counts. [`RemoteParents::ByRule`] unless set.
    pub fn remote_parents(mut self, remote_parents: RemoteParents) -> Self {
        self.remote_parents = remote_parents;
        self
    }

    /// Whether spans that are not sampled are recorded all the same (`RecordOnly`), for a span
    /// processor that may still find that they matter. Off unless set.
    ///
    /// It costs what recording a span costs, and the processor must know that such spans may not
    /// be exported: the SDK's own do export them. What [`RuleRate::Never`] drops, and what
    /// [`RemoteParents::Obey`] drops, is not recorded.
    pub fn record_unsampled(mut self, on: bool) -> Self {
        self.record_unsampled = on;
        self
    }

    /// The sampler.
    ///
    /// # Errors
    ///
    /// [`BuildError`] with everything that is wrong with the rules, not only the first.
    pub fn build(self) -> Result<SmartSampler, BuildError> {
        let record_unsampled = self.record_unsampled;
        Ok(SmartSampler::new(self.policy()?, record_unsampled))
    }

    /// What the sampler decides by.
    pub(crate) fn policy(self) -> Result<Policy, BuildError> {
        let problems = problems(&self.rules);
        if problems.is_empty() {
            Ok(Policy::new(self.base_rate, self.rules, self.remote_parents))
        } else {
            Err(BuildError { problems })
        }
    }
}

fn problems(rules: &[Rule]) -> Vec<RuleProblem> {
    let mut found = Vec::new();
    let mut earlier: Vec<&str> = Vec::with_capacity(rules.len());
    for (position, rule) in (1..).zip(rules) {
        let name = &*rule.name;
        if name.is_empty() {
            found.push(RuleProblem::EmptyName { position });
        } else if name == RULE_BASE || name == RULE_PARENT {
            let rule = name.to_owned();
            found.push(RuleProblem::ReservedName { position, rule });
        } else if earlier.contains(&name) {
            let rule = name.to_owned();
            found.push(RuleProblem::RepeatedName { position, rule });
        }
        earlier.push(name);
        if let RuleRate::TimesBase(factor) = rule.rate
            && !(factor.is_finite() && factor >= 0.0)
        {
            let rule = name.to_owned();
            found.push(RuleProblem::Factor {
                position,
                rule,
                factor,
            });
        }
        if let Some(limit) = rule.at_most
            && !(limit.is_finite() && limit > 0.0)
        {
            let rule = name.to_owned();
            found.push(RuleProblem::Limit {
                position,
                rule,
                limit,
            });
        }
    }
    found
}

/// What is wrong with the rules of a sampler; lists every problem.
///
/// ```
/// use otel_smart_sampler::{Rule, RuleRate, SmartSampler};
///
/// let error = SmartSampler::builder()
///     .rule(Rule::new("base"))
///     .rule(Rule::new("api").rate(RuleRate::TimesBase(-1.0)))
///     .build()
///     .unwrap_err();
/// assert_eq!(error.problems().len(), 2);
/// assert_eq!(
///     error.problems()[1].to_string(),
///     "rule 2 \"api\": the factor of the base rate must be a finite number of at least 0, got -1"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BuildError {
    problems: Vec<RuleProblem>,
}

impl BuildError {
    /// The problems in the order of the rules; at least one.
    #[must_use]
    pub fn problems(&self) -> &[RuleProblem] {
        &self.problems
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sampling rules cannot be used")?;
        let mut separator = ": ";
        for problem in &self.problems {
            write!(f, "{separator}{problem}")?;
            separator = "; ";
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// One thing that is wrong with a rule. `position` counts the rules from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleProblem {
    /// The name is empty.
    #[error("rule {position}: its name is empty")]
    EmptyName {
        /// Which rule, from 1.
        position: usize,
    },
    /// The name has a meaning of its own in `sampling.rule`.
    #[error("rule {position} {rule:?}: the names \"base\" and \"parent\" are taken")]
    ReservedName {
        /// Which rule, from 1.
        position: usize,
        /// Its name.
        rule: String,
    },
    /// An earlier rule has the same name.
    #[error("rule {position} {rule:?}: an earlier rule has the same name")]
    RepeatedName {
        /// Which rule, from 1.
        position: usize,
        /// Its name.
        rule: String,
    },
    /// The factor of [`RuleRate::TimesBase`] cannot be used.
    #[error(
        "rule {position} {rule:?}: the factor of the base rate must be a finite number of at least 0, got {factor}"
    )]
    Factor {
        /// Which rule, from 1.
        position: usize,
        /// Its name.
        rule: String,
        /// The factor that was given.
        factor: f64,
    },
    /// The limit of [`Rule::at_most`] cannot be used.
    #[error(
        "rule {position} {rule:?}: the most traces a second must be a finite number above 0, got {limit}"
    )]
    Limit {
        /// Which rule, from 1.
        position: usize,
        /// Its name.
        rule: String,
        /// The limit that was given.
        limit: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once() {
        let error = SmartSampler::builder()
            .rule(Rule::new("ok"))
            .rules([
                Rule::new(""),
                Rule::new("parent"),
                Rule::new("ok").rate(RuleRate::TimesBase(f64::INFINITY)),
            ])
            .build()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the sampling rules cannot be used: rule 2: its name is empty; \
             rule 3 \"parent\": the names \"base\" and \"parent\" are taken; \
             rule 4 \"ok\": an earlier rule has the same name; \
             rule 4 \"ok\": the factor of the base rate must be a finite number of at least 0, got inf"
        );
    }

    #[test]
    fn a_limit_is_a_number_above_zero() {
        for limit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let rule = Rule::new("r").at_most(limit);
            let error = SmartSampler::builder().rule(rule).build().unwrap_err();
            assert!(matches!(error.problems(), [RuleProblem::Limit { .. }]));
        }
        let rule = Rule::new("r").at_most(0.01);
        assert!(SmartSampler::builder().rule(rule).build().is_ok());
    }

    #[test]
    fn not_a_number_is_no_factor() {
        let nan = Rule::new("nan").rate(RuleRate::TimesBase(f64::NAN));
        let error = SmartSampler::builder().rule(nan).build().unwrap_err();
        assert!(matches!(
            error.problems(),
            [RuleProblem::Factor { position: 1, .. }]
        ));
    }
}
