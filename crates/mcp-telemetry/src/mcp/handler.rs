//! A wrapper that observes the requests of a [`ServerHandler`].

#![expect(
    deprecated,
    reason = "methods that rmcp deprecates must be delegated too"
)]

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam,
    CompleteRequestParams, CompleteResult, CustomNotification, CustomRequest, CustomResult,
    DiscoverResult, GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams,
    GetSkillResult, GetTaskParams, GetTaskResult, InitializeRequestParams, InitializeResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion,
    ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult, ReadResourceRequestParams,
    ReadResourceResponse, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::facts::Operation;
use super::observe::{Request, Server, observe};
use crate::call::CallKind;

/// Observes every request that a handler serves. Works with every transport of rmcp.
///
/// Requests that rmcp answers itself, before a handler sees them, are not observed;
/// [`TracedService`](crate::TracedService) sees those too, but cannot be served over HTTP.
///
/// ```
/// use mcp_telemetry::TracedHandler;
/// use rmcp::ServerHandler;
///
/// struct MyServer;
/// impl ServerHandler for MyServer {}
///
/// let service = TracedHandler::new(MyServer);
/// assert_eq!(service.get_info(), MyServer.get_info());
/// ```
#[derive(Clone, Debug)]
pub struct TracedHandler<H> {
    inner: H,
    server: Arc<Server>,
}

impl<H: ServerHandler> TracedHandler<H> {
    /// Wraps `inner`.
    pub fn new(inner: H) -> Self {
        crate::log::mcp_middleware_added();
        let info = inner.get_info().server_info;
        let server = Arc::new(Server {
            info,
            ..Server::default()
        });
        Self { inner, server }
    }

    /// The handler inside.
    pub fn inner(&self) -> &H {
        &self.inner
    }

    fn start(
        &self,
        operation: &Operation<'_>,
        context: &RequestContext<RoleServer>,
    ) -> Option<Request> {
        Request::start(&self.server, operation, context)
    }
}

/// Delegates requests whose span says no more than their method.
macro_rules! plain_requests {
    ($($method:literal $name:ident($($request:ident: $params:ty)?) -> $result:ty;)*) => {
        $(async fn $name(
            &self,
            $($request: $params,)?
            context: RequestContext<RoleServer>,
        ) -> Result<$result, ErrorData> {
            let span = self.start(&Operation::plain($method), &context);
            observe(span, self.inner.$name($($request,)? context)).await
        })*
    };
}

/// Delegates notifications, which have no span yet.
macro_rules! notifications {
    ($($name:ident($($params:ident: $type:ty)?);)*) => {
        $(async fn $name(&self, $($params: $type,)? context: NotificationContext<RoleServer>) {
            self.inner.$name($($params,)? context).await;
        })*
    };
}

impl<H: ServerHandler> ServerHandler for TracedHandler<H> {
    plain_requests! {
        "ping" ping() -> ();
        "initialize" initialize(request: InitializeRequestParams) -> InitializeResult;
        "server/discover" discover() -> DiscoverResult;
        "completion/complete" complete(request: CompleteRequestParams) -> CompleteResult;
        "logging/setLevel" set_level(request: SetLevelRequestParams) -> ();
        "prompts/list" list_prompts(request: Option<PaginatedRequestParams>) -> ListPromptsResult;
        "resources/list" list_resources(request: Option<PaginatedRequestParams>)
            -> ListResourcesResult;
        "resources/templates/list" list_resource_templates(request: Option<PaginatedRequestParams>)
            -> ListResourceTemplatesResult;
        "resources/subscribe" subscribe(request: SubscribeRequestParams) -> ();
        "resources/unsubscribe" unsubscribe(request: UnsubscribeRequestParams) -> ();
        "tools/list" list_tools(request: Option<PaginatedRequestParams>) -> ListToolsResult;
        "tasks/get" get_task(request: GetTaskParams) -> GetTaskResult;
        "tasks/update" update_task(request: UpdateTaskParams) -> ();
        "tasks/cancel" cancel_task(request: CancelTaskParams) -> ();
        "skills/list" list_skills(request: Option<PaginatedRequestParams>) -> ListSkillsResult;
        "skills/get" get_skill(request: GetSkillRequestParams) -> GetSkillResult;
        "resources/directory/read" read_resource_directory(
            request: ReadResourceDirectoryRequestParams
        ) -> ReadResourceDirectoryResult;
        // A custom method is the client's text: it is not named.
        "_OTHER" on_custom_request(request: CustomRequest) -> CustomResult;
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.inner.get_tool(&request.name).is_some() {
            self.server.tools.insert(&request.name);
        }
        let operation = Operation::on("tools/call", CallKind::Tool, &request.name)
            .with_arguments(request.arguments.as_ref());
        let span = self.start(&operation, &context);
        observe(span, self.inner.call_tool(request, context)).await
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let operation = Operation::on("prompts/get", CallKind::Prompt, &request.name);
        let span = self.start(&operation, &context);
        observe(span, self.inner.get_prompt(request, context)).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let operation = Operation::on("resources/read", CallKind::Resource, &request.uri);
        let span = self.start(&operation, &context);
        observe(span, self.inner.read_resource(request, context)).await
    }

    notifications! {
        on_cancelled(notification: CancelledNotificationParam);
        on_progress(notification: ProgressNotificationParam);
        on_initialized();
        on_roots_list_changed();
        on_custom_notification(notification: CustomNotification);
    }

    // It lasts as long as the subscription, which no transaction may.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.inner.listen(context).await
    }

    fn negotiate_initialize(
        &self,
        request: &InitializeRequestParams,
    ) -> Result<InitializeResult, ErrorData> {
        self.inner.negotiate_initialize(request)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        self.inner.accepted_subscription_filter(requested)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.inner.get_tool(name)
    }

    fn get_info(&self) -> ServerConfig {
        self.inner.get_info()
    }
}
