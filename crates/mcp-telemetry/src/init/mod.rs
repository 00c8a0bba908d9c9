//! Setting everything up, and taking it down.

mod figures;
mod guard;
mod handle;
mod layers;
mod log_layer;
mod log_records;
pub(crate) mod observed;
mod otlp;
#[cfg(feature = "sentry")]
mod panic;
mod propagator;
mod resource;
#[cfg(feature = "sentry")]
mod sentry;
mod spool;

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use otel_pipeline::{PipelineProcessor, SpanSink};
use otel_smart_sampler::SamplingCounts;
use telemetry_sanitizer::Sanitizer;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use self::guard::Parts;
pub use self::guard::{ShutdownError, Telemetry};
pub use self::handle::TelemetryHandle;
pub use self::layers::TelemetryLayer;
use self::otlp::Otlp;
pub use self::otlp::{OtlpDelivery, OtlpSignalCounts, OtlpUnsent};
use self::spool::Spools;
use crate::config::{AppInfo, Config, OtlpConfig, OtlpSignal};
use crate::sampling::{self, SamplingError};
use crate::{scrub, settings};

/// Reads the settings from the environment, sets telemetry up for the whole process, and
/// says on stderr what it does.
///
/// Wrong settings end nothing: they are listed in one warning, and the app runs on without
/// what they concern. Without `SENTRY_DSN` and without an OTLP endpoint nothing but a
/// logger to stderr is installed.
///
/// Keep what is returned: dropping it flushes and ends telemetry.
///
/// ```
/// use mcp_telemetry::config::AppInfo;
///
/// let telemetry = mcp_telemetry::init(AppInfo::new("my-server", "1.0.0"));
/// tracing::info!("serving");
/// telemetry.shutdown()?;
/// # Ok::<(), mcp_telemetry::ShutdownError>(())
/// ```
pub fn init(app: AppInfo) -> Telemetry {
    let (config, problems) = Config::from_env_lenient(app);
    let telemetry = Builder::new(config).install();
    if let Some(problems) = problems {
        tracing::warn!("{problems}");
    }
    telemetry.unwrap_or_else(|error| {
        tracing::warn!(%error, "telemetry could not be set up, running without");
        Telemetry::disabled()
    })
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The sampling rules.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// An OTLP exporter.
    #[error("the OTLP {signal} exporter could not be built: {reason}")]
    Otlp {
        /// `traces`, `logs` or `metrics`.
        signal: &'static str,
        /// What the exporter said.
        reason: String,
    },
    /// No thread for the pipeline.
    #[error("the pipeline's thread could not be started")]
    Thread(#[from] std::io::Error),
    /// Another subscriber is installed already.
    #[error(
        "a global tracing subscriber is installed already; \
         use `Builder::build`, add its layer to yours and call `Telemetry::make_global`"
    )]
    SubscriberInstalled,
}

/// Sets telemetry up from a [`Config`].
#[must_use = "call `install` or `build`"]
pub struct Builder {
    config: Config,
    sinks: Vec<Box<dyn SpanSink>>,
    stderr_logs: bool,
    #[cfg(feature = "sentry")]
    sentry_copy: Option<::sentry::types::Dsn>,
    otlp_copy: Option<OtlpSignal>,
}

impl Builder {
    /// Telemetry as `config` says.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            sinks: Vec::new(),
            stderr_logs: true,
            #[cfg(feature = "sentry")]
            sentry_copy: None,
            otlp_copy: None,
        }
    }

    /// Adds a destination of sampled, sanitized spans.
    pub fn with_sink(mut self, sink: impl SpanSink) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Sends everything that Sentry gets to a second DSN too, such as a local viewer's
    /// beside the project's. Without `SENTRY_DSN` there is nothing to copy.
    #[cfg(feature = "sentry")]
    pub fn with_sentry_copy(mut self, dsn: ::sentry::types::Dsn) -> Self {
        self.sentry_copy = Some(dsn);
        self
    }

    /// Sends spans by OTLP to a second endpoint too.
    pub fn with_otlp_copy(mut self, traces: OtlpSignal) -> Self {
        self.otlp_copy = Some(traces);
        self
    }

    /// Whether log lines are written to stderr, filtered by `RUST_LOG` (default: they are).
    pub fn with_stderr_logs(mut self, on: bool) -> Self {
        self.stderr_logs = on;
        self
    }

    /// Sets telemetry up for the whole process: subscriber, tracer provider, propagator and
    /// Sentry client. Records of the `log` crate become `tracing` events, unless they have a
    /// logger already.
    ///
    /// # Errors
    ///
    /// Where a part cannot be built, or another subscriber is installed already.
    pub fn install(self) -> Result<Telemetry, InitError> {
        let (telemetry, layer) = self.build()?;
        let subscriber = tracing_subscriber::registry().with(layer.into_layers());
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|_| InitError::SubscriberInstalled)?;
        log_records::to_tracing();
        telemetry.make_global();
        Ok(telemetry)
    }

    /// Builds everything without touching globals, but for the switches of this crate's own
    /// instrumentation. Add the layer to a subscriber of yours, then call
    /// [`Telemetry::make_global`].
    ///
    /// ```
    /// use mcp_telemetry::Builder;
    /// use mcp_telemetry::config::{AppInfo, Config};
    /// use tracing_subscriber::layer::SubscriberExt as _;
    ///
    /// let (config, _) = Config::from_env_lenient(AppInfo::new("my-server", "1.0.0"));
    /// let (telemetry, layer) = Builder::new(config).build()?;
    /// let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    /// // A whole program would use `subscriber.init()`.
    /// tracing::subscriber::with_default(subscriber, || {
    ///     telemetry.make_global();
    ///     tracing::info!("serving");
    /// });
    /// # Ok::<(), mcp_telemetry::InitError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where a part cannot be built.
    pub fn build(self) -> Result<(Telemetry, TelemetryLayer), InitError> {
        let Self {
            mut config,
            mut sinks,
            stderr_logs,
            #[cfg(feature = "sentry")]
            sentry_copy,
            otlp_copy,
        } = self;
        let mut layers = layers::Layers::default();
        if stderr_logs {
            layers.stderr(config.sentry.debug);
        }
        if config.sdk_disabled {
            let telemetry = Telemetry::new(config, Parts::default());
            return Ok((telemetry, layers.finish()));
        }
        settings::apply(&config);
        let mut keys = Sanitizer::builder();
        for key in &config.redact_keys {
            keys = keys.redact_key(key);
        }
        let sanitizer = keys.build();
        config.sentry.sanitize(&sanitizer);
        let resource = resource::resource(&config, &sanitizer);

        let mut parts = Parts::default();
        let spools = config.spool.clone().map(Spools::new);
        parts.spools = spools.clone();
        #[cfg(feature = "sentry")]
        let mut on_start_dsc = false;
        #[cfg(feature = "sentry")]
        if let Some(sentry) =
            self::sentry::connect(&config, &sanitizer, sentry_copy, spools.as_ref())
        {
            layers.sentry(config.sentry.enable_logs);
            if let Some(sink) = sentry.sink() {
                parts.handle.sentry_sink = Some(sink.handle());
                on_start_dsc = true;
                sinks.push(Box::new(sink));
            }
            parts.handle.sentry = Some(sentry.delivery.clone());
            parts.sentry = Some(sentry);
        }
        // A part that cannot be built is left out and reported; the others run.
        let mut left_out = Vec::new();
        let mut otlp = Otlp::new(config.otlp.clone(), config.shutdown_timeout, spools);
        if let Some(signal) = &config.otlp.traces
            && let Some(sink) = built(otlp.span_sink(signal), &mut left_out)
        {
            parts.handle.otlp_sink = Some(sink.handle());
            sinks.push(Box::new(sink));
        }
        if let Some(signal) = &config.otlp.logs
            && let Some(logs) = built(otlp.logger_provider(signal, &resource), &mut left_out)
        {
            layers.otlp_logs(&logs, sanitizer.clone());
            parts.logs = Some(logs);
        }
        if let Some(signal) = &config.otlp.metrics {
            let metrics = otlp.meter_provider(signal, &resource, &sanitizer);
            parts.metrics = built(metrics, &mut left_out);
        }
        if otlp.is_used() {
            parts.handle.otlp = Some(otlp.figures());
            parts.otlp = Some(Arc::new(otlp));
        }
        if let Some(signal) = &otlp_copy {
            // A way of its own: a copy that is down must hold up nothing.
            let signals = OtlpConfig {
                traces: Some(signal.clone()),
                ..OtlpConfig::default()
            };
            let mut copy = Otlp::new(signals, config.shutdown_timeout, None);
            if let Some(sink) = built(copy.span_sink(signal), &mut left_out) {
                sinks.push(Box::new(sink));
                parts.otlp_copy = Some(Arc::new(copy));
            }
        }
        parts.left_out = left_out;
        if !sinks.is_empty() {
            let sampler = sampling::sampler(config.sentry.traces_sample_rate)?;
            let counts = SamplingCounts::new(&sampler);
            let mut pipeline = PipelineProcessor::builder()
                .with_scrub(scrub::name_exceptions)
                .with_scrub(move |span: &mut SpanData| scrub::sanitize_span(&sanitizer, span));
            #[cfg(feature = "sentry")]
            if on_start_dsc {
                pipeline = pipeline.with_on_start(otel_sentry::keep_frozen_dsc);
            }
            for sink in sinks {
                pipeline = pipeline.with_sink(sink);
            }
            let pipeline = pipeline.build()?;
            parts.handle.pipeline = Some(pipeline.handle());
            let provider = SdkTracerProvider::builder()
                .with_resource(resource)
                .with_sampler(sampler.with_observer(counts.clone()))
                .with_span_processor(pipeline)
                .build();
            layers.spans(provider.tracer("mcp-telemetry"));
            parts.handle.sampling = Some(counts);
            parts.traces = Some(provider);
        }
        Ok((Telemetry::new(config, parts), layers.finish()))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("sinks", &self.sinks.len())
            .finish_non_exhaustive()
    }
}

/// What was built, or nothing and a note why.
fn built<T>(part: Result<T, InitError>, left_out: &mut Vec<InitError>) -> Option<T> {
    part.map_err(|error| left_out.push(error)).ok()
}

/// A boxed layer over the plain registry, which is what per-layer filters need.
type BoxedLayer = Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>;
