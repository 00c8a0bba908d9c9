//! What is called, and the attributes and span names that go with it.

use std::borrow::Cow;

use tracing::Span;

use crate::attributes as names;
use crate::settings::{ORIGIN, TARGET};

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallKind {
    /// An MCP tool: `mcp.tool`.
    Tool,
    /// An MCP resource: `mcp.resource`.
    Resource,
    /// An MCP prompt: `mcp.prompt`.
    Prompt,
    /// A Splunk operation: `splunk.api`.
    Splunk,
}

impl CallKind {
    /// The attribute that says how the call ended.
    pub(crate) fn status_key(self) -> &'static str {
        match self {
            Self::Tool => names::MCP_TOOL_STATUS,
            Self::Resource => names::MCP_RESOURCE_STATUS,
            Self::Prompt => names::MCP_PROMPT_STATUS,
            Self::Splunk => names::SPLUNK_STATUS,
        }
    }

    /// The attribute that names the kind of error, beside `error.type`.
    pub(crate) fn error_key(self) -> Option<&'static str> {
        match self {
            Self::Tool => Some(names::MCP_TOOL_ERROR_TYPE),
            Self::Splunk => Some(names::SPLUNK_ERROR_TYPE),
            Self::Resource | Self::Prompt => None,
        }
    }

    /// The attribute that holds what the app calls the thing. A resource has a name, or a
    /// URI (a template of one) instead.
    pub(crate) fn name_key(self, name: &str) -> &'static str {
        match self {
            Self::Tool => names::MCP_TOOL_NAME,
            Self::Resource if name.contains("://") => names::MCP_RESOURCE_URI,
            Self::Resource => names::MCP_RESOURCE_NAME,
            Self::Prompt => names::MCP_PROMPT_NAME,
            Self::Splunk => names::SPLUNK_OPERATION,
        }
    }

    /// What stands before the name of an argument.
    pub(crate) fn argument_prefix(self) -> &'static str {
        match self {
            Self::Tool | Self::Resource | Self::Prompt => names::MCP_REQUEST_ARGUMENT_PREFIX,
            Self::Splunk => names::SPLUNK_ARGUMENT_PREFIX,
        }
    }

    /// The attribute that holds what was returned.
    pub(crate) fn returned_key(self) -> &'static str {
        match self {
            Self::Tool => names::MCP_TOOL_RESULT_CONTENT,
            Self::Resource => names::MCP_RESOURCE_RESULT_CONTENT,
            Self::Prompt => names::MCP_PROMPT_RESULT_CONTENT,
            Self::Splunk => names::SPLUNK_RESULT,
        }
    }

    /// An execution span of this kind below `parent`, or below the current span.
    ///
    /// `label` is what may stand in the span's name; resources have none there, since a
    /// URI is user data.
    pub(crate) fn span(self, label: &str, parent: Option<&Span>) -> Span {
        macro_rules! execution {
            ($op:literal, $name:expr) => {
                match parent {
                    Some(parent) => tracing::info_span!(
                        target: TARGET, parent: parent, $op, otel.name = $name,
                        sentry.op = $op, sentry.origin = ORIGIN,
                    ),
                    None => tracing::info_span!(
                        target: TARGET, $op, otel.name = $name,
                        sentry.op = $op, sentry.origin = ORIGIN,
                    ),
                }
            };
        }
        let name = &*self.span_name(label);
        match self {
            Self::Tool => execution!("mcp.tool", name),
            Self::Resource => execution!("mcp.resource", name),
            Self::Prompt => execution!("mcp.prompt", name),
            Self::Splunk => execution!("splunk.api", name),
        }
    }

    /// The name of such a span.
    pub(crate) fn span_name(self, label: &str) -> Cow<'static, str> {
        match self {
            Self::Tool => format!("mcp.tool.{label}").into(),
            Self::Resource => "mcp.resource".into(),
            Self::Prompt => format!("mcp.prompt.{label}").into(),
            Self::Splunk => format!("splunk/{label}").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_has_a_name_or_a_uri() {
        for (name, key) in [
            ("indexes", "mcp.resource.name"),
            ("splunk://indexes/{name}", "mcp.resource.uri"),
        ] {
            assert_eq!(CallKind::Resource.name_key(name), key);
        }
        assert_eq!(CallKind::Tool.name_key("a://b"), "mcp.tool.name");
    }
}
