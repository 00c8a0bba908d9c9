//! What became of an MCP request, and what its spans say about it.

use rmcp::ErrorData;
use rmcp::model::{ErrorCode, ProtocolVersion};

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
    Protocol {
        code: i32,
        message: String,
        /// The caller was wrong; the server did its work.
        callers_fault: bool,
    },
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
    /// `mcp.status`.
    pub(crate) request_status: &'static str,
    /// `error.type`, where the span failed.
    pub(crate) error_type: Option<String>,
    /// `rpc.response.status_code`.
    pub(crate) code: Option<i32>,
    /// The span's error description, where it failed.
    pub(crate) message: Option<String>,
}

/// Protocol versions in which something holds.
#[derive(Clone, Copy, Debug)]
enum In {
    All,
    /// Before 2026-07-28, and where the version is not known.
    Sessions,
    /// From 2026-07-28 on.
    Stateless,
}

/// Error codes that say that the caller was wrong. Every other code is a server's error.
///
/// OTel's MCP convention excludes the first five; `-32002` is replaced by `-32602` in 2026-07-28,
/// so that a server which still sends it errs. The last three are of 2026-07-28, as Sentry's
/// SDKs have them.
const CALLERS_FAULT: [(i32, In); 8] = [
    (-32_700, In::All),
    (-32_600, In::All),
    (-32_601, In::All),
    (-32_602, In::All),
    (RESOURCE_NOT_FOUND, In::Sessions),
    (-32_020, In::Stateless),
    (-32_021, In::Stateless),
    (-32_022, In::Stateless),
];

const RESOURCE_NOT_FOUND: i32 = -32_002;
const INVALID_PARAMS: i32 = -32_602;

/// The longest error message on a span, in characters.
const MESSAGE_LIMIT: usize = 256;

/// Whether a version has no sessions. Versions are dates: they compare as text.
pub(crate) fn is_stateless(version: Option<&ProtocolVersion>) -> bool {
    version.is_some_and(|version| *version >= ProtocolVersion::V_2026_07_28)
}

/// Whether a request's errors are judged by the rules of 2026-07-28.
///
/// Only clients since then name a version in each request. One that nobody knows is no date
/// to compare: refusing it is of those rules, whatever it says.
pub(crate) fn has_newer_errors(
    version: Option<&ProtocolVersion>,
    named_in_request: impl FnOnce() -> bool,
) -> bool {
    let unknown = |version| !ProtocolVersion::KNOWN_VERSIONS.contains(version);
    is_stateless(version) || (version.is_some_and(unknown) && named_in_request())
}

/// Whether an error code says that the caller was wrong.
fn callers_fault(code: i32, stateless: bool) -> bool {
    CALLERS_FAULT
        .iter()
        .filter(|(listed, _)| *listed == code)
        .any(|(_, versions)| match versions {
            In::All => true,
            In::Sessions => !stateless,
            In::Stateless => stateless,
        })
}

/// Where an error was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// As a handler returned it: rmcp may yet change its code.
    AtHandler,
    /// As it goes over the wire.
    OnWire,
}

impl Seen {
    /// Where the errors of this method are seen, of a wrapper that stands here.
    pub(crate) fn error_of(self, method: &str) -> Self {
        // rmcp 3.11 passes these on as their handlers return them.
        const PASSED_ON: [&str; 3] = ["tools/call", "skills/list", "skills/get"];
        match PASSED_ON.contains(&method) {
            true => Self::OnWire,
            false => self,
        }
    }
}

impl Outcome {
    /// The outcome that a JSON-RPC error is.
    pub(crate) fn of_error(error: &ErrorData, seen: Seen, stateless: bool) -> Self {
        let ErrorCode(code) = error.code;
        // rmcp does just this on the way out.
        let code = match (seen, code) {
            (Seen::AtHandler, RESOURCE_NOT_FOUND) if stateless => INVALID_PARAMS,
            _ => code,
        };
        Self::Protocol {
            code,
            message: error.message.clone().into_owned(),
            callers_fault: callers_fault(code, stateless),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let failed = |error_type: &str, message: &str| Verdict {
            status: "error",
            request_status: "error",
            error_type: Some(error_type.to_owned()),
            code: None,
            message: Some(message.chars().take(MESSAGE_LIMIT).collect()),
        };
        let unset = |status, request_status| Verdict {
            status,
            request_status,
            error_type: None,
            code: None,
            message: None,
        };
        match self {
            Self::Success => unset("success", "success"),
            Self::InputRequired => unset("input_required", "input_required"),
            Self::Cancelled => unset("cancelled", "client_disconnect"),
            Self::Panicked => failed("panic", "the handler panicked"),
            Self::ToolError(text) => failed("tool_error", text),
            Self::Protocol {
                code,
                message,
                callers_fault,
            } => {
                let verdict = match callers_fault {
                    true => unset("error", "error"),
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
        let protocol = |code| {
            let error = ErrorData::new(ErrorCode(code), "m", None);
            Outcome::of_error(&error, Seen::OnWire, false)
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

    #[test]
    fn whose_fault_an_error_is_depends_on_the_version() {
        for (code, before, since) in [
            (-32_700, true, true),
            (-32_600, true, true),
            (-32_601, true, true),
            (-32_602, true, true),
            (-32_603, false, false),
            (-32_002, true, false),
            (-32_020, false, true),
            (-32_021, false, true),
            (-32_022, false, true),
            (-32_042, false, false),
            (-32_000, false, false),
            (-1, false, false),
            (0, false, false),
            (i32::MIN, false, false),
        ] {
            assert_eq!(
                callers_fault(code, false),
                before,
                "{code} before 2026-07-28"
            );
            assert_eq!(callers_fault(code, true), since, "{code} since 2026-07-28");
        }
    }

    #[test]
    fn a_handlers_code_is_the_one_that_rmcp_sends() {
        let error = ErrorData::resource_not_found("no", None);
        for (seen, stateless, sent, fault) in [
            (Seen::AtHandler, false, -32_002, true),
            (Seen::AtHandler, true, -32_602, true),
            (Seen::OnWire, false, -32_002, true),
            (Seen::OnWire, true, -32_002, false),
        ] {
            let outcome = Outcome::of_error(&error, seen, stateless);
            let Outcome::Protocol {
                code,
                callers_fault,
                ..
            } = outcome
            else {
                panic!("{outcome:?}");
            };
            assert_eq!((code, callers_fault), (sent, fault), "{seen:?} {stateless}");
        }
    }

    #[test]
    fn a_version_that_nobody_knows_has_newer_errors_where_a_request_names_it() {
        for (version, in_request, newer) in [
            ("2025-11-25", true, false),
            ("2025-11-25", false, false),
            ("2026-07-28", true, true),
            ("2026-07-28", false, true),
            ("1999-01-01", true, true),
            ("1999-01-01", false, false),
            ("latest", true, true),
        ] {
            let version = serde_json::from_value(version.into()).unwrap();
            let found = has_newer_errors(Some(&version), || in_request);
            assert_eq!(found, newer, "{version} {in_request}");
        }
        assert!(!has_newer_errors(None, || true));
    }

    #[test]
    fn versions_without_sessions() {
        for version in ProtocolVersion::KNOWN_VERSIONS {
            let stateless = version.as_str() == "2026-07-28";
            assert_eq!(is_stateless(Some(version)), stateless, "{version}");
        }
        assert!(!is_stateless(None));
    }
}
