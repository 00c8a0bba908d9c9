//! What a span says about an MCP message before it is handled.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};
use otel_pipeline::ContextAttributes;
use rmcp::RoleServer;
use rmcp::model::{
    Extensions, Implementation, InitializeRequestParams, ProtocolVersion, RequestId,
};
use rmcp::service::{NotificationContext, RequestContext};

use super::operation::{Operation, client_capabilities};
use super::outcome::is_stateless;
use super::text::{bounded, id};
use crate::attributes as names;
use crate::http::{PeerAddress, session_id};
use crate::peer::McpTransport;

/// The attributes of a message: those that every span below inherits, and those of its
/// own span alone.
pub(crate) struct Facts {
    pub(crate) inherited: Vec<KeyValue>,
    pub(crate) own: Vec<KeyValue>,
}

/// Who speaks which version with whom.
pub(crate) struct Peers<'a> {
    pub(crate) version: Option<Cow<'a, ProtocolVersion>>,
    pub(crate) client: Option<Cow<'a, Implementation>>,
    pub(crate) server: Option<&'a Implementation>,
}

/// The client as the session began with it. Without a session rmcp makes up a client that
/// bears its own name: nobody has named himself.
fn remembered(
    extensions: &Extensions,
    handshake: Option<&InitializeRequestParams>,
) -> Option<Implementation> {
    let http = extensions.get::<http::request::Parts>();
    let is_made_up = http.is_some_and(|parts| session_id(&parts.headers).is_none());
    let handshake = handshake.filter(|_| !is_made_up);
    handshake.map(|it| it.client_info.clone())
}

impl Facts {
    /// What is known about a request.
    pub(crate) fn of_request(
        operation: Operation<'_>,
        context: &RequestContext<RoleServer>,
        version: Option<ProtocolVersion>,
        server: &Implementation,
    ) -> Self {
        let mut facts = Self::new(operation.method);
        facts.request(&context.id);
        let remembered = || remembered(&context.extensions, context.peer.peer_info().as_deref());
        let named = || context.meta.client_info().or_else(remembered);
        let client = operation.client.map(Cow::Borrowed);
        let peers = Peers {
            version: version.map(Cow::Owned),
            client: client.or_else(|| named().map(Cow::Owned)),
            server: Some(server),
        };
        facts.message(&context.extensions, &peers);
        if operation.method == "server/discover"
            && let Some(capabilities) = context.client_capabilities()
        {
            let capabilities = client_capabilities(&capabilities);
            facts.own(names::MCP_CLIENT_CAPABILITIES, capabilities);
        }
        if let Some(target) = operation.target {
            facts.inherited.push(target.fact());
        }
        facts.own.extend(operation.facts);
        facts
    }

    /// What is known about a notification, beside what it says itself.
    pub(crate) fn of_notification(
        method: &'static str,
        context: &NotificationContext<RoleServer>,
        server: &Implementation,
    ) -> Self {
        let mut facts = Self::new(method);
        let handshake = context.peer.peer_info();
        let handshake = handshake.as_deref();
        let peers = Peers {
            version: handshake.map(|it| Cow::Borrowed(&it.protocol_version)),
            client: remembered(&context.extensions, handshake).map(Cow::Owned),
            server: Some(server),
        };
        facts.message(&context.extensions, &peers);
        facts
    }

    /// What is known about a message that a client receives, beside what it says itself.
    #[cfg(feature = "client")]
    pub(crate) fn of_client(
        method: &'static str,
        request: Option<&RequestId>,
        peers: &Peers<'_>,
        transport: Option<McpTransport>,
    ) -> Self {
        let mut facts = Self::new(method);
        if let Some(request) = request {
            facts.request(request);
        }
        if let Some(transport) = transport {
            facts.transport(transport);
        }
        facts.peers(peers);
        facts
    }

    fn new(method: &'static str) -> Self {
        let mut facts = Self {
            inherited: Vec::with_capacity(8),
            own: Vec::with_capacity(16),
        };
        facts.inherit(names::MCP_METHOD_NAME, method);
        facts
    }

    fn request(&mut self, request: &RequestId) {
        let id = id(request);
        self.inherit(names::MCP_REQUEST_ID, id.clone());
        self.inherit(names::JSONRPC_REQUEST_ID, id);
    }

    /// What requests and notifications have in common that a server receives.
    fn message(&mut self, extensions: &Extensions, peers: &Peers<'_>) {
        let parts = extensions.get::<http::request::Parts>();
        self.transport(McpTransport::of(parts));
        if let Some(parts) = parts {
            self.http(parts);
        }
        // Sessions were removed in 2026-07-28; what a newer client sends as one is none.
        let session = parts
            .filter(|_| !is_stateless(peers.version.as_deref()))
            .and_then(|parts| session_id(&parts.headers));
        if let Some(session) = session {
            self.inherit(names::MCP_SESSION_ID, session.to_owned());
        }
        self.peers(peers);
    }

    fn peers(&mut self, peers: &Peers<'_>) {
        if let Some(version) = &peers.version {
            let version = bounded(version.as_str()).into_owned();
            self.own(names::MCP_PROTOCOL_VERSION, version);
        }
        const CLIENT: [&str; 3] = [
            names::MCP_CLIENT_NAME,
            names::MCP_CLIENT_VERSION,
            names::MCP_CLIENT_TITLE,
        ];
        const SERVER: [&str; 3] = [
            names::MCP_SERVER_NAME,
            names::MCP_SERVER_VERSION,
            names::MCP_SERVER_TITLE,
        ];
        let client = peers.client.as_deref().map(|client| (client, CLIENT));
        let server = peers.server.map(|server| (server, SERVER));
        for (peer, [name, version, title]) in client.into_iter().chain(server) {
            self.own(name, bounded(&peer.name).into_owned());
            self.own(version, bounded(&peer.version).into_owned());
            if let Some(text) = &peer.title {
                self.own(title, bounded(text).into_owned());
            }
        }
    }

    fn transport(&mut self, transport: McpTransport) {
        self.inherited.extend(transport.inherited());
        self.own.extend(transport.protocol());
    }

    fn http(&mut self, parts: &http::request::Parts) {
        if let Some(version) = crate::http::version(parts.version) {
            self.own(names::NETWORK_PROTOCOL_VERSION, version);
        }
        if let Some(peer) = parts.extensions.get::<PeerAddress>() {
            self.own(names::CLIENT_ADDRESS, peer.ip());
            self.own(names::CLIENT_PORT, peer.port());
        }
    }

    /// The inherited attributes, packed for the context.
    pub(crate) fn context_attributes(&self) -> ContextAttributes {
        ContextAttributes::new(self.inherited.iter().cloned())
    }

    fn inherit(&mut self, key: &'static str, value: impl Into<Value>) {
        self.inherited.push(KeyValue::new(key, value));
    }

    fn own(&mut self, key: &'static str, value: impl Into<Value>) {
        self.own.push(KeyValue::new(key, value));
    }
}
