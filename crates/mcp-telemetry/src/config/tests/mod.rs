//! Each variable good and bad. What concerns all of them is in `whole`.

mod otlp;
mod sampling;
mod whole;

use super::*;

const DSN: &str = "https://examplekey@o1.ingest.sentry.io/42";

fn app() -> AppInfo {
    AppInfo::new("app", "1.2.3")
}

fn lenient(variables: &[(&str, &str)]) -> (Config, Vec<ConfigProblem>) {
    let (config, errors) = Config::from_lookup_lenient(app(), |key| {
        variables
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| (*value).to_owned())
    });
    let problems = errors.map_or_else(Vec::new, |errors| errors.problems().to_vec());
    (config, problems)
}

#[track_caller]
fn good(variables: &[(&str, &str)]) -> Config {
    let (config, problems) = lenient(variables);
    assert_eq!(problems, [], "{variables:?}");
    config
}

/// The settings after fallback. Asserts that exactly `wrong` are reported, in this order.
#[track_caller]
fn bad(variables: &[(&str, &str)], wrong: &[&str]) -> (Config, String) {
    let (config, problems) = lenient(variables);
    let reported: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
    assert_eq!(reported, wrong, "{variables:?}: {problems:#?}");
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    (config, text.join("\n"))
}

#[test]
fn defaults() {
    let config = good(&[]);
    assert!(config.sentry.dsn.is_none());
    assert_eq!(config.sentry.environment, "development");
    assert_eq!(config.sentry.release, "app@1.2.3");
    assert_eq!(config.sentry.traces_sample_rate, 1.0);
    assert_eq!(config.sentry.profiles_sample_rate, 0.1);
    assert!(!config.sentry.debug);
    assert!(config.sentry.enable_logs);
    assert!(config.sentry.send_pii);
    assert_eq!(config.sentry.traces, SentryTraces::Bridge);
    assert!(config.otlp.is_off());
    assert_eq!(config.resource.service_name, "app");
    assert_eq!(config.resource.service_version, "1.2.3");
    assert!(config.resource.attributes.is_empty());
    assert_eq!(
        config.propagators,
        [
            Propagator::TraceContext,
            Propagator::Baggage,
            Propagator::Sentry
        ]
    );
    assert_eq!(config.mcp.parent, McpParent::MetaFirst);
    assert!(config.redact_keys.is_empty());
    assert!(!config.sdk_disabled);
    assert_eq!(config.shutdown_timeout, Duration::from_millis(2000));
}

#[test]
fn dsn() {
    let config = good(&[("SENTRY_DSN", DSN)]);
    assert_eq!(config.sentry.dsn.unwrap().expose(), DSN);
    for value in ["https://host/1", "nonsense", "https://key@host/abc"] {
        let (config, text) = bad(&[("SENTRY_DSN", value)], &["SENTRY_DSN"]);
        assert!(config.sentry.dsn.is_none());
        assert!(text.ends_with("Sentry stays off"), "{text}");
        assert!(!text.contains(value), "{text}");
    }
}

#[test]
fn environment_and_release() {
    let config = good(&[
        ("SENTRY_ENVIRONMENT", " staging eu "),
        ("SENTRY_RELEASE", "mcp-server-splunk@0.4.0+build.7"),
    ]);
    assert_eq!(config.sentry.environment, "staging eu");
    assert_eq!(config.sentry.release, "mcp-server-splunk@0.4.0+build.7");

    for (value, environment, release) in [
        ("a/b", "a-b", "a-b"),
        ("a\\b", "a-b", "a-b"),
        (".", "development", "app@1.2.3"),
    ] {
        let (config, text) = bad(
            &[("SENTRY_ENVIRONMENT", value), ("SENTRY_RELEASE", value)],
            &["SENTRY_ENVIRONMENT", "SENTRY_RELEASE"],
        );
        assert_eq!(config.sentry.environment, environment);
        assert_eq!(config.sentry.release, release);
        assert!(text.contains("is used instead"), "{text}");
    }
    let (config, _) = bad(&[("SENTRY_ENVIRONMENT", "NONE")], &["SENTRY_ENVIRONMENT"]);
    assert_eq!(config.sentry.environment, "development");
    let (config, _) = bad(&[("SENTRY_RELEASE", "latest")], &["SENTRY_RELEASE"]);
    assert_eq!(config.sentry.release, "app@1.2.3");
    let (config, text) = bad(
        &[("SENTRY_ENVIRONMENT", &"x".repeat(65))],
        &["SENTRY_ENVIRONMENT"],
    );
    assert_eq!(config.sentry.environment, "x".repeat(64));
    assert!(text.contains("is too long"), "{text}");
}

#[test]
fn the_default_release_is_one_that_sentry_keeps() {
    let (config, errors) = Config::from_lookup_lenient(AppInfo::new("@scope/app", "1.0"), |_| None);
    assert!(errors.is_none());
    assert_eq!(config.sentry.release, "@scope-app@1.0");
}

#[test]
fn rates() {
    let read = |config: &Config, name: &str| match name {
        "SENTRY_TRACES_SAMPLE_RATE" => config.sentry.traces_sample_rate,
        _ => config.sentry.profiles_sample_rate,
    };
    for (name, default) in [
        ("SENTRY_TRACES_SAMPLE_RATE", 1.0),
        ("SENTRY_PROFILES_SAMPLE_RATE", 0.1),
    ] {
        for (value, expected) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25), (" 1e-3 ", 0.001)] {
            assert_eq!(read(&good(&[(name, value)]), name), expected);
        }
        for value in ["-0.1", "1.1", "NaN", "inf", "50%", "half", "0,5"] {
            let (config, text) = bad(&[(name, value)], &[name]);
            assert_eq!(read(&config, name), default, "{value}");
            assert!(text.contains(&format!("`{value}`")), "{text}");
        }
    }
}

#[test]
fn switches() {
    let read = |config: &Config, name: &str| match name {
        "SENTRY_DEBUG" => config.sentry.debug,
        "SENTRY_ENABLE_LOGS" => config.sentry.enable_logs,
        _ => config.sentry.send_pii,
    };
    for (name, default) in [
        ("SENTRY_DEBUG", false),
        ("SENTRY_ENABLE_LOGS", true),
        ("SENTRY_SEND_PII", true),
    ] {
        for value in ["true", "TRUE", "1", "yes", "On"] {
            assert!(read(&good(&[(name, value)]), name), "{name}={value}");
        }
        for value in ["false", "False", "0", "NO", "off"] {
            assert!(!read(&good(&[(name, value)]), name), "{name}={value}");
        }
        for value in ["2", "y", "enabled", "truee"] {
            let (config, _) = bad(&[(name, value)], &[name]);
            assert_eq!(read(&config, name), default, "{name}={value}");
        }
    }
}

#[test]
fn otel_booleans_are_true_only_when_they_say_true() {
    assert!(good(&[("OTEL_SDK_DISABLED", "True")]).sdk_disabled);
    assert!(!good(&[("OTEL_SDK_DISABLED", "FALSE")]).sdk_disabled);
    for value in ["1", "yes", "on", "0", "t"] {
        let (config, _) = bad(&[("OTEL_SDK_DISABLED", value)], &["OTEL_SDK_DISABLED"]);
        assert!(!config.sdk_disabled, "{value}");
    }
}

#[test]
fn service_name_precedence() {
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-list,a=b");
    let config = good(&[attributes]);
    assert_eq!(config.resource.service_name, "from-list");
    let config = good(&[attributes, ("OTEL_SERVICE_NAME", "named")]);
    assert_eq!(config.resource.service_name, "named");
    assert!(!config.resource.attributes.contains_key("service.name"));
    let config = good(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=,a=b")]);
    assert_eq!(config.resource.service_name, "app");
}

#[test]
fn resource_attributes() {
    let config = good(&[(
        "OTEL_RESOURCE_ATTRIBUTES",
        "deployment.environment.name=prod, team = a%20b%2Cc ,service.version=9,x=1,x=2",
    )]);
    let attributes: Vec<_> = config
        .resource
        .attributes
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        attributes,
        [
            ("deployment.environment.name", "prod"),
            ("team", "a b,c"),
            ("x", "2")
        ]
    );
    assert_eq!(config.resource.service_version, "9");

    let variable = "OTEL_RESOURCE_ATTRIBUTES";
    let (config, text) = bad(
        &[(variable, "good=1,without,=nokey,code=%zz")],
        &[variable, variable, variable],
    );
    assert!(config.resource.attributes.is_empty());
    for place in [
        "pair 2 has no `=`",
        "pair 3 has nothing",
        "pair 4 has a `%`",
    ] {
        assert!(text.contains(place), "{text}");
    }
}

#[test]
fn times() {
    let name = "MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS";
    for (value, expected) in [("1", 1), ("2500", 2500), ("600000", 600_000)] {
        let config = good(&[(name, value)]);
        assert_eq!(config.shutdown_timeout, Duration::from_millis(expected));
    }
    for value in ["0", "-1", "1.5", "2s", "600001", "99999999999999999999"] {
        let (config, text) = bad(&[(name, value)], &[name]);
        assert_eq!(
            config.shutdown_timeout,
            Duration::from_millis(2000),
            "{value}"
        );
        assert!(
            text.contains("whole milliseconds from 1 to 600000"),
            "{text}"
        );
    }
    let name = "OTEL_EXPORTER_OTLP_TIMEOUT";
    let (config, _) = bad(&[(name, "0"), ("OTEL_TRACES_EXPORTER", "otlp")], &[name]);
    assert_eq!(config.otlp.traces.unwrap().timeout, Duration::from_secs(10));
}

#[test]
fn propagators() {
    use Propagator::{Baggage, Sentry, TraceContext};
    let name = "OTEL_PROPAGATORS";
    for (value, expected) in [
        ("none", &[][..]),
        ("tracecontext", &[TraceContext]),
        ("Sentry, baggage,sentry,", &[Sentry, Baggage]),
    ] {
        assert_eq!(good(&[(name, value)]).propagators, expected);
    }
    let (config, text) = bad(&[(name, "b3,tracecontext,jaeger")], &[name, name]);
    assert_eq!(config.propagators, [TraceContext]);
    assert!(text.contains("`b3`") && text.contains("`jaeger`"), "{text}");
    let (config, _) = bad(&[(name, "b3")], &[name]);
    assert_eq!(config.propagators, [TraceContext, Baggage, Sentry]);
    let (config, _) = bad(&[(name, "none,baggage")], &[name]);
    assert_eq!(config.propagators, [Baggage]);
}

#[test]
fn words_of_ours() {
    let traces = "MCP_TELEMETRY_SENTRY_TRACES";
    assert_eq!(good(&[(traces, "OFF")]).sentry.traces, SentryTraces::Off);
    let (config, text) = bad(&[(traces, "true")], &[traces]);
    assert_eq!(config.sentry.traces, SentryTraces::Bridge);
    let words = "`bridge`, `stock`, `otlp`, `collector` or `off`";
    assert!(text.contains(&format!("expected {words}")), "{text}");
    for way in [
        SentryTraces::Bridge,
        SentryTraces::Stock,
        SentryTraces::Otlp,
    ] {
        assert_eq!(good(&[(traces, way.as_str())]).sentry.traces, way);
    }
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let config = good(&[(traces, "collector"), endpoint]);
    assert_eq!(config.sentry.traces, SentryTraces::Collector);
    let (config, text) = bad(&[(traces, "collector")], &[traces]);
    assert_eq!(config.sentry.traces, SentryTraces::Collector);
    assert!(text.contains("needs an OTLP endpoint for traces"), "{text}");
    let parent = "MCP_TELEMETRY_MCP_PARENT";
    let config = good(&[(parent, "ambient-first")]);
    assert_eq!(config.mcp.parent, McpParent::AmbientFirst);
    let (config, _) = bad(&[(parent, "ambient")], &[parent]);
    assert_eq!(config.mcp.parent, McpParent::MetaFirst);
}

#[test]
fn redact_keys() {
    let config = good(&[("MCP_TELEMETRY_REDACT_KEYS", " tenant_id ,,Card,tenant_id")]);
    assert_eq!(config.redact_keys, ["tenant_id", "Card"]);
}

#[test]
fn propagation() {
    let config = good(&[("MCP_TELEMETRY_STRICT_CONTINUATION", "yes")]);
    assert!(config.strict_continuation);
    let name = "MCP_TELEMETRY_PROPAGATION_TARGETS";
    let config = good(&[(name, "api.example.com, *.internal:8080,[::1]")]);
    let targets = ["api.example.com", "*.internal:8080", "[::1]"];
    assert_eq!(config.propagation_targets, targets);
    let (config, text) = bad(&[(name, "https://a/b,c")], &[name]);
    assert_eq!(config.propagation_targets, ["c"]);
    assert!(text.contains("`https://a/b` is no host"), "{text}");
}
