//! The Sentry client.

use std::sync::Arc;
use std::time::Duration;

use otel_sentry::SentrySink;
use otel_sentry::delivery::{Delivery, DeliveryStats, SharedTransport, Tee};
use sentry::types::Dsn;
use sentry::{Client, ClientOptions, Envelope, Hub};
use telemetry_sanitizer::Sanitizer;

use super::panic::PanicIntegration;
use super::spool::Spools;
use super::stock::Stock;
use crate::config::{self, Config, OtlpSignal, SentryTraces};
use crate::errors::{McpErrors, on_exception, tracing_records};
use crate::health::{Sessions, Tracker};
use crate::scrub::event;

/// The most breadcrumbs that a request keeps; the oldest go first.
const MOST_BREADCRUMBS: usize = 100;

/// Crates whose frames in a backtrace are not the app's, beside those that the SDK knows.
const NOT_IN_APP: [&str; 12] = [
    "axum",
    "futures_util",
    "hyper",
    "mcp_telemetry",
    "opentelemetry",
    "otel_pipeline",
    "otel_sentry",
    "rmcp",
    "sentry",
    "tokio",
    "tower",
    "tracing",
];

/// A client and the transport that it shares with the span sink.
pub(super) struct Sentry {
    pub(super) client: Arc<Client>,
    transport: SharedTransport,
    pub(super) delivery: DeliveryStats,
    sessions: Sessions,
    traces: SentryTraces,
}

/// How envelopes leave.
pub(super) struct Way<'a> {
    /// Instead of ours; the rest is of no use then.
    pub(super) transport: Option<SharedTransport>,
    /// A second DSN for everything; that way has no spool.
    pub(super) copy: Option<Dsn>,
    pub(super) spools: Option<&'a Spools>,
}

/// Makes the client that the settings describe; `None` without a DSN.
pub(super) fn connect(config: &Config, sanitizer: &Sanitizer, way: Way<'_>) -> Option<Sentry> {
    let dsn: Dsn = config.sentry.dsn.as_ref()?.expose().parse().ok()?;
    let mut delivery = Delivery::new().with_shutdown_timeout(config.shutdown_timeout);
    if let Some(spools) = way.spools {
        delivery = delivery.with_spool(spools.of(&destination(&dsn)));
    }
    let stats = delivery.stats();
    let transport = match (way.transport, way.copy) {
        (Some(transport), _) => transport,
        (None, Some(dsn)) => {
            let of_copy = Delivery::new().with_shutdown_timeout(config.shutdown_timeout);
            SharedTransport::new(Tee::new(delivery, of_copy, dsn))
        }
        (None, None) => SharedTransport::new(delivery),
    };

    let of_event = sanitizer.clone();
    let of_breadcrumb = sanitizer.clone();
    let of_log = sanitizer.clone();
    let of_metric = sanitizer.clone();
    let mut options = ClientOptions::new()
        .release(config.sentry.release.clone())
        .environment(config.sentry.environment.clone())
        .shutdown_timeout(config.shutdown_timeout)
        .max_breadcrumbs(MOST_BREADCRUMBS)
        // Inputs and outputs are recorded and sanitized by us: `SENTRY_SEND_PII`.
        .send_default_pii(false)
        .before_send(move |it| Some(event::event(&of_event, it)))
        .before_breadcrumb(move |mut it| {
            tracing_records::breadcrumb(&mut it);
            Some(event::breadcrumb(&of_breadcrumb, it))
        })
        .before_send_log(move |mut it| {
            tracing_records::log(&mut it);
            Some(event::log(&of_log, it))
        })
        .before_send_metric(move |it| Some(event::metric(&of_metric, it)));
    options.dsn = Some(dsn);
    if config.sentry.traces == SentryTraces::Stock {
        // The OTel sampler has decided; what it drops never gets here.
        options = options.traces_sample_rate(1.0);
    }
    options.in_app_exclude.extend(NOT_IN_APP);
    let mut options = sentry::apply_defaults(otel_sentry::connect(options, &transport));
    // The SDK's own hook waits for the whole queue, on the thread that panics.
    options
        .integrations
        .retain(|integration| integration.name() != "panic");
    let tracker = Tracker::new(sanitizer.clone());
    let options = options
        .add_integration(PanicIntegration)
        .add_integration(McpErrors)
        .add_integration(tracker.clone());
    let client = Arc::new(Client::from(options));
    Some(Sentry {
        sessions: Sessions::new(tracker, &client),
        client,
        transport,
        delivery: stats,
        traces: config.sentry.traces,
    })
}

/// The name of a project's spool: without the keys.
fn destination(dsn: &Dsn) -> String {
    let (host, port, path) = (dsn.host(), dsn.port(), dsn.path());
    format!("sentry-{host}-{port}{path}{}", dsn.project_id())
}

/// Where spans go by OTLP to Sentry itself: to the project, and to that of `copy`.
pub(super) fn otlp(config: &Config, copy: Option<&Dsn>) -> Vec<OtlpSignal> {
    let dsn = config.sentry.dsn.as_ref();
    if config.sentry.traces != SentryTraces::Otlp {
        return Vec::new();
    }
    let copy = copy.and_then(|dsn| dsn.to_string().parse::<config::Dsn>().ok());
    dsn.into_iter()
        .chain(copy.as_ref())
        .map(OtlpSignal::spans_to_sentry)
        .collect()
}

impl Sentry {
    /// The sink of spans; `None` where nothing of them goes to Sentry. Where spans go there in
    /// another way, it captures their exceptions alone.
    pub(super) fn sink(&self) -> Option<SentrySink> {
        if self.traces == SentryTraces::Off {
            return None;
        }
        let sink = SentrySink::new(&self.client, &self.transport).ok()?;
        let sink = sink.with_exceptions(&self.client, on_exception);
        Some(match self.is_bridge() {
            true => sink,
            false => sink.without_transactions(),
        })
    }

    /// Whether the sink of spans sends transactions.
    pub(super) fn is_bridge(&self) -> bool {
        self.traces == SentryTraces::Bridge
    }

    /// The SDK's own processor, where it is asked for.
    pub(super) fn stock(&self, sanitizer: &Sanitizer) -> Option<Stock> {
        (self.traces == SentryTraces::Stock).then(|| Stock::new(sanitizer.clone()))
    }

    /// Makes the client that of every thread which has no scope of its own yet.
    pub(super) fn make_global(&self) {
        for hub in [Hub::main(), Hub::current()] {
            hub.bind_client(Some(Arc::clone(&self.client)));
        }
    }

    /// Sends what has been counted and captured; false where that was not done in time.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        self.sessions.flush();
        self.client.flush(Some(timeout))
    }

    /// Ends the sessions: what still runs is cut off.
    pub(super) fn end_sessions(&self) {
        self.sessions.close();
    }

    /// Sends the report on what was lost, if there is one: it rides on an envelope of the
    /// client's, and the span sink's go past the client.
    pub(super) fn report(&self) {
        self.client.send_envelope(Envelope::new());
    }

    /// Sends what waits; false where that was not done in time.
    pub(super) fn close(&self, timeout: Duration) -> bool {
        self.report();
        self.client.close(Some(timeout))
    }
}

impl std::fmt::Debug for Sentry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sentry")
            .field("delivery", &self.delivery)
            .field("traces", &self.traces)
            .finish_non_exhaustive()
    }
}
