//! Exceptions that OTel code records on spans.

use opentelemetry_sdk::trace::SpanData;
use sentry::protocol::Event;

use super::event::{About, TAGS};
use crate::attributes as names;

/// Attributes of a request, beside those that are tags.
const MORE: [&str; 2] = [names::JSONRPC_REQUEST_ID, names::NETWORK_TRANSPORT];

/// Tags of what a request executes, where the span is the execution's.
const STATUS: [&str; 3] = [
    names::MCP_TOOL_STATUS,
    names::MCP_RESOURCE_STATUS,
    names::MCP_PROMPT_STATUS,
];

/// Puts the MCP context on the error event of an exception on a span, as other error events
/// have it: every span of a request has its attributes.
///
/// The mechanism stays `generic`: what recorded the exception is not known.
#[expect(clippy::unnecessary_wraps, reason = "the form of the sink's hook")]
pub(crate) fn on_exception(mut event: Event<'static>, span: &SpanData) -> Option<Event<'static>> {
    let of_request = |key: &str| TAGS.contains(&key) || MORE.contains(&key);
    let attributes = span.attributes.iter();
    let about = About {
        kind: None,
        attributes: attributes
            .filter(|pair| of_request(pair.key.as_str()))
            .cloned()
            .collect(),
    };
    if about
        .attributes
        .iter()
        .any(|it| TAGS.contains(&it.key.as_str()))
    {
        about.add_context_to(&mut event);
    }
    for pair in &span.attributes {
        if STATUS.contains(&pair.key.as_str()) {
            let status = pair.value.as_str().into_owned();
            event.tags.insert(pair.key.to_string(), status);
        }
    }
    Some(event)
}
