//! A wrapper that observes the requests of a [`ServerHandler`].

#![expect(
    deprecated,
    reason = "methods that rmcp deprecates must be delegated too"
)]

use std::borrow::Cow;

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

use super::instance::Instance;
use super::known::OTHER;
use super::listen;
use super::notification::{Notice, observe_notification};
use super::observe::{Request, observe};
use super::operation::{Operation, Params};
use super::outcome::Seen;

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
    instance: Instance,
}

impl<H: ServerHandler> TracedHandler<H> {
    /// Wraps `inner`.
    pub fn new(inner: H) -> Self {
        crate::log::mcp_middleware_added();
        let instance = Instance::new(inner.get_info().server_info, Seen::AtHandler);
        Self { inner, instance }
    }

    /// The handler inside.
    pub fn inner(&self) -> &H {
        &self.inner
    }

    fn start(
        &self,
        method: &'static str,
        params: &impl Params,
        context: &RequestContext<RoleServer>,
    ) -> Request {
        Request::start(&self.instance, Operation::new(method, params), context)
    }
}

/// Delegates requests.
macro_rules! requests {
    ($($method:tt $name:ident($($request:ident: $params:ty)?) -> $result:ty;)*) => {
        $(async fn $name(
            &self,
            $($request: $params,)?
            context: RequestContext<RoleServer>,
        ) -> Result<$result, ErrorData> {
            let started = self.start($method, requests!(@params $($request)?), &context);
            let handler = self.inner.$name($($request,)? context);
            observe(&self.instance, started, handler).await
        })*
    };
    (@params) => { &() };
    (@params $request:ident) => { &$request };
}

/// Delegates notifications.
macro_rules! notifications {
    ($($notice:ident $name:ident($($params:ident: $type:ty)?);)*) => {
        $(async fn $name(&self, $($params: $type,)? context: NotificationContext<RoleServer>) {
            let notice = Notice::$notice($(&$params)?);
            let observed = context.clone();
            let handler = self.inner.$name($($params,)? context);
            observe_notification(&self.instance, notice, &observed, handler).await;
        })*
    };
}

impl<H: ServerHandler> ServerHandler for TracedHandler<H> {
    requests! {
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
        "prompts/get" get_prompt(request: GetPromptRequestParams) -> GetPromptResponse;
        "resources/read" read_resource(request: ReadResourceRequestParams)
            -> ReadResourceResponse;
        // A custom method is the client's text: it is not named.
        OTHER on_custom_request(request: CustomRequest) -> CustomResult;
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.inner.get_tool(&request.name).is_some() {
            self.instance.own.tools.insert(&request.name);
        }
        let started = self.start("tools/call", &request, &context);
        observe(
            &self.instance,
            started,
            self.inner.call_tool(request, context),
        )
        .await
    }

    notifications! {
        cancelled on_cancelled(notification: CancelledNotificationParam);
        progress on_progress(notification: ProgressNotificationParam);
        initialized on_initialized();
        roots_list_changed on_roots_list_changed();
    }

    async fn on_custom_notification(
        &self,
        notification: CustomNotification,
        context: NotificationContext<RoleServer>,
    ) {
        let observed = context.clone();
        let handler = self.inner.on_custom_notification(notification, context);
        observe_notification(&self.instance, Notice::custom(), &observed, handler).await;
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let request = context.request_context();
        let operation = listen::operation(&request.id);
        let started = Request::start(&self.instance, operation, request);
        listen::acknowledged(started, self.inner.listen(context)).await
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
