//! A table of servers that fail: what is lost, and that all of it is counted.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::server::read_request;
use super::*;

const TRANSACTIONS: usize = 10;
const ERRORS: usize = 3;
/// Envelopes of a run: these, logs and a session.
const COUNT: u64 = (TRANSACTIONS + ERRORS + 2) as u64;

/// The time for what cannot arrive.
const TIMEOUT: Duration = Duration::from_millis(300);
/// What may be added to that on a busy machine; without an end it would be hours.
const GRACE: Duration = Duration::from_secs(20);

type Connection = BufReader<TcpStream>;

/// A server that gives each connection and its number, from 0, to a closure.
struct Raw {
    address: String,
    ended: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Raw {
    fn start(serve: impl Fn(Connection, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let raw = Self {
            address: listener.local_addr().unwrap().to_string(),
            ended: Arc::default(),
            connections: Arc::default(),
        };
        let (ended, connections) = (Arc::clone(&raw.ended), Arc::clone(&raw.connections));
        let (serve, count) = (Arc::new(serve), AtomicUsize::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut connections = connections.lock().unwrap();
                if ended.load(Ordering::Acquire) {
                    return;
                }
                connections.push(stream.try_clone().unwrap());
                drop(connections);
                let number = count.fetch_add(1, Ordering::Relaxed);
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(BufReader::new(stream), number));
            }
        });
        raw
    }

    fn dsn(&self) -> String {
        format!("http://publickey@{}/42", self.address)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let connections = self.connections.lock().unwrap();
        self.ended.store(true, Ordering::Release);
        for connection in &*connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(connections);
        // Wakes the listener so that it sees the end.
        let _ = TcpStream::connect(&self.address);
    }
}

/// Answers every request as a healthy server does.
fn serve_well(mut connection: Connection) {
    while read_request(&mut connection).is_some() {
        write(
            &mut connection,
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        );
    }
}

fn write(connection: &mut Connection, bytes: &[u8]) {
    // The other side may have gone.
    let _ = connection.get_mut().write_all(bytes);
}

/// Waits for the other side to go.
fn hang(connection: &mut Connection) {
    let _ = connection.read_to_end(&mut Vec::new());
}

/// What a server does wrong with a connection.
type Fault = fn(Connection);

const FAULTS: [(&str, Fault); 5] = [
    ("never answers", |mut connection| hang(&mut connection)),
    // Bytes that nobody has read turn the end into a reset.
    ("resets", |mut connection| {
        let _ = connection.get_mut().read(&mut [0]);
    }),
    ("answers garbage", |mut connection| {
        read_request(&mut connection);
        write(&mut connection, b"SSH-2.0-OpenSSH_9.6\r\n\r\n");
    }),
    ("hangs within its answer", |mut connection| {
        read_request(&mut connection);
        write(&mut connection, b"HTTP/1.1 200 OK\r\ncontent-le");
        hang(&mut connection);
    }),
    ("closes without an answer", |mut connection| {
        read_request(&mut connection);
    }),
];

/// Sends one of each kind, some more than once.
fn send_all(setup: &Setup) {
    for number in 0..TRANSACTIONS {
        setup.send_transaction(number);
    }
    for _ in 0..ERRORS {
        setup.send_error();
    }
    assert!(setup.shared.send(logs(3)));
    assert!(setup.shared.send(raw("session")));
}

fn delivery() -> Delivery {
    impatient()
        .with_connect_timeout(TIMEOUT)
        .with_request_timeout(TIMEOUT)
}

/// Nothing is lost, and something was tried again.
#[track_caller]
fn assert_made_up_for(dsn: &str, delivery: Delivery, what: &str) {
    let setup = setup(dsn, delivery);
    send_all(&setup);
    assert!(setup.client.flush(Some(PATIENCE)), "{what}");
    let figures = setup.stats.snapshot();
    assert_eq!(
        (figures.sent, figures.dropped.total()),
        (COUNT, 0),
        "{what}: {figures:?}"
    );
    assert!(
        figures.retried > 0 && figures.last_error.is_some(),
        "{what}"
    );
    assert!(setup.client.close(Some(PATIENCE)), "{what}");
}

#[test]
fn what_passes_costs_nothing() {
    for (what, fault) in FAULTS {
        let server = Raw::start(move |connection, number| match number {
            0..3 => fault(connection),
            _ => serve_well(connection),
        });
        assert_made_up_for(&server.dsn(), delivery(), what);
    }
}

/// As an outage of half a minute costs nothing where the retries go on for a minute.
#[test]
fn a_time_of_server_errors_costs_nothing() {
    let begun = Instant::now();
    let well = move || begun.elapsed() > Duration::from_secs(1);
    let server = Server::start(move |_, _| Reply::status(if well() { 200 } else { 500 }));
    let delivery = Delivery::new()
        .with_retry_base_delay(Duration::from_millis(50))
        .with_max_attempts(1000);
    assert_made_up_for(&server.dsn(), delivery, "500 for a time");
}

/// Reads a few bytes at a time.
struct Slow<'a>(&'a mut Connection);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // The slowness itself is the test; nothing is waited for.
        thread::sleep(Duration::from_millis(1));
        let few = buffer.len().min(64);
        self.0.read(&mut buffer[..few])
    }
}

#[test]
fn a_slow_reader_gets_all() {
    let server = Raw::start(|mut connection, _| {
        while read_request(&mut BufReader::new(Slow(&mut connection))).is_some() {
            write(
                &mut connection,
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            );
        }
    });
    let setup = setup(&server.dsn(), Delivery::new());
    send_all(&setup);
    assert!(setup.client.close(Some(PATIENCE)));
    assert_eq!(setup.stats.snapshot().sent, COUNT);
}

/// A port that was free a moment ago.
fn refused() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    format!("http://publickey@127.0.0.1:{port}/42")
}

/// RFC 2606 keeps this name from ever being one.
const NO_NAME: &str = "http://publickey@nowhere.invalid/42";

/// What never passes: everything is lost after as many tries as there may be, and counted.
#[track_caller]
fn assert_lost(dsn: &str, what: &str, error: &str) {
    let setup = setup(dsn, delivery().with_max_attempts(3));
    send_all(&setup);
    assert!(setup.client.flush(Some(PATIENCE)), "{what}");
    let figures = setup.stats.snapshot();
    assert_eq!(figures.dropped.network_error, COUNT, "{what}: {figures:?}");
    assert_eq!(
        (figures.sent, figures.dropped.total()),
        (0, COUNT),
        "{what}"
    );
    assert_eq!(figures.retried, 2 * COUNT, "{what}");
    let last = figures.last_error.unwrap();
    assert!(last.contains(error), "{what}: {last}");
    assert!(!last.contains("publickey"), "{what}: {last}");
    assert!(
        setup.client.close(Some(PATIENCE)),
        "{what}: nothing is left"
    );
}

#[test]
fn what_does_not_pass_is_lost_and_counted() {
    assert_lost(&refused(), "refused", "refused");
    // A resolver may say so, or say nothing in time.
    assert_lost(NO_NAME, "no name", "");
    for (what, fault) in FAULTS {
        let server = Raw::start(move |connection, _| fault(connection));
        assert_lost(&server.dsn(), what, "");
    }
    // The kernel takes the connection; nobody ever looks at it.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    assert_lost(
        &format!("http://publickey@{address}/42"),
        "black hole",
        "timed out",
    );
}

/// One try each; the others arrive.
#[test]
fn what_is_too_large_is_dropped_once() {
    let server = Server::start(|request, _| {
        let types = request.item_types();
        let is_large = types.contains(&"transaction".to_owned());
        Reply::status(if is_large { 413 } else { 200 })
    });
    let setup = setup(&server.dsn(), delivery());
    send_all(&setup);
    assert!(setup.client.flush(Some(PATIENCE)));
    let figures = setup.stats.snapshot();
    let lost = TRANSACTIONS as u64;
    assert_eq!(
        (figures.dropped.send_error, figures.dropped.total()),
        (lost, lost)
    );
    assert_eq!((figures.sent, figures.retried), (COUNT - lost, 0));
    // Some of it may have travelled with the errors.
    setup.client_report(&server);
    let reported: u64 = server
        .requests()
        .iter()
        .flat_map(|request| request.discarded())
        .filter(|(reason, category, _)| reason == "send_error" && category == "transaction")
        .map(|(_, _, quantity)| quantity)
        .sum();
    assert_eq!(reported, lost);
}

/// Returns in time, and every envelope is somewhere.
#[track_caller]
fn assert_ends(dsn: &str, what: &str) {
    let setup = setup(dsn, Delivery::new());
    send_all(&setup);
    let begun = Instant::now();
    assert!(!setup.client.close(Some(TIMEOUT)), "{what}");
    let took = begun.elapsed();
    assert!(took <= TIMEOUT + GRACE, "{what}: {took:?}");
    let figures = setup.wait_until(|figures| figures.in_flight == 0);
    assert_eq!((figures.queued, figures.sent), (0, 0), "{what}");
    assert_eq!(figures.dropped.total(), COUNT, "{what}: {figures:?}");
}

#[test]
fn no_fault_holds_up_the_end() {
    assert_ends(&refused(), "refused");
    assert_ends(NO_NAME, "no name");
    for (what, fault) in FAULTS {
        let server = Raw::start(move |connection, _| fault(connection));
        assert_ends(&server.dsn(), what);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    assert_ends(&format!("http://publickey@{address}/42"), "black hole");
    let busy = Server::start(|_, _| Reply::with(503, "retry-after", "30"));
    assert_ends(&busy.dsn(), "503");
}
