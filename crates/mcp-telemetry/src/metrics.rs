//! Durations and counts of what is served, whether or not its trace is sampled.
//!
//! Names, units and buckets: OTel's conventions for MCP and HTTP; `splunk.api.duration` and
//! `mcp.server.session.not_found` are this project's own. They go out by OTLP.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};

/// Buckets of MCP durations, in seconds.
const MCP_BUCKETS: [f64; 14] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// Buckets of HTTP durations, in seconds.
const HTTP_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The instruments, where metrics are wanted.
static INSTRUMENTS: RwLock<Option<Arc<Instruments>>> = RwLock::new(None);

/// What is measured.
#[derive(Debug)]
struct Instruments {
    durations: [Histogram<f64>; Measured::ALL.len()],
    session_not_found: Counter<u64>,
}

/// What has a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    /// A message that an MCP server serves, or a client.
    ServerOperation,
    /// A session that an MCP server serves.
    ServerSession,
    /// A message that an MCP client sends.
    ClientOperation,
    /// A session of an MCP client.
    ClientSession,
    /// An HTTP request that is served.
    HttpServerRequest,
    /// An HTTP request that is sent.
    HttpClientRequest,
    /// An operation on Splunk.
    SplunkApi,
}

impl Measured {
    const ALL: [Self; 7] = [
        Self::ServerOperation,
        Self::ServerSession,
        Self::ClientOperation,
        Self::ClientSession,
        Self::HttpServerRequest,
        Self::HttpClientRequest,
        Self::SplunkApi,
    ];

    /// Name, buckets and description.
    fn instrument(self) -> (&'static str, &'static [f64], &'static str) {
        match self {
            Self::ServerOperation => (
                "mcp.server.operation.duration",
                &MCP_BUCKETS,
                "Duration of an MCP request or notification as its receiver sees it.",
            ),
            Self::ServerSession => (
                "mcp.server.session.duration",
                &MCP_BUCKETS,
                "Duration of an MCP session as its server sees it.",
            ),
            Self::ClientOperation => (
                "mcp.client.operation.duration",
                &MCP_BUCKETS,
                "Duration of an MCP request or notification as its sender sees it.",
            ),
            Self::ClientSession => (
                "mcp.client.session.duration",
                &MCP_BUCKETS,
                "Duration of an MCP session as its client sees it.",
            ),
            Self::HttpServerRequest => (
                "http.server.request.duration",
                &HTTP_BUCKETS,
                "Duration of HTTP server requests.",
            ),
            Self::HttpClientRequest => (
                "http.client.request.duration",
                &HTTP_BUCKETS,
                "Duration of HTTP client requests.",
            ),
            Self::SplunkApi => (
                "splunk.api.duration",
                &HTTP_BUCKETS,
                "Duration of an operation on Splunk, with all its HTTP requests.",
            ),
        }
    }
}

/// An instrument, as its documentation has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Instrument {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) form: Form,
    pub(crate) meaning: &'static str,
}

/// What an instrument makes of its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// A histogram with these buckets.
    Histogram(&'static [f64]),
    Counter,
    Gauge,
}

/// The counter of requests with a session that the server does not know.
const SESSION_NOT_FOUND: Instrument = Instrument {
    name: "mcp.server.session.not_found",
    unit: "{request}",
    form: Form::Counter,
    meaning: "Requests that name a session which the server does not know.",
};

/// Every instrument.
pub(crate) fn all() -> impl Iterator<Item = Instrument> {
    let durations = Measured::ALL.into_iter().map(|measured| {
        let (name, buckets, meaning) = measured.instrument();
        Instrument {
            name,
            unit: "s",
            form: Form::Histogram(buckets),
            meaning,
        }
    });
    let own = crate::init::observed::all();
    durations.chain([SESSION_NOT_FOUND]).chain(own)
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let durations = Measured::ALL.map(|measured| {
            let (name, buckets, description) = measured.instrument();
            let histogram = meter.f64_histogram(name).with_unit("s");
            let histogram = histogram.with_boundaries(buckets.to_vec());
            histogram.with_description(description).build()
        });
        let Instrument {
            name,
            unit,
            meaning,
            ..
        } = SESSION_NOT_FOUND;
        let counter = meter.u64_counter(name).with_unit(unit);
        let session_not_found = counter.with_description(meaning).build();
        Self {
            durations,
            session_not_found,
        }
    }
}

/// Measures with this provider from now on.
pub(crate) fn install(provider: &dyn MeterProvider) {
    let instruments = Arc::new(Instruments::new(&provider.meter("mcp-telemetry")));
    *INSTRUMENTS.write().unwrap_or_else(PoisonError::into_inner) = Some(instruments);
}

fn instruments() -> Option<Arc<Instruments>> {
    let instruments = INSTRUMENTS.read().unwrap_or_else(PoisonError::into_inner);
    instruments.clone()
}

/// Whether anything is measured.
pub(crate) fn are_wanted() -> bool {
    let instruments = INSTRUMENTS.read().unwrap_or_else(PoisonError::into_inner);
    instruments.is_some()
}

/// Records a duration. The attributes are made only where somebody wants them.
pub(crate) fn record(
    measured: Measured,
    duration: Duration,
    attributes: impl FnOnce() -> Vec<KeyValue>,
) {
    if let Some(instruments) = instruments()
        && let Some(histogram) = instruments.durations.get(measured as usize)
    {
        histogram.record(duration.as_secs_f64(), &attributes());
    }
}

/// Counts a request with a session that the server does not know.
pub(crate) fn session_not_found() {
    if let Some(instruments) = instruments() {
        instruments.session_not_found.add(1, &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_has_its_own_place() {
        for (place, measured) in Measured::ALL.into_iter().enumerate() {
            assert_eq!(measured as usize, place, "{measured:?}");
        }
    }
}
