//! MCP messages that are sent, as spans: what a client asks its server, and what a server asks
//! or tells its client. And what a client receives.
//!
//! Each message makes a CLIENT span below the current one and carries its trace context in
//! `params._meta`, so that the receiver's span becomes its child. [`PeerExt::traced`] stands
//! before a call of rmcp's [`Peer`]; everything after it is named and behaves as there.
//!
//! rmcp has no place where all outgoing messages pass with their sender's context, so messages
//! that it sends by itself have no span: the handshake of `serve`, `notifications/cancelled`
//! after a timeout or a dropped call, and what a subscription delivers.
//!
//! What a client receives are SERVER spans, as what a server receives: `TracedClientService`
//! wraps the client's service.

#[cfg(feature = "client")]
mod client;
mod failure;
mod notification;
#[cfg(feature = "client")]
mod received;
mod request;
mod role;
#[cfg(feature = "client")]
mod running;
mod sending;
mod server;

use opentelemetry::KeyValue;
use rmcp::service::{Peer, ServiceRole};

#[cfg(feature = "client")]
pub use self::received::TracedClientService;
pub use self::request::TracedRequest;
#[cfg(feature = "client")]
pub use self::running::TracedClient;
use crate::attributes as names;

/// Gives the tracing twin of what sends MCP messages.
///
/// Implemented for [`Peer`] in both roles, and, with the feature `client`, for the
/// `RunningService` of a client.
///
/// ```
/// use mcp_telemetry::PeerExt as _;
/// use rmcp::model::{CallToolRequestParams, CallToolResult};
/// use rmcp::service::{Peer, RoleClient, ServiceError};
///
/// async fn search(server: &Peer<RoleClient>) -> Result<CallToolResult, ServiceError> {
///     let call = CallToolRequestParams::new("search");
///     server.traced().call_tool(call).await
/// }
/// ```
pub trait PeerExt {
    /// The twin.
    type Traced<'a>
    where
        Self: 'a;

    /// The twin, for one call or to keep as long as this lives.
    fn traced(&self) -> Self::Traced<'_>;
}

impl<R: ServiceRole> PeerExt for Peer<R> {
    type Traced<'a> = TracedPeer<'a, R>;

    fn traced(&self) -> TracedPeer<'_, R> {
        TracedPeer {
            peer: self,
            transport: None,
        }
    }
}

/// A [`Peer`] whose messages are spans.
///
/// In the role of a client it has the requests and notifications of `Peer<RoleClient>`, in the
/// role of a server those of `Peer<RoleServer>`. A span is named by the method and the tool or
/// prompt; a resource's URI never stands in a name. Its `sentry.op` is `mcp.client`, or
/// `mcp.notification.client_to_server` and `mcp.notification.server_to_client`.
///
/// Every JSON-RPC error is an error of the span, with `rpc.response.status_code` and
/// `error.type`. A call that is dropped leaves the status unset and says
/// `mcp.request.outcome=cancelled`; one that rmcp could not send says `send_error`.
/// `mcp.client.operation.duration` is recorded whether or not there is a span.
///
/// A field of `_meta` that the caller has set is never replaced. If he names a span there, he
/// propagates the trace himself, and nothing is added.
///
/// ```
/// use mcp_telemetry::PeerExt as _;
/// use rmcp::model::{ElicitRequestParams, ElicitResult};
/// use rmcp::service::{Peer, RoleServer, ServiceError};
///
/// // Inside a tool: `client` is the `peer` of its `RequestContext`.
/// async fn ask(
///     client: &Peer<RoleServer>,
///     question: ElicitRequestParams,
/// ) -> Result<ElicitResult, ServiceError> {
///     client.traced().create_elicitation(question).await
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TracedPeer<'a, R: ServiceRole> {
    peer: &'a Peer<R>,
    transport: Option<McpTransport>,
}

impl<'a, R: ServiceRole> TracedPeer<'a, R> {
    /// What it sends with, to send without a span.
    #[must_use]
    pub fn peer(&self) -> &'a Peer<R> {
        self.peer
    }

    /// Says over which transport the peer is reached: rmcp does not tell.
    ///
    /// Sets `mcp.transport` and `network.transport`. Without it a server's messages have those
    /// of the request that they belong to, and a client's have none.
    ///
    /// ```
    /// use mcp_telemetry::{McpTransport, PeerExt as _};
    /// use rmcp::service::{Peer, RoleClient, ServiceError};
    ///
    /// async fn tools(server: &Peer<RoleClient>) -> Result<usize, ServiceError> {
    ///     let server = server.traced().with_transport(McpTransport::Stdio);
    ///     Ok(server.list_tools(None).await?.tools.len())
    /// }
    /// ```
    #[must_use]
    pub fn with_transport(mut self, transport: McpTransport) -> Self {
        self.transport = Some(transport);
        self
    }
}

/// A transport of MCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum McpTransport {
    /// Streamable HTTP: `mcp.transport=http`, `network.transport=tcp`.
    Http,
    /// Standard input and output: `mcp.transport=stdio`, `network.transport=pipe`.
    Stdio,
}

impl McpTransport {
    /// The transport of a message that came with the head of this HTTP request, or with none.
    pub(crate) fn of(http: Option<&http::request::Parts>) -> Self {
        match http {
            Some(_) => Self::Http,
            None => Self::Stdio,
        }
    }

    /// What spans say, and every span below a message's: both, since Sentry fills a missing
    /// `network.transport` from `mcp.transport`.
    pub(crate) fn inherited(self) -> [KeyValue; 2] {
        let (name, network) = match self {
            Self::Http => ("http", "tcp"),
            Self::Stdio => ("stdio", "pipe"),
        };
        [
            KeyValue::new(names::MCP_TRANSPORT, name),
            KeyValue::new(names::NETWORK_TRANSPORT, network),
        ]
    }

    /// What spans and metrics say of the protocol below MCP, where there is one.
    pub(crate) fn protocol(self) -> Option<KeyValue> {
        (self == Self::Http).then(|| KeyValue::new(names::NETWORK_PROTOCOL_NAME, "http"))
    }

    /// What spans say.
    fn facts(self) -> impl Iterator<Item = KeyValue> {
        self.inherited().into_iter().chain(self.protocol())
    }

    /// What metrics say.
    pub(crate) fn labels(self) -> impl Iterator<Item = KeyValue> {
        let [_, network] = self.inherited();
        std::iter::once(network).chain(self.protocol())
    }
}
