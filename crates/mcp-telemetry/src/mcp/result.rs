//! What the results of MCP requests say about how the request went.

use opentelemetry::{KeyValue, Value};
use rmcp::model::{
    CallToolResponse, CallToolResult, CompleteResult, CustomResult, DiscoverResult,
    GetPromptResponse, GetPromptResult, GetSkillResult, GetTaskResult, InitializeResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult,
    ListToolsResult, ReadResourceResponse, ServerResult,
};

use super::bounded_json::bounded_json;
use super::outcome::Outcome;
use crate::attributes as names;
use crate::call::outcome::ToolResult as _;
use crate::settings::send_pii;

/// A result that a span can be told about.
pub(crate) trait Observed {
    /// How the request went. A result is a success unless it says otherwise.
    fn outcome(&self) -> Outcome {
        Outcome::Success
    }

    /// Attributes of the request's span.
    fn attributes(&self) -> Vec<KeyValue> {
        Vec::new()
    }
}

macro_rules! observed {
    (plain: $($plain:ty),* ; lists: $($list:ty => $field:ident),* $(,)?) => {
        $(impl Observed for $plain {})*
        $(impl Observed for $list {
            fn attributes(&self) -> Vec<KeyValue> {
                vec![count(names::MCP_RESULT_COUNT, self.$field.len())]
            }
        })*
    };
}

observed! {
    plain: (), DiscoverResult, CompleteResult, CustomResult, GetTaskResult,
        ListSkillsResult, GetSkillResult;
    lists: ListToolsResult => tools, ListPromptsResult => prompts,
        ListResourcesResult => resources, ListResourceTemplatesResult => resource_templates,
}

impl Observed for InitializeResult {
    /// The version agreed on; until here the span has the one that the client asked for.
    fn attributes(&self) -> Vec<KeyValue> {
        let version = self.protocol_version.to_string();
        vec![KeyValue::new(names::MCP_PROTOCOL_VERSION, version)]
    }
}

impl Observed for CallToolResult {
    fn outcome(&self) -> Outcome {
        match self.is_error == Some(true) {
            true => Outcome::ToolError(self.text()),
            false => Outcome::Success,
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let is_error = self.is_error == Some(true);
        let mut attributes = vec![
            KeyValue::new(names::MCP_TOOL_RESULT_IS_ERROR, is_error),
            count(names::MCP_TOOL_RESULT_CONTENT_COUNT, self.content.len()),
            KeyValue::new(names::MCP_RESULT_TYPE, "complete"),
        ];
        if send_pii() {
            let content = Value::from(bounded_json(&self.content));
            attributes.push(KeyValue::new(
                names::GEN_AI_TOOL_CALL_RESULT,
                content.clone(),
            ));
            attributes.push(KeyValue::new(names::MCP_TOOL_RESULT_CONTENT, content));
        }
        attributes
    }
}

impl Observed for GetPromptResult {
    fn attributes(&self) -> Vec<KeyValue> {
        vec![count(
            names::MCP_PROMPT_RESULT_MESSAGE_COUNT,
            self.messages.len(),
        )]
    }
}

impl Observed for CallToolResponse {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Complete(result) => result.outcome(),
            Self::InputRequired(_) => Outcome::InputRequired,
            _ => Outcome::Success,
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        match self {
            Self::Complete(result) => result.attributes(),
            Self::InputRequired(_) => input_required(),
            _ => Vec::new(),
        }
    }
}

impl Observed for GetPromptResponse {
    fn outcome(&self) -> Outcome {
        match self {
            Self::InputRequired(_) => Outcome::InputRequired,
            _ => Outcome::Success,
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        match self {
            Self::Complete(result) => result.attributes(),
            _ => input_required(),
        }
    }
}

impl Observed for ReadResourceResponse {
    fn outcome(&self) -> Outcome {
        match self {
            Self::InputRequired(_) => Outcome::InputRequired,
            _ => Outcome::Success,
        }
    }
}

/// At the level of the service the results of all methods are one type.
impl Observed for ServerResult {
    fn outcome(&self) -> Outcome {
        match self {
            Self::CallToolResult(result) => result.outcome(),
            Self::InputRequiredResult(_) => Outcome::InputRequired,
            _ => Outcome::Success,
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        match self {
            Self::InitializeResult(result) => result.attributes(),
            Self::CallToolResult(result) => result.attributes(),
            Self::GetPromptResult(result) => result.attributes(),
            Self::ListToolsResult(result) => result.attributes(),
            Self::ListPromptsResult(result) => result.attributes(),
            Self::ListResourcesResult(result) => result.attributes(),
            Self::ListResourceTemplatesResult(result) => result.attributes(),
            Self::InputRequiredResult(_) => input_required(),
            _ => Vec::new(),
        }
    }
}

fn input_required() -> Vec<KeyValue> {
    vec![KeyValue::new(names::MCP_RESULT_TYPE, "input_required")]
}

fn count(key: &'static str, number: usize) -> KeyValue {
    KeyValue::new(key, i64::try_from(number).unwrap_or(i64::MAX))
}
