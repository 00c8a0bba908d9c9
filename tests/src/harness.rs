//! Everything that runs in a test binary: server, Splunk, telemetry and what receives it.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use mcp_server_splunk::{SplunkServer, app_info, http};
use mcp_telemetry::config::Config;
use mcp_telemetry::{Builder, Telemetry};
use splunk_simulator::Simulator;
use telemetry_testkit::{Received, Sink};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// How long something may take to arrive.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The server for Splunk, what it talks to, and what receives its telemetry.
///
/// Telemetry is global, so a process has one harness, which its tests share.
#[derive(Debug)]
pub struct Harness {
    /// Receives what goes to Sentry and what goes out by OTLP.
    pub sink: Sink,
    /// The Splunk that the server asks.
    pub splunk: Simulator,
    /// The telemetry of this process.
    pub telemetry: Telemetry,
    /// Where the server listens.
    pub address: SocketAddr,
    runtime: Runtime,
    running: Mutex<usize>,
}

impl Harness {
    /// Starts everything, with a base sampling rate.
    ///
    /// # Errors
    ///
    /// Where a part does not start.
    pub fn start(base_rate: f64) -> anyhow::Result<Self> {
        Self::start_with(base_rate, &[])
    }

    /// The same, with more settings of telemetry.
    ///
    /// # Errors
    ///
    /// Where a part does not start.
    pub fn start_with(base_rate: f64, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let sink = Sink::start().context("starting the telemetry endpoint")?;
        let splunk = Simulator::start().context("starting the Splunk simulator")?;
        let (dsn, otlp, rate) = (sink.dsn(), sink.otlp_endpoint(), base_rate.to_string());
        let config = Config::from_lookup(app_info(), |key| match key {
            "SENTRY_DSN" => Some(dsn.clone()),
            "SENTRY_ENVIRONMENT" => Some(ENVIRONMENT.to_owned()),
            "SENTRY_TRACES_SAMPLE_RATE" => Some(rate.clone()),
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(otlp.clone()),
            "OTEL_RESOURCE_ATTRIBUTES" => Some("service.namespace=tests".to_owned()),
            key => {
                let set = more.iter().find(|(name, _)| *name == key);
                set.map(|(_, value)| (*value).to_owned())
            }
        })?;
        let telemetry = Builder::new(config).with_stderr_logs(false).install()?;
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let server = SplunkServer::from_lookup(|key| splunk_setting(&splunk, key));
        let options = http::HttpOptions::default();
        runtime.spawn(http::serve(
            listener,
            server,
            options,
            CancellationToken::new(),
        ));
        Ok(Self {
            sink,
            splunk,
            telemetry,
            address,
            runtime,
            running: Mutex::new(0),
        })
    }

    /// Runs a test. When no other test is running at its end, both sinks must have got the
    /// same spans since the process started, and nothing malformed.
    ///
    /// # Panics
    ///
    /// Where the test fails, or the sinks disagree.
    pub fn test(&self, test: impl AsyncFnOnce(&Self) -> anyhow::Result<()>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.runtime.block_on(test(self))));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running -= 1;
        // The lock is held meanwhile: no test starts and adds spans.
        let agreed = match *running {
            0 => self.agree(),
            _ => Ok(()),
        };
        drop(running);
        match outcome {
            Err(panic) => resume_unwind(panic),
            Ok(Err(error)) => panic!("{error:#}"),
            Ok(Ok(())) => {}
        }
        if let Err(error) = agreed {
            panic!("{error:#}");
        }
    }

    /// Waits until both sinks have got the same spans.
    fn agree(&self) -> anyhow::Result<()> {
        self.telemetry.flush();
        let agreed = self.sink.wait_for(PATIENCE, |received| {
            received.agreement().holds().then_some(())
        });
        let received = self.sink.received();
        anyhow::ensure!(agreed.is_ok(), "{}", received.agreement());
        let problems = received.problems();
        anyhow::ensure!(problems.is_empty(), "malformed: {problems:?}");
        anyhow::ensure!(received.forgotten() == 0, "not all requests were kept");
        Ok(())
    }

    /// The URL of a path of the server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of the MCP endpoint.
    #[must_use]
    pub fn mcp_url(&self) -> String {
        self.url(http::MCP_PATH)
    }

    /// Sends what waits, without holding up the runtime.
    ///
    /// # Panics
    ///
    /// Outside of a test that [`test`](Self::test) runs.
    pub fn flush(&self) {
        tokio::task::block_in_place(|| self.telemetry.flush());
    }

    /// Waits until `look` finds something in what has arrived.
    ///
    /// # Errors
    ///
    /// Where it does not within [`PATIENCE`].
    pub async fn wait_for<T>(
        &self,
        what: &str,
        look: impl FnMut(&Received) -> Option<T>,
    ) -> anyhow::Result<T> {
        self.flush();
        let found = self.sink.wait_for_async(PATIENCE, look).await;
        found.with_context(|| format!("waiting for {what}"))
    }
}

/// The environment that the harness reports.
pub const ENVIRONMENT: &str = "end-to-end";

/// The `SPLUNK_*` settings that name a simulator.
#[must_use]
pub fn splunk_setting(splunk: &Simulator, key: &str) -> Option<String> {
    match key {
        "SPLUNK_SCHEME" => Some("http".to_owned()),
        "SPLUNK_HOST" => Some(splunk.host()),
        "SPLUNK_PORT" => Some(splunk.port().to_string()),
        "SPLUNK_TOKEN" => Some(splunk.token().to_owned()),
        _ => None,
    }
}
