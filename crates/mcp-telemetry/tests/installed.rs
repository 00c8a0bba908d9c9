//! Telemetry of the whole process. One test: what it installs cannot be taken back.

#![cfg(feature = "sentry")]
#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

mod common;

use common::config;
use common::server::{Connection, Server};
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::opentelemetry::global;
use mcp_telemetry::opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _};
use mcp_telemetry::{Builder, InitError, TracedHandler, opentelemetry};
use telemetry_testkit::Sink;

#[test]
fn install_makes_telemetry_the_processs() {
    let sink = Sink::start().unwrap();
    let variables = [
        ("SENTRY_DSN", &*sink.dsn()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*sink.otlp_endpoint()),
        ("SENTRY_RELEASE", "app@9"),
    ];
    let builder = || Builder::new(config(&variables)).with_stderr_logs(false);
    let telemetry = builder().install().unwrap();

    // Another one is refused in plain words, and takes nothing away.
    let second = builder().install();
    assert!(
        matches!(second, Err(InitError::SubscriberInstalled)),
        "{second:?}"
    );
    let text = second.unwrap_err().to_string();
    assert!(text.contains("installed already"), "{text}");

    // Other threads, `tracing` and OTel itself: all the same telemetry.
    let elsewhere = std::thread::spawn(|| {
        tracing::info_span!("elsewhere").in_scope(|| tracing::error!("failed elsewhere"));
    });
    elsewhere.join().unwrap();
    let mut span = global::tracer("app").start("by the API");
    assert!(span.span_context().is_sampled());
    span.end();

    // Trace contexts are read in all formats.
    for (name, value) in [
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        (
            "sentry-trace",
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        ),
    ] {
        let headers = std::collections::HashMap::from([(name.to_owned(), value.to_owned())]);
        let context = global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&opentelemetry::Context::new(), &headers)
        });
        let trace = context.span().span_context().trace_id().to_string();
        assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736", "{name}");
    }

    // Wrapping says so once, however many sessions there are.
    for _ in 0..2 {
        let _ = HttpLayer::new();
        let _ = TracedHandler::new(Server::default());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
        connection.call("echo").await.unwrap();
    });
    drop(runtime);
    telemetry.shutdown().unwrap();

    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let mut names: Vec<_> = received
        .transactions()
        .iter()
        .map(|it| it.name.clone())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "by the API",
            "elsewhere",
            "initialize",
            "notifications/initialized",
            "tools/call echo"
        ]
    );
    let event = received.events().into_iter().next().unwrap();
    assert_eq!(event.text(), Some("failed elsewhere"));
    let said = |text: &str| {
        received
            .logs()
            .iter()
            .filter(|log| log.body == text)
            .count()
    };
    assert_eq!(
        [
            said("Sentry initialized successfully (env=development, release=app@9, traces=100.0%)"),
            said("Sentry MCP middleware added for request tracing"),
            said("Sentry HTTP middleware added for request tracing"),
        ],
        [1, 1, 1]
    );
    // OTLP got the same spans and logs.
    assert_eq!(received.otlp_spans().len(), 6);
    assert_eq!(received.otlp_logs().len(), received.logs().len());
}
