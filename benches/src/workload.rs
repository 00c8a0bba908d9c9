//! What is traced: one request as three nested spans and one event.

use opentelemetry::KeyValue;
use tracing::Span;

/// Spans of one trace.
pub const SPANS_PER_TRACE: u64 = 3;

const PATHS: [&str; 4] = [
    "/services/search/jobs",
    "/services/data/indexes",
    "/services/server/health",
    "/services/saved/searches",
];
const AGENTS: [&str; 4] = [
    "inspector-client/2.12.0",
    "desktop-client/1.14.2-beta",
    "terminal-client/0.9.8",
    "notebook-client/3.0.1 (linux)",
];
const HOSTS: [&str; 4] = [
    "search-head-01.example.net",
    "search-head-02.example.net",
    "indexer-17.example.net",
    "indexer-18.example.net",
];
const QUERIES: [&str; 4] = [
    "index=main | stats count",
    "index=web status>=500 | head 5",
    "index=_internal | top host",
    "| metadata type=sources",
];

/// Of so many requests, one fails in [`trace_with_errors`].
pub const ONE_FAILS_OF: u64 = 100;

/// Runs request `number`: three nested spans with eight fields each (four texts of 16 to 30
/// characters, two integers, a truth value and a float), and an `info!` in the innermost.
///
/// `prepare` gets the root before it starts, as a server does that sets its parent.
///
/// ```
/// let mut prepared = 0;
/// mcp_telemetry_benches::workload::trace(7, |_| prepared += 1);
/// assert_eq!(prepared, 1);
/// ```
pub fn trace(number: u64, prepare: impl FnOnce(&Span)) {
    run(number, prepare, |size, _| finished(size));
}

/// As [`trace`], and each hundredth request has an `error!` with an error as well.
pub fn trace_with_errors(number: u64, prepare: impl FnOnce(&Span)) {
    run(number, prepare, |size, _| {
        finished(size);
        if number.is_multiple_of(ONE_FAILS_OF) {
            let error = std::io::Error::other("the search head closed the connection");
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, rows = size, "search failed");
        }
    });
}

/// As [`trace`], but the spans are kept: as long as `kept` lives, they do not end.
pub fn open(number: u64, prepare: impl FnOnce(&Span), kept: &mut Vec<Span>) {
    run(number, prepare, |size, spans| {
        finished(size);
        kept.extend(spans.map(Span::clone));
    });
}

/// What all spans of request `number` are to carry; it is different for each request.
#[must_use]
pub fn request_attributes(number: u64) -> [KeyValue; 5] {
    [
        KeyValue::new("mcp.session.id", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        KeyValue::new("mcp.request.id", number.to_string()),
        KeyValue::new("mcp.method.name", "tools/call"),
        KeyValue::new("mcp.tool.name", "run_oneshot_search"),
        KeyValue::new("mcp.transport", "http"),
    ]
}

fn finished(size: i64) {
    tracing::info!(rows = size, "search finished");
}

/// `innermost` gets the size of the answer and the open spans.
fn run(number: u64, prepare: impl FnOnce(&Span), innermost: impl FnOnce(i64, [&Span; 3])) {
    let (path, agent) = (pick(&PATHS, number), pick(&AGENTS, number));
    let (host, query) = (pick(&HOSTS, number), pick(&QUERIES, number));
    let size = i64::try_from(number % 4096).unwrap_or_default();

    let request = tracing::info_span!(
        "handle request",
        url.path = path,
        user_agent.original = agent,
        server.address = host,
        app.tenant = "customer-emea-0042",
        http.response.status_code = 200_i64,
        http.response.body.size = size,
        app.cached = false,
        app.load = 0.75,
    );
    prepare(&request);
    let request = request.entered();
    let tool = tracing::info_span!(
        "run tool",
        app.query = query,
        app.host = host,
        app.client = agent,
        app.pool = "interactive-searches",
        app.limit = 100_i64,
        app.offset = size,
        app.dry_run = false,
        app.share = 0.125,
    )
    .entered();
    let call = tracing::info_span!(
        "call splunk",
        url.template = path,
        peer.service = host,
        app.statement = query,
        app.namespace = "nobody/search/admin",
        app.attempt = 1_i64,
        app.rows = size,
        app.streamed = true,
        app.duration = 12.5,
    )
    .entered();
    innermost(size, [&request, &tool, &call]);
    // As scopes end: the innermost first.
    drop((call, tool, request));
}

fn pick(texts: &[&'static str; 4], number: u64) -> &'static str {
    let at = usize::try_from(number % 4).unwrap_or_default();
    texts.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_of_the_length_that_is_promised() {
        for text in [PATHS, AGENTS, HOSTS, QUERIES].concat() {
            assert!((16..=30).contains(&text.len()), "{text}");
        }
    }
}
