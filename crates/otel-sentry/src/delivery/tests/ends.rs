//! Flush, shutdown and drop.

use super::*;

#[test]
fn flush_is_false_until_the_answer_is_there() {
    let server = Server::start(|_, _| Reply::Gate);
    let setup = setup(&server.dsn(), Delivery::new());
    assert!(setup.shared.flush(Duration::ZERO), "nothing was sent");
    setup.send_transaction(1);
    server.wait_for(1);
    assert!(!setup.shared.flush(Duration::from_millis(20)));
    server.open_gate();
    assert!(setup.shared.flush(PATIENCE));
    assert_eq!(setup.stats.snapshot().sent, 1);
}

#[test]
fn a_hanging_server_does_not_hold_shutdown_up() {
    let server = Server::start(|_, _| Reply::Gate);
    let setup = setup(&server.dsn(), Delivery::new().with_max_in_flight(2));
    for number in 0..60 {
        setup.send_transaction(number);
    }
    server.wait_for(2);
    setup.send_error();
    server.wait_for(3);
    assert!(!setup.client.flush(Some(Duration::from_millis(50))));

    let begun = Instant::now();
    assert!(!setup.client.close(Some(Duration::from_millis(500))));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    let snapshot = setup.wait_until(|snapshot| snapshot.in_flight == 0);
    assert_eq!(snapshot.dropped.shutdown, 61);
    assert_eq!((snapshot.queued, snapshot.sent), (0, 0));

    setup.send_transaction(61);
    assert_eq!(setup.stats.snapshot().dropped.shutdown, 62, "too late");
    assert!(setup.shared.flush(Duration::ZERO), "nothing is left");
}

#[test]
fn shutdown_sends_what_waits() {
    let server = Server::start(|_, _| Reply::status(200));
    let setup = setup(&server.dsn(), Delivery::new());
    for number in 0..200 {
        setup.send_transaction(number);
    }
    assert!(setup.client.close(Some(PATIENCE)));
    assert_eq!(server.requests().len(), 200);
    assert_eq!(setup.stats.snapshot().sent, 200);
    let transport = setup.shared.transport().unwrap();
    let begun = Instant::now();
    assert!(transport.shutdown(PATIENCE), "once more");
    assert!(begun.elapsed() < PATIENCE / 2);
}

#[test]
fn dropping_the_transport_waits_for_nothing_and_sends_the_rest() {
    let server = Server::start(|_, _| Reply::Gate);
    let delivery = Delivery::new()
        .with_max_in_flight(1)
        .with_shutdown_timeout(PATIENCE);
    let Setup {
        client,
        shared,
        stats,
    } = setup(&server.dsn(), delivery);
    for number in 0..3 {
        shared.send(transaction(number));
    }
    server.wait_for(1);
    let transport = Arc::downgrade(shared.transport().unwrap());
    let begun = Instant::now();
    drop(client);
    drop(shared);
    assert!(begun.elapsed() < PATIENCE / 2);
    assert!(transport.upgrade().is_none(), "the transport is gone");
    assert_eq!(stats.snapshot().sent, 0);

    server.open_gate();
    server.wait_for(3);
    let until = Instant::now() + PATIENCE;
    while stats.snapshot().sent < 3 {
        assert!(Instant::now() < until, "{:?}", stats.snapshot());
        thread::yield_now();
    }
}
