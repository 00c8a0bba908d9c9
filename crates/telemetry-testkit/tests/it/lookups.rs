//! Look-ups over several transactions, events and traces.

use serde_json::json;
use telemetry_testkit::{SentrySpan, Sink};

use crate::{
    CHILD, ROOT, TRACE, envelope, event_envelope, log, log_envelope, post_envelope, transaction,
    transaction_envelope,
};

const OTHER: &str = "11111111111111111111111111111111";

fn ids(spans: &[&SentrySpan]) -> Vec<String> {
    spans.iter().map(|span| span.span_id.clone()).collect()
}

async fn filled() -> Sink {
    let sink = Sink::start().unwrap();
    let mut other = transaction(2);
    other["contexts"]["trace"]["trace_id"] = json!(OTHER);
    other["contexts"]["trace"]["span_id"] = json!("2222222222222222");
    other["spans"] = json!([]);
    let mut late = transaction(3);
    late["contexts"]["trace"]["span_id"] = json!("3333333333333333");
    late["contexts"]["trace"]["parent_span_id"] = json!(ROOT);
    late["contexts"]["trace"]["op"] = json!("mcp.tool");
    late["transaction"] = json!("late child");
    late["spans"] = json!([]);
    let item = json!({"type": "transaction"});
    let mut elsewhere = log("elsewhere");
    elsewhere["trace_id"] = json!(OTHER);
    let bodies = [
        transaction_envelope(1),
        envelope(&json!({}), &item, &other),
        envelope(&json!({}), &item, &late),
        event_envelope(4),
        envelope(
            &json!({}),
            &json!({"type": "event"}),
            &json!({"event_id": format!("{:032x}", 5), "message": "no trace"}),
        ),
        log_envelope(&[log("here"), elsewhere]),
    ];
    for body in bodies {
        assert_eq!(post_envelope(&sink, body).await, 200, "{}", sink.received());
    }
    sink
}

#[tokio::test]
async fn traces_and_spans() {
    let sink = filled().await;
    let received = sink.received();
    assert_eq!(received.transactions().len(), 3);
    assert_eq!(received.transactions_of(TRACE).len(), 2);
    let first = received.transaction_of(TRACE).unwrap();
    assert_eq!(first.span_id, ROOT);
    assert!(received.transaction_of("f".repeat(32)).is_none());
    // Ids in upper case find the same.
    assert_eq!(received.transactions_of(TRACE.to_uppercase()).len(), 2);

    let spans = received.spans_of(TRACE);
    assert_eq!(ids(&spans), [ROOT, CHILD, "3333333333333333"]);
    assert!(spans[0].is_root && !spans[1].is_root && spans[2].is_root);
    assert_eq!(spans[0].description.as_deref(), Some("POST /mcp"));
    assert_eq!(spans[0].data_str("mcp.method.name"), Some("tools/call"));
    assert_eq!(spans[2].description.as_deref(), Some("late child"));
    assert_eq!(spans[2].parent_span_id.as_deref(), Some(ROOT));

    let tools = received.spans_by_op(TRACE, "mcp.tool");
    assert_eq!(ids(&tools), [CHILD, "3333333333333333"]);
    assert!(received.spans_by_op(OTHER, "mcp.tool").is_empty());
    assert_eq!(received.span(CHILD).unwrap().trace_id, TRACE);
}

#[tokio::test]
async fn events_and_logs() {
    let sink = filled().await;
    let received = sink.received();
    assert_eq!(received.events().len(), 2);
    assert_eq!(received.events()[1].text(), Some("no trace"));
    assert_eq!(received.events_of(TRACE).len(), 1);
    assert!(received.events_of(OTHER).is_empty());
    assert_eq!(received.events_linked_to(CHILD).len(), 1);
    assert!(received.events_linked_to(ROOT).is_empty());
    assert_eq!(received.logs().len(), 2);
    assert_eq!(received.logs_of(OTHER)[0].body, "elsewhere");
}

#[tokio::test]
async fn requests_and_the_summary() {
    let sink = filled().await;
    let received = sink.received();
    assert_eq!(received.requests().len(), 6);
    assert_eq!(received.requests_on("/api/").len(), 6);
    assert!(received.requests_on("/v1/").is_empty());
    let ids: Vec<u64> = received.requests().iter().map(|r| r.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    assert_eq!(received.requests()[0].summary(), "transaction + 1 spans");
    assert_eq!(
        received.to_string(),
        "6 requests (6 answered 2xx), 3 transactions, 4 Sentry spans, 2 events, 2 logs"
    );
}

#[tokio::test]
async fn a_snapshot_stays_and_clear_forgets() {
    let sink = filled().await;
    let before = sink.received();
    sink.clear();
    assert!(sink.received().requests().is_empty());
    assert_eq!(before.requests().len(), 6);
    assert_eq!(post_envelope(&sink, transaction_envelope(9)).await, 200);
    assert_eq!(sink.received().requests().len(), 1);
    assert_eq!(sink.received().requests()[0].id, 7);
    assert_eq!(before.transactions().len(), 3);
}
