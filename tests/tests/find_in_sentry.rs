//! The filters of the README find at Sentry what it says they find, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use mcp_telemetry::mcp_span;
use mcp_telemetry_tests::client::{
    bad_search, call, connect, failed, good_search, search, slow_search,
};
use mcp_telemetry_tests::filter::{Errors, Filter, Logs, Searchable, Spans};
use mcp_telemetry_tests::harness::{Harness, splunk_setting};
use mcp_telemetry_tests::raw::RawSession;
use mcp_telemetry_tests::trace::SEARCH_OPS;
use serde_json::json;
use splunk_client::{Search, SplunkClient, SplunkConfig};
use telemetry_testkit::{OtlpSpan, Received};

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(1.0).unwrap());

/// A filter of the README.
struct Row {
    /// In the words of Sentry's documents and of a trace's own search.
    filter: &'static str,
    /// As the explorer writes it; empty where that is the same.
    explorer: &'static str,
    place: Place,
    /// All that it finds here, as `trace/op` of spans, `trace/message` of others.
    finds: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Traces,
    Issues,
    Logs,
}

const ROWS: &[Row] = &[
    Row {
        filter: "op:mcp.tool",
        explorer: "span.op:mcp.tool",
        place: Place::Traces,
        finds: &[
            "good/mcp.tool",
            "bad/mcp.tool",
            "slow/mcp.tool",
            "indexes/mcp.tool",
        ],
    },
    Row {
        filter: "op:mcp.server has:mcp.tool.name",
        explorer: "span.op:mcp.server has:mcp.tool.name",
        place: Place::Traces,
        finds: &[
            "good/mcp.server",
            "bad/mcp.server",
            "slow/mcp.server",
            "indexes/mcp.server",
        ],
    },
    Row {
        filter: "mcp.tool.name:run_oneshot_search mcp.tool.status:error",
        explorer: "",
        place: Place::Traces,
        finds: &["bad/mcp.server", "bad/mcp.tool"],
    },
    Row {
        filter: "mcp.tool.name:run_oneshot_search mcp.tool.status:error",
        explorer: "",
        place: Place::Issues,
        finds: &["bad/a tool failed"],
    },
    Row {
        filter: "mcp.session.id:session_xyz789",
        explorer: "",
        place: Place::Traces,
        finds: &[
            "good/http.server",
            "good/mcp.server",
            "good/mcp.tool",
            "good/splunk.api",
            "good/http.client",
            "bad/http.server",
            "bad/mcp.server",
            "bad/mcp.tool",
            "bad/splunk.api",
            "bad/http.client",
        ],
    },
    Row {
        filter: "mcp.session.id:session_xyz789",
        explorer: "",
        place: Place::Issues,
        finds: &["bad/a tool failed"],
    },
    Row {
        filter: "mcp.session.id:session_xyz789",
        explorer: "",
        place: Place::Logs,
        finds: &["good/search finished", "bad/a tool failed"],
    },
    Row {
        filter: "op:splunk.api splunk.duration:>5000",
        explorer: "span.op:splunk.api tags[splunk.duration,number]:>5000",
        place: Place::Traces,
        finds: &["slow/splunk.api", "alone-slow/splunk.api"],
    },
    Row {
        filter: "description:splunk/search.*",
        explorer: "span.description:splunk/search.*",
        place: Place::Traces,
        finds: &[
            "good/splunk.api",
            "bad/splunk.api",
            "slow/splunk.api",
            "alone-slow/splunk.api",
        ],
    },
    Row {
        filter: "transaction:splunk/*",
        explorer: "",
        place: Place::Traces,
        finds: &[
            "alone/splunk.api",
            "alone/http.client",
            "alone-slow/splunk.api",
            "alone-slow/http.client",
        ],
    },
    Row {
        filter: "transaction:splunk/* splunk.duration:>30000",
        explorer: "transaction:splunk/* tags[splunk.duration,number]:>30000",
        place: Place::Traces,
        finds: &["alone-slow/splunk.api"],
    },
    Row {
        filter: "splunk.status:error",
        explorer: "",
        place: Place::Traces,
        finds: &["bad/splunk.api"],
    },
    Row {
        filter: "op:mcp.tool span.duration:>10s",
        explorer: "span.op:mcp.tool span.duration:>10s",
        place: Place::Traces,
        finds: &["slow/mcp.tool"],
    },
    Row {
        filter: "mcp.session.status:not_found",
        explorer: "",
        place: Place::Traces,
        finds: &["gone/http.server"],
    },
    Row {
        filter: "mcp.tool.name:splunk_search duration_ms:>200",
        explorer: "mcp.tool.name:splunk_search tags[duration_ms,number]:>200",
        place: Place::Logs,
        finds: &["own/MCP tool call"],
    },
    Row {
        filter: "mcp.tool.name:run_oneshot_search severity:error",
        explorer: "",
        place: Place::Logs,
        finds: &["bad/a tool failed"],
    },
];

/// Longer than the README's five seconds.
const SLOW_MILLIS: u32 = 5_050;

/// What stands in a filter for something of this run: the session's id, and times that a test
/// does not wait for.
fn of_this_run(filter: &str, session: &str) -> String {
    [
        ("session_xyz789", session),
        (":>30000", ":>5000"),
        (":>10s", ":>5s"),
    ]
    .iter()
    .fold(filter.to_owned(), |filter, (stands_for, here)| {
        filter.replace(stands_for, here)
    })
}

/// What was done: names of traces by their ids, and the id of the session that did half of it.
struct Run {
    traces: BTreeMap<String, &'static str>,
    session: String,
}

impl Run {
    fn name(&self, trace: Option<&String>) -> Option<&'static str> {
        self.traces.get(trace?).copied()
    }

    /// Whether all that the rows can find has arrived.
    fn is_complete(&self, received: &Received) -> bool {
        let traces = self.traces.keys();
        let spans: usize = traces.map(|id| received.spans_of(id).len()).sum();
        // Four calls; two operations outside of any; the app's own; the lost session.
        let wanted = 4 * SEARCH_OPS.len() + 2 * 2 + 1 + 1;
        let logs = received.logs().into_iter();
        let logs = logs.filter(|log| self.traces.contains_key(&log.trace_id));
        // One of each search in a tool, and two of the app's own.
        spans == wanted && logs.count() == 3 + 2 && !received.events().is_empty()
    }
}

/// Tells whether a span is the one looked for.
type IsIt = fn(&OtlpSpan) -> bool;

/// Traces that are no tool calls, each with how one of its spans is known.
const OTHERS: [(&str, IsIt); 4] = [
    ("alone", |span| is_alone(span, "indexes.list")),
    ("alone-slow", |span| is_alone(span, "search.oneshot")),
    ("own", |span| {
        span.attribute_str("sentry.op") == Some(OWN_OP)
    }),
    ("gone", |span| {
        span.attribute("http.request.header.x-request-id") == Some(&json!(["find-gone"]))
    }),
];

/// Whether a span is this operation on Splunk, outside of any request.
fn is_alone(span: &OtlpSpan, operation: &str) -> bool {
    span.parent_span_id.is_none() && span.attribute_str("splunk.operation") == Some(operation)
}

/// Makes good, bad and slow calls in two sessions, and operations on Splunk outside of any.
async fn run(harness: &Harness) -> anyhow::Result<(Run, Received)> {
    let one = connect(harness, "finder-one").await?;
    one.call_tool(search(&good_search("find-good"))).await?;
    let bad = one.call_tool(search(&bad_search("find-bad"))).await?;
    assert!(failed(&bad), "{bad:?}");

    let two = connect(harness, "finder-two").await?;
    two.call_tool(call("list_indexes", &json!({}))).await?;
    let config = SplunkConfig::from_lookup(|key| splunk_setting(&harness.splunk, key))?;
    let splunk = SplunkClient::new(config)?;
    splunk.list_indexes().await?;
    let slow_alone = Search::new(slow_search("find-alone-slow", SLOW_MILLIS));
    let (slow, slow_alone) = tokio::join!(
        two.call_tool(search(&slow_search("find-slow", SLOW_MILLIS))),
        splunk.oneshot_search(&slow_alone),
    );
    assert!(!failed(&slow?) && slow_alone.is_ok());
    one.cancel().await?;
    two.cancel().await?;

    log_tool_calls();

    let mut gone = RawSession::start(harness, "finder-gone").await?;
    "no-such-session".clone_into(&mut gone.id);
    let request = gone.request(1, "tools/list", &json!({}));
    let answer = request.header("x-request-id", "find-gone").send().await?;
    assert_eq!(answer.status(), 404);

    let mut traces = BTreeMap::new();
    for (name, marker) in [
        ("good", "find-good"),
        ("bad", "find-bad"),
        ("slow", "find-slow"),
    ] {
        let trace = harness.trace_of_search(marker, SEARCH_OPS.len()).await?;
        traces.insert(trace.id, name);
    }
    let indexes = harness.trace_of_request("finder-two", "tools/call", SEARCH_OPS.len());
    traces.insert(indexes.await?.id, "indexes");
    for (name, is_it) in OTHERS {
        let look = |received: &Received| {
            let spans = received.otlp_spans();
            let mut found = spans.iter().filter(|span| is_it(span));
            found.next().map(|span| span.trace_id.clone())
        };
        traces.insert(harness.wait_for(name, look).await?, name);
    }

    let good = harness.trace_of_search("find-good", SEARCH_OPS.len());
    let good = good.await?;
    let session = good.span("mcp.server")?.text("mcp.session.id")?.to_owned();
    let run = Run { traces, session };
    let complete = |received: &Received| run.is_complete(received).then(|| received.clone());
    let received = harness
        .wait_for("everything that can be found", complete)
        .await?;
    Ok((run, received))
}

const OWN_OP: &str = "custom.finder";

/// Logs of an app, with its own fields: a call of 250 ms, and a quick one.
fn log_tool_calls() {
    mcp_span(OWN_OP, "Two Calls").in_scope(|| {
        tracing::info!(
            mcp.tool.name = "splunk_search",
            mcp.session.id = "session_123",
            duration_ms = 250,
            result_count = 100,
            "MCP tool call"
        );
        tracing::info!(
            mcp.tool.name = "splunk_search",
            duration_ms = 150,
            "quick MCP tool call"
        );
    });
}

/// What a filter finds of everything that has arrived in a place, and what it does not.
fn found(run: &Run, received: &Received, place: Place, filter: &Filter) -> [BTreeSet<String>; 2] {
    let mut sorted = [BTreeSet::new(), BTreeSet::new()];
    let mut sort = |trace: Option<&String>, name: &str, item: &dyn Searchable| {
        if let Some(trace) = run.name(trace) {
            let [finds, leaves] = &mut sorted;
            let side = if filter.finds(item) { finds } else { leaves };
            assert!(
                side.insert(format!("{trace}/{name}")),
                "{trace}/{name} twice"
            );
        }
    };
    match place {
        Place::Traces => {
            for item in Spans::of(received) {
                let op = item.span.op.as_deref().unwrap_or_default();
                sort(Some(&item.span.trace_id), op, &item);
            }
        }
        Place::Issues => {
            for event in received.events() {
                let name = event.text().unwrap_or_default();
                sort(event.trace_id.as_ref(), name, &Errors(event));
            }
        }
        Place::Logs => {
            for log in received.logs() {
                sort(Some(&log.trace_id), &log.body, &Logs(log));
            }
        }
    }
    sorted
}

#[test]
fn every_filter_finds_what_it_is_for_and_nothing_else() {
    HARNESS.test(async |harness| {
        let (run, received) = run(harness).await?;
        for row in ROWS {
            for filter in [row.filter, row.explorer] {
                if filter.is_empty() {
                    continue;
                }
                let here = Filter::parse(&of_this_run(filter, &run.session))?;
                let [finds, leaves] = found(&run, &received, row.place, &here);
                let expected: BTreeSet<_> = row.finds.iter().map(|it| (*it).to_owned()).collect();
                assert_eq!(finds, expected, "{filter} in {:?}", row.place);
                let all_found = leaves.is_empty() && row.place != Place::Issues;
                assert!(!all_found, "{filter} finds everything in {:?}", row.place);
            }
        }
        // The one issue of this run is left by the same filters about something else.
        for filter in ["mcp.tool.name:list_indexes", "mcp.session.id:another"] {
            let [finds, leaves] = found(&run, &received, Place::Issues, &Filter::parse(filter)?);
            assert_eq!((finds.len(), leaves.len()), (0, 1), "{filter}");
        }
        Ok(())
    });
}

/// The rows of the README's table: place, filter, and how the explorer writes it.
fn rows_of_readme() -> Vec<(String, String, String)> {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("\n## Find it in Sentry\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|'));
    // The first two are the head.
    let rows = rows.skip(2).map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, place, filter, explorer] = cells.as_slice() else {
            panic!("four columns: {row}");
        };
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        ((*place).to_owned(), bare(filter), bare(explorer))
    });
    rows.collect()
}

#[test]
fn the_readme_has_these_filters() {
    let rows = ROWS.iter().map(|row| {
        let explorer = match row.explorer {
            "" => "the same",
            other => other,
        };
        let place = format!("{:?}", row.place);
        (place, row.filter.to_owned(), explorer.to_owned())
    });
    assert_eq!(rows_of_readme(), rows.collect::<Vec<_>>());
}
