//! Envelopes: encodings, routes, answers, and every typed item.

use std::io::Write as _;

use serde_json::json;
use telemetry_testkit::{Answer, AuthSource, ItemContent, PUBLIC_KEY, Sink};

use crate::{
    CHILD, ROOT, TRACE, envelope, event_envelope, log, log_envelope, post, post_envelope,
    transaction_envelope,
};

fn encode(encoding: &str, body: &[u8]) -> Vec<u8> {
    use flate2::write::{GzEncoder, ZlibEncoder};
    match encoding {
        "gzip" => {
            let mut writer = GzEncoder::new(Vec::new(), Default::default());
            writer.write_all(body).unwrap();
            writer.finish().unwrap()
        }
        "deflate" => {
            let mut writer = ZlibEncoder::new(Vec::new(), Default::default());
            writer.write_all(body).unwrap();
            writer.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 4096, 5, 20)
                .write_all(body)
                .unwrap();
            out
        }
        "zstd" => zstd::encode_all(body, 1).unwrap(),
        _ => body.to_vec(),
    }
}

#[tokio::test]
async fn every_encoding_is_taken_and_answered_with_the_id() {
    let sink = Sink::start().unwrap();
    let encodings = ["identity", "gzip", "deflate", "br", "zstd"];
    for (n, encoding) in (1..).zip(encodings) {
        let body = transaction_envelope(n);
        let wire = encode(encoding, body.as_bytes());
        let headers = [("content-encoding", encoding)];
        let response = post(&sink, "/api/1/envelope/", &headers, wire.clone()).await;
        assert_eq!(response.status(), 200, "{encoding}");
        let answer: serde_json::Value = response.json().await.unwrap();
        assert_eq!(answer, json!({"id": format!("{n:032x}")}));

        let received = sink.received();
        let request = received.requests()[n as usize - 1];
        assert_eq!(request.wire_len, wire.len(), "{encoding}");
        assert_eq!(request.body, body.as_bytes(), "{encoding}");
        assert_eq!(request.answer, Answer::Status(200));
        assert_eq!(request.header("content-encoding"), Some(encoding));
    }
    let received = sink.received();
    assert!(received.problems().is_empty(), "{received}");
    assert_eq!(received.transactions_of(TRACE).len(), encodings.len());
}

#[tokio::test]
async fn a_transaction_is_read_whole() {
    let sink = Sink::start().unwrap();
    assert_eq!(post_envelope(&sink, transaction_envelope(9)).await, 200);
    let received = sink.received();
    let transaction = received.transaction_of(TRACE).unwrap();
    assert_eq!(transaction.event_id, format!("{:032x}", 9));
    assert_eq!(transaction.name, "POST /mcp");
    assert_eq!(transaction.source.as_deref(), Some("route"));
    assert_eq!(transaction.span_id, ROOT);
    assert_eq!(
        transaction.parent_span_id.as_deref(),
        Some("00000000000000ab")
    );
    assert_eq!(transaction.op.as_deref(), Some("mcp.server"));
    assert_eq!(transaction.status.as_deref(), Some("ok"));
    assert_eq!(transaction.origin.as_deref(), Some("auto.mcp.demo"));
    assert_eq!((transaction.start, transaction.end), (1000.25, 1002.5));
    assert_eq!(transaction.duration().as_millis(), 2250);
    assert_eq!(transaction.data["mcp.method.name"], "tools/call");
    assert_eq!(
        transaction.contexts["otel"]["resource"]["service.name"],
        "demo"
    );
    assert_eq!(transaction.release.as_deref(), Some("demo@1.0.0"));
    assert_eq!(transaction.environment.as_deref(), Some("test"));
    assert_eq!(transaction.platform.as_deref(), Some("native"));
    assert_eq!(transaction.tags["region"], "north");
    assert_eq!(transaction.dsc["sample_rate"], "0.5");
    assert_eq!(transaction.raw["type"], "transaction");
    let link = &transaction.links[0];
    assert_eq!((link.span_id.as_str(), link.sampled), (CHILD, Some(true)));
    assert_eq!(link.attributes["sentry.link.type"], "previous_trace");

    let span = &transaction.spans[0];
    assert_eq!(span.span_id, CHILD);
    assert_eq!(span.parent_span_id.as_deref(), Some(ROOT));
    assert_eq!(span.op.as_deref(), Some("mcp.tool"));
    assert_eq!(span.description.as_deref(), Some("mcp.tool.search"));
    assert_eq!(span.status.as_deref(), Some("internal_error"));
    assert_eq!(span.data_str("mcp.tool.name"), Some("search"));
    assert_eq!(span.tags["a"], "b");
    assert_eq!(span.duration().as_millis(), 1000);
    assert_eq!(span.event_id, transaction.event_id);
    assert!(!span.is_root);
}

#[tokio::test]
async fn an_event_is_read_whole() {
    let sink = Sink::start().unwrap();
    assert_eq!(post_envelope(&sink, event_envelope(7)).await, 200);
    let received = sink.received();
    let events = received.events();
    assert_eq!(events.len(), 1, "{received}");
    let event = events[0];
    assert_eq!(event.event_id, format!("{:032x}", 7));
    assert_eq!(event.level.as_deref(), Some("error"));
    assert_eq!(event.text(), Some("search 7 failed"));
    assert_eq!(event.tags["mcp.tool.name"], "search");
    assert_eq!(event.trace_id.as_deref(), Some(TRACE));
    assert_eq!(event.span_id.as_deref(), Some(CHILD));
    assert_eq!(event.parent_span_id.as_deref(), Some(ROOT));
    let outer = &event.exceptions[1];
    assert_eq!(outer.ty.as_deref(), Some("SearchError"));
    assert_eq!(outer.value.as_deref(), Some("no answer"));
    let mechanism = outer.mechanism.as_ref().unwrap();
    assert_eq!(mechanism.ty.as_deref(), Some("auto.ai.mcp_server"));
    assert_eq!(mechanism.handled, Some(false));
    assert_eq!(mechanism.data["error_type"], "tool_execution");
    assert_eq!(event.exceptions[0].module.as_deref(), Some("std::io"));
    let breadcrumb = &event.breadcrumbs[0];
    assert_eq!(breadcrumb.message.as_deref(), Some("login"));
    assert_eq!(breadcrumb.category.as_deref(), Some("splunk"));
    assert_eq!(breadcrumb.data["n"], 1);
}

#[tokio::test]
async fn logs_have_typed_attributes_and_their_span() {
    let sink = Sink::start().unwrap();
    let mut second = log("second");
    second["span_id"] = json!(ROOT);
    let body = log_envelope(&[log("first"), second]);
    assert_eq!(post_envelope(&sink, body).await, 200);
    let received = sink.received();
    let logs = received.logs_of(TRACE);
    assert_eq!(logs.len(), 2, "{received}");
    assert_eq!(
        (logs[0].body.as_str(), logs[0].level.as_str()),
        ("first", "warn")
    );
    assert_eq!(logs[0].timestamp, 1000.75);
    assert_eq!(logs[0].severity_number, Some(13));
    assert_eq!(logs[0].attributes["splunk.result_count"].ty, "integer");
    assert_eq!(logs[0].attribute("splunk.result_count"), Some(&json!(3)));
    // From the attribute; the field wins over it.
    assert_eq!(logs[0].span_id.as_deref(), Some(CHILD));
    assert_eq!(logs[1].span_id.as_deref(), Some(ROOT));
}

#[tokio::test]
async fn sessions_reports_metrics_and_other_items_are_read() {
    let sink = Sink::start().unwrap();
    let sessions = json!({
        "attrs": {"release": "demo@1.0.0", "environment": "test"},
        "aggregates": [
            {"started": "2026-01-01T00:01:00Z", "exited": 5, "errored": 2, "crashed": 1},
            {"started": "2026-01-01T00:02:00Z", "did": "u1", "abnormal": 1},
        ],
    });
    let report = json!({
        "timestamp": 1000.0,
        "discarded_events": [
            {"reason": "queue_overflow", "category": "transaction", "quantity": 2},
            {"reason": "queue_overflow", "category": "span", "quantity": 9},
        ],
    });
    let metric = json!({"items": [{
        "timestamp": 1000.0, "trace_id": TRACE, "span_id": ROOT, "name": "splunk.api.duration",
        "type": "distribution", "value": 1.5, "unit": "second",
        "attributes": {"ok": {"value": true, "type": "boolean"}},
    }]});
    let session = json!({
        "sid": "6c7b3b2f-1d0a-4a67-9b0e-2f1f6a3d0f11", "init": true, "status": "ok",
        "started": "2026-01-01T00:01:02Z", "attrs": {"release": "demo@1.0.0"},
    });
    let container = json!({
        "type": "trace_metric", "item_count": 1,
        "content_type": "application/vnd.sentry.items.trace-metric+json",
    });
    let bodies = [
        envelope(&json!({}), &json!({"type": "sessions"}), &sessions),
        envelope(&json!({}), &json!({"type": "client_report"}), &report),
        envelope(&json!({}), &json!({"type": "client_report"}), &report),
        envelope(&json!({}), &container, &metric),
        envelope(&json!({}), &json!({"type": "session"}), &session),
        envelope(
            &json!({}),
            &json!({"type": "profile_chunk", "platform": "rust"}),
            &json!({"version": "2"}),
        ),
    ];
    for body in bodies {
        assert_eq!(post_envelope(&sink, body).await, 200);
    }
    let received = sink.received();
    let buckets = received.sessions();
    assert_eq!(buckets.len(), 2, "{received}");
    assert_eq!(
        (buckets[0].exited, buckets[0].errored, buckets[0].crashed),
        (5, 2, 1)
    );
    assert_eq!(buckets[1].abnormal, 1);
    assert_eq!(buckets[1].release, "demo@1.0.0");
    assert_eq!(buckets[1].distinct_id.as_deref(), Some("u1"));
    assert_eq!(received.client_reports().len(), 2);
    assert_eq!(received.discarded("queue_overflow", "span"), 18);
    assert_eq!(received.discarded("network_error", "span"), 0);
    let metrics = received.trace_metrics();
    assert_eq!(
        (metrics[0].name.as_str(), metrics[0].value),
        ("splunk.api.duration", 1.5)
    );
    assert_eq!(metrics[0].unit.as_deref(), Some("second"));
    assert_eq!(metrics[0].attributes["ok"].value, true);
    let updates = received.session_updates();
    assert!(updates[0].init);
    let chunks = received.items("profile_chunk");
    assert_eq!(chunks[0].headers["platform"], "rust");
    assert!(matches!(
        &chunks[0].content,
        ItemContent::Other(Some(json)) if json["version"] == "2"
    ));
    assert!(received.problems().is_empty(), "{received}");
}

#[tokio::test]
async fn items_without_length_end_at_the_newline() {
    let sink = Sink::start().unwrap();
    let event = crate::event(3);
    // The first item has no length, the second has one, and there is no final newline.
    let body = format!(
        "{{}}\n{{\"type\":\"event\"}}\n{event}\n{{\"type\":\"attachment\",\"length\":3}}\na\nb"
    );
    assert_eq!(post_envelope(&sink, body).await, 200);
    let received = sink.received();
    let types: Vec<&str> = received.envelopes()[0].item_types().collect();
    assert_eq!(types, ["event", "attachment"]);
    assert_eq!(received.items("attachment")[0].payload, "a\nb");
    assert_eq!(received.events().len(), 1);
}

#[tokio::test]
async fn the_trailing_slash_does_not_matter_and_auth_is_recorded() {
    let sink = Sink::start().unwrap();
    let auth = format!("Sentry sentry_key={PUBLIC_KEY}, sentry_version=7");
    let headers = [("x-sentry-auth", auth.as_str())];
    let response = post(&sink, "/api/1/envelope", &headers, "{}\n").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), "{}");
    let path = format!("/api/1/envelope/?sentry_key={PUBLIC_KEY}");
    assert_eq!(post(&sink, &path, &[], "{}\n").await.status(), 200);
    let body = json!({"dsn": sink.dsn()}).to_string();
    assert_eq!(post_envelope(&sink, body).await, 200);

    let received = sink.received();
    let found: Vec<_> = received
        .requests()
        .into_iter()
        .map(|request| request.auth.clone().unwrap())
        .map(|auth| (auth.source, auth.key == PUBLIC_KEY))
        .collect();
    assert_eq!(
        found,
        [
            (AuthSource::SentryHeader, true),
            (AuthSource::Query, true),
            (AuthSource::Dsn, true)
        ]
    );
    let query = received.requests()[1].query.clone();
    assert_eq!(query, Some(format!("sentry_key={PUBLIC_KEY}")));
}
