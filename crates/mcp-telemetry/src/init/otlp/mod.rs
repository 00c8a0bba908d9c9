//! OTLP over HTTP: the stock exporters, and one delivery for each server that they send to.
//!
//! An exporter encodes a batch on a thread of its own and hands it to the delivery, which
//! answers at once. So an exporter never waits for the network, and the delivery decides on
//! order, retries and what goes when there is too much.

mod client;
mod counts;
mod protobuf;
mod rules;

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use otel_pipeline::{BatchOptions, ExporterSink};
use telemetry_delivery::{Delivery, HttpOptions, Settings, Url};
use telemetry_sanitizer::Sanitizer;

use self::client::Client;
use self::counts::{Counts, Signal};
pub use self::counts::{OtlpDelivery, OtlpSignalCounts, OtlpUnsent};
use self::rules::{Collector, Target};
use super::InitError;
use super::spool::Spools;
use crate::config::{Compression, OtlpConfig, OtlpSignal};

/// Requests on their way to one server at once. A batch is up to 512 spans.
const MAX_IN_FLIGHT: usize = 8;

/// How long a batch may be tried again: the time in which a collector restarts.
const MAX_RETRY_AGE: Duration = Duration::from_secs(5 * 60);

/// The way out over OTLP.
#[derive(Debug)]
pub(super) struct Otlp {
    signals: OtlpConfig,
    settings: Settings,
    spools: Option<Spools>,
    counts: Arc<Counts>,
    /// By origin: a server that is down holds up no other.
    servers: Vec<(String, Arc<Delivery<Collector>>)>,
}

impl Otlp {
    /// A way out for these signals, which goes on for `shutdown_timeout` where it is dropped
    /// without an end.
    pub(super) fn new(
        signals: OtlpConfig,
        shutdown_timeout: Duration,
        spools: Option<Spools>,
    ) -> Self {
        Self {
            signals,
            spools,
            settings: Settings::new()
                .with_thread_name("otlp-delivery")
                .with_max_in_flight(MAX_IN_FLIGHT)
                // Age is the bound: a collector that restarts costs nothing.
                .with_max_attempts(u32::MAX)
                .with_max_retry_age(MAX_RETRY_AGE)
                .with_shutdown_timeout(shutdown_timeout)
                // For as long as the thread lives: nothing it does comes back as telemetry.
                .with_on_thread_start(|| {
                    std::mem::forget(Context::enter_telemetry_suppressed_scope());
                }),
            counts: Arc::default(),
            servers: Vec::new(),
        }
    }

    /// A sink that sends spans to a collector.
    pub(super) fn span_sink(&mut self, signal: &OtlpSignal) -> Result<ExporterSink, InitError> {
        let client = self.client(Signal::Traces, signal)?;
        let http = configured(SpanExporter::builder().with_http(), client, signal);
        let exporter = http
            .build()
            .map_err(|error| build_error(Signal::Traces, &error))?;
        Ok(ExporterSink::new(exporter, BatchOptions::default()))
    }

    /// A provider that sends log records to a collector.
    pub(super) fn logger_provider(
        &mut self,
        signal: &OtlpSignal,
        resource: &Resource,
    ) -> Result<SdkLoggerProvider, InitError> {
        let client = self.client(Signal::Logs, signal)?;
        let http = configured(LogExporter::builder().with_http(), client, signal);
        let exporter = http
            .build()
            .map_err(|error| build_error(Signal::Logs, &error))?;
        Ok(SdkLoggerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(exporter)
            .build())
    }

    /// A provider that sends metrics to a collector, cleaned.
    pub(super) fn meter_provider(
        &mut self,
        signal: &OtlpSignal,
        resource: &Resource,
        sanitizer: &Sanitizer,
    ) -> Result<SdkMeterProvider, InitError> {
        let client = self.client(Signal::Metrics, signal)?;
        let client = client.with_clean_metrics(sanitizer);
        let http = configured(MetricExporter::builder().with_http(), client, signal);
        let exporter = http
            .build()
            .map_err(|error| build_error(Signal::Metrics, &error))?;
        Ok(SdkMeterProvider::builder()
            .with_resource(resource.clone())
            .with_periodic_exporter(exporter)
            .build())
    }

    /// The HTTP client of a signal's exporter.
    fn client(&mut self, signal: Signal, settings: &OtlpSignal) -> Result<Client, InitError> {
        let target = Target::new(signal, settings)?;
        Ok(Client::new(self.server(&target.url), signal, settings))
    }

    /// The delivery to a URL's server.
    fn server(&mut self, url: &Url) -> Arc<Delivery<Collector>> {
        let origin = url.origin().ascii_serialization();
        if let Some((_, delivery)) = self.servers.iter().find(|(known, _)| *known == origin) {
            return Arc::clone(delivery);
        }
        let collector = Collector {
            counts: Arc::clone(&self.counts),
            targets: self.targets(&origin),
        };
        let mut settings = self.settings.clone();
        if let Some(spools) = &self.spools {
            let destination = format!("otlp-{}", origin.replacen("://", "-", 1));
            settings = settings.with_spool(spools.of(&destination));
        }
        let http = HttpOptions::new().with_tls(url.scheme() == "https");
        let delivery = Arc::new(settings.start(collector, http));
        self.servers.push((origin, Arc::clone(&delivery)));
        delivery
    }

    /// All signals that go to a server, whether they have an exporter already or not: the spool
    /// may hold any of them.
    fn targets(&self, origin: &str) -> Vec<Target> {
        let signals = [
            (Signal::Traces, &self.signals.traces),
            (Signal::Logs, &self.signals.logs),
            (Signal::Metrics, &self.signals.metrics),
        ];
        signals
            .into_iter()
            .filter_map(|(signal, settings)| Target::new(signal, settings.as_ref()?).ok())
            .filter(|target| target.url.origin().ascii_serialization() == origin)
            .collect()
    }

    /// Whether any signal goes out here.
    pub(super) fn is_used(&self) -> bool {
        !self.servers.is_empty()
    }

    /// The figures now.
    pub(super) fn figures(&self) -> OtlpDelivery {
        self.counts.snapshot(self.settings.stats().snapshot())
    }

    /// Waits until what was handed over is sent or given up; false where that was not in time.
    pub(super) fn flush(&self, deadline: Instant) -> bool {
        // Each works by itself: to wait for one after the other costs no time.
        self.servers
            .iter()
            .map(|(_, delivery)| delivery.flush(left(deadline)))
            .fold(true, |all, one| all & one)
    }

    /// Takes nothing more, and goes on by itself until the deadline.
    pub(super) fn drain(&self, deadline: Instant) {
        for (_, delivery) in &self.servers {
            delivery.drain(left(deadline));
        }
    }

    /// Sends what waits and ends; false where something was left, in the spool or nowhere.
    pub(super) fn shutdown(&self, deadline: Instant) -> bool {
        self.drain(deadline);
        for (_, delivery) in &self.servers {
            delivery.shutdown(left(deadline));
        }
        self.counts.say_losses(&self.settings.stats());
        self.unsent().is_empty() && self.spooled() == 0
    }

    /// Batches that are in the spool alone.
    pub(super) fn spooled(&self) -> u64 {
        self.settings.stats().snapshot().spooled
    }

    /// What was handed over and neither sent, nor lost before the end, nor is in the spool.
    pub(super) fn unsent(&self) -> OtlpUnsent {
        self.counts.unsent()
    }
}

/// Sets on an exporter's builder what a signal's settings say.
fn configured<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    client: Client,
    settings: &OtlpSignal,
) -> B {
    let builder = builder
        .with_endpoint(settings.endpoint.clone())
        .with_timeout(settings.timeout)
        .with_http_client(client);
    // Without compression set in code, the builder reads the environment itself, and refuses
    // the specification's `none`.
    match settings.compression == Compression::Gzip || environment_names_compression() {
        true => builder.with_compression(opentelemetry_otlp::Compression::Gzip),
        false => builder,
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn build_error(signal: Signal, error: &ExporterBuildError) -> InitError {
    InitError::Otlp {
        signal: signal.name(),
        reason: error.to_string(),
    }
}

fn environment_names_compression() -> bool {
    ["", "TRACES_", "LOGS_", "METRICS_"]
        .iter()
        .any(|signal| std::env::var_os(format!("OTEL_EXPORTER_OTLP_{signal}COMPRESSION")).is_some())
}
