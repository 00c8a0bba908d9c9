//! Why a message that was sent had no result, in the words of attributes.

use rmcp::ErrorData;
use rmcp::service::ServiceError;

use crate::mcp::{OTHER, Outcome};

/// The longest error message on a span, in characters.
const MESSAGE_LIMIT: usize = 256;

/// How a message ended, as its sender sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// `mcp.tool.status` and its siblings.
    pub(super) status: &'static str,
    /// `mcp.request.outcome`, where it is no response.
    pub(super) outcome: Option<&'static str>,
    /// `error.type`, where it failed.
    pub(super) error_type: Option<String>,
    /// `rpc.response.status_code`.
    pub(super) code: Option<i32>,
    /// The span's error description, where it failed.
    pub(super) message: Option<String>,
}

impl Ending {
    /// A result came, and this is what it says.
    pub(super) fn answered(outcome: &Outcome) -> Self {
        let verdict = outcome.verdict();
        Self {
            status: verdict.status,
            outcome: None,
            error_type: verdict.error_type,
            code: verdict.code,
            message: verdict.message,
        }
    }

    /// Nobody waits for the response any more.
    pub(super) fn cancelled() -> Self {
        Self {
            status: "cancelled",
            outcome: Some("cancelled"),
            error_type: None,
            code: None,
            message: None,
        }
    }

    /// No result came. To a sender every JSON-RPC error is one, as OTel's MCP convention has it.
    pub(super) fn failed(error: &ServiceError) -> Self {
        let (error_type, outcome) = match error {
            ServiceError::Cancelled { .. } => return Self::cancelled(),
            ServiceError::McpError(error) => return Self::refused(error),
            ServiceError::Timeout { .. } => return Self::error("timeout", "timeout", None, error),
            ServiceError::TransportSend(_) => ("transport_error", Some("send_error")),
            ServiceError::TransportClosed => ("transport_closed", Some("send_error")),
            ServiceError::UnexpectedResponse => ("unexpected_response", None),
            ServiceError::SubscriptionLagged { .. } => ("subscription_lagged", None),
            ServiceError::InputRequiredRoundsExceeded { .. } => ("too_many_rounds", None),
            _ => (OTHER, None),
        };
        Self::error("error", error_type, outcome, error)
    }

    fn refused(error: &ErrorData) -> Self {
        let code = error.code.0;
        Self {
            code: Some(code),
            ..Self::error("error", &code.to_string(), None, &error.message)
        }
    }

    fn error(
        status: &'static str,
        error_type: &str,
        outcome: Option<&'static str>,
        message: &impl ToString,
    ) -> Self {
        let message = message.to_string();
        Self {
            status,
            outcome,
            error_type: Some(error_type.to_owned()),
            code: None,
            message: Some(message.chars().take(MESSAGE_LIMIT).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;
    use std::time::Duration;

    use rmcp::model::ErrorCode;
    use rmcp::transport::DynamicTransportError;

    use super::*;

    #[test]
    fn endings() {
        let refused = |code| ServiceError::McpError(ErrorData::new(ErrorCode(code), "m", None));
        let cause = "connection refused".into();
        let unsent = DynamicTransportError::from_parts("pipe", TypeId::of::<()>(), cause);
        let timeout = Duration::from_secs(1);
        let reason = None;
        for (error, status, error_type, outcome) in [
            // The caller's fault is an error too: this is the caller.
            (refused(-32_602), "error", Some("-32602"), None),
            (refused(-32_603), "error", Some("-32603"), None),
            (refused(7), "error", Some("7"), None),
            (
                ServiceError::Timeout { timeout },
                "timeout",
                Some("timeout"),
                None,
            ),
            (
                ServiceError::Cancelled { reason },
                "cancelled",
                None,
                Some("cancelled"),
            ),
            (
                ServiceError::TransportSend(unsent),
                "error",
                Some("transport_error"),
                Some("send_error"),
            ),
            (
                ServiceError::TransportClosed,
                "error",
                Some("transport_closed"),
                Some("send_error"),
            ),
            (
                ServiceError::UnexpectedResponse,
                "error",
                Some("unexpected_response"),
                None,
            ),
        ] {
            let ending = Ending::failed(&error);
            assert_eq!(ending.status, status, "{error:?}");
            assert_eq!(ending.error_type.as_deref(), error_type, "{error:?}");
            assert_eq!(ending.outcome, outcome, "{error:?}");
            assert_eq!(ending.message.is_some(), error_type.is_some(), "{error:?}");
            let is_code = matches!(error, ServiceError::McpError(_));
            assert_eq!(ending.code.is_some(), is_code, "{error:?}");
        }
    }

    #[test]
    fn long_messages_are_cut() {
        let error = ErrorData::internal_error("ö".repeat(10_000), None);
        let message = Ending::refused(&error).message;
        assert_eq!(message.map(|it| it.chars().count()), Some(MESSAGE_LIMIT));
    }
}
