//! The sampling rules of an MCP server for Splunk.

use otel_smart_sampler::{
    BuildError, Match, Pattern, Rule, RuleRate, SampleRate, SampleRateError, SmartSampler,
    SmartSamplerBuilder,
};

use crate::attributes as names;

/// Paths that count as health checks.
pub(crate) const HEALTH_PATHS: [&str; 4] = ["/health", "/healthz", "/livez", "/readyz"];

/// Share of health checks that is kept.
const HEALTH_RATE: f64 = 0.01;

/// How much likelier a Splunk operation that runs by itself is kept.
const SPLUNK_FACTOR: f64 = 1.5;

/// Why there is no sampler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// A rate out of range.
    #[error(transparent)]
    Rate(#[from] SampleRateError),
    /// Rules that contradict the sampler's own rules.
    #[error(transparent)]
    Rules(#[from] BuildError),
}

/// The rules, in order. The first that matches decides; children follow their parent.
///
/// | rule | matches | rate |
/// |---|---|---|
/// | `mcp.tool` | tool executions | always |
/// | `mcp` | MCP requests | always |
/// | `mcp.http` | HTTP requests to the MCP endpoint | always |
/// | `splunk` | Splunk operations that run by themselves | 1.5 times the base rate |
/// | `health` | health checks | 1 % |
/// | `base` | everything else | the base rate |
///
/// # Errors
///
/// None: the health rate is a constant in range. It says so for the compiler's sake.
pub fn rules() -> Result<Vec<Rule>, SampleRateError> {
    let op = |pattern| Match::pattern(pattern);
    Ok(vec![
        Rule::new("mcp.tool")
            .attribute(names::SENTRY_OP, op(Pattern::exact("mcp.tool")))
            .rate(RuleRate::Always),
        Rule::new("mcp")
            .attribute(names::SENTRY_OP, op(Pattern::prefix("mcp.")))
            .rate(RuleRate::Always),
        // Spans that an app makes itself, without `sentry.op`.
        Rule::new("mcp.method")
            .attribute(names::MCP_METHOD_NAME, Match::present())
            .rate(RuleRate::Always),
        Rule::new("mcp.http")
            .attribute(names::MCP_TRANSPORT, Match::present())
            .rate(RuleRate::Always),
        Rule::new("splunk")
            .attribute(names::SENTRY_OP, op(Pattern::exact("splunk.api")))
            .rate(RuleRate::TimesBase(SPLUNK_FACTOR)),
        Rule::new("health")
            .attribute(names::SENTRY_OP, op(Pattern::exact("http.server")))
            .attribute(names::HTTP_ROUTE, op(Pattern::one_of(HEALTH_PATHS)))
            .rate(SampleRate::new(HEALTH_RATE)?),
    ])
}

/// A sampler with these [`rules`] and a base rate from 0 to 1.
///
/// ```
/// let sampler = mcp_telemetry::sampling::sampler(0.1)?;
/// let health = sampler.rates().find(|(rule, _)| *rule == "health");
/// assert_eq!(health.map(|(_, rate)| rate.as_f64()), Some(0.01));
/// # Ok::<(), mcp_telemetry::sampling::SamplingError>(())
/// ```
///
/// # Errors
///
/// Where the base rate is out of range.
pub fn sampler(base_rate: f64) -> Result<SmartSampler, SamplingError> {
    Ok(builder(base_rate)?.build()?)
}

/// As [`sampler`], to add rules behind these.
///
/// # Errors
///
/// Where the base rate is out of range.
pub fn builder(base_rate: f64) -> Result<SmartSamplerBuilder, SamplingError> {
    Ok(SmartSampler::builder()
        .base_rate(SampleRate::new(base_rate)?)
        .rules(rules()?))
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::trace::SpanKind;

    use super::*;

    fn decided_by(attributes: &[(&'static str, &'static str)]) -> String {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(k, v)| KeyValue::new(*k, *v))
            .collect();
        let (rules, sampler) = (rules().unwrap(), sampler(0.5).unwrap());
        let rule = rules
            .iter()
            .zip(sampler.rates())
            .find(|(rule, _)| rule.matches("name", &SpanKind::Internal, &attributes));
        rule.map_or_else(
            || "base 0.5".to_owned(),
            |(_, (name, rate))| format!("{name} {}", rate.as_f64()),
        )
    }

    #[test]
    fn the_documents_rules_at_a_base_rate_of_one_half() {
        for (attributes, expected) in [
            (&[("sentry.op", "mcp.tool")][..], "mcp.tool 1"),
            (&[("sentry.op", "mcp.server")], "mcp 1"),
            (
                &[("sentry.op", "mcp.notification.client_to_server")],
                "mcp 1",
            ),
            (&[("mcp.method.name", "tools/list")], "mcp.method 1"),
            (
                &[("sentry.op", "http.server"), ("mcp.transport", "http")],
                "mcp.http 1",
            ),
            (&[("sentry.op", "splunk.api")], "splunk 0.75"),
            (
                &[("sentry.op", "http.server"), ("http.route", "/health")],
                "health 0.01",
            ),
            (
                &[("sentry.op", "http.server"), ("http.route", "/other")],
                "base 0.5",
            ),
            (
                &[("sentry.op", "http.client"), ("http.route", "/health")],
                "base 0.5",
            ),
            (&[], "base 0.5"),
        ] {
            assert_eq!(decided_by(attributes), expected, "{attributes:?}");
        }
    }

    #[test]
    fn the_splunk_rate_stops_at_one() {
        let sampler = sampler(0.9).unwrap();
        let splunk = sampler.rates().find(|(rule, _)| *rule == "splunk");
        assert_eq!(splunk.unwrap().1.as_f64(), 1.0);
    }
}
