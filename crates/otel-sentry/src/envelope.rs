//! A transaction as the bytes of an envelope.

use sentry::protocol::Breadcrumb;
use sentry::types::random_uuid;
use serde::Serialize;

use crate::convert::Resource;
use crate::convert::split::Part;
use crate::convert::transaction::{self, Service, TransactionParts, WriteError, Written};
use crate::dsc::DynamicSamplingContext;
use crate::target::{SDK_NAME, SDK_VERSION, Target};

/// The envelope's own header. `sent_at` is the transport's to write, at each attempt.
#[derive(Serialize)]
struct Header<'a> {
    event_id: String,
    sdk: Sdk,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a DynamicSamplingContext>,
}

#[derive(Serialize)]
struct Sdk {
    name: &'static str,
    version: &'static str,
}

/// `span_count` lets a transport count what is lost with the item.
#[derive(Serialize)]
struct ItemHeader {
    r#type: &'static str,
    length: usize,
    span_count: usize,
}

/// Says what the payloads of `target` say about their process.
pub(crate) fn service<'a>(target: &'a Target, resource: &'a Resource) -> Service<'a> {
    Service {
        release: target.release.as_deref(),
        environment: target.environment.as_deref(),
        server_name: target.server_name.as_deref(),
        resource,
        sdk_name: SDK_NAME,
        sdk_version: SDK_VERSION,
    }
}

/// Writes the envelope of one part of a tree of spans.
pub(crate) fn write(
    part: &Part<'_>,
    breadcrumbs: &[Breadcrumb],
    dsc: &DynamicSamplingContext,
    service: &Service<'_>,
) -> Result<(Vec<u8>, Written), WriteError> {
    let event_id = random_uuid();
    let mut payload = Vec::with_capacity(8 * 1024);
    let written = transaction::write(
        &TransactionParts {
            root: part.root,
            children: &part.children,
            breadcrumbs,
            event_id: event_id.into_bytes(),
            now: std::time::SystemTime::now(),
            service,
        },
        &mut payload,
    )?;
    let header = Header {
        event_id: event_id.simple().to_string(),
        sdk: Sdk {
            name: SDK_NAME,
            version: SDK_VERSION,
        },
        trace: dsc.is_sendable().then_some(dsc),
    };
    let item = ItemHeader {
        r#type: "transaction",
        length: payload.len(),
        span_count: written.children,
    };
    let mut envelope = Vec::with_capacity(payload.len() + 512);
    serde_json::to_writer(&mut envelope, &header)?;
    envelope.push(b'\n');
    serde_json::to_writer(&mut envelope, &item)?;
    envelope.push(b'\n');
    envelope.append(&mut payload);
    envelope.push(b'\n');
    Ok((envelope, written))
}
