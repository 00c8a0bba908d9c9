//! A server that has every method of the protocol, on every transport.

#![expect(deprecated, reason = "what rmcp deprecates must be traced too")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http;
use mcp_telemetry::TracedHandler;
use mcp_telemetry::http::HttpLayer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
    ContentBlock, CustomRequest, CustomResult, DetailedTask, ElicitRequest, ElicitRequestParams,
    ElicitationSchema, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    GetSkillRequestParams, GetSkillResult, GetTaskParams, GetTaskResult, Implementation,
    InputRequest, InputRequiredResult, ListPromptsResult, ListResourcesResult, ListSkillsResult,
    ListToolsResult, PaginatedRequestParams, Prompt, PromptMessage,
    ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, Role, ServerCapabilities,
    ServerConfig, SetLevelRequestParams, Skill, SkillFrontmatter, SkillResources,
    SubscribeRequestParams, SubscriptionFilter, Task, TaskPayload, TaskStatus, Tool,
    UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;
use tokio::net::TcpListener;

/// The server. Its tools are named by what becomes of a call.
#[derive(Clone, Debug, Default)]
pub struct Everything;

/// The server behind the project's HTTP layer, ready to serve.
#[derive(Clone, Debug)]
pub struct Service(Router);

/// The server for streamable HTTP, with sessions for the versions that have them or without.
#[must_use]
pub fn service(sessions: bool) -> Service {
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = sessions;
    let handler = TracedHandler::new(Everything);
    let mcp = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let layer = HttpLayer::new().with_client_address(|head: &http::request::Parts| {
        let info = head.extensions.get::<ConnectInfo<SocketAddr>>();
        info.map(|info| info.0)
    });
    Service(Router::new().nest_service("/mcp", mcp).layer(layer))
}

impl Service {
    /// Serves on a free port until the runtime ends.
    ///
    /// # Errors
    ///
    /// Where no port can be had.
    pub async fn serve(self) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let service = self.0.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Ok(address)
    }
}

/// The input that the server asks for.
fn question() -> InputRequiredResult {
    let schema = ElicitationSchema::builder().build_unchecked();
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "which index?".to_owned(),
        requested_schema: schema,
    };
    let request = InputRequest::Elicitation(ElicitRequest::new(params));
    InputRequiredResult::from_input_requests([("index".to_owned(), request)].into())
}

impl ServerHandler for Everything {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .enable_logging()
            .enable_tasks()
            .enable_skills_with_directory_read()
            .build();
        let server = Implementation::new("everything", "3.2.1").with_title("Everything");
        ServerConfig::new(capabilities).with_server_info(server)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        ["echo", "fails", "broken", "asks"]
            .contains(&name)
            .then(|| Tool::new(name.to_owned(), "", Arc::default()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = |text: &str| vec![ContentBlock::text(text)];
        match &*request.name {
            "echo" => Ok(CallToolResult::success(text("hello")).into()),
            "fails" => Ok(CallToolResult::error(text("no such index")).into()),
            "asks" => Ok(question().into()),
            "broken" => Err(ErrorData::internal_error("the disk is full", None)),
            _ => Err(ErrorData::invalid_params("tool not found", None)),
        }
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = Tool::new("echo", "", Arc::default());
        let mut tools = ListToolsResult::with_all_items(vec![tool]);
        if page.is_none_or(|page| page.cursor.is_none()) {
            tools.next_cursor = Some("2".to_owned());
        }
        Ok(tools.with_ttl_ms(60_000))
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
                let prompt = GetPromptResult::new(vec![message]);
                Ok(prompt.with_description("Finds what is wrong.").into())
            }
            "asks" => Ok(question().into()),
            _ => Err(ErrorData::invalid_params("prompt not found", None)),
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources = ["a", "b"].map(|it| Resource::new(format!("splunk://{it}"), it));
        Ok(ListResourcesResult::with_all_items(resources.into()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match request.uri.as_str() {
            "splunk://indexes" => {
                let contents = ResourceContents::text("main", request.uri);
                Ok(ReadResourceResult::new(vec![contents]).into())
            }
            "splunk://asks" => Ok(question().into()),
            _ => Err(ErrorData::resource_not_found("no such resource", None)),
        }
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Ok(CompleteResult::default())
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

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let now = "2026-07-28T00:00:00Z";
        let task = Task::new(request.task_id, TaskStatus::Working, now, now);
        let task = DetailedTask::new(task, TaskPayload::Working);
        Ok(GetTaskResult::new(task))
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
