//! What a span says about an MCP message before it is handled.

use opentelemetry::{KeyValue, Value};
use otel_pipeline::ContextAttributes;
use rmcp::RoleServer;
use rmcp::model::{Extensions, Implementation, InitializeRequestParams, ProtocolVersion};
use rmcp::service::{NotificationContext, RequestContext};

use super::operation::{Operation, client_capabilities};
use super::outcome::is_stateless;
use super::text::{bounded, id, uri};
use crate::attributes as names;
use crate::call::CallKind;
use crate::http::{PeerAddress, session_id};

/// The attributes of a message: those that every span below inherits, and those of its
/// own span alone.
pub(crate) struct Facts {
    pub(crate) inherited: Vec<KeyValue>,
    pub(crate) own: Vec<KeyValue>,
}

/// Who speaks which version with whom.
struct Peers<'a> {
    version: Option<ProtocolVersion>,
    client: Option<Implementation>,
    server: &'a Implementation,
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
        server: &Implementation,
    ) -> Self {
        let mut facts = Self::new(operation.method);
        let id = id(&context.id);
        facts.inherit(names::MCP_REQUEST_ID, id.clone());
        facts.inherit(names::JSONRPC_REQUEST_ID, id);
        let peers = Peers {
            version: context.protocol_version(),
            client: operation
                .client
                .cloned()
                .or_else(|| context.meta.client_info())
                .or_else(|| remembered(&context.extensions, context.peer.peer_info().as_deref())),
            server,
        };
        facts.message(&context.extensions, peers);
        if operation.method == "server/discover"
            && let Some(capabilities) = context.client_capabilities()
        {
            let capabilities = client_capabilities(&capabilities);
            facts.own(names::MCP_CLIENT_CAPABILITIES, capabilities);
        }
        if let Some(target) = operation.target {
            let (key, name) = match target.kind {
                CallKind::Tool => (names::MCP_TOOL_NAME, target.name.into_owned()),
                CallKind::Prompt => (names::MCP_PROMPT_NAME, target.name.into_owned()),
                _ => (names::MCP_RESOURCE_URI, uri(&target.name)),
            };
            facts.inherit(key, name);
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
            version: handshake.map(|it| it.protocol_version.clone()),
            client: remembered(&context.extensions, handshake),
            server,
        };
        facts.message(&context.extensions, peers);
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

    /// What requests and notifications have in common.
    fn message(&mut self, extensions: &Extensions, peers: Peers<'_>) {
        let parts = extensions.get::<http::request::Parts>();
        self.transport(parts);
        // Sessions were removed in 2026-07-28; what a newer client sends as one is none.
        let session = parts
            .filter(|_| !is_stateless(peers.version.as_ref()))
            .and_then(|parts| session_id(&parts.headers));
        if let Some(session) = session {
            self.inherit(names::MCP_SESSION_ID, session.to_owned());
        }
        if let Some(version) = peers.version {
            let version = bounded(version.as_str()).into_owned();
            self.own(names::MCP_PROTOCOL_VERSION, version);
        }
        if let Some(client) = peers.client {
            self.own(names::MCP_CLIENT_NAME, bounded(&client.name).into_owned());
            self.own(
                names::MCP_CLIENT_VERSION,
                bounded(&client.version).into_owned(),
            );
            if let Some(title) = &client.title {
                self.own(names::MCP_CLIENT_TITLE, bounded(title).into_owned());
            }
        }
        self.own(names::MCP_SERVER_NAME, peers.server.name.clone());
        self.own(names::MCP_SERVER_VERSION, peers.server.version.clone());
        if let Some(title) = &peers.server.title {
            self.own(names::MCP_SERVER_TITLE, title.clone());
        }
    }

    fn transport(&mut self, parts: Option<&http::request::Parts>) {
        // Sentry fills a missing `network.transport` from `mcp.transport`: set both.
        match parts {
            Some(parts) => {
                self.inherit(names::MCP_TRANSPORT, "http");
                self.inherit(names::NETWORK_TRANSPORT, "tcp");
                self.own(names::NETWORK_PROTOCOL_NAME, "http");
                if let Some(version) = crate::http::version(parts.version) {
                    self.own(names::NETWORK_PROTOCOL_VERSION, version);
                }
                if let Some(peer) = parts.extensions.get::<PeerAddress>() {
                    self.own(names::CLIENT_ADDRESS, peer.ip());
                    self.own(names::CLIENT_PORT, peer.port());
                }
            }
            None => {
                self.inherit(names::MCP_TRANSPORT, "stdio");
                self.inherit(names::NETWORK_TRANSPORT, "pipe");
            }
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
