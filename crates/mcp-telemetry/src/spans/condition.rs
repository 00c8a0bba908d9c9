//! What decides whether an attribute is on a span.

/// What may hold of a message or call, so that an attribute stands on its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// The span is the first of its trace in this process.
    LocalRoot,
    /// A rule of ours decided about the trace, not a parent.
    OwnDecision,
    /// The trace was kept at its end, whatever the sampler had said.
    KeptAtEnd,
    /// Inputs, outputs and what tells who the user is may be recorded: `SENTRY_SEND_PII`.
    Pii,
    /// The span belongs to an MCP message.
    InMessage,
    /// That message is a request, and no question in a result.
    InRequest,
    /// A client sends it to a server.
    ToServer,
    /// A server sends it to a client.
    ToClient,
    /// Its sender knows the JSON-RPC id: rmcp tells it of requests of a server, and of those
    /// that `send_request` sends.
    IdKnown,
    /// It calls a tool.
    Tool,
    /// It reads a resource.
    Resource,
    /// It gets a prompt.
    Prompt,
    /// Its transport is known: to a server, and to an app that tells.
    Transport,
    /// The app tells the transport of what it sends.
    TransportTold,
    /// Its transport is HTTP.
    Http,
    /// The version of HTTP is known: to a server.
    HttpVersion,
    /// The client has a session with the server.
    Session,
    /// The session that the client names is not known to the server.
    SessionNotFound,
    /// The protocol version is known.
    Version,
    /// The client has named itself.
    Client,
    /// The client has a title.
    ClientTitle,
    /// The server is known: to itself, and to a client after the handshake.
    Server,
    /// The server has a title.
    ServerTitle,
    /// The client has told its capabilities with the request.
    ClientCapabilities,
    /// The address of the client is known: the app tells the HTTP layer.
    Address,
    /// A result came.
    Answered,
    /// It answers the request, and does not ask for input or name a task.
    FinalResult,
    /// It asks for input.
    InputRequired,
    /// It names what input it asks for.
    InputsNamed,
    /// The request brings input that was asked for.
    InputsBrought,
    /// The request brings back a state.
    StateBrought,
    /// It has arguments.
    Arguments,
    /// The span's status is error.
    Failed,
    /// A JSON-RPC error code came.
    Coded,
    /// The sender took the request back, or went away.
    Cancelled,
    /// No response came to what was sent: it was taken back, or could not be sent.
    NoResponse,
    /// The handler says how long its result may be cached.
    CacheTtl,
    /// The handler says who may cache its result.
    CacheScope,
    /// The resource's contents have media types.
    MimeTypes,
    /// The prompt has a description.
    Description,
    /// The prompt's result is one message.
    OneMessage,
    /// The notification names a request.
    NamesRequest,
    /// The notification gives a reason.
    Reason,
    /// The notification knows the total.
    Total,
    /// The notification has a text.
    Message,
    /// The log message names its logger.
    Logger,
    /// The id of the subscription is known.
    Subscribed,
    /// The HTTP request is for the MCP endpoint.
    McpEndpoint,
    /// Its headers name the method.
    MethodHeader,
    /// A matched route is known.
    Route,
    /// The HTTP method is not a standard one.
    OddMethod,
    /// The URL has a query.
    Query,
    /// The request names its host.
    Host,
    /// The host comes with a port.
    Port,
    /// The client names its user agent.
    UserAgent,
    /// The length of the request's body is known.
    RequestLength,
    /// An HTTP response came.
    Responded,
    /// It was sent while the span was open.
    BodySent,
    /// The path template of an outgoing request is known.
    Template,
    /// The number of results is known.
    ResultCount,
    /// The call runs an SPL query.
    SplQuery,
    /// The app's function is traced by an attribute macro.
    Function,
    /// That macro records its arguments.
    FunctionArguments,
    /// That macro records what the function returns: `ret`.
    FunctionReturn,
}
