//! What a request is about, read from its method and its parameters.

#![expect(
    deprecated,
    reason = "what rmcp deprecates is still sent by older clients"
)]

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};
use rmcp::model::{
    CallToolRequestParams, CancelTaskParams, ClientCapabilities, CompleteRequestParams,
    CustomRequest, GetPromptRequestParams, GetSkillRequestParams, GetTaskParams, Implementation,
    InitializeRequestParams, InputResponses, LoggingLevel, PaginatedRequestParams,
    ReadResourceDirectoryRequestParams, ReadResourceRequestParams, Reference, ServerCapabilities,
    SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams, UpdateTaskParams,
};

use serde_json::Value as Json;

use super::known::OTHER;
use super::text::{bounded, content, json, uri};
use crate::attributes as names;
use crate::call::CallKind;
use crate::settings::send_pii;

/// The most arguments of a prompt that are recorded; the rest has no attribute.
const MAX_PROMPT_ARGUMENTS: usize = 32;

/// What a request is about.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    /// A method of the specification; never text of the client's.
    pub(crate) method: &'static str,
    pub(crate) target: Option<Target<'a>>,
    /// Who sends it, where its parameters say so.
    pub(crate) client: Option<&'a Implementation>,
    /// Attributes of this request's span beside those of every request.
    pub(crate) facts: Vec<KeyValue>,
}

/// What a request executes.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) kind: CallKind,
    pub(crate) name: Cow<'a, str>,
}

impl Target<'_> {
    /// The attribute that names it.
    pub(crate) fn fact(self) -> KeyValue {
        match self.kind {
            CallKind::Tool => KeyValue::new(names::MCP_TOOL_NAME, self.name.into_owned()),
            CallKind::Prompt => KeyValue::new(names::MCP_PROMPT_NAME, self.name.into_owned()),
            _ => KeyValue::new(names::MCP_RESOURCE_URI, uri(&self.name)),
        }
    }
}

impl<'a> Operation<'a> {
    /// A request with this method and these parameters.
    pub(crate) fn new(method: &'static str, params: &'a impl Params) -> Self {
        let mut operation = Self {
            method,
            target: None,
            client: None,
            facts: Vec::new(),
        };
        params.describe(&mut operation);
        operation
    }

    fn on(&mut self, kind: CallKind, name: &'a str) {
        let name = bounded(name);
        self.target = Some(Target { kind, name });
    }

    fn fact(&mut self, key: impl Into<opentelemetry::Key>, value: impl Into<Value>) {
        self.facts.push(KeyValue::new(key, value));
    }

    /// The arguments of a prompt.
    fn variables<'b>(&mut self, arguments: impl Iterator<Item = (&'b String, &'b Json)>) {
        for (name, value) in arguments.take(MAX_PROMPT_ARGUMENTS) {
            // The convention wants the value as text, Sentry's as JSON.
            let json = json(value);
            let text = match value.as_str() {
                Some(text) => content(text).into_owned(),
                None => json.clone(),
            };
            let name = bounded(name);
            self.fact(
                format!("{}{name}", names::GEN_AI_PROMPT_VARIABLE_PREFIX),
                text,
            );
            self.fact(
                format!("{}{name}", names::MCP_REQUEST_ARGUMENT_PREFIX),
                json,
            );
        }
    }

    /// What a client brings with the retry of a request that asked it for input.
    fn retry(&mut self, responses: Option<&InputResponses>, state: Option<&String>) {
        if let Some(responses) = responses {
            self.facts
                .push(count(names::MCP_INPUT_RESPONSE_COUNT, responses.len()));
        }
        if state.is_some() {
            self.fact(names::MCP_REQUEST_STATE_PRESENT, true);
        }
    }
}

/// Parameters of a request that a span can be told about.
pub(crate) trait Params {
    fn describe<'a>(&'a self, _operation: &mut Operation<'a>) {}
}

macro_rules! silent {
    ($($params:ty),* $(,)?) => {
        $(impl Params for $params {})*
    };
}

silent! {
    (), GetTaskParams, UpdateTaskParams, CancelTaskParams, GetSkillRequestParams,
    // A custom method is the client's text: nothing of it is recorded.
    CustomRequest,
}

impl Params for CallToolRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.on(CallKind::Tool, &self.name);
        operation.fact(names::GEN_AI_OPERATION_NAME, "execute_tool");
        operation.fact(names::GEN_AI_TOOL_NAME, bounded(&self.name).into_owned());
        if let Some(arguments) = self.arguments.as_ref().filter(|_| send_pii()) {
            let arguments = json(arguments);
            operation.fact(names::GEN_AI_TOOL_CALL_ARGUMENTS, arguments);
        }
        operation.retry(self.input_responses.as_ref(), self.request_state.as_ref());
    }
}

impl Params for GetPromptRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.on(CallKind::Prompt, &self.name);
        operation.fact(names::GEN_AI_PROMPT_NAME, bounded(&self.name).into_owned());
        if send_pii() {
            operation.variables(self.arguments.iter().flatten());
        }
        operation.retry(self.input_responses.as_ref(), self.request_state.as_ref());
    }
}

impl Params for ReadResourceRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.on(CallKind::Resource, &self.uri);
        operation.retry(self.input_responses.as_ref(), self.request_state.as_ref());
    }
}

impl Params for SubscribeRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.fact(names::MCP_RESOURCE_URI, uri(&self.uri));
    }
}

impl Params for UnsubscribeRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.fact(names::MCP_RESOURCE_URI, uri(&self.uri));
    }
}

impl Params for ReadResourceDirectoryRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.fact(names::MCP_RESOURCE_URI, uri(&self.uri));
    }
}

impl Params for Option<PaginatedRequestParams> {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        let cursor = self.as_ref().is_some_and(|page| page.cursor.is_some());
        operation.fact(names::MCP_PAGINATION_CURSOR_PRESENT, cursor);
    }
}

impl Params for CompleteRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        let kind = match &self.r#ref {
            Reference::Resource(_) => "ref/resource",
            Reference::Prompt(_) => "ref/prompt",
            _ => OTHER,
        };
        operation.fact(names::MCP_COMPLETION_REFERENCE_TYPE, kind);
    }
}

impl Params for SetLevelRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.fact(names::MCP_LOGGING_REQUESTED_LEVEL, level(self.level));
    }
}

impl Params for InitializeRequestParams {
    fn describe<'a>(&'a self, operation: &mut Operation<'a>) {
        operation.client = Some(&self.client_info);
        operation.fact(
            names::MCP_CLIENT_CAPABILITIES,
            client_capabilities(&self.capabilities),
        );
    }
}

/// A level as the specification writes it.
pub(crate) fn level(level: LoggingLevel) -> &'static str {
    match level {
        LoggingLevel::Debug => "debug",
        LoggingLevel::Info => "info",
        LoggingLevel::Notice => "notice",
        LoggingLevel::Warning => "warning",
        LoggingLevel::Error => "error",
        LoggingLevel::Critical => "critical",
        LoggingLevel::Alert => "alert",
        LoggingLevel::Emergency => "emergency",
    }
}

/// What a client says it can do, sorted, with commas.
pub(crate) fn client_capabilities(capabilities: &ClientCapabilities) -> String {
    present(&[
        ("elicitation", capabilities.elicitation.is_some()),
        ("experimental", capabilities.experimental.is_some()),
        ("extensions", capabilities.extensions.is_some()),
        ("roots", capabilities.roots.is_some()),
        ("sampling", capabilities.sampling.is_some()),
    ])
}

/// What a server says it can do, sorted, with commas.
pub(crate) fn server_capabilities(capabilities: &ServerCapabilities) -> String {
    present(&[
        ("completions", capabilities.completions.is_some()),
        ("experimental", capabilities.experimental.is_some()),
        ("extensions", capabilities.extensions.is_some()),
        ("logging", capabilities.logging.is_some()),
        ("prompts", capabilities.prompts.is_some()),
        ("resources", capabilities.resources.is_some()),
        ("tools", capabilities.tools.is_some()),
    ])
}

fn present(capabilities: &[(&str, bool)]) -> String {
    let present = capabilities.iter().filter(|(_, present)| *present);
    present.map(|(name, _)| *name).collect::<Vec<_>>().join(",")
}

/// A number of things.
pub(crate) fn count(key: &'static str, number: usize) -> KeyValue {
    KeyValue::new(key, i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use rmcp::model::InputResponses;

    use super::*;
    use crate::mcp::text::CONTENT_LIMIT;

    fn facts(operation: &Operation<'_>) -> Vec<(String, String)> {
        let facts = operation.facts.iter();
        facts
            .map(|it| (it.key.to_string(), it.value.to_string()))
            .collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn a_retry_says_what_it_brings_and_not_the_state() {
        let mut retry = ReadResourceRequestParams::new("splunk://indexes");
        retry.input_responses = Some(InputResponses::from([("a".to_owned(), true.into())]));
        retry.request_state = Some("opaque".to_owned());
        let operation = Operation::new("resources/read", &retry);
        let expected = [
            pair("mcp.input_response.count", "1"),
            pair("mcp.request_state.present", "true"),
        ];
        assert_eq!(facts(&operation), expected);
    }

    #[test]
    fn a_prompts_arguments_are_as_long_as_other_inputs_may_be() {
        let long = "ä".repeat(CONTENT_LIMIT);
        let arguments = serde_json::json!({ "short": "ä", "long": long, "list": [1, long] });
        let prompt = GetPromptRequestParams::new("triage")
            .with_arguments(arguments.as_object().unwrap().clone());
        let mut operation = Operation::new("prompts/get", &());
        operation.variables(prompt.arguments.iter().flatten());
        let facts = facts(&operation);
        let value = |key: &str| {
            let found = facts.iter().find(|(found, _)| found == key);
            found.map(|(_, value)| value.as_str()).unwrap()
        };
        assert_eq!(value("gen_ai.prompt.variable.short"), "ä");
        assert_eq!(value("mcp.request.argument.short"), "\"ä\"");
        for key in ["long", "list"] {
            for prefix in ["gen_ai.prompt.variable.", "mcp.request.argument."] {
                let value = value(&format!("{prefix}{key}"));
                let room = CONTENT_LIMIT - 3..=CONTENT_LIMIT;
                assert!(
                    room.contains(&value.len()),
                    "{prefix}{key}: {}",
                    value.len()
                );
                assert!(value.ends_with('…'), "{prefix}{key}");
            }
        }
    }

    #[test]
    fn a_page_says_whether_it_is_a_later_one() {
        for (page, later) in [
            (None, "false"),
            (Some(PaginatedRequestParams::default()), "false"),
            (
                Some(PaginatedRequestParams::default().with_cursor(Some("x".into()))),
                "true",
            ),
        ] {
            let operation = Operation::new("tools/list", &page);
            let expected = [pair("mcp.pagination.cursor.present", later)];
            assert_eq!(facts(&operation), expected);
        }
    }

    #[test]
    fn capabilities_are_sorted() {
        let server = ServerCapabilities::builder()
            .enable_tools()
            .enable_logging()
            .enable_prompts()
            .build();
        assert_eq!(server_capabilities(&server), "logging,prompts,tools");
        assert_eq!(client_capabilities(&ClientCapabilities::default()), "");
    }
}
