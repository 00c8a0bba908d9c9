//! What is traced: one request as three nested spans and one event.

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
    let _request = request.entered();
    let _tool = tracing::info_span!(
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
    let _call = tracing::info_span!(
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
    tracing::info!(rows = size, "search finished");
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
