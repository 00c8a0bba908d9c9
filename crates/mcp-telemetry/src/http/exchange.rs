//! One HTTP request and its response as one span.

use http::{HeaderMap, Method, header, response};
use opentelemetry::trace::Status;
use opentelemetry::{Array, Context, StringValue, Value};
use opentelemetry_http::HeaderExtractor;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::headers::{session_id, text, version};
use super::options::Options;
use crate::attributes as names;
use crate::call::short_type;
use crate::settings::{ORIGIN, TARGET, send_pii};

/// The span of the HTTP request, as an extension of the request.
///
/// rmcp hands MCP requests to other tasks; this is how their spans find their parent. It
/// is the OTel context alone: it does not keep the span open.
#[derive(Clone, Debug)]
pub(crate) struct HttpSpan(Context);

impl HttpSpan {
    pub(crate) fn context(&self) -> &Context {
        &self.0
    }
}

/// The span from the request's headers to the response's end.
#[derive(Debug)]
pub(crate) struct Exchange {
    span: Span,
    /// The response may stream for hours; the span ends when it starts.
    ends_at_headers: bool,
    is_get: bool,
    answered: bool,
}

impl Exchange {
    /// Starts the span; `None` where nobody listens.
    pub(crate) fn start<B>(options: &Options, request: &mut http::Request<B>) -> Option<Self> {
        let (method, original) = method(request.method());
        let is_mcp = options.is_mcp(request.uri().path());
        let route = options.route(request);
        // OTel's HTTP convention: a method that is not known stands as `HTTP` in names.
        let verb = if original.is_some() { "HTTP" } else { method };
        let name = match &route {
            Some(route) => format!("{verb} {route}"),
            None => verb.to_owned(),
        };
        let span = tracing::info_span!(
            target: TARGET, parent: None, "http.server", otel.name = name, otel.kind = "server",
            sentry.op = "http.server", sentry.origin = ORIGIN,
            http.request.method = method,
            // Sentry reads it where there is no route.
            url.path = request.uri().path(),
            url.scheme = request.uri().scheme_str().unwrap_or("http"),
            network.transport = "tcp", network.protocol.name = "http",
        );
        if span.is_disabled() {
            return None;
        }
        if let Some(route) = route {
            span.set_attribute(names::HTTP_ROUTE, route);
            span.set_attribute(names::SENTRY_SOURCE, "route");
        }
        if let Some(original) = original {
            span.set_attribute(names::HTTP_REQUEST_METHOD_ORIGINAL, original);
        }
        describe(&span, request, is_mcp);
        let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &HeaderExtractor(request.headers()))
        });
        // It can only fail on a span that has started; this one was made just above.
        let _ = span.set_parent(parent);
        let exchange = Self {
            ends_at_headers: is_subscription(request.headers()),
            is_get: request.method() == Method::GET,
            answered: false,
            span,
        };
        let context = exchange.span.context();
        request.extensions_mut().insert(HttpSpan(context));
        Some(exchange)
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Records the response; gives the span back where it lasts as long as the body.
    pub(crate) fn respond(mut self, response: &response::Parts) -> Option<Span> {
        self.answered = true;
        let status = response.status;
        let code = i64::from(status.as_u16());
        self.span
            .set_attribute(names::HTTP_RESPONSE_STATUS_CODE, code);
        self.span.set_attribute(names::HTTP_STATUS_CODE, code);
        if status.is_server_error() {
            self.span
                .set_attribute(names::ERROR_TYPE, status.as_str().to_owned());
            self.span.set_status(Status::error(""));
        }
        let streams_events = text(&response.headers, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        let ends = self.ends_at_headers || (self.is_get && streams_events);
        (!ends).then(|| self.span.clone())
    }

    /// Records that the service ended without a response. `kind` is a type's name.
    pub(crate) fn fail(mut self, kind: &'static str) {
        self.answered = true;
        self.span
            .set_attribute(names::ERROR_TYPE, short_type(kind).to_owned());
        self.span.set_status(Status::error("the service failed"));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.answered && std::thread::panicking() {
            self.span.set_attribute(names::ERROR_TYPE, "panic");
            self.span.set_status(Status::error("the service panicked"));
        }
    }
}

/// Sets what the request says about itself.
fn describe<B>(span: &Span, request: &http::Request<B>, is_mcp: bool) {
    let headers = request.headers();
    if let Some(version) = version(request.version()) {
        span.set_attribute(names::NETWORK_PROTOCOL_VERSION, version);
    }
    if let Some(query) = request.uri().query() {
        span.set_attribute(names::URL_QUERY, query.to_owned());
    }
    if let Some((host, port)) = host(request) {
        span.set_attribute(names::SERVER_ADDRESS, host.to_owned());
        if let Some(port) = port {
            span.set_attribute(names::SERVER_PORT, i64::from(port));
        }
    }
    if let Some(id) = text(headers, "x-request-id") {
        let id = Value::Array(Array::String(vec![StringValue::from(id.to_owned())]));
        span.set_attribute(names::HTTP_REQUEST_ID_HEADER, id);
    }
    if let Some(agent) = text(headers, header::USER_AGENT.as_str()).filter(|_| send_pii()) {
        span.set_attribute(names::USER_AGENT_ORIGINAL, agent.to_owned());
    }
    if is_mcp {
        span.set_attribute(names::MCP_TRANSPORT, "http");
        if let Some(session) = session_id(headers) {
            span.set_attribute(names::MCP_SESSION_ID, session.to_owned());
        }
        if let Some(version) = text(headers, "mcp-protocol-version") {
            span.set_attribute(names::MCP_PROTOCOL_VERSION, version.to_owned());
        }
    }
}

/// The host and port that the client asked for.
fn host<B>(request: &http::Request<B>) -> Option<(&str, Option<u16>)> {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let authority = authority.or_else(|| text(request.headers(), header::HOST.as_str()))?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host, port.parse().ok())),
        _ => Some((authority, None)),
    }
}

/// The method, `_OTHER` for one that is not standard, and then how it was written.
fn method(method: &Method) -> (&'static str, Option<String>) {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    match KNOWN.into_iter().find(|known| *known == method.as_str()) {
        Some(known) => (known, None),
        None => ("_OTHER", Some(method.as_str().chars().take(64).collect())),
    }
}

/// A request whose response lasts as long as a subscription.
fn is_subscription(headers: &HeaderMap) -> bool {
    text(headers, "mcp-method") == Some("subscriptions/listen")
}
