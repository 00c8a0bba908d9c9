//! Tools that send something to the client before they answer: logs, progress, and requests.

#![expect(
    deprecated,
    reason = "the suite asks for logging and sampling, which newer protocols replace"
)]

use std::time::Duration;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolResult, ContentBlock, CreateMessageRequestParams, ElicitRequestParams,
    ElicitationSchema, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam,
    ProtocolVersion, Role, SamplingMessage,
};
use rmcp::service::{RequestContext, ServiceError};
use rmcp::{ErrorData, RoleServer, schemars, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::server::ConformanceServer;

/// Between two notifications, as the suite asks: a client must be able to see them come.
const PAUSE: Duration = Duration::from_millis(50);

/// What `test_sampling` takes.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Prompt {
    /// The prompt to send to the model.
    prompt: String,
}

/// What `test_elicitation` takes.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Message {
    /// The message to show to the user.
    message: String,
}

#[tool_router(router = asking_tools, vis = "pub(crate)")]
impl ConformanceServer {
    /// Sends three log messages.
    #[tool]
    async fn test_tool_with_logging(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        log(&context).await
    }

    /// Sends three log messages, to clients that ask for them.
    #[tool]
    async fn test_logging_tool(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        log(&context).await
    }

    /// Reports its progress, where the client has asked for it.
    #[tool]
    async fn test_tool_with_progress(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let token = context.meta.get_progress_token();
        for progress in [0.0, 50.0, 100.0] {
            if progress > 0.0 {
                tokio::time::sleep(PAUSE).await;
            }
            if let Some(token) = &token {
                let mut report = ProgressNotificationParam::new(token.clone(), progress);
                report.total = Some(100.0);
                let sent = context.peer.notify_progress(report).await;
                sent.map_err(unsent)?;
            }
        }
        Ok(text("Reported progress."))
    }

    /// Asks the client's model.
    #[tool]
    async fn test_sampling(
        &self,
        Parameters(Prompt { prompt }): Parameters<Prompt>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        let question = SamplingMessage::new(Role::User, prompt);
        let question = CreateMessageRequestParams::new(vec![question], 100);
        match context.peer.create_message(question).await {
            Ok(answer) => {
                let answer = answer.message.content.first();
                let answer = answer.and_then(|content| content.as_text());
                let answer = answer.map_or("", |content| content.text.as_str());
                text(format!("LLM response: {answer}"))
            }
            Err(error) => refused(&error),
        }
    }

    /// Asks the user for a name and an address.
    #[tool]
    async fn test_elicitation(
        &self,
        Parameters(Message { message }): Parameters<Message>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let schema = json!({
            "type": "object",
            "properties": {
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" },
            },
            "required": ["username", "email"],
        });
        elicit(&context, message, schema, "User response").await
    }

    /// Asks the user for what each kind of field has a default for (SEP-1034).
    #[tool]
    async fn test_elicitation_sep1034_defaults(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": {
                    "type": "string",
                    "enum": ["active", "inactive", "pending"],
                    "default": "active",
                },
                "verified": { "type": "boolean", "default": true },
            },
        });
        let message = "Please check the defaults.".to_owned();
        elicit(&context, message, schema, "Elicitation completed").await
    }

    /// Asks the user for a choice, in each of the five ways to write one (SEP-1330).
    #[tool]
    async fn test_elicitation_sep1330_enums(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let plain = json!(["option1", "option2", "option3"]);
        let titled = json!([
            { "const": "value1", "title": "First Option" },
            { "const": "value2", "title": "Second Option" },
            { "const": "value3", "title": "Third Option" },
        ]);
        let schema = json!({
            "type": "object",
            "properties": {
                "untitledSingle": { "type": "string", "enum": plain },
                "titledSingle": { "type": "string", "oneOf": titled },
                "legacyEnum": {
                    "type": "string",
                    "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                },
                "untitledMulti": {
                    "type": "array",
                    "items": { "type": "string", "enum": plain },
                },
                "titledMulti": { "type": "array", "items": { "anyOf": titled } },
            },
        });
        let message = "Please choose.".to_owned();
        elicit(&context, message, schema, "Elicitation completed").await
    }
}

/// Sends three log messages. From 2026-07-28 on a client gets them where it has asked for
/// them; before, always.
async fn log(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let version = context.protocol_version();
    let asks = version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    if asks && context.meta.log_level().is_none() {
        return Ok(text("Nobody wants to know."));
    }
    let texts = [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ];
    for (at, text) in texts.into_iter().enumerate() {
        if at > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(text));
        let sent = context.peer.notify_logging_message(message).await;
        sent.map_err(unsent)?;
    }
    Ok(text("Logged three messages."))
}

/// Asks the user; what the client refuses is the tool's error.
async fn elicit(
    context: &RequestContext<RoleServer>,
    message: String,
    schema: Value,
    said: &str,
) -> Result<CallToolResult, ErrorData> {
    let requested_schema: ElicitationSchema = serde_json::from_value(schema)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let question = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema,
    };
    Ok(match context.peer.create_elicitation(question).await {
        Ok(answer) => {
            let content = answer.content.unwrap_or_default();
            let action = serde_json::to_value(&answer.action).unwrap_or_default();
            let action = action.as_str().unwrap_or_default().to_owned();
            text(format!("{said}: action={action}, content={content}"))
        }
        Err(error) => refused(&error),
    })
}

fn text(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn refused(error: &ServiceError) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(error.to_string())])
}

fn unsent(error: ServiceError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
