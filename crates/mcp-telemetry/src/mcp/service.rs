//! A wrapper that observes the requests of a rmcp [`Service`].

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, Service};

use super::facts::Operation;
use super::observe::{Request, Server, observe};
use crate::call::CallKind;

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
    server: Arc<Server>,
}

impl<S: Service<RoleServer>> TracedService<S> {
    /// Wraps `inner`.
    pub fn new(inner: S) -> Self {
        crate::log::mcp_middleware_added();
        let info = inner.get_info().server_info;
        let server = Arc::new(Server {
            info,
            ..Server::default()
        });
        Self { inner, server }
    }
}

impl<S: Service<RoleServer>> Service<RoleServer> for TracedService<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let span = match operation(&request) {
            Some(operation) => Request::start(&self.server, &operation, &context),
            None => None,
        };
        observe(span, self.inner.handle_request(request, context)).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.inner.handle_notification(notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        self.inner.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }
}

/// What a request is about; `None` for one that lasts as long as its subscription.
fn operation(request: &ClientRequest) -> Option<Operation<'_>> {
    Some(match request {
        ClientRequest::CallToolRequest(call) => {
            Operation::on("tools/call", CallKind::Tool, &call.params.name)
                .with_arguments(call.params.arguments.as_ref())
        }
        ClientRequest::GetPromptRequest(get) => {
            Operation::on("prompts/get", CallKind::Prompt, &get.params.name)
        }
        ClientRequest::ReadResourceRequest(read) => {
            Operation::on("resources/read", CallKind::Resource, &read.params.uri)
        }
        ClientRequest::SubscriptionsListenRequest(_) => return None,
        ClientRequest::PingRequest(_) => Operation::plain("ping"),
        ClientRequest::InitializeRequest(_) => Operation::plain("initialize"),
        ClientRequest::DiscoverRequest(_) => Operation::plain("server/discover"),
        ClientRequest::CompleteRequest(_) => Operation::plain("completion/complete"),
        ClientRequest::SetLevelRequest(_) => Operation::plain("logging/setLevel"),
        ClientRequest::ListPromptsRequest(_) => Operation::plain("prompts/list"),
        ClientRequest::ListResourcesRequest(_) => Operation::plain("resources/list"),
        ClientRequest::ListResourceTemplatesRequest(_) => {
            Operation::plain("resources/templates/list")
        }
        ClientRequest::SubscribeRequest(_) => Operation::plain("resources/subscribe"),
        ClientRequest::UnsubscribeRequest(_) => Operation::plain("resources/unsubscribe"),
        ClientRequest::ListToolsRequest(_) => Operation::plain("tools/list"),
        ClientRequest::GetTaskRequest(_) => Operation::plain("tasks/get"),
        ClientRequest::UpdateTaskRequest(_) => Operation::plain("tasks/update"),
        ClientRequest::CancelTaskRequest(_) => Operation::plain("tasks/cancel"),
        ClientRequest::ListSkillsRequest(_) => Operation::plain("skills/list"),
        ClientRequest::GetSkillRequest(_) => Operation::plain("skills/get"),
        ClientRequest::ReadResourceDirectoryRequest(_) => {
            Operation::plain("resources/directory/read")
        }
        // A custom method, or one of a later rmcp: not named, since the client chose it.
        _ => Operation::plain("_OTHER"),
    })
}
