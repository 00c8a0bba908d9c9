//! What is not sent outlives telemetry, on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use mcp_telemetry::{Builder, Telemetry};
use telemetry_testkit::{Fault, Sink};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::common::{self, config};
use crate::wait_until;

/// A directory for spools, gone at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spool-init-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Telemetry to both destinations while `work` runs, with a spool.
fn running(scratch: &Scratch, sink: &Sink, shutdown_ms: &str, work: impl FnOnce()) -> Telemetry {
    let (dsn, endpoint) = (sink.dsn(), sink.otlp_endpoint());
    let variables = [
        ("SENTRY_DSN", dsn.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20hunter2",
        ),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("MCP_TELEMETRY_SPOOL_DIR", scratch.0.to_str().unwrap()),
        ("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", shutdown_ms),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    with_default(subscriber, work);
    telemetry
}

const SPANS: usize = 20;

fn work() {
    for number in 0..SPANS {
        drop(tracing::info_span!("work", number = number as i64));
    }
    tracing::info!("said");
}

/// The directories of the destinations.
fn directories(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All files of all spools.
fn files(path: &Path) -> Vec<PathBuf> {
    directories(path)
        .iter()
        .flat_map(|name| fs::read_dir(path.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "spool"))
        .collect()
}

#[test]
fn what_no_server_took_is_sent_after_the_next_start() {
    let _alone = common::alone();
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    // An answer, and none that says it has arrived.
    sink.fault(Fault::status(503).header("retry-after", "60"));
    let telemetry = running(&scratch, &sink, "1000", work);
    let error = telemetry.shutdown().unwrap_err();
    assert!(error.unsent.is_empty(), "{error}");
    assert!(error.spooled >= SPANS as u64, "{error}");
    let end = format!(" (kept in the spool: {} requests)", error.spooled);
    assert!(error.to_string().ends_with(&end), "{error}");

    let port = sink.address().port();
    let expected = [
        format!("otlp-http-127.0.0.1_{port}"),
        format!("sentry-127.0.0.1-{port}_1"),
    ];
    assert_eq!(directories(&scratch.0), expected);
    let kept = files(&scratch.0);
    assert!(!kept.is_empty());
    for file in &kept {
        let bytes = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        assert!(!bytes.contains("hunter2"), "headers are the settings'");
    }

    sink.clear_faults();
    sink.clear();
    let telemetry = running(&scratch, &sink, "60000", || {});
    wait_until(|| {
        let received = sink.received();
        let spans = (received.otlp_spans().len(), received.transactions().len());
        spans == (SPANS, SPANS) && received.otlp_logs().len() == 1
    });
    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let otlp = telemetry.otlp_delivery().unwrap();
    let sentry = telemetry.sentry_delivery().unwrap();
    assert_eq!(otlp.delivery.recovered + sentry.recovered, error.spooled);
    let traces = otlp.traces;
    assert_eq!((traces.restored, traces.handed_over), (SPANS as u64, 0));
    wait_until(|| telemetry.otlp_delivery().unwrap().traces.sent == SPANS as u64);
    assert_eq!(telemetry.shutdown(), Ok(()));
    assert!(files(&scratch.0).is_empty());
}

#[test]
fn two_with_one_spool_both_run() {
    let _alone = common::alone();
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    let first = running(&scratch, &sink, "60000", work);
    wait_until(|| first.sentry_delivery().unwrap().sent > 0);
    let second = running(&scratch, &sink, "60000", work);
    second.flush();
    let figures = second.sentry_delivery().unwrap();
    assert!(figures.sent > 0, "{figures:?}");
    assert_eq!(figures.stored, 0);
    let error = figures.last_error.unwrap();
    assert!(error.contains("another process uses it"), "{error}");
    assert_eq!(second.shutdown(), Ok(()));
    assert_eq!(first.shutdown(), Ok(()));
    assert_eq!(sink.received().otlp_spans().len(), 2 * SPANS);
}
