//! A loopback Sentry and OTLP endpoint with typed look-ups and faults on demand.
//!
//! [`Sink`] listens on a free port of 127.0.0.1, on threads of its own. A test gives its
//! [`dsn`](Sink::dsn) or [`otlp_endpoint`](Sink::otlp_endpoint) to the program under test, waits
//! with [`wait_for`](Sink::wait_for) or [`wait_for_async`](Sink::wait_for_async), and asks
//! [`Received`] what came.
//!
//! ```
//! use std::{io::Write, net::TcpStream, time::Duration};
//! use telemetry_testkit::{Sink, SpanKind};
//!
//! let sink = Sink::start()?;
//!
//! // An exporter would do this.
//! let body = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
//!     "traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",
//!     "name":"tools/call search","kind":2,
//!     "startTimeUnixNano":"1000","endTimeUnixNano":"2000"}]}]}]}"#;
//! let mut stream = TcpStream::connect(sink.address())?;
//! write!(
//!     stream,
//!     "POST /v1/traces HTTP/1.1\r\nhost: sink\r\ncontent-type: application/json\r\n\
//!      content-length: {}\r\n\r\n{body}",
//!     body.len()
//! )?;
//!
//! let span = sink.wait_for(Duration::from_secs(5), |received| {
//!     received.otlp_spans().first().map(|span| (*span).clone())
//! })?;
//! assert_eq!(span.name, "tools/call search");
//! assert_eq!(span.kind, SpanKind::Server);
//! assert_eq!(span.duration(), Duration::from_micros(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! - Start and stop: [`Sink`], [`SinkBuilder`].
//! - Look-ups: [`Received`], a cheap snapshot. Waiting: [`WaitTimeout`] is the error.
//! - Requests as they came: [`Request`], [`Answer`], [`SentryAuth`].
//! - Sentry: [`Envelope`], [`Item`], [`Transaction`], [`SentrySpan`], [`Event`], [`Log`],
//!   [`TraceMetric`], [`SessionAggregate`], [`SessionUpdate`], [`ClientReport`]. Format:
//!   <https://develop.sentry.dev/sdk/data-model/envelopes/>.
//! - OTLP: [`OtlpSpan`], [`OtlpLog`], [`OtlpMetric`]. Format:
//!   <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.
//! - What was wrong with a request: [`ParseProblem`], [`ParseError`].
//! - Failing on demand: [`Fault`].
//!
//! # What counts as received
//!
//! A payload counts once its request has been answered 2xx. A request that was refused, hit by a
//! fault or never answered is still in [`Received::requests`], and what it carried can be read with
//! [`Request::envelope`].

mod agreement;
mod archive;
mod connection;
mod encoding;
mod fault;
mod json;
mod otlp;
mod problem;
mod received;
mod reply;
mod request;
mod route;
mod sentry;
mod server;
mod sink;
mod store;
mod take;
mod wait;

pub use agreement::{Agreement, SpanKey};
pub use fault::Fault;
pub use otlp::{
    ExponentialHistogram, Histogram, MetricKind, MetricValue, OtlpEvent, OtlpExemplar, OtlpLink,
    OtlpLog, OtlpMetric, OtlpPoint, OtlpRoute, OtlpSpan, Resource, Scope, SpanKind, SpanStatus,
    Temporality,
};
pub use problem::{ParseError, ParseProblem};
pub use received::Received;
pub use request::{Answer, AuthSource, Request, SentryAuth};
pub use sentry::{
    Attribute, Breadcrumb, ClientReport, DiscardedEvent, Envelope, Event, Exception, Item,
    ItemContent, Log, Mechanism, SentryLink, SentrySpan, SessionAggregate, SessionUpdate,
    TraceMetric, Transaction,
};
pub use sink::{ARCHIVE_VARIABLE, PUBLIC_KEY, Sink, SinkBuilder};
pub use wait::WaitTimeout;

/// Runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
