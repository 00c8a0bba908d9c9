//! Sessions whose tools can close the event stream that they answer on (SEP-1699).

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::poll_fn;
use rmcp::model::{
    CallToolResult, ClientJsonRpcMessage, ContentBlock, GetExtensions as _, JsonRpcMessage,
    ServerJsonRpcMessage,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionHandle, LocalSessionManager, LocalSessionManagerError, SessionTransport,
};
use rmcp::transport::streamable_http_server::session::{EventStore, ServerSseMessage};
use rmcp::transport::streamable_http_server::{RestoreOutcome, SessionId, SessionManager};
use rmcp::{ErrorData, RoleServer, tool, tool_router};

use crate::server::ConformanceServer;

/// How long clients are told to wait before they come back.
const RETRY: Duration = Duration::from_millis(500);

/// How long the tool works on after its stream is closed.
const WORK: Duration = Duration::from_millis(100);

#[tool_router(router = stream_tools, vis = "pub(crate)")]
impl ConformanceServer {
    /// Closes its event stream while it works: the client gets the answer when it comes back.
    #[tool]
    async fn test_reconnection(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        // Without a session there is no stream to come back to.
        if let Some(stream) = context.extensions.get::<AnswerStream>() {
            stream.close().await?;
        }
        tokio::time::sleep(WORK).await;
        let text = "The stream was closed and taken up again.";
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
    }
}

/// The event stream that a request is answered on, as an extension of the request.
#[derive(Clone)]
struct AnswerStream {
    session: LocalSessionHandle,
    /// rmcp's number of the HTTP request.
    number: u64,
}

impl AnswerStream {
    async fn close(&self) -> Result<(), ErrorData> {
        let closed = self.session.close_sse_stream(self.number, Some(RETRY));
        let closed = closed.await;
        closed.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }
}

/// rmcp's own sessions; requests carry their [`AnswerStream`] as well.
#[derive(Debug, Default)]
pub(crate) struct Sessions(LocalSessionManager);

type Managed<T> = Result<T, LocalSessionManagerError>;

impl Sessions {
    async fn session(&self, id: &SessionId) -> Managed<LocalSessionHandle> {
        let session = self.0.sessions.read().await.get(id).cloned();
        session.ok_or_else(|| LocalSessionManagerError::SessionNotFound(id.clone()))
    }
}

impl SessionManager for Sessions {
    type Error = LocalSessionManagerError;
    type Transport = SessionTransport;

    async fn create_stream(
        &self,
        id: &SessionId,
        mut message: ClientJsonRpcMessage,
    ) -> Managed<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        let session = self.session(id).await?;
        let mut receiver = session.establish_request_wise_channel().await?;
        let number = receiver.http_request_id;
        if let (JsonRpcMessage::Request(request), Some(number)) = (&mut message, number) {
            let session = session.clone();
            let stream = AnswerStream { session, number };
            request.request.extensions_mut().insert(stream);
        }
        session.push_message(message, number).await?;
        Ok(poll_fn(move |context| receiver.inner.poll_recv(context)))
    }

    async fn create_session(&self) -> Managed<(SessionId, Self::Transport)> {
        self.0.create_session().await
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Managed<ServerJsonRpcMessage> {
        self.0.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Managed<bool> {
        self.0.has_session(id).await
    }

    async fn close_session(&self, id: &SessionId) -> Managed<()> {
        self.0.close_session(id).await
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Managed<()> {
        self.0.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Managed<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        self.0.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Managed<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static> {
        self.0.resume(id, last_event_id).await
    }

    async fn restore_session(&self, id: SessionId) -> Managed<RestoreOutcome<Self::Transport>> {
        self.0.restore_session(id).await
    }

    fn event_store(&self) -> Option<Arc<dyn EventStore>> {
        self.0.event_store()
    }
}
