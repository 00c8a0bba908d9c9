//! Everything that runs: endpoints, Splunk, server and telemetry, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use mcp_server_splunk::{SplunkServer, app_info, http};
use mcp_telemetry::config::Config;
use mcp_telemetry::otel_smart_sampler::RuleCount;
use mcp_telemetry::{Builder, Telemetry};
use splunk_simulator::Simulator;
use telemetry_testkit::{Received, Sink};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The base rate where the environment names none: below 1, so that the rules show.
const BASE_RATE: &str = "0.2";

/// The MCP server for Splunk, what it talks to, and what watches it.
pub(crate) struct Stage {
    pub(crate) splunk: Arc<Simulator>,
    pub(crate) address: SocketAddr,
    sink: Sink,
    telemetry: Telemetry,
    runtime: Runtime,
    shutdown: CancellationToken,
}

impl Stage {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let sink = Sink::start().context("starting the telemetry endpoint")?;
        let splunk = Arc::new(Simulator::start().context("starting the Splunk simulator")?);
        let telemetry = telemetry(&sink)?;
        let runtime = Runtime::new()?;
        let shutdown = CancellationToken::new();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let server = SplunkServer::from_lookup(|key| splunk_setting(&splunk, key));
        let options = http::HttpOptions::default();
        runtime.spawn(http::serve(listener, server, options, shutdown.clone()));
        Ok(Self {
            splunk,
            address,
            sink,
            telemetry,
            runtime,
            shutdown,
        })
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Ends everything; returns what arrived, and what the sampler saw.
    pub(crate) fn finish(self) -> anyhow::Result<(Received, Vec<RuleCount>)> {
        self.shutdown.cancel();
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        let sampling = self.telemetry.sampling();
        self.telemetry.shutdown().context("sending what waited")?;
        let received = self.sink.received();
        if let Some(problem) = received.problems().first() {
            bail!("the endpoint could not read what it got: {problem}");
        }
        Ok((received, sampling))
    }
}

/// Telemetry to the embedded endpoint; where the environment names others, to both.
fn telemetry(sink: &Sink) -> anyhow::Result<Telemetry> {
    let set = |key: &str| std::env::var(key).ok().filter(|value| !value.is_empty());
    let (dsn, otlp) = (sink.dsn(), sink.otlp_endpoint());
    let embedded = |key: &str| match key {
        "SENTRY_DSN" => Some(dsn.clone()),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(otlp.clone()),
        "SENTRY_TRACES_SAMPLE_RATE" => Some(BASE_RATE.to_owned()),
        "MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS" => Some("10000".to_owned()),
        _ => None,
    };
    let config = Config::from_lookup(app_info(), |key| set(key).or_else(|| embedded(key)))?;
    let mut builder = Builder::new(config);
    if set("SENTRY_DSN").is_some() {
        builder = builder.with_sentry_copy(dsn.parse()?);
    }
    if set("OTEL_EXPORTER_OTLP_ENDPOINT").is_some() {
        let config = Config::from_lookup(app_info(), embedded)?;
        let traces = config.otlp.traces.context("the embedded OTLP endpoint")?;
        builder = builder.with_otlp_copy(traces);
    }
    Ok(builder.install()?)
}

/// The `SPLUNK_*` settings that name the simulator.
pub(crate) fn splunk_setting(splunk: &Simulator, key: &str) -> Option<String> {
    match key {
        "SPLUNK_SCHEME" => Some("http".to_owned()),
        "SPLUNK_HOST" => Some(splunk.host()),
        "SPLUNK_PORT" => Some(splunk.port().to_string()),
        "SPLUNK_TOKEN" => Some(splunk.token().to_owned()),
        _ => None,
    }
}
