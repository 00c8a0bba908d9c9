//! Traces that are kept at their end, whatever the sampler said.

use std::time::Duration;

use http::HeaderMap;

use crate::common::Live;
use crate::{ask, dsc, probability};

const NEVER: (&str, &str) = ("SENTRY_TRACES_SAMPLE_RATE", "0");

/// Two requests outside of MCP, of which the second fails below its root.
async fn good_and_bad(headers: &HeaderMap) {
    ask("GET", "/good", headers.clone(), || {
        drop(tracing::info_span!("fine"));
        200
    })
    .await;
    ask("GET", "/bad", headers.clone(), || {
        tracing::info_span!("broken").in_scope(|| {
            let error = std::io::Error::other("the disk is full");
            tracing::error!(error = &error as &dyn std::error::Error, "it broke");
        });
        200
    })
    .await;
}

#[tokio::test]
async fn an_error_keeps_an_unsampled_trace_and_nothing_else_leaves() {
    let live = Live::both(&[NEVER]);
    live.telemetry().make_global();
    good_and_bad(&HeaderMap::new()).await;
    let received = live.finish();
    let transactions = received.transactions();
    assert_eq!(transactions.len(), 1);
    let kept = transactions[0];
    assert_eq!(kept.data["url.path"], "/bad");
    assert_eq!(kept.data["sampling.rule"], "base");
    assert_eq!(kept.data["sampling.kept"], "error");
    assert_eq!(kept.data["sampling.rate"], 1.0);
    assert_eq!(
        (dsc(kept, "sample_rate"), kept.dsc["sampled"].as_str()),
        (1.0, Some("true"))
    );
    assert_eq!(kept.spans.len(), 1);
    let spans = received.otlp_spans();
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert_eq!((span.trace_state.as_str(), span.flags & 1), ("ot=th:0", 1));
    }
    // Its error event, which went ahead, belongs to it.
    let errors = received.events();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].trace_id.as_deref(), Some(kept.trace_id.as_str()));
}

#[tokio::test]
async fn off_is_off() {
    let live = Live::both(&[NEVER, ("MCP_TELEMETRY_KEEP", "off")]);
    good_and_bad(&HeaderMap::new()).await;
    let received = live.finish();
    assert!(received.transactions().is_empty() && received.otlp_spans().is_empty());
}

#[tokio::test]
async fn what_lasts_long_is_kept_where_that_is_asked_for() {
    let live = Live::both(&[NEVER, ("MCP_TELEMETRY_KEEP", "slow:30ms")]);
    good_and_bad(&HeaderMap::new()).await;
    ask("GET", "/slow", HeaderMap::new(), || {
        // The trace has to last: there is no condition to wait for.
        std::thread::sleep(Duration::from_millis(35));
        200
    })
    .await;
    let received = live.finish();
    let transactions = received.transactions();
    let slow: Vec<_> = transactions
        .iter()
        .filter(|it| it.data["url.path"] == "/slow")
        .collect();
    assert_eq!(slow.len(), 1);
    assert_eq!(slow[0].data["sampling.kept"], "slow");
    // On a slow machine the others may last as long.
    assert!(
        transactions
            .iter()
            .all(|it| it.data["sampling.kept"] == "slow")
    );
}

#[tokio::test]
async fn a_sampled_trace_with_an_error_counts_as_one_too() {
    // Not 1: then nothing is to be put right.
    let live = Live::both(&[("SENTRY_TRACES_SAMPLE_RATE", "0.999999")]);
    good_and_bad(&HeaderMap::new()).await;
    let received = live.finish();
    let transactions = received.transactions();
    assert_eq!(transactions.len(), 2, "both, but for one run in 500,000");
    for transaction in transactions {
        let failed = transaction.data["url.path"] == "/bad";
        let rate = if failed { 1.0 } else { 0.999_999 };
        assert_eq!(dsc(transaction, "sample_rate"), rate);
        assert_eq!(transaction.data["sampling.rate"], rate);
        assert_eq!(transaction.data.contains_key("sampling.kept"), failed);
        for span in received.otlp_spans_of(&transaction.trace_id) {
            assert!((probability(span) - rate).abs() < 1e-9);
        }
    }
}

#[tokio::test]
async fn a_callers_decision_is_overruled_by_an_error_unless_it_is_obeyed() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut headers = HeaderMap::new();
    let parent = format!("{trace}-00f067aa0ba902b7-0");
    let baggage = format!(
        "sentry-trace_id={trace},sentry-sample_rate=0.1,sentry-sample_rand=0.9,sentry-sampled=false"
    );
    headers.insert("sentry-trace", parent.parse().unwrap());
    headers.insert("baggage", baggage.parse().unwrap());
    for (obey, expected) in [("false", 1), ("true", 0)] {
        let live = Live::both(&[("MCP_TELEMETRY_OBEY_PARENT", obey)]);
        live.telemetry().make_global();
        good_and_bad(&headers).await;
        let received = live.finish();
        let transactions = received.transactions();
        assert_eq!(transactions.len(), expected, "{obey}");
        assert_eq!(received.otlp_spans().len(), 2 * expected);
        for kept in transactions {
            assert_eq!(kept.trace_id, trace);
            assert_eq!(kept.data["sampling.rule"], "parent");
            assert_eq!(kept.data["url.path"], "/bad");
            assert_eq!(dsc(kept, "sample_rate"), 1.0);
            assert_eq!(kept.dsc["sampled"], "true");
        }
    }
}
