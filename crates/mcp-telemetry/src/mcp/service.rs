//! A wrapper that observes the requests of a rmcp [`Service`].

use std::borrow::Cow;

use rmcp::model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, Service};

use super::instance::Instance;
use super::known::OTHER;
use super::listen;
use super::notification::{Notice, observe_notification};
use super::observe::{Request, observe};
use super::operation::Operation;
use super::outcome::Seen;

/// Observes every request at the level where rmcp dispatches it, so also those that rmcp
/// refuses itself, with the error codes that go over the wire.
///
/// For stdio and other streams: `StreamableHttpService` takes handlers alone, use
/// [`TracedHandler`](crate::TracedHandler) there. Wrap once: one inside the other makes
/// two spans for a request.
///
/// ```
/// use mcp_telemetry::TracedService;
/// use rmcp::{ServerHandler, Service as _};
///
/// struct MyServer;
/// impl ServerHandler for MyServer {}
///
/// let service = TracedService::new(MyServer);
/// assert_eq!(service.get_info(), ServerHandler::get_info(&MyServer));
/// ```
#[derive(Clone, Debug)]
pub struct TracedService<S> {
    inner: S,
    instance: Instance,
}

impl<S: Service<RoleServer>> TracedService<S> {
    /// Wraps `inner`.
    pub fn new(inner: S) -> Self {
        crate::log::mcp_middleware_added();
        let instance = Instance::new(inner.get_info().server_info, Seen::OnWire);
        Self { inner, instance }
    }
}

impl<S: Service<RoleServer>> Service<RoleServer> for TracedService<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let instance = &self.instance;
        if matches!(request, ClientRequest::SubscriptionsListenRequest(_)) {
            let started = Request::start(instance, listen::operation(&context.id), &context);
            let handler = self.inner.handle_request(request, context);
            return listen::until_pending(started, handler).await;
        }
        let started = Request::start(instance, operation(&request), &context);
        let handler = self.inner.handle_request(request, context);
        observe(instance, started, handler).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let instance = &self.instance;
        let notice = notice(&notification);
        let observed = context.clone();
        let handler = self.inner.handle_notification(notification, context);
        observe_notification(instance, notice, &observed, handler).await
    }

    fn get_info(&self) -> ServerConfig {
        self.inner.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }
}

/// What a request is about.
pub(crate) fn operation(request: &ClientRequest) -> Operation<'_> {
    macro_rules! operations {
        ($($method:literal $variant:ident;)* without parameters: $($bare:literal $plain:ident;)*) => {
            match request {
                $(ClientRequest::$variant(request) => Operation::new($method, &request.params),)*
                $(ClientRequest::$plain(_) => Operation::new($bare, &()),)*
                // A custom method, or one of a later rmcp: the client chose its name.
                _ => Operation::new(OTHER, &()),
            }
        };
    }
    operations! {
        "initialize" InitializeRequest;
        "completion/complete" CompleteRequest;
        "logging/setLevel" SetLevelRequest;
        "prompts/get" GetPromptRequest;
        "prompts/list" ListPromptsRequest;
        "resources/list" ListResourcesRequest;
        "resources/templates/list" ListResourceTemplatesRequest;
        "resources/read" ReadResourceRequest;
        "resources/subscribe" SubscribeRequest;
        "resources/unsubscribe" UnsubscribeRequest;
        "resources/directory/read" ReadResourceDirectoryRequest;
        "tools/call" CallToolRequest;
        "tools/list" ListToolsRequest;
        "tasks/get" GetTaskRequest;
        "tasks/update" UpdateTaskRequest;
        "tasks/cancel" CancelTaskRequest;
        "skills/list" ListSkillsRequest;
        "skills/get" GetSkillRequest;
        without parameters:
        "ping" PingRequest;
        "server/discover" DiscoverRequest;
    }
}

/// What a notification says.
fn notice(notification: &ClientNotification) -> Notice {
    match notification {
        ClientNotification::InitializedNotification(_) => Notice::initialized(),
        ClientNotification::RootsListChangedNotification(_) => Notice::roots_list_changed(),
        ClientNotification::CancelledNotification(it) => Notice::cancelled(&it.params),
        ClientNotification::ProgressNotification(it) => Notice::progress(&it.params),
        // As for requests.
        _ => Notice::custom(),
    }
}
