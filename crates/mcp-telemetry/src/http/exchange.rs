//! One HTTP request and its response: one span, one measured duration.

use std::time::Instant;

use http::request::Parts;
use http::{StatusCode, header, response};
use opentelemetry::trace::Status;
use opentelemetry::{Context, KeyValue, StringValue};
use opentelemetry_http::HeaderExtractor;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::describe::{describe, method, verb};
use super::headers::{has_sessions, issued_session_id, names_session, text, version};
use super::methods::{LISTEN, mcp_method};
use super::options::Options;
use crate::attributes as names;
use crate::call::short_type;
use crate::metrics::{self, Measured};
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

/// The time from a request's headers to its response's end. Dropping it ends the span and
/// records the duration.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Disabled where only durations are wanted.
    span: Span,
    started: Instant,
    /// What the metric says of the request.
    method: &'static str,
    scheme: &'static str,
    version: Option<&'static str>,
    route: Option<String>,
    /// What it says of the response.
    status: Option<StatusCode>,
    error: Option<StringValue>,
    session: Session,
    /// The response may stream for hours; the exchange ends when it starts.
    ends_at_headers: bool,
}

/// What a request has to do with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    /// It does not go to the MCP endpoint.
    Elsewhere,
    /// It names none; the response may open one.
    Unnamed,
    /// It names one.
    Named,
}

impl Session {
    fn of(head: &Parts, is_mcp: bool) -> Self {
        match is_mcp {
            false => Self::Elsewhere,
            true if has_sessions(&head.headers) && names_session(&head.headers) => Self::Named,
            true => Self::Unnamed,
        }
    }
}

impl Exchange {
    /// Starts it; `None` where neither spans nor durations are wanted.
    pub(crate) fn start(options: &Options, head: &mut Parts) -> Option<Self> {
        let (method, original) = method(&head.method);
        let is_mcp = options.is_mcp(head.uri.path());
        let route = options.route(head);
        let name = match &route {
            Some(route) => format!("{} {route}", verb(method)),
            None => verb(method).to_owned(),
        };
        let scheme = options.scheme(head);
        let span = tracing::info_span!(
            target: TARGET, parent: None, "http.server", otel.name = name, otel.kind = "server",
            sentry.op = "http.server", sentry.origin = ORIGIN,
            http.request.method = method,
            // Sentry reads it where there is no route.
            url.path = head.uri.path(),
            url.scheme = scheme,
            network.transport = "tcp", network.protocol.name = "http",
        );
        if span.is_disabled() && !metrics::are_wanted() {
            return None;
        }
        let mcp_method = mcp_method(&head.headers).filter(|_| is_mcp);
        let exchange = Self {
            span,
            started: Instant::now(),
            method,
            scheme,
            version: version(head.version),
            route,
            status: None,
            error: None,
            session: Session::of(head, is_mcp),
            ends_at_headers: mcp_method == Some(LISTEN),
        };
        if !exchange.span.is_disabled() {
            exchange.trace(options, head, original, is_mcp, mcp_method);
        }
        Some(exchange)
    }

    /// Says on the span what the request says, and on the request which span is its own.
    fn trace(
        &self,
        options: &Options,
        head: &mut Parts,
        original: Option<String>,
        is_mcp: bool,
        mcp_method: Option<&'static str>,
    ) {
        let span = &self.span;
        if let Some(route) = &self.route {
            span.set_attribute(names::HTTP_ROUTE, route.clone());
            span.set_attribute(names::SENTRY_SOURCE, "route");
        }
        if let Some(original) = original {
            span.set_attribute(names::HTTP_REQUEST_METHOD_ORIGINAL, original);
        }
        if send_pii()
            && let Some(peer) = options.peer(head)
        {
            head.extensions.insert(peer);
        }
        describe(span, head, is_mcp);
        let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &HeaderExtractor(&head.headers))
        });
        // It can only fail on a span that has started; this one was made just above.
        let _ = span.set_parent(parent);
        head.extensions.insert(HttpSpan(span.context()));
        // After the sampler has decided: it is the endpoint that decides, not a header.
        if let Some(method) = mcp_method {
            span.set_attribute(names::MCP_METHOD_NAME, method);
        }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The span that the service runs in. None for a subscription: what the service spawns
    /// would hold the span, and with it the transaction, until the subscription's end. The
    /// MCP request finds its parent in the request's extensions.
    pub(crate) fn span_of_service(&self) -> Span {
        match self.ends_at_headers {
            true => Span::none(),
            false => self.span.clone(),
        }
    }

    /// Records the response; gives the exchange back where it lasts as long as the body.
    pub(crate) fn respond(mut self, response: &response::Parts) -> Option<Self> {
        let (status, headers) = (response.status, &response.headers);
        self.status = Some(status);
        let code = i64::from(status.as_u16());
        self.span
            .set_attribute(names::HTTP_RESPONSE_STATUS_CODE, code);
        self.span.set_attribute(names::HTTP_STATUS_CODE, code);
        if status.is_server_error() {
            self.set_error(status.as_str().to_owned().into(), "");
        }
        match self.session {
            Session::Named if status == StatusCode::NOT_FOUND => {
                self.span
                    .set_attribute(names::MCP_SESSION_STATUS, "not_found");
                metrics::session_not_found();
            }
            Session::Unnamed => {
                if let Some(session) = issued_session_id(headers) {
                    self.span
                        .set_attribute(names::MCP_SESSION_ID, session.to_owned());
                }
            }
            Session::Named | Session::Elsewhere => {}
        }
        let streams_events = text(headers, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        let ends = self.ends_at_headers || (self.method == "GET" && streams_events);
        (!ends).then_some(self)
    }

    /// Records that the service ended without a response. `kind` is a type's name.
    pub(crate) fn fail(mut self, kind: &'static str) {
        self.set_error(short_type(kind).into(), "the service failed");
    }

    /// Ends it with the response's body, of which so many bytes were sent.
    pub(crate) fn sent(self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.span
            .set_attribute(names::HTTP_RESPONSE_BODY_SIZE, bytes);
    }

    fn set_error(&mut self, kind: StringValue, description: &'static str) {
        self.span.set_attribute(names::ERROR_TYPE, kind.clone());
        self.span.set_status(Status::error(description));
        self.error = Some(kind);
    }

    /// The attributes of the metric, as OTel's HTTP convention has them.
    fn measured(&mut self) -> Vec<KeyValue> {
        let status = self.status.map(|status| i64::from(status.as_u16()));
        [
            Some(KeyValue::new(names::HTTP_REQUEST_METHOD, self.method)),
            Some(KeyValue::new(names::URL_SCHEME, self.scheme)),
            self.route
                .take()
                .map(|it| KeyValue::new(names::HTTP_ROUTE, it)),
            status.map(|it| KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, it)),
            self.error
                .take()
                .map(|it| KeyValue::new(names::ERROR_TYPE, it)),
            self.version
                .map(|it| KeyValue::new(names::NETWORK_PROTOCOL_VERSION, it)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let answered = self.status.is_some() || self.error.is_some();
        if !answered && std::thread::panicking() {
            self.set_error("panic".into(), "the service panicked");
        }
        // A span lasts until it was last entered.
        self.span.in_scope(|| {});
        let duration = self.started.elapsed();
        metrics::record(Measured::HttpServerRequest, duration, || self.measured());
    }
}
