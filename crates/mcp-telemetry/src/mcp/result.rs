//! What the results of MCP requests say about how the request went.

use std::collections::BTreeSet;

use opentelemetry::{KeyValue, Value};
use rmcp::model::{
    CacheScope, CallToolResponse, CallToolResult, CompleteResult, CustomResult, DiscoverResult,
    GetPromptResponse, GetPromptResult, GetSkillResult, GetTaskResult, InitializeResult,
    InputRequest, InputRequiredResult, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListSkillsResult, ListToolsResult, MetaObject, ProtocolVersion,
    ReadResourceResponse, ReadResourceResult, ResourceContents, Role, ServerResult,
};

use super::known::OTHER;
use super::operation::{count, server_capabilities};
use super::outcome::Outcome;
use super::text::{bounded, json};
use crate::attributes as names;
use crate::call::outcome::ToolResult as _;
use crate::call::output;
use crate::settings::send_pii;

/// A result that a span can be told about.
pub(crate) trait Observed {
    /// How the request went. A result is a success unless it says otherwise.
    fn outcome(&self) -> Outcome {
        Outcome::Success
    }

    /// Attributes of the request's span, `mcp.result.type` aside.
    fn attributes(&self) -> Vec<KeyValue> {
        Vec::new()
    }

    /// `mcp.result.type`.
    fn result_type(&self) -> &'static str {
        match self.outcome() {
            Outcome::InputRequired => "input_required",
            _ => "complete",
        }
    }

    /// The version that was agreed on, where this is the result of a handshake.
    fn agreed(&self) -> Option<&ProtocolVersion> {
        None
    }

    /// Where the result can carry the id of its trace.
    fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
        None
    }
}

macro_rules! observed {
    (plain: $($plain:ty),* ; lists: $($list:ty => $field:ident),* $(,)?) => {
        $(impl Observed for $plain {})*
        $(impl Observed for $list {
            fn attributes(&self) -> Vec<KeyValue> {
                let later = self.next_cursor.is_some();
                let mut attributes = vec![
                    count(names::MCP_RESULT_COUNT, self.$field.len()),
                    KeyValue::new(names::MCP_PAGINATION_NEXT_CURSOR_PRESENT, later),
                ];
                attributes.extend(cache(self.ttl_ms, self.cache_scope.as_ref()));
                attributes
            }
        })*
    };
}

observed! {
    plain: (), CompleteResult, CustomResult, GetTaskResult, GetSkillResult;
    lists: ListToolsResult => tools, ListPromptsResult => prompts,
        ListResourcesResult => resources, ListResourceTemplatesResult => resource_templates,
        ListSkillsResult => skills,
}

/// How long a result may be cached, and by whom, where its handler says so.
fn cache(ttl_ms: Option<u64>, scope: Option<&CacheScope>) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    if let Some(ttl) = ttl_ms {
        let ttl = i64::try_from(ttl).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new(names::MCP_CACHE_TTL_MS, ttl));
    }
    if let Some(scope) = scope {
        let scope = match scope {
            CacheScope::Public => "public",
            CacheScope::Private => "private",
            _ => OTHER,
        };
        attributes.push(KeyValue::new(names::MCP_CACHE_SCOPE, scope));
    }
    attributes
}

impl Observed for InitializeResult {
    fn attributes(&self) -> Vec<KeyValue> {
        let capabilities = server_capabilities(&self.capabilities);
        vec![
            // Until here the span has the version that the client asked for.
            KeyValue::new(
                names::MCP_PROTOCOL_VERSION,
                self.protocol_version.to_string(),
            ),
            KeyValue::new(names::MCP_SERVER_CAPABILITIES, capabilities),
        ]
    }

    fn agreed(&self) -> Option<&ProtocolVersion> {
        Some(&self.protocol_version)
    }
}

impl Observed for DiscoverResult {
    fn attributes(&self) -> Vec<KeyValue> {
        let versions = self.supported_versions.iter().map(ProtocolVersion::as_str);
        let versions = versions.collect::<Vec<_>>().join(",");
        let capabilities = server_capabilities(&self.capabilities);
        let mut attributes = vec![
            KeyValue::new(names::MCP_DISCOVERY_PROTOCOL_VERSIONS, versions),
            KeyValue::new(names::MCP_SERVER_CAPABILITIES, capabilities),
        ];
        attributes.extend(cache(Some(self.ttl_ms), Some(&self.cache_scope)));
        attributes
    }
}

impl Observed for CallToolResult {
    fn outcome(&self) -> Outcome {
        match self.is_error == Some(true) {
            true => Outcome::ToolError(output(&self.text())),
            false => Outcome::Success,
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let is_error = self.is_error == Some(true);
        let mut attributes = vec![
            KeyValue::new(names::MCP_TOOL_RESULT_IS_ERROR, is_error),
            count(names::MCP_TOOL_RESULT_CONTENT_COUNT, self.content.len()),
        ];
        if send_pii() {
            let content = Value::from(json(&self.content));
            attributes.push(KeyValue::new(
                names::GEN_AI_TOOL_CALL_RESULT,
                content.clone(),
            ));
            attributes.push(KeyValue::new(names::MCP_TOOL_RESULT_CONTENT, content));
        }
        attributes
    }

    fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
        Some(&mut self.meta)
    }
}

impl Observed for GetPromptResult {
    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![count(
            names::MCP_PROMPT_RESULT_MESSAGE_COUNT,
            self.messages.len(),
        )];
        if !send_pii() {
            return attributes;
        }
        if let Some(description) = &self.description {
            let description = bounded(description).into_owned();
            attributes.push(KeyValue::new(
                names::MCP_PROMPT_RESULT_DESCRIPTION,
                description,
            ));
        }
        if let [message] = self.messages.as_slice() {
            let role = match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            let content = message.content.as_text();
            let content = content.map_or_else(|| json(&message.content), |text| json(&text.text));
            attributes.push(KeyValue::new(names::MCP_PROMPT_RESULT_MESSAGE_ROLE, role));
            attributes.push(KeyValue::new(
                names::MCP_PROMPT_RESULT_MESSAGE_CONTENT,
                content,
            ));
        }
        attributes
    }

    fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
        Some(&mut self.meta)
    }
}

impl Observed for ReadResourceResult {
    fn attributes(&self) -> Vec<KeyValue> {
        let sizes = self.contents.iter().map(|contents| match contents {
            ResourceContents::TextResourceContents { text, .. } => text.len(),
            ResourceContents::BlobResourceContents { blob, .. } => blob.len(),
            _ => 0,
        });
        let types = self.contents.iter().filter_map(|contents| match contents {
            ResourceContents::TextResourceContents { mime_type, .. }
            | ResourceContents::BlobResourceContents { mime_type, .. } => mime_type.as_deref(),
            _ => None,
        });
        let types: BTreeSet<&str> = types.collect();
        let mut attributes = vec![count(names::MCP_RESOURCE_SIZE_BYTES, sizes.sum())];
        if !types.is_empty() {
            let types = types.into_iter().collect::<Vec<_>>().join(",");
            let types = bounded(&types).into_owned();
            attributes.push(KeyValue::new(names::MCP_RESOURCE_RESULT_MIME_TYPES, types));
        }
        attributes.extend(cache(self.ttl_ms, self.cache_scope.as_ref()));
        attributes
    }

    fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
        Some(&mut self.meta)
    }
}

impl Observed for InputRequiredResult {
    fn outcome(&self) -> Outcome {
        Outcome::InputRequired
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let requests = self.input_requests.iter().flatten();
        let methods = requests.clone().map(|(_, request)| match request {
            InputRequest::CreateMessage(_) => "sampling/createMessage",
            InputRequest::Elicitation(_) => "elicitation/create",
            InputRequest::ListRoots(_) => "roots/list",
            _ => OTHER,
        });
        let methods: BTreeSet<&str> = methods.collect();
        let mut attributes = vec![count(names::MCP_INPUT_REQUEST_COUNT, requests.count())];
        if !methods.is_empty() {
            let methods = methods.into_iter().collect::<Vec<_>>().join(",");
            attributes.push(KeyValue::new(names::MCP_INPUT_REQUEST_METHODS, methods));
        }
        attributes
    }

    fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
        Some(&mut self.meta)
    }
}

/// Results of requests that may ask for input instead of answering.
macro_rules! responses {
    ($($response:ident),*) => {
        $(impl Observed for $response {
            fn outcome(&self) -> Outcome {
                match self {
                    Self::Complete(result) => result.outcome(),
                    Self::InputRequired(result) => result.outcome(),
                    _ => Outcome::Success,
                }
            }

            fn attributes(&self) -> Vec<KeyValue> {
                match self {
                    Self::Complete(result) => result.attributes(),
                    Self::InputRequired(result) => result.attributes(),
                    _ => Vec::new(),
                }
            }

            fn result_type(&self) -> &'static str {
                match self {
                    Self::Complete(result) => result.result_type(),
                    Self::InputRequired(result) => result.result_type(),
                    _ => "task",
                }
            }

            fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
                match self {
                    Self::Complete(result) => result.meta(),
                    Self::InputRequired(result) => result.meta(),
                    _ => None,
                }
            }
        })*
    };
}

responses!(CallToolResponse, GetPromptResponse, ReadResourceResponse);

/// At the level of the service the results of all methods are one type.
macro_rules! server_result {
    ($($variant:ident),*) => {
        impl Observed for ServerResult {
            fn outcome(&self) -> Outcome {
                match self {
                    $(Self::$variant(result) => result.outcome(),)*
                    _ => Outcome::Success,
                }
            }

            fn attributes(&self) -> Vec<KeyValue> {
                match self {
                    $(Self::$variant(result) => result.attributes(),)*
                    _ => Vec::new(),
                }
            }

            fn result_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(result) => result.result_type(),)*
                    Self::CreateTaskResult(_) => "task",
                    _ => "complete",
                }
            }

            fn agreed(&self) -> Option<&ProtocolVersion> {
                match self {
                    $(Self::$variant(result) => result.agreed(),)*
                    _ => None,
                }
            }

            fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
                match self {
                    $(Self::$variant(result) => result.meta(),)*
                    _ => None,
                }
            }
        }
    };
}

server_result!(
    InitializeResult,
    DiscoverResult,
    CallToolResult,
    GetPromptResult,
    ReadResourceResult,
    InputRequiredResult,
    ListToolsResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListSkillsResult
);
