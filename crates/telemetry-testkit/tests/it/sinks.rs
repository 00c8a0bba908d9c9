//! The sink itself: start, stop, ports, bounds, stored bodies.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use telemetry_testkit::{Fault, PUBLIC_KEY, Sink};

use crate::{LONG, post, post_envelope, raw, transaction_envelope};

/// A directory of its own for a test, removed at the end.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The names of the files, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_addresses_have_the_shapes_that_sdks_want() {
    let sink = Sink::start().unwrap();
    let port = sink.address().port();
    assert_ne!(port, 0);
    assert_eq!(
        sink.dsn(),
        format!("http://{PUBLIC_KEY}@127.0.0.1:{port}/1")
    );
    assert_eq!(sink.otlp_endpoint(), format!("http://127.0.0.1:{port}"));
    assert_eq!(sink.url(), sink.otlp_endpoint());
    assert_eq!(PUBLIC_KEY.len(), 32);
    assert!(PUBLIC_KEY.bytes().all(|b| b.is_ascii_hexdigit()));
}

#[test]
fn an_unspecified_host_is_given_as_loopback() {
    let sink = Sink::builder().host([0, 0, 0, 0].into()).start().unwrap();
    assert!(sink.address().ip().is_loopback());
    assert!(raw(&sink, "{}\n").unwrap().starts_with(b"HTTP/1.1 200"));
}

#[test]
fn a_port_in_use_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Sink::builder().port(port).start().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn dropping_closes_the_port_within_a_bound_even_with_a_hanging_request() {
    let sink = Sink::start().unwrap();
    let address = sink.address();
    sink.fault(Fault::hang());
    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        std::io::Write::write_all(
            &mut stream,
            b"POST /v1/logs HTTP/1.1\r\nhost: sink\r\ncontent-length: 0\r\n\r\n",
        )
        .unwrap();
        // Ends when the sink goes.
        std::io::read_to_string(stream)
    });
    sink.wait_for(LONG, |r| r.requests().first().map(|_| ()))
        .unwrap();
    let start = Instant::now();
    drop(sink);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(address).is_err());
    let ended = client.join().unwrap();
    assert!(!ended.unwrap_or_default().contains("200 OK"));
}

#[tokio::test]
async fn a_sink_may_be_dropped_inside_a_runtime() {
    let sink = Sink::start().unwrap();
    let address = sink.address();
    assert_eq!(post_envelope(&sink, "{}\n").await, 200);
    drop(sink);
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let sink = Sink::builder().keep_bytes(5000).start().unwrap();
    for n in 1..=5 {
        assert_eq!(post_envelope(&sink, transaction_envelope(n)).await, 200);
    }
    let received = sink.received();
    assert!(received.forgotten() > 0);
    assert_eq!(received.requests().len() as u64 + received.forgotten(), 5);
    // The newest is always there, even when it alone is over the bound.
    assert_eq!(received.requests().last().unwrap().id, 5);
    assert!(received.to_string().contains("requests forgotten"));
    let big = format!("{{}}\n{{\"type\":\"attachment\"}}\n{}", "x".repeat(9000));
    assert_eq!(post_envelope(&sink, big).await, 200);
    assert_eq!(sink.received().requests().len(), 1);
}

#[tokio::test]
async fn bodies_are_stored_before_the_answer() {
    let dir = Dir::new("bodies");
    let sink = Sink::builder().store_bodies(dir.path()).start().unwrap();
    let wire = zstd::encode_all("{}\n".as_bytes(), 1).unwrap();
    let headers = [
        ("content-encoding", "zstd"),
        ("authorization", "Bearer s3cret"),
    ];
    let response = post(&sink, "/api/1/envelope/?sentry_key=a", &headers, wire).await;
    assert_eq!(response.status(), 200);
    let json = [("content-type", "application/json")];
    assert_eq!(post(&sink, "/v1/logs", &json, "{}").await.status(), 200);
    let proto = [("content-type", "application/x-protobuf")];
    assert_eq!(post(&sink, "/v1/traces", &proto, "").await.status(), 200);
    assert_eq!(post(&sink, "/nowhere", &[], "x").await.status(), 404);

    let names = dir.names();
    let ends = [
        "-000001-envelope.envelope",
        "-000001-envelope.headers.json",
        "-000002-logs.headers.json",
        "-000002-logs.json",
        "-000003-traces.headers.json",
        "-000003-traces.pb",
        "-000004-other.bin",
        "-000004-other.headers.json",
    ];
    assert_eq!(names.len(), ends.len(), "{names:?}");
    for (name, end) in names.iter().zip(ends) {
        assert!(name.ends_with(end), "{name} {end}");
    }
    let body = std::fs::read(dir.path().join(&names[0])).unwrap();
    assert_eq!(body, b"{}\n");
    let about = std::fs::read_to_string(dir.path().join(&names[1])).unwrap();
    assert!(!about.contains("s3cret"), "{about}");
    let about: Value = serde_json::from_str(&about).unwrap();
    assert_eq!(about["path"], "/api/1/envelope/");
    assert_eq!(about["query"], "sentry_key=a");
    assert_eq!(about["headers"]["content-encoding"], "zstd");
    assert_eq!(about["headers"]["authorization"], "[Filtered]");
    assert_eq!(about["body_bytes"], 3);
    let shown = format!("{:?}", sink.received().requests()[0]);
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_directory_that_is_gone_is_a_problem_and_no_panic() {
    let dir = Dir::new("gone");
    let sink = Sink::builder().store_bodies(dir.path()).start().unwrap();
    std::fs::remove_dir_all(dir.path()).unwrap();
    assert_eq!(post_envelope(&sink, "{}\n").await, 507);
    assert_eq!(sink.received().problems().len(), 1);
}
