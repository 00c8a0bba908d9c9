//! What the way out over OTLP does, and what goes wrong there, is no telemetry itself.
//!
//! One test: the subscriber is the process's, so that it sees the threads of exporters and
//! deliveries, too.

#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mcp_telemetry::Builder;
use mcp_telemetry::config::{AppInfo, Config};
use telemetry_testkit::{Fault, Sink};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The targets of the events that anyone could see.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let target = event.metadata().target().to_owned();
        self.0.lock().unwrap().push(target);
    }
}

#[test]
fn failures_on_the_way_out_are_no_telemetry() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(500).on_path("/v1/traces"));
    let config = Config::from_lookup(AppInfo::new("app", "1"), |name| match name {
        "SENTRY_DSN" => Some(sink.dsn()),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(sink.otlp_endpoint()),
        "OTEL_METRICS_EXPORTER" => Some("none".to_owned()),
        "MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS" => Some("60000".to_owned()),
        _ => None,
    });
    let builder = Builder::new(config.unwrap()).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    let seen = Seen::default();
    let subscriber = tracing_subscriber::registry()
        .with(layer.into_layers())
        .with(seen.clone());
    // Before there is a subscriber: what it says about itself is not of interest here.
    telemetry.make_global();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    // Losses are said when the next batch comes along.
    let until = Instant::now() + Duration::from_secs(60);
    let of_losses = |target: &String| target.starts_with("mcp_telemetry::init::otlp");
    let mut spans = 0;
    while !seen.0.lock().unwrap().iter().any(of_losses) {
        assert!(Instant::now() < until, "{:?}", seen.0.lock().unwrap());
        drop(tracing::info_span!("work"));
        spans += 1;
        telemetry.flush();
    }
    tracing::info!("said");
    assert_eq!(telemetry.shutdown(), Ok(()));

    let received = sink.received();
    assert!(received.otlp_spans().is_empty());
    let logs = received.otlp_logs();
    let texts: Vec<_> = logs.iter().filter_map(|log| log.text()).collect();
    assert_eq!(texts, ["said"]);
    #[cfg(feature = "sentry")]
    {
        assert_eq!(received.transactions().len(), spans);
        assert!(received.events().is_empty());
        let logs = received.logs();
        let texts: Vec<_> = logs.iter().map(|log| log.body.as_str()).collect();
        assert_eq!(texts, ["said"]);
    }
    #[cfg(not(feature = "sentry"))]
    assert!(spans > 0);
}
