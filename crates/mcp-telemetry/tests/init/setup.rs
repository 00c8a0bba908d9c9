//! What runs with which settings.

use mcp_telemetry::config::{AppInfo, Config};
use mcp_telemetry::opentelemetry;
use mcp_telemetry::opentelemetry::propagation::Injector;
use mcp_telemetry::opentelemetry::trace::{Span as _, Tracer as _};
use mcp_telemetry::{Builder, Telemetry};
use telemetry_testkit::Sink;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::common::{self, MemorySink, Rig, config};

/// The settings of these variables, as `init` reads them; and how many were wrong.
fn lenient(variables: &[(&str, &str)]) -> (Config, usize) {
    let (config, problems) = Config::from_lookup_lenient(AppInfo::new("app", "1"), |name| {
        let set = variables.iter().find(|(key, _)| *key == name);
        set.map(|(_, value)| (*value).to_owned())
    });
    (config, problems.map_or(0, |it| it.problems().len()))
}

/// Runs `work` with telemetry of these settings.
fn run(config: Config, work: impl FnOnce(&Telemetry)) {
    let builder = Builder::new(config).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || work(&telemetry));
    assert_eq!(telemetry.shutdown(), Ok(()));
}

fn assert_off(telemetry: &Telemetry) {
    assert!(!telemetry.is_tracing());
    let span = tracing::info_span!("nobody listens");
    assert!(span.is_disabled());
    span.in_scope(|| tracing::error!("nobody listens"));
    assert!(telemetry.sampling().is_empty());
    assert_eq!(telemetry.pipeline(), Default::default());
    telemetry.flush();
}

#[test]
fn without_a_destination_spans_cost_nothing() {
    let _alone = common::alone();
    run(config(&[]), assert_off);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let none = ["TRACES", "LOGS", "METRICS"].map(|it| format!("OTEL_{it}_EXPORTER"));
    let none = none.each_ref().map(|name| (name.as_str(), "none"));
    run(config(&[&[endpoint][..], &none].concat()), assert_off);
}

#[test]
fn the_sdk_can_be_turned_off() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let variables = [
        ("OTEL_SDK_DISABLED", "true"),
        ("SENTRY_DSN", &*sink.dsn()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*sink.otlp_endpoint()),
    ];
    run(config(&variables), assert_off);
    assert!(sink.received().requests().is_empty());
}

#[test]
fn a_wrong_dsn_leaves_otlp_alone() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let (config, wrong) = lenient(&[
        ("SENTRY_DSN", "https://key@host/not-a-number"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.otlp_endpoint()),
    ]);
    assert_eq!(wrong, 1);
    run(config, |telemetry| {
        assert!(telemetry.is_tracing());
        drop(tracing::info_span!("work"));
    });
    let received = sink.received();
    assert_eq!(received.otlp_spans().len(), 1);
    assert_eq!(received.requests_on("/api/").len(), 0);
}

#[cfg(feature = "sentry")]
#[test]
fn a_wrong_otlp_endpoint_leaves_sentry_alone() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let (config, wrong) = lenient(&[
        ("SENTRY_DSN", &sink.dsn()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ]);
    assert_eq!(wrong, 1);
    run(config, |telemetry| {
        assert!(telemetry.is_tracing());
        drop(tracing::info_span!("work"));
    });
    let received = sink.received();
    let names: Vec<_> = received
        .transactions()
        .iter()
        .map(|it| it.name.clone())
        .collect();
    assert_eq!(names, ["work"]);
    assert_eq!(received.requests_on("/v1/").len(), 0);
}

#[test]
fn nothing_but_wrong_settings_is_nothing() {
    let _alone = common::alone();
    let (config, wrong) = lenient(&[
        ("SENTRY_DSN", "secret"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("SENTRY_TRACES_SAMPLE_RATE", "2"),
    ]);
    assert_eq!(wrong, 3);
    run(config, assert_off);
}

/// Without the feature a DSN is checked, but nothing is sent.
#[cfg(not(feature = "sentry"))]
#[test]
fn without_the_feature_a_dsn_changes_nothing() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    run(config(&[("SENTRY_DSN", &sink.dsn())]), assert_off);
    assert!(sink.received().requests().is_empty());
}

/// The same spans, wherever they go.
#[cfg(feature = "sentry")]
#[test]
fn both_destinations_get_the_same_spans() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let variables = [
        ("SENTRY_DSN", &*sink.dsn()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*sink.otlp_endpoint()),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("SENTRY_RELEASE", "app@9"),
        ("SENTRY_ENVIRONMENT", "staging"),
    ];
    run(config(&variables), |_| {
        let outer = tracing::info_span!("outer", answer = 42, password = "hunter2");
        outer.in_scope(|| drop(tracing::info_span!("inner")));
    });
    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let transaction = received.transactions()[0];
    assert_eq!(transaction.name, "outer");
    assert_eq!(transaction.release.as_deref(), Some("app@9"));
    assert_eq!(transaction.environment.as_deref(), Some("staging"));
    let mut sentry: Vec<_> = transaction.all_spans().collect();
    let mut otlp = received.otlp_spans();
    sentry.sort_by_key(|span| span.span_id.clone());
    otlp.sort_by_key(|span| span.span_id.clone());
    assert_eq!(otlp.len(), 2);
    for (sentry, otlp) in sentry.iter().zip(&otlp) {
        assert_eq!(sentry.span_id, otlp.span_id);
        assert_eq!(sentry.trace_id, otlp.trace_id);
        assert_eq!(sentry.parent_span_id, otlp.parent_span_id);
        assert_eq!(sentry.description.as_deref(), Some(otlp.name.as_str()));
        assert_eq!(sentry.data("answer"), otlp.attribute("answer"));
        assert_eq!(sentry.data("password"), otlp.attribute("password"));
    }
    let outer = otlp.iter().find(|span| span.name == "outer").unwrap();
    assert_eq!(outer.attribute_str("password"), Some("***REDACTED***"));
    let resource = |key: &str| outer.resource.get(key).and_then(|it| it.as_str());
    assert_eq!(resource("service.name"), Some("test-server"));
    assert_eq!(resource("service.version"), Some("1.0.0"));
    assert_eq!(resource("deployment.environment.name"), Some("staging"));
}

/// Two in one process, each with its own destination.
#[test]
fn building_leaves_globals_alone() {
    let _alone = common::alone();
    let sinks = [Sink::start().unwrap(), Sink::start().unwrap()];
    let running = sinks.each_ref().map(|sink| {
        let endpoint = sink.otlp_endpoint();
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("OTEL_METRICS_EXPORTER", "none"),
        ];
        let builder = Builder::new(config(&variables)).with_stderr_logs(false);
        let (telemetry, layer) = builder.build().unwrap();
        let subscriber = tracing_subscriber::registry().with(layer.into_layers());
        (telemetry, tracing::Dispatch::new(subscriber))
    });
    for (name, (_, dispatch)) in ["first", "second"].into_iter().zip(&running) {
        tracing::dispatcher::with_default(dispatch, || {
            let span = tracing::info_span!("work", which = name);
            span.in_scope(|| tracing::info!(which = name, "said"));
        });
    }
    // Nothing is the process's: no subscriber, no tracer, no propagator, no client.
    tracing::dispatcher::get_default(|current| {
        assert!(current.is::<tracing::subscriber::NoSubscriber>());
    });
    let span = opentelemetry::global::tracer("app").start("global");
    assert!(!span.span_context().is_valid());
    struct Headers(usize);
    impl Injector for Headers {
        fn set(&mut self, _: &str, _: String) {
            self.0 += 1;
        }
    }
    let mut headers = Headers(0);
    opentelemetry::global::get_text_map_propagator(|it| it.inject(&mut headers));
    assert_eq!(headers.0, 0);
    #[cfg(feature = "sentry")]
    assert!(mcp_telemetry::sentry::Hub::main().client().is_none());

    for (telemetry, _) in running {
        telemetry.shutdown().unwrap();
    }
    for (name, sink) in ["first", "second"].into_iter().zip(&sinks) {
        let received = sink.received();
        let spans = received.otlp_spans();
        let which: Vec<_> = spans
            .iter()
            .map(|span| span.attribute_str("which"))
            .collect();
        assert_eq!(which, [Some(name)]);
        let logs = received.otlp_logs();
        let which: Vec<_> = logs
            .iter()
            .map(|log| log.attribute("which").cloned())
            .collect();
        assert_eq!(which, [Some(name.into())]);
    }
}

#[test]
fn the_last_settings_hold_for_the_instrumentation() {
    let rig = Rig::new(&[("SENTRY_SEND_PII", "true")]);
    let call = || mcp_telemetry::CallSpan::tool("t").input("app.input", "yes");
    call().run_sync(|| (), |()| mcp_telemetry::Outcome::Success);
    let (sink, _memory) = MemorySink::new();
    let other = Builder::new(config(&[("SENTRY_SEND_PII", "false")])).with_sink(sink);
    let (_telemetry, _layer) = other.with_stderr_logs(false).build().unwrap();
    call().run_sync(|| (), |()| mcp_telemetry::Outcome::Success);
    let spans = rig.spans();
    let inputs: Vec<_> = spans
        .all("mcp.tool.t")
        .map(|span| common::attribute(span, "app.input"))
        .collect();
    assert_eq!(inputs, [serde_json::json!("yes"), serde_json::Value::Null]);
}

#[test]
fn keys_can_be_added_to_those_that_are_redacted() {
    let rig = Rig::new(&[("MCP_TELEMETRY_REDACT_KEYS", "customer, badge")]);
    drop(tracing::info_span!(
        "work",
        customer = "Bob",
        badge = 7,
        other = "kept"
    ));
    let span = rig.spans().one("work");
    let expected = serde_json::json!({
        "customer": "***REDACTED***",
        "badge": "***REDACTED***",
        "other": "kept",
    });
    common::assert_has(&span, expected);
}

#[test]
fn what_runs_can_be_counted() {
    let rig = Rig::new(&[]);
    drop(tracing::info_span!("work"));
    assert_eq!(rig.spans().len(), 1);
    let telemetry = rig.telemetry();
    assert!(telemetry.is_tracing());
    let sampling = telemetry.sampling();
    let base = sampling.iter().find(|count| count.rule == "base").unwrap();
    assert_eq!((base.seen, base.kept), (1, 1));
    let text = format!("{telemetry:?}");
    assert!(text.starts_with("Telemetry"), "{text}");
}
