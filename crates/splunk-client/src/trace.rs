//! What a call's spans say: `splunk.api` for the operation, `http.client` for each request.

use http::{StatusCode, Uri};
use mcp_telemetry::http::HttpCall;
use mcp_telemetry::{CallSpan, Outcome, attributes as names};
use tracing::Span;

use crate::client::SplunkClient;
use crate::error::SplunkError;
use crate::operation::Operation;
use crate::send::{Request, Running};

/// The most characters of a search that a span shows.
const QUERY_PREVIEW: usize = 200;

/// Starts the span of an operation.
pub(crate) fn operation(
    client: &SplunkClient,
    operation: Operation,
    request: &Request,
) -> CallSpan {
    let config = client.config();
    let call = CallSpan::splunk(operation.name())
        .attribute(names::SERVER_ADDRESS, config.host().to_owned())
        .attribute(names::SERVER_PORT, i64::from(config.port()));
    match request.search() {
        Some(spl) => {
            let length = i64::try_from(spl.chars().count()).unwrap_or(i64::MAX);
            let preview: String = spl.chars().take(QUERY_PREVIEW).collect();
            call.attribute(names::SPLUNK_QUERY_LENGTH, length)
                .input(names::SPLUNK_QUERY_PREVIEW, preview)
        }
        None => call,
    }
}

/// Records what the operation answered on its span.
pub(crate) fn answered(status: u16, count: Option<usize>) {
    mcp_telemetry::record(names::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
    if let Some(count) = count {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        mcp_telemetry::record(names::SPLUNK_RESULT_COUNT, count);
    }
}

/// How the operation ended.
pub(crate) fn outcome<R>(result: &Result<R, SplunkError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(error) => Outcome::Error {
            kind: error.error_type(),
            message: error.to_string(),
        },
    }
}

/// Starts the span of one HTTP request. Splunk has no use for a trace context: it gets one only
/// where the settings list its host.
pub(crate) fn exchange<'a>(
    client: &'a SplunkClient,
    running: Running,
    request: &mut reqwest::Request,
    path: &str,
) -> Exchange<'a> {
    // What is a URL to reqwest is one to `http`, but for lengths that no path here has.
    let uri: Uri = request.url().as_str().parse().unwrap_or_default();
    let call = HttpCall::start(request.method(), &uri, Some(path));
    call.propagate(request.headers_mut());
    Exchange {
        call,
        client,
        running,
        ended: false,
    }
}

/// One HTTP request. The time limit is the operation's, which drops what it cuts off: here is
/// where the request's span learns of it.
pub(crate) struct Exchange<'a> {
    call: HttpCall,
    client: &'a SplunkClient,
    running: Running,
    ended: bool,
}

impl Exchange<'_> {
    /// The span to send the request in.
    pub(crate) fn span(&self) -> &Span {
        self.call.span()
    }

    /// There is a response, whose body is to be read.
    pub(crate) fn respond(&self, status: StatusCode, version: http::Version) {
        self.call.respond(status, version);
    }

    /// It ended by itself: with an error, or with all of its response.
    pub(crate) fn end(mut self, error: Option<&SplunkError>) {
        self.ended = true;
        if let Some(error) = error {
            self.call.fail(error.error_type(), error);
        }
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        // Whoever waits no longer before the time is over has cancelled it, which is no error.
        if !self.ended && self.running.is_over() {
            let error = self.client.timed_out(self.running);
            self.call.fail(error.error_type(), &error);
        }
    }
}
