//! What the program writes to stdout and stderr.

use serde_json::{Value, json};
use splunk_simulator::Simulator;
use telemetry_testkit::Sink;

use crate::program::{Program, Settings};
use crate::{BAD, GOOD, WRONG};

#[test]
fn stdout_holds_nothing_but_the_protocol_whatever_is_logged() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let loud = [
        ("RUST_LOG", "trace"),
        ("SENTRY_DEBUG", "true"),
        ("RUST_BACKTRACE", "1"),
    ];
    let right = Settings::of(&sink, &splunk).with(&loud);
    let wrong = Settings::of(&sink, &splunk).with(&loud).with(&WRONG);
    let nothing = Settings::default().with(&loud);
    for settings in [right, wrong, nothing] {
        let mut program = Program::stdio(&settings);
        program.initialize("listener");
        for (id, spl) in [(1, GOOD), (2, BAD)] {
            let answer = program.search(id, spl);
            assert!(answer["result"].is_object(), "{answer}");
        }
        let unknown = program.request(3, "no/such/method", json!({}));
        assert_eq!(unknown["error"]["code"], -32_601, "{unknown}");
        program.send_line("this is no JSON");
        program.request(4, "ping", json!({}));
        program.close_stdin();
        let ended = program.wait();
        for level in [" TRACE ", " DEBUG ", " INFO ", " WARN "] {
            assert!(ended.stderr.contains(level), "{level}: {}", ended.stderr);
        }
        assert!(ended.stdout.len() >= 5, "{:?}", ended.stdout);
        for line in &ended.stdout {
            let message: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{error} on stdout: {line:?}"));
            assert_eq!(message["jsonrpc"], "2.0", "{line}");
        }
    }
}

#[test]
fn it_says_that_sentry_is_on_and_with_what() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let more = [("SENTRY_RELEASE", "mcp-server-splunk@0.4.0")];
    let mut program = Program::stdio(&Settings::of(&sink, &splunk).with(&more));
    program.initialize("reader");
    program.close_stdin();
    let ended = program.wait();
    for line in [
        "Sentry initialized successfully (env=staging, release=mcp-server-splunk@0.4.0, traces=100.0%)",
        "Sentry MCP middleware added for request tracing",
    ] {
        assert_eq!(
            ended.stderr.matches(line).count(),
            1,
            "{line}: {}",
            ended.stderr
        );
    }
    assert!(!ended.stderr.contains("disabled"), "{}", ended.stderr);
}

#[test]
fn it_says_that_sentry_is_off() {
    let mut program = Program::stdio(&Settings::default());
    program.initialize("reader");
    program.close_stdin();
    let ended = program.wait();
    let line = "SENTRY_DSN not set, Sentry monitoring disabled";
    assert_eq!(ended.stderr.matches(line).count(), 1, "{}", ended.stderr);
    assert!(
        !ended.stderr.contains("middleware added"),
        "{}",
        ended.stderr
    );
}
