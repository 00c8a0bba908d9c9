//! Sentry, and servers that fail. The table of all faults is that of `otel-sentry`'s delivery; here
//! is what telemetry as a whole makes of them.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mcp_telemetry::{Builder, Telemetry};
use telemetry_testkit::{Fault, Sink};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::certificate::UnknownCertificate;
use crate::common::{self, config};
use crate::wait_until;

const COUNT: u64 = 40;
/// The time for what cannot arrive.
const TIMEOUT: Duration = Duration::from_millis(300);
/// What may be added to that on a busy machine; without an end it would be hours.
const GRACE: Duration = Duration::from_secs(20);

/// Telemetry that has transactions to send to this project.
fn busy(dsn: &str, shutdown_ms: &str) -> Telemetry {
    let variables = [
        ("SENTRY_DSN", dsn),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", shutdown_ms),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || {
        for number in 0..COUNT {
            drop(tracing::info_span!("work", number = number as i64));
        }
    });
    telemetry
}

#[test]
fn what_passes_costs_nothing() {
    let _alone = common::alone();
    for (what, fault) in [
        ("500", Fault::status(500).times(20)),
        ("503", Fault::status(503).times(20)),
        ("reset", Fault::reset().times(20)),
    ] {
        let sink = Sink::start().unwrap();
        sink.fault(fault);
        let telemetry = busy(&sink.dsn(), "60000");
        wait_until(|| telemetry.sentry_delivery().unwrap().sent == COUNT);
        let figures = telemetry.sentry_delivery().unwrap();
        assert!(figures.retried >= 20, "{what}: {figures:?}");
        assert_eq!(figures.dropped.total(), 0, "{what}: {figures:?}");
        assert_eq!(telemetry.shutdown(), Ok(()), "{what}");
        assert_eq!(sink.received().transactions().len() as u64, COUNT, "{what}");
    }
}

#[test]
fn a_certificate_that_nobody_has_signed_gets_nothing() {
    let _alone = common::alone();
    let server = UnknownCertificate::start();
    let telemetry = busy(&server.dsn(), "60000");
    wait_until(|| telemetry.sentry_delivery().unwrap().dropped.total() == COUNT);
    let figures = telemetry.sentry_delivery().unwrap();
    assert_eq!(figures.dropped.network_error, COUNT, "{figures:?}");
    let error = figures.last_error.unwrap();
    assert!(error.contains("certificate"), "{error}");
    assert!(!error.contains("publickey"), "{error}");
    // What is lost already is not waited for.
    assert_eq!(telemetry.shutdown(), Ok(()));
    assert_eq!(server.requests(), 0, "no byte of a request");
}

/// A shutdown returns in time and says what did not finish.
#[track_caller]
fn assert_ends(dsn: &str, what: &str) {
    let telemetry = busy(dsn, &TIMEOUT.as_millis().to_string());
    let begun = Instant::now();
    let error = telemetry.shutdown().unwrap_err();
    let took = begun.elapsed();
    assert!(took <= TIMEOUT + GRACE, "{what}: {took:?}");
    assert!(
        error.unfinished.contains(&"traces and Sentry"),
        "{what}: {error}"
    );
}

#[test]
fn no_fault_holds_up_the_end() {
    let _alone = common::alone();
    for (what, fault) in [
        ("no answer", Fault::hang()),
        ("reset", Fault::reset()),
        ("503", Fault::status(503)),
    ] {
        let sink = Sink::start().unwrap();
        sink.fault(fault);
        assert_ends(&sink.dsn(), what);
        sink.clear_faults();
    }
    assert_ends(&UnknownCertificate::start().dsn(), "certificate");
    assert_ends("http://publickey@nowhere.invalid/42", "no name");
    // The kernel takes the connection; nobody ever looks at it.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    assert_ends(&format!("http://publickey@{address}/42"), "never accepted");
    drop(listener);
    assert_ends(&format!("http://publickey@{address}/42"), "refused");
}
