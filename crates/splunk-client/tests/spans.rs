//! What the span of a request says that was cut off.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::config_for;
use mcp_telemetry::Builder;
use mcp_telemetry::config::{AppInfo, Config};
use mcp_telemetry::opentelemetry::trace::Status;
use mcp_telemetry::opentelemetry_sdk::trace::SpanData;
use mcp_telemetry::otel_pipeline::SpanSink;
use splunk_client::SplunkClient;
use splunk_simulator::{Fault, Simulator};
use tokio::sync::watch;
use tracing_subscriber::layer::SubscriberExt as _;

/// Keeps the spans that it gets.
struct Memory(watch::Sender<Vec<Arc<SpanData>>>);

impl SpanSink for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn accept(&mut self, spans: &[Arc<SpanData>]) {
        self.0.send_modify(|kept| kept.extend_from_slice(spans));
    }

    fn flush(&mut self, _: Instant) -> bool {
        true
    }
}

fn text(span: &SpanData, key: &str) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|it| it.key.as_str() == key)?;
    Some(found.value.to_string())
}

/// Calls a server that answers with this fault first, for as long as `wait` lets it.
async fn http_span(fault: Fault, limit: Duration, wait: Duration) -> Arc<SpanData> {
    let (sender, spans) = watch::channel(Vec::new());
    let (config, _) = Config::from_lookup_lenient(AppInfo::new("test", "1.0.0"), |_| None);
    let builder = Builder::new(config).with_stderr_logs(false);
    let (telemetry, layer) = builder.with_sink(Memory(sender)).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    let guard = tracing::subscriber::set_default(subscriber);
    let splunk = Simulator::start().unwrap();
    let config = config_for(&splunk, &[("SPLUNK_TOKEN", splunk.token())]).with_timeout(limit);
    let client = SplunkClient::new(config).unwrap();
    splunk.fault(fault);
    let _ = tokio::time::timeout(wait, client.health()).await;
    drop(guard);
    telemetry.shutdown().unwrap();
    let spans = spans.borrow();
    let mut all = spans.iter();
    let of_http = |span: &&Arc<SpanData>| text(span, "sentry.op").as_deref() == Some("http.client");
    Arc::clone(all.find(of_http).unwrap())
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_request_whose_time_is_over_has_failed() {
    let span = http_span(Fault::hang(), SHORT, LONG).await;
    assert_eq!(text(&span, "error.type").as_deref(), Some("timeout"));
    assert_eq!(text(&span, "sentry.status"), None);
    let Status::Error { description } = &span.status else {
        panic!("{:?}", span.status);
    };
    assert!(
        description.contains("no answer from Splunk"),
        "{description}"
    );
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_cancelled() {
    let span = http_span(Fault::hang(), LONG, SHORT).await;
    assert_eq!(text(&span, "sentry.status").as_deref(), Some("cancelled"));
    assert_eq!(text(&span, "error.type"), None);
    assert_eq!(span.status, Status::Unset);
}

#[tokio::test]
async fn a_refused_request_keeps_its_status() {
    let span = http_span(Fault::status(503), LONG, LONG).await;
    assert_eq!(text(&span, "error.type").as_deref(), Some("503"));
}
