//! The sampling rules of an MCP server for Splunk.

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;
use otel_pipeline::{KeepOptions, KeepReason};
use otel_smart_sampler::{
    BuildError, Match, Pattern, RemoteParents, Rule, RuleRate, SampleRate, SampleRateError,
    SamplerHandle, SmartSampler, SmartSamplerBuilder,
};

use crate::attributes as names;
use crate::config::Config;

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
/// | rule | matches | rate | below a remote parent |
/// |---|---|---|---|
/// | `mcp.tool` | tool executions | always | kept whatever it says |
/// | `mcp` | MCP requests | always | kept whatever it says |
/// | `mcp.method` | spans with `mcp.method.name` | always | kept whatever it says |
/// | `mcp.http` | HTTP requests to the MCP endpoint | always | kept whatever it says |
/// | `splunk` | Splunk operations that run by themselves | 1.5 times the base rate | follows it |
/// | `health` | health checks | 1 % | follows it |
/// | `base` | everything else | the base rate | follows it |
///
/// What is kept whatever the remote parent says has `th:0`, rate 1 and a sampled flag of its own;
/// `MCP_TELEMETRY_OBEY_PARENT=true` has it follow as well.
///
/// # Errors
///
/// None: the health rate is a constant in range. It says so for the compiler's sake.
pub fn rules() -> Result<Vec<Rule>, SampleRateError> {
    let op = |pattern| Match::pattern(pattern);
    let always = |rule: Rule| rule.rate(RuleRate::Always).keep_despite_parent();
    let tool = op(Pattern::exact("mcp.tool"));
    let mcp = op(Pattern::prefix("mcp."));
    Ok(vec![
        always(Rule::new("mcp.tool").attribute(names::SENTRY_OP, tool)),
        always(Rule::new("mcp").attribute(names::SENTRY_OP, mcp)),
        // Spans that an app makes itself, without `sentry.op`.
        always(Rule::new("mcp.method").attribute(names::MCP_METHOD_NAME, Match::present())),
        always(Rule::new("mcp.http").attribute(names::MCP_TRANSPORT, Match::present())),
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
/// let rates = sampler.rates();
/// let health = rates.iter().find(|(rule, _)| rule == "health");
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

/// As [`builder`], with rules of the app's own in front. One that has the name of a built-in rule
/// takes its place.
///
/// ```
/// use mcp_telemetry::otel_smart_sampler::Rule;
///
/// let own = Rule::parse("health: http.route=/health -> never; jobs: name=job * -> 1%, max 5/s")?;
/// let sampler = mcp_telemetry::sampling::builder_with(0.1, own)?.build()?;
/// let names: Vec<String> = sampler.rates().into_iter().map(|(rule, _)| rule).collect();
/// assert_eq!(names[..3], ["health", "jobs", "mcp.tool"]);
/// assert_eq!(names.iter().filter(|rule| *rule == "health").count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Where the base rate is out of range.
pub fn builder_with(base_rate: f64, own: Vec<Rule>) -> Result<SmartSamplerBuilder, SamplingError> {
    let is_replaced = |rule: &Rule| own.iter().any(|own| own.rule_name() == rule.rule_name());
    let mut built_in = rules()?;
    built_in.retain(|rule| !is_replaced(rule));
    Ok(SmartSampler::builder()
        .base_rate(SampleRate::new(base_rate)?)
        .rules(own)
        .rules(built_in))
}

/// The sampler that the settings ask for.
pub(crate) fn of_config(config: &Config) -> Result<SmartSampler, SamplingError> {
    let builder = builder_with(config.base_rate(), config.sampling.rules.clone())?;
    let sampler = builder
        .remote_parents(config.sampling.remote_parents)
        .record_unsampled(keep_options(config).is_on())
        .build()?;
    Ok(sampler)
}

/// What the pipeline keeps whatever the sampler said.
pub(crate) fn keep_options(config: &Config) -> KeepOptions {
    let keep = config.sampling.keep;
    KeepOptions::default()
        .with_errors(keep.errors)
        .with_slow(keep.slow)
        .with_remote_parents(config.sampling.remote_parents != RemoteParents::Obey)
}

/// Notes on a trace's first span in this process that the trace was kept, and so stands for itself
/// alone.
pub(crate) fn mark_kept(span: &mut SpanData, reason: KeepReason) {
    let is_local_root = span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote;
    if is_local_root {
        let rate = KeyValue::new(names::SAMPLING_RATE, 1.0);
        let kept = KeyValue::new(names::SAMPLING_KEPT, reason.as_str());
        // Of a key that is set again the pipeline keeps the last value.
        span.attributes.extend([rate, kept]);
        #[cfg(feature = "sentry")]
        otel_sentry::propagation::keep_whole(span);
    }
}

/// Changes the sampling rules while telemetry runs: see
/// [`Telemetry::sampling_control`](crate::Telemetry::sampling_control).
#[derive(Clone, Debug)]
pub struct SamplingControl {
    handle: SamplerHandle,
    remote_parents: RemoteParents,
}

impl SamplingControl {
    pub(crate) fn new(sampler: &SmartSampler, config: &Config) -> Self {
        Self {
            handle: sampler.handle(),
            remote_parents: config.sampling.remote_parents,
        }
    }

    /// Replaces the base rate and the app's own rules; the built-in ones stay behind them, as in
    /// [`builder_with`]. It holds for traces that begin from now on. What remote parents count
    /// stays as set at the start.
    ///
    /// # Errors
    ///
    /// As from [`builder_with`] and the sampler's builder; then nothing changes.
    pub fn replace(&self, base_rate: f64, own: Vec<Rule>) -> Result<(), SamplingError> {
        let builder = builder_with(base_rate, own)?.remote_parents(self.remote_parents);
        Ok(self.handle.replace(builder)?)
    }

    /// Each rule's name and the rate that it applies now, in order; the base rate comes last.
    #[must_use]
    pub fn rates(&self) -> Vec<(String, SampleRate)> {
        self.handle.rates()
    }
}

#[cfg(test)]
mod tests {
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
        let rates = sampler.rates();
        let splunk = rates.iter().find(|(rule, _)| rule == "splunk");
        assert_eq!(splunk.unwrap().1.as_f64(), 1.0);
    }
}
