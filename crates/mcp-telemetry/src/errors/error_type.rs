//! The kinds of failures that Sentry's MCP convention knows.

use crate::call::CallKind;

/// What kind of failure an MCP error is: `error_type` of the event's mechanism.
///
/// The values are those of Sentry's
/// [MCP convention](https://develop.sentry.dev/sdk/telemetry/traces/modules/mcp-server/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum McpErrorType {
    /// `tool_execution`: a tool failed.
    ToolExecution,
    /// `resource_execution`: a resource could not be read.
    ResourceExecution,
    /// `prompt_execution`: a prompt could not be made.
    PromptExecution,
    /// `validation`: what was given or found is not as it must be.
    Validation,
    /// `timeout`: something took too long.
    Timeout,
    /// `transport`: messages could not be sent or received.
    Transport,
    /// `protocol`: a message against the protocol, or an error code of its own.
    Protocol,
    /// `handler_execution`: the handler of any other request failed.
    HandlerExecution,
}

impl McpErrorType {
    /// The value as Sentry has it.
    ///
    /// ```
    /// use mcp_telemetry::McpErrorType;
    ///
    /// assert_eq!(McpErrorType::ToolExecution.as_str(), "tool_execution");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToolExecution => "tool_execution",
            Self::ResourceExecution => "resource_execution",
            Self::PromptExecution => "prompt_execution",
            Self::Validation => "validation",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Protocol => "protocol",
            Self::HandlerExecution => "handler_execution",
        }
    }

    /// The failure of what a request executes, with `mcp.tool.status` or its sibling.
    pub(crate) fn of_status(status: &str, kind: Option<CallKind>) -> Self {
        match status {
            "timeout" => Self::Timeout,
            _ => Self::of(kind),
        }
    }

    /// The failure of what a request executes.
    pub(crate) fn of(kind: Option<CallKind>) -> Self {
        match kind {
            Some(CallKind::Tool) => Self::ToolExecution,
            Some(CallKind::Resource) => Self::ResourceExecution,
            Some(CallKind::Prompt) => Self::PromptExecution,
            Some(CallKind::Splunk) | None => Self::HandlerExecution,
        }
    }
}
