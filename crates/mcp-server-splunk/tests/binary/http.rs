//! What is seen of a call over HTTP, from its client to Splunk.

use splunk_simulator::Simulator;
use telemetry_testkit::Sink;

use crate::program::{Program, Settings};
use crate::{GOOD, first_call};

#[test]
fn the_clients_address_is_seen_where_it_may_be() {
    for (send_pii, address) in [("true", Some("127.0.0.1")), ("false", None)] {
        let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
        let settings = Settings::of(&sink, &splunk).with(&[("SENTRY_SEND_PII", send_pii)]);
        let program = Program::http(&settings);
        program.post_search(GOOD);
        program.terminate();
        program.wait();
        let (transaction, otlp) = first_call(&sink);
        assert_eq!(transaction.name, "POST /mcp");
        let root = otlp
            .iter()
            .find(|span| span.parent_span_id.is_none())
            .unwrap();
        for key in ["client.address", "network.peer.address"] {
            assert_eq!(root.attribute_str(key), address, "{key}");
        }
        for key in ["client.port", "network.peer.port"] {
            let port = root.attribute(key).and_then(serde_json::Value::as_i64);
            assert_eq!(port.is_some_and(|port| port > 0), address.is_some());
        }
    }
}

#[test]
fn requests_of_both_sides_are_measured() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let program = Program::http(&Settings::of(&sink, &splunk));
    program.post_search(GOOD);
    program.get("/health");
    program.terminate();
    program.wait();
    let received = sink.received();
    // The counts of a route, of all exports the latest one.
    let count = |name: &str, key: &str, value: &str| {
        let metrics = received.otlp_metrics_named(name);
        let points = metrics.iter().flat_map(|metric| &metric.points);
        points
            .filter(|point| point.attribute(key).and_then(|it| it.as_str()) == Some(value))
            .filter_map(|point| point.histogram().map(|histogram| histogram.count))
            .max()
    };
    let served = "http.server.request.duration";
    assert_eq!(count(served, "http.route", "/mcp"), Some(1));
    assert_eq!(count(served, "http.route", "/health"), Some(1));
    let sent = "http.client.request.duration";
    assert_eq!(count(sent, "server.address", &splunk.host()), Some(1));
    assert_eq!(
        count(sent, "url.template", "/services/search/jobs"),
        Some(1)
    );
}
