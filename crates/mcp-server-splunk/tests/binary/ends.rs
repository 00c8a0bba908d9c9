//! How the program ends, and that what waited is sent.

use std::time::{Duration, Instant};

use splunk_simulator::Simulator;
use telemetry_testkit::{Fault, Sink};

use crate::program::{DEADLINE, Program, Settings};
use crate::{GOOD, first_call};

#[test]
fn sigterm_ends_the_http_server_and_what_waited_arrives() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let program = Program::http(&Settings::of(&sink, &splunk));
    assert!(program.get("/health").contains("\"healthy\""));
    let answer = program.post_search(GOOD);
    assert!(answer.contains("results_count"), "{answer}");
    let since = Instant::now();
    program.terminate();
    let ended = program.wait();
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
    assert!(ended.status.success(), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("Sentry HTTP middleware added for request tracing")
    );
    assert!(ended.stdout.is_empty(), "{:?}", ended.stdout);

    // All of it was answered before the program ended: nothing more can come.
    let received = sink.received();
    let (transaction, otlp) = first_call(&sink);
    assert_eq!(transaction.name, "POST /mcp");
    assert_eq!((transaction.all_spans().count(), otlp.len()), (5, 5));
    assert!(received.agreement().holds(), "{}", received.agreement());
    let logs = received.logs_of(&transaction.trace_id);
    assert_eq!(logs.len(), 1, "{logs:?}");
    assert_eq!(received.otlp_logs_of(&transaction.trace_id).len(), 1);
}

#[test]
fn sigterm_in_the_middle_of_a_request_ends_the_server_too() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let program = Program::http(&Settings::of(&sink, &splunk));
    let asked = program.send_search("index=main `sim_sleep(60000)` | stats count");
    let deadline = Instant::now() + DEADLINE;
    while splunk.requests().is_empty() {
        assert!(Instant::now() < deadline, "Splunk was not asked");
        std::thread::yield_now();
    }
    let since = Instant::now();
    program.terminate();
    let ended = program.wait();
    assert!(
        since.elapsed() < Duration::from_secs(6),
        "{:?}",
        since.elapsed()
    );
    assert!(ended.status.success(), "{ended:?}");
    drop(asked);
    // The request did not come to its end, but it shows, as cancelled.
    let (transaction, _) = first_call(&sink);
    let tool = transaction
        .all_spans()
        .find(|span| span.op.as_deref() == Some("mcp.tool"));
    assert_eq!(tool.unwrap().data_str("mcp.tool.status"), Some("cancelled"));
    assert!(sink.received().agreement().holds());
}

#[test]
fn endpoints_that_hang_do_not_hold_up_the_end() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    sink.fault(Fault::hang());
    let timeout = [("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", "1000")];
    let settings = Settings::of(&sink, &splunk).with(&timeout);
    let allowed = Duration::from_millis(1_000) + Duration::from_secs(2);

    let mut program = Program::stdio(&settings);
    program.initialize("hung-up");
    program.search(1, GOOD);
    let since = Instant::now();
    program.close_stdin();
    let ended = program.wait();
    assert!(
        since.elapsed() < allowed,
        "stdin closed: {:?}",
        since.elapsed()
    );
    assert!(
        ended
            .stderr
            .contains("telemetry was not all sent within 1000 ms"),
        "{}",
        ended.stderr
    );

    let mut program = Program::stdio(&settings);
    program.initialize("hung-up");
    program.search(1, GOOD);
    let since = Instant::now();
    program.terminate();
    program.wait();
    assert!(
        since.elapsed() < allowed,
        "SIGTERM, stdin open: {:?}",
        since.elapsed()
    );

    let program = Program::http(&settings);
    program.post_search(GOOD);
    let since = Instant::now();
    program.terminate();
    program.wait();
    assert!(
        since.elapsed() < allowed,
        "SIGTERM, HTTP: {:?}",
        since.elapsed()
    );
    assert!(sink.received().requests().len() >= 3, "each of them tried");
}

#[test]
fn an_endpoint_that_is_not_there_does_not_hold_up_the_end() {
    let splunk = Simulator::start().unwrap();
    let settings = {
        // Its port is free again, once it is dropped.
        let gone = Sink::start().unwrap();
        Settings::of(&gone, &splunk)
    };
    let mut program = Program::stdio(&settings);
    program.initialize("nobody-there");
    let answer = program.search(1, GOOD);
    assert_eq!(
        answer["result"]["structuredContent"]["results_count"], 3,
        "{answer}"
    );
    let since = Instant::now();
    program.close_stdin();
    program.wait();
    // The default of the shutdown timeout is two seconds.
    assert!(
        since.elapsed() < Duration::from_secs(4),
        "{:?}",
        since.elapsed()
    );
}

#[test]
fn a_client_that_never_finishes_its_request_does_not_hold_up_the_end() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let program = Program::http(&Settings::of(&sink, &splunk));
    let half = program.connect("POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    // The server has seen the half request by the time it answers a later one.
    assert!(program.get("/health").contains("\"healthy\""));
    let since = Instant::now();
    program.terminate();
    let ended = program.wait();
    assert!(
        since.elapsed() < Duration::from_secs(8),
        "{:?}",
        since.elapsed()
    );
    assert!(ended.status.success(), "{ended:?}");
    drop(half);
}

#[test]
fn a_machine_without_certificates_sends_over_plain_http() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let nowhere = [
        ("SSL_CERT_FILE", "/nonexistent/certificates"),
        ("SSL_CERT_DIR", "/nonexistent"),
    ];
    let settings = Settings::of(&sink, &splunk).with(&nowhere);
    let program = Program::http(&settings);
    program.post_search(GOOD);
    program.terminate();
    let ended = program.wait();
    assert!(
        ended.stderr.contains("Sentry initialized successfully"),
        "{ended:?}"
    );
    let (transaction, otlp) = first_call(&sink);
    assert_eq!((transaction.all_spans().count(), otlp.len()), (5, 5));
}

#[test]
fn a_collector_that_hangs_costs_sentry_no_logs() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    sink.fault(Fault::hang().on_path("/v1/"));
    let timeout = [("MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS", "1500")];
    let program = Program::http(&Settings::of(&sink, &splunk).with(&timeout));
    program.post_search(GOOD);
    program.terminate();
    program.wait();
    let received = sink.received();
    assert_eq!(received.transactions().len(), 1);
    let found = |body: &str| received.logs().iter().any(|log| log.body == body);
    assert!(found("search finished"), "{:?}", received.logs());
}
