//! What is wrong with the settings, all of it at once.

use std::fmt;

use thiserror::Error;

use super::variables::Variable;

/// One setting that is wrong.
///
/// A secret value is never part of it; other values are shown shortened, with credentials of URLs masked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable}: {problem}; expected {expected}; {fallback}")]
#[non_exhaustive]
pub struct ConfigProblem {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong with its value.
    pub problem: String,
    /// The accepted form.
    pub expected: String,
    /// What [`Config::from_lookup_lenient`](super::Config::from_lookup_lenient) does instead.
    pub fallback: String,
}

impl ConfigProblem {
    pub(super) fn new(
        variable: &Variable,
        problem: impl Into<String>,
        fallback: impl Into<String>,
    ) -> Self {
        Self {
            variable: variable.name,
            problem: problem.into(),
            expected: variable.kind.accepted(),
            fallback: fallback.into(),
        }
    }
}

/// Every setting that is wrong, in the order in which they are read. Never empty.
///
/// `Display` has one line for the count and one for each problem.
///
/// # Example
///
/// ```
/// use mcp_telemetry::config::{AppInfo, Config};
///
/// let errors = Config::from_lookup(AppInfo::new("app", "1.0.0"), |key| match key {
///     "SENTRY_DEBUG" => Some("maybe".to_owned()),
///     "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("10s".to_owned()),
///     _ => None,
/// })
/// .unwrap_err();
/// let variables: Vec<_> = errors.problems().iter().map(|problem| problem.variable).collect();
/// assert_eq!(variables, ["SENTRY_DEBUG", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
/// assert!(errors.to_string().contains("SENTRY_DEBUG: `maybe` is none of the accepted words"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<ConfigProblem>,
}

impl ConfigErrors {
    /// `None` when there is no problem.
    pub(super) fn from_problems(problems: Vec<ConfigProblem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self { problems })
    }

    /// The problems, in the order in which the variables are read.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("1 wrong setting:")?,
            count => write!(f, "{count} wrong settings:")?,
        }
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
