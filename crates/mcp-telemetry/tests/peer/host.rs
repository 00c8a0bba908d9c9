//! A server that asks back, and the client that answers it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_telemetry::{PeerExt as _, TracedHandler};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams,
    CancelledNotificationParam, ClientCapabilities, ClientConfig, CompleteRequestParams,
    CompleteResult, CompletionInfo, ContentBlock, CreateMessageRequestParams, CreateMessageResult,
    DetailedTask, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, GetSkillRequestParams,
    GetSkillResult, GetTaskParams, GetTaskResult, Implementation, InputRequest, InputRequests,
    InputRequiredResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListRootsResult, ListSkillsResult, ListToolsResult, LoggingLevel,
    LoggingMessageNotificationParam, PaginatedRequestParams, ProgressNotificationParam,
    PromptMessage, ProtocolVersion, ReadResourceDirectoryRequestParams,
    ReadResourceDirectoryResult, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Resource, ResourceContents, ResourceUpdatedNotificationParam, Role, Root,
    SamplingMessage, ServerCapabilities, ServerConfig, SetLevelRequestParams, Skill,
    SkillFrontmatter, SkillResources, SubscribeRequestParams, SubscriptionFilter, Task,
    TaskPayload, TaskStatus, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, Peer, RequestContext, RunningService, ServiceError,
};
use rmcp::{
    ClientHandler, ErrorData, RoleClient, RoleServer, ServerHandler, Service, ServiceExt as _,
};
use serde_json::json;
use tokio::sync::Notify;

use crate::wire::Wire;

/// A server whose tools are named by what they do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// A tool that does not end has started.
    pub(crate) started: Arc<Notify>,
    /// A request was taken back.
    pub(crate) cancelled: Arc<Notify>,
    /// What the last question to the client came to, where it failed.
    pub(crate) failure: Arc<Mutex<Option<String>>>,
}

/// A question to a user.
pub(crate) fn question() -> ElicitRequestParams {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "your name?".to_owned(),
        requested_schema: serde_json::from_value(schema).unwrap(),
    }
}

/// A question to a model.
pub(crate) fn sampling() -> CreateMessageRequestParams {
    CreateMessageRequestParams::new(vec![SamplingMessage::user_text("why?")], 16)
}

/// Says everything that a server may tell.
async fn tell_all(client: &Peer<RoleServer>, token: Option<rmcp::model::ProgressToken>) {
    let client = client.traced();
    let cancelled = CancelledNotificationParam::new(None, Some("of no use".to_owned()));
    client.notify_cancelled(cancelled).await.unwrap();
    if let Some(token) = token {
        let mut progress = ProgressNotificationParam::new(token, 1.5);
        progress.total = Some(3.0);
        progress.message = Some("halfway".to_owned());
        client.notify_progress(progress).await.unwrap();
    }
    let log = LoggingMessageNotificationParam::new(LoggingLevel::Warning, json!({ "rows": 3 }));
    let log = log.with_logger("search");
    client.notify_logging_message(log).await.unwrap();
    let updated = ResourceUpdatedNotificationParam::new("splunk://a?user=bob");
    client.notify_resource_updated(updated).await.unwrap();
    client.notify_resource_list_changed().await.unwrap();
    client.notify_tool_list_changed().await.unwrap();
    client.notify_prompt_list_changed().await.unwrap();
}

impl Host {
    async fn ask(&self, what: &str, client: &Peer<RoleServer>) -> Result<(), ServiceError> {
        let client = client.traced();
        match what {
            "samples" => client.create_message(sampling()).await.map(drop),
            "samples with tools" => {
                let tools = vec![Tool::new("a", "", Arc::default())];
                let sampling = sampling().with_tools(tools);
                client.create_message(sampling).await.map(drop)
            }
            "elicits" => client.create_elicitation(question()).await.map(drop),
            "elicits in vain" => {
                let timeout = Some(Duration::from_millis(1));
                let asked = client.create_elicitation_with_timeout(question(), timeout);
                asked.await.map(drop)
            }
            "lists roots" => client.list_roots().await.map(drop),
            _ => client.ping().await,
        }
    }
}

impl ServerHandler for Host {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .enable_tasks()
            .enable_skills_with_directory_read()
            .build();
        let server = Implementation::new("splunk", "2.1.0").with_title("Splunk over MCP");
        ServerConfig::new(capabilities).with_server_info(server)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let content = |text: &str| vec![ContentBlock::text(text)];
        match &*request.name {
            "echo" => Ok(CallToolResult::success(content("hello")).into()),
            "fails" => Ok(CallToolResult::error(content("no such index: nope")).into()),
            "broken" => Err(ErrorData::internal_error("the disk is full", None)),
            "refused" => Err(ErrorData::invalid_params("`query` is missing", None)),
            "asks" if request.input_responses.is_none() => {
                let ask = InputRequest::Elicitation(ElicitRequest::new(question()));
                let asks = InputRequests::from([("name".to_owned(), ask)]);
                Ok(InputRequiredResult::new(Some(asks), Some("half way".to_owned())).into())
            }
            "asks" => Ok(CallToolResult::success(content("done")).into()),
            "hangs" => {
                self.started.notify_one();
                context.ct.cancelled().await;
                self.cancelled.notify_one();
                Ok(CallToolResult::success(content("too late")).into())
            }
            "tells" => {
                tell_all(&context.peer, context.meta.get_progress_token()).await;
                Ok(CallToolResult::success(content("told")).into())
            }
            what => {
                let asked = self.ask(what, &context.peer).await;
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                *failure = asked.err().map(|error| error.to_string());
                Ok(CallToolResult::success(content("asked")).into())
            }
        }
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    /// Two pages, to be kept for a minute.
    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let later = page.is_some_and(|page| page.cursor.is_some());
        let name = if later { "fails" } else { "echo" };
        let tools = vec![Tool::new(name, "", Arc::default())];
        let mut result = ListToolsResult::with_all_items(tools)
            .with_ttl_ms(60_000)
            .with_cache_scope(CacheScope::Private);
        result.next_cursor = (!later).then(|| "2".to_owned());
        Ok(result)
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::default())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let message = PromptMessage::new_text(Role::User, "what is wrong?");
        if request.name == "described" {
            let prompt = GetPromptResult::new(vec![message]);
            return Ok(prompt.with_description("Finds what is wrong.").into());
        }
        Ok(GetPromptResult::new(vec![message.clone(), message]).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = ["a", "b", "c"].map(|it| Resource::new(format!("splunk://{it}"), it));
        Ok(ListResourcesResult::with_all_items(resources.into()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::default())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let contents = ResourceContents::text("main", request.uri);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Ok(CompleteResult::new(CompletionInfo::default()))
    }

    async fn set_level(
        &self,
        _: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        _: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let now = "2026-07-28T00:00:00Z";
        let task = Task::new(request.task_id, TaskStatus::Working, now, now);
        Ok(GetTaskResult::new(DetailedTask::new(
            task,
            TaskPayload::Working,
        )))
    }

    async fn update_task(
        &self,
        _: UpdateTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn cancel_task(
        &self,
        _: CancelTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_skills(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        Ok(ListSkillsResult::with_all_items(Vec::new()))
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        let frontmatter = SkillFrontmatter::new("triage", "Finds what is wrong.");
        let skill = Skill::new(request.uri, frontmatter, SkillResources::Dynamic);
        Ok(GetSkillResult::new(skill))
    }

    async fn read_resource_directory(
        &self,
        _: ReadResourceDirectoryRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceDirectoryResult, ErrorData> {
        Ok(ListResourcesResult::default())
    }
}

/// A client that answers what it is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    /// It does not answer its user's questions.
    pub(crate) silent: bool,
}

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let client = Implementation::new("inspector", "0.9").with_title("Inspector");
        let capabilities = ClientCapabilities::builder()
            .enable_tasks()
            .enable_sampling()
            .enable_roots()
            .enable_elicitation()
            .build();
        ClientConfig::new(capabilities, client)
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let message = SamplingMessage::assistant_text("because");
        Ok(CreateMessageResult::new(message, "a-model".to_owned()))
    }

    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(vec![
            Root::new("file:///a"),
            Root::new("file:///b"),
        ]))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        // A span of the app's, to see where it stands.
        tracing::info_span!("the user thinks").in_scope(|| {});
        let answer = ElicitResult::new(ElicitationAction::Accept);
        Ok(answer.with_content(json!({ "name": "Bob" })))
    }
}

/// A client that is connected to a traced [`Host`].
pub(crate) struct Pair {
    pub(crate) client: RunningService<RoleClient, Person>,
    pub(crate) host: Host,
    pub(crate) wire: Wire,
}

impl Pair {
    /// Connected as before 2026-07-28, by `initialize`.
    pub(crate) async fn legacy() -> Self {
        Self::new(Person::default(), ClientLifecycleMode::Initialize).await
    }

    /// Connected as since 2026-07-28, by `server/discover`.
    pub(crate) async fn modern() -> Self {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        let lifecycle = ClientLifecycleMode::Discover { preferred_versions };
        Self::new(Person::default(), lifecycle).await
    }

    pub(crate) async fn new(person: Person, lifecycle: ClientLifecycleMode) -> Self {
        let (wire, client_end, server_end) = Wire::new();
        let host = Host::default();
        let service = TracedHandler::new(host.clone());
        tokio::spawn(serve(service, server_end));
        let client = person.serve_with_lifecycle(client_end, lifecycle).await;
        Self {
            client: client.unwrap(),
            host,
            wire,
        }
    }

    /// What the last question to the client came to, where it failed.
    pub(crate) fn failure(&self) -> Option<String> {
        let failure = self.host.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// As a server process does: it ends when its input does.
pub(crate) async fn serve(service: impl Service<RoleServer>, end: tokio::io::DuplexStream) {
    if let Ok(running) = service.serve(end).await {
        let _ = running.waiting().await;
    }
}
