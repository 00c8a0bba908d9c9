//! What is malformed is refused with a reason, recorded, and never counts as received.

use serde_json::{Value, json};
use telemetry_testkit::{ParseError, Sink};

use crate::{
    CHILD, envelope, event_envelope, log, log_envelope, post, transaction, transaction_envelope,
};

/// Posts an envelope that must be refused; gives the recorded error.
async fn refused(sink: &Sink, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> ParseError {
    sink.clear();
    let response = post(sink, "/api/1/envelope/", headers, body).await;
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    let received = sink.received();
    let problems = received.problems();
    assert_eq!(problems.len(), 1, "{received}");
    let error = problems[0].error.clone();
    assert_eq!(status, error.status());
    assert_eq!(answer["detail"], error.to_string());
    assert!(received.envelopes().is_empty());
    assert_eq!(received.requests().len(), 1);
    error
}

/// The same for a body that is answered 400; gives the reason.
async fn reason(sink: &Sink, body: impl Into<Vec<u8>>) -> String {
    let error = refused(sink, &[], body).await;
    assert_eq!(error.status(), 400, "{error}");
    error.to_string()
}

#[tokio::test]
async fn the_frame_of_an_envelope() {
    let sink = Sink::start().unwrap();
    let cases = [
        ("", "the body is empty"),
        ("\n", "envelope header is not JSON"),
        ("hello", "envelope header is not JSON"),
        ("[]\n", "envelope header.*: expected an object"),
        (
            "{\"event_id\":\"12\"}\n",
            "envelope header.event_id: expected 32 hex digits",
        ),
        (
            "{}\n{\"length\":1}\nx\n",
            "header of item 0.type: expected a string",
        ),
        ("{}\nnonsense\n", "header of item 0 is not JSON"),
        (
            "{}\n{\"type\":\"attachment\",\"length\":-1}\nx\n",
            "header of item 0.length: expected an unsigned integer",
        ),
        (
            "{}\n{\"type\":\"attachment\",\"length\":9}\nabc\n",
            "item 0 says length 9, but only 4 bytes are left",
        ),
        (
            "{}\n{\"type\":\"attachment\",\"length\":18446744073709551615}\nabc\n",
            "but only 4 bytes are left",
        ),
        (
            "{}\n{\"type\":\"attachment\",\"length\":1}\nabc\n",
            "item 0 says length 1, but no newline follows its payload",
        ),
        (
            "{}\n{\"type\":\"event\"}\n{\"a\":\n",
            "event (item 0) is not JSON: it ends too early",
        ),
        ("{}\n{\"type\":\"event\"}\n", "event (item 0) is not JSON"),
    ];
    for (body, expected) in cases {
        let reason = reason(&sink, body).await;
        assert!(reason.contains(expected), "{body:?}: {reason}");
    }
}

#[tokio::test]
async fn transactions_that_sentry_would_drop() {
    let sink = Sink::start().unwrap();
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 8] = [
        (
            |t| t["contexts"] = json!({}),
            "transaction.contexts: expected an object with trace",
        ),
        (
            |t| t["contexts"]["trace"]["trace_id"] = json!("0".repeat(32)),
            "transaction.contexts.trace.trace_id: expected 32 hex digits",
        ),
        (
            |t| t["timestamp"] = json!(1),
            "transaction.timestamp: expected a time not before",
        ),
        (
            |t| t["start_timestamp"] = Value::Null,
            "transaction.start_timestamp: expected seconds",
        ),
        (
            |t| t["spans"][0]["timestamp"] = json!(1000.0),
            "transaction.spans[0].timestamp: expected a time not before",
        ),
        (
            |t| t["spans"][0]["trace_id"] = Value::Null,
            "transaction.spans[0].trace_id: expected 32 hex digits",
        ),
        (
            |t| t["spans"][0]["span_id"] = json!("xyz"),
            "transaction.spans[0].span_id: expected 16 hex digits, found a string",
        ),
        (
            |t| t["spans"] = json!({}),
            "transaction.spans: expected a list, found an object",
        ),
    ];
    for (change, expected) in cases {
        let mut payload = transaction(1);
        change(&mut payload);
        let body = envelope(&json!({}), &json!({"type": "transaction"}), &payload);
        let reason = reason(&sink, body).await;
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn log_containers_that_sentry_would_drop() {
    let sink = Sink::start().unwrap();
    let header = |count: usize, content_type: &str| json!({"type": "log", "item_count": count, "content_type": content_type});
    let right = "application/vnd.sentry.items.log+json";
    let with = |key: &str, value: Value| {
        let mut log = log("x");
        log[key] = value;
        log_envelope(&[log])
    };
    let one = json!({"items": [log("x")]});
    let cases = [
        (
            envelope(&json!({}), &header(2, right), &one),
            "item_count: expected the number of items",
        ),
        (
            envelope(&json!({}), &header(1, "application/json"), &one),
            "content_type: expected application/vnd.sentry.items.log+json",
        ),
        (
            envelope(&json!({}), &header(0, right), &json!({})),
            "log.items: expected a list",
        ),
        (with("trace_id", Value::Null), "trace_id: expected 32 hex"),
        (with("body", json!(7)), "body: expected a string"),
        (with("level", json!("warning")), "level: expected trace"),
        (
            with("attributes", json!({"a": {"value": 1, "type": "string"}})),
            "attributes.a.value: expected a value of the type it says",
        ),
        (
            with("attributes", json!({"a": "bare"})),
            "attributes.a.*: expected an object",
        ),
    ];
    for (body, expected) in cases {
        let reason = reason(&sink, body).await;
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn sessions_and_reports_that_sentry_would_drop() {
    let sink = Sink::start().unwrap();
    let bucket = |bucket: Value| json!({"attrs": {"release": "r@1"}, "aggregates": [bucket]});
    let cases = [
        (
            "sessions",
            json!({"aggregates": []}),
            "sessions.attrs: expected an object with release",
        ),
        (
            "sessions",
            bucket(json!({"started": 12})),
            "aggregates[0].started: expected a string",
        ),
        (
            "sessions",
            bucket(json!({"started": "2026-01-01T00:00:00Z", "exited": -1})),
            "aggregates[0].exited: expected an unsigned integer",
        ),
        (
            "client_report",
            json!({"discarded_events": [{"reason": "x", "category": "span", "quantity": 1.5}]}),
            "discarded_events[0].quantity: expected an unsigned integer",
        ),
    ];
    for (ty, payload, expected) in cases {
        let body = envelope(&json!({}), &json!({"type": ty}), &payload);
        let reason = reason(&sink, body).await;
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn one_bad_item_spoils_the_envelope() {
    let sink = Sink::start().unwrap();
    let good = event_envelope(1);
    let body = format!("{good}{{\"type\":\"session\",\"length\":2}}\n{{}}\n");
    let reason = reason(&sink, body).await;
    assert!(reason.contains("session.attrs"), "{reason}");
    assert!(sink.received().events().is_empty());
}

#[tokio::test]
async fn encodings_that_lie_or_are_unknown() {
    let sink = Sink::start().unwrap();
    let body = transaction_envelope(1);
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    std::io::Write::write_all(&mut writer, body.as_bytes()).unwrap();
    let mut cut = writer.finish().unwrap();
    cut.truncate(cut.len() / 2);
    let error = refused(&sink, &[("content-encoding", "gzip")], cut.clone()).await;
    assert!(
        matches!(
            error,
            ParseError::BadEncoding {
                encoding: "gzip",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.status(), 400);
    // What could not be decoded is kept as it came.
    assert_eq!(sink.received().requests()[0].body, cut);

    let error = refused(&sink, &[("content-encoding", "snappy")], body.clone()).await;
    assert_eq!(error.status(), 415);
    // Compressed, but without the header.
    let error = refused(&sink, &[], cut).await;
    assert!(matches!(error, ParseError::Json { .. }), "{error}");
}

#[tokio::test]
async fn bodies_over_the_limit() {
    let sink = Sink::builder().max_body_bytes(1000).start().unwrap();
    let error = refused(&sink, &[], "x".repeat(1001)).await;
    assert_eq!(error.status(), 413);
    let bomb = zstd::encode_all("x".repeat(1001).as_bytes(), 1).unwrap();
    assert!(bomb.len() < 100);
    let error = refused(&sink, &[("content-encoding", "zstd")], bomb).await;
    assert!(
        matches!(&error, ParseError::TooLarge { limit: 1000, encoding } if encoding == "zstd"),
        "{error}"
    );
}

#[tokio::test]
async fn paths_and_methods() {
    let sink = Sink::start().unwrap();
    let response = post(&sink, "/api/1/store/", &[], "{}").await;
    assert_eq!(response.status(), 404);
    let url = format!("{}/api/1/envelope/", sink.url());
    let response = crate::client().get(url).send().await.unwrap();
    assert_eq!(response.status(), 405);
    let received = sink.received();
    let problems: Vec<String> = received.problems().iter().map(|p| p.to_string()).collect();
    assert_eq!(
        problems,
        [
            "request 1 to /api/1/store/: no route /api/1/store/; expected an envelope or OTLP path",
            "request 2 to /api/1/envelope/: method GET is not allowed; expected POST"
        ]
    );
}

#[test]
fn a_client_that_goes_away_while_it_sends() {
    use std::io::Write as _;
    let sink = Sink::start().unwrap();
    let mut stream = std::net::TcpStream::connect(sink.address()).unwrap();
    write!(
        stream,
        "POST /api/1/envelope/ HTTP/1.1\r\nhost: sink\r\ncontent-length: 100\r\n\r\n{{}}"
    )
    .unwrap();
    drop(stream);
    let error = sink
        .wait_for(crate::LONG, |r| Some(r.problems().first()?.error.clone()))
        .unwrap();
    assert!(matches!(error, ParseError::Body { .. }), "{error}");
}

#[tokio::test]
async fn no_reason_quotes_the_payload() {
    let sink = Sink::start().unwrap();
    let mut payload = transaction(1);
    payload["spans"][0]["span_id"] = json!("hunter2");
    let body = envelope(&json!({}), &json!({"type": "transaction"}), &payload);
    let reason = reason(&sink, body).await;
    assert!(!reason.contains("hunter2"), "{reason}");
    assert!(!reason.contains(CHILD), "{reason}");
}

proptest::proptest! {
    #[test]
    fn no_envelope_panics(
        noise in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..60),
        at in 0_usize..1200,
        cut in 0_usize..1200,
    ) {
        for sound in [transaction_envelope(1), event_envelope(2), log_envelope(&[log("x")])] {
            let mut spoilt = sound.into_bytes();
            for (byte, noise) in spoilt.iter_mut().skip(at).zip(&noise) {
                *byte = *noise;
            }
            let cut = spoilt[..cut.min(spoilt.len())].to_vec();
            for body in [spoilt, cut, noise.clone()] {
                // An error has a message and a status of its own.
                if let Err(error) = telemetry_testkit::Envelope::parse(body) {
                    proptest::prop_assert!(!error.to_string().is_empty());
                    proptest::prop_assert_eq!(error.status(), 400);
                }
            }
        }
    }
}
