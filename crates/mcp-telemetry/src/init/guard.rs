//! What runs, and how it ends.

use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_pipeline::{ExportHandle, ExportStats, PipelineHandle, PipelineStats};
use otel_smart_sampler::{RuleCount, SamplingCounts};

use crate::config::Config;
use crate::environment;
use crate::log;
use crate::sampling::SamplingControl;

/// Telemetry was not all sent within its time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("telemetry was not all sent within {} ms: {}", timeout.as_millis(), unfinished.join(", "))]
#[non_exhaustive]
pub struct ShutdownError {
    /// The time that there was.
    pub timeout: Duration,
    /// Which of `traces` (with Sentry: `traces and Sentry`, `Sentry's logs`), `OTLP logs` and
    /// `OTLP metrics` did not finish.
    pub unfinished: Vec<&'static str>,
}

/// The parts that were set up.
#[derive(Debug, Default)]
pub(super) struct Parts {
    #[cfg(feature = "sentry")]
    pub(super) sentry: Option<super::sentry::Sentry>,
    #[cfg(feature = "sentry")]
    pub(super) sentry_sink: Option<otel_sentry::SinkHandle>,
    pub(super) traces: Option<SdkTracerProvider>,
    pub(super) logs: Option<SdkLoggerProvider>,
    pub(super) metrics: Option<SdkMeterProvider>,
    pub(super) pipeline: Option<PipelineHandle>,
    pub(super) otlp_sink: Option<ExportHandle>,
    pub(super) sampling: Option<SamplingCounts>,
    pub(super) sampling_control: Option<SamplingControl>,
    /// Why parts that the settings ask for are not there.
    pub(super) left_out: Vec<super::InitError>,
}

/// Telemetry that runs; dropping it flushes and ends it.
#[derive(Debug)]
#[must_use = "dropping it ends telemetry"]
pub struct Telemetry {
    config: Option<Config>,
    parts: Option<Parts>,
}

impl Telemetry {
    pub(super) fn new(config: Config, parts: Parts) -> Self {
        Self {
            config: Some(config),
            parts: Some(parts),
        }
    }

    /// Telemetry that does nothing.
    pub(super) fn disabled() -> Self {
        Self {
            config: None,
            parts: None,
        }
    }

    /// Makes what was set up that of the whole process, and says so: tracer and meter
    /// provider, propagator and Sentry client. [`Builder::install`](crate::Builder::install)
    /// does it already; after [`Builder::build`](crate::Builder::build) call it once the
    /// layer is in your subscriber. Until then no trace context is read from requests, and
    /// Sentry gets spans alone.
    pub fn make_global(&self) {
        let (Some(config), Some(parts)) = (&self.config, &self.parts) else {
            return;
        };
        if let Some(traces) = &parts.traces {
            opentelemetry::global::set_tracer_provider(traces.clone());
            opentelemetry::global::set_text_map_propagator(super::propagator::propagator(config));
            environment::read(config.started_in.variables());
        }
        if let Some(metrics) = &parts.metrics {
            opentelemetry::global::set_meter_provider(metrics.clone());
            crate::metrics::install(metrics);
        }
        for problem in &parts.left_out {
            tracing::warn!(%problem, "telemetry runs without a part of it");
        }
        #[cfg(feature = "sentry")]
        if let Some(sentry) = &parts.sentry {
            sentry.make_global();
            log::sentry_initialized(&config.sentry, config.base_rate());
            return;
        }
        log::sentry_disabled(&config.sentry);
    }

    /// Whether spans go anywhere.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        self.parts
            .as_ref()
            .is_some_and(|parts| parts.traces.is_some())
    }

    /// What the sampler saw and kept, by rule.
    #[must_use]
    pub fn sampling(&self) -> Vec<RuleCount> {
        let counts = self
            .parts
            .as_ref()
            .and_then(|parts| parts.sampling.as_ref());
        counts.map(SamplingCounts::snapshot).unwrap_or_default()
    }

    /// Changes the sampling rules while telemetry runs. `None` without a destination of spans.
    ///
    /// ```
    /// use mcp_telemetry::config::AppInfo;
    /// use mcp_telemetry::otel_smart_sampler::Rule;
    ///
    /// let telemetry = mcp_telemetry::init(AppInfo::new("my-server", "1.0.0"));
    /// if let Some(sampling) = telemetry.sampling_control() {
    ///     sampling.replace(0.5, Rule::parse("jobs: name=job * -> always")?)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sampling_control(&self) -> Option<SamplingControl> {
        let parts = self.parts.as_ref();
        parts.and_then(|parts| parts.sampling_control.clone())
    }

    /// Counters of the span pipeline.
    #[must_use]
    pub fn pipeline(&self) -> PipelineStats {
        let pipeline = self
            .parts
            .as_ref()
            .and_then(|parts| parts.pipeline.as_ref());
        pipeline.map(PipelineHandle::stats).unwrap_or_default()
    }

    /// Counters of the OTLP span exporter.
    #[must_use]
    pub fn otlp(&self) -> ExportStats {
        let sink = self
            .parts
            .as_ref()
            .and_then(|parts| parts.otlp_sink.as_ref());
        sink.map(ExportHandle::stats).unwrap_or_default()
    }

    /// Counters of Sentry's transactions.
    #[cfg(feature = "sentry")]
    #[must_use]
    pub fn sentry_transactions(&self) -> otel_sentry::SinkStats {
        let sink = self
            .parts
            .as_ref()
            .and_then(|parts| parts.sentry_sink.as_ref());
        sink.map(otel_sentry::SinkHandle::stats).unwrap_or_default()
    }

    /// Counters of the delivery to Sentry.
    #[cfg(feature = "sentry")]
    #[must_use]
    pub fn sentry_delivery(&self) -> Option<otel_sentry::delivery::DeliverySnapshot> {
        let sentry = self.parts.as_ref().and_then(|parts| parts.sentry.as_ref());
        sentry.map(|sentry| sentry.delivery.snapshot())
    }

    /// Sends what waits. May block for as long as the shutdown timeout.
    pub fn flush(&self) {
        let Some(parts) = &self.parts else { return };
        if let Some(traces) = &parts.traces
            && let Err(error) = traces.force_flush()
        {
            tracing::debug!(%error, "spans could not be flushed");
        }
        if let Some(logs) = &parts.logs
            && let Err(error) = logs.force_flush()
        {
            tracing::debug!(%error, "log records could not be flushed");
        }
        #[cfg(feature = "sentry")]
        if let (Some(sentry), Some(config)) = (&parts.sentry, &self.config) {
            sentry.flush(config.shutdown_timeout);
        }
    }

    /// Sends what waits and ends telemetry, within `MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS`,
    /// whatever the servers do.
    ///
    /// It blocks: in async code call it at the very end, or inside `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// Names what did not finish in time.
    pub fn shutdown(mut self) -> Result<(), ShutdownError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ShutdownError> {
        let (Some(parts), Some(config)) = (self.parts.take(), &self.config) else {
            return Ok(());
        };
        parts.end(config.shutdown_timeout)
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error);
        }
    }
}

impl Parts {
    /// Ends all parts side by side; waits until they are done or time is up.
    fn end(self, timeout: Duration) -> Result<(), ShutdownError> {
        let deadline = Instant::now() + timeout;
        let (done, finished) = channel();
        let mut unfinished = Vec::new();
        let mut run = |name: &'static str, end: Box<dyn FnOnce() -> bool + Send>| {
            unfinished.push(name);
            end_on_thread(name, end, done.clone());
        };
        let traces = self.traces;
        // Sentry's client after its spans: closing it takes the transport away.
        #[cfg(feature = "sentry")]
        if let Some(sentry) = self.sentry {
            // Logs and sessions at once: a sink of spans that hangs must not cost them.
            let client = std::sync::Arc::clone(&sentry.client);
            sentry.end_sessions();
            sentry.report();
            run(
                "Sentry's logs",
                Box::new(move || client.flush(Some(timeout))),
            );
            let end = move || {
                let spans = traces.is_none_or(|it| it.shutdown_with_timeout(timeout).is_ok());
                let left = deadline.saturating_duration_since(Instant::now());
                sentry.close(left) && spans
            };
            run("traces and Sentry", Box::new(end));
        } else if let Some(traces) = traces {
            run(
                "traces",
                Box::new(move || traces.shutdown_with_timeout(timeout).is_ok()),
            );
        }
        #[cfg(not(feature = "sentry"))]
        if let Some(traces) = traces {
            run(
                "traces",
                Box::new(move || traces.shutdown_with_timeout(timeout).is_ok()),
            );
        }
        if let Some(logs) = self.logs {
            run(
                "OTLP logs",
                Box::new(move || logs.shutdown_with_timeout(timeout).is_ok()),
            );
        }
        if let Some(metrics) = self.metrics {
            run(
                "OTLP metrics",
                Box::new(move || metrics.shutdown_with_timeout(timeout).is_ok()),
            );
        }
        drop(done);
        while !unfinished.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match finished.recv_timeout(left) {
                Ok((name, true)) => unfinished.retain(|it| *it != name),
                Ok((_, false)) => {}
                Err(_) => break,
            }
        }
        match unfinished.is_empty() {
            true => Ok(()),
            false => Err(ShutdownError {
                timeout,
                unfinished,
            }),
        }
    }
}

/// Ends one part on a thread of its own, which may outlive the caller's patience.
fn end_on_thread(
    name: &'static str,
    end: Box<dyn FnOnce() -> bool + Send>,
    done: Sender<(&'static str, bool)>,
) {
    let run = move || {
        let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
        // Nobody listens any more once the time is up.
        let _ = done.send((name, end()));
    };
    // Without a thread the part counts as unfinished: its sender is gone.
    let _ = std::thread::Builder::new()
        .name("telemetry-end".to_owned())
        .spawn(run);
}
