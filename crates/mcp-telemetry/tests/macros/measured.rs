//! `splunk.api.duration`.

use std::collections::BTreeMap;
use std::future::{Future as _, pending, poll_fn};
use std::panic::catch_unwind;
use std::task::Poll;

use mcp_telemetry::{Builder, trace_mcp_tool, trace_splunk_operation};
use telemetry_testkit::Sink;

use crate::common::{alone, config};

#[trace_splunk_operation("search.oneshot")]
fn oneshot(query: &str) -> Result<usize, std::num::ParseIntError> {
    assert!(query != "panic", "on purpose");
    query.parse()
}

#[trace_splunk_operation("jobs.wait")]
async fn wait(forever: bool) -> Result<(), tokio::time::error::Elapsed> {
    if forever {
        pending::<()>().await;
    }
    tokio::time::timeout(std::time::Duration::ZERO, pending()).await
}

#[trace_mcp_tool]
fn tool() {}

/// Status and kind of error, and how often.
type Counts = BTreeMap<(String, String, Option<String>), u64>;

/// Runs these calls with metrics that go to a collector; gives what arrived there.
fn measured(variables: &[(&str, &str)], calls: impl FnOnce()) -> Counts {
    let alone = alone();
    let sink = Sink::start().unwrap();
    let endpoint = sink.otlp_endpoint();
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    let builder = Builder::new(config(&[&own, variables].concat())).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    telemetry.make_global();
    let subscriber = tracing_subscriber::layer::SubscriberExt::with(
        tracing_subscriber::registry(),
        layer.into_layers(),
    );
    tracing::subscriber::with_default(subscriber, calls);
    telemetry.shutdown().unwrap();
    drop(alone);

    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let mut counts = Counts::new();
    for metric in received.otlp_metrics() {
        if metric.name != "splunk.api.duration" {
            continue;
        }
        assert_eq!(metric.unit, "s");
        for point in &metric.points {
            let label = |key: &str| {
                let value = point.attribute(key)?.as_str();
                Some(value.unwrap().to_owned())
            };
            let labels = ["splunk.operation", "splunk.status", "error.type"];
            assert!(
                point
                    .attributes
                    .keys()
                    .all(|key| labels.contains(&key.as_str())),
                "{:?}",
                point.attributes
            );
            let [operation, status, error] = labels.map(label);
            let histogram = point.histogram().unwrap();
            assert!(histogram.sum.unwrap() >= 0.0);
            let key = (operation.unwrap(), status.unwrap(), error);
            // Points are sums since the start: the last one counts.
            counts.insert(key, histogram.count);
        }
    }
    counts
}

fn every_ending() {
    oneshot("7").unwrap();
    oneshot("8").unwrap();
    oneshot("x").unwrap_err();
    assert!(catch_unwind(|| oneshot("panic")).is_err());
    tool();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        wait(false).await.unwrap_err();
        let mut given_up = Box::pin(wait(true));
        let started = poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx).is_pending()));
        assert!(started.await);
    });
}

fn expected() -> Counts {
    let row = |operation: &str, status: &str, error: Option<&str>, count| {
        let error = error.map(str::to_owned);
        ((operation.to_owned(), status.to_owned(), error), count)
    };
    Counts::from([
        row("search.oneshot", "success", None, 2),
        row("search.oneshot", "error", Some("ParseIntError"), 1),
        row("search.oneshot", "error", Some("panic"), 1),
        row("jobs.wait", "timeout", Some("timeout"), 1),
        row("jobs.wait", "cancelled", None, 1),
    ])
}

#[test]
fn operations_are_measured_by_how_they_ended() {
    assert_eq!(measured(&[], every_ending), expected());
}

#[test]
fn operations_are_measured_where_nothing_is_sampled_or_traced() {
    let unsampled = [("SENTRY_TRACES_SAMPLE_RATE", "0")];
    assert_eq!(measured(&unsampled, every_ending), expected());
    let untraced = [("OTEL_TRACES_EXPORTER", "none")];
    assert_eq!(measured(&untraced, every_ending), expected());
}
