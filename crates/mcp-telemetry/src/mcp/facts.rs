//! What a span says about an MCP request before it is handled.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};
use otel_pipeline::ContextAttributes;
use rmcp::RoleServer;
use rmcp::model::{Implementation, JsonObject, NumberOrString, ProtocolVersion};
use rmcp::service::RequestContext;

use super::bounded_json::bounded_json;
use crate::attributes as names;
use crate::call::CallKind;
use crate::http::session_id;
use crate::settings::send_pii;

/// The longest text taken over from a client into an attribute.
const TEXT_LIMIT: usize = 256;

/// What a request is about.
pub(crate) struct Operation<'a> {
    /// A method of the specification; never text of the client's.
    pub(crate) method: &'static str,
    pub(crate) target: Option<Target<'a>>,
    pub(crate) arguments: Option<&'a JsonObject>,
}

/// What a request executes.
pub(crate) struct Target<'a> {
    pub(crate) kind: CallKind,
    pub(crate) name: Cow<'a, str>,
}

impl<'a> Operation<'a> {
    pub(crate) fn plain(method: &'static str) -> Self {
        Self {
            method,
            target: None,
            arguments: None,
        }
    }

    pub(crate) fn on(method: &'static str, kind: CallKind, name: &'a str) -> Self {
        Self {
            method,
            target: Some(Target {
                kind,
                name: bounded(name),
            }),
            arguments: None,
        }
    }

    pub(crate) fn with_arguments(mut self, arguments: Option<&'a JsonObject>) -> Self {
        self.arguments = arguments;
        self
    }
}

/// The attributes of a request: those that every span below inherits, and those of its
/// server span alone.
pub(crate) struct Facts {
    pub(crate) inherited: Vec<KeyValue>,
    pub(crate) own: Vec<KeyValue>,
}

impl Facts {
    pub(crate) fn of(
        operation: &Operation<'_>,
        context: &RequestContext<RoleServer>,
        server: &Implementation,
    ) -> Self {
        let mut facts = Self {
            inherited: Vec::with_capacity(8),
            own: Vec::with_capacity(16),
        };
        let parts = context.extensions.get::<http::request::Parts>();
        let version = context.protocol_version();
        let id = match &context.id {
            NumberOrString::Number(id) => id.to_string(),
            NumberOrString::String(id) => bounded(id).into_owned(),
        };

        facts.inherit(names::MCP_METHOD_NAME, operation.method);
        facts.inherit(names::MCP_REQUEST_ID, id.clone());
        facts.own(names::JSONRPC_REQUEST_ID, id);
        facts.transport(parts);
        let sessions_exist = version.as_ref().is_none_or(has_sessions);
        if let Some(session) = parts
            .filter(|_| sessions_exist)
            .and_then(|p| session_id(&p.headers))
        {
            facts.inherit(names::MCP_SESSION_ID, session.to_owned());
        }
        if let Some(version) = version {
            facts.own(names::MCP_PROTOCOL_VERSION, version.to_string());
        }
        if let Some(client) = context.client_info() {
            facts.own(names::MCP_CLIENT_NAME, bounded(&client.name).into_owned());
            facts.own(
                names::MCP_CLIENT_VERSION,
                bounded(&client.version).into_owned(),
            );
            if let Some(title) = &client.title {
                facts.own(names::MCP_CLIENT_TITLE, bounded(title).into_owned());
            }
        }
        facts.own(names::MCP_SERVER_NAME, server.name.clone());
        facts.own(names::MCP_SERVER_VERSION, server.version.clone());
        if let Some(title) = &server.title {
            facts.own(names::MCP_SERVER_TITLE, title.clone());
        }
        facts.target(operation);
        facts
    }

    /// The inherited attributes, packed for the context.
    pub(crate) fn context_attributes(&self) -> ContextAttributes {
        ContextAttributes::new(self.inherited.iter().cloned())
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
            }
            None => {
                self.inherit(names::MCP_TRANSPORT, "stdio");
                self.inherit(names::NETWORK_TRANSPORT, "pipe");
            }
        }
    }

    fn target(&mut self, operation: &Operation<'_>) {
        let Some(target) = &operation.target else {
            return;
        };
        let name = target.name.clone().into_owned();
        match target.kind {
            CallKind::Tool => {
                self.inherit(names::MCP_TOOL_NAME, name.clone());
                self.own(names::GEN_AI_TOOL_NAME, name);
                self.own(names::GEN_AI_OPERATION_NAME, "execute_tool");
            }
            CallKind::Prompt => {
                self.inherit(names::MCP_PROMPT_NAME, name.clone());
                self.own(names::GEN_AI_PROMPT_NAME, name);
            }
            CallKind::Resource => {
                let uri = match send_pii() {
                    true => name,
                    false => without_details(&name).to_owned(),
                };
                self.inherit(names::MCP_RESOURCE_URI, uri);
            }
            CallKind::Splunk => {}
        }
        let arguments = operation.arguments.filter(|_| send_pii());
        if let (Some(arguments), CallKind::Tool) = (arguments, target.kind) {
            self.own(names::GEN_AI_TOOL_CALL_ARGUMENTS, bounded_json(arguments));
        }
    }

    fn inherit(&mut self, key: &'static str, value: impl Into<Value>) {
        self.inherited.push(KeyValue::new(key, value));
    }

    fn own(&mut self, key: &'static str, value: impl Into<Value>) {
        self.own.push(KeyValue::new(key, value));
    }
}

/// Sessions were removed in 2026-07-28; what a newer client sends as one is none.
fn has_sessions(version: &ProtocolVersion) -> bool {
    *version < ProtocolVersion::V_2026_07_28
}

/// A URI without user information, query and fragment.
fn without_details(uri: &str) -> &str {
    let end = uri.find(['?', '#']).unwrap_or(uri.len());
    let uri = uri.get(..end).unwrap_or(uri);
    match (uri.split_once("://"), uri.rfind('@')) {
        // What stands before the `@` may be a password: keep what follows it alone.
        (Some(_), Some(at)) => uri.get(at + 1..).unwrap_or_default(),
        _ => uri,
    }
}

/// At most [`TEXT_LIMIT`] bytes of a client's text, cut at a character.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_LIMIT {
        return Cow::Borrowed(text);
    }
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= TEXT_LIMIT).last();
    Cow::Owned(format!(
        "{}…",
        text.get(..end.unwrap_or(0)).unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_without_details_keeps_what_is_no_user_data() {
        for (uri, kept) in [
            ("splunk://indexes", "splunk://indexes"),
            ("splunk://a/b?user=bob#x", "splunk://a/b"),
            ("https://me:pw@host/path", "host/path"),
            ("file:///tmp/x", "file:///tmp/x"),
            ("", ""),
        ] {
            assert_eq!(without_details(uri), kept);
        }
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(bounded("short"), "short");
        let cut = bounded(&"ö".repeat(200)).into_owned();
        assert!(cut.ends_with('…') && cut.len() <= TEXT_LIMIT + '…'.len_utf8());
    }
}
