//! Trace context, sessions and rubbish in HTTP headers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use mcp_telemetry_tests::client::{connect, failed, good_search, search};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::raw::{RawSession, answer, headers};
use mcp_telemetry_tests::trace::{SEARCH_OPS, Trace};
use serde_json::{Value, json};
use telemetry_testkit::{PUBLIC_KEY, Received};

/// Callers are obeyed; `overruled_parent` has the default.
static HARNESS: LazyLock<Harness> =
    LazyLock::new(|| Harness::start_with(1.0, &[("MCP_TELEMETRY_OBEY_PARENT", "true")]).unwrap());

/// The caller's span in the traces that it starts.
const PARENT: &str = "00f067aa0ba902b7";

/// Searches with more headers; the answer must be three rows.
async fn search_with(
    session: &RawSession,
    id: u32,
    marker: &str,
    more: &[(&str, &[u8])],
) -> anyhow::Result<()> {
    let request = session
        .search(id, &good_search(marker))
        .headers(headers(more)?);
    let response = request.send().await?;
    assert_eq!(response.status(), 200, "{marker}");
    let answer = answer(response).await?;
    let rows = &answer["result"]["structuredContent"]["results_count"];
    assert_eq!(rows, 3, "{marker}: {answer}");
    Ok(())
}

/// Asserts that a trace is the caller's, with the HTTP request below the caller's span.
async fn assert_continued(harness: &Harness, id: &str) -> anyhow::Result<Trace> {
    let trace = harness.trace(id, SEARCH_OPS.len()).await?;
    let mut parent = Some(PARENT);
    for span in trace.spans(&SEARCH_OPS)? {
        assert_eq!(span.parent()?, parent, "{}", span.otlp.name);
        assert!(span.otlp.links.is_empty() && span.sentry.links.is_empty());
        parent = Some(span.otlp.span_id.as_str());
    }
    let transactions = trace.received.transactions_of(id);
    let [transaction] = &*transactions else {
        panic!("expected one transaction: {transactions:#?}");
    };
    assert_eq!(transaction.name, "POST /mcp");
    assert_eq!(transaction.parent_span_id.as_deref(), Some(PARENT));
    assert_eq!(transaction.dsc.get("trace_id"), Some(&json!(id)));
    Ok(trace)
}

/// Asserts that a search has a trace of its own.
async fn assert_own_trace(harness: &Harness, marker: &str) -> anyhow::Result<Trace> {
    let trace = harness.trace_of_search(marker, SEARCH_OPS.len()).await?;
    let mut parent = None;
    for span in trace.spans(&SEARCH_OPS)? {
        assert_eq!(span.parent()?, parent, "{marker}: {}", span.otlp.name);
        parent = Some(span.otlp.span_id.as_str());
    }
    Ok(trace)
}

#[test]
fn traceparent_is_continued() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "traceparent").await?;
        for (index, flags) in [(1, "01"), (2, "03")] {
            let id = format!("aaf92f3577b34da6a3ce929d0e0e47{flags}");
            let traceparent = format!("00-{id}-{PARENT}-{flags}");
            let more = [("traceparent", traceparent.as_bytes())];
            search_with(&session, index, flags, &more).await?;
            let trace = assert_continued(harness, &id).await?;
            let dsc = &trace.received.transaction_of(&id).unwrap().dsc;
            // Nobody froze a sampling context before: it is this server's.
            assert_eq!(dsc.get("public_key"), Some(&json!(PUBLIC_KEY)));
            assert_eq!(dsc.get("sampled"), Some(&json!("true")));
        }
        Ok(())
    });
}

#[test]
fn sentry_trace_and_its_baggage_are_continued() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "sentry-trace").await?;
        let id = "aaf92f3577b34da6a3ce929d0e0e4780";
        let sentry_trace = format!("{id}-{PARENT}-1");
        let baggage = format!(
            "theirs=1,sentry-trace_id={id},sentry-public_key=front,sentry-release=front%401.2,\
             sentry-sampled=true,sentry-sample_rate=0.25,sentry-sample_rand=0.125"
        );
        let more = [
            ("sentry-trace", sentry_trace.as_bytes()),
            ("baggage", baggage.as_bytes()),
        ];
        search_with(&session, 1, "sentry-trace", &more).await?;
        let trace = assert_continued(harness, id).await?;
        let dsc = &trace.received.transaction_of(id).unwrap().dsc;
        for (key, value) in [
            ("public_key", "front"),
            ("release", "front@1.2"),
            ("sampled", "true"),
            ("sample_rate", "0.25"),
            ("sample_rand", "0.125"),
        ] {
            assert_eq!(dsc.get(key), Some(&json!(value)), "{key}");
        }
        assert_eq!(
            dsc.get("environment"),
            None,
            "a frozen context is not added to"
        );
        Ok(())
    });
}

#[test]
fn of_an_unsampled_caller_no_span_arrives() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "unsampled").await?;
        let by_w3c = "aaf92f3577b34da6a3ce929d0e0e4700";
        let by_sentry = "aaf92f3577b34da6a3ce929d0e0e4704";
        let traceparent = format!("00-{by_w3c}-{PARENT}-00");
        search_with(
            &session,
            1,
            "w3c-00",
            &[("traceparent", traceparent.as_bytes())],
        )
        .await?;
        let sentry_trace = format!("{by_sentry}-{PARENT}-0");
        search_with(
            &session,
            2,
            "sentry-0",
            &[("sentry-trace", sentry_trace.as_bytes())],
        )
        .await?;
        // Logs are not sampled: they show that the requests have been traced to their end.
        let look = |received: &Received| {
            let logged = [by_w3c, by_sentry].iter().all(|id| {
                !received.logs_of(id).is_empty() && !received.otlp_logs_of(id).is_empty()
            });
            logged.then_some(())
        };
        harness.wait_for("the logs", look).await?;
        search_with(&session, 3, "after-unsampled", &[]).await?;
        assert_own_trace(harness, "after-unsampled").await?;
        harness.flush();
        let received = harness.sink.received();
        for id in [by_w3c, by_sentry] {
            assert!(received.spans_of(id).is_empty(), "{id}");
            assert!(received.otlp_spans_of(id).is_empty(), "{id}");
        }
        Ok(())
    });
}

#[test]
fn malformed_and_huge_headers_are_as_good_as_none() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "malformed").await?;
        let id = "abf92f3577b34da6a3ce929d0e0e4736";
        let (long, list) = ("x".repeat(10_000), "a=b,".repeat(16_000));
        let cases: Vec<(&str, &str, Vec<u8>)> = vec![
            ("h-empty", "traceparent", Vec::new()),
            ("h-short", "traceparent", b"00-abc".to_vec()),
            (
                "h-ff",
                "traceparent",
                format!("ff-{id}-{PARENT}-01").into_bytes(),
            ),
            (
                "h-zero",
                "traceparent",
                format!("00-{}-{PARENT}-01", "0".repeat(32)).into_bytes(),
            ),
            (
                "h-upper",
                "traceparent",
                format!("00-{}-{PARENT}-01", id.to_uppercase()).into_bytes(),
            ),
            (
                "h-more",
                "traceparent",
                format!("00-{id}-{PARENT}-01-x").into_bytes(),
            ),
            (
                "h-latin",
                "traceparent",
                [b"00-", id.as_bytes(), b"-\xe9\xff-01"].concat(),
            ),
            ("h-long", "traceparent", long.clone().into_bytes()),
            ("h-baggage", "baggage", list.clone().into_bytes()),
            (
                "h-baggage-bytes",
                "baggage",
                b"\xff\xfe=\x80,%zz=%,=".to_vec(),
            ),
            ("h-state", "tracestate", list.into_bytes()),
            ("h-sentry", "sentry-trace", b"nonsense-1".to_vec()),
            (
                "h-sentry-zero",
                "sentry-trace",
                format!("{}-{PARENT}-1", "0".repeat(32)).into_bytes(),
            ),
            ("h-sentry-long", "sentry-trace", long.clone().into_bytes()),
            ("h-request-id", "x-request-id", long.clone().into_bytes()),
            ("h-agent", "user-agent", b"\xf0\x9f\xa6\x80".to_vec()),
            ("h-x-session", "x-session-id", long.into_bytes()),
            ("h-x-session-bytes", "x-session-id", b"\x80\x81".to_vec()),
        ];
        for (index, (marker, name, value)) in (1..).zip(&cases) {
            search_with(&session, index, marker, &[(name, value)]).await?;
        }
        for (marker, ..) in &cases {
            let trace = assert_own_trace(harness, marker).await?;
            let found = trace
                .span("http.server")?
                .text("mcp.session.id")?
                .to_owned();
            assert_eq!(found, session.id, "{marker}");
        }
        assert!(harness.sink.received().otlp_spans_of(id).is_empty());
        Ok(())
    });
}

#[test]
fn many_headers_at_once_do_not_break_the_request() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "many-headers").await?;
        let id = "aaf92f3577b34da6a3ce929d0e0e4790";
        let value = "y".repeat(2_000);
        let mut request = session.search(1, &good_search("many-headers"));
        for index in 0..60 {
            request = request.header(format!("x-filler-{index}"), &value);
        }
        // The same header twice, as a proxy may make it: no context at all, or one of them.
        request = request
            .header("traceparent", format!("00-{id}-{PARENT}-01"))
            .header("traceparent", format!("00-{id}-{PARENT}-01"));
        let response = request.send().await?;
        assert_eq!(response.status(), 200);
        answer(response).await?;
        let trace = harness
            .trace_of_search("many-headers", SEARCH_OPS.len())
            .await?;
        trace.spans(&SEARCH_OPS)?;
        Ok(())
    });
}

#[test]
fn malformed_sessions_are_refused_as_without_telemetry() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "malformed-session").await?;
        let long = "z".repeat(10_000);
        for (index, id) in (0..).zip([
            &b"no-such-session"[..],
            b"",
            b"\xff\xfe",
            long.as_bytes(),
            b",,,",
        ]) {
            let trace = format!("aaf92f3577b34da6a3ce929d0e0e48{index:02x}");
            let traceparent = format!("00-{trace}-{PARENT}-01");
            let mut without = session.clone();
            without.id.clear();
            let more = [
                ("mcp-session-id", id),
                ("traceparent", traceparent.as_bytes()),
            ];
            let request = without
                .search(1, &good_search("refused"))
                .headers(headers(&more)?);
            let status = request.send().await?.status();
            assert!(status.is_client_error(), "{id:?}: {status}");
            let trace = harness.trace(&trace, 1).await?;
            let http = trace.spans(&["http.server"])?[0];
            assert!(
                http.otlp.attribute("error.type").is_none(),
                "the caller's fault"
            );
            assert_eq!(http.otlp.status, telemetry_testkit::SpanStatus::Unset);
            let code = http.attribute("http.response.status_code")?;
            assert_eq!(code, Some(&json!(status.as_u16())));
            let recorded = http.attribute("mcp.session.id")?.and_then(Value::as_str);
            assert!(
                recorded.is_none_or(|id| (1..=256).contains(&id.len())),
                "{recorded:?}"
            );
        }
        // The server goes on.
        let client = connect(harness, "after-malformed-session").await?;
        let result = client
            .call_tool(search(&good_search("after-refused")))
            .await?;
        assert!(!failed(&result));
        client.cancel().await?;
        assert_own_trace(harness, "after-refused").await?;
        Ok(())
    });
}

#[test]
fn a_session_id_may_come_by_its_other_name() {
    HARNESS.test(async |harness| {
        let id = "aaf92f3577b34da6a3ce929d0e0e4791";
        let http = reqwest::Client::new();
        let request = http
            .get(harness.mcp_url())
            .header("traceparent", format!("00-{id}-{PARENT}-01"))
            .header("x-session-id", "session_xyz789");
        let status = request.send().await?.status();
        assert!(
            status.is_client_error(),
            "it names no session of this server: {status}"
        );
        let trace = harness.trace(id, 1).await?;
        let http = trace.spans(&["http.server"])?[0];
        assert_eq!(http.text("mcp.session.id")?, "session_xyz789");
        Ok(())
    });
}
