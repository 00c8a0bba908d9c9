//! The kind of a failure: few short words, whatever the error's type is.

use super::Outcome;

/// `error.type` and status of what took too long.
const TIMEOUT: &str = "timeout";

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `error.type`: `timeout`, `tool_error`, `panic`, or the name of the error's type.
    pub(crate) kind: &'static str,
}

impl Failure {
    /// The failure that an outcome is, if it is one, and what it says.
    pub(crate) fn of(outcome: &Outcome) -> Option<(Self, &str)> {
        match outcome {
            Outcome::Success | Outcome::InputRequired => None,
            Outcome::ToolError { message } => Some((Self { kind: "tool_error" }, message)),
            Outcome::Error { kind, message } => {
                let kind = error_kind(kind);
                Some((Self { kind }, message))
            }
        }
    }

    /// `mcp.tool.status` and its siblings.
    pub(crate) fn status(self) -> &'static str {
        status_of(self.kind)
    }
}

/// The status of an error with this type name: `timeout` or `error`.
pub(crate) fn status_of(type_name: &str) -> &'static str {
    match error_kind(type_name) {
        TIMEOUT => TIMEOUT,
        _ => "error",
    }
}

/// `error.type` of an error with this type name: `timeout` for what is named as one, such
/// as tokio's `Elapsed`.
fn error_kind(type_name: &str) -> &str {
    let short = short_type(type_name);
    let timeout = short == "Elapsed"
        || short.starts_with("Timeout")
        || short.ends_with("Timeout")
        || short.ends_with("TimeoutError");
    match timeout {
        true => TIMEOUT,
        false => short,
    }
}

/// A type's own name: no path and no arguments.
pub(crate) fn short_type(name: &str) -> &str {
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_types() {
        for (name, short) in [
            ("my_app::SearchError", "SearchError"),
            ("alloc::boxed::Box<dyn core::error::Error>", "Box"),
            ("timeout", "timeout"),
            ("", ""),
        ] {
            assert_eq!(short_type(name), short);
        }
    }

    #[test]
    fn what_is_named_as_a_timeout_is_one() {
        for name in [
            "tokio::time::error::Elapsed",
            "&tokio::time::error::Elapsed",
            "app::Timeout",
            "app::TimeoutError",
            "app::TimeoutWaiting<alloc::string::String>",
            "app::SearchTimeoutError",
            "app::ReadTimeout",
            "std::sync::mpsc::RecvTimeoutError",
            "timeout",
        ] {
            assert_eq!(error_kind(name), "timeout", "{name}");
        }
        for (name, kind) in [
            ("app::timeout::Error", "Error"),
            ("app::Wrapped<app::Timeout>", "Wrapped"),
            ("app::ElapsedTime", "ElapsedTime"),
            ("alloc::string::String", "String"),
        ] {
            assert_eq!(error_kind(name), kind, "{name}");
        }
    }

    #[test]
    fn outcomes() {
        let error = |kind| Outcome::Error {
            kind,
            message: "m".to_owned(),
        };
        let tool_error = Outcome::ToolError {
            message: "m".to_owned(),
        };
        for (outcome, expected) in [
            (Outcome::Success, None),
            (Outcome::InputRequired, None),
            (tool_error, Some(("tool_error", "error"))),
            (error("a::B"), Some(("B", "error"))),
            (error("a::Elapsed"), Some(("timeout", "timeout"))),
        ] {
            let found = Failure::of(&outcome).map(|(failure, message)| {
                assert_eq!(message, "m");
                (failure.kind, failure.status())
            });
            assert_eq!(found, expected, "{outcome:?}");
        }
    }
}
