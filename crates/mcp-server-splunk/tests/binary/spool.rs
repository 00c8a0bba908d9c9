//! A server that is killed while Sentry and the collector are down.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use splunk_simulator::Simulator;
use telemetry_testkit::{Fault, Sink};

use crate::GOOD;
use crate::program::{DEADLINE, Program, Settings};

const CALLS: usize = 20;
/// Spans of a call, from the HTTP request that is served to the one that is sent.
const SPANS: usize = 5;

/// A directory, gone at the end of the test.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the server says on `/telemetry`.
fn figures(program: &Program) -> Value {
    let answer = program.get("/telemetry");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// Whether all that a delivery was given is on disk.
fn is_stored(delivery: &Value, least: u64) -> bool {
    let number = |key: &str| delivery[key].as_u64().unwrap();
    let held = number("queued") + number("in_flight") + number("spooled");
    number("stored") >= least && number("stored") == held
}

#[test]
fn nothing_is_lost_to_an_outage_and_a_kill() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let name = format!("server-spool-{}", std::process::id());
    let scratch = Scratch(std::env::temp_dir().join(name));
    let directory = scratch.0.to_str().unwrap();
    let settings = Settings::of(&sink, &splunk).with(&[("MCP_TELEMETRY_SPOOL_DIR", directory)]);
    sink.fault(Fault::status(503));
    let program = Program::http(&settings);
    for _ in 0..CALLS {
        program.post_search(GOOD);
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let figures = figures(&program);
        let spans = figures["otlp"]["traces"]["handed_over"].as_u64().unwrap();
        if spans >= (CALLS * SPANS) as u64
            && is_stored(&figures["otlp"]["delivery"], 1)
            && is_stored(&figures["sentry"]["delivery"], CALLS as u64)
        {
            break;
        }
        assert!(Instant::now() < deadline, "{figures:#}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // SIGKILL.
    drop(program);
    sink.clear_faults();
    sink.clear();

    let program = Program::http(&settings);
    let calls = |received: &telemetry_testkit::Received| {
        let is_call = |it: &&telemetry_testkit::Transaction| {
            it.all_spans()
                .any(|span| span.op.as_deref() == Some("mcp.tool"))
        };
        let calls = received.transactions().into_iter().filter(is_call);
        calls.map(|it| it.trace_id.clone()).collect::<BTreeSet<_>>()
    };
    let arrived = sink.wait_for(DEADLINE, |received| {
        let traces = calls(received);
        let spans = |trace: &String| received.otlp_spans_of(trace).len() == SPANS;
        (traces.len() == CALLS && traces.iter().all(spans)).then_some(())
    });
    assert!(arrived.is_ok(), "{}", sink.received());
    let figures = figures(&program);
    for destination in ["sentry", "otlp"] {
        let delivery = &figures[destination]["delivery"];
        assert!(delivery["recovered"].as_u64() > Some(0), "{figures:#}");
    }
    program.terminate();
    let ended = program.wait();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(!ended.stderr.contains("spool"), "{}", ended.stderr);
    let left: Vec<_> = fs::read_dir(&scratch.0)
        .unwrap()
        .flat_map(|entry| fs::read_dir(entry.unwrap().path()).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["lock", "lock"]);
}

#[test]
fn figures_are_served_and_tell_no_secret() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let program = Program::http(&Settings::of(&sink, &splunk));
    program.post_search(GOOD);
    let deadline = Instant::now() + DEADLINE;
    let figures = loop {
        let figures = figures(&program);
        if figures["sentry"]["delivery"]["sent"].as_u64() > Some(0) {
            break figures;
        }
        assert!(Instant::now() < deadline, "{figures:#}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(figures["sentry"]["transactions"], 1, "{figures:#}");
    assert_eq!(figures["sentry"]["delivery"]["dropped"]["send_error"], 0);
    assert_eq!(figures["pipeline"]["dropped_full"], 0);
    assert!(
        figures["sampling"]
            .as_array()
            .is_some_and(|rules| !rules.is_empty())
    );
    let text = figures.to_string();
    for secret in [telemetry_testkit::PUBLIC_KEY, splunk.token(), "127.0.0.1"] {
        assert!(!text.contains(secret), "{text}");
    }
    program.terminate();
    program.wait();
    // Nobody traces those who look at the figures.
    let received = sink.received();
    assert_eq!(received.transactions().len(), 1, "{received}");
}
