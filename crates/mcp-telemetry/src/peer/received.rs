//! What a client receives from its server.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use rmcp::model::{
    ClientConfig, ClientResult, ProtocolVersion, ServerNotification, ServerPeerInfo, ServerRequest,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, NotificationContext, RequestContext,
    RunningService, serve_client_with_ct, serve_client_with_lifecycle,
};
use rmcp::transport::IntoTransport;
use rmcp::{ErrorData, RoleClient, RoleServer, Service};
use tokio_util::sync::CancellationToken;

use super::McpTransport;
use super::role::{Notice, Role as _, server_method};
use crate::attributes as names;
use crate::mcp::{
    Facts, Instance, Labels, Notified, OTHER, Parent, Peers, Request, id, is_stateless,
    notification_meta, observe,
};

/// Observes every request and notification that a client's service receives: the client's
/// twin of [`TracedService`](crate::TracedService). It wraps any `ClientHandler`.
///
/// Spans are those of a server: kind SERVER, op `mcp.server` or
/// `mcp.notification.server_to_client`, below the trace context in the message's `_meta`,
/// with the same rules for errors, gates and switches. `mcp.server.operation.duration` counts
/// them.
///
/// Since 2026-07-28 servers send no requests: what they want to know stands in a result, and
/// rmcp asks the service from within the call. Such a question has a span of the same kind
/// below the call's own, and no JSON-RPC id.
///
/// # Sessions
///
/// `mcp.client.session.duration` is the time from the begin of the handshake, when rmcp first
/// asks for [`get_info`](Service::get_info), until rmcp drops the service, which its
/// `RunningService` holds too. Versions from 2026-07-28 on have no sessions. rmcp does not tell a
/// service that its handshake has succeeded: [`serve`](Self::serve) and its siblings do, and so
/// does every message of the server's. A session of which nobody tells is not measured: begun
/// by rmcp's functions instead, with a server that never sends anything.
///
/// ```
/// use mcp_telemetry::{PeerExt as _, TracedClientService};
/// use rmcp::model::CallToolRequestParams;
///
/// async fn search(
///     transport: tokio::io::DuplexStream,
/// ) -> Result<(), Box<dyn std::error::Error>> {
///     // `()` is a client that answers nothing but pings.
///     let client = TracedClientService::new(()).serve(transport).await?;
///     client.traced().call_tool(CallToolRequestParams::new("search")).await?;
///     client.cancel().await?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TracedClientService<S> {
    inner: S,
    instance: Instance,
    transport: Option<McpTransport>,
}

impl<S: Service<RoleClient>> TracedClientService<S> {
    /// Wraps `inner`.
    pub fn new(inner: S) -> Self {
        crate::log::mcp_middleware_added();
        let instance = Instance::of_client(inner.get_info().client_info);
        Self {
            inner,
            instance,
            transport: None,
        }
    }

    /// Says over which transport the server is reached: rmcp does not tell.
    ///
    /// Sets `mcp.transport` and `network.transport`. Without it the spans have none.
    #[must_use]
    pub fn with_transport(mut self, transport: McpTransport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The service inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Serves over `transport`, as rmcp's `ServiceExt::serve` does, and measures the session.
    ///
    /// # Errors
    ///
    /// Those of rmcp's.
    pub async fn serve<T, E, A>(
        self,
        transport: T,
    ) -> Result<RunningService<RoleClient, Self>, ClientInitializeError>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.serve_with_ct(transport, CancellationToken::new())
            .await
    }

    /// As [`serve`](Self::serve), until `ct` is cancelled.
    ///
    /// # Errors
    ///
    /// Those of rmcp's `ServiceExt::serve_with_ct`.
    pub async fn serve_with_ct<T, E, A>(
        self,
        transport: T,
        ct: CancellationToken,
    ) -> Result<RunningService<RoleClient, Self>, ClientInitializeError>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        serve_client_with_ct(self, transport, ct)
            .await
            .map(established)
    }

    /// As [`serve`](Self::serve), with this handshake.
    ///
    /// # Errors
    ///
    /// Those of rmcp's `ClientServiceExt::serve_with_lifecycle`.
    pub async fn serve_with_lifecycle<T, E, A>(
        self,
        transport: T,
        lifecycle: ClientLifecycleMode,
    ) -> Result<RunningService<RoleClient, Self>, ClientInitializeError>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        serve_client_with_lifecycle(self, transport, lifecycle)
            .await
            .map(established)
    }
}

/// A client that runs has gone through its handshake.
fn established<S: Service<RoleClient>>(
    running: RunningService<RoleClient, TracedClientService<S>>,
) -> RunningService<RoleClient, TracedClientService<S>> {
    let service = running.service();
    service.meet(running.peer().peer_info().as_deref());
    running
}

impl<S> TracedClientService<S> {
    /// Takes note of a server that has answered the handshake.
    fn meet(&self, server: Option<&ServerPeerInfo>) {
        let version = server.map(|it| &it.protocol_version);
        if version.is_some() && !is_stateless(version) {
            let session = &self.instance.session;
            session.establish(|| self.labels("initialize", version));
        }
    }

    fn labels(&self, method: &'static str, version: Option<&ProtocolVersion>) -> Labels {
        Labels::of_client(method, version, self.transport)
    }

    /// What is known about a message before it says anything itself.
    fn facts(
        &self,
        method: &'static str,
        request: Option<&rmcp::model::RequestId>,
        server: Option<&ServerPeerInfo>,
    ) -> Facts {
        let peers = Peers {
            version: server.map(|it| Cow::Borrowed(&it.protocol_version)),
            client: Some(Cow::Borrowed(&self.instance.own.info)),
            server: server.and_then(|it| it.server_info.as_ref()),
        };
        Facts::of_client(method, request, &peers, self.transport)
    }

    fn request(&self, request: &ServerRequest, context: &RequestContext<RoleClient>) -> Request {
        let server = context.peer.peer_info();
        let server = server.as_deref();
        self.meet(server);
        let method = server_method(request);
        let version = server.map(|it| &it.protocol_version);
        let stateless = is_stateless(version);
        let labels = self.labels(method, version);
        let begin = || {
            // What stands in a result has a key there, and no id.
            let in_result = stateless && stands_in_results(request);
            let id = Some(&context.id).filter(|_| !in_result);
            let parent = match in_result {
                true => Parent::within(&context.meta),
                false => Parent::of(&context.meta, &context.extensions),
            };
            (self.facts(method, id, server), parent)
        };
        Request::received(&self.instance, labels, stateless, None, &context.ct, begin)
    }

    fn notification(
        &self,
        notification: &ServerNotification,
        context: &NotificationContext<RoleClient>,
    ) -> Notified {
        let server = context.peer.peer_info();
        let server = server.as_deref();
        self.meet(server);
        let notice = match notification {
            // A custom method is the server's text: it is not named.
            ServerNotification::CustomNotification(_) => Notice::plain(OTHER),
            known => RoleServer::notice(known),
        };
        let version = server.map(|it| &it.protocol_version);
        let labels = self.labels(notice.method, version);
        Notified::start(RoleServer::NOTIFICATION_OP, labels, || {
            let mut facts = self.facts(notice.method, None, server);
            facts.own.extend(notice.facts);
            let meta = notification_meta(context);
            if let Some(subscription) = meta.subscription_id() {
                let subscription = id(&subscription);
                let subscription = KeyValue::new(names::MCP_SUBSCRIPTION_ID, subscription);
                facts.own.push(subscription);
            }
            (facts, Parent::of(meta, &context.extensions))
        })
    }
}

/// Whether servers since 2026-07-28 ask this in a result instead of sending it.
fn stands_in_results(request: &ServerRequest) -> bool {
    matches!(
        request,
        ServerRequest::CreateMessageRequest(_)
            | ServerRequest::ElicitRequest(_)
            | ServerRequest::ListRootsRequest(_)
    )
}

impl<S: Service<RoleClient>> Service<RoleClient> for TracedClientService<S> {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        let started = self.request(&request, &context);
        let handler = self.inner.handle_request(request, context);
        observe(&self.instance, started, handler).await
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        let notified = self.notification(&notification, &context);
        let handler = self.inner.handle_notification(notification, context);
        notified.observe(handler).await
    }

    fn get_info(&self) -> ClientConfig {
        self.instance.session.open();
        self.inner.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }
}
