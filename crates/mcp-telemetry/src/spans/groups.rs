//! Attributes that belong together.

use super::Condition as If;
use super::Group;

pub(super) const OURS: Group = Group {
    title: "Every span",
    methods: &[],
    rows: &[
        ("sentry.op", &[]),
        ("sentry.origin", &[]),
        ("sampling.rule", &[If::LocalRoot]),
        ("sampling.rate", &[If::LocalRoot, If::OwnDecision]),
        ("sampling.kept", &[If::LocalRoot, If::KeptAtEnd]),
    ],
};

pub(super) const CONTEXT: Group = Group {
    title: "MCP context, inherited by every span below the message's",
    methods: &[],
    rows: &[
        ("mcp.method.name", &[If::InMessage]),
        ("mcp.request.id", &[If::InRequest]),
        ("jsonrpc.request.id", &[If::InRequest]),
        ("mcp.session.id", &[If::InMessage, If::Session]),
        ("mcp.transport", &[If::InMessage, If::Transport]),
        ("network.transport", &[If::InMessage, If::Transport]),
        ("mcp.tool.name", &[If::Tool]),
        ("mcp.prompt.name", &[If::Prompt]),
        ("mcp.resource.uri", &[If::Resource]),
    ],
};

pub(super) const MESSAGE: Group = Group {
    title: "Every message that is received",
    methods: &[],
    rows: &[
        ("sentry.source", &[]),
        ("mcp.protocol.version", &[If::Version]),
        ("mcp.client.name", &[If::Client]),
        ("mcp.client.version", &[If::Client]),
        ("mcp.client.title", &[If::ClientTitle]),
        ("mcp.server.name", &[If::Server]),
        ("mcp.server.version", &[If::Server]),
        ("mcp.server.title", &[If::ServerTitle]),
        ("network.protocol.name", &[If::Http]),
        ("network.protocol.version", &[If::Http, If::HttpVersion]),
        ("client.address", &[If::Http, If::Address, If::Pii]),
        ("client.port", &[If::Http, If::Address, If::Pii]),
        ("error.type", &[If::Failed]),
    ],
};

pub(super) const REQUEST: Group = Group {
    title: "Every request that is received",
    methods: &[],
    rows: &[
        ("mcp.status", &[]),
        ("mcp.result.type", &[If::Answered]),
        ("rpc.response.status_code", &[If::Coded]),
        ("mcp.request.outcome", &[If::Cancelled]),
        ("sentry.status", &[If::Cancelled]),
    ],
};

pub(super) const SENT: Group = Group {
    title: "Every message that is sent",
    methods: &[],
    rows: &[
        ("sentry.source", &[]),
        ("mcp.method.name", &[]),
        ("mcp.protocol.version", &[If::Version]),
        ("mcp.server.name", &[If::ToServer, If::Server]),
        ("mcp.server.version", &[If::ToServer, If::Server]),
        ("mcp.server.title", &[If::ToServer, If::ServerTitle]),
        ("mcp.client.name", &[If::ToClient, If::Client]),
        ("mcp.client.version", &[If::ToClient, If::Client]),
        ("mcp.client.title", &[If::ToClient, If::ClientTitle]),
        ("mcp.session.id", &[If::ToClient, If::Session]),
        ("mcp.transport", &[If::Transport]),
        ("network.transport", &[If::Transport]),
        ("network.protocol.name", &[If::TransportTold, If::Http]),
        ("rpc.response.status_code", &[If::Coded]),
        ("error.type", &[If::Failed]),
        ("mcp.request.outcome", &[If::NoResponse]),
        ("sentry.status", &[If::Cancelled]),
    ],
};

pub(super) const SENT_REQUEST: Group = Group {
    title: "Every request that is sent",
    methods: &[],
    rows: &[
        ("mcp.request.id", &[If::IdKnown]),
        ("jsonrpc.request.id", &[If::IdKnown]),
        ("mcp.tool.name", &[If::Tool]),
        ("mcp.prompt.name", &[If::Prompt]),
        ("mcp.resource.uri", &[If::Resource]),
        ("mcp.result.type", &[If::Answered]),
    ],
};

pub(super) const RETRY: Group = Group {
    title: "Requests that a server may answer by asking for input",
    methods: &["tools/call", "resources/read", "prompts/get"],
    rows: &[
        ("mcp.input_request.count", &[If::InputRequired]),
        (
            "mcp.input_request.methods",
            &[If::InputRequired, If::InputsNamed],
        ),
        ("mcp.input_response.count", &[If::InputsBrought]),
        ("mcp.request_state.present", &[If::StateBrought]),
    ],
};

pub(super) const TOOL_CALL: Group = Group {
    title: "`tools/call`",
    methods: &["tools/call"],
    rows: &[
        ("gen_ai.tool.name", &[]),
        ("gen_ai.operation.name", &[]),
        ("mcp.tool.status", &[]),
        ("mcp.tool.result.is_error", &[If::FinalResult]),
        ("mcp.tool.result.content_count", &[If::FinalResult]),
        ("gen_ai.tool.call.arguments", &[If::Arguments, If::Pii]),
        ("gen_ai.tool.call.result", &[If::FinalResult, If::Pii]),
        ("mcp.tool.result.content", &[If::FinalResult, If::Pii]),
    ],
};

pub(super) const RESOURCE_READ: Group = Group {
    title: "`resources/read`",
    methods: &["resources/read"],
    rows: &[
        ("mcp.resource.status", &[]),
        ("mcp.resource.size_bytes", &[If::FinalResult]),
        (
            "mcp.resource.result.mime_types",
            &[If::FinalResult, If::MimeTypes],
        ),
    ],
};

pub(super) const RESOURCE_OTHER: Group = Group {
    title: "Other requests about a resource",
    methods: &[
        "resources/subscribe",
        "resources/unsubscribe",
        "resources/directory/read",
    ],
    rows: &[("mcp.resource.uri", &[])],
};

pub(super) const PROMPT_GET: Group = Group {
    title: "`prompts/get`",
    methods: &["prompts/get"],
    rows: &[
        ("gen_ai.prompt.name", &[]),
        ("mcp.prompt.status", &[]),
        ("mcp.prompt.result.message_count", &[If::FinalResult]),
        ("gen_ai.prompt.variable.", &[If::Arguments, If::Pii]),
        ("mcp.request.argument.", &[If::Arguments, If::Pii]),
        (
            "mcp.prompt.result.description",
            &[If::FinalResult, If::Description, If::Pii],
        ),
        (
            "mcp.prompt.result.message_role",
            &[If::FinalResult, If::OneMessage, If::Pii],
        ),
        (
            "mcp.prompt.result.message_content",
            &[If::FinalResult, If::OneMessage, If::Pii],
        ),
    ],
};

pub(super) const LIST: Group = Group {
    title: "Lists",
    methods: &[
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "skills/list",
    ],
    rows: &[("mcp.pagination.cursor.present", &[])],
};

pub(super) const LISTED: Group = Group {
    title: "Results that are lists",
    methods: &[
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/directory/read",
        "skills/list",
    ],
    rows: &[
        ("mcp.result.count", &[If::FinalResult]),
        ("mcp.pagination.next_cursor.present", &[If::FinalResult]),
    ],
};

pub(super) const CACHE: Group = Group {
    title: "Results that can be cached",
    methods: &[
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/directory/read",
        "skills/list",
    ],
    rows: &[
        ("mcp.cache.ttl_ms", &[If::FinalResult, If::CacheTtl]),
        ("mcp.cache.scope", &[If::FinalResult, If::CacheScope]),
    ],
};

pub(super) const HANDSHAKE: Group = Group {
    title: "Handshakes",
    methods: &["initialize", "server/discover"],
    rows: &[
        ("mcp.client.capabilities", &[If::ClientCapabilities]),
        ("mcp.server.capabilities", &[If::FinalResult]),
    ],
};

pub(super) const DISCOVERY: Group = Group {
    title: "`server/discover`",
    methods: &["server/discover"],
    rows: &[("mcp.discovery.protocol_versions", &[If::FinalResult])],
};

pub(super) const COMPLETION: Group = Group {
    title: "`completion/complete`",
    methods: &["completion/complete"],
    rows: &[("mcp.completion.reference.type", &[])],
};

pub(super) const SET_LEVEL: Group = Group {
    title: "`logging/setLevel`",
    methods: &["logging/setLevel"],
    rows: &[("mcp.logging.requested_level", &[])],
};

pub(super) const LISTEN: Group = Group {
    title: "`subscriptions/listen`, whose span ends at the acknowledgement",
    methods: &["subscriptions/listen"],
    rows: &[("mcp.subscription.id", &[])],
};

pub(super) const LISTENING: Group = Group {
    title: "`subscriptions/listen`, once it is acknowledged",
    methods: &["subscriptions/listen"],
    rows: &[("mcp.subscription.id", &[If::Subscribed])],
};

pub(super) const ROOTS: Group = Group {
    title: "`roots/list`",
    methods: &["roots/list"],
    rows: &[("mcp.result.count", &[If::FinalResult])],
};

pub(super) const SUBSCRIPTION: Group = Group {
    title: "Notifications of a subscription",
    methods: &[],
    rows: &[("mcp.subscription.id", &[If::Subscribed])],
};

pub(super) const LOG: Group = Group {
    title: "`notifications/message`",
    methods: &["notifications/message"],
    rows: &[
        ("mcp.logging.level", &[]),
        ("mcp.logging.data_type", &[]),
        ("mcp.logging.logger", &[If::Logger]),
        ("mcp.logging.message", &[If::Pii]),
    ],
};

pub(super) const UPDATED: Group = Group {
    title: "`notifications/resources/updated`",
    methods: &["notifications/resources/updated"],
    rows: &[("mcp.resource.uri", &[])],
};

pub(super) const CANCELLED: Group = Group {
    title: "`notifications/cancelled`",
    methods: &["notifications/cancelled"],
    rows: &[
        ("mcp.cancelled.request_id", &[If::NamesRequest]),
        ("mcp.cancelled.reason", &[If::Reason, If::Pii]),
    ],
};

pub(super) const PROGRESS: Group = Group {
    title: "`notifications/progress`",
    methods: &["notifications/progress"],
    rows: &[
        ("mcp.progress.token", &[]),
        ("mcp.progress.current", &[]),
        ("mcp.progress.total", &[If::Total]),
        ("mcp.progress.percentage", &[If::Total]),
        ("mcp.progress.message", &[If::Message, If::Pii]),
    ],
};

pub(super) const INITIALIZED: Group = Group {
    title: "`notifications/initialized`",
    methods: &["notifications/initialized"],
    rows: &[("mcp.lifecycle.phase", &[]), ("mcp.protocol.ready", &[])],
};

pub(super) const INTERRUPTED: Group = Group {
    title: "What was broken off",
    methods: &[],
    rows: &[("sentry.status", &[If::Cancelled])],
};

pub(super) const EXECUTED: Group = Group {
    title: "Executions",
    methods: &[],
    rows: &[
        ("mcp.request.outcome", &[If::Cancelled]),
        ("sentry.status", &[If::Cancelled]),
        ("error.type", &[If::Failed]),
    ],
};

pub(super) const HTTP_SERVER: Group = Group {
    title: "HTTP requests that are served",
    methods: &[],
    rows: &[
        ("http.request.method", &[]),
        ("http.request.method_original", &[If::OddMethod]),
        ("http.route", &[If::Route]),
        ("sentry.source", &[If::Route]),
        ("url.path", &[]),
        ("url.scheme", &[]),
        ("url.query", &[If::Query]),
        ("network.transport", &[]),
        ("network.protocol.name", &[]),
        ("network.protocol.version", &[]),
        ("server.address", &[If::Host]),
        ("server.port", &[If::Host, If::Port]),
        ("client.address", &[If::Address, If::Pii]),
        ("client.port", &[If::Address, If::Pii]),
        ("network.peer.address", &[If::Address, If::Pii]),
        ("network.peer.port", &[If::Address, If::Pii]),
        ("user_agent.original", &[If::UserAgent, If::Pii]),
        ("http.request.header.x-request-id", &[]),
        ("http.request.body.size", &[If::RequestLength]),
        ("http.response.status_code", &[If::Responded]),
        ("http.status_code", &[If::Responded]),
        ("http.response.body.size", &[If::BodySent]),
        ("mcp.transport", &[If::McpEndpoint]),
        ("mcp.method.name", &[If::McpEndpoint, If::MethodHeader]),
        ("mcp.session.id", &[If::McpEndpoint, If::Session]),
        ("mcp.protocol.version", &[If::McpEndpoint, If::Version]),
        ("mcp.session.status", &[If::SessionNotFound]),
        ("error.type", &[If::Failed]),
    ],
};

pub(super) const HTTP_CLIENT: Group = Group {
    title: "HTTP requests that are sent",
    methods: &[],
    rows: &[
        ("http.request.method", &[]),
        ("url.full", &[]),
        ("url.template", &[If::Template]),
        ("server.address", &[]),
        ("server.port", &[]),
        ("network.transport", &[]),
        ("network.protocol.name", &[]),
        ("network.protocol.version", &[If::Responded]),
        ("http.response.status_code", &[If::Responded]),
        ("http.status_code", &[If::Responded]),
        ("error.type", &[If::Failed]),
    ],
};

pub(super) const SPLUNK: Group = Group {
    title: "Operations on Splunk",
    methods: &[],
    rows: &[
        ("splunk.operation", &[]),
        ("splunk.status", &[]),
        ("splunk.duration", &[]),
        ("splunk.result_count", &[If::ResultCount]),
        ("splunk.query_length", &[If::SplQuery]),
        ("splunk.query_preview", &[If::SplQuery, If::Pii]),
        ("splunk.error_type", &[If::Failed]),
        ("splunk.argument.", &[If::FunctionArguments, If::Pii]),
        ("splunk.result", &[If::FunctionReturn, If::Pii]),
        ("error.type", &[If::Failed]),
        ("sentry.status", &[If::Cancelled]),
    ],
};

pub(super) const TOOL: Group = Group {
    title: "Tools",
    methods: &[],
    rows: &[
        ("mcp.tool.name", &[]),
        ("mcp.tool.status", &[]),
        ("mcp.tool.error_type", &[If::Failed]),
        ("mcp.request.argument.", &[If::FunctionArguments, If::Pii]),
        ("mcp.tool.result_keys", &[If::FunctionReturn, If::Pii]),
        ("mcp.tool.result.content", &[If::FunctionReturn, If::Pii]),
    ],
};

pub(super) const RESOURCE: Group = Group {
    title: "Resources",
    methods: &[],
    rows: &[
        ("mcp.resource.uri", &[]),
        ("mcp.resource.status", &[]),
        ("mcp.resource.name", &[If::Function]),
        ("mcp.request.argument.", &[If::FunctionArguments, If::Pii]),
        (
            "mcp.resource.result.content",
            &[If::FunctionReturn, If::Pii],
        ),
    ],
};

pub(super) const PROMPT: Group = Group {
    title: "Prompts",
    methods: &[],
    rows: &[
        ("mcp.prompt.name", &[]),
        ("mcp.prompt.status", &[]),
        ("mcp.request.argument.", &[If::FunctionArguments, If::Pii]),
        ("mcp.prompt.result.content", &[If::FunctionReturn, If::Pii]),
    ],
};
