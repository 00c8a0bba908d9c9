//! How a call ended, and what the results of rmcp say about it.

use std::any::type_name;
use std::fmt::{self, Display, Write};

use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, GetPromptResponse, InputRequiredResult,
    ReadResourceResponse,
};

use crate::bounded::bounded;
/// The longest message of an outcome, in bytes.
pub const MESSAGE_LIMIT: usize = 4096;

/// The message of a failure that says nothing itself.
pub(crate) const NO_MESSAGE: &str = "no message";

/// How a traced call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The call did what it was asked to do.
    Success,
    /// The call asks the client for input before it can go on.
    InputRequired,
    /// The tool ran and reported a failure in its result (`isError: true`). `error.type` is `tool_error`.
    ToolError {
        /// The text content of the result, at most [`MESSAGE_LIMIT`] bytes.
        message: String,
    },
    /// The call returned `Err`.
    Error {
        /// The type name of the error as the compiler writes it, for example `my_app::SearchError`. `error.type` is the name
        /// without its path, or `timeout` for what is named as one: `Elapsed`, `Timeout…`, `…Timeout`, `…TimeoutError`.
        kind: &'static str,
        /// The error's own text, at most [`MESSAGE_LIMIT`] bytes.
        message: String,
    },
}

impl Outcome {
    pub(crate) fn error<E: ?Sized>(message: String) -> Self {
        Self::Error {
            kind: type_name::<E>(),
            message,
        }
    }
}

/// The text blocks of a result, one a line.
struct TextContent<'a>(&'a CallToolResult);

impl Display for TextContent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks = self.0.content.iter().filter_map(ContentBlock::as_text);
        for (index, block) in blocks.enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            f.write_str(&block.text)?;
        }
        Ok(())
    }
}

/// A result of `tools/call`.
pub trait ToolResult {
    /// Whether the result says `isError: true`.
    fn is_error(&self) -> bool;
    /// The text content, at most [`MESSAGE_LIMIT`] bytes.
    fn text(&self) -> String;
}

impl ToolResult for CallToolResult {
    fn is_error(&self) -> bool {
        self.is_error == Some(true)
    }

    fn text(&self) -> String {
        let text = bounded(format_args!("{}", TextContent(self)), MESSAGE_LIMIT);
        if text.is_empty() {
            return NO_MESSAGE.to_owned();
        }
        text
    }
}

impl ToolResult for CallToolResponse {
    fn is_error(&self) -> bool {
        matches!(self, Self::Complete(result) if ToolResult::is_error(result))
    }

    fn text(&self) -> String {
        match self {
            Self::Complete(result) => result.text(),
            _ => NO_MESSAGE.to_owned(),
        }
    }
}

/// A result of rmcp's that says how the call went.
pub trait SpeakingResult {
    /// What it says.
    fn outcome(&self) -> Outcome;
}

impl SpeakingResult for CallToolResult {
    fn outcome(&self) -> Outcome {
        match ToolResult::is_error(self) {
            true => Outcome::ToolError {
                message: self.text(),
            },
            false => Outcome::Success,
        }
    }
}

impl SpeakingResult for InputRequiredResult {
    fn outcome(&self) -> Outcome {
        Outcome::InputRequired
    }
}

impl SpeakingResult for CallToolResponse {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Complete(result) => result.outcome(),
            Self::InputRequired(_) => Outcome::InputRequired,
            _ => Outcome::Success,
        }
    }
}

impl SpeakingResult for GetPromptResponse {
    fn outcome(&self) -> Outcome {
        match self {
            Self::InputRequired(_) => Outcome::InputRequired,
            _ => Outcome::Success,
        }
    }
}

impl SpeakingResult for ReadResourceResponse {
    fn outcome(&self) -> Outcome {
        match self {
            Self::InputRequired(_) => Outcome::InputRequired,
            _ => Outcome::Success,
        }
    }
}
