//! The way out over OTLP, and servers that are well.

use std::collections::HashSet;
use std::time::Duration;

use mcp_telemetry::{Builder, Telemetry};
use telemetry_testkit::{Fault, Sink};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::common::{self, DEADLINE, config};
use crate::wait_until;

/// More than a batch holds, several times.
const MANY: usize = 10 * 512;

/// Telemetry that sends to a sink while `work` runs.
fn running(sink: &Sink, variables: &[(&str, &str)], work: impl FnOnce(&Telemetry)) -> Telemetry {
    let endpoint = sink.otlp_endpoint();
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", "60000"),
    ];
    let builder = Builder::new(config(&[variables, &own].concat())).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || work(&telemetry));
    telemetry
}

#[test]
fn several_batches_are_on_their_way_and_none_is_lost() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::delay(Duration::from_millis(50)));
    let telemetry = running(&sink, &[], |_| {
        for number in 0..MANY {
            drop(tracing::info_span!("work", number = number as i64));
        }
    });
    assert_eq!(telemetry.shutdown(), Ok(()));
    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let spans = received.otlp_spans();
    let ids: HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!((spans.len(), ids.len()), (MANY, MANY), "each, and once");
    let most = received.max_in_flight();
    assert!((2..=8).contains(&most), "{most} requests at once");
}

#[test]
fn nothing_is_lost_at_a_steady_load() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::delay(Duration::from_millis(20)));
    const ROUNDS: usize = 8;
    const EACH: usize = 600;
    const LOGS_EACH: usize = 50;
    let telemetry = running(&sink, &[], |_| {
        for round in 0..ROUNDS {
            for number in 0..EACH {
                let span = tracing::info_span!("work");
                if number < LOGS_EACH {
                    span.in_scope(|| tracing::info!("said"));
                }
            }
            // The load goes on while the batches of the last rounds are on their way.
            let arrived = (round * EACH).saturating_sub(EACH);
            let has_arrived = |received: &telemetry_testkit::Received| {
                (received.otlp_spans().len() >= arrived).then_some(())
            };
            sink.wait_for(DEADLINE, has_arrived).unwrap();
        }
    });
    telemetry.flush();
    let figures = telemetry.otlp_delivery().unwrap();
    assert_eq!(figures.traces.sent, (ROUNDS * EACH) as u64);
    assert_eq!(figures.logs.sent, (ROUNDS * LOGS_EACH) as u64);
    assert_eq!(figures.delivery.dropped.total(), 0);
    assert_eq!(
        (figures.delivery.queued, figures.delivery.queued_bytes),
        (0, 0)
    );
    assert_eq!(telemetry.shutdown(), Ok(()));
}

/// Batches of spans take every place; logs do not wait for one.
#[test]
fn logs_overtake_spans() {
    let _alone = common::alone();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang().on_path("/v1/traces"));
    let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")];
    let telemetry = running(&sink, &variables, |telemetry| {
        for _ in 0..2 * MANY {
            drop(tracing::info_span!("work"));
        }
        // Every place is taken, and more waits.
        let taken = || {
            let delivery = telemetry.otlp_delivery().unwrap().delivery;
            delivery.in_flight == 8 && delivery.queued > 0
        };
        wait_until(taken);
        tracing::error!("the cause");
        sink.wait_for(DEADLINE, |received| {
            let logs = received.otlp_logs();
            logs.iter()
                .any(|log| log.text() == Some("the cause"))
                .then_some(())
        })
        .unwrap();
        assert!(sink.received().otlp_spans().is_empty());
    });
    sink.clear_faults();
    assert_eq!(telemetry.shutdown(), Ok(()));
    assert_eq!(sink.received().otlp_spans().len(), 2 * MANY);
}

#[test]
fn bodies_are_compressed_where_the_settings_say_so() {
    let _alone = common::alone();
    for (compression, encoding) in [("gzip", Some("gzip")), ("none", None)] {
        let sink = Sink::start().unwrap();
        let variables = [
            ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=7"),
        ];
        let telemetry = running(&sink, &variables, |_| {
            tracing::info_span!("work").in_scope(|| tracing::info!("said"));
        });
        telemetry.flush();
        let figures = telemetry.otlp_delivery().unwrap();
        assert_eq!((figures.traces.sent, figures.logs.sent), (1, 1));
        assert_eq!(telemetry.shutdown(), Ok(()));
        let received = sink.received();
        assert_eq!(received.otlp_spans().len(), 1);
        for request in received.requests() {
            assert_eq!(request.header("content-encoding"), encoding);
            assert_eq!(
                request.header("content-type"),
                Some("application/x-protobuf")
            );
            assert_eq!(request.header("x-tenant"), Some("7"));
        }
    }
}

/// A signal whose server is down holds up no signal of another.
#[test]
fn each_server_has_a_delivery_of_its_own() {
    let _alone = common::alone();
    let (sink, down) = (Sink::start().unwrap(), Sink::start().unwrap());
    down.fault(Fault::hang());
    let traces = format!("{}/v1/traces", down.otlp_endpoint());
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces.as_str()),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", "500"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
    ];
    let telemetry = running(&sink, &variables, |telemetry| {
        tracing::info_span!("work").in_scope(|| tracing::info!("said"));
        wait_until(|| {
            let figures = telemetry.otlp_delivery().unwrap();
            figures.traces.handed_over == 1 && figures.logs.sent == 1
        });
    });
    let error = telemetry.shutdown().unwrap_err();
    assert_eq!(error.unfinished, ["OTLP traces"]);
    assert_eq!((error.unsent.spans, error.unsent.log_records), (1, 0));
    assert_eq!(sink.received().otlp_logs().len(), 1);
    down.clear_faults();
}

/// The copy of the spans goes its own way, with its own headers.
#[test]
fn a_copy_that_is_down_costs_the_original_nothing() {
    let _alone = common::alone();
    let (sink, copy) = (Sink::start().unwrap(), Sink::start().unwrap());
    copy.fault(Fault::hang());
    let endpoint = copy.otlp_endpoint();
    let of_copy = config(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())]);
    let endpoint = sink.otlp_endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", "2000"),
    ];
    let builder = Builder::new(config(&variables))
        .with_stderr_logs(false)
        .with_otlp_copy(of_copy.otlp.traces.unwrap());
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, || drop(tracing::info_span!("work")));
    wait_until(|| telemetry.otlp_delivery().unwrap().traces.sent == 1);
    let error = telemetry.shutdown().unwrap_err();
    assert_eq!(error.unfinished, ["OTLP traces"]);
    assert_eq!(sink.received().otlp_spans().len(), 1);
    copy.clear_faults();
    copy.wait_for(DEADLINE, |received| {
        (!received.requests().is_empty()).then_some(())
    })
    .unwrap();
    for request in copy.received().requests() {
        assert_eq!(request.header("authorization"), None);
    }
}
