//! By default MCP requests are traced whatever their caller decided, and say the rate that follows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use mcp_telemetry_tests::client::{connect, failed, good_search, search, with_meta};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::raw::{RawSession, answer, headers};
use mcp_telemetry_tests::trace::SEARCH_OPS;
use serde_json::json;
use telemetry_testkit::PUBLIC_KEY;

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(0.0).unwrap());

/// The caller's span in the traces that it starts.
const PARENT: &str = "00f067aa0ba902b7";

/// Asserts that a trace is the caller's and whole, and that it counts as one.
async fn assert_kept(
    harness: &Harness,
    id: &str,
    ops: &[&str],
    public_key: &str,
) -> anyhow::Result<()> {
    let trace = harness.trace(id, ops.len()).await?;
    for span in trace.spans(ops)? {
        assert!(
            span.otlp.trace_state.contains("ot=th:0"),
            "{}",
            span.otlp.trace_state
        );
        assert_eq!(span.otlp.flags & 1, 1);
    }
    let transactions = trace.received.transactions_of(id);
    assert_eq!(transactions.len(), 1);
    let transaction = transactions[0];
    assert_eq!(transaction.parent_span_id.as_deref(), Some(PARENT));
    assert_eq!(transaction.data["sampling.rate"], 1.0);
    for (key, value) in [
        ("sampled", "true"),
        ("sample_rate", "1"),
        ("public_key", public_key),
    ] {
        assert_eq!(
            transaction.dsc.get(key),
            Some(&json!(value)),
            "{key} of {id}"
        );
    }
    Ok(())
}

fn of_sentry(id: &str, sampled: bool) -> (String, String) {
    let rand = if sampled { "0.125" } else { "0.875" };
    (
        format!("{id}-{PARENT}-{}", u8::from(sampled)),
        format!(
            "sentry-trace_id={id},sentry-public_key=front,sentry-sampled={sampled},\
             sentry-sample_rate=0.25,sentry-sample_rand={rand}"
        ),
    )
}

/// Name and value.
type Header<'a> = (&'a str, &'a [u8]);

#[test]
fn by_http_headers() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "overruled").await?;
        let ids = [1, 2, 3, 4].map(|n| format!("aaf92f3577b34da6a3ce929d0e0e47a{n}"));
        let w3c = [0, 1].map(|flag| format!("00-{}-{PARENT}-0{flag}", ids[flag]));
        let (not_kept, not_kept_baggage) = of_sentry(&ids[2], false);
        let (kept, kept_baggage) = of_sentry(&ids[3], true);
        let cases: [(&str, &[Header<'_>], &str); 4] = [
            ("w3c-0", &[("traceparent", w3c[0].as_bytes())], PUBLIC_KEY),
            ("w3c-1", &[("traceparent", w3c[1].as_bytes())], PUBLIC_KEY),
            (
                "sentry-0",
                &[
                    ("sentry-trace", not_kept.as_bytes()),
                    ("baggage", not_kept_baggage.as_bytes()),
                ],
                PUBLIC_KEY,
            ),
            (
                "sentry-1",
                &[
                    ("sentry-trace", kept.as_bytes()),
                    ("baggage", kept_baggage.as_bytes()),
                ],
                "front",
            ),
        ];
        for (number, (id, (marker, more, key))) in (1..).zip(ids.iter().zip(cases)) {
            let request = session
                .search(number, &good_search(marker))
                .headers(headers(more)?);
            let answer = answer(request.send().await?).await?;
            assert_eq!(
                answer["result"]["structuredContent"]["results_count"], 3,
                "{marker}"
            );
            assert_kept(harness, id, &SEARCH_OPS, key).await?;
        }
        Ok(())
    });
}

#[test]
fn by_meta() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "overruled-meta").await?;
        let (w3c, sentry) = (
            "4bf92f3577b34da6a3ce929d0e0e47b0",
            "4bf92f3577b34da6a3ce929d0e0e47b1",
        );
        let (sentry_trace, baggage) = of_sentry(sentry, false);
        let call = with_meta(
            search(&good_search("meta-w3c")),
            "traceparent",
            json!(format!("00-{w3c}-{PARENT}-00")),
        );
        assert!(!failed(&client.call_tool(call).await?));
        let call = search(&good_search("meta-sentry"));
        let call = with_meta(call, "sentry-trace", json!(sentry_trace));
        let call = with_meta(call, "baggage", json!(baggage));
        assert!(!failed(&client.call_tool(call).await?));
        client.cancel().await?;
        for id in [w3c, sentry] {
            assert_kept(harness, id, &SEARCH_OPS[1..], PUBLIC_KEY).await?;
        }
        Ok(())
    });
}
