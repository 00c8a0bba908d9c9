//! What the server asked not to send.

use super::*;

#[test]
fn limited_categories_are_dropped_and_the_rest_goes_on() {
    let server = Server::start(|_, number| match number {
        0 => Reply::with(
            429,
            "x-sentry-rate-limits",
            "600:transaction:organization:quota, 600:session:key",
        ),
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), impatient());
    setup.send_transaction(0);
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(setup.stats.snapshot().dropped.rate_limited, 1);
    assert_eq!(
        setup.client_report(&server),
        [],
        "the server counts what it refuses with 429"
    );

    for number in 1..=5 {
        setup.send_transaction(number);
    }
    setup.shared.send(raw("session"));
    setup.send_error();
    setup.shared.send(logs(1));
    assert!(setup.client.flush(Some(PATIENCE)));
    let mut types: Vec<_> = server.requests()[1..]
        .iter()
        .flat_map(server::Request::item_types)
        .collect();
    types.sort();
    // The client may have attached its report to the error already.
    types.retain(|kind| kind != "client_report");
    assert_eq!(types, ["event", "log"]);
    let snapshot = setup.stats.snapshot();
    assert_eq!(snapshot.dropped.rate_limited, 7);
    assert_eq!(snapshot.sent, 2);
}

#[test]
fn a_limit_on_spans_holds_transactions_back_whole() {
    let server = Server::start(|_, number| match number {
        0 => Reply::with(200, "x-sentry-rate-limits", "600:span:organization"),
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), impatient());
    setup.send_error();
    assert!(setup.client.flush(Some(PATIENCE)));
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(
        setup.client_report(&server),
        [
            loss("ratelimit_backoff", "span", 3),
            loss("ratelimit_backoff", "transaction", 1)
        ]
    );
    assert_eq!(setup.stats.snapshot().dropped.rate_limited, 1);
}

#[test]
fn single_items_of_a_typed_envelope_are_taken_out() {
    let server = Server::start(|_, number| match number {
        0 => Reply::with(200, "x-sentry-rate-limits", "600:attachment:organization"),
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), impatient());
    setup.send_error();
    assert!(setup.client.flush(Some(PATIENCE)));

    let mut envelope = Envelope::from(Event::default());
    envelope.add_item(sentry::protocol::Attachment {
        buffer: vec![b'x'; 77],
        filename: "a.txt".to_owned(),
        ..Default::default()
    });
    setup.shared.send(envelope);
    assert!(setup.client.flush(Some(PATIENCE)));
    let request = server.requests().pop().unwrap();
    assert_eq!(request.item_types(), ["event"]);
    assert!(request.envelope_header()["event_id"].is_string());
    assert_eq!(
        setup.client_report(&server),
        [loss("ratelimit_backoff", "attachment", 77)]
    );
    assert_eq!(setup.stats.snapshot().dropped.total(), 0);
}

#[test]
fn a_429_without_details_stops_everything() {
    let server = Server::start(|_, _| Reply::status(429));
    let setup = setup(&server.dsn(), impatient());
    setup.send_error();
    assert!(setup.client.flush(Some(PATIENCE)));
    setup.send_error();
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(server.requests().len(), 1);
    assert_eq!(setup.stats.snapshot().dropped.rate_limited, 3);
}
