//! Who goes first, and who goes at all.

use super::*;

#[test]
fn errors_overtake_a_thousand_transactions() {
    // Transactions are answered when the gate opens, errors at once.
    let server = Server::start(|request, _| match request.item_types()[0].as_str() {
        "transaction" => Reply::Gate,
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), Delivery::new().with_max_in_flight(8));
    for number in 0..1000 {
        setup.send_transaction(number);
    }
    server.wait_for(8);
    // Every slot is taken and 992 wait; still the errors go out.
    for _ in 0..10 {
        setup.send_error();
    }
    setup.wait_until(|snapshot| snapshot.sent == 10);
    let types: Vec<_> = server
        .requests()
        .iter()
        .flat_map(server::Request::item_types)
        .collect();
    assert_eq!(types.iter().filter(|kind| *kind == "event").count(), 10);
    assert_eq!(types.len(), 18, "no further transaction went out meanwhile");
    assert!(!setup.client.flush(Some(Duration::ZERO)));

    server.open_gate();
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(setup.stats.snapshot().sent, 1010);
    assert!(server.most_in_flight() <= 12, "8, and 4 for errors");
}

#[test]
fn the_more_urgent_leave_the_queue_first() {
    let server = Server::start(|_, _| Reply::Gate);
    let setup = setup(&server.dsn(), Delivery::new().with_max_in_flight(1));
    setup.send_transaction(0);
    server.wait_for(1);
    setup.shared.send(raw("profile_chunk"));
    setup.send_transaction(1);
    setup.shared.send(logs(3));
    server.open_gate();
    assert!(setup.shared.flush(PATIENCE));
    let types: Vec<_> = server
        .requests()
        .iter()
        .flat_map(server::Request::item_types)
        .collect();
    assert_eq!(
        types,
        ["transaction", "log", "transaction", "profile_chunk"]
    );
}

#[test]
fn a_full_queue_drops_transactions_before_errors() {
    let server = Server::start(|_, _| Reply::Gate);
    let setup = setup(
        &server.dsn(),
        Delivery::new()
            .with_max_in_flight(1)
            .with_queue_capacity(10),
    );
    setup.send_transaction(0);
    server.wait_for(1);
    for number in 1..=12 {
        setup.send_transaction(number);
    }
    // Ten wait; the last two had no place.
    assert_eq!(setup.stats.snapshot().dropped.queue_overflow, 2);
    // Four errors go out at once beyond the limit; eight more push transactions out.
    for _ in 0..4 {
        setup.send_error();
    }
    server.wait_for(5);
    for _ in 0..8 {
        setup.send_error();
    }
    server.open_gate();
    assert!(setup.client.flush(Some(PATIENCE)));

    let types: Vec<_> = server
        .requests()
        .iter()
        .flat_map(server::Request::item_types)
        .collect();
    let count = |kind: &str| types.iter().filter(|item| *item == kind).count();
    assert_eq!(count("event"), 12, "every error arrived");
    let snapshot = setup.stats.snapshot();
    // One was on its way, and two had a place beside eight errors.
    assert_eq!(count("transaction"), 3);
    assert_eq!(snapshot.dropped.queue_overflow, 10);
    let numbers: Vec<_> = server
        .requests()
        .iter()
        .filter(|request| request.item_types()[0] == "transaction")
        .map(|request| {
            request.envelope_header()["event_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let oldest: Vec<_> = (0..numbers.len())
        .map(|number| format!("{number:032x}"))
        .collect();
    assert_eq!(numbers, oldest, "the newest were dropped");
}

#[test]
fn the_queue_is_bounded_by_bytes() {
    let server = Server::start(|_, _| Reply::Gate);
    let setup = setup(
        &server.dsn(),
        Delivery::new()
            .with_max_in_flight(1)
            .with_queue_bytes(10_000),
    );
    setup.send_transaction(0);
    server.wait_for(1);
    setup.shared.send(sized_transaction(1, 20_000));
    assert_eq!(
        setup.stats.snapshot().dropped.queue_overflow,
        1,
        "too large"
    );
    for number in 2..=5 {
        setup.shared.send(sized_transaction(number, 3_000));
    }
    let snapshot = setup.stats.snapshot();
    assert_eq!((snapshot.queued, snapshot.dropped.queue_overflow), (3, 2));
    server.open_gate();
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(setup.stats.snapshot().sent, 4);
}

#[test]
fn the_clients_own_capacity_goes_first() {
    let server = Server::start(|_, _| Reply::Gate);
    let delivery = Delivery::new().with_max_in_flight(1);
    let stats = delivery.stats();
    let shared = SharedTransport::new(delivery);
    let _client = Client::with_options(
        ClientOptions::new()
            .dsn(&server.dsn())
            .transport_channel_capacity(2)
            .transport(shared.clone()),
    );
    shared.send(transaction(0));
    server.wait_for(1);
    for number in 1..=5 {
        shared.send(transaction(number));
    }
    let snapshot = stats.snapshot();
    assert_eq!((snapshot.queued, snapshot.dropped.queue_overflow), (2, 3));
}
