//! Envelopes on disk.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::delivery::SpoolOptions;

/// A directory for a spool, gone at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spool-sentry-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn delivery(&self) -> Delivery {
        impatient()
            .with_request_timeout(Duration::from_millis(300))
            .with_spool(SpoolOptions::new(&self.0))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The item types of each request.
fn types(server: &Server) -> Vec<Vec<String>> {
    let requests = server.requests();
    let mut types: Vec<_> = requests.iter().map(|it| it.item_types()).collect();
    types.sort();
    types
}

#[test]
fn what_was_not_sent_is_sent_by_the_next_client() {
    let scratch = Scratch::new();
    let down = Server::start(|_, _| Reply::Gate);
    let setup_down = setup(&down.dsn(), scratch.delivery().with_max_in_flight(1));
    setup_down.send_transaction(1);
    down.wait_for(1);
    // These wait: their order is none of this test's.
    setup_down.send_transaction(2);
    assert!(setup_down.shared.send(logs(3)));
    let event = Event::default();
    let id = event.event_id;
    assert_eq!(setup_down.client.capture_event(event, None), id);
    down.wait_for(2);
    assert!(!setup_down.client.close(Some(Duration::ZERO)));
    let figures = setup_down.stats.snapshot();
    assert_eq!((figures.spooled, figures.dropped.total()), (4, 0));
    drop(setup_down);

    let up = Server::start(|_, _| Reply::status(200));
    let setup = setup(&up.dsn(), scratch.delivery());
    let figures = setup.wait_until(|it| it.sent == 4);
    assert_eq!(figures.recovered, 4);
    assert_eq!(
        types(&up),
        [["event"], ["log"], ["transaction"], ["transaction"]]
    );
    let requests = up.requests();
    let ids: Vec<_> = requests
        .iter()
        .filter_map(|request| {
            request.envelope_header()["event_id"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert!(ids.contains(&id.to_string()), "{ids:?}");
    for number in [1, 2] {
        assert!(ids.contains(&format!("{number:032x}")), "{ids:?}");
    }
    // To the server and with the key of the one that reads it.
    assert!(
        requests
            .iter()
            .all(|request| request.envelope_header()["dsn"] == up.dsn())
    );
    assert!(setup.client.close(Some(PATIENCE)));
}

#[test]
fn of_a_mixed_envelope_only_what_has_an_id_is_sent_again() {
    let scratch = Scratch::new();
    let server = Server::start(|_, number| match number {
        0 => Reply::Gate,
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), scratch.delivery());
    let items = ["event", "client_report", "log", "transaction"]
        .map(|it| format!("{{\"type\":\"{it}\",\"length\":2}}\n{{}}\n"));
    let envelope = format!("{{\"event_id\":\"{:032x}\"}}\n{}", 7, items.concat());
    let envelope = Envelope::from_bytes_raw(envelope.into_bytes()).unwrap();
    assert!(setup.shared.send(envelope));
    assert!(setup.client.flush(Some(PATIENCE)));
    let requests = server.requests();
    let types: Vec<_> = requests
        .iter()
        .map(|request| request.item_types())
        .collect();
    let first = ["event", "client_report", "log", "transaction"];
    assert_eq!(types, [&first[..], &["event", "transaction"]]);
    assert_eq!(
        requests[0].envelope_header()["event_id"],
        requests[1].envelope_header()["event_id"]
    );
    let figures = setup.stats.snapshot();
    assert_eq!((figures.sent, figures.dropped.total()), (1, 0));
    // What was taken out may be lost; nobody knows.
    let report = setup.client_report(&server);
    let expected = [
        loss("network_error", "log_byte", 2),
        loss("network_error", "log_item", 1),
    ];
    assert_eq!(report, expected);
}

#[test]
fn logs_without_an_answer_are_lost_and_counted() {
    let scratch = Scratch::new();
    let server = Server::start(|_, number| match number {
        0 => Reply::Gate,
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), scratch.delivery());
    assert!(setup.shared.send(logs(3)));
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(server.requests().len(), 1);
    assert_eq!(setup.stats.snapshot().dropped.network_error, 1);
    let report = setup.client_report(&server);
    let expected = [
        loss("network_error", "log_byte", 15),
        loss("network_error", "log_item", 3),
    ];
    assert_eq!(report, expected);
}

/// The server may have counted what the report told of.
#[test]
fn a_client_report_without_an_answer_is_not_repeated() {
    let scratch = Scratch::new();
    let server = Server::start(|_, number| match number {
        0 => Reply::status(400),
        1 => Reply::Gate,
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), scratch.delivery());
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(setup.client_report(&server).len(), 2, "gets no answer");
    assert_eq!(setup.client_report(&server), []);
}
