//! What became of an MCP request, and what its spans say about it.

use rmcp::ErrorData;
use rmcp::model::ErrorCode;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A result.
    Success,
    /// A result that asks the client for input before the work can go on.
    InputRequired,
    /// A tool's result that says it is an error, with its text.
    ToolError(String),
    /// A JSON-RPC error.
    Protocol { code: i32, message: String },
    /// The client took the request back, or went away.
    Cancelled,
    /// The handler panicked.
    Panicked,
}

/// An outcome in the words of attributes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// `mcp.tool.status` and its siblings.
    pub(crate) status: &'static str,
    /// `error.type`, where the span failed.
    pub(crate) error_type: Option<String>,
    /// `rpc.response.status_code`.
    pub(crate) code: Option<i32>,
    /// The span's error description, where it failed.
    pub(crate) message: Option<String>,
}

/// Error codes that say that the caller was wrong; the server did its work.
///
/// OTel's MCP convention and, for the last three (protocol 2026-07-28), Sentry's SDKs.
const CALLERS_FAULT: [i32; 8] = [
    -32_700, -32_600, -32_601, -32_602, -32_002, -32_020, -32_021, -32_022,
];

/// The longest error message on a span, in characters.
const MESSAGE_LIMIT: usize = 256;

impl Outcome {
    pub(crate) fn of_error(error: &ErrorData) -> Self {
        let ErrorCode(code) = error.code;
        Self::Protocol {
            code,
            message: error.message.clone().into_owned(),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let failed = |error_type: &str, message: &str| Verdict {
            status: "error",
            error_type: Some(error_type.to_owned()),
            code: None,
            message: Some(message.chars().take(MESSAGE_LIMIT).collect()),
        };
        let unset = |status| Verdict {
            status,
            error_type: None,
            code: None,
            message: None,
        };
        match self {
            Self::Success => unset("success"),
            Self::InputRequired => unset("input_required"),
            Self::Cancelled => unset("cancelled"),
            Self::Panicked => failed("panic", "the handler panicked"),
            Self::ToolError(text) => failed("tool_error", text),
            Self::Protocol { code, message } => {
                let verdict = match CALLERS_FAULT.contains(code) {
                    true => unset("error"),
                    false => failed(&code.to_string(), message),
                };
                Verdict {
                    code: Some(*code),
                    ..verdict
                }
            }
        }
    }

    /// Whether the request was answered by something that exists.
    pub(crate) fn proves_target(&self) -> bool {
        matches!(
            self,
            Self::Success | Self::InputRequired | Self::ToolError(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let protocol = |code| Outcome::Protocol {
            code,
            message: "m".to_owned(),
        };
        let cases = [
            (Outcome::Success, "success", None),
            (Outcome::InputRequired, "input_required", None),
            (Outcome::Cancelled, "cancelled", None),
            (Outcome::Panicked, "error", Some("panic")),
            (Outcome::ToolError("no".into()), "error", Some("tool_error")),
            (protocol(-32_602), "error", None),
            (protocol(-32_603), "error", Some("-32603")),
            (protocol(-32_001), "error", Some("-32001")),
        ];
        for (outcome, status, error_type) in cases {
            let verdict = outcome.verdict();
            assert_eq!(verdict.status, status, "{outcome:?}");
            assert_eq!(verdict.error_type.as_deref(), error_type, "{outcome:?}");
            assert_eq!(
                verdict.message.is_some(),
                error_type.is_some(),
                "{outcome:?}"
            );
            let is_protocol = matches!(outcome, Outcome::Protocol { .. });
            assert_eq!(verdict.code.is_some(), is_protocol, "{outcome:?}");
        }
    }
}
