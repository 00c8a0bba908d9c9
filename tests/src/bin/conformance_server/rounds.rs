//! Requests that need input: they are answered with questions until the client has answered
//! all of them (SEP-2322). Protocol 2026-07-28 has this instead of requests to the client.

#![expect(
    deprecated,
    reason = "the suite asks for roots and sampling, which newer protocols replace"
)]

use std::collections::BTreeMap;

use rmcp::handler::server::tool::{InputResponses, RequestState};
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, InputRequest, InputRequests, InputRequiredResult,
    PromptMessage, RequestStateCodec, Role,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, tool, tool_router};
use serde_json::{Value, json};

use crate::server::ConformanceServer;

/// The prompt that needs input.
pub(crate) const PROMPT: &str = "test_input_required_result_prompt";

/// What the state is signed with. A server that guards something must keep its own secret.
const KEY: &[u8] = b"nothing here is worth guarding: any key does";

#[tool_router(router = round_tools, vis = "pub(crate)")]
impl ConformanceServer {
    /// Asks for a name.
    #[tool]
    async fn test_input_required_result_elicitation(
        &self,
        InputResponses(answers): InputResponses,
    ) -> Result<CallToolResponse, ErrorData> {
        ask_once([("user_name", name())], answers.as_ref())
    }

    /// Asks the client's model.
    #[tool]
    async fn test_input_required_result_sampling(
        &self,
        InputResponses(answers): InputResponses,
    ) -> Result<CallToolResponse, ErrorData> {
        ask_once([("capital_question", capital())], answers.as_ref())
    }

    /// Asks for the client's roots.
    #[tool]
    async fn test_input_required_result_list_roots(
        &self,
        InputResponses(answers): InputResponses,
    ) -> Result<CallToolResponse, ErrorData> {
        ask_once([("client_roots", roots())], answers.as_ref())
    }

    /// Asks for a confirmation, and keeps a state.
    #[tool]
    async fn test_input_required_result_request_state(
        &self,
        InputResponses(answers): InputResponses,
        RequestState(state): RequestState,
    ) -> Result<CallToolResponse, ErrorData> {
        let rounds = [vec![("confirm", confirmation())]];
        ask_in_rounds(&rounds, answers.as_ref(), state.as_deref(), "state-ok")
    }

    /// Asks for a confirmation, and refuses a state that is not its own.
    #[tool]
    async fn test_input_required_result_tampered_state(
        &self,
        InputResponses(answers): InputResponses,
        RequestState(state): RequestState,
    ) -> Result<CallToolResponse, ErrorData> {
        let rounds = [vec![("confirm", confirmation())]];
        ask_in_rounds(&rounds, answers.as_ref(), state.as_deref(), "confirmed")
    }

    /// Asks three questions at once.
    #[tool]
    async fn test_input_required_result_multiple_inputs(
        &self,
        InputResponses(answers): InputResponses,
        RequestState(state): RequestState,
    ) -> Result<CallToolResponse, ErrorData> {
        let rounds = [vec![
            ("user_name", name()),
            ("greeting", capital()),
            ("client_roots", roots()),
        ]];
        ask_in_rounds(&rounds, answers.as_ref(), state.as_deref(), "all answered")
    }

    /// Asks one question after the other.
    #[tool]
    async fn test_input_required_result_multi_round(
        &self,
        InputResponses(answers): InputResponses,
        RequestState(state): RequestState,
    ) -> Result<CallToolResponse, ErrorData> {
        let color = elicitation("Step 2: What is your favorite color?", "color", "string");
        let rounds = [vec![("step1", name())], vec![("step2", color)]];
        ask_in_rounds(&rounds, answers.as_ref(), state.as_deref(), "all answered")
    }

    /// Asks only what the client can answer.
    #[tool]
    async fn test_input_required_result_capabilities(
        &self,
        InputResponses(answers): InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let can = context.client_capabilities().unwrap_or_default();
        let mut questions = Vec::new();
        if can.elicitation.is_some() {
            questions.push(("user_name", name()));
        }
        if can.sampling.is_some() {
            questions.push(("capital_question", capital()));
        }
        ask_once(questions, answers.as_ref())
    }

    /// Asks the user, by the stream that it answers on.
    #[tool]
    async fn test_streaming_elicitation(
        &self,
        InputResponses(answers): InputResponses,
    ) -> Result<CallToolResponse, ErrorData> {
        ask_once([("user_name", name())], answers.as_ref())
    }

    /// Needs a client that can sample.
    #[tool]
    async fn test_missing_capability(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let can = context.client_capabilities().unwrap_or_default();
        if can.sampling.is_none() {
            let required = ClientCapabilities::builder().enable_sampling().build();
            return Err(ErrorData::missing_required_client_capability(required));
        }
        Ok(done("The client can sample."))
    }
}

/// The prompt that needs input.
pub(crate) fn prompt(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let context = elicitation("What context should the prompt use?", "context", "string");
    let questions = BTreeMap::from([("user_context", context)]);
    if let Some(questions) = unanswered(&questions, request.input_responses.as_ref())? {
        return Ok(InputRequiredResult::from_input_requests(questions).into());
    }
    let text = "This prompt has its context.";
    let messages = vec![PromptMessage::new_text(Role::User, text)];
    Ok(GetPromptResult::new(messages).into())
}

type Answers = rmcp::model::InputResponses;

/// Asks until all is answered.
fn ask_once(
    questions: impl IntoIterator<Item = (&'static str, Value)>,
    answers: Option<&Answers>,
) -> Result<CallToolResponse, ErrorData> {
    let questions = questions.into_iter().collect();
    Ok(match unanswered(&questions, answers)? {
        Some(questions) => InputRequiredResult::from_input_requests(questions).into(),
        None => done("Hello!"),
    })
}

/// Asks round by round. The state says which round the answers are of.
fn ask_in_rounds(
    rounds: &[Vec<(&'static str, Value)>],
    answers: Option<&Answers>,
    state: Option<&str>,
    end: &str,
) -> Result<CallToolResponse, ErrorData> {
    let codec = RequestStateCodec::try_new(KEY).map_err(internal)?;
    let mut round: usize = match state {
        Some(state) => codec.open_json(state).map_err(|error| {
            ErrorData::invalid_params(format!("no state of this server: {error}"), None)
        })?,
        None => 0,
    };
    while let Some(questions) = rounds.get(round) {
        let questions = questions.iter().cloned().collect();
        if let Some(questions) = unanswered(&questions, answers)? {
            let state = codec.seal_json(&round).map_err(internal)?;
            return Ok(InputRequiredResult::new(Some(questions), Some(state)).into());
        }
        round += 1;
    }
    Ok(done(end))
}

/// The questions without an answer, if there are any. An answer is an object; what was not
/// asked for is left aside.
fn unanswered(
    questions: &BTreeMap<&str, Value>,
    answers: Option<&Answers>,
) -> Result<Option<InputRequests>, ErrorData> {
    let answered = |key: &str| answers.and_then(|answers| answers.get(key));
    let open = questions
        .iter()
        .filter(|(key, _)| !answered(key).is_some_and(Value::is_object))
        .map(|(key, question)| {
            let question: InputRequest = serde_json::from_value(question.clone())?;
            Ok(((*key).to_owned(), question))
        });
    let open = open.collect::<serde_json::Result<InputRequests>>();
    let open = open.map_err(internal)?;
    Ok((!open.is_empty()).then_some(open))
}

fn name() -> Value {
    elicitation("What is your name?", "name", "string")
}

fn confirmation() -> Value {
    elicitation("Please confirm", "ok", "boolean")
}

fn elicitation(message: &str, field: &str, kind: &str) -> Value {
    json!({
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": message,
            "requestedSchema": {
                "type": "object",
                "properties": { field: { "type": kind } },
                "required": [field],
            },
        },
    })
}

fn capital() -> Value {
    let text = "What is the capital of France?";
    json!({
        "method": "sampling/createMessage",
        "params": {
            "messages": [{ "role": "user", "content": { "type": "text", "text": text } }],
            "maxTokens": 100,
        },
    })
}

fn roots() -> Value {
    json!({ "method": "roots/list" })
}

fn done(text: &str) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

fn internal(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
