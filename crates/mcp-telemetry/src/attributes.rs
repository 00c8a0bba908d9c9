//! The attribute names that this crate writes.
//!
//! Sources: OTel semantic conventions 1.44 (`http.*`, `url.*`, `server.*`, `network.*`),
//! the OTel MCP and GenAI conventions (`mcp.*`, `gen_ai.*`, `jsonrpc.*`, `rpc.*`), Sentry's
//! conventions (`sentry.*`, and the older `mcp.*` names that its dashboards read), and this
//! project's own document for `splunk.*`.

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $key:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $key;)*
    };
}

names! {
    /// Operation, as Sentry calls it.
    SENTRY_OP = "sentry.op";
    /// What made the span: `auto.…` for spans not written by the app's author.
    SENTRY_ORIGIN = "sentry.origin";
    /// How good the transaction's name is: `route` where it is bounded.
    SENTRY_SOURCE = "sentry.source";
    /// A Sentry status that overrides the one inferred.
    SENTRY_STATUS = "sentry.status";

    /// MCP method of the request.
    MCP_METHOD_NAME = "mcp.method.name";
    /// JSON-RPC id of the request, as text (older name).
    MCP_REQUEST_ID = "mcp.request.id";
    /// JSON-RPC id of the request, as text.
    JSONRPC_REQUEST_ID = "jsonrpc.request.id";
    /// Session of a protocol version before 2026-07-28.
    MCP_SESSION_ID = "mcp.session.id";
    /// Negotiated or declared protocol version.
    MCP_PROTOCOL_VERSION = "mcp.protocol.version";
    /// `http`, `sse` or `stdio`.
    MCP_TRANSPORT = "mcp.transport";
    /// Tool as the client named it.
    MCP_TOOL_NAME = "mcp.tool.name";
    /// Prompt as the client named it.
    MCP_PROMPT_NAME = "mcp.prompt.name";
    /// Resource as the client named it.
    MCP_RESOURCE_URI = "mcp.resource.uri";
    /// `success`, `error`, `cancelled` or `input_required`.
    MCP_TOOL_STATUS = "mcp.tool.status";
    /// As `mcp.tool.status`, of a resource.
    MCP_RESOURCE_STATUS = "mcp.resource.status";
    /// As `mcp.tool.status`, of a prompt.
    MCP_PROMPT_STATUS = "mcp.prompt.status";
    /// Kind of the error that a tool ended with.
    MCP_TOOL_ERROR_TYPE = "mcp.tool.error_type";
    /// Whether the tool's result says that it is an error.
    MCP_TOOL_RESULT_IS_ERROR = "mcp.tool.result.is_error";
    /// Content blocks of the tool's result.
    MCP_TOOL_RESULT_CONTENT_COUNT = "mcp.tool.result.content_count";
    /// Content of the tool's result (older name).
    MCP_TOOL_RESULT_CONTENT = "mcp.tool.result.content";
    /// Messages of the prompt's result.
    MCP_PROMPT_RESULT_MESSAGE_COUNT = "mcp.prompt.result.message_count";
    /// Outcome where it is no result: `cancelled`.
    MCP_REQUEST_OUTCOME = "mcp.request.outcome";
    /// `complete` or `input_required`.
    MCP_RESULT_TYPE = "mcp.result.type";
    /// Number of items that a list request returned.
    MCP_RESULT_COUNT = "mcp.result.count";
    /// Client as it names itself.
    MCP_CLIENT_NAME = "mcp.client.name";
    /// Client's version.
    MCP_CLIENT_VERSION = "mcp.client.version";
    /// Client's title.
    MCP_CLIENT_TITLE = "mcp.client.title";
    /// This server's name.
    MCP_SERVER_NAME = "mcp.server.name";
    /// This server's version.
    MCP_SERVER_VERSION = "mcp.server.version";
    /// This server's title.
    MCP_SERVER_TITLE = "mcp.server.title";
    /// One argument of a call, before its name.
    MCP_REQUEST_ARGUMENT_PREFIX = "mcp.request.argument.";

    /// `execute_tool` on a tool call.
    GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
    /// Tool as the client named it.
    GEN_AI_TOOL_NAME = "gen_ai.tool.name";
    /// Prompt as the client named it.
    GEN_AI_PROMPT_NAME = "gen_ai.prompt.name";
    /// Arguments of a tool call, as JSON.
    GEN_AI_TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments";
    /// Result of a tool call, as JSON.
    GEN_AI_TOOL_CALL_RESULT = "gen_ai.tool.call.result";
    /// JSON-RPC error code, as text.
    RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code";
    /// Low-cardinality kind of error; absent on success.
    ERROR_TYPE = "error.type";

    /// `tcp`, `quic` or `pipe`.
    NETWORK_TRANSPORT = "network.transport";
    /// `http` where the transport is HTTP.
    NETWORK_PROTOCOL_NAME = "network.protocol.name";
    /// HTTP version.
    NETWORK_PROTOCOL_VERSION = "network.protocol.version";
    /// HTTP method.
    HTTP_REQUEST_METHOD = "http.request.method";
    /// HTTP method as it came, where it is not a known one.
    HTTP_REQUEST_METHOD_ORIGINAL = "http.request.method_original";
    /// Matched route.
    HTTP_ROUTE = "http.route";
    /// HTTP status code.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
    /// HTTP status code (older name, which Sentry reads the status from).
    HTTP_STATUS_CODE = "http.status_code";
    /// `X-Request-ID` of the HTTP request.
    HTTP_REQUEST_ID_HEADER = "http.request.header.x-request-id";
    /// Path of the URL.
    URL_PATH = "url.path";
    /// Query of the URL.
    URL_QUERY = "url.query";
    /// Scheme of the URL.
    URL_SCHEME = "url.scheme";
    /// Whole URL, without credentials.
    URL_FULL = "url.full";
    /// Path template of an outgoing request.
    URL_TEMPLATE = "url.template";
    /// Host that was asked.
    SERVER_ADDRESS = "server.address";
    /// Port that was asked.
    SERVER_PORT = "server.port";
    /// Client's address.
    CLIENT_ADDRESS = "client.address";
    /// Client's `User-Agent`.
    USER_AGENT_ORIGINAL = "user_agent.original";

    /// Operation on Splunk, such as `search.oneshot`.
    SPLUNK_OPERATION = "splunk.operation";
    /// `success`, `error`, `timeout` or `cancelled`.
    SPLUNK_STATUS = "splunk.status";
    /// Duration of the operation in milliseconds.
    SPLUNK_DURATION = "splunk.duration";
    /// Rows, or entries, that Splunk returned.
    SPLUNK_RESULT_COUNT = "splunk.result_count";
    /// Characters of the SPL query.
    SPLUNK_QUERY_LENGTH = "splunk.query_length";
    /// First 200 characters of the SPL query.
    SPLUNK_QUERY_PREVIEW = "splunk.query_preview";
    /// Kind of the error that the operation ended with.
    SPLUNK_ERROR_TYPE = "splunk.error_type";
}
