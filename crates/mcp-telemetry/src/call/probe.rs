//! What became of a traced call: its return value as an [`Outcome`].
//!
//! `outcome!(value)` takes a reference to the value a traced function returned. It looks at the value's type:
//!
//! | returned | outcome |
//! |---|---|
//! | `Err(CallToolResult)`, `Err(CallToolResponse)` | [`Outcome::ToolError`]: rmcp sends it with `isError: true` |
//! | `Err(error)` | [`Outcome::Error`]: type name, and `Display` of the error, or else its `Debug`, or else a fixed text |
//! | `CallToolResult` or `CallToolResponse` with `isError: true` | [`Outcome::ToolError`] with its text content |
//! | `InputRequiredResult`, or a response of rmcp's that is one | [`Outcome::InputRequired`] |
//! | `Ok(value)` | as `value` alone; two layers of `Result` are looked through |
//! | anything else | [`Outcome::Success`] |
//!
//! Like the arguments, types are told apart by method resolution: each trait below covers one row, and the number of
//! references in front of [`Probe`] is the order in which the rows are tried.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display};

use super::outcome::{MESSAGE_LIMIT, NO_MESSAGE, Outcome, SpeakingResult, ToolResult};
use crate::bounded::bounded;
use crate::errors::Cause;

/// A returned value, or a part of one, whose type is still to be told.
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// Takes one layer of `Result` off.
pub trait PeelResult<'a> {
    /// The type inside `Ok`.
    type Value;
    /// The type inside `Err`.
    type Error;
    /// The content by reference.
    fn __mcp_telemetry_peel(&self) -> Result<&'a Self::Value, &'a Self::Error>;
}

impl<'a, T, E> PeelResult<'a> for &Probe<'a, Result<T, E>> {
    type Value = T;
    type Error = E;
    fn __mcp_telemetry_peel(&self) -> Result<&'a T, &'a E> {
        self.0.as_ref()
    }
}

/// Stands in for the types that are no `Result`.
pub trait PeelNothing<'a> {
    /// The type itself.
    type Value: ?Sized;
    /// The value itself.
    fn __mcp_telemetry_peel(&self) -> Result<&'a Self::Value, &'a Infallible>;
}

impl<'a, T: ?Sized> PeelNothing<'a> for Probe<'a, T> {
    type Value = T;
    fn __mcp_telemetry_peel(&self) -> Result<&'a T, &'a Infallible> {
        Ok(self.0)
    }
}

/// Classifies a value that says how the call went.
pub trait SpeakingValue {
    /// What the value says.
    fn __mcp_telemetry_value(&self) -> Outcome;
}

impl<T: SpeakingResult> SpeakingValue for &Probe<'_, T> {
    fn __mcp_telemetry_value(&self) -> Outcome {
        self.0.outcome()
    }
}

/// Stands in for the values that cannot say they failed.
pub trait PlainValue {
    /// Always [`Outcome::Success`].
    fn __mcp_telemetry_value(&self) -> Outcome;
}

impl<T: ?Sized> PlainValue for Probe<'_, T> {
    fn __mcp_telemetry_value(&self) -> Outcome {
        Outcome::Success
    }
}

/// Describes an error that is a tool result.
pub trait ToolFailure {
    /// [`Outcome::ToolError`].
    fn __mcp_telemetry_error(&self) -> Outcome;
}

impl<E: ToolResult> ToolFailure for &&&&Probe<'_, E> {
    fn __mcp_telemetry_error(&self) -> Outcome {
        Outcome::ToolError {
            message: self.0.text(),
        }
    }
}

/// Describes an error that may have sources.
pub trait ErrorFailure {
    /// [`Outcome::Error`] with the error's `Display` text. The error itself is kept for the
    /// event that the failure may become.
    fn __mcp_telemetry_error(&self) -> Outcome;
}

impl<E: Error + ?Sized> ErrorFailure for &&&Probe<'_, E> {
    fn __mcp_telemetry_error(&self) -> Outcome {
        Cause::keep(self.0);
        Outcome::error::<E>(bounded(format_args!("{}", self.0), MESSAGE_LIMIT))
    }
}

/// Describes an error that can be displayed.
pub trait DisplayFailure {
    /// [`Outcome::Error`] with the error's `Display` text.
    fn __mcp_telemetry_error(&self) -> Outcome;
}

impl<E: Display + ?Sized> DisplayFailure for &&Probe<'_, E> {
    fn __mcp_telemetry_error(&self) -> Outcome {
        Outcome::error::<E>(bounded(format_args!("{}", self.0), MESSAGE_LIMIT))
    }
}

/// Describes an error that has no `Display`.
pub trait DebugFailure {
    /// [`Outcome::Error`] with the error's `Debug` text.
    fn __mcp_telemetry_error(&self) -> Outcome;
}

impl<E: Debug + ?Sized> DebugFailure for &Probe<'_, E> {
    fn __mcp_telemetry_error(&self) -> Outcome {
        Outcome::error::<E>(bounded(format_args!("{:?}", self.0), MESSAGE_LIMIT))
    }
}

/// Describes an error that says nothing about itself.
pub trait OpaqueFailure {
    /// [`Outcome::Error`] with a fixed text.
    fn __mcp_telemetry_error(&self) -> Outcome;
}

impl<E: ?Sized> OpaqueFailure for Probe<'_, E> {
    fn __mcp_telemetry_error(&self) -> Outcome {
        Outcome::error::<E>(NO_MESSAGE.to_owned())
    }
}

/// Classifies a returned value: `outcome!(reference)` is an [`Outcome`].
///
/// The type of the value must be known where this stands.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcome {
    ($returned:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{
            DebugFailure as _, DisplayFailure as _, ErrorFailure as _, OpaqueFailure as _,
            PeelNothing as _, PeelResult as _, PlainValue as _, SpeakingValue as _,
            ToolFailure as _,
        };
        match (&&$crate::__private::Probe($returned)).__mcp_telemetry_peel() {
            ::core::result::Result::Err(error) => {
                (&&&&&$crate::__private::Probe(error)).__mcp_telemetry_error()
            }
            ::core::result::Result::Ok(value) => {
                match (&&$crate::__private::Probe(value)).__mcp_telemetry_peel() {
                    ::core::result::Result::Err(error) => {
                        (&&&&&$crate::__private::Probe(error)).__mcp_telemetry_error()
                    }
                    ::core::result::Result::Ok(value) => {
                        (&&$crate::__private::Probe(value)).__mcp_telemetry_value()
                    }
                }
            }
        }
    }};
}

pub use crate::__outcome as outcome;

#[cfg(test)]
mod tests {
    use std::any::type_name;
    use std::fmt;

    use rmcp::ErrorData;
    use rmcp::model::{
        CallToolResponse, CallToolResult, ContentBlock, GetPromptResponse, InputRequiredResult,
        ReadResourceResponse,
    };

    use super::*;

    fn failed(text: &str) -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text(text)])
    }

    fn tool_error(message: &str) -> Outcome {
        Outcome::ToolError {
            message: message.to_owned(),
        }
    }

    fn error(kind: &'static str, message: &str) -> Outcome {
        Outcome::Error {
            kind,
            message: message.to_owned(),
        }
    }

    struct Shown;
    impl Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("shown by Display")
        }
    }

    #[derive(Debug)]
    struct Debugged;

    struct Silent;

    #[test]
    fn values_without_a_failure_are_success() {
        assert_eq!(crate::__outcome!(&()), Outcome::Success);
        assert_eq!(crate::__outcome!(&"text"), Outcome::Success);
        assert_eq!(crate::__outcome!(&Silent), Outcome::Success);
        assert_eq!(crate::__outcome!(&Some(Debugged)), Outcome::Success);
        assert_eq!(crate::__outcome!("unsized"), Outcome::Success);
        assert_eq!(
            crate::__outcome!(&Ok::<_, Silent>(Debugged)),
            Outcome::Success
        );
        assert_eq!(
            crate::__outcome!(&Ok::<_, Shown>(Ok::<_, Silent>(1))),
            Outcome::Success
        );
    }

    #[test]
    fn an_error_is_told_in_the_best_words_it_has() {
        assert_eq!(
            crate::__outcome!(&Err::<(), _>(Shown)),
            error(type_name::<Shown>(), "shown by Display")
        );
        assert_eq!(
            crate::__outcome!(&Err::<(), _>(Debugged)),
            error(type_name::<Debugged>(), "Debugged")
        );
        assert_eq!(
            crate::__outcome!(&Err::<(), _>(Silent)),
            error(type_name::<Silent>(), NO_MESSAGE)
        );
        assert_eq!(
            crate::__outcome!(&Err::<(), _>("text".to_owned())),
            error("alloc::string::String", "text")
        );
        let boxed: Box<dyn std::error::Error + Send + Sync> = "boxed".into();
        assert!(matches!(
            crate::__outcome!(&Err::<(), _>(boxed)),
            Outcome::Error { kind, message } if kind.contains("dyn") && message == "boxed"
        ));
        assert_eq!(
            crate::__outcome!(&Err::<(), _>(ErrorData::invalid_params(
                "no such index",
                None
            ))),
            error(type_name::<ErrorData>(), "-32602: no such index")
        );
    }

    #[test]
    fn the_inner_of_two_results_counts() {
        let inner: Result<Result<(), Debugged>, Shown> = Ok(Err(Debugged));
        assert_eq!(
            crate::__outcome!(&inner),
            error(type_name::<Debugged>(), "Debugged")
        );
        let outer: Result<Result<(), Debugged>, Shown> = Err(Shown);
        assert_eq!(
            crate::__outcome!(&outer),
            error(type_name::<Shown>(), "shown by Display")
        );
        let deep: Result<Result<CallToolResult, Debugged>, Shown> = Ok(Ok(failed("deep")));
        assert_eq!(crate::__outcome!(&deep), tool_error("deep"));
    }

    #[test]
    fn a_tool_result_that_says_is_error_failed() {
        assert_eq!(crate::__outcome!(&failed("no")), tool_error("no"));
        assert_eq!(
            crate::__outcome!(&Ok::<_, ErrorData>(failed("no"))),
            tool_error("no")
        );
        assert_eq!(
            crate::__outcome!(&CallToolResponse::from(failed("no"))),
            tool_error("no")
        );
        assert_eq!(
            crate::__outcome!(&CallToolResult::error(vec![])),
            tool_error(NO_MESSAGE)
        );
        let lines = vec![ContentBlock::text("one"), ContentBlock::text("two")];
        assert_eq!(
            crate::__outcome!(&CallToolResult::error(lines)),
            tool_error("one\ntwo")
        );
    }

    #[test]
    fn a_tool_result_without_is_error_succeeded() {
        let said_so = CallToolResult::success(vec![ContentBlock::text("yes")]);
        let mut silent = said_so.clone();
        silent.is_error = None;
        assert_eq!(crate::__outcome!(&said_so), Outcome::Success);
        assert_eq!(crate::__outcome!(&silent), Outcome::Success);
        assert_eq!(
            crate::__outcome!(&Ok::<_, ErrorData>(CallToolResponse::from(said_so))),
            Outcome::Success
        );
    }

    #[test]
    fn a_result_that_asks_for_input_says_so() {
        let asks = || InputRequiredResult::from_request_state("half way");
        assert_eq!(crate::__outcome!(&asks()), Outcome::InputRequired);
        let tool = CallToolResponse::from(asks());
        assert_eq!(crate::__outcome!(&tool), Outcome::InputRequired);
        let prompt = Ok::<_, ErrorData>(GetPromptResponse::from(asks()));
        assert_eq!(crate::__outcome!(&prompt), Outcome::InputRequired);
        let resource = Ok::<_, ErrorData>(ReadResourceResponse::from(asks()));
        assert_eq!(crate::__outcome!(&resource), Outcome::InputRequired);
        let prompt = GetPromptResponse::from(rmcp::model::GetPromptResult::new(vec![]));
        assert_eq!(crate::__outcome!(&prompt), Outcome::Success);
        let resource = ReadResourceResponse::from(rmcp::model::ReadResourceResult::new(vec![]));
        assert_eq!(crate::__outcome!(&resource), Outcome::Success);
    }

    #[test]
    fn a_tool_result_in_err_failed_whatever_it_says() {
        let said_success = CallToolResult::success(vec![ContentBlock::text("odd")]);
        assert_eq!(
            crate::__outcome!(&Err::<(), _>(said_success)),
            tool_error("odd")
        );
        assert_eq!(
            crate::__outcome!(&Err::<(), _>(CallToolResponse::from(failed("no")))),
            tool_error("no")
        );
    }

    #[test]
    fn messages_are_bounded() {
        let long = "x".repeat(1_000_000);
        for outcome in [
            crate::__outcome!(&Err::<(), _>(long.clone())),
            crate::__outcome!(&failed(&long)),
        ] {
            let (Outcome::Error { message, .. } | Outcome::ToolError { message }) = outcome else {
                panic!("a failure was expected, got {outcome:?}");
            };
            assert_eq!(message.len(), MESSAGE_LIMIT);
            assert!(message.ends_with('…'));
        }
    }

    #[test]
    fn generic_results_are_told_apart_by_their_outer_type() {
        fn classify<T, E: Display>(returned: &Result<T, E>) -> Outcome {
            crate::__outcome!(returned)
        }
        assert_eq!(classify::<_, Shown>(&Ok(Silent)), Outcome::Success);
        assert_eq!(classify::<Silent, _>(&Err("no")), error("&str", "no"));
    }
}
