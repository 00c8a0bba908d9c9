//! An outgoing HTTP request as a span and a duration.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use opentelemetry::propagation::Injector;
use opentelemetry::trace::Status;
use opentelemetry::{Context, KeyValue, StringValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::describe::{method, verb};
use super::headers::version;
use super::targets;
use crate::attributes as names;
use crate::breadcrumb::Sent;
use crate::metrics::{self, Measured};
use crate::settings::{ORIGIN, TARGET};

/// The span of one outgoing request; it ends when this is dropped. Then its duration is
/// recorded as `http.client.request.duration` too, sampled or not.
///
/// ```
/// use http::{Method, StatusCode, Uri};
/// use mcp_telemetry::http::HttpCall;
///
/// let uri = Uri::from_static("https://splunk.local:8089/services/server/info");
/// let call = HttpCall::start(&Method::GET, &uri, Some("/services/server/info"));
/// // … send the request inside `call.span()` …
/// call.respond(StatusCode::OK, http::Version::HTTP_11);
/// ```
///
/// The request itself stays as it is: [`propagate`](Self::propagate) adds the trace context, where
/// the target may have it.
#[derive(Debug)]
#[must_use = "the span ends when this is dropped"]
pub struct HttpCall {
    span: Span,
    /// Whether the target is told the trace.
    is_told: bool,
    started: Instant,
    /// What the metric says of the request; nothing where nobody listened when it started.
    asked: Vec<KeyValue>,
    breadcrumb: Option<Sent>,
    ending: Mutex<Ending>,
}

/// Headers that name a span. Whoever sets one of them propagates a trace himself.
const SPAN_HEADERS: [&str; 2] = ["traceparent", "sentry-trace"];

/// Adds headers that are not there yet.
struct HeaderInjector<'a>(&'a mut HeaderMap);

impl Injector for HeaderInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::try_from(key);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            self.0.entry(name).or_insert(value);
        }
    }
}

/// How a call ended, as far as is known.
#[derive(Debug, Default)]
struct Ending {
    status: Option<StatusCode>,
    version: Option<&'static str>,
    error: Option<StringValue>,
}

impl HttpCall {
    /// Starts the span below the current one. `template` is the path with its variables in
    /// braces; it names the span, which otherwise has its method alone.
    pub fn start(method: &Method, uri: &Uri, template: Option<&str>) -> Self {
        let (method, original) = self::method(method);
        let name = match template {
            Some(template) => format!("{} {template}", verb(method)),
            None => verb(method).to_owned(),
        };
        let span = tracing::info_span!(
            target: TARGET, "http.client", otel.name = name, otel.kind = "client",
            sentry.op = "http.client", sentry.origin = ORIGIN,
            http.request.method = method,
            network.transport = "tcp", network.protocol.name = "http",
        );
        let mut asked = Vec::new();
        if !span.is_disabled() || metrics::are_wanted() {
            asked = target(uri, template);
            asked.push(KeyValue::new(names::HTTP_REQUEST_METHOD, method));
        }
        if !span.is_disabled() {
            for attribute in &asked {
                span.set_attribute(attribute.key.clone(), attribute.value.clone());
            }
            span.set_attribute(names::URL_FULL, uri.to_string());
            if let Some(original) = original {
                span.set_attribute(names::HTTP_REQUEST_METHOD_ORIGINAL, original);
            }
        }
        Self {
            span,
            is_told: targets::is_told(uri),
            started: Instant::now(),
            asked,
            breadcrumb: Sent::start(method, uri),
            ending: Mutex::default(),
        }
    }

    /// The span to send the request in.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Adds the trace context to the request's headers, if its host is one of
    /// `MCP_TELEMETRY_PROPAGATION_TARGETS`; tells whether it was. Headers of the same names that
    /// are there already stay as they are, and so does `baggage`. Hosts that telemetry itself is
    /// sent to are never told.
    ///
    /// ```
    /// use http::{HeaderMap, Method, Uri};
    /// use mcp_telemetry::http::HttpCall;
    ///
    /// let uri = Uri::from_static("https://splunk.local:8089/services/server/info");
    /// let call = HttpCall::start(&Method::GET, &uri, None);
    /// let mut headers = HeaderMap::new();
    /// assert!(!call.propagate(&mut headers), "nobody is told unless the settings name him");
    /// ```
    pub fn propagate(&self, headers: &mut HeaderMap) -> bool {
        if !self.is_told || SPAN_HEADERS.iter().any(|name| headers.contains_key(*name)) {
            return false;
        }
        let context = match self.span.is_disabled() {
            true => Context::current(),
            false => self.span.context(),
        };
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut HeaderInjector(headers));
        });
        true
    }

    /// Records the response. From 400 on it is an error, as OTel's HTTP convention has it
    /// for clients.
    pub fn respond(&self, status: StatusCode, http_version: http::Version) {
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        ending.status = Some(status);
        ending.version = version(http_version);
        let code = i64::from(status.as_u16());
        self.span
            .set_attribute(names::HTTP_RESPONSE_STATUS_CODE, code);
        self.span.set_attribute(names::HTTP_STATUS_CODE, code);
        if let Some(version) = ending.version {
            self.span
                .set_attribute(names::NETWORK_PROTOCOL_VERSION, version);
        }
        if status.is_client_error() || status.is_server_error() {
            let kind = StringValue::from(status.as_str().to_owned());
            self.span.set_attribute(names::ERROR_TYPE, kind.clone());
            self.span.set_status(Status::error(""));
            ending.error = Some(kind);
        }
    }

    /// Records that there was no response, or that its body could not be read: `kind` is one
    /// of few, such as `timeout`.
    pub fn fail(&self, kind: &'static str, error: &impl Display) {
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        ending.error = Some(kind.into());
        if !self.span.is_disabled() {
            self.span.set_attribute(names::ERROR_TYPE, kind);
            self.span.set_status(Status::error(error.to_string()));
        }
    }
}

impl Drop for HttpCall {
    /// A request that nobody waits for any more is no error of its own, and no success.
    fn drop(&mut self) {
        let Self {
            span,
            is_told: _,
            started,
            asked,
            breadcrumb,
            ending,
        } = self;
        let ending = ending.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ending.status.is_none() && ending.error.is_none() {
            span.set_attribute(names::SENTRY_STATUS, "cancelled");
        }
        if let Some(sent) = breadcrumb.take() {
            sent.end(
                ending.status,
                ending.error.as_ref().map(StringValue::as_str),
            );
        }
        if asked.is_empty() {
            return;
        }
        metrics::record(Measured::HttpClientRequest, started.elapsed(), || {
            let status = ending.status.map(|status| i64::from(status.as_u16()));
            let ended = [
                status.map(|it| KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, it)),
                ending
                    .error
                    .take()
                    .map(|it| KeyValue::new(names::ERROR_TYPE, it)),
                ending
                    .version
                    .map(|it| KeyValue::new(names::NETWORK_PROTOCOL_VERSION, it)),
            ];
            let mut attributes = std::mem::take(asked);
            attributes.extend(ended.into_iter().flatten());
            attributes
        });
    }
}

/// What the span and the metric say of the request's target.
fn target(uri: &Uri, template: Option<&str>) -> Vec<KeyValue> {
    let default_port = match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    };
    let port = uri.port_u16().or(default_port);
    [
        uri.host()
            .map(|host| KeyValue::new(names::SERVER_ADDRESS, host.to_owned())),
        port.map(|port| KeyValue::new(names::SERVER_PORT, i64::from(port))),
        template.map(|it| KeyValue::new(names::URL_TEMPLATE, it.to_owned())),
    ]
    .into_iter()
    .flatten()
    .collect()
}
