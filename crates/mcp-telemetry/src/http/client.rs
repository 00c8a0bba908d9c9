//! An outgoing HTTP request as a span.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Method, StatusCode, Uri};
use opentelemetry::trace::Status;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::headers::version;
use crate::attributes as names;
use crate::settings::{ORIGIN, TARGET};

/// The span of one outgoing request; it ends when this is dropped.
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
/// No trace context is added to the request: whether a target may see it is the caller's
/// decision.
#[derive(Debug)]
#[must_use = "the span ends when this is dropped"]
pub struct HttpCall {
    span: Span,
    ended: AtomicBool,
}

impl HttpCall {
    /// Starts the span below the current one. `template` is the path with its variables in
    /// braces; it names the span, which otherwise has its method alone.
    pub fn start(method: &Method, uri: &Uri, template: Option<&str>) -> Self {
        let name = match template {
            Some(template) => format!("{method} {template}"),
            None => method.to_string(),
        };
        let span = tracing::info_span!(
            target: TARGET, "http.client", otel.name = name, otel.kind = "client",
            sentry.op = "http.client", sentry.origin = ORIGIN,
            http.request.method = method.as_str(),
            network.transport = "tcp", network.protocol.name = "http",
        );
        if !span.is_disabled() {
            if let Some(host) = uri.host() {
                span.set_attribute(names::SERVER_ADDRESS, host.to_owned());
            }
            let default_port = match uri.scheme_str() {
                Some("http") => Some(80),
                Some("https") => Some(443),
                _ => None,
            };
            if let Some(port) = uri.port_u16().or(default_port) {
                span.set_attribute(names::SERVER_PORT, i64::from(port));
            }
            span.set_attribute(names::URL_FULL, uri.to_string());
            if let Some(template) = template {
                span.set_attribute(names::URL_TEMPLATE, template.to_owned());
            }
        }
        Self {
            span,
            ended: AtomicBool::new(false),
        }
    }

    /// The span to send the request in.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Records the response. From 400 on it is an error, as OTel's HTTP convention has it
    /// for clients.
    pub fn respond(&self, status: StatusCode, http_version: http::Version) {
        self.ended.store(true, Ordering::Relaxed);
        if self.span.is_disabled() {
            return;
        }
        let code = i64::from(status.as_u16());
        self.span
            .set_attribute(names::HTTP_RESPONSE_STATUS_CODE, code);
        self.span.set_attribute(names::HTTP_STATUS_CODE, code);
        if let Some(version) = version(http_version) {
            self.span
                .set_attribute(names::NETWORK_PROTOCOL_VERSION, version);
        }
        if status.is_client_error() || status.is_server_error() {
            self.span
                .set_attribute(names::ERROR_TYPE, status.as_str().to_owned());
            self.span.set_status(Status::error(""));
        }
    }

    /// Records that there was no response: `kind` is one of few, such as `timeout`.
    pub fn fail(&self, kind: &'static str, error: &impl Display) {
        self.ended.store(true, Ordering::Relaxed);
        if !self.span.is_disabled() {
            self.span.set_attribute(names::ERROR_TYPE, kind);
            self.span.set_status(Status::error(error.to_string()));
        }
    }
}

impl Drop for HttpCall {
    /// A request that nobody waits for any more: no error of its own, and no success.
    fn drop(&mut self) {
        if !*self.ended.get_mut() && !self.span.is_disabled() {
            self.span.set_attribute(names::SENTRY_STATUS, "cancelled");
        }
    }
}
