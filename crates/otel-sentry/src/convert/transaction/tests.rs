use super::*;
use crate::convert::testing::{any_span, at, attributes, now, service, span};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Link, SpanContext, Status};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::time::Duration;

fn resource() -> Vec<KeyValue> {
    attributes(&[
        ("host.name", "host-1"),
        ("service.name", "mcp-server"),
        ("service.version", "1.2.3"),
    ])
}

fn written(root: &SpanData, children: &[&SpanData]) -> (String, Written) {
    let resource = Resource::new(&resource());
    let mut out = b"before".to_vec();
    let parts = TransactionParts {
        root,
        children,
        breadcrumbs: &[],
        event_id: [0xab; 16],
        now: now(),
        service: &service(&resource),
    };
    let written = write(&parts, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    (text.strip_prefix("before").unwrap().to_owned(), written)
}

fn json(root: &SpanData, children: &[&SpanData]) -> Json {
    serde_json::from_str(&written(root, children).0).unwrap()
}

fn tree() -> (SpanData, SpanData, SpanData) {
    let mut root = span(0x10, 0xbeef);
    root.name = "POST /mcp".into();
    root.span_kind = SpanKind::Server;
    root.parent_span_is_remote = true;
    root.end_time = at(90_000);
    root.attributes = attributes(&[
        ("sentry.origin", "auto.http.mcp_telemetry"),
        ("sentry.profiler_id", "71bba98d90b545c39f2ae73f702d7ef4"),
        ("http.request.method", "POST"),
        ("http.route", "/mcp"),
    ]);
    root.attributes.extend([
        KeyValue::new("http.response.status_code", 200_i64),
        KeyValue::new("sampling.rate", 0.25),
    ]);
    root.links.links = vec![Link::new(
        span(0xabc, 0).span_context,
        attributes(&[("sentry.link.type", "previous_trace")]),
        0,
    )];
    let mut tool = span(0x11, 0x10);
    tool.name = "tools/call search".into();
    tool.attributes = attributes(&[
        ("sentry.op", "mcp.server"),
        ("mcp.method.name", "tools/call"),
        ("mcp.tool.name", "search"),
    ]);
    tool.attributes.extend([
        KeyValue::new("hosts", opentelemetry::Value::Array(vec![1_i64, 2].into())),
        KeyValue::new("ratio", f64::NAN),
    ]);
    tool.status = Status::error("no such index");
    tool.events.events = vec![Event::new("exception", at(17_500), Vec::new(), 0)];
    let mut http = span(0x12, 0x11);
    http.name = "GET".into();
    http.span_kind = SpanKind::Client;
    http.attributes = attributes(&[
        ("http.request.method", "GET"),
        ("url.full", "https://splunk:8089/services?q=1"),
    ]);
    http.attributes
        .push(KeyValue::new("http.response.status_code", 404_i64));
    (root, tool, http)
}

#[test]
fn a_whole_transaction() {
    let (root, tool, http) = tree();
    let (text, written) = written(&root, &[&tool, &http]);
    assert_eq!(
        written,
        Written {
            children: 2,
            refused: 0
        }
    );
    // As text, since reading times back as doubles would not keep their digits.
    assert!(text.contains(r#""start_timestamp":1795435200.016,"timestamp":1795435200.09,"#));
    let mut json: Json = serde_json::from_str(&text).unwrap();
    for span in json["spans"].as_array_mut().unwrap() {
        for time in ["start_timestamp", "timestamp"] {
            assert!(span[time].as_f64().unwrap() > 1_795_435_200.0);
            span[time] = json!("[seconds]");
        }
    }
    for time in ["start_timestamp", "timestamp"] {
        json[time] = json!("[seconds]");
    }
    insta::assert_json_snapshot!(json);
}

#[test]
fn a_minimal_transaction_has_no_empty_fields() {
    let root = span(1, 0);
    let service = Service {
        release: None,
        environment: None,
        server_name: None,
        ..service(&Resource::NONE)
    };
    let mut out = Vec::new();
    let parts = TransactionParts {
        root: &root,
        children: &[],
        breadcrumbs: &[],
        event_id: [1; 16],
        now: now(),
        service: &service,
    };
    write(&parts, &mut out).unwrap();
    let json: Json = serde_json::from_slice(&out).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "contexts",
            "event_id",
            "platform",
            "sdk",
            "spans",
            "start_timestamp",
            "timestamp",
            "transaction",
            "transaction_info",
            "type"
        ]
    );
    assert_eq!(json["contexts"]["trace"]["op"], "default");
    assert_eq!(json["contexts"]["trace"]["status"], "ok");
    assert!(json["contexts"]["trace"].get("parent_span_id").is_none());
    assert!(json["contexts"].get("response").is_none());
}

#[test]
fn what_happened_is_a_trail_of_breadcrumbs() {
    let root = span(1, 0);
    let crumb = |message: &str| Breadcrumb {
        timestamp: at(5),
        message: Some(message.to_owned()),
        ..Breadcrumb::default()
    };
    let mut out = Vec::new();
    let parts = TransactionParts {
        root: &root,
        children: &[],
        breadcrumbs: &[crumb("first"), crumb("second")],
        event_id: [1; 16],
        now: now(),
        service: &service(&Resource::NONE),
    };
    write(&parts, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let expected = r#""breadcrumbs":{"values":[{"timestamp":1795435200.000005,"message":"first"},"#;
    assert!(text.contains(expected), "{text}");
    let json: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(json["breadcrumbs"]["values"][1]["message"], "second");
}

#[test]
fn only_a_servers_status_code_is_a_response() {
    let (mut root, ..) = tree();
    assert_eq!(json(&root, &[])["contexts"]["response"]["status_code"], 200);
    root.span_kind = SpanKind::Client;
    assert!(json(&root, &[])["contexts"].get("response").is_none());
}

#[test]
fn a_bad_child_costs_only_itself() {
    let (root, tool, mut http) = tree();
    http.span_context = SpanContext::NONE;
    let mut backwards = span(0x13, 0x11);
    backwards.end_time = backwards.start_time - Duration::from_secs(1);
    let (text, written) = written(&root, &[&tool, &http, &backwards]);
    assert_eq!(
        written,
        Written {
            children: 2,
            refused: 1
        }
    );
    let json: Json = serde_json::from_str(&text).unwrap();
    let spans = json["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[1]["start_timestamp"], spans[1]["timestamp"]);
}

#[test]
fn a_bad_root_is_refused_and_nothing_is_written() {
    let (mut root, tool, _) = tree();
    let resource = Resource::new(&resource());
    let refuse = |root: &SpanData, now| {
        let mut out = b"before".to_vec();
        let parts = TransactionParts {
            root,
            children: &[&tool],
            breadcrumbs: &[],
            event_id: [1; 16],
            now,
            service: &service(&resource),
        };
        let error = write(&parts, &mut out).unwrap_err();
        assert_eq!(out, b"before");
        error.to_string()
    };
    let later = now() + Duration::from_secs(35 * 24 * 60 * 60);
    assert_eq!(
        refuse(&root, later),
        "the root span cannot be sent: the span ended 35 days ago; expected at most 29"
    );
    root.span_context = SpanContext::NONE;
    assert!(refuse(&root, now()).contains("the trace id is zero"));
}

#[test]
fn a_payload_over_the_limit_is_refused_and_nothing_is_written() {
    let root = span(1, 0);
    let mut large = span(2, 1);
    large.attributes = vec![KeyValue::new("v", "x".repeat(300_000))];
    let mut out = b"before".to_vec();
    let parts = TransactionParts {
        root: &root,
        children: &[&large; 4],
        breadcrumbs: &[],
        event_id: [1; 16],
        now: now(),
        service: &service(&Resource::NONE),
    };
    let error = write(&parts, &mut out).unwrap_err();
    assert!(matches!(error, WriteError::TooLarge { bytes, limit: 1_000_000 } if bytes > 1_200_000));
    assert_eq!(out, b"before");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn always_json_with_what_the_receiver_demands(
        root in any_span(1),
        children in proptest::collection::vec(any_span(2), 0..5),
    ) {
        let children: Vec<_> = children.iter().collect();
        let json = json(&root, &children);
        let trace = &json["contexts"]["trace"];
        prop_assert_eq!(json["spans"].as_array().unwrap().len(), children.len());
        for span in json["spans"].as_array().unwrap().iter().chain([trace]) {
            prop_assert_eq!(span["trace_id"].as_str().unwrap().len(), 32);
            prop_assert_eq!(span["span_id"].as_str().unwrap().len(), 16);
            prop_assert!(span["status"].is_string());
            let origin = span["origin"].as_str().unwrap();
            prop_assert!(origin.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_'));
            for value in span["data"].as_object().unwrap().values() {
                prop_assert!(!value.is_null() && !value.is_array() && !value.is_object());
            }
            if span != trace {
                let times = (span["start_timestamp"].as_f64(), span["timestamp"].as_f64());
                prop_assert!(times.0.unwrap() > 0.0 && times.0 <= times.1);
            }
        }
        let name = json["transaction"].as_str().unwrap();
        prop_assert!(!name.is_empty() && name.chars().count() <= 200);
        prop_assert!(json["transaction_info"]["source"] != "url");
    }
}
