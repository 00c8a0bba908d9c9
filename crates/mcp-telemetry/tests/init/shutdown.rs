//! How telemetry ends, whatever the servers do.

use std::time::{Duration, Instant};

use mcp_telemetry::{Builder, ShutdownError};
use telemetry_testkit::{Fault, Sink};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::common::{self, config};
use crate::wait_until;

/// The time for a server that answers never.
const TIMEOUT: Duration = Duration::from_millis(400);
/// The time for one that answers, if not at once: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// What may be added to the timeout on a busy machine; without an end it would be hours.
const GRACE: Duration = Duration::from_secs(20);

/// Telemetry that has something to send to this sink, and this time for it.
fn busy(sink: &Sink, timeout: Duration) -> mcp_telemetry::Telemetry {
    let timeout = timeout.as_millis().to_string();
    let variables = [
        ("SENTRY_DSN", &*sink.dsn()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*sink.otlp_endpoint()),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", &*timeout),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || {
        for number in 0..100 {
            let span = tracing::info_span!("work", number);
            span.in_scope(|| tracing::error!(number, "failed"));
        }
    });
    telemetry
}

/// A sink that takes requests and never answers.
fn hanging() -> Sink {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    sink
}

fn within<T>(most: Duration, work: impl FnOnce() -> T) -> T {
    let since = Instant::now();
    let result = work();
    let took = since.elapsed();
    assert!(took <= most, "{took:?} instead of {most:?}");
    result
}

#[test]
fn a_server_that_answers_gets_everything() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let telemetry = busy(&sink, PATIENCE);
    assert_eq!(telemetry.shutdown(), Ok(()));
    let received = sink.received();
    assert_eq!(received.otlp_spans().len(), 100);
    assert_eq!(received.otlp_logs().len(), 100);
    #[cfg(feature = "sentry")]
    assert_eq!(received.transactions().len(), 100);
}

#[test]
fn dropping_sends_everything_too() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    drop(busy(&sink, PATIENCE));
    assert_eq!(sink.received().otlp_spans().len(), 100);
}

#[test]
fn a_server_that_hangs_is_not_waited_for() {
    let _alone = common::alone();
    let sink = hanging();
    let telemetry = busy(&sink, TIMEOUT);
    wait_until(|| {
        let figures = telemetry.otlp_delivery().unwrap();
        (figures.traces.handed_over, figures.logs.handed_over) == (100, 100)
    });
    let ended = within(TIMEOUT + GRACE, || telemetry.shutdown());
    let Err(ShutdownError {
        timeout,
        unfinished,
        ..
    }) = &ended
    else {
        panic!("{ended:?}");
    };
    assert_eq!(*timeout, TIMEOUT);
    for name in ["OTLP traces", "OTLP logs"] {
        assert!(unfinished.contains(&name), "{unfinished:?}");
    }
    if cfg!(feature = "sentry") {
        assert!(unfinished.contains(&"traces and Sentry"), "{unfinished:?}");
    }
    let text = ended.unwrap_err().to_string();
    let start = "telemetry was not all sent within 400 ms: ";
    assert!(text.starts_with(start), "{text}");
    let end = " (not sent over OTLP: 100 spans, 100 log records)";
    assert!(text.ends_with(end), "{text}");
    sink.clear_faults();
}

#[test]
fn dropping_does_not_wait_for_it_either() {
    let _alone = common::alone();
    let sink = hanging();
    let telemetry = busy(&sink, TIMEOUT);
    within(TIMEOUT + GRACE, || drop(telemetry));
    sink.clear_faults();
}

#[test]
fn a_server_that_is_not_there_is_not_waited_for() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let telemetry = busy(&sink, TIMEOUT);
    drop(sink);
    // Whether all was sent depends on when the port was closed.
    let _ = within(TIMEOUT + GRACE, || telemetry.shutdown());
}

/// The deliveries have runtimes inside, which must not end inside another one.
#[tokio::test]
async fn inside_a_runtime_it_ends_as_well() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    assert_eq!(busy(&sink, PATIENCE).shutdown(), Ok(()));
    drop(busy(&sink, PATIENCE));
    assert_eq!(sink.received().otlp_spans().len(), 200);

    let sink = hanging();
    let telemetry = busy(&sink, TIMEOUT);
    within(TIMEOUT + GRACE, || telemetry.shutdown()).unwrap_err();
    sink.clear_faults();
}

#[test]
fn spans_after_the_end_go_nowhere_and_break_nothing() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let endpoint = sink.otlp_endpoint();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || {
        let open = tracing::info_span!("open");
        let entered = open.enter();
        drop(tracing::info_span!("before"));
        telemetry.shutdown().unwrap();
        drop(tracing::info_span!("after"));
        tracing::error!("after");
        drop(entered);
    });
    let received = sink.received();
    let names: Vec<_> = received
        .otlp_spans()
        .iter()
        .map(|span| span.name.clone())
        .collect();
    assert_eq!(names, ["before"]);
    assert!(received.otlp_logs().is_empty());
}

#[test]
fn flushing_sends_and_goes_on() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let endpoint = sink.otlp_endpoint();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || {
        for count in 1..=2 {
            tracing::info_span!("work").in_scope(|| tracing::info!("said"));
            telemetry.flush();
            assert_eq!(sink.received().otlp_spans().len(), count);
            assert_eq!(sink.received().otlp_logs().len(), count);
        }
    });
    assert_eq!(telemetry.otlp().exported, 2);
}
