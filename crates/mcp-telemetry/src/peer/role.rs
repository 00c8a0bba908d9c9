//! What differs between the two roles of MCP.

#![expect(
    deprecated,
    reason = "what rmcp deprecates is still sent to older peers"
)]

use opentelemetry::KeyValue;
use rmcp::RoleServer;
use rmcp::model::{
    ClientResult, Extensions, GetExtensions as _, Implementation, InitializeRequestParams,
    JsonObject, LoggingMessageNotificationParam, NotificationMetaObject, ProtocolVersion,
    RequestMetaObject, RequestParamsMeta as _, ServerNotification, ServerRequest,
};
use rmcp::service::ServiceRole;
#[cfg(feature = "client")]
use rmcp::{
    RoleClient,
    model::{ClientNotification, ClientRequest, ServerPeerInfo},
};
use serde_json::Value;

use crate::attributes as names;
#[cfg(feature = "client")]
use crate::mcp::initialized;
use crate::mcp::{OTHER, Observed, Operation, bounded, cancelled, count, level, progress, uri};
use crate::settings::send_pii;

/// A side that sends.
pub(crate) trait Role: ServiceRole<PeerResp: Observed> {
    /// `sentry.op` of its notifications.
    const NOTIFICATION_OP: &'static str;

    /// What a message inherits from the request in which it is sent: what holds for the
    /// connection, where that is the same.
    const INHERITED: &'static [&'static str];

    /// What a request is about.
    fn operation(request: &Self::Req) -> Operation<'_>;

    /// The `_meta` inside the request's parameters; what stands beside them wins over it.
    fn params_meta(request: &Self::Req) -> Option<&JsonObject>;

    /// What a notification says.
    fn notice(notification: &Self::Not) -> Notice<'_>;

    /// Where a notification has the `_meta` beside its parameters.
    fn notification_extensions(notification: &Self::Not) -> &Extensions;

    /// The same, to add to it.
    fn notification_extensions_mut(notification: &mut Self::Not) -> &mut Extensions;

    /// What the handshake has told about the peer.
    fn handshake(info: &Self::PeerInfo) -> Handshake<'_>;
}

/// What a notification says.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) method: &'static str,
    pub(crate) facts: Vec<KeyValue>,
    /// The `_meta` inside its parameters.
    pub(crate) meta: Option<&'a JsonObject>,
}

impl Notice<'_> {
    pub(super) fn plain(method: &'static str) -> Self {
        Self {
            method,
            facts: Vec::new(),
            meta: None,
        }
    }
}

/// Who answers.
#[derive(Debug)]
pub(crate) struct Handshake<'a> {
    pub(crate) version: &'a ProtocolVersion,
    pub(crate) peer: Option<&'a Implementation>,
    /// The attributes for the peer's name, version and title.
    pub(crate) keys: [&'static str; 3],
}

impl Handshake<'_> {
    /// What spans say about it.
    pub(crate) fn facts(&self) -> Vec<KeyValue> {
        let text = |text: &str| bounded(text).into_owned();
        let version = text(self.version.as_str());
        let mut facts = vec![KeyValue::new(names::MCP_PROTOCOL_VERSION, version)];
        if let Some(peer) = self.peer {
            let [name, version, title] = self.keys;
            facts.push(KeyValue::new(name, text(&peer.name)));
            facts.push(KeyValue::new(version, text(&peer.version)));
            if let Some(peer_title) = &peer.title {
                facts.push(KeyValue::new(title, text(peer_title)));
            }
        }
        facts
    }
}

#[cfg(feature = "client")]
impl Role for RoleClient {
    const NOTIFICATION_OP: &'static str = "mcp.notification.client_to_server";

    // A server that is a client to others: those are other connections.
    const INHERITED: &'static [&'static str] = &[];

    fn operation(request: &ClientRequest) -> Operation<'_> {
        match request {
            ClientRequest::SubscriptionsListenRequest(_) => {
                Operation::new("subscriptions/listen", &())
            }
            request => named(crate::mcp::operation(request), request.method()),
        }
    }

    fn params_meta(request: &ClientRequest) -> Option<&JsonObject> {
        macro_rules! metas {
            ($($variant:ident)* ; pages: $($page:ident)*) => {
                match request {
                    $(ClientRequest::$variant(request) => object(request.params.meta()),)*
                    $(ClientRequest::$page(request) => {
                        object(request.params.as_ref().and_then(|page| page.meta()))
                    })*
                    ClientRequest::CustomRequest(request) => custom_meta(request.params.as_ref()),
                    // The others have no parameters.
                    _ => None,
                }
            };
        }
        metas!(
            InitializeRequest CompleteRequest SetLevelRequest GetPromptRequest
            ReadResourceRequest SubscriptionsListenRequest SubscribeRequest UnsubscribeRequest
            CallToolRequest GetTaskRequest UpdateTaskRequest CancelTaskRequest GetSkillRequest
            ReadResourceDirectoryRequest;
            pages: ListPromptsRequest ListResourcesRequest ListResourceTemplatesRequest
            ListToolsRequest ListSkillsRequest
        )
    }

    fn notice(notification: &ClientNotification) -> Notice<'_> {
        match notification {
            ClientNotification::CancelledNotification(it) => Notice {
                method: "notifications/cancelled",
                facts: cancelled(&it.params),
                meta: notice_meta(it.params.meta.as_ref()),
            },
            ClientNotification::ProgressNotification(it) => Notice {
                method: "notifications/progress",
                facts: progress(&it.params),
                meta: notice_meta(it.params.meta.as_ref()),
            },
            ClientNotification::InitializedNotification(_) => Notice {
                facts: initialized(),
                ..Notice::plain("notifications/initialized")
            },
            ClientNotification::RootsListChangedNotification(_) => {
                Notice::plain("notifications/roots/list_changed")
            }
            ClientNotification::CustomNotification(it) => {
                custom_notice(&it.method, it.params.as_ref())
            }
            _ => Notice::plain(OTHER),
        }
    }

    fn notification_extensions(notification: &ClientNotification) -> &Extensions {
        notification.extensions()
    }

    fn notification_extensions_mut(notification: &mut ClientNotification) -> &mut Extensions {
        notification.extensions_mut()
    }

    fn handshake(info: &ServerPeerInfo) -> Handshake<'_> {
        Handshake {
            version: &info.protocol_version,
            peer: info.server_info.as_ref(),
            keys: [
                names::MCP_SERVER_NAME,
                names::MCP_SERVER_VERSION,
                names::MCP_SERVER_TITLE,
            ],
        }
    }
}

impl Role for RoleServer {
    const NOTIFICATION_OP: &'static str = "mcp.notification.server_to_client";

    const INHERITED: &'static [&'static str] = &[
        names::MCP_SESSION_ID,
        names::MCP_TRANSPORT,
        names::NETWORK_TRANSPORT,
    ];

    fn operation(request: &ServerRequest) -> Operation<'_> {
        let operation = Operation::new(server_method(request), &());
        match request {
            ServerRequest::CustomRequest(request) => named(operation, &request.method),
            _ => operation,
        }
    }

    fn params_meta(request: &ServerRequest) -> Option<&JsonObject> {
        match request {
            ServerRequest::CreateMessageRequest(request) => object(request.params.meta()),
            ServerRequest::ElicitRequest(request) => object(request.params.meta()),
            ServerRequest::CustomRequest(request) => custom_meta(request.params.as_ref()),
            _ => None,
        }
    }

    fn notice(notification: &ServerNotification) -> Notice<'_> {
        match notification {
            ServerNotification::CancelledNotification(it) => Notice {
                method: "notifications/cancelled",
                facts: cancelled(&it.params),
                meta: notice_meta(it.params.meta.as_ref()),
            },
            ServerNotification::ProgressNotification(it) => Notice {
                method: "notifications/progress",
                facts: progress(&it.params),
                meta: notice_meta(it.params.meta.as_ref()),
            },
            ServerNotification::LoggingMessageNotification(it) => Notice {
                method: "notifications/message",
                facts: log_message(&it.params),
                meta: notice_meta(it.params.meta.as_ref()),
            },
            ServerNotification::ResourceUpdatedNotification(it) => Notice {
                method: "notifications/resources/updated",
                facts: vec![KeyValue::new(names::MCP_RESOURCE_URI, uri(&it.params.uri))],
                meta: notice_meta(it.params.meta.as_ref()),
            },
            ServerNotification::ResourceListChangedNotification(_) => {
                Notice::plain("notifications/resources/list_changed")
            }
            ServerNotification::ToolListChangedNotification(_) => {
                Notice::plain("notifications/tools/list_changed")
            }
            ServerNotification::PromptListChangedNotification(_) => {
                Notice::plain("notifications/prompts/list_changed")
            }
            ServerNotification::SubscriptionsAcknowledgedNotification(_) => {
                Notice::plain("notifications/subscriptions/acknowledged")
            }
            ServerNotification::TaskStatusNotification(it) => Notice {
                meta: notice_meta(it.params.meta.as_ref()),
                ..Notice::plain("notifications/tasks")
            },
            ServerNotification::CustomNotification(it) => {
                custom_notice(&it.method, it.params.as_ref())
            }
            _ => Notice::plain(OTHER),
        }
    }

    fn notification_extensions(notification: &ServerNotification) -> &Extensions {
        notification.extensions()
    }

    fn notification_extensions_mut(notification: &mut ServerNotification) -> &mut Extensions {
        notification.extensions_mut()
    }

    fn handshake(info: &InitializeRequestParams) -> Handshake<'_> {
        Handshake {
            version: &info.protocol_version,
            peer: Some(&info.client_info),
            keys: [
                names::MCP_CLIENT_NAME,
                names::MCP_CLIENT_VERSION,
                names::MCP_CLIENT_TITLE,
            ],
        }
    }
}

/// The method of a server's request; `_OTHER` for one that is no part of the specification.
pub(super) fn server_method(request: &ServerRequest) -> &'static str {
    match request {
        ServerRequest::PingRequest(_) => "ping",
        ServerRequest::CreateMessageRequest(_) => "sampling/createMessage",
        ServerRequest::ListRootsRequest(_) => "roots/list",
        ServerRequest::ElicitRequest(_) => "elicitation/create",
        _ => OTHER,
    }
}

/// What a client answers its server.
impl Observed for ClientResult {
    fn attributes(&self) -> Vec<KeyValue> {
        match self {
            Self::ListRootsResult(result) => {
                vec![count(names::MCP_RESULT_COUNT, result.roots.len())]
            }
            _ => Vec::new(),
        }
    }
}

/// What `notifications/message` says.
fn log_message(params: &LoggingMessageNotificationParam) -> Vec<KeyValue> {
    let data_type = match &params.data {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut facts = vec![
        KeyValue::new(names::MCP_LOGGING_LEVEL, level(params.level)),
        KeyValue::new(names::MCP_LOGGING_DATA_TYPE, data_type),
    ];
    if let Some(logger) = &params.logger {
        let logger = bounded(logger).into_owned();
        facts.push(KeyValue::new(names::MCP_LOGGING_LOGGER, logger));
    }
    if send_pii() {
        let message = match &params.data {
            Value::String(text) => bounded(text).into_owned(),
            data => crate::mcp::json(data),
        };
        facts.push(KeyValue::new(names::MCP_LOGGING_MESSAGE, message));
    }
    facts
}

/// A custom method is this program's own text; still it stands in no span name and no metric,
/// since a program may pass on what others chose.
fn named<'a>(mut operation: Operation<'a>, method: &str) -> Operation<'a> {
    if operation.method == OTHER {
        operation.facts.push(custom(method));
    }
    operation
}

fn custom_notice<'a>(method: &str, params: Option<&'a Value>) -> Notice<'a> {
    Notice {
        method: OTHER,
        facts: vec![custom(method)],
        meta: custom_meta(params),
    }
}

fn custom(method: &str) -> KeyValue {
    KeyValue::new(names::MCP_METHOD_NAME, bounded(method).into_owned())
}

fn object(meta: Option<&RequestMetaObject>) -> Option<&JsonObject> {
    meta.map(|meta| &meta.0.0)
}

fn notice_meta(meta: Option<&NotificationMetaObject>) -> Option<&JsonObject> {
    meta.map(|meta| &meta.0.0)
}

fn custom_meta(params: Option<&Value>) -> Option<&JsonObject> {
    params?.get("_meta")?.as_object()
}
