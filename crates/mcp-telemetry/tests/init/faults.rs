//! The way out over OTLP, and servers that fail.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mcp_telemetry::{Builder, OtlpDelivery, OtlpSignalCounts, ShutdownError, Telemetry};
use telemetry_testkit::{Fault, Sink};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::certificate::UnknownCertificate;
use crate::common::{self, config};
use crate::raw_server::{RawServer, answer, hang, read, serve_well, write};
use crate::wait_until;

/// Spans and log records of a run.
const COUNT: u64 = 40;
/// The time for what must arrive.
const PATIENCE: &str = "60000";
/// The time for what cannot arrive.
const TIMEOUT: Duration = Duration::from_millis(300);
/// What may be added to that on a busy machine; without an end it would be hours.
const GRACE: Duration = Duration::from_secs(20);

/// Telemetry that has spans and log records to send to this endpoint.
fn busy(endpoint: &str, shutdown_ms: &str) -> Telemetry {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", shutdown_ms),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || {
        for number in 0..COUNT {
            let span = tracing::info_span!("work", number = number as i64);
            span.in_scope(|| tracing::info!("said"));
        }
    });
    telemetry
}

fn figures(telemetry: &Telemetry) -> OtlpDelivery {
    telemetry.otlp_delivery().unwrap()
}

/// All of a signal was handed over, and nothing is on its way any more.
#[track_caller]
fn assert_settled(counts: OtlpSignalCounts) {
    assert_eq!((counts.handed_over, counts.waiting()), (COUNT, 0));
}

/// What went wrong is made up for: nothing is lost, and something was tried again.
#[track_caller]
fn assert_made_up_for(endpoint: &str, what: &str) {
    let telemetry = busy(endpoint, PATIENCE);
    telemetry.flush();
    let figures = figures(&telemetry);
    for counts in [figures.traces, figures.logs] {
        assert_settled(counts);
        assert_eq!(counts.sent, COUNT, "{what}: {figures:?}");
    }
    assert!(figures.delivery.retried > 0, "{what}: {figures:?}");
    assert_eq!(figures.delivery.dropped.total(), 0, "{what}: {figures:?}");
    assert!(figures.delivery.last_error.is_some(), "{what}");
    assert!(figures.delivery.last_success.is_some(), "{what}");
    assert_eq!(telemetry.shutdown(), Ok(()), "{what}");
}

#[test]
fn what_passes_costs_nothing() {
    let _alone = common::alone();
    for (what, fault) in [
        ("429", Fault::status(429).times(2)),
        ("502", Fault::status(502).times(2)),
        ("503", Fault::status(503).times(5)),
        ("504", Fault::status(504).times(2)),
        ("no answer", Fault::hang().times(2)),
        ("reset", Fault::reset().times(3)),
    ] {
        let sink = Sink::start().unwrap();
        sink.fault(fault);
        assert_made_up_for(&sink.otlp_endpoint(), what);
        let received = sink.received();
        assert!(received.problems().is_empty(), "{what}");
        assert_eq!(received.otlp_spans().len() as u64, COUNT, "{what}");
        assert_eq!(received.otlp_logs().len() as u64, COUNT, "{what}");
    }
}

#[test]
fn answers_that_are_none_cost_nothing() {
    let _alone = common::alone();
    let garbage = RawServer::start(|mut connection, number| {
        if number < 2 {
            read(&mut connection, None);
            return write(&mut connection, b"SSH-2.0-OpenSSH_9.6\r\n\r\n");
        }
        serve_well(connection);
    });
    assert_made_up_for(garbage.endpoint(), "garbage");

    let mid_answer = RawServer::start(|mut connection, number| {
        if number < 2 {
            read(&mut connection, None);
            write(&mut connection, b"HTTP/1.1 200 OK\r\ncontent-le");
            return hang(&mut connection);
        }
        serve_well(connection);
    });
    assert_made_up_for(mid_answer.endpoint(), "hangs within its answer");
}

#[test]
fn a_pause_that_the_server_asks_for_is_kept() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let busy_for_a_second = Fault::status(429).header("retry-after", "1").times(1);
    sink.fault(busy_for_a_second.on_path("/v1/traces"));
    assert_made_up_for(&sink.otlp_endpoint(), "Retry-After");
    let received = sink.received();
    let arrived: Vec<_> = received
        .requests_on("/v1/traces")
        .iter()
        .map(|request| request.arrived)
        .collect();
    assert_eq!(arrived.len(), 2);
    let pause = arrived[1].duration_since(arrived[0]);
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

/// What is full for spans may have room for logs.
#[test]
fn a_pause_for_spans_is_none_for_logs() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    let full = Fault::status(429).header("retry-after", "200");
    sink.fault(full.on_path("/v1/traces"));
    let endpoint = sink.otlp_endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", PATIENCE),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || {
        drop(tracing::info_span!("work"));
        wait_until(|| figures(&telemetry).delivery.last_error.is_some());
        tracing::info!("said");
        wait_until(|| figures(&telemetry).logs.sent == 1);
        // Later spans wait as well.
        drop(tracing::info_span!("work"));
        wait_until(|| figures(&telemetry).traces.handed_over == 2);
    });
    assert_eq!(figures(&telemetry).delivery.queued, 2);
    // Nothing may go before the time is up, so nothing is waited for.
    let begun = Instant::now();
    let error = telemetry.shutdown().unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(50), "{error}");
    assert_eq!(error.unfinished, ["OTLP traces"]);
    assert_eq!(sink.received().requests_on("/v1/traces").len(), 1);
}

#[test]
fn a_slow_reader_gets_all() {
    let _alone = common::alone();
    let server = RawServer::start(|mut connection, _| {
        while read(&mut connection, Some(256)).is_some() {
            answer(&mut connection, b"");
        }
    });
    let telemetry = busy(server.endpoint(), PATIENCE);
    assert_eq!(telemetry.shutdown(), Ok(()));
}

/// The status is the verdict: what comes after it, or does not, changes nothing.
#[test]
fn an_answer_cut_off_in_its_body_counts() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::close_mid_body());
    let telemetry = busy(&sink.otlp_endpoint(), PATIENCE);
    telemetry.flush();
    let figures = figures(&telemetry);
    assert_eq!((figures.traces.sent, figures.logs.sent), (COUNT, COUNT));
    assert_eq!(figures.delivery.retried, 0);
    assert_eq!(telemetry.shutdown(), Ok(()));
}

/// OTLP allows another try after 429, 502, 503 and 504 alone.
#[test]
fn what_may_not_be_tried_again_is_dropped_and_counted() {
    let _alone = common::alone();
    for status in [301, 400, 401, 404, 413, 500, 501] {
        let sink = Sink::start().unwrap();
        sink.fault(Fault::status(status).on_path("/v1/traces"));
        let telemetry = busy(&sink.otlp_endpoint(), PATIENCE);
        telemetry.flush();
        let figures = figures(&telemetry);
        assert_settled(figures.traces);
        assert_eq!(figures.traces.dropped, COUNT, "{status}: {figures:?}");
        assert_eq!(figures.logs.sent, COUNT, "{status}: {figures:?}");
        assert_eq!(figures.delivery.retried, 0, "{status}");
        let dropped = figures.delivery.dropped;
        assert_eq!(dropped.total(), dropped.send_error, "{status}");
        let error = figures.delivery.last_error.unwrap();
        assert_eq!(error, format!("the server answered with status {status}"));
        // What was refused is lost already: there is nothing left to wait for.
        assert_eq!(telemetry.shutdown(), Ok(()), "{status}");
        let received = sink.received();
        let requests = received.requests_on("/v1/traces").len() as u64;
        assert_eq!(requests, dropped.send_error, "{status}: one try each");
        assert!(received.otlp_spans().is_empty());
        assert_eq!(received.otlp_logs().len() as u64, COUNT, "{status}");
    }
}

#[test]
fn a_part_that_the_server_rejects_is_counted() {
    let _alone = common::alone();
    let server = RawServer::start(|mut connection, _| {
        while let Some(path) = read(&mut connection, None) {
            // partial_success { rejected_spans: 3, error_message: "too old" }
            let partial = b"\x0a\x0b\x08\x03\x12\x07too old";
            let body: &[u8] = if path == "/v1/traces" { partial } else { b"" };
            answer(&mut connection, body);
        }
    });
    let telemetry = busy(server.endpoint(), PATIENCE);
    telemetry.flush();
    let figures = figures(&telemetry);
    assert_settled(figures.traces);
    let rejected = figures.traces.rejected;
    assert!(rejected > 0, "{figures:?}");
    assert_eq!(figures.traces.sent, COUNT - rejected);
    assert_eq!((figures.logs.sent, figures.logs.rejected), (COUNT, 0));
    assert_eq!(figures.last_rejection.as_deref(), Some("too old"));
    assert_eq!(telemetry.shutdown(), Ok(()));
}

/// What cannot be reached is tried until the time is up, and says why.
#[test]
fn what_cannot_be_reached_is_named() {
    let _alone = common::alone();
    let server = UnknownCertificate::start();
    for (endpoint, reason) in [
        (&*server.endpoint(), ["certificate"; 2]),
        // A resolver may say so, or say nothing in time.
        ("http://nowhere.invalid", ["dns error", "timed out"]),
    ] {
        let telemetry = busy(endpoint, "300");
        wait_until(|| figures(&telemetry).delivery.retried > 0);
        let figures = figures(&telemetry);
        let error = figures.delivery.last_error.unwrap();
        let is_named = reason.iter().any(|it| error.contains(it));
        assert!(is_named, "{reason:?}: {error}");
        assert_eq!(figures.delivery.dropped.total(), 0, "{reason:?}");
        let error = telemetry.shutdown().unwrap_err();
        assert_eq!(error.unsent.spans, COUNT, "{reason:?}: {error}");
    }
    assert_eq!(server.requests(), 0, "no byte of a request");
}

/// A shutdown returns in time and says what it left behind.
#[track_caller]
fn assert_ends(endpoint: &str, what: &str) {
    let timeout = TIMEOUT.as_millis().to_string();
    let telemetry = busy(endpoint, &timeout);
    wait_until(|| {
        let figures = figures(&telemetry);
        (figures.traces.handed_over, figures.logs.handed_over) == (COUNT, COUNT)
    });
    let begun = Instant::now();
    let ended = telemetry.shutdown();
    let took = begun.elapsed();
    assert!(took <= TIMEOUT + GRACE, "{what}: {took:?}");
    let Err(ShutdownError {
        unfinished, unsent, ..
    }) = &ended
    else {
        panic!("{what}: {ended:?}");
    };
    assert!(unfinished.contains(&"OTLP traces"), "{what}: {ended:?}");
    assert!(unfinished.contains(&"OTLP logs"), "{what}: {ended:?}");
    let unsent = (unsent.spans, unsent.log_records, unsent.data_points);
    assert_eq!(unsent, (COUNT, COUNT, 0), "{what}");
    let text = ended.unwrap_err().to_string();
    let end = format!(" (not sent over OTLP: {COUNT} spans, {COUNT} log records)");
    assert!(text.ends_with(&end), "{what}: {text}");
}

#[test]
fn no_fault_holds_up_the_end() {
    let _alone = common::alone();
    for (what, fault) in [
        ("no answer", Fault::hang()),
        ("reset", Fault::reset()),
        ("503", Fault::status(503)),
        (
            "a minute's pause",
            Fault::status(429).header("retry-after", "60"),
        ),
    ] {
        let sink = Sink::start().unwrap();
        sink.fault(fault);
        assert_ends(&sink.otlp_endpoint(), what);
        sink.clear_faults();
    }
    // A port that was free a moment ago.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_ends(&format!("http://{address}"), "refused");
    assert_ends("http://nowhere.invalid", "no name");
    let server = UnknownCertificate::start();
    assert_ends(&server.endpoint(), "a certificate that nobody has signed");
    // The kernel takes the connection; nobody ever looks at it.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    assert_ends(&format!("http://{address}"), "never accepted");

    let garbage = RawServer::start(|mut connection, _| {
        read(&mut connection, None);
        write(&mut connection, b"<html>?</html>\r\n\r\n");
    });
    assert_ends(garbage.endpoint(), "garbage");
    let mid_answer = RawServer::start(|mut connection, _| {
        read(&mut connection, None);
        write(&mut connection, b"HTTP/1.1 200 OK\r\ncontent-le");
        hang(&mut connection);
    });
    assert_ends(mid_answer.endpoint(), "hangs within its answer");
    let slow =
        RawServer::start(|mut connection, _| while read(&mut connection, Some(1)).is_some() {});
    assert_ends(slow.endpoint(), "reads slowly and never answers");
}
