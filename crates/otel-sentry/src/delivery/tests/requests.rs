//! What goes over the line.

use super::*;

#[test]
fn a_thousand_envelopes_arrive_over_a_slow_line() {
    let server = Server::start(|_, _| {
        // The round trip of this test; nothing waits for it but the request itself.
        thread::sleep(Duration::from_millis(20));
        Reply::status(200)
    });
    let setup = setup(&server.dsn(), Delivery::new());
    for number in 0..1000 {
        setup.send_transaction(number);
    }
    assert!(setup.client.flush(Some(PATIENCE)));

    let requests = server.requests();
    let mut ids: Vec<_> = requests
        .iter()
        .map(|request| {
            request.envelope_header()["event_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1000, "each arrived");
    assert_eq!(requests.len(), 1000, "and only once");
    let most = server.most_in_flight();
    assert!((2..=32).contains(&most), "{most} requests at once");
    let snapshot = setup.stats.snapshot();
    assert_eq!(snapshot.sent, 1000);
    assert_eq!((snapshot.queued, snapshot.in_flight), (0, 0));
    assert_eq!(snapshot.dropped.total(), 0);
}

#[test]
fn requests_are_as_the_protocol_wants_them() {
    let server = Server::start(|_, _| Reply::status(200));
    let setup = setup(&server.dsn(), Delivery::new());
    setup.send_error();
    assert!(setup.client.flush(Some(PATIENCE)));

    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /api/42/envelope/ HTTP/1.1");
    assert_eq!(
        request.header("content-type"),
        Some("application/x-sentry-envelope")
    );
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    assert_eq!(
        request.header("content-length").unwrap(),
        request.raw_body.len().to_string()
    );
    let agent = request.header("user-agent").unwrap();
    assert!(agent.starts_with("sentry.rust/"), "{agent}");
    let auth = request.header("x-sentry-auth").unwrap();
    assert!(
        auth.starts_with("Sentry sentry_version=7, sentry_key=publickey, sentry_client="),
        "{auth}"
    );
    let header = request.envelope_header();
    assert!(header["event_id"].is_string());
    assert!(header["sent_at"].is_string());
    assert_eq!(header["dsn"], server.dsn());
    assert_eq!(request.item_types(), ["event"]);
    assert_eq!(
        setup.stats.snapshot().bytes_sent,
        request.raw_body.len() as u64
    );
}

#[test]
fn bodies_can_go_uncompressed() {
    let server = Server::start(|_, _| Reply::status(200));
    let setup = setup(
        &server.dsn(),
        Delivery::new().with_compression(Compression::Identity),
    );
    setup.send_transaction(1);
    assert!(setup.client.flush(Some(PATIENCE)));
    let request = &server.requests()[0];
    assert_eq!(request.header("content-encoding"), None);
    assert_eq!(request.item_types(), ["transaction"]);
}

#[test]
fn the_proxy_of_the_options_is_used() {
    let proxy = Server::start(|_, _| Reply::status(200));
    let delivery = Delivery::new();
    let stats = delivery.stats();
    let client = Client::with_options(
        ClientOptions::new()
            .dsn("http://key@sentry.invalid/42")
            .http_proxy(proxy.dsn().replace("publickey@", "").replace("/42", ""))
            .transport(delivery),
    );
    client.capture_event(Event::default(), None);
    assert!(client.flush(Some(PATIENCE)));
    assert_eq!(
        proxy.requests()[0].line,
        "POST http://sentry.invalid/api/42/envelope/ HTTP/1.1"
    );
    assert_eq!(stats.snapshot().sent, 1);
}

#[test]
fn strange_envelopes_are_counted_and_harm_nothing() {
    let server = Server::start(|_, _| Reply::status(200));
    let setup = setup(&server.dsn(), impatient());
    let send = |bytes: &[u8]| {
        setup
            .shared
            .send(Envelope::from_bytes_raw(bytes.to_vec()).unwrap());
    };
    setup.shared.send(Envelope::new());
    send(b"");
    send(b"{}\n");
    assert!(setup.shared.flush(PATIENCE));
    assert_eq!(
        setup.stats.snapshot(),
        DeliverySnapshot::default(),
        "nothing to send"
    );

    send(b"no envelope at all");
    send(b"{}\nno item header\n");
    send(b"[1]\n{\"type\":\"event\",\"length\":2}\n{}\n");
    send(b"{}\n{\"type\":\"event\",\"length\":99999999}\n{}\n");
    assert!(setup.shared.flush(PATIENCE));
    let snapshot = setup.stats.snapshot();
    assert_eq!(snapshot.dropped.internal_error, 3);
    assert_eq!(snapshot.sent, 1, "a wrong length is the server's to judge");
}

#[test]
fn wrong_settings_drop_everything_and_say_why() {
    let delivery = Delivery::new();
    let stats = delivery.stats();
    let client = Client::with_options(
        ClientOptions::new()
            .dsn("http://key@127.0.0.1:9/1")
            .http_proxy("http://user:hunter2@[nonsense")
            .transport(delivery),
    );
    for _ in 0..3 {
        client.capture_event(Event::default(), None);
    }
    assert!(client.flush(Some(PATIENCE)), "dropped is done with");
    let snapshot = stats.snapshot();
    assert_eq!(snapshot.dropped.internal_error, 3);
    let error = snapshot.last_error.unwrap();
    assert!(
        error.contains("http_proxy") && !error.contains("hunter2"),
        "{error}"
    );
    assert!(client.close(Some(PATIENCE)));
}
