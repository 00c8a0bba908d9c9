//! Errors that the app captures itself.

use std::error::Error;

use serde_json::Value;

use super::McpErrorType;

/// What is known about an error beside itself: [`capture_mcp_error`] takes it.
#[derive(Clone, Debug, Default)]
#[must_use = "pass it to `capture_mcp_error`"]
pub struct McpErrorContext {
    tool: Option<String>,
    resource: Option<String>,
    prompt: Option<String>,
    error_type: Option<McpErrorType>,
    extra: Vec<(String, Value)>,
}

impl McpErrorContext {
    /// Nothing but what the request says itself: inside one the error has its context anyway.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tool that failed, where it is not the request's.
    pub fn with_tool_name(mut self, name: impl Into<String>) -> Self {
        self.tool = Some(name.into());
        self
    }

    /// The resource that failed, where it is not the request's. Without `SENTRY_SEND_PII` its
    /// query and user information are left out.
    pub fn with_resource_uri(mut self, uri: impl Into<String>) -> Self {
        self.resource = Some(uri.into());
        self
    }

    /// The prompt that failed, where it is not the request's.
    pub fn with_prompt_name(mut self, name: impl Into<String>) -> Self {
        self.prompt = Some(name.into());
        self
    }

    /// The kind of failure, where it does not follow from what failed.
    pub fn with_error_type(mut self, error_type: McpErrorType) -> Self {
        self.error_type = Some(error_type);
        self
    }

    /// Adds a value to the event's additional data. It passes the sanitizer.
    pub fn with_extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.push((key.into(), value.into()));
        self
    }
}

/// Captures an error with the MCP context of the current request, as one Sentry event; gives
/// the event's id, 32 hex digits.
///
/// The event has the error's sources, the request's breadcrumbs, the ids of the active span,
/// and the tags and the context `mcp` of its request. A tool that captures an error and then
/// returns it makes no second event. An error that the request has reported already is not
/// captured again: the id is that of its event.
///
/// Without Sentry (no DSN, or built without the feature `sentry`) this does nothing and gives
/// `None`. It tells Sentry alone: `tracing::error!(error = …)` makes the same event, and a log
/// in every sink.
///
/// ```
/// use mcp_telemetry::{McpErrorContext, capture_mcp_error, trace_mcp_tool};
///
/// #[trace_mcp_tool("risky_operation")]
/// fn risky_operation(data: &str) -> Result<u8, std::num::ParseIntError> {
///     data.parse::<u8>().inspect_err(|error| {
///         let context = McpErrorContext::new()
///             .with_tool_name("risky_operation")
///             .with_extra("retry_count", 3)
///             .with_extra("input_size", data.len());
///         capture_mcp_error(error, context);
///     })
/// }
///
/// assert!(risky_operation("many").is_err());
/// ```
pub fn capture_mcp_error<E: Error + ?Sized>(error: &E, context: McpErrorContext) -> Option<String> {
    #[cfg(feature = "sentry")]
    {
        captured::capture(error, context)
    }
    #[cfg(not(feature = "sentry"))]
    {
        let _ = (error, context);
        None
    }
}

#[cfg(feature = "sentry")]
mod captured {
    use std::error::Error;

    use opentelemetry::KeyValue;
    use sentry::protocol::Event;

    use super::McpErrorContext;
    use crate::attributes as names;
    use crate::call::CallKind;
    use crate::errors::cause::Cause;
    use crate::errors::event::{About, mechanism};
    use crate::errors::integration::McpErrors;
    use crate::errors::watch::Watch;
    use crate::settings::TARGET;

    pub(super) fn capture<E: Error + ?Sized>(
        error: &E,
        context: McpErrorContext,
    ) -> Option<String> {
        if !McpErrors::are_captured() {
            return None;
        }
        let Cause(mut exceptions) = Cause::of(error);
        let watch = Watch::current();
        if let Some(known) = watch.event_of(&exceptions) {
            return Some(known.simple().to_string());
        }
        if let (Some(error_type), Some(exception)) = (context.error_type, exceptions.last_mut()) {
            exception.mechanism = Some(mechanism(error_type));
        }
        let mut event = Event {
            logger: Some(TARGET.to_owned()),
            exception: exceptions.into(),
            ..Event::default()
        };
        about(&context, &watch).add_to(&mut event);
        event.extra.extend(context.extra);
        let id = sentry::capture_event(event);
        (!id.is_nil()).then(|| id.simple().to_string())
    }

    /// What the app says that the error is about.
    fn about(context: &McpErrorContext, watch: &Watch) -> About {
        let uri = context.resource.as_deref().map(crate::mcp::uri);
        let named = [
            (CallKind::Tool, names::MCP_TOOL_NAME, context.tool.clone()),
            (CallKind::Resource, names::MCP_RESOURCE_URI, uri),
            (
                CallKind::Prompt,
                names::MCP_PROMPT_NAME,
                context.prompt.clone(),
            ),
        ];
        let mut about = About {
            kind: None,
            attributes: Vec::new(),
        };
        for (kind, key, name) in named {
            if let Some(name) = name {
                about.kind = about.kind.or(Some(kind));
                about.attributes.push(KeyValue::new(key, name));
            }
        }
        about.kind = about.kind.or(watch.kind());
        about
    }
}
