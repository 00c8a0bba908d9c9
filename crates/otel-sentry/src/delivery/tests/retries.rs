//! What happens when the server fails or refuses.

use super::*;

#[test]
fn a_server_error_is_tried_again_with_a_new_sent_at() {
    let server = Server::start(|_, number| Reply::status(if number == 0 { 500 } else { 200 }));
    let setup = setup(&server.dsn(), impatient());
    setup.send_transaction(7);
    assert!(setup.client.flush(Some(PATIENCE)));

    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let sent_at = |index: usize| {
        let header = requests[index].envelope_header();
        header["sent_at"].as_str().unwrap().to_owned()
    };
    assert_ne!(sent_at(0), sent_at(1));
    let items = |index: usize| requests[index].body.split_once('\n').unwrap().1.to_owned();
    assert_eq!(items(0), items(1));
    let snapshot = setup.stats.snapshot();
    assert_eq!((snapshot.sent, snapshot.retried), (1, 1));
    assert_eq!(snapshot.dropped.total(), 0);
    assert_eq!(setup.client_report(&server), []);
}

#[test]
fn a_server_that_goes_on_failing_is_given_up() {
    let server = Server::start(|_, number| Reply::status(if number < 3 { 503 } else { 200 }));
    let setup = setup(&server.dsn(), impatient().with_max_attempts(3));
    setup.send_transaction(7);
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(server.requests().len(), 3);
    let snapshot = setup.stats.snapshot();
    assert_eq!((snapshot.sent, snapshot.retried), (0, 2));
    assert_eq!(snapshot.dropped.send_error, 1);
    assert_eq!(
        setup.client_report(&server),
        [
            loss("send_error", "span", 3),
            loss("send_error", "transaction", 1)
        ]
    );
}

#[test]
fn the_pause_that_the_server_asks_for_is_kept() {
    let server = Server::start(|_, number| match number {
        0 => Reply::with(503, "retry-after", "3600"),
        _ => Reply::status(200),
    });
    let setup = setup(&server.dsn(), impatient());
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(
        server.requests().len(),
        1,
        "an hour is longer than a minute"
    );
    assert_eq!(setup.stats.snapshot().dropped.send_error, 1);
    // It is no rate limit: the next one goes out.
    setup.send_transaction(2);
    assert!(setup.client.flush(Some(PATIENCE)));
    assert_eq!(setup.stats.snapshot().sent, 1);
}

#[test]
fn a_refusal_is_counted_and_not_tried_again() {
    let server = Server::start(|_, number| Reply::status(if number < 3 { 400 } else { 200 }));
    let setup = setup(&server.dsn(), impatient());
    setup.send_transaction(1);
    setup.send_error();
    setup.shared.send(logs(3));
    assert!(setup.client.flush(Some(PATIENCE)));

    assert_eq!(server.requests().len(), 3);
    let snapshot = setup.stats.snapshot();
    assert_eq!(snapshot.dropped.send_error, 3);
    assert_eq!((snapshot.sent, snapshot.retried), (0, 0));
    assert_eq!(
        snapshot.last_error.as_deref(),
        Some("the server answered with status 400")
    );
    assert_eq!(
        setup.client_report(&server),
        [
            loss("send_error", "error", 1),
            loss("send_error", "log_byte", 15),
            loss("send_error", "log_item", 3),
            loss("send_error", "span", 3),
            loss("send_error", "transaction", 1),
        ]
    );
}

#[test]
fn a_lost_client_report_is_reported_again() {
    let server = Server::start(|_, number| Reply::status(if number < 2 { 400 } else { 200 }));
    let setup = setup(&server.dsn(), impatient());
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    let expected = [
        loss("send_error", "span", 3),
        loss("send_error", "transaction", 1),
    ];
    // Sent to the server, but refused.
    assert_eq!(setup.client_report(&server), expected);
    assert_eq!(setup.client_report(&server), expected);
    assert_eq!(setup.client_report(&server), [], "accepted by now");
}

#[test]
fn a_timeout_is_tried_again() {
    let server = Server::start(|_, number| match number {
        0 => Reply::Gate,
        _ => Reply::status(200),
    });
    let setup = setup(
        &server.dsn(),
        impatient().with_request_timeout(Duration::from_millis(300)),
    );
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    let snapshot = setup.stats.snapshot();
    assert_eq!(snapshot.sent, 1);
    assert!(snapshot.retried >= 1, "{snapshot:?}");
}

#[test]
fn a_refused_connection_is_a_network_error() {
    // A port that was free a moment ago.
    let port = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let setup = setup(
        &format!("http://secretkey@127.0.0.1:{port}/42"),
        impatient().with_max_attempts(3),
    );
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    let snapshot = setup.stats.snapshot();
    assert_eq!(snapshot.dropped.network_error, 1);
    assert_eq!((snapshot.sent, snapshot.retried), (0, 2));
    let error = snapshot.last_error.unwrap();
    assert!(error.contains("refused"), "{error}");
    assert!(!error.contains("secretkey"), "{error}");
}
