//! The variables of the OTLP exporters.

use secrecy::ExposeSecret;

use super::*;

fn headers(signal: &OtlpSignal) -> Vec<(&str, &str)> {
    signal
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect()
}

#[test]
fn otlp_is_off_until_something_asks_for_it() {
    for variables in [
        &[][..],
        &[("OTEL_EXPORTER_OTLP_HEADERS", "a=b")],
        &[("OTEL_TRACES_EXPORTER", "none")],
        &[
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "None"),
            ("OTEL_METRICS_EXPORTER", "NONE"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"),
        ],
    ] {
        assert!(good(variables).otlp.is_off(), "{variables:?}");
    }
}

#[test]
fn otlp_default_endpoint() {
    let otlp = good(&[("OTEL_TRACES_EXPORTER", "otlp")]).otlp;
    let traces = otlp.traces.unwrap();
    assert_eq!(traces.endpoint, "http://localhost:4318/v1/traces");
    assert_eq!(traces.timeout, Duration::from_secs(10));
    assert_eq!(traces.compression, Compression::None);
    assert!(traces.headers.is_empty());
    assert!(otlp.logs.is_none() && otlp.metrics.is_none());

    let otlp = good(&[
        ("OTEL_LOGS_EXPORTER", "OTLP"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
    ])
    .otlp;
    assert_eq!(otlp.logs.unwrap().endpoint, "http://localhost:4318/v1/logs");
    assert_eq!(
        otlp.metrics.unwrap().endpoint,
        "http://localhost:4318/v1/metrics"
    );
}

#[test]
fn otlp_endpoints() {
    for (base, traces, logs) in [
        (
            "http://h:4318",
            "http://h:4318/v1/traces",
            "http://h:4318/v1/logs",
        ),
        ("https://h/", "https://h/v1/traces", "https://h/v1/logs"),
        (
            "http://h/otlp/",
            "http://h/otlp/v1/traces",
            "http://h/otlp/v1/logs",
        ),
    ] {
        let otlp = good(&[("OTEL_EXPORTER_OTLP_ENDPOINT", base)]).otlp;
        assert_eq!(otlp.traces.unwrap().endpoint, traces);
        assert_eq!(otlp.logs.unwrap().endpoint, logs);
        assert!(otlp.metrics.is_some());
    }
    let otlp = good(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/my/path"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://l"),
    ])
    .otlp;
    assert_eq!(otlp.traces.unwrap().endpoint, "http://t/my/path");
    assert_eq!(otlp.logs.unwrap().endpoint, "http://l/");
    assert!(otlp.metrics.is_none());

    let otlp = good(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://base"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m/x"),
    ])
    .otlp;
    assert_eq!(otlp.traces.unwrap().endpoint, "http://base/v1/traces");
    assert_eq!(otlp.metrics.unwrap().endpoint, "http://m/x");
}

#[test]
fn a_wrong_endpoint_turns_off_what_it_concerns() {
    let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let (config, _) = bad(&[(base, "collector:4318")], &[base]);
    assert!(config.otlp.is_off());
    // Not even the default endpoint is tried: it is not what was asked for.
    let (config, _) = bad(
        &[(base, "ftp://h"), ("OTEL_TRACES_EXPORTER", "otlp")],
        &[base],
    );
    assert!(config.otlp.is_off());

    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let (config, text) = bad(&[(base, "http://h"), (traces, "http://h?x")], &[traces]);
    assert!(config.otlp.traces.is_none());
    assert_eq!(config.otlp.logs.unwrap().endpoint, "http://h/v1/logs");
    assert!(text.contains("traces are not exported over OTLP"), "{text}");

    let (config, _) = bad(&[(base, "nonsense"), (traces, "http://h/t")], &[base]);
    assert_eq!(config.otlp.traces.unwrap().endpoint, "http://h/t");
    assert!(config.otlp.logs.is_none());
}

#[test]
fn exporters() {
    for name in [
        "OTEL_TRACES_EXPORTER",
        "OTEL_LOGS_EXPORTER",
        "OTEL_METRICS_EXPORTER",
    ] {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h");
        let on = |config: &Config| match name {
            "OTEL_TRACES_EXPORTER" => config.otlp.traces.is_some(),
            "OTEL_LOGS_EXPORTER" => config.otlp.logs.is_some(),
            _ => config.otlp.metrics.is_some(),
        };
        assert!(on(&good(&[(name, "otlp, OTLP,"), endpoint])));
        assert!(!on(&good(&[(name, "none"), endpoint])));
        for (value, expected, text) in [
            ("console", false, "stdout may carry the MCP protocol"),
            ("zipkin", false, "is not a known exporter"),
            ("otlp,console", true, "`otlp` alone is used"),
            ("none,otlp", true, "cannot stand beside another exporter"),
        ] {
            let (config, message) = bad(&[(name, value), endpoint], &[name]);
            assert_eq!(on(&config), expected, "{name}={value}");
            assert!(message.contains(text), "{message}");
        }
    }
}

/// A variable of a signal replaces the common one, for this signal alone.
#[test]
fn signal_settings_win_over_the_common_ones() {
    let common = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-common=1,X-Both=c%20d"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ];
    for signal in ["TRACES", "LOGS", "METRICS"] {
        let name = |setting: &str| format!("OTEL_EXPORTER_OTLP_{signal}_{setting}");
        let own = [
            (name("HEADERS"), "x-own=2"),
            (name("TIMEOUT"), "700"),
            (name("COMPRESSION"), "none"),
            (name("PROTOCOL"), "HTTP/protobuf"),
        ];
        let all: Vec<_> = own
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .chain(common)
            .collect();
        let otlp = good(&all).otlp;
        for (of, settings) in [
            ("TRACES", otlp.traces.unwrap()),
            ("LOGS", otlp.logs.unwrap()),
            ("METRICS", otlp.metrics.unwrap()),
        ] {
            if of == signal {
                assert_eq!(headers(&settings), [("x-own", "2")]);
                assert_eq!(settings.timeout, Duration::from_millis(700));
                assert_eq!(settings.compression, Compression::None);
            } else {
                assert_eq!(headers(&settings), [("x-common", "1"), ("x-both", "c d")]);
                assert_eq!(settings.timeout, Duration::from_millis(500));
                assert_eq!(settings.compression, Compression::Gzip);
            }
        }
    }
}

#[test]
fn wrong_signal_settings_leave_the_common_ones() {
    let (config, _) = bad(
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "5s"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "brotli"),
        ],
        &[
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        ],
    );
    let traces = config.otlp.traces.unwrap();
    assert_eq!(traces.timeout, Duration::from_millis(500));
    assert_eq!(traces.compression, Compression::Gzip);
}

#[test]
fn an_unsupported_protocol_turns_off_what_it_concerns() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h");
    let common = "OTEL_EXPORTER_OTLP_PROTOCOL";
    for value in ["grpc", "http/json", "thrift"] {
        let (config, text) = bad(&[endpoint, (common, value)], &[common]);
        assert!(config.otlp.is_off(), "{value}");
        assert!(text.contains("expected `http/protobuf`"), "{text}");
    }
    let logs = "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL";
    let (config, _) = bad(&[endpoint, (logs, "grpc")], &[logs]);
    assert!(config.otlp.logs.is_none());
    assert!(config.otlp.traces.is_some() && config.otlp.metrics.is_some());
    let (config, _) = bad(
        &[endpoint, (common, "grpc"), (logs, "http/protobuf")],
        &[common],
    );
    assert!(config.otlp.logs.is_some() && config.otlp.traces.is_none());
}

#[test]
fn wrong_headers_are_left_out() {
    let name = "OTEL_EXPORTER_OTLP_HEADERS";
    let (config, text) = bad(
        &[
            (name, "a=1,hidden,b c=hidden,d=hidden%0Ax,e=%ZZhidden,f=2"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
        ],
        &[name, name, name, name],
    );
    assert_eq!(
        headers(&config.otlp.traces.unwrap()),
        [("a", "1"), ("f", "2")]
    );
    for place in ["pair 2", "pair 3", "pair 4", "pair 5"] {
        assert!(text.contains(place), "{text}");
    }
    assert!(!text.contains("hidden"), "{text}");
}

/// What one project would get twice is left out, and reported with the variable that asks for it.
#[test]
fn nothing_is_sent_to_one_project_twice() {
    let (dsn, way) = (("SENTRY_DSN", DSN), "MCP_TELEMETRY_SENTRY_TRACES");
    let common = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let base = "https://O1.ingest.sentry.io:443/api/42/integration/otlp";
    let own = &*format!("{base}/v1/traces");
    for word in ["bridge", "stock", "otlp"] {
        let (config, text) = bad(&[dsn, (way, word), (traces, own)], &[traces]);
        assert!(config.otlp.traces.is_none(), "{word}");
        assert!(
            text.contains(&format!("gets the spans by `{word}`")),
            "{text}"
        );
        assert!(!text.contains("examplekey"), "{text}");
    }
    for word in ["collector", "off"] {
        let config = good(&[dsn, (way, word), (traces, own)]);
        assert!(config.otlp.traces.is_some(), "{word}");
    }
    // The common endpoint: spans and logs.
    let (config, _) = bad(&[dsn, (common, base)], &[common, common]);
    assert!(config.otlp.traces.is_none() && config.otlp.logs.is_none());
    let no_logs = ("SENTRY_ENABLE_LOGS", "false");
    let (config, _) = bad(&[dsn, no_logs, (common, base)], &[common]);
    assert!(config.otlp.traces.is_none() && config.otlp.logs.is_some());
    // Other projects, other hosts, and collectors are none of ours.
    for other in [
        "https://o1.ingest.sentry.io/api/421/integration/otlp",
        "https://o1.ingest.sentry.io/api/43/integration/otlp",
        "https://o2.ingest.sentry.io/api/42/integration/otlp",
        "https://o1.ingest.sentry.io:444/api/42/integration/otlp",
        "https://o1.ingest.sentry.io",
        "http://collector:4318",
    ] {
        let config = good(&[dsn, (common, other)]);
        assert!(config.otlp.traces.is_some(), "{other}");
    }
    // Without a DSN there is no other way.
    assert!(good(&[(common, base)]).otlp.traces.is_some());
}
