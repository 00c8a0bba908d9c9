//! What runs, and how it ends.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_pipeline::{ExportHandle, ExportStats, PipelineHandle, PipelineStats};
use otel_smart_sampler::{RuleCount, SamplingCounts};

use super::otlp::{Otlp, OtlpDelivery, OtlpUnsent};
use super::spool::Spools;
use crate::config::Config;
use crate::log;
use crate::sampling::SamplingControl;

/// Telemetry was not all sent within its time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "telemetry was not all sent within {} ms: {}{}",
    timeout.as_millis(), unfinished.join(", "), in_words(unsent, *spooled)
)]
#[non_exhaustive]
pub struct ShutdownError {
    /// The time that there was.
    pub timeout: Duration,
    /// What did not finish: `traces` (with Sentry: `traces and Sentry`, `Sentry's logs`),
    /// `OTLP traces`, `OTLP logs`, `OTLP metrics`; `OTLP` where all that is left is in the spool.
    pub unfinished: Vec<&'static str>,
    /// What had been handed to the delivery over OTLP and did not arrive in time.
    pub unsent: OtlpUnsent,
    /// Requests to Sentry and over OTLP that stay in the spool, for the next start.
    pub spooled: u64,
}

fn in_words(unsent: &OtlpUnsent, spooled: u64) -> String {
    let lost = (!unsent.is_empty()).then(|| format!("not sent over OTLP: {unsent}"));
    let kept = (spooled > 0).then(|| format!("kept in the spool: {spooled} requests"));
    match lost.into_iter().chain(kept).collect::<Vec<_>>() {
        parts if parts.is_empty() => String::new(),
        parts => format!(" ({})", parts.join("; ")),
    }
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
    pub(super) otlp: Option<Arc<Otlp>>,
    /// Ways of their own: to a copy, and to Sentry.
    pub(super) otlp_apart: Vec<Arc<Otlp>>,
    pub(super) sampling: Option<SamplingCounts>,
    pub(super) spools: Option<Spools>,
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
        }
        if let Some(metrics) = &parts.metrics {
            opentelemetry::global::set_meter_provider(metrics.clone());
            crate::metrics::install(metrics);
        }
        for problem in &parts.left_out {
            tracing::warn!(%problem, "telemetry runs without a part of it");
        }
        if let Some(spools) = &parts.spools {
            spools.say();
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

    /// Counters of the OTLP span exporter. What it has exported is in the hands of the
    /// delivery: see [`otlp_delivery`](Self::otlp_delivery).
    #[must_use]
    pub fn otlp(&self) -> ExportStats {
        let sink = self
            .parts
            .as_ref()
            .and_then(|parts| parts.otlp_sink.as_ref());
        sink.map(ExportHandle::stats).unwrap_or_default()
    }

    /// Figures of the delivery over OTLP: of spans, log records and metrics, those of
    /// [`Builder::with_otlp_copy`](crate::Builder::with_otlp_copy) left out.
    #[must_use]
    pub fn otlp_delivery(&self) -> Option<OtlpDelivery> {
        let otlp = self.parts.as_ref().and_then(|parts| parts.otlp.as_ref());
        otlp.map(|otlp| otlp.figures())
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
        let (Some(parts), Some(config)) = (&self.parts, &self.config) else {
            return;
        };
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
        // All is in the hands of the deliveries now, which work side by side.
        let deadline = Instant::now() + config.shutdown_timeout;
        #[cfg(feature = "sentry")]
        if let Some(sentry) = &parts.sentry {
            sentry.flush(config.shutdown_timeout);
        }
        for otlp in parts.otlp.iter().chain(&parts.otlp_apart) {
            otlp.flush(deadline);
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
        // The deliveries over OTLP end when nobody has anything to hand over any more: each
        // part drops its sender then.
        let (handing, handed) = channel::<()>();
        let end_traces = self.traces.map(|traces| {
            let handing = handing.clone();
            move || {
                let ended = traces.shutdown_with_timeout(timeout).is_ok();
                drop(handing);
                ended
            }
        });
        #[cfg(feature = "sentry")]
        let to_sentry = {
            let figures = self.sentry.as_ref().map(|sentry| sentry.delivery.clone());
            move || figures.map_or(0, |figures| figures.snapshot().spooled)
        };
        #[cfg(not(feature = "sentry"))]
        let to_sentry = || 0;
        // Sentry's client after its spans: closing it takes the transport away.
        #[cfg(feature = "sentry")]
        if let Some(sentry) = self.sentry {
            // Logs and sessions at once: a sink of spans that hangs must not cost them.
            let client = Arc::clone(&sentry.client);
            sentry.end_sessions();
            sentry.report();
            run(
                "Sentry's logs",
                Box::new(move || client.flush(Some(timeout))),
            );
            let end = move || {
                let spans = end_traces.is_none_or(|end| end());
                let left = deadline.saturating_duration_since(Instant::now());
                sentry.close(left) && spans
            };
            run("traces and Sentry", Box::new(end));
        } else if let Some(end) = end_traces {
            run("traces", Box::new(end));
        }
        #[cfg(not(feature = "sentry"))]
        if let Some(end) = end_traces {
            run("traces", Box::new(end));
        }
        if let Some(logs) = self.logs {
            let handing = handing.clone();
            let end = move || {
                let ended = logs.shutdown_with_timeout(timeout).is_ok();
                drop(handing);
                ended
            };
            run(OTLP_LOGS, Box::new(end));
        }
        if let Some(metrics) = self.metrics {
            let handing = handing.clone();
            let end = move || {
                let ended = metrics.shutdown_with_timeout(timeout).is_ok();
                drop(handing);
                ended
            };
            run(OTLP_METRICS, Box::new(end));
        }
        drop(handing);
        let ways: Vec<_> = self.otlp.into_iter().chain(self.otlp_apart).collect();
        if !ways.is_empty() {
            let ways = ways.clone();
            let end = move || {
                let left = deadline.saturating_duration_since(Instant::now());
                // Nothing is ever sent: this ends with the last sender, or with the time.
                let _ = handed.recv_timeout(left);
                end_side_by_side(&ways, deadline)
            };
            run(OTLP, Box::new(end));
        }
        drop(done);
        // What is left at the deadline still goes to the spool, and is counted there.
        let until = match &self.spools {
            Some(_) => deadline + SPOOL_GRACE,
            None => deadline,
        };
        while !unfinished.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            match finished.recv_timeout(left) {
                Ok((name, true)) => unfinished.retain(|it| *it != name),
                Ok((_, false)) => {}
                Err(_) => break,
            }
        }
        let mut unsent = OtlpUnsent::default();
        ways.iter().for_each(|way| unsent += way.unsent());
        let over_otlp: u64 = ways.iter().map(|way| way.spooled()).sum();
        if unfinished.contains(&OTLP) {
            // By signal, as far as anything is left of it.
            unfinished.retain(|name| *name != OTLP);
            for (count, name) in [
                (unsent.spans, OTLP_TRACES),
                (unsent.log_records, OTLP_LOGS),
                (unsent.data_points, OTLP_METRICS),
            ] {
                if count > 0 && !unfinished.contains(&name) {
                    unfinished.push(name);
                }
            }
            if over_otlp > 0 && unsent.is_empty() {
                unfinished.push(OTLP);
            }
        }
        match unfinished.is_empty() {
            true => Ok(()),
            false => Err(ShutdownError {
                timeout,
                unfinished,
                unsent,
                spooled: over_otlp + to_sentry(),
            }),
        }
    }
}

/// How long what is left at the deadline may take to reach the spool.
const SPOOL_GRACE: Duration = Duration::from_millis(200);

/// The deliveries over OTLP, until it is known which signals they concern.
const OTLP: &str = "OTLP";
const OTLP_TRACES: &str = "OTLP traces";
const OTLP_LOGS: &str = "OTLP logs";
const OTLP_METRICS: &str = "OTLP metrics";

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

/// Ends several ways at once; false where something was left.
fn end_side_by_side(ways: &[Arc<Otlp>], deadline: Instant) -> bool {
    ways.iter().for_each(|way| way.drain(deadline));
    ways.iter()
        .map(|way| way.shutdown(deadline))
        .fold(true, |all, one| all & one)
}
