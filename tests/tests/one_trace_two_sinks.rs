//! A good search: one trace of five spans, at Sentry as one transaction, by OTLP the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use mcp_telemetry_tests::client::{connect, failed, good_search, search};
use mcp_telemetry_tests::harness::{ENVIRONMENT, Harness};
use mcp_telemetry_tests::repeats;
use mcp_telemetry_tests::trace::{CONTEXT, SEARCH_OPS, Trace};
use serde_json::{Value, json};
use telemetry_testkit::{OtlpRoute, PUBLIC_KEY, Received, SpanKind, SpanStatus};

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(1.0).unwrap());

/// What the server reports as its release.
const RELEASE: &str = concat!("mcp-server-splunk@", env!("CARGO_PKG_VERSION"));

/// Runs a search by a client of its own, and waits for its trace.
async fn search_by(harness: &Harness, client: &str) -> anyhow::Result<Trace> {
    let session = connect(harness, client).await?;
    let result = session.call_tool(search(&good_search(client))).await?;
    assert!(!failed(&result), "{result:?}");
    session.cancel().await?;
    harness.trace_of_search(client, SEARCH_OPS.len()).await
}

#[test]
fn five_spans_with_names_parents_and_kinds() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "five-spans").await?;
        let spans = trace.spans(&SEARCH_OPS)?;
        let expected = [
            ("POST /mcp", SpanKind::Server),
            ("tools/call run_oneshot_search", SpanKind::Server),
            ("mcp.tool.run_oneshot_search", SpanKind::Internal),
            ("splunk/search.oneshot", SpanKind::Internal),
            ("POST /services/search/jobs", SpanKind::Client),
        ];
        let mut parent = None;
        for (span, (name, kind)) in spans.iter().zip(expected) {
            assert_eq!(span.otlp.name, name);
            assert_eq!(span.sentry.description.as_deref(), Some(name));
            assert_eq!(span.otlp.kind, kind, "{name}");
            let kind = format!("{kind:?}").to_lowercase();
            assert_eq!(span.sentry.data_str("sentry.kind"), Some(&*kind), "{name}");
            assert_eq!(span.parent()?, parent, "{name}");
            assert_eq!(span.otlp.status, SpanStatus::Unset, "{name}");
            assert_eq!(span.sentry.status.as_deref(), Some("ok"), "{name}");
            assert_eq!(span.otlp.trace_id, trace.id);
            assert_eq!(span.sentry.trace_id, trace.id);
            assert_eq!(
                span.sentry.origin.as_deref(),
                Some("auto.mcp.mcp_telemetry")
            );
            assert!(
                span.otlp.links.is_empty() && span.sentry.links.is_empty(),
                "{name}"
            );
            assert!(span.otlp.events.is_empty(), "{name}");
            assert_eq!(span.otlp.dropped_attributes, 0, "{name}");
            parent = Some(span.id());
        }
        Ok(())
    });
}

#[test]
fn each_span_lies_within_its_parent_and_takes_as_long_at_both_sinks() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "within-parents").await?;
        let spans = trace.spans(&SEARCH_OPS)?;
        for pair in spans.windows(2) {
            let (outer, inner) = (pair[0].otlp, pair[1].otlp);
            assert!(outer.start_nanos <= inner.start_nanos, "{}", inner.name);
            assert!(outer.end_nanos >= inner.end_nanos, "{}", inner.name);
        }
        for span in spans {
            // Sentry's times are seconds in a double: exact to the microsecond.
            let start = span.sentry.start - span.otlp.start_nanos as f64 / 1e9;
            let end = span.sentry.end - span.otlp.end_nanos as f64 / 1e9;
            assert!(start.abs() < 2e-6, "{}: {start}", span.otlp.name);
            assert!(end.abs() < 2e-6, "{}: {end}", span.otlp.name);
        }
        Ok(())
    });
}

#[test]
fn one_transaction_with_its_sampling_context() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "one-transaction").await?;
        let transactions = trace.received.transactions_of(&trace.id);
        let [transaction] = &*transactions else {
            panic!("expected one transaction: {transactions:#?}");
        };
        assert_eq!(transaction.name, "POST /mcp");
        assert_eq!(transaction.source.as_deref(), Some("route"));
        assert_eq!(transaction.op.as_deref(), Some("http.server"));
        assert_eq!(transaction.parent_span_id, None);
        assert_eq!(transaction.release.as_deref(), Some(RELEASE));
        assert_eq!(transaction.environment.as_deref(), Some(ENVIRONMENT));
        assert_eq!(transaction.spans.len(), 4);

        let dsc = |key: &str| transaction.dsc.get(key).and_then(Value::as_str);
        assert_eq!(dsc("trace_id"), Some(&*trace.id));
        assert_eq!(dsc("public_key"), Some(PUBLIC_KEY));
        assert_eq!(dsc("sampled"), Some("true"));
        assert_eq!(dsc("release"), Some(RELEASE));
        assert_eq!(dsc("environment"), Some(ENVIRONMENT));
        assert_eq!(dsc("transaction"), Some("POST /mcp"));
        let rate: f64 = dsc("sample_rate").unwrap().parse()?;
        assert!((rate - 1.0).abs() < f64::EPSILON, "{rate}");
        let rand: f64 = dsc("sample_rand").unwrap().parse()?;
        assert!((0.0..1.0).contains(&rand), "{rand}");
        Ok(())
    });
}

#[test]
fn every_span_has_the_mcp_context_of_its_request() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "mcp-context").await?;
        let spans = trace.spans(&SEARCH_OPS)?;
        let session = spans[1].text("mcp.session.id")?;
        assert!(!session.is_empty());
        let request = spans[1].text("jsonrpc.request.id")?;
        for span in &spans {
            let name = &span.otlp.name;
            let context: Vec<_> = CONTEXT
                .iter()
                .map(|key| span.text(key))
                .collect::<Result<_, _>>()?;
            let expected = [session, request, "tools/call", "run_oneshot_search", "http"];
            assert_eq!(context, expected, "{name}");
        }
        Ok(())
    });
}

#[test]
fn each_span_has_the_attributes_of_its_kind() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "attributes").await?;
        let expected = [
            ("http.server", "http.request.method", json!("POST")),
            ("http.server", "http.route", json!("/mcp")),
            ("http.server", "http.response.status_code", json!(200)),
            ("http.server", "url.path", json!("/mcp")),
            ("http.server", "server.port", json!(harness.address.port())),
            (
                "mcp.server",
                "gen_ai.tool.name",
                json!("run_oneshot_search"),
            ),
            ("mcp.server", "gen_ai.operation.name", json!("execute_tool")),
            ("mcp.server", "mcp.client.name", json!("attributes")),
            ("mcp.server", "mcp.server.name", json!("mcp-server-splunk")),
            ("mcp.server", "mcp.protocol.version", json!("2025-11-25")),
            ("mcp.server", "network.transport", json!("tcp")),
            ("mcp.server", "mcp.tool.status", json!("success")),
            ("mcp.server", "mcp.tool.result.is_error", json!(false)),
            ("mcp.server", "mcp.tool.result.content_count", json!(1)),
            ("mcp.tool", "mcp.tool.status", json!("success")),
            ("splunk.api", "splunk.operation", json!("search.oneshot")),
            ("splunk.api", "splunk.status", json!("success")),
            ("splunk.api", "splunk.result_count", json!(3)),
            ("http.client", "http.request.method", json!("POST")),
            ("http.client", "http.response.status_code", json!(200)),
            ("http.client", "server.port", json!(harness.splunk.port())),
            (
                "http.client",
                "url.template",
                json!("/services/search/jobs"),
            ),
        ];
        for (op, key, value) in expected {
            let found = trace.span(op)?.attribute(key)?.cloned();
            assert_eq!(found, Some(value), "{key} of {op}");
        }
        let splunk = trace.span("splunk.api")?;
        let millis = splunk.attribute("splunk.duration")?.and_then(Value::as_f64);
        let span = splunk.otlp.duration().as_secs_f64() * 1_000.0;
        assert!(
            millis.is_some_and(|millis| millis > 0.0 && millis <= span),
            "{millis:?} {span}"
        );
        let query = format!("search {}", good_search("attributes"));
        assert_eq!(splunk.text("splunk.query_preview")?, query);
        let length = splunk.attribute("splunk.query_length")?.cloned();
        assert_eq!(length, Some(json!(query.chars().count())));
        let arguments: Value = serde_json::from_str(
            trace
                .span("mcp.server")?
                .text("gen_ai.tool.call.arguments")?,
        )?;
        assert_eq!(arguments["query"], good_search("attributes"));
        for op in SEARCH_OPS {
            assert_eq!(trace.span(op)?.attribute("error.type")?, None, "{op}");
        }
        Ok(())
    });
}

#[test]
fn no_attribute_stands_twice() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "no-repeats").await?;
        let mut read = [0, 0];
        for request in trace.received.requests() {
            if let Some(envelope) = request.envelope() {
                for item in &envelope.items {
                    let repeats = repeats::in_json(&item.payload)?;
                    assert!(repeats.is_empty(), "{} item: {repeats:?}", item.ty);
                    read[0] += 1;
                }
            } else if request.path == "/v1/traces" {
                let repeats = repeats::in_otlp_spans(&request.body)?;
                assert!(repeats.is_empty(), "OTLP: {repeats:?}");
                read[1] += 1;
            }
        }
        assert!(read.iter().all(|count| *count > 0), "{read:?}");
        Ok(())
    });
}

#[test]
fn the_resource_is_the_same_at_both_sinks() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "resource").await?;
        let transaction = trace.received.transaction_of(&trace.id).unwrap();
        let resource = &transaction.contexts["otel"]["resource"];
        for span in trace.received.otlp_spans_of(&trace.id) {
            assert_eq!(&serde_json::to_value(&*span.resource)?, resource);
            assert_eq!(span.route, OtlpRoute::Plain);
        }
        for (key, value) in [
            ("service.name", "mcp-server-splunk"),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.namespace", "tests"),
            ("deployment.environment.name", ENVIRONMENT),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.name", "opentelemetry"),
        ] {
            assert_eq!(resource[key], value, "{key}");
        }
        Ok(())
    });
}

#[test]
fn logs_belong_to_the_trace_and_have_the_mcp_context() {
    HARNESS.test(async |harness| {
        let trace = search_by(harness, "logs").await?;
        let look = |received: &Received| {
            let arrived = !received.logs_of(&trace.id).is_empty()
                && !received.otlp_logs_of(&trace.id).is_empty();
            arrived.then(|| received.clone())
        };
        let received = harness.wait_for("the logs", look).await?;
        let (sentry, otlp) = (
            received.logs_of(&trace.id),
            received.otlp_logs_of(&trace.id),
        );
        let ([sentry], [otlp]) = (&*sentry, &*otlp) else {
            panic!("expected one log each: {sentry:#?} {otlp:#?}");
        };
        assert_eq!((&*sentry.body, &*sentry.level), ("search finished", "info"));
        assert_eq!(
            (otlp.text(), otlp.severity_number),
            (Some("search finished"), 9)
        );
        assert_eq!(sentry.attribute("result_count"), Some(&json!(3)));
        assert_eq!(otlp.attribute("result_count"), Some(&json!(3)));
        let tool = trace.span("mcp.tool")?;
        assert_eq!(sentry.span_id.as_deref(), Some(tool.id()));
        assert_eq!(otlp.span_id.as_deref(), Some(tool.id()));
        assert_eq!(otlp.flags & 1, 1, "the trace is sampled");
        for key in CONTEXT {
            let expected = tool.attribute(key)?;
            assert!(expected.is_some(), "{key}");
            assert_eq!(sentry.attribute(key), expected, "{key}");
            assert_eq!(otlp.attribute(key), expected, "{key}");
        }
        assert!(received.events_of(&trace.id).is_empty(), "nothing failed");
        Ok(())
    });
}
