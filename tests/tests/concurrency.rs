//! Many requests of several sessions at once: nothing of one stands on another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use mcp_telemetry_tests::client::{bad_search, connect, failed, good_search, search};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::trace::{CONTEXT, SEARCH_OPS};
use telemetry_testkit::Received;
use tokio::task::JoinSet;

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(1.0).unwrap());

/// Sessions, and calls of each.
const SESSIONS: usize = 20;
const CALLS: usize = 10;

/// Calls of all sessions, all at once; every third search is a bad one.
async fn call_all(harness: &Harness, test: &str) -> anyhow::Result<BTreeMap<String, bool>> {
    let mut clients = Vec::new();
    for session in 0..SESSIONS {
        clients.push(connect(harness, &format!("{test}-{session}")).await?);
    }
    let mut running = JoinSet::new();
    for (session, client) in clients.iter().enumerate() {
        for call in 0..CALLS {
            let marker = format!("{test}-{session}-{call}");
            let bad = call % 3 == 2;
            let spl = if bad {
                bad_search(&marker)
            } else {
                good_search(&marker)
            };
            let peer = client.peer().clone();
            running.spawn(async move {
                let result = peer.call_tool(search(&spl)).await?;
                anyhow::ensure!(failed(&result) == bad, "{marker}: {result:?}");
                Ok((marker, bad))
            });
        }
    }
    let mut calls = BTreeMap::new();
    while let Some(done) = running.join_next().await {
        let (marker, bad) = done??;
        calls.insert(marker, bad);
    }
    for client in clients {
        client.cancel().await?;
    }
    assert_eq!(calls.len(), SESSIONS * CALLS);
    Ok(calls)
}

/// The marks of calls, `test-session-call`, that stand anywhere in a text.
fn marks(text: &str, test: &str) -> BTreeSet<String> {
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit());
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let begin = format!("{test}-");
    let rests = text.split(&begin).skip(1);
    let marks = rests.filter_map(|rest| {
        let session = number(rest);
        let rest = rest[session.len()..].strip_prefix('-')?;
        let call = number(rest);
        (!session.is_empty() && !call.is_empty()).then(|| format!("{test}-{session}-{call}"))
    });
    marks.collect()
}

#[test]
fn marks_are_found() {
    let found = marks(r#"a \"m-1-23\" m-7 m-0-0, m-"#, "m");
    let expected = ["m-0-0", "m-1-23"].map(str::to_owned);
    assert_eq!(found, expected.into_iter().collect());
}

#[test]
fn every_trace_is_complete_and_has_one_request_on_all_its_spans() {
    HARNESS.test(async |harness| {
        let calls = call_all(harness, "whole").await?;
        let mut requests = BTreeSet::new();
        let mut traces = BTreeSet::new();
        let mut sessions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (marker, bad) in &calls {
            let trace = harness.trace_of_search(marker, SEARCH_OPS.len()).await?;
            let spans = trace.spans(&SEARCH_OPS)?;
            for pair in spans.windows(2) {
                assert_eq!(pair[1].parent()?, Some(pair[0].id()), "{marker}");
            }
            assert_eq!(spans[2].failed()?, *bad, "{marker}");
            let session = spans[1].text("mcp.session.id")?;
            let request = spans[1].text("jsonrpc.request.id")?;
            for span in &spans {
                assert_eq!(
                    span.text("mcp.session.id")?,
                    session,
                    "{marker}: {}",
                    span.otlp.name
                );
                assert_eq!(
                    span.text("mcp.request.id")?,
                    request,
                    "{marker}: {}",
                    span.otlp.name
                );
            }
            let own = BTreeSet::from([marker.clone()]);
            for span in &spans {
                let whole = format!("{:?} {:?}", span.sentry, span.otlp);
                let marks = marks(&whole, "whole");
                assert!(marks.is_subset(&own), "{marker}: {marks:?} in {whole}");
            }
            // The arguments tell whose request it really is.
            let arguments = spans[1].text("gen_ai.tool.call.arguments")?;
            assert!(
                arguments.contains(&format!("\"{marker}\\\"")),
                "{marker}: {arguments}"
            );
            assert!(
                requests.insert((session.to_owned(), request.to_owned())),
                "{marker}"
            );
            assert!(traces.insert(trace.id.clone()), "{marker}");
            let client = spans[1].text("mcp.client.name")?;
            assert!(marker.starts_with(client), "{marker}: {client}");
            sessions
                .entry(client.to_owned())
                .or_default()
                .insert(session.to_owned());
        }
        assert_eq!(sessions.len(), SESSIONS);
        assert!(sessions.values().all(|ids| ids.len() == 1), "{sessions:?}");
        let ids: BTreeSet<_> = sessions.into_values().flatten().collect();
        assert_eq!(ids.len(), SESSIONS, "each client has a session of its own");
        Ok(())
    });
}

#[test]
fn logs_and_error_events_stand_at_their_own_request() {
    HARNESS.test(async |harness| {
        let calls = call_all(harness, "linked").await?;
        let mut sessions = BTreeSet::new();
        for (marker, bad) in &calls {
            let trace = harness.trace_of_search(marker, SEARCH_OPS.len()).await?;
            let look = |received: &Received| {
                let arrived = received.logs_of(&trace.id).len() == 1
                    && received.otlp_logs_of(&trace.id).len() == 1
                    && received.events_of(&trace.id).len() == usize::from(*bad);
                arrived.then(|| received.clone())
            };
            let received = harness.wait_for(marker, look).await?;
            let tool = trace.span("mcp.tool")?;
            let (at_sentry, by_otlp) = (
                received.logs_of(&trace.id),
                received.otlp_logs_of(&trace.id),
            );
            let (at_sentry, by_otlp) = (at_sentry[0], by_otlp[0]);
            assert_eq!(at_sentry.span_id.as_deref(), Some(tool.id()), "{marker}");
            assert_eq!(by_otlp.span_id.as_deref(), Some(tool.id()), "{marker}");
            for key in CONTEXT {
                let expected = tool.attribute(key)?;
                assert_eq!(at_sentry.attribute(key), expected, "{marker}: {key}");
                assert_eq!(by_otlp.attribute(key), expected, "{marker}: {key}");
            }
            let own = BTreeSet::from([marker.clone()]);
            let session = tool.text("mcp.session.id")?;
            sessions.insert(session.to_owned());
            for event in received.events_of(&trace.id) {
                let whole = event.raw.to_string();
                let marks = marks(&whole, "linked");
                assert!(marks.is_subset(&own), "{marker}: {marks:?} in {whole}");
                let others = sessions.iter().filter(|it| *it != session);
                for other in others {
                    assert!(
                        !whole.contains(other.as_str()),
                        "{marker}: {other} in {whole}"
                    );
                }
                assert_eq!(event.span_id.as_deref(), Some(tool.id()), "{marker}");
                // Another request's "search finished" or failure would be a leak of its scope.
                let of_tools = event
                    .breadcrumbs
                    .iter()
                    .filter(|it| it.category.as_deref() == Some("mcp_server_splunk::tools"));
                assert!(of_tools.count() <= 1, "{marker}: {:#?}", event.breadcrumbs);
            }
        }
        Ok(())
    });
}

#[test]
fn every_attribute_that_is_not_sentrys_own_is_the_same_at_both_sinks() {
    HARNESS.test(async |harness| {
        let calls = call_all(harness, "alike").await?;
        let own = |key: &&String| !key.starts_with("sentry.");
        for marker in calls.keys() {
            let trace = harness.trace_of_search(marker, SEARCH_OPS.len()).await?;
            for span in trace.spans(&SEARCH_OPS)? {
                let sentry: Vec<_> = span.sentry.data.keys().filter(own).collect();
                let otlp: Vec<_> = span.otlp.attributes.keys().filter(own).collect();
                assert_eq!(sentry, otlp, "{}", span.otlp.name);
                for key in otlp {
                    assert!(span.attribute(key)?.is_some(), "{key}");
                }
            }
        }
        Ok(())
    });
}
