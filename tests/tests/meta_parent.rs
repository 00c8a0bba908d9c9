//! Trace context in `params._meta`: valid ones continue the client's trace, others are as
//! good as none, and none of them breaks the call.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use mcp_telemetry_tests::client::{Client, connect, failed, good_search, search, with_meta};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::trace::{CONTEXT, SEARCH_OPS, Trace};
use serde_json::{Value, json};
use telemetry_testkit::Received;

/// Callers are obeyed; `overruled_parent` has the default.
static HARNESS: LazyLock<Harness> =
    LazyLock::new(|| Harness::start_with(1.0, &[("MCP_TELEMETRY_OBEY_PARENT", "true")]).unwrap());

/// The client's span in the traces that it starts.
const PARENT: &str = "00f067aa0ba902b7";

/// Searches with entries in `params._meta`.
async fn search_with(client: &Client, marker: &str, meta: &[(&str, Value)]) -> anyhow::Result<()> {
    let call = search(&good_search(marker));
    let call = meta.iter().fold(call, |call, (key, value)| {
        with_meta(call, key, value.clone())
    });
    let result = client.call_tool(call).await?;
    assert!(!failed(&result), "{marker}: {result:?}");
    Ok(())
}

/// Waits for the HTTP request that carried a request of the client's.
async fn http_of(harness: &Harness, request: &str, session: &str) -> anyhow::Result<Trace> {
    let find = |received: &Received| {
        let spans = received.otlp_spans();
        let span = spans.into_iter().find(|span| {
            span.attribute_str("sentry.op") == Some("http.server")
                && span.attribute_str("mcp.request.id") == Some(request)
                && span.attribute_str("mcp.session.id") == Some(session)
        });
        span.map(|span| span.trace_id.clone())
    };
    let id = harness.wait_for("the HTTP request", find).await?;
    harness.trace(&id, 1).await
}

/// Asserts that a search continued the client's trace: a transaction of its own below the
/// client's span, with a link to the HTTP request.
async fn assert_continued(harness: &Harness, trace_id: &str, marker: &str) -> anyhow::Result<()> {
    let trace = harness.trace(trace_id, SEARCH_OPS.len() - 1).await?;
    let spans = trace.spans(&SEARCH_OPS[1..])?;
    let mut parent = Some(PARENT);
    for span in &spans {
        assert_eq!(span.parent()?, parent, "{}", span.otlp.name);
        parent = Some(span.id());
    }
    let transactions = trace.received.transactions_of(trace_id);
    let [transaction] = &*transactions else {
        panic!("{marker}: expected one transaction: {transactions:#?}");
    };
    assert_eq!(transaction.name, "tools/call run_oneshot_search");
    assert_eq!(transaction.op.as_deref(), Some("mcp.server"));
    assert_eq!(transaction.parent_span_id.as_deref(), Some(PARENT));
    assert_eq!(transaction.dsc.get("trace_id"), Some(&json!(trace_id)));

    let server = spans[0];
    let session = server.text("mcp.session.id")?;
    let http = http_of(harness, server.text("mcp.request.id")?, session).await?;
    assert_ne!(http.id, trace_id, "HTTP has a trace of its own");
    let http = http.spans(&["http.server"])?[0];
    assert_eq!(http.parent()?, None);
    let ([at_sentry], [by_otlp]) = (&*server.sentry.links, &*server.otlp.links) else {
        panic!("expected one link each: {server:#?}");
    };
    let expected = (&http.otlp.trace_id, &http.otlp.span_id);
    assert_eq!((&at_sentry.trace_id, &at_sentry.span_id), expected);
    assert_eq!((&by_otlp.trace_id, &by_otlp.span_id), expected);
    for span in spans.iter().chain([&http]) {
        for key in CONTEXT {
            assert_eq!(span.text(key)?, server.text(key)?, "{}", span.otlp.name);
        }
    }
    Ok(())
}

/// Asserts that a search was traced as one without `_meta`.
async fn assert_as_without(harness: &Harness, marker: &str) -> anyhow::Result<()> {
    let trace = harness.trace_of_search(marker, SEARCH_OPS.len()).await?;
    let spans = trace.spans(&SEARCH_OPS)?;
    assert_eq!(spans[0].parent()?, None, "{marker}");
    assert_eq!(spans[1].parent()?, Some(spans[0].id()), "{marker}");
    assert_eq!(
        trace.received.transactions_of(&trace.id).len(),
        1,
        "{marker}"
    );
    for span in spans {
        assert!(
            span.otlp.links.is_empty() && span.sentry.links.is_empty(),
            "{marker}"
        );
    }
    Ok(())
}

#[test]
fn sampled_parents_are_continued_whatever_the_random_flag_says() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "sampled").await?;
        for (trace, flags) in [
            ("4bf92f3577b34da6a3ce929d0e0e4701", "01"),
            ("4bf92f3577b34da6a3ce929d0e0e4703", "03"),
            // Flags that no version knows yet.
            ("4bf92f3577b34da6a3ce929d0e0e47f9", "f9"),
        ] {
            let traceparent = json!(format!("00-{trace}-{PARENT}-{flags}"));
            search_with(&client, flags, &[("traceparent", traceparent)]).await?;
            assert_continued(harness, trace, flags).await?;
        }
        client.cancel().await?;
        Ok(())
    });
}

#[test]
fn a_later_version_of_the_format_is_read_as_far_as_it_is_known() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "later").await?;
        let trace = "4bf92f3577b34da6a3ce929d0e0e47cc";
        let traceparent = json!(format!("cc-{trace}-{PARENT}-01-what-comes-later"));
        search_with(&client, "later", &[("traceparent", traceparent)]).await?;
        assert_continued(harness, trace, "later").await?;
        client.cancel().await?;
        Ok(())
    });
}

#[test]
fn the_state_of_the_trace_is_carried_on() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "state").await?;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4757";
        let meta = [
            ("traceparent", json!(format!("00-{trace}-{PARENT}-01"))),
            ("tracestate", json!("vendor=kept,other=too")),
        ];
        search_with(&client, "state", &meta).await?;
        assert_continued(harness, trace, "state").await?;
        let trace = harness.trace(trace, 4).await?;
        for span in trace.spans(&SEARCH_OPS[1..])? {
            let state = &span.otlp.trace_state;
            assert!(state.contains("vendor=kept"), "{}: {state}", span.otlp.name);
            assert!(state.contains("other=too"), "{}: {state}", span.otlp.name);
        }
        client.cancel().await?;
        Ok(())
    });
}

#[test]
fn the_format_of_sentry_is_continued_too() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "sentry-format").await?;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4759";
        let baggage = format!(
            "sentry-trace_id={trace},sentry-public_key=abc,sentry-sampled=true,\
             sentry-sample_rate=0.5,sentry-sample_rand=0.25,sentry-environment=front"
        );
        let meta = [
            ("sentry-trace", json!(format!("{trace}-{PARENT}-1"))),
            ("baggage", json!(baggage)),
        ];
        search_with(&client, "sentry-format", &meta).await?;
        assert_continued(harness, trace, "sentry-format").await?;
        let trace = harness.trace(trace, 4).await?;
        let transaction = trace.received.transaction_of(&trace.id).unwrap();
        // The client froze the sampling context; it goes on as it came.
        for (key, value) in [
            ("public_key", "abc"),
            ("environment", "front"),
            ("sample_rate", "0.5"),
            ("sample_rand", "0.25"),
            ("sampled", "true"),
        ] {
            assert_eq!(transaction.dsc.get(key), Some(&json!(value)), "{key}");
        }
        assert_eq!(transaction.dsc.get("release"), None);
        client.cancel().await?;
        Ok(())
    });
}

#[test]
fn of_an_unsampled_trace_no_span_arrives() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "unsampled").await?;
        let traces = [
            ("4bf92f3577b34da6a3ce929d0e0e4700", "00"),
            ("4bf92f3577b34da6a3ce929d0e0e4702", "02"),
        ];
        for (trace, flags) in traces {
            let traceparent = json!(format!("00-{trace}-{PARENT}-{flags}"));
            search_with(&client, flags, &[("traceparent", traceparent)]).await?;
        }
        // What follows in the same session shows that everything before has been sent.
        search_with(&client, "after-unsampled", &[]).await?;
        assert_as_without(harness, "after-unsampled").await?;
        client.cancel().await?;
        // The HTTP request has a trace of its own, with its own decision.
        let after = harness.trace_of_search("after-unsampled", 5).await?;
        let session = after.span("mcp.server")?.text("mcp.session.id")?.to_owned();
        for request in ["1", "2"] {
            http_of(harness, request, &session)
                .await?
                .spans(&["http.server"])?;
        }
        harness.flush();
        let received = harness.sink.received();
        for (trace, flags) in traces {
            assert!(received.spans_of(trace).is_empty(), "{flags}");
            assert!(received.transactions_of(trace).is_empty(), "{flags}");
            assert!(received.otlp_spans_of(trace).is_empty(), "{flags}");
        }
        Ok(())
    });
}

#[test]
fn logs_of_an_unsampled_trace_still_belong_to_it() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "unsampled-logs").await?;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4704";
        let traceparent = json!(format!("00-{trace}-{PARENT}-00"));
        search_with(&client, "unsampled-logs", &[("traceparent", traceparent)]).await?;
        client.cancel().await?;
        let look = |received: &Received| {
            let arrived =
                !received.logs_of(trace).is_empty() && !received.otlp_logs_of(trace).is_empty();
            arrived.then(|| received.clone())
        };
        let received = harness.wait_for("the logs", look).await?;
        assert_eq!(received.logs_of(trace)[0].body, "search finished");
        assert_eq!(received.otlp_logs_of(trace)[0].flags & 1, 0);
        assert!(received.spans_of(trace).is_empty());
        Ok(())
    });
}

#[test]
fn what_is_no_trace_context_is_as_good_as_none() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "garbage").await?;
        let trace = "5bf92f3577b34da6a3ce929d0e0e4736";
        let long = "x".repeat(10_000);
        let garbage = [
            ("empty", json!("")),
            ("too-short", json!(format!("00-{trace}-{PARENT}"))),
            ("way-too-short", json!("00-abc-def-01")),
            ("version-ff", json!(format!("ff-{trace}-{PARENT}-01"))),
            ("no-version", json!(format!("{trace}-{PARENT}-01"))),
            (
                "zero-trace",
                json!(format!("00-{}-{PARENT}-01", "0".repeat(32))),
            ),
            (
                "zero-span",
                json!(format!("00-{trace}-{}-01", "0".repeat(16))),
            ),
            ("no-hex", json!(format!("00-{}g-{PARENT}-01", &trace[1..]))),
            (
                "upper-case",
                json!(format!("00-{}-{PARENT}-01", trace.to_uppercase())),
            ),
            ("too-much", json!(format!("00-{trace}-{PARENT}-01-more"))),
            ("other-separator", json!(format!("00_{trace}_{PARENT}_01"))),
            (
                "no-ascii",
                json!(format!("00-{}é-{PARENT}-01", &trace[2..])),
            ),
            ("only-no-ascii", json!("🦀".repeat(14))),
            ("long", json!(long)),
            ("long-tail", json!(format!("00-{trace}-{PARENT}-01-{long}"))),
            ("number", json!(1)),
            ("object", json!({ "trace": trace })),
            ("list", json!([format!("00-{trace}-{PARENT}-01")])),
            ("null", Value::Null),
            ("truth", json!(true)),
        ];
        for (what, value) in &garbage {
            search_with(&client, what, &[("traceparent", value.clone())]).await?;
        }
        // First that no part of any was used, which names the one at fault.
        let received = harness.wait_for("all searches", |received| {
            let logs = received.otlp_logs();
            let mine = logs
                .iter()
                .filter(|log| log.text() == Some("search finished"));
            (mine.count() >= garbage.len()).then(|| received.clone())
        });
        for span in received.await?.otlp_spans_of(trace) {
            let query = span.attribute("splunk.query_preview");
            assert_eq!(query, None, "this one continued a trace");
        }
        for (what, _) in &garbage {
            assert_as_without(harness, what).await?;
        }
        client.cancel().await?;
        Ok(())
    });
}

#[test]
fn other_wrong_entries_do_not_break_the_call() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "wrong-entries").await?;
        let trace = "6bf92f3577b34da6a3ce929d0e0e47";
        let long = "a=b,".repeat(10_000);
        let wrong = [
            ("tracestate", json!("=,=,,,===")),
            ("tracestate", json!(7)),
            ("tracestate", json!(long)),
            ("baggage", json!("%zz=%,=,;;;")),
            ("baggage", json!(long)),
            ("baggage", json!({ "a": "b" })),
            (
                "baggage",
                json!("sentry-trace_id=nonsense,sentry-sample_rate=NaN"),
            ),
            ("sentry-trace", json!("nonsense")),
        ];
        for (index, (key, value)) in wrong.iter().enumerate() {
            let trace = format!("{trace}{index:02x}");
            let traceparent = json!(format!("00-{trace}-{PARENT}-01"));
            let marker = format!("wrong-entry-{index}");
            let meta = [("traceparent", traceparent), (*key, value.clone())];
            search_with(&client, &marker, &meta).await?;
            assert_continued(harness, &trace, &marker).await?;
        }
        client.cancel().await?;
        Ok(())
    });
}
