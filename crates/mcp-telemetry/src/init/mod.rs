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
#[cfg(feature = "sentry")]
mod stock;

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{SpanId, TraceId, TracerProvider as _};
use opentelemetry_sdk::trace::{IdGenerator, SdkTracerProvider};
use otel_pipeline::{PipelineProcessor, SpanSink};
#[cfg(feature = "sentry")]
use otel_sentry::delivery::SharedTransport;
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
use crate::sampling::{self, SamplingControl, SamplingError};
use crate::{SpanSanitizer, scrub, settings};

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
    #[cfg(feature = "sentry")]
    sentry_transport: Option<SharedTransport>,
    otlp_copy: Option<OtlpSignal>,
    ids: Option<Ids>,
}

/// Where ids of traces and spans come from.
#[derive(Debug)]
struct Ids(Box<dyn IdGenerator>);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        self.0.new_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
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
            #[cfg(feature = "sentry")]
            sentry_transport: None,
            otlp_copy: None,
            ids: None,
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

    /// Sends to Sentry by a transport of your own instead of [`otel_sentry::delivery::Delivery`], as
    /// measurements do. What it gets has been sanitized. There is then no spool and no copy, and
    /// the figures of the delivery stay zero.
    ///
    /// ```
    /// use mcp_telemetry::Builder;
    /// use mcp_telemetry::config::{AppInfo, Config};
    /// use std::sync::Arc;
    ///
    /// struct Nowhere;
    ///
    /// impl sentry::Transport for Nowhere {
    ///     fn send_envelope(&self, _: sentry::Envelope) {}
    /// }
    ///
    /// let dsn = |name: &str| (name == "SENTRY_DSN").then(|| "http://key@localhost/1".to_owned());
    /// let config = Config::from_lookup(AppInfo::new("my-server", "1.0.0"), dsn)?;
    /// let builder = Builder::new(config).with_sentry_transport(Arc::new(Nowhere));
    /// let (telemetry, _layer) = builder.build()?;
    /// # drop(telemetry);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "sentry")]
    pub fn with_sentry_transport(
        mut self,
        transport: impl ::sentry::TransportFactory + 'static,
    ) -> Self {
        self.sentry_transport = Some(SharedTransport::new(transport));
        self
    }

    /// Sends spans by OTLP to a second endpoint too.
    pub fn with_otlp_copy(mut self, traces: OtlpSignal) -> Self {
        self.otlp_copy = Some(traces);
        self
    }

    /// Takes the ids of traces and spans from `ids` instead of at random, as for tests. The low 56
    /// bits of a trace id must be random: the sampler decides by them.
    pub fn with_id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.ids = Some(Ids(Box::new(ids)));
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
            #[cfg(feature = "sentry")]
            sentry_transport,
            otlp_copy,
            ids,
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
        let mut stock = None;
        #[cfg(feature = "sentry")]
        let sentry_otlp = self::sentry::otlp(&config, sentry_copy.as_ref());
        #[cfg(not(feature = "sentry"))]
        let sentry_otlp = Vec::new();
        #[cfg(feature = "sentry")]
        let way = self::sentry::Way {
            transport: sentry_transport,
            copy: sentry_copy,
            spools: spools.as_ref(),
        };
        #[cfg(feature = "sentry")]
        if let Some(sentry) = self::sentry::connect(&config, &sanitizer, way) {
            layers.sentry(config.sentry.enable_logs);
            if let Some(sink) = sentry.sink() {
                parts.handle.sentry_sink = Some(sink.handle());
                on_start_dsc = sentry.is_bridge();
                sinks.push(Box::new(sink));
            }
            stock = sentry.stock(&sanitizer);
            parts.handle.sentry = Some(sentry.delivery.clone());
            parts.sentry = Some(sentry);
        }
        // A part that cannot be built is left out and reported; the others run.
        let mut left_out = Vec::new();
        let mut otlp = Otlp::new(config.otlp.clone(), config.shutdown_timeout, spools.clone());
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
        let copies = otlp_copy.iter().map(|signal| (signal, None));
        let to_sentry = sentry_otlp.iter().map(|signal| (signal, spools.clone()));
        for (signal, spools) in copies.chain(to_sentry) {
            // A way of its own: one that is down must hold up nothing.
            let signals = OtlpConfig {
                traces: Some(signal.clone()),
                ..OtlpConfig::default()
            };
            let mut apart = Otlp::new(signals, config.shutdown_timeout, spools);
            if let Some(sink) = built(apart.span_sink(signal), &mut left_out) {
                sinks.push(Box::new(sink));
                parts.otlp_apart.push(Arc::new(apart));
            }
        }
        parts.left_out = left_out;
        if !sinks.is_empty() {
            let sampler = sampling::of_config(&config)?;
            let counts = SamplingCounts::new(&sampler);
            let sampler = sampler.with_observer(counts.clone());
            parts.sampling_control = Some(SamplingControl::new(&sampler, &config));
            let mut pipeline = PipelineProcessor::builder()
                .with_keep(sampling::keep_options(&config), sampling::mark_kept)
                .with_scrub(scrub::NameExceptions)
                .with_scrub(scrub::ReleaseOnSpans::new(&config))
                .with_scrub(SpanSanitizer::new(sanitizer));
            #[cfg(feature = "sentry")]
            if on_start_dsc {
                pipeline = pipeline.with_on_start(otel_sentry::keep_frozen_dsc);
            }
            for sink in sinks {
                pipeline = pipeline.with_sink(sink);
            }
            let pipeline = pipeline.build()?;
            parts.handle.pipeline = Some(pipeline.handle());
            let mut provider = SdkTracerProvider::builder()
                .with_resource(resource)
                .with_sampler(sampler)
                .with_span_processor(pipeline);
            if let Some(ids) = ids {
                provider = provider.with_id_generator(ids);
            }
            #[cfg(feature = "sentry")]
            let provider = match stock {
                Some(stock) => provider.with_span_processor(stock),
                None => provider,
            };
            let provider = provider.build();
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
