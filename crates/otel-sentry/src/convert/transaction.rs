//! The payload of a transaction.
//!
//! Source: Sentry's "Transaction Payloads" page and what Relay keeps of it. The structs are our own,
//! borrowed from the spans: the SDK's types have no place for an origin, links or the name's source.

use std::time::SystemTime;

use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::SpanData;
use sentry::protocol::Breadcrumb;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use thiserror::Error;

use super::contexts::{Contexts, Otel, Profile, Resource, Response, Trace};
use super::data::Data;
use super::hex::Hex;
use super::links::Links;
use super::repair::{Defect, Times, repair, repair_root};
use super::split::Limits;
use super::{Known, description, op, origin, size, status};

/// The operation of a transaction that has none, as Relay names it.
const NO_OP: &str = "default";

/// What every payload of one process says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'a> {
    pub(crate) release: Option<&'a str>,
    pub(crate) environment: Option<&'a str>,
    pub(crate) server_name: Option<&'a str>,
    pub(crate) resource: &'a Resource,
    pub(crate) sdk_name: &'a str,
    pub(crate) sdk_version: &'a str,
}

/// One transaction to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionParts<'a> {
    /// The local root.
    pub(crate) root: &'a SpanData,
    /// The other spans, as planned by [`super::split::split`].
    pub(crate) children: &'a [&'a SpanData],
    /// What happened in the tree, for the part that shows it.
    pub(crate) breadcrumbs: &'a [Breadcrumb],
    /// The id of the event, new for each payload.
    pub(crate) event_id: [u8; 16],
    /// The time of the conversion: later times are clamped to it.
    pub(crate) now: SystemTime,
    pub(crate) service: &'a Service<'a>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Children in the payload; the root is not counted.
    pub(crate) children: usize,
    /// Children left out since their ids are zero.
    pub(crate) refused: usize,
}

/// Why a transaction cannot be sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum WriteError {
    /// The root is beyond repair.
    #[error("the root span cannot be sent: {defect}")]
    Root {
        /// What is wrong with it.
        defect: Defect,
    },
    /// The receiver would refuse a payload of this size.
    #[error("the transaction takes {bytes} bytes; expected at most {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The serializer refused.
    #[error("the transaction cannot be written as JSON")]
    Json {
        /// What it said.
        #[from]
        source: serde_json::Error,
    },
}

/// Appends the payload of a transaction item to `out`, as JSON on one line.
///
/// Children with invalid ids are left out; see [`Written::refused`]. Spans beyond the receiver's
/// budget are not split off here: see [`super::split::split`].
///
/// # Errors
/// If the root cannot be sent, or the payload is over a million bytes. `out` is then as it was.
pub(crate) fn write(
    parts: &TransactionParts<'_>,
    out: &mut Vec<u8>,
) -> Result<Written, WriteError> {
    let TransactionParts {
        root,
        event_id,
        now,
        service,
        ..
    } = *parts;
    let times = repair_root(root, now).map_err(|defect| WriteError::Root { defect })?;
    let known = Known::of(&root.attributes);
    let limit = size::value_limit(root);
    let name = description::transaction_name(root, &known);
    let op = op::op(&known, &root.span_kind);
    let children: Vec<(&SpanData, Times)> = parts
        .children
        .iter()
        .filter_map(|child| Some((*child, repair(child, now).ok()?)))
        .collect();
    let payload = Payload {
        event_id: Hex(event_id),
        r#type: "transaction",
        platform: "native",
        transaction: &name.name,
        transaction_info: TransactionInfo {
            source: name.source,
        },
        start_timestamp: times.start_seconds(),
        timestamp: times.end_seconds(),
        release: service.release,
        environment: service.environment,
        server_name: service.server_name,
        contexts: Contexts {
            trace: Trace {
                trace_id: root.span_context.trace_id().into(),
                span_id: root.span_context.span_id().into(),
                parent_span_id: parent(root),
                op: op.as_deref().unwrap_or(NO_OP),
                description: known
                    .description
                    .map(|text| super::cut_bytes(text, description::MAX_DESCRIPTION_BYTES)),
                status: status::status(&root.status, &known),
                origin: origin::origin(&known),
                data: Data {
                    span: root,
                    known: &known,
                    limit,
                },
                links: Links::of(&root.links, limit),
            },
            otel: Otel {
                resource: service.resource.json(),
            },
            response: known
                .http_status
                .filter(|_| root.span_kind == SpanKind::Server)
                .map(|status_code| Response { status_code }),
            profile: known.profiler_id.map(|profiler_id| Profile { profiler_id }),
        },
        sdk: Sdk {
            name: service.sdk_name,
            version: service.sdk_version,
        },
        breadcrumbs: Some(parts.breadcrumbs)
            .filter(|crumbs| !crumbs.is_empty())
            .map(|values| Breadcrumbs { values }),
        spans: Spans(&children),
    };
    let before = out.len();
    if let Err(source) = serde_json::to_writer(&mut *out, &payload) {
        out.truncate(before);
        return Err(source.into());
    }
    let bytes = out.len() - before;
    let limit = Limits::default().payload;
    if bytes > limit {
        out.truncate(before);
        return Err(WriteError::TooLarge { bytes, limit });
    }
    Ok(Written {
        children: children.len(),
        refused: parts.children.len() - children.len(),
    })
}

#[derive(Serialize)]
struct Payload<'a> {
    event_id: Hex<16>,
    r#type: &'static str,
    platform: &'static str,
    transaction: &'a str,
    transaction_info: TransactionInfo,
    start_timestamp: f64,
    timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    contexts: Contexts<'a>,
    sdk: Sdk<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breadcrumbs: Option<Breadcrumbs<'a>>,
    spans: Spans<'a>,
}

#[derive(Serialize)]
struct TransactionInfo {
    source: &'static str,
}

#[derive(Serialize)]
struct Sdk<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Breadcrumbs<'a> {
    values: &'a [Breadcrumb],
}

struct Spans<'a>(&'a [(&'a SpanData, Times)]);

impl Serialize for Spans<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (span, times) in self.0 {
            let known = Known::of(&span.attributes);
            let limit = size::value_limit(span);
            let op = op::op(&known, &span.span_kind);
            list.serialize_element(&Child {
                trace_id: span.span_context.trace_id().into(),
                span_id: span.span_context.span_id().into(),
                parent_span_id: parent(span),
                op: op.as_deref(),
                description: &description::description(span, &known),
                origin: origin::origin(&known),
                status: status::status(&span.status, &known),
                start_timestamp: times.start_seconds(),
                timestamp: times.end_seconds(),
                data: Data {
                    span,
                    known: &known,
                    limit,
                },
                links: Links::of(&span.links, limit),
            })?;
        }
        list.end()
    }
}

#[derive(Serialize)]
struct Child<'a> {
    trace_id: Hex<16>,
    span_id: Hex<8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<Hex<8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<&'a str>,
    description: &'a str,
    origin: &'a str,
    status: &'static str,
    start_timestamp: f64,
    timestamp: f64,
    data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links<'a>>,
}

fn parent(span: &SpanData) -> Option<Hex<8>> {
    (span.parent_span_id != SpanId::INVALID).then(|| span.parent_span_id.into())
}

#[cfg(test)]
mod tests;
