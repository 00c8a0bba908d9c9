//! The pipelines that are compared.

mod destination;
mod ours;
mod plain;
mod stock;

use std::any::Any;
use std::fmt;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{Dispatch, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

pub use self::destination::{DroppingExporter, DroppingTransport, WritingTransport};
use crate::workload;

/// A pipeline to measure.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// What the table calls it.
    pub name: &'static str,
    /// Whether every trace has to arrive somewhere.
    pub delivers: bool,
    build: fn() -> anyhow::Result<Running>,
}

/// All variants, in the order of the table.
pub const ALL: [Variant; 17] = [
    Variant::new("none", false, plain::none),
    Variant::new("off", false, plain::off),
    Variant::new("noop", false, plain::noop),
    Variant::new("noop-tuned", false, plain::noop_tuned),
    Variant::new("noop-inherited", false, plain::noop_inherited),
    Variant::new("batch", true, stock::batch),
    Variant::new("batch-tuned", true, stock::batch_tuned),
    Variant::new("stock", true, stock::stock),
    Variant::new("stock-tuned", true, stock::stock_tuned),
    Variant::new("stock-written", true, stock::stock_written),
    Variant::new("stock+batch", true, stock::stock_and_batch),
    Variant::new("ours", true, ours::sentry),
    Variant::new("ours-unsanitized", true, ours::unsanitized),
    Variant::new("ours+batch", true, ours::sentry_and_exporter),
    Variant::new("ours-unsampled", false, ours::unsampled),
    Variant::new("stock+logs", true, stock::stock_with_logs),
    Variant::new("ours+logs", true, ours::whole),
];

impl Variant {
    const fn new(
        name: &'static str,
        delivers: bool,
        build: fn() -> anyhow::Result<Running>,
    ) -> Self {
        Self {
            name,
            delivers,
            build,
        }
    }

    /// The variant of this name.
    ///
    /// ```
    /// use mcp_telemetry_benches::variants::Variant;
    ///
    /// assert!(Variant::named("stock").is_some_and(|variant| variant.delivers));
    /// assert!(Variant::named("other").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|variant| variant.name == name)
    }

    /// Sets it up. Call it on the main thread: that is where Sentry's SDK keeps the client
    /// which other threads inherit.
    ///
    /// # Errors
    ///
    /// Where a part cannot be built.
    pub fn start(&self) -> anyhow::Result<Running> {
        (self.build)()
    }
}

/// A variant that is set up.
pub struct Running {
    /// The subscriber, unless there is none.
    pub dispatch: Option<Dispatch>,
    /// Runs the request of this number.
    pub trace: fn(u64),
    /// The same, and keeps its spans from ending.
    pub open: fn(u64, &mut Vec<Span>),
    provider: Option<SdkTracerProvider>,
    settle: Box<dyn Fn() + Send + Sync>,
    delivered: Box<dyn Fn() -> u64 + Send + Sync>,
    /// What has to live as long as this.
    _keep: Option<Box<dyn Any>>,
}

impl Running {
    fn new(provider: SdkTracerProvider, dispatch: Dispatch) -> Self {
        Self {
            provider: Some(provider),
            ..Self::of_dispatch(dispatch)
        }
    }

    fn of_dispatch(dispatch: Dispatch) -> Self {
        Self {
            dispatch: Some(dispatch),
            trace: plain_trace,
            open: plain_open,
            provider: None,
            settle: Box::new(|| ()),
            delivered: Box::new(|| 0),
            _keep: None,
        }
    }

    fn with_trace(mut self, trace: fn(u64)) -> Self {
        self.trace = trace;
        self
    }

    fn with_open(mut self, open: fn(u64, &mut Vec<Span>)) -> Self {
        self.open = open;
        self
    }

    /// What is to be waited for beside the provider.
    fn with_settle(mut self, settle: impl Fn() + Send + Sync + 'static) -> Self {
        self.settle = Box::new(settle);
        self
    }

    fn with_delivered(mut self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.delivered = Box::new(count);
        self
    }

    fn keeping(mut self, keep: impl Any) -> Self {
        self._keep = Some(Box::new(keep));
        self
    }

    /// Waits until every queue is empty.
    ///
    /// # Errors
    ///
    /// Where that takes too long.
    pub fn drain(&self) -> anyhow::Result<()> {
        if let Some(provider) = &self.provider {
            provider.force_flush()?;
        }
        (self.settle)();
        Ok(())
    }

    /// Traces that reached the transport or exporter; with two destinations, both.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        (self.delivered)()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("delivered", &self.delivered())
            .finish_non_exhaustive()
    }
}

fn plain_trace(number: u64) {
    workload::trace(number, |_| {});
}

fn plain_open(number: u64, kept: &mut Vec<Span>) {
    workload::open(number, |_| {}, kept);
}

/// The tracing layer with what it does unasked.
fn default_layer(provider: &SdkTracerProvider) -> Dispatch {
    tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("bench")))
        .into()
}

/// The tracing layer without source location, thread, target and busy times.
fn tuned_layer(provider: &SdkTracerProvider) -> Dispatch {
    tracing_subscriber::registry().with(tuned(provider)).into()
}

fn tuned<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bench"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
}
