//! A server whose answers are written as JSON.

#![expect(deprecated, reason = "what rmcp deprecates must be traced too")]

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CreateTaskResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, GetTaskParams, GetTaskResult,
    Implementation, InputRequiredResult, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig,
    SetLevelRequestParams, SubscriptionFilter,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// A server that gives one answer for each method.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted {
    answers: Arc<BTreeMap<&'static str, Answer>>,
    /// It takes no subscriptions.
    deaf: bool,
}

#[derive(Clone, Debug)]
enum Answer {
    Result(Json),
    Error(i32, &'static str),
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes no subscriptions.
    pub(crate) fn deaf(mut self) -> Self {
        self.deaf = true;
        self
    }

    /// Answers requests of this method with a result.
    pub(crate) fn result(self, method: &'static str, result: Json) -> Self {
        self.answer_with(method, Answer::Result(result))
    }

    /// Answers requests of this method with an error.
    pub(crate) fn error(self, method: &'static str, code: i32, message: &'static str) -> Self {
        self.answer_with(method, Answer::Error(code, message))
    }

    fn answer_with(mut self, method: &'static str, answer: Answer) -> Self {
        Arc::make_mut(&mut self.answers).insert(method, answer);
        self
    }

    fn answer(&self, method: &str) -> Result<Json, ErrorData> {
        match self.answers.get(method) {
            Some(Answer::Result(result)) => Ok(result.clone()),
            Some(Answer::Error(code, message)) => {
                Err(ErrorData::new(ErrorCode(*code), *message, None))
            }
            None => Err(ErrorData::internal_error("not in the script", None)),
        }
    }

    fn typed<T: DeserializeOwned>(&self, method: &str) -> Result<T, ErrorData> {
        self.answer(method).map(read)
    }

    /// An answer that may ask for input, or be a task.
    fn response<R, T>(&self, method: &str) -> Result<R, ErrorData>
    where
        T: DeserializeOwned,
        R: From<T> + From<InputRequiredResult>,
    {
        let answer = self.answer(method)?;
        Ok(match answer["resultType"].as_str() {
            Some("input_required") => read::<InputRequiredResult>(answer).into(),
            _ => read::<T>(answer).into(),
        })
    }
}

fn read<T: DeserializeOwned>(answer: Json) -> T {
    serde_json::from_value(answer).expect("the script should fit the method")
}

impl ServerHandler for Scripted {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .enable_logging()
            .enable_tasks()
            .build();
        let server = Implementation::new("splunk", "2.1.0").with_title("Splunk over MCP");
        ServerConfig::new(capabilities).with_server_info(server)
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        (!self.deaf).then(|| requested.clone())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let answer = self.answer("tools/call")?;
        match answer["resultType"].as_str() {
            Some("task") => Ok(read::<CreateTaskResult>(answer).into()),
            _ => self.response::<CallToolResponse, CallToolResult>("tools/call"),
        }
    }

    async fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.response::<_, GetPromptResult>("prompts/get")
    }

    async fn read_resource(
        &self,
        _: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.response::<_, ReadResourceResult>("resources/read")
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.typed("tools/list")
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.typed("prompts/list")
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.typed("resources/list")
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.typed("resources/templates/list")
    }

    async fn set_level(
        &self,
        _: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn get_task(
        &self,
        _: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.typed("tasks/get")
    }
}
