//! The spans, and what they leave out.

use super::SpanType;
use super::groups::{
    CACHE, CANCELLED, COMPLETION, CONTEXT, DISCOVERY, EXECUTED, HANDSHAKE, HTTP_CLIENT,
    HTTP_SERVER, INITIALIZED, INTERRUPTED, LIST, LISTED, LISTEN, LISTENING, LOG, MESSAGE, OURS,
    PROGRESS, PROMPT, PROMPT_GET, REQUEST, RESOURCE, RESOURCE_OTHER, RESOURCE_READ, RETRY, ROOTS,
    SENT, SENT_REQUEST, SET_LEVEL, SPLUNK, SUBSCRIPTION, TOOL, TOOL_CALL, UPDATED,
};

/// The spans, from the outside inwards.
pub const SPANS: &[SpanType] = &[
    SpanType {
        op: "http.server",
        name: "`{method} {route}`, or the method alone",
        kind: "server",
        fails: "a status from 500 on, or a service that fails or panics; 4xx leaves it unset",
        groups: &[&OURS, &HTTP_SERVER, &CONTEXT],
    },
    SpanType {
        op: "mcp.server",
        name: "`{method} {tool or prompt}`, or the method alone; `_OTHER` for what is not known to exist",
        kind: "server",
        fails: "`isError`, a JSON-RPC code that is not the caller's fault, a panic",
        groups: &[
            &OURS,
            &CONTEXT,
            &MESSAGE,
            &REQUEST,
            &TOOL_CALL,
            &RESOURCE_READ,
            &RESOURCE_OTHER,
            &PROMPT_GET,
            &RETRY,
            &LIST,
            &LISTED,
            &CACHE,
            &HANDSHAKE,
            &DISCOVERY,
            &COMPLETION,
            &SET_LEVEL,
            &LISTEN,
            &ROOTS,
        ],
    },
    SpanType {
        op: "mcp.client",
        name: "`{method} {tool or prompt}`, or the method alone; `_OTHER` for a custom method",
        kind: "client",
        fails: "`isError`, any JSON-RPC code, a timeout, a request that could not be sent",
        groups: &[
            &OURS,
            &SENT,
            &SENT_REQUEST,
            &TOOL_CALL,
            &RESOURCE_READ,
            &RESOURCE_OTHER,
            &PROMPT_GET,
            &RETRY,
            &LIST,
            &LISTED,
            &CACHE,
            &HANDSHAKE,
            &DISCOVERY,
            &COMPLETION,
            &SET_LEVEL,
            &LISTENING,
            &ROOTS,
        ],
    },
    SpanType {
        op: "mcp.notification.client_to_server",
        name: "the method; `_OTHER` for a custom one",
        kind: "server",
        fails: "a JSON-RPC code that is not the caller's fault, a panic",
        groups: &[
            &OURS,
            &CONTEXT,
            &MESSAGE,
            &CANCELLED,
            &PROGRESS,
            &INITIALIZED,
        ],
    },
    SpanType {
        op: "mcp.notification.client_to_server",
        name: "the method; `_OTHER` for a custom one",
        kind: "client",
        fails: "a notification that could not be sent",
        groups: &[
            &OURS,
            &SENT,
            &SUBSCRIPTION,
            &CANCELLED,
            &PROGRESS,
            &INITIALIZED,
        ],
    },
    SpanType {
        op: "mcp.notification.server_to_client",
        name: "the method; `_OTHER` for a custom one",
        kind: "client",
        fails: "a notification that could not be sent",
        groups: &[
            &OURS,
            &SENT,
            &SUBSCRIPTION,
            &CANCELLED,
            &PROGRESS,
            &LOG,
            &UPDATED,
        ],
    },
    SpanType {
        op: "mcp.notification.server_to_client",
        name: "the method; `_OTHER` for a custom one",
        kind: "server",
        fails: "a JSON-RPC code that is not the caller's fault, a panic",
        groups: &[
            &OURS,
            &CONTEXT,
            &MESSAGE,
            &SUBSCRIPTION,
            &CANCELLED,
            &PROGRESS,
            &LOG,
            &UPDATED,
        ],
    },
    SpanType {
        op: "mcp.tool",
        name: "`mcp.tool.{tool}`",
        kind: "internal",
        fails: "as its request",
        groups: &[&OURS, &CONTEXT, &EXECUTED, &TOOL],
    },
    SpanType {
        op: "mcp.resource",
        name: "`mcp.resource`",
        kind: "internal",
        fails: "as its request",
        groups: &[&OURS, &CONTEXT, &EXECUTED, &RESOURCE],
    },
    SpanType {
        op: "mcp.prompt",
        name: "`mcp.prompt.{prompt}`",
        kind: "internal",
        fails: "as its request",
        groups: &[&OURS, &CONTEXT, &EXECUTED, &PROMPT],
    },
    SpanType {
        op: "splunk.api",
        name: "`splunk/{operation}`",
        kind: "internal",
        fails: "an error, a timeout or a panic",
        groups: &[&OURS, &CONTEXT, &SPLUNK],
    },
    SpanType {
        op: "http.client",
        name: "`{method} {template}`, or the method alone",
        kind: "client",
        fails: "a status from 400 on, or no response",
        groups: &[&OURS, &CONTEXT, &HTTP_CLIENT, &INTERRUPTED],
    },
];

/// What the conventions have and these spans do not, with the reason.
pub const NOT_EMITTED: &[(&str, &str)] = &[
    (
        "messages that rmcp answers or drops before a handler sees them",
        "`TracedHandler` is no part of it: an unsupported version, missing `_meta`, capability gates, and all notifications over \
         stateless HTTP, which rmcp answers with 202 and drops. Their HTTP span is there. `TracedService` sees the requests among them, over stdio",
    ),
    (
        "spans of a JSON-RPC batch",
        "rmcp refuses a batch with HTTP status 415, which the HTTP span shows",
    ),
    (
        "`mcp.resource.name` of a request",
        "a read names the URI alone; a function that `#[trace_mcp_resource]` traces outside of a request has one",
    ),
    (
        "`mcp.resource.protocol`",
        "Sentry has replaced it, and would fill `network.protocol.name` with it",
    ),
    (
        "`mcp.duration_ms`, `http.duration_ms`",
        "a span has its duration",
    ),
    (
        "`mcp.tool.arguments`",
        "`gen_ai.tool.call.arguments` holds them",
    ),
    (
        "`mcp.request.argument.*` of a tool",
        "one attribute for each argument that a client may invent; `#[trace_mcp_tool]` records those that a function has",
    ),
    (
        "`jsonrpc.protocol.version`",
        "rmcp accepts JSON-RPC 2.0 alone, and the convention wants it only where it is another",
    ),
    (
        "`mcp.request.outcome=send_error` on a server",
        "rmcp sends the response after the handler has returned, and tells nobody how it went",
    ),
    (
        "`error.type` on `mcp.server.session.duration` and `mcp.client.session.duration`",
        "rmcp drops a handler in the same way however its session ends",
    ),
    (
        "spans of what rmcp sends by itself",
        "the handshake of `serve`, `notifications/cancelled` after a timeout or a dropped call, what a subscription delivers: rmcp has no \
         place where they pass with their sender's context",
    ),
    (
        "spans of what a client's subscription receives, and of requests before the handshake",
        "rmcp gives the one to the `Subscription`, and answers the other itself: neither reaches the client's service",
    ),
    (
        "`mcp.session.id` of a client's messages, and their `server.address` and `server.port`",
        "rmcp's transports keep them to themselves",
    ),
    (
        "`mcp.transport` and `network.transport` of a client's messages, where the app does not tell",
        "rmcp does not say over which transport a client runs: `with_transport` does",
    ),
    (
        "the subscription's later end",
        "a transaction of hours helps nobody; what is sent to the subscriber are messages of their own",
    ),
    (
        "`layout=merged`",
        "one span cannot have both the operation that Sentry's dashboards want and the one of this project's document; both are there",
    ),
];
