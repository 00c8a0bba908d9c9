//! A server that says what it is told to say, in every way in which a server can.

use std::sync::Arc;

use mcp_telemetry::sentry::{self, User};
use mcp_telemetry::{McpErrorContext, PeerExt as _, capture_mcp_error};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelledNotificationParam,
    CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock,
    CreateMessageRequestParams, ElicitRequestParams, ElicitationSchema, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, Implementation, ListResourcesResult, ListToolsResult,
    LoggingLevel, LoggingMessageNotificationParam, NumberOrString, PaginatedRequestParams,
    ProgressNotificationParam, ProgressToken, PromptMessage, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents,
    ResourceUpdatedNotificationParam, Role, SamplingMessage, ServerCapabilities, ServerConfig,
    SetLevelRequestParams, SubscribeRequestParams, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{Peer, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;

use crate::world::{Said, percent};

#[derive(Clone, Debug)]
pub(crate) struct Parrot(Said);

impl Parrot {
    pub(crate) fn new(said: Said) -> Self {
        Self(said)
    }

    /// Tells the client.
    async fn tell(&self, what: &str, client: &Peer<RoleServer>) {
        let (client, said) = (client.traced(), self.0.text());
        let told = match what {
            "tells progress" => {
                let token = ProgressToken(NumberOrString::String(said.clone().into()));
                let mut progress = ProgressNotificationParam::new(token, 1.0);
                progress.message = Some(said);
                client.notify_progress(progress).await
            }
            "tells logs" => {
                let data = json!({ "note": said });
                let log = LoggingMessageNotificationParam::new(LoggingLevel::Warning, data);
                client.notify_logging_message(log.with_logger(said)).await
            }
            "tells updates" => {
                let uri = format!("parrot://{}", percent(&said));
                let updated = ResourceUpdatedNotificationParam::new(uri);
                client.notify_resource_updated(updated).await
            }
            _ => {
                let cancelled = CancelledNotificationParam::new(None, Some(said));
                client.notify_cancelled(cancelled).await
            }
        };
        told.unwrap();
    }

    /// Asks the client.
    async fn ask(&self, what: &str, client: &Peer<RoleServer>) {
        let (client, said) = (client.traced(), self.0.text());
        // What the client answers may be an error: it is a place too.
        match what {
            "asks a user" => {
                let schema = ElicitationSchema::builder().build_unchecked();
                let question = ElicitRequestParams::FormElicitationParams {
                    meta: None,
                    message: said,
                    requested_schema: schema,
                };
                drop(client.create_elicitation(question).await);
            }
            "asks a model" => {
                let mut question =
                    CreateMessageRequestParams::new(vec![SamplingMessage::user_text(&*said)], 16);
                question.system_prompt = Some(said);
                drop(client.create_message(question).await);
            }
            _ => drop(client.list_roots().await),
        }
    }
}

impl ServerHandler for Parrot {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .enable_logging()
            .build();
        let server = Implementation::new("parrot", "1");
        ServerConfig::new(capabilities).with_server_info(server)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let said = self.0.text();
        let text = |text: &str| vec![ContentBlock::text(text)];
        let done = || CallToolResult::success(text("done")).into();
        match &*request.name {
            "does" => Ok(done()),
            "says" => Ok(CallToolResult::success(text(&said)).into()),
            "says in a structure" => {
                let result = json!({ "note": said, "list": [said] });
                Ok(CallToolResult::structured(result).into())
            }
            "fails" => Ok(CallToolResult::error(text(&said)).into()),
            "breaks" => Err(ErrorData::internal_error(said, None)),
            "breaks with data" => {
                let data = json!({ "note": said, "list": [said] });
                Err(ErrorData::internal_error("the disk is full", Some(data)))
            }
            "refuses" => Err(ErrorData::invalid_params(said, None)),
            "panics" => panic!("{said}"),
            "logs and breaks" => {
                tracing::warn!("{said}");
                Err(ErrorData::internal_error("the disk is full", None))
            }
            "captures and breaks" => {
                let error = std::io::Error::other(said);
                capture_mcp_error(&error, McpErrorContext::new());
                Err(ErrorData::internal_error(error.to_string(), None))
            }
            "has a user" => {
                let user = User {
                    id: Some(said),
                    ..User::default()
                };
                sentry::configure_scope(|scope| scope.set_user(Some(user)));
                Ok(done())
            }
            what if what.starts_with("tells") => {
                self.tell(what, &context.peer).await;
                Ok(done())
            }
            what if what.starts_with("asks") => {
                self.ask(what, &context.peer).await;
                Ok(done())
            }
            _ => Err(ErrorData::invalid_params("tool not found", None)),
        }
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let said = self.0.text();
        let tool = Tool::new(said.clone(), said.clone(), Arc::default());
        let mut tools = ListToolsResult::with_all_items(vec![tool]);
        tools.next_cursor = Some(said);
        Ok(tools)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let said = self.0.text();
        match request.name.as_str() {
            "says" => {
                let message = PromptMessage::new_text(Role::User, said);
                Ok(GetPromptResult::new(vec![message]).into())
            }
            "describes" => {
                let prompt = GetPromptResult::new(Vec::new());
                Ok(prompt.with_description(said).into())
            }
            "takes" => Ok(GetPromptResult::new(Vec::new()).into()),
            "breaks" => Err(ErrorData::internal_error(said, None)),
            _ => Err(ErrorData::invalid_params("prompt not found", None)),
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let said = self.0.text();
        let resource = Resource::new(format!("parrot://{}", percent(&said)), said);
        Ok(ListResourcesResult::with_all_items(vec![resource]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let said = self.0.text();
        match request.uri.as_str() {
            "parrot://breaks" => Err(ErrorData::internal_error(said, None)),
            "parrot://nothing" => Err(ErrorData::resource_not_found(said, None)),
            "parrot://says" => {
                let contents = ResourceContents::text(said, request.uri);
                Ok(ReadResourceResult::new(vec![contents]).into())
            }
            _ => {
                let contents = ResourceContents::text("done", request.uri);
                Ok(ReadResourceResult::new(vec![contents]).into())
            }
        }
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let values = CompletionInfo::new(vec![self.0.text()]);
        Ok(CompleteResult::new(values.unwrap()))
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
}
