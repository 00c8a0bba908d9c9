//! The attributes that this crate writes: one list, from which their documentation is made.
//!
//! Sources: OTel semantic conventions 1.44 (`http.*`, `url.*`, `server.*`, `network.*`),
//! the OTel MCP and GenAI conventions (`mcp.*`, `gen_ai.*`, `jsonrpc.*`, `rpc.*`), Sentry's
//! conventions (`sentry.*`, and the older `mcp.*` names that its dashboards read), and this
//! project's own document for `splunk.*`. Which span has which of them:
//! [`spans`](crate::spans).

/// An attribute of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name. One that ends in a dot stands before names that the app or the client gives.
    pub key: &'static str,
    /// The type of its value.
    pub value: ValueType,
    /// Who must have agreed to it.
    pub gate: Gate,
    /// Where the name comes from.
    pub sources: &'static [Source],
    /// What it says.
    pub brief: &'static str,
}

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueType {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// An integer of 64 bits.
    Int,
    /// A double.
    Double,
    /// A truth value.
    Bool,
}

/// What lets an attribute be recorded. Every value passes the sanitizer, whatever its gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gate {
    /// Always recorded.
    Open,
    /// Tells who the user is: needs `SENTRY_SEND_PII`.
    User,
    /// What a user or client wrote: needs `SENTRY_SEND_PII`.
    Inputs,
    /// What was answered: needs `SENTRY_SEND_PII`.
    Outputs,
    /// Always recorded, but whole only with `SENTRY_SEND_PII`: without it, what could tell
    /// about a user is left out.
    Shortened,
}

impl Gate {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Open,
        Self::User,
        Self::Inputs,
        Self::Outputs,
        Self::Shortened,
    ];

    /// Whether an attribute is left out where `SENTRY_SEND_PII` is false.
    ///
    /// ```
    /// use mcp_telemetry::attributes::{Gate, find};
    ///
    /// let gate = |key| find(key).map(|it| it.gate);
    /// assert!(gate("splunk.query_preview").is_some_and(Gate::needs_pii));
    /// assert!(!gate("splunk.query_length").is_some_and(Gate::needs_pii));
    /// assert_eq!(gate("mcp.resource.uri"), Some(Gate::Shortened));
    /// ```
    #[must_use]
    pub fn needs_pii(self) -> bool {
        matches!(self, Self::User | Self::Inputs | Self::Outputs)
    }
}

/// Where an attribute's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// OpenTelemetry's semantic conventions.
    OTel,
    /// Sentry's conventions.
    Sentry,
    /// The document of the MCP server for Splunk.
    Seed,
    /// This project, or the Python server that it follows.
    Ours,
}

macro_rules! attributes {
    ($($(#[doc = $brief:literal])+ $name:ident = $key:literal, $value:ident, $gate:ident, [$($source:ident),+];)*) => {
        $($(#[doc = $brief])+ pub const $name: &str = $key;)*

        /// All attributes, in the order of this page.
        pub const ALL: &[Attribute] = &[$(Attribute {
            key: $key,
            value: ValueType::$value,
            gate: Gate::$gate,
            sources: &[$(Source::$source),+],
            brief: concat!($($brief),+),
        }),*];
    };
}

/// The attribute with this name, or whose name begins it where the rest is given by others.
///
/// ```
/// use mcp_telemetry::attributes::{Gate, find};
///
/// assert_eq!(find("mcp.tool.name").map(|it| it.gate), Some(Gate::Open));
/// assert_eq!(find("mcp.request.argument.query").map(|it| it.gate), Some(Gate::Inputs));
/// assert_eq!(find("mcp.tool.nam"), None);
/// ```
#[must_use]
pub fn find(key: &str) -> Option<&'static Attribute> {
    let named = |it: &&Attribute| match it.key.ends_with('.') {
        true => key.len() > it.key.len() && key.starts_with(it.key),
        false => it.key == key,
    };
    ALL.iter().find(named)
}

attributes! {
    // Sentry
    /// Operation, as Sentry calls it.
    SENTRY_OP = "sentry.op", Text, Open, [Sentry, Seed];
    /// What made the span: `auto.…` for spans not written by the app's author.
    SENTRY_ORIGIN = "sentry.origin", Text, Open, [Sentry];
    /// How good the transaction's name is: `route` where it is bounded.
    SENTRY_SOURCE = "sentry.source", Text, Open, [Sentry];
    /// A Sentry status that overrides the one inferred: `cancelled`.
    SENTRY_STATUS = "sentry.status", Text, Open, [Sentry];
    /// Release, in the form of Sentry; where spans reach Sentry over OTLP, which takes none from the resource.
    SENTRY_RELEASE = "sentry.release", Text, Open, [Sentry];
    /// The sampling rule that decided; on the first span of a trace in this process.
    SAMPLING_RULE = "sampling.rule", Text, Open, [Ours];
    /// The rate at which it decided.
    SAMPLING_RATE = "sampling.rate", Double, Open, [Ours];
    /// Why the trace was kept whatever the sampler said: `error` or `slow`.
    SAMPLING_KEPT = "sampling.kept", Text, Open, [Ours];

    // MCP, every message
    /// MCP method of the message.
    MCP_METHOD_NAME = "mcp.method.name", Text, Open, [OTel, Sentry, Seed];
    /// JSON-RPC id of the request, as text (older name).
    MCP_REQUEST_ID = "mcp.request.id", Text, Open, [Sentry, Seed];
    /// JSON-RPC id of the request, as text.
    JSONRPC_REQUEST_ID = "jsonrpc.request.id", Text, Open, [OTel, Sentry];
    /// Session of a protocol version before 2026-07-28.
    MCP_SESSION_ID = "mcp.session.id", Text, Open, [OTel, Sentry, Seed];
    /// `not_found` where the server knows no such session: it has expired, or never was.
    MCP_SESSION_STATUS = "mcp.session.status", Text, Open, [Ours];
    /// Negotiated or declared protocol version.
    MCP_PROTOCOL_VERSION = "mcp.protocol.version", Text, Open, [OTel, Sentry];
    /// `http` or `stdio`.
    MCP_TRANSPORT = "mcp.transport", Text, Open, [Sentry, Seed];
    /// Client as it names itself.
    MCP_CLIENT_NAME = "mcp.client.name", Text, Open, [Sentry];
    /// Client's version.
    MCP_CLIENT_VERSION = "mcp.client.version", Text, Open, [Sentry];
    /// Client's title.
    MCP_CLIENT_TITLE = "mcp.client.title", Text, Open, [Sentry];
    /// Server's name.
    MCP_SERVER_NAME = "mcp.server.name", Text, Open, [Sentry];
    /// Server's version.
    MCP_SERVER_VERSION = "mcp.server.version", Text, Open, [Sentry];
    /// Server's title.
    MCP_SERVER_TITLE = "mcp.server.title", Text, Open, [Sentry];

    // MCP, how a request ended
    /// `success`, `error` or `input_required`; taken back, `client_disconnect` at a server and
    /// `cancelled` at a client.
    MCP_STATUS = "mcp.status", Text, Open, [Ours];
    /// Outcome where it is no result: `cancelled`, or `send_error` of a client's request.
    MCP_REQUEST_OUTCOME = "mcp.request.outcome", Text, Open, [Sentry];
    /// `complete`, `input_required` or `task`.
    MCP_RESULT_TYPE = "mcp.result.type", Text, Open, [Sentry];
    /// JSON-RPC error code, as text.
    RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code", Text, Open, [OTel, Sentry];
    /// Low-cardinality kind of error; absent where nothing failed.
    ERROR_TYPE = "error.type", Text, Open, [OTel, Sentry];

    // Tools
    /// Tool as the client named it.
    MCP_TOOL_NAME = "mcp.tool.name", Text, Open, [Sentry, Seed];
    /// Tool as the client named it.
    GEN_AI_TOOL_NAME = "gen_ai.tool.name", Text, Open, [OTel, Sentry];
    /// `execute_tool` on a tool call.
    GEN_AI_OPERATION_NAME = "gen_ai.operation.name", Text, Open, [OTel, Sentry];
    /// `success`, `error`, `timeout`, `cancelled` or `input_required`.
    MCP_TOOL_STATUS = "mcp.tool.status", Text, Open, [Seed];
    /// Kind of the error that a tool ended with.
    MCP_TOOL_ERROR_TYPE = "mcp.tool.error_type", Text, Open, [Ours];
    /// Whether the tool's result says that it is an error.
    MCP_TOOL_RESULT_IS_ERROR = "mcp.tool.result.is_error", Bool, Open, [Sentry];
    /// Content blocks of the tool's result.
    MCP_TOOL_RESULT_CONTENT_COUNT = "mcp.tool.result.content_count", Int, Open, [Sentry];
    /// Keys of the tool's structured result, as a JSON list.
    MCP_TOOL_RESULT_KEYS = "mcp.tool.result_keys", Text, Outputs, [Ours];
    /// Content of the tool's result, as JSON (older name).
    MCP_TOOL_RESULT_CONTENT = "mcp.tool.result.content", Text, Outputs, [Sentry];
    /// Arguments of a tool call, as JSON.
    GEN_AI_TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments", Text, Inputs, [OTel, Sentry];
    /// Result of a tool call, as JSON.
    GEN_AI_TOOL_CALL_RESULT = "gen_ai.tool.call.result", Text, Outputs, [OTel, Sentry];
    /// One argument of a call, under its name.
    MCP_REQUEST_ARGUMENT_PREFIX = "mcp.request.argument.", Text, Inputs, [Sentry];

    // Input that a server asks for
    /// Number of inputs that the result asks for.
    MCP_INPUT_REQUEST_COUNT = "mcp.input_request.count", Int, Open, [Sentry];
    /// Methods of the inputs that the result asks for, sorted, with commas.
    MCP_INPUT_REQUEST_METHODS = "mcp.input_request.methods", Text, Open, [Sentry];
    /// Number of inputs that the request brings.
    MCP_INPUT_RESPONSE_COUNT = "mcp.input_response.count", Int, Open, [Sentry];
    /// Whether the request brings back an opaque state. The state itself is never recorded.
    MCP_REQUEST_STATE_PRESENT = "mcp.request_state.present", Bool, Open, [Sentry];

    // Resources
    /// Resource as the client named it; shortened it has no user information, query and fragment.
    MCP_RESOURCE_URI = "mcp.resource.uri", Text, Shortened, [OTel, Sentry, Seed];
    /// Resource as the app names it.
    MCP_RESOURCE_NAME = "mcp.resource.name", Text, Open, [Sentry];
    /// As `mcp.tool.status`, of a resource.
    MCP_RESOURCE_STATUS = "mcp.resource.status", Text, Open, [Ours];
    /// Bytes of the resource's contents, as the result holds them.
    MCP_RESOURCE_SIZE_BYTES = "mcp.resource.size_bytes", Int, Open, [Ours];
    /// Media types of the resource's contents, sorted, with commas.
    MCP_RESOURCE_RESULT_MIME_TYPES = "mcp.resource.result.mime_types", Text, Open, [Sentry];
    /// What a traced resource function returned, as JSON or `Debug` text.
    MCP_RESOURCE_RESULT_CONTENT = "mcp.resource.result.content", Text, Outputs, [Ours];

    // Prompts
    /// Prompt as the client named it.
    MCP_PROMPT_NAME = "mcp.prompt.name", Text, Open, [Sentry, Seed];
    /// Prompt as the client named it.
    GEN_AI_PROMPT_NAME = "gen_ai.prompt.name", Text, Open, [OTel, Sentry];
    /// One argument of a prompt, under its name.
    GEN_AI_PROMPT_VARIABLE_PREFIX = "gen_ai.prompt.variable.", Text, Inputs, [OTel, Sentry];
    /// As `mcp.tool.status`, of a prompt.
    MCP_PROMPT_STATUS = "mcp.prompt.status", Text, Open, [Ours];
    /// Messages of the prompt's result.
    MCP_PROMPT_RESULT_MESSAGE_COUNT = "mcp.prompt.result.message_count", Int, Open, [Sentry];
    /// The prompt's description.
    MCP_PROMPT_RESULT_DESCRIPTION = "mcp.prompt.result.description", Text, Outputs, [Sentry];
    /// Role of the prompt's message, where there is just one.
    MCP_PROMPT_RESULT_MESSAGE_ROLE = "mcp.prompt.result.message_role", Text, Outputs, [Sentry];
    /// Content of the prompt's message, where there is just one.
    MCP_PROMPT_RESULT_MESSAGE_CONTENT = "mcp.prompt.result.message_content", Text, Outputs, [Sentry];
    /// What a traced prompt function returned, as JSON or `Debug` text.
    MCP_PROMPT_RESULT_CONTENT = "mcp.prompt.result.content", Text, Outputs, [Ours];

    // Lists, discovery, completion, subscriptions
    /// Number of items that a list request returned.
    MCP_RESULT_COUNT = "mcp.result.count", Int, Open, [Sentry];
    /// Whether the request asks for a later page.
    MCP_PAGINATION_CURSOR_PRESENT = "mcp.pagination.cursor.present", Bool, Open, [Sentry];
    /// Whether there is a later page.
    MCP_PAGINATION_NEXT_CURSOR_PRESENT = "mcp.pagination.next_cursor.present", Bool, Open, [Sentry];
    /// How long the handler lets its result be cached, in milliseconds.
    MCP_CACHE_TTL_MS = "mcp.cache.ttl_ms", Int, Open, [Sentry];
    /// Who may cache the result: `public` or `private`.
    MCP_CACHE_SCOPE = "mcp.cache.scope", Text, Open, [Sentry];
    /// What the client can do, sorted, with commas.
    MCP_CLIENT_CAPABILITIES = "mcp.client.capabilities", Text, Open, [Sentry];
    /// What the server can do, sorted, with commas.
    MCP_SERVER_CAPABILITIES = "mcp.server.capabilities", Text, Open, [Sentry];
    /// Versions that the server speaks, with commas.
    MCP_DISCOVERY_PROTOCOL_VERSIONS = "mcp.discovery.protocol_versions", Text, Open, [Sentry];
    /// What is completed: `ref/prompt` or `ref/resource`.
    MCP_COMPLETION_REFERENCE_TYPE = "mcp.completion.reference.type", Text, Open, [Sentry];
    /// The subscription: the JSON-RPC id of the request that began it.
    MCP_SUBSCRIPTION_ID = "mcp.subscription.id", Text, Open, [Sentry];
    /// Least level that the client asks for.
    MCP_LOGGING_REQUESTED_LEVEL = "mcp.logging.requested_level", Text, Open, [Sentry];

    // Notifications
    /// The request that is taken back.
    MCP_CANCELLED_REQUEST_ID = "mcp.cancelled.request_id", Text, Open, [Sentry];
    /// Why it is taken back.
    MCP_CANCELLED_REASON = "mcp.cancelled.reason", Text, Inputs, [Sentry];
    /// Token of the request that makes progress.
    MCP_PROGRESS_TOKEN = "mcp.progress.token", Text, Open, [Sentry];
    /// Progress so far, as a whole number.
    MCP_PROGRESS_CURRENT = "mcp.progress.current", Int, Open, [Sentry];
    /// Progress at the end, as a whole number, where that is known.
    MCP_PROGRESS_TOTAL = "mcp.progress.total", Int, Open, [Sentry];
    /// Progress in percent, where the total is known.
    MCP_PROGRESS_PERCENTAGE = "mcp.progress.percentage", Double, Open, [Sentry];
    /// What the progress says.
    MCP_PROGRESS_MESSAGE = "mcp.progress.message", Text, Inputs, [Sentry];
    /// Level of a log message.
    MCP_LOGGING_LEVEL = "mcp.logging.level", Text, Open, [Sentry];
    /// Logger of a log message.
    MCP_LOGGING_LOGGER = "mcp.logging.logger", Text, Open, [Sentry];
    /// JSON type of a log message's data.
    MCP_LOGGING_DATA_TYPE = "mcp.logging.data_type", Text, Open, [Sentry];
    /// A log message's data, as JSON or as its text.
    MCP_LOGGING_MESSAGE = "mcp.logging.message", Text, Inputs, [Sentry];
    /// `initialization_complete`.
    MCP_LIFECYCLE_PHASE = "mcp.lifecycle.phase", Text, Open, [Sentry];
    /// 1 when the session is ready.
    MCP_PROTOCOL_READY = "mcp.protocol.ready", Int, Open, [Sentry];

    // Network and HTTP
    /// `tcp`, or `pipe` for stdio.
    NETWORK_TRANSPORT = "network.transport", Text, Open, [OTel, Sentry];
    /// `http` where the transport is HTTP.
    NETWORK_PROTOCOL_NAME = "network.protocol.name", Text, Open, [OTel];
    /// HTTP version.
    NETWORK_PROTOCOL_VERSION = "network.protocol.version", Text, Open, [OTel];
    /// Address of the socket's other end.
    NETWORK_PEER_ADDRESS = "network.peer.address", Text, User, [OTel];
    /// Port of the socket's other end.
    NETWORK_PEER_PORT = "network.peer.port", Int, User, [OTel];
    /// Client's address.
    CLIENT_ADDRESS = "client.address", Text, User, [OTel, Sentry];
    /// Client's port.
    CLIENT_PORT = "client.port", Int, User, [OTel, Sentry];
    /// Host that was asked.
    SERVER_ADDRESS = "server.address", Text, Open, [OTel];
    /// Port that was asked.
    SERVER_PORT = "server.port", Int, Open, [OTel];
    /// HTTP method.
    HTTP_REQUEST_METHOD = "http.request.method", Text, Open, [OTel];
    /// HTTP method as it came, where it is not a known one.
    HTTP_REQUEST_METHOD_ORIGINAL = "http.request.method_original", Text, Open, [OTel];
    /// Matched route.
    HTTP_ROUTE = "http.route", Text, Open, [OTel];
    /// HTTP status code.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code", Int, Open, [OTel];
    /// HTTP status code (older name, which Sentry reads the status from).
    HTTP_STATUS_CODE = "http.status_code", Int, Open, [Sentry];
    /// Bytes of the request's body, where its length is known.
    HTTP_REQUEST_BODY_SIZE = "http.request.body.size", Int, Open, [OTel];
    /// Bytes of the response's body that were sent.
    HTTP_RESPONSE_BODY_SIZE = "http.response.body.size", Int, Open, [OTel];
    /// `X-Request-ID` of the HTTP request, or the id made for it.
    HTTP_REQUEST_ID_HEADER = "http.request.header.x-request-id", Texts, Open, [OTel];
    /// Client's `User-Agent`.
    USER_AGENT_ORIGINAL = "user_agent.original", Text, User, [OTel];
    /// Path of the URL.
    URL_PATH = "url.path", Text, Open, [OTel];
    /// Query of the URL.
    URL_QUERY = "url.query", Text, Open, [OTel];
    /// Scheme of the URL.
    URL_SCHEME = "url.scheme", Text, Open, [OTel];
    /// Whole URL, without credentials.
    URL_FULL = "url.full", Text, Open, [OTel];
    /// Path template of an outgoing request.
    URL_TEMPLATE = "url.template", Text, Open, [OTel];

    // Splunk
    /// Operation on Splunk, such as `search.oneshot`.
    SPLUNK_OPERATION = "splunk.operation", Text, Open, [Ours];
    /// `success`, `error`, `timeout` or `cancelled`.
    SPLUNK_STATUS = "splunk.status", Text, Open, [Seed];
    /// Duration of the operation in milliseconds.
    SPLUNK_DURATION = "splunk.duration", Double, Open, [Seed];
    /// Rows, or entries, that Splunk returned.
    SPLUNK_RESULT_COUNT = "splunk.result_count", Int, Open, [Ours];
    /// Characters of the SPL query.
    SPLUNK_QUERY_LENGTH = "splunk.query_length", Int, Open, [Ours];
    /// First 200 characters of the SPL query.
    SPLUNK_QUERY_PREVIEW = "splunk.query_preview", Text, Inputs, [Ours];
    /// Kind of the error that the operation ended with.
    SPLUNK_ERROR_TYPE = "splunk.error_type", Text, Open, [Ours];
    /// One argument of a traced Splunk function, under its name.
    SPLUNK_ARGUMENT_PREFIX = "splunk.argument.", Text, Inputs, [Ours];
    /// What a traced Splunk function returned, as JSON or `Debug` text.
    SPLUNK_RESULT = "splunk.result", Text, Outputs, [Ours];
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_attribute_stands_once_and_says_what_it_is() {
        let keys: HashSet<_> = ALL.iter().map(|it| it.key).collect();
        assert_eq!(keys.len(), ALL.len());
        for attribute in ALL {
            assert!(attribute.brief.trim().ends_with('.'), "{}", attribute.key);
        }
    }
}
