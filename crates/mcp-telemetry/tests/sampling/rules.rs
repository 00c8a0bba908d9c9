//! The built-in rules at several base rates, rules of the app's own, and changes at run time.

use mcp_telemetry::opentelemetry::KeyValue;
use mcp_telemetry::opentelemetry::trace::SpanKind;
use mcp_telemetry::opentelemetry_sdk::trace::{
    IdGenerator as _, SamplingDecision, ShouldSample as _,
};
use mcp_telemetry::otel_smart_sampler::Rule;

use crate::FixedIds;
use crate::common::{Rig, attribute};

/// Over a million decisions in all.
const TRACES: u32 = 30_000;

#[test]
fn every_rules_rate_holds_at_every_base_rate() {
    let ids = FixedIds::new(1);
    let mut decisions = 0;
    for base in [0.0, 0.01, 0.1, 0.5, 1.0] {
        let sampler = mcp_telemetry::sampling::sampler(base).unwrap();
        for (attributes, rule, rate) in [
            (&[("sentry.op", "mcp.tool")][..], "mcp.tool", 1.0),
            (&[("sentry.op", "mcp.server")], "mcp", 1.0),
            (&[("mcp.method.name", "tools/call")], "mcp.method", 1.0),
            (
                &[("sentry.op", "http.server"), ("mcp.transport", "http")],
                "mcp.http",
                1.0,
            ),
            (
                &[("sentry.op", "splunk.api")],
                "splunk",
                (1.5e6 * base).round().min(1e6) / 1e6,
            ),
            (
                &[("sentry.op", "http.server"), ("http.route", "/health")],
                "health",
                0.01,
            ),
            (&[("sentry.op", "other")], "base", base),
        ] {
            let attributes: Vec<_> = attributes
                .iter()
                .map(|(key, value)| KeyValue::new(*key, *value))
                .collect();
            let mut kept = 0;
            for _ in 0..TRACES {
                let id = ids.new_trace_id();
                let result =
                    sampler.should_sample(None, id, "x", &SpanKind::Server, &attributes, &[]);
                decisions += 1;
                if result.decision == SamplingDecision::RecordAndSample {
                    kept += 1;
                    assert_eq!(result.attributes[0], KeyValue::new("sampling.rule", rule));
                    assert_eq!(result.attributes[1], KeyValue::new("sampling.rate", rate));
                }
            }
            let expected = f64::from(TRACES) * rate;
            let spread = 4.0 * (expected * (1.0 - rate)).sqrt();
            let off = (f64::from(kept) - expected).abs();
            assert!(
                off <= spread,
                "{rule} at {base}: {kept}, expected {expected} ± {spread}"
            );
        }
    }
    assert!(decisions > 1_000_000);
}

fn decided(rig: &Rig) -> Vec<(String, String)> {
    let spans = rig.spans();
    let rule = |span| {
        attribute(span, "sampling.rule")
            .as_str()
            .unwrap()
            .to_owned()
    };
    spans
        .0
        .iter()
        .map(|span| (span.name.to_string(), rule(span)))
        .collect()
}

#[test]
fn rules_of_the_apps_own_come_first_and_change_at_run_time() {
    let rules = "noise: name=noise* -> never; mcp.tool: sentry.op=mcp.tool, name=quiet -> never";
    let rig = Rig::new(&[("MCP_TELEMETRY_SAMPLING_RULES", rules)]);
    let spans = || {
        drop(tracing::info_span!("noise a"));
        drop(tracing::info_span!("quiet", sentry.op = "mcp.tool"));
        drop(tracing::info_span!("loud", sentry.op = "mcp.tool"));
        drop(tracing::info_span!("other"));
    };
    spans();
    let found = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    // The own rule `mcp.tool` took the place of the built-in one; `mcp` is behind it.
    let mut expected = vec![("loud", "mcp"), ("other", "base")];
    assert_eq!(decided(&rig), found(&expected));

    let control = rig.telemetry().sampling_control().unwrap();
    let own = Rule::parse("other: name=other -> never").unwrap();
    control.replace(1.0, own).unwrap();
    spans();
    expected.extend([
        ("noise a", "base"),
        ("quiet", "mcp.tool"),
        ("loud", "mcp.tool"),
    ]);
    assert_eq!(decided(&rig), found(&expected));

    // What is wrong changes nothing.
    control.replace(2.0, Vec::new()).unwrap_err();
    control.replace(1.0, vec![Rule::new("base")]).unwrap_err();
    assert_eq!(control.rates()[0].0, "other");
    assert!(
        rig.sampling_counts()
            .iter()
            .any(|(rule, seen)| rule == "other" && *seen == 1)
    );
}
