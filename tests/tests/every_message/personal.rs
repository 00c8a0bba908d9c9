//! What a client wrote and was answered: what of it leaves, with `SENTRY_SEND_PII` and without.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use mcp_telemetry::attributes;
use mcp_telemetry_tests::client::{bad_search, connect, failed, good_search, search};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::raw::RawSession;
use mcp_telemetry_tests::trace::SEARCH_OPS;
use mcp_telemetry_tests::wire::{Transport, Wire};
use serde_json::json;
use telemetry_testkit::Received;

use super::{HARNESS, pii};

/// Rows of the README's table, each with texts that stand nowhere else in what this file sends.
const TEXTS: &[(&str, &[&str])] = &[
    ("arguments of tools", &["word-argument"]),
    ("variables of prompts", &["word-variable"]),
    (
        "results of tools, resources and prompts",
        &["what is wrong?", "Finds what is wrong."],
    ),
    ("what a tool answers with `isError`", &["no such index"]),
    (
        "Splunk queries, their first 200 characters",
        &["word-good-search", "word-bad-search"],
    ),
    (
        "query and fragment of resource URIs",
        &["word-query", "word-fragment"],
    ),
    (
        "reasons of cancellations, texts of progress and log messages",
        &["word-reason"],
    ),
    (
        "user agents, addresses and ports of clients",
        &["word-agent"],
    ),
    (
        "names of clients, tools and prompts, paths of resource URIs",
        &["word-client", "word-tool", "word-prompt", "word-path"],
    ),
    ("ids of requests, sessions and users", &["word-request"]),
    (
        "texts of errors and log lines, paths and queries of HTTP URLs",
        // Splunk quotes the command that it does not know.
        &[
            "the disk is full",
            "frobnicate",
            "search finished",
            "who=word-url",
        ],
    ),
];

/// Rows that no text shows: the table of attributes is held against what arrives, and
/// `to_sentry` of mcp-telemetry has the user.
const ELSEWHERE: [&str; 2] = [
    "e-mail, name and address of a user whom the app sets",
    "counts, sizes, durations, statuses, kinds of errors",
];

/// Gated attributes that nothing here has: other notifications, and macros with `ret`. The tests
/// of mcp-telemetry have them.
const NOT_HERE: [&str; 7] = [
    "mcp.tool.result_keys",
    "mcp.resource.result.content",
    "mcp.prompt.result.content",
    "mcp.progress.message",
    "mcp.logging.message",
    "splunk.argument.",
    "splunk.result",
];

/// The gated attributes that stand on some span of either sink.
fn gated(received: &Received) -> BTreeSet<&'static str> {
    let otlp = received.otlp_spans();
    let otlp = otlp.iter().flat_map(|span| span.attributes.keys());
    let transactions = received.transactions();
    let sentry = transactions.iter().flat_map(|it| it.all_spans());
    let sentry = sentry.flat_map(|span| span.data.keys());
    let attributes = otlp.chain(sentry).filter_map(|key| attributes::find(key));
    let gated = attributes.filter(|it| it.gate.needs_pii());
    gated.map(|it| it.key).collect()
}

/// The README's table: whether what stands in a row is sent without `SENTRY_SEND_PII`.
fn rows_of_readme() -> BTreeMap<&'static str, bool> {
    let readme = include_str!("../../../crates/mcp-telemetry/README.md");
    let (_, section) = readme.split_once("\n## What is kept out\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let rows = rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        match cells.as_slice() {
            [what, "sent", "sent"] => (*what, true),
            [what, "sent", "-"] => (*what, false),
            other => panic!("{other:?}"),
        }
    });
    rows.collect()
}

/// The names of those that stand in some request that left this process.
fn seen<'a>(received: &Received, texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let requests = received.requests();
    let bodies = requests.iter().map(|it| String::from_utf8_lossy(&it.body));
    let bodies: Vec<_> = bodies.collect();
    texts
        .filter(|text| bodies.iter().any(|body| body.contains(text)))
        .collect()
}

/// Sends every text, and waits until the last span, log and error about it has arrived.
async fn send(harness: &Harness) -> anyhow::Result<Received> {
    let mut wire = Wire::open(Transport::Http, "2025-11-25").await?;
    let uri = "splunk://word-user@h/word-path?q=word-query#word-fragment";
    let call =
        |tool: &str, argument: &str| json!({ "name": tool, "arguments": { "query": argument } });
    let triage = json!({ "name": "triage", "arguments": { "env": "word-variable" } });
    for (mark, method, params) in [
        ("word-request", "tools/call", call("echo", "word-argument")),
        ("isError", "tools/call", call("fails", "")),
        ("error", "tools/call", call("broken", "")),
        ("unknown", "tools/call", call("word-tool", "")),
        ("prompt", "prompts/get", triage),
        ("no-prompt", "prompts/get", json!({ "name": "word-prompt" })),
        ("resource", "resources/read", json!({ "uri": uri })),
        ("custom", "x/word-method", json!({})),
    ] {
        wire.request(mark, method, params).await?;
    }
    let cancelled = json!({ "requestId": "none", "reason": "word-reason" });
    wire.notify("cancelled", "notifications/cancelled", cancelled)
        .await?;

    let client = connect(harness, "word-client").await?;
    let good = client.call_tool(search(&good_search("word-good-search")));
    assert!(!failed(&good.await?));
    client.cancel().await?;
    let client = connect(harness, "word-client-too").await?;
    let bad = client.call_tool(search(&bad_search("word-bad-search")));
    assert!(failed(&bad.await?));
    client.cancel().await?;
    let raw = RawSession::start(harness, "raw").await?;
    let ping = raw.request(1, "ping", &json!({}));
    let ping = ping
        .query(&[("who", "word-url")])
        .header("user-agent", "word-agent")
        .header("x-request-id", "personal-ping");
    ping.send().await?.error_for_status()?.bytes().await?;

    let good = harness
        .trace_of_request("word-client", "tools/call", SEARCH_OPS.len())
        .await?;
    let bad = harness
        .trace_of_request("word-client-too", "tools/call", SEARCH_OPS.len())
        .await?;
    let ids = [
        "word-request",
        "isError",
        "error",
        "unknown",
        "prompt",
        "no-prompt",
    ];
    let ids = ids.into_iter().chain(["resource", "custom"]);
    let ids: Vec<String> = ids.map(|mark| wire.id(mark)).collect();
    let arrived = |received: &Received| {
        let spans = received.otlp_spans();
        // The request's span ends last but for the HTTP one's.
        let mut requests = ids.iter().map(|id| {
            spans.iter().any(|span| {
                span.attribute_str("sentry.op") == Some("mcp.server")
                    && span.attribute_str("mcp.request.id") == Some(id)
            })
        });
        let reason = spans.iter().any(|span| {
            span.attribute_str("mcp.client.name") == Some(&wire.name)
                && span.attribute_str("mcp.method.name") == Some("notifications/cancelled")
        });
        let ping = spans.iter().any(|span| {
            span.attribute("http.request.header.x-request-id") == Some(&json!(["personal-ping"]))
        });
        let text = |text: &str| {
            received.events().iter().any(|event| {
                let error = event.exceptions.last();
                let value = error.and_then(|it| it.value.as_deref()).unwrap_or_default();
                value.contains(text)
            })
        };
        let of_tool = match pii() {
            true => "no such index",
            false => "the tool answered with an error",
        };
        let events = ["the disk is full", "frobnicate", of_tool];
        let complete = requests.all(|it| it)
            && reason
            && ping
            && events.into_iter().all(text)
            && !received.logs_of(&good.id).is_empty()
            && !received.otlp_logs_of(&bad.id).is_empty()
            && received.agreement().holds();
        complete.then(|| received.clone())
    };
    let received = harness.wait_for("all that was sent", arrived).await;
    received.context("what a client wrote")
}

#[test]
fn the_table_of_the_readme_holds_for_every_text_and_every_gate() {
    let table = rows_of_readme();
    let tested = TEXTS.iter().map(|(what, _)| *what).chain(ELSEWHERE);
    let mut tested: Vec<_> = tested.collect();
    tested.sort_unstable();
    assert_eq!(table.keys().copied().collect::<Vec<_>>(), tested);
    HARNESS.test(async |harness| {
        let received = send(harness).await?;
        for (what, texts) in TEXTS {
            let leaves = table[what] || pii();
            let expected = if leaves { texts.to_vec() } else { Vec::new() };
            assert_eq!(seen(&received, texts.iter().copied()), expected, "{what}");
        }
        let all = attributes::ALL.iter().filter(|it| it.gate.needs_pii());
        let all = all
            .map(|it| it.key)
            .filter(|key| pii() && !NOT_HERE.contains(key));
        assert_eq!(gated(&received), all.collect());
        // The user of a URI is a credential, and a method that nobody knows is `_OTHER`.
        let never = ["word-user", "word-method"];
        assert_eq!(seen(&received, never.into_iter()), [""; 0]);
        Ok(())
    });
}
