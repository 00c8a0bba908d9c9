//! Traces of calls over stdin and stdout.

use serde_json::json;
use splunk_simulator::Simulator;
use telemetry_testkit::{Sink, SpanKind, SpanStatus};

use crate::program::{Program, Settings};
use crate::{BAD, GOOD, first_call};

#[test]
fn stdio_answers_and_its_traces_arrive() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let mut program = Program::stdio(&Settings::of(&sink, &splunk));
    program.initialize("stdio-client");
    let good = program.search(1, GOOD);
    assert_eq!(
        good["result"]["structuredContent"]["results_count"], 3,
        "{good}"
    );
    let bad = program.search(2, BAD);
    assert_eq!(bad["result"]["isError"], true, "{bad}");
    program.close_stdin();
    let ended = program.wait();
    assert!(ended.status.success(), "{ended:?}");

    let (transaction, otlp) = first_call(&sink);
    assert_eq!(transaction.name, "tools/call run_oneshot_search");
    assert_eq!(transaction.op.as_deref(), Some("mcp.server"));
    assert_eq!(
        transaction.parent_span_id, None,
        "there is no HTTP above it"
    );
    assert_eq!(transaction.environment.as_deref(), Some("staging"));
    let ops: Vec<_> = transaction
        .all_spans()
        .filter_map(|span| span.op.as_deref())
        .collect();
    assert_eq!(ops, ["mcp.server", "mcp.tool", "splunk.api", "http.client"]);
    let root = otlp
        .iter()
        .find(|span| span.parent_span_id.is_none())
        .unwrap();
    assert_eq!(root.span_id, transaction.span_id);
    assert_eq!(
        (root.kind, root.status),
        (SpanKind::Server, SpanStatus::Unset)
    );
    for (key, value) in [
        ("mcp.transport", "stdio"),
        ("network.transport", "pipe"),
        ("mcp.request.id", "1"),
        ("mcp.method.name", "tools/call"),
        ("mcp.tool.name", "run_oneshot_search"),
    ] {
        for span in transaction.all_spans() {
            // Splunk itself is asked by TCP; everything else is the request's own.
            let own = key == "network.transport" && span.op.as_deref() == Some("http.client");
            let value = if own { "tcp" } else { value };
            assert_eq!(span.data_str(key), Some(value), "{key} of {:?}", span.op);
        }
        for span in &otlp {
            assert!(span.attribute(key).is_some(), "{key} of {}", span.name);
        }
    }
    assert_eq!(
        root.attribute("mcp.session.id"),
        None,
        "stdio has no session id"
    );
    assert_eq!(root.attribute("network.protocol.name"), None);
    assert_eq!(root.attribute_str("mcp.client.name"), Some("stdio-client"));

    let received = sink.received();
    assert!(received.agreement().holds(), "{}", received.agreement());
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    assert_eq!(received.events().len(), 1, "of the bad search");
    assert!(
        received
            .logs()
            .iter()
            .any(|log| log.body == "search finished")
    );
    assert!(
        received
            .otlp_logs()
            .iter()
            .any(|log| log.text() == Some("search finished"))
    );
}

#[test]
fn a_stdio_client_continues_its_own_trace() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let mut program = Program::stdio(&Settings::of(&sink, &splunk));
    program.initialize("tracing-client");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = program.request(
        1,
        "tools/call",
        json!({
            "name": "list_indexes", "arguments": {},
            "_meta": { "traceparent": format!("00-{trace}-00f067aa0ba902b7-01") },
        }),
    );
    assert!(
        answer["result"]["structuredContent"]["count"].is_u64(),
        "{answer}"
    );
    program.close_stdin();
    program.wait();
    let (transaction, _) = first_call(&sink);
    assert_eq!(transaction.trace_id, trace);
    assert_eq!(
        transaction.parent_span_id.as_deref(),
        Some("00f067aa0ba902b7")
    );
    assert!(transaction.links.is_empty(), "there is no HTTP to link to");
}
