//! An MCP server with a tool for every way to end, and a client over a pipe in memory.

#![expect(deprecated, reason = "what rmcp deprecates must be traced too")]

use std::borrow::Cow;
use std::future::pending;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientConfig, ClientRequest,
    ContentBlock, CustomRequest, CustomResult, DetailedTask, Extensions, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, GetSkillRequestParams, GetSkillResult, GetTaskParams,
    GetTaskResult, Implementation, InputRequiredResult, ListPromptsResult, ListResourcesResult,
    ListSkillsResult, ListToolsResult, PaginatedRequestParams, Prompt, PromptMessage,
    ProtocolVersion, ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, Role, ServerCapabilities, ServerConfig, ServerResult, SetLevelRequestParams,
    Skill, SkillFrontmatter, SkillResources, SubscribeRequestParams, Task, TaskPayload, TaskStatus,
    Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, RequestContext, RunningService, ServiceError,
};
use rmcp::{
    ClientHandler, ErrorData, RoleClient, RoleServer, ServerHandler, Service, ServiceExt as _,
};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

/// A server whose tools are named by what becomes of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    /// A tool that does not end at once has started.
    pub(crate) started: Arc<Notify>,
    /// The server has no tasks and no skills.
    pub(crate) plain: bool,
}

/// The tool that `get_tool` knows; it fails, so its answer does not tell that it exists.
pub(crate) const LISTED: &str = "listed";

impl Server {
    async fn call(
        &self,
        name: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let content = |text: &str| vec![ContentBlock::text(text)];
        match name {
            "echo" => Ok(CallToolResult::success(content("hello")).into()),
            "fails" => Ok(CallToolResult::error(content("no such index: nope")).into()),
            "broken" => Err(ErrorData::internal_error("the disk is full", None)),
            LISTED => Err(ErrorData::internal_error("not today", None)),
            "refused" => Err(ErrorData::invalid_params("`query` is missing", None)),
            "asks" => Ok(InputRequiredResult::from_request_state("half way").into()),
            "panics" => panic!("on purpose"),
            "waits" => {
                self.started.notify_one();
                context.ct.cancelled().await;
                Ok(CallToolResult::success(content("too late")).into())
            }
            "hangs" => {
                self.started.notify_one();
                pending().await
            }
            _ => Err(ErrorData::invalid_params("tool not found", None)),
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions();
        let capabilities = match self.plain {
            true => capabilities.build(),
            false => capabilities
                .enable_tasks()
                .enable_skills_with_directory_read()
                .build(),
        };
        let server = Implementation::new("splunk", "2.1.0").with_title("Splunk over MCP");
        ServerConfig::new(capabilities).with_server_info(server)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (name == LISTED).then(|| Tool::new(LISTED, "Known.", Arc::default()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call(&request.name, &context).await
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = [LISTED, "echo"].map(|name| Tool::new(name, "", Arc::default()));
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompt = Prompt::new("triage", None::<String>, None);
        Ok(ListPromptsResult::with_all_items(vec![prompt]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        match request.name.as_str() {
            "triage" => {
                let message = PromptMessage::new_text(Role::User, "what is wrong?");
                Ok(GetPromptResult::new(vec![message.clone(), message]).into())
            }
            _ => Err(ErrorData::invalid_params("prompt not found", None)),
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = ["a", "b", "c"].map(|it| Resource::new(format!("splunk://{it}"), it));
        Ok(ListResourcesResult::with_all_items(resources.into()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match request.uri.starts_with("splunk://") {
            true => {
                let contents = ResourceContents::text("main", request.uri);
                Ok(ReadResourceResult::new(vec![contents]).into())
            }
            false => Err(ErrorData::resource_not_found("no such resource", None)),
        }
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

    async fn on_custom_request(
        &self,
        _: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Ok(CustomResult::new(json!({})))
    }
}

/// A client that says who it is.
#[derive(Clone, Debug)]
pub(crate) struct Client;

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let client = Implementation::new("inspector", "0.9").with_title("Inspector");
        ClientConfig::new(
            rmcp::model::ClientCapabilities::builder()
                .enable_tasks()
                .build(),
            client,
        )
    }
}

/// A client that is connected to a server.
pub(crate) struct Connection {
    pub(crate) client: RunningService<RoleClient, Client>,
}

impl Connection {
    /// Connects as clients before 2026-07-28 do, by `initialize`.
    pub(crate) async fn legacy<S: Service<RoleServer>>(service: S) -> Self {
        Self::new(service, ClientLifecycleMode::Initialize).await
    }

    /// Connects as clients of 2026-07-28 do, by `server/discover`.
    pub(crate) async fn modern<S: Service<RoleServer>>(service: S) -> Self {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        let lifecycle = ClientLifecycleMode::Discover { preferred_versions };
        Self::new(service, lifecycle).await
    }

    async fn new<S: Service<RoleServer>>(service: S, lifecycle: ClientLifecycleMode) -> Self {
        let (server_end, client_end) = tokio::io::duplex(64 * 1024);
        // As a server process does: it ends when its input does.
        tokio::spawn(async move {
            if let Ok(running) = service.serve(server_end).await {
                let _ = running.waiting().await;
            }
        });
        let client = Client.serve_with_lifecycle(client_end, lifecycle).await;
        Self {
            client: client.unwrap(),
        }
    }

    /// Sends a request, written as JSON, and waits for its answer.
    pub(crate) async fn send(
        &self,
        method: &str,
        params: Json,
    ) -> Result<ServerResult, ServiceError> {
        self.client.send_request(request(method, params)).await
    }

    /// Calls a tool without arguments.
    pub(crate) async fn call(&self, tool: &str) -> Result<ServerResult, ServiceError> {
        self.send("tools/call", json!({ "name": tool })).await
    }
}

/// A request, written as JSON.
pub(crate) fn request(method: &str, params: Json) -> ClientRequest {
    let request = match params {
        Json::Null => json!({ "method": method }),
        params => json!({ "method": method, "params": params }),
    };
    serde_json::from_value(request).unwrap()
}

/// A service that adds something to each message's context, as an HTTP transport does.
#[derive(Clone)]
pub(crate) struct WithExtension<S, F> {
    pub(crate) inner: S,
    pub(crate) extend: F,
}

impl<S, F> Service<RoleServer> for WithExtension<S, F>
where
    S: Service<RoleServer>,
    F: Fn(&mut Extensions) + Send + Sync + 'static,
{
    async fn handle_request(
        &self,
        request: ClientRequest,
        mut context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        (self.extend)(&mut context.extensions);
        self.inner.handle_request(request, context).await
    }

    async fn handle_notification(
        &self,
        notification: rmcp::model::ClientNotification,
        mut context: rmcp::service::NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        (self.extend)(&mut context.extensions);
        self.inner.handle_notification(notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        self.inner.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }
}
