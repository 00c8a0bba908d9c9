//! Wrong settings, and telemetry that is switched off: the server serves.

use splunk_simulator::Simulator;
use telemetry_testkit::Sink;

use crate::program::{Program, Settings};
use crate::{GOOD, WRONG};

#[test]
fn wrong_settings_are_listed_once_and_all_else_works() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let mut program = Program::stdio(&Settings::of(&sink, &splunk).with(&WRONG));
    program.initialize("misconfigured");
    let answer = program.search(1, GOOD);
    assert_eq!(
        answer["result"]["structuredContent"]["results_count"], 3,
        "{answer}"
    );
    program.close_stdin();
    let ended = program.wait();
    assert!(ended.status.success(), "{ended:?}");
    for (name, _) in WRONG {
        let lines: Vec<_> = ended
            .stderr
            .lines()
            .filter(|line| line.contains(name))
            .collect();
        let problem = lines
            .iter()
            .filter(|line| !line.contains("monitoring disabled"));
        assert_eq!(problem.count(), 1, "{name}: {}", ended.stderr);
    }
    assert!(
        !ended.stderr.contains("hunter2"),
        "a wrong DSN may still hold a key"
    );
    assert!(
        ended.stderr.contains("8 wrong settings"),
        "{}",
        ended.stderr
    );
    // What the wrong ones do not concern goes on.
    assert!(!sink.received().otlp_spans().is_empty());
    assert!(sink.received().envelopes().is_empty(), "no DSN, no Sentry");
}

#[test]
fn with_wrong_splunk_settings_it_runs_and_its_tools_say_so() {
    let sink = Sink::start().unwrap();
    let wrong = [("SPLUNK_PORT", "many"), ("SENTRY_DSN", &*sink.dsn())];
    let mut program = Program::stdio(&Settings::default().with(&wrong));
    program.initialize("unconnected");
    let answer = program.search(1, GOOD);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    for name in ["SPLUNK_PORT", "SPLUNK_HOST", "SPLUNK_TOKEN"] {
        assert_eq!(
            text.matches(&format!("{name} is")).count(),
            1,
            "{name}: {text}"
        );
    }
    assert_eq!(text.matches("not connected to Splunk").count(), 1, "{text}");
    program.close_stdin();
    assert!(program.wait().status.success());
}

#[test]
fn switched_off_telemetry_sends_nothing_and_the_server_serves() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let off = [("OTEL_SDK_DISABLED", "true")];
    let mut program = Program::stdio(&Settings::of(&sink, &splunk).with(&off));
    program.initialize("unseen");
    let answer = program.search(1, GOOD);
    assert_eq!(
        answer["result"]["structuredContent"]["results_count"], 3,
        "{answer}"
    );
    program.close_stdin();
    let ended = program.wait();
    assert!(ended.status.success());
    assert!(
        ended.stderr.contains("Sentry monitoring disabled"),
        "{}",
        ended.stderr
    );
    assert!(sink.received().requests().is_empty());
}
