//! What telemetry does, for those who do not own it.

use std::fmt;

use otel_pipeline::{ExportHandle, ExportStats, PipelineHandle, PipelineStats};
use otel_smart_sampler::{RuleCount, SamplingCounts};

use super::otlp::{OtlpDelivery, OtlpFigures};

/// Reads the figures of a [`Telemetry`](super::Telemetry), at any time and from any thread, also
/// after its end. Clones read the same.
///
/// ```
/// use mcp_telemetry::Builder;
/// use mcp_telemetry::config::{AppInfo, Config};
///
/// let (config, _) = Config::from_env_lenient(AppInfo::new("my-server", "1.0.0"));
/// let (telemetry, _layer) = Builder::new(config).build()?;
/// let handle = telemetry.handle();
/// telemetry.shutdown()?;
/// if let Some(figures) = handle.otlp_delivery() {
///     eprintln!("{} batches sent, {} lost", figures.delivery.sent, figures.delivery.dropped.total());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct TelemetryHandle {
    pub(super) pipeline: Option<PipelineHandle>,
    pub(super) sampling: Option<SamplingCounts>,
    pub(super) otlp_sink: Option<ExportHandle>,
    pub(super) otlp: Option<OtlpFigures>,
    #[cfg(feature = "sentry")]
    pub(super) sentry_sink: Option<otel_sentry::SinkHandle>,
    #[cfg(feature = "sentry")]
    pub(super) sentry: Option<otel_sentry::delivery::DeliveryStats>,
}

impl TelemetryHandle {
    /// What the sampler saw and kept, by rule.
    #[must_use]
    pub fn sampling(&self) -> Vec<RuleCount> {
        let counts = self.sampling.as_ref();
        counts.map(SamplingCounts::snapshot).unwrap_or_default()
    }

    /// Counters of the span pipeline.
    #[must_use]
    pub fn pipeline(&self) -> PipelineStats {
        let pipeline = self.pipeline.as_ref();
        pipeline.map(PipelineHandle::stats).unwrap_or_default()
    }

    /// Counters of the OTLP span exporter. What it has exported is in the hands of the
    /// delivery: see [`otlp_delivery`](Self::otlp_delivery).
    #[must_use]
    pub fn otlp(&self) -> ExportStats {
        let sink = self.otlp_sink.as_ref();
        sink.map(ExportHandle::stats).unwrap_or_default()
    }

    /// Figures of the delivery over OTLP: of spans, log records and metrics, those of
    /// [`Builder::with_otlp_copy`](crate::Builder::with_otlp_copy) left out.
    #[must_use]
    pub fn otlp_delivery(&self) -> Option<OtlpDelivery> {
        self.otlp.as_ref().map(OtlpFigures::snapshot)
    }

    /// Counters of Sentry's transactions.
    #[cfg(feature = "sentry")]
    #[must_use]
    pub fn sentry_transactions(&self) -> otel_sentry::SinkStats {
        let sink = self.sentry_sink.as_ref();
        sink.map(otel_sentry::SinkHandle::stats).unwrap_or_default()
    }

    /// Counters of the delivery to Sentry.
    #[cfg(feature = "sentry")]
    #[must_use]
    pub fn sentry_delivery(&self) -> Option<otel_sentry::delivery::DeliverySnapshot> {
        self.sentry.as_ref().map(|stats| stats.snapshot())
    }
}

impl fmt::Debug for TelemetryHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("TelemetryHandle");
        text.field("pipeline", &self.pipeline())
            .field("otlp", &self.otlp_delivery());
        #[cfg(feature = "sentry")]
        text.field("sentry", &self.sentry_delivery());
        text.finish_non_exhaustive()
    }
}
