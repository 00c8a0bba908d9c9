//! The program `telemetry-sink`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::sinks::Dir;
use crate::{LONG, transaction_envelope};

/// Ends the program when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(dir: &Dir) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_telemetry-sink"))
        .args(["--port", "0", "--dir"])
        .arg(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running(child)
}

#[test]
fn the_environment_may_name_the_directory() {
    let dir = Dir::new("binary-environment");
    let child = Command::new(env!("CARGO_BIN_EXE_telemetry-sink"))
        .env("TELEMETRY_TESTKIT_ARCHIVE", dir.path())
        .env("CARGO_PKG_NAME", "some-package")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    let mut dsn = String::new();
    out.read_line(&mut dsn).unwrap();
    let url = dsn.trim().rsplit_once('@').unwrap().1;
    let (address, _) = url.split_once('/').unwrap();
    let (_, port) = address.split_once(':').unwrap();

    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(
        stream,
        "POST /api/1/envelope/ HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\
         content-length: 3\r\n\r\n{{}}\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    let sink = format!("telemetry-sink-{}-{port}", running.0.id());
    let files = std::fs::read_dir(dir.path().join("some-package").join(sink)).unwrap();
    assert_eq!(files.count(), 2);
}

#[cfg(unix)]
fn stops_on(signal: &str, name: &str) {
    let dir = Dir::new(name);
    let mut running = start(&dir);
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    let mut err = BufReader::new(running.0.stderr.take().unwrap());
    let (mut dsn, mut otlp) = (String::new(), String::new());
    out.read_line(&mut dsn).unwrap();
    out.read_line(&mut otlp).unwrap();
    let url = otlp
        .trim()
        .strip_prefix("OTEL_EXPORTER_OTLP_ENDPOINT=http://")
        .unwrap();
    assert!(dsn.starts_with("SENTRY_DSN=http://"), "{dsn}");
    assert!(dsn.trim().ends_with(&format!("@{url}/1")), "{dsn} {url}");

    let body = transaction_envelope(1);
    let mut stream = TcpStream::connect(url).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(
        stream,
        "POST /api/1/envelope/ HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    let expected = format!(
        "#1 POST /api/1/envelope/ 200 {0} B ({0} B on the wire): transaction + 1 spans\n",
        body.len()
    );
    assert_eq!(line, expected);
    let names = dir.names();
    assert_eq!(names.len(), 2, "{names:?}");
    let stored = std::fs::read_to_string(dir.path().join(&names[0])).unwrap();
    assert_eq!(stored, body);

    let kill = Command::new("kill")
        .args([signal, &running.0.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let status = running.0.wait().unwrap();
    assert!(status.success(), "{status}");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "only the two addresses go to stdout");
}

#[test]
#[cfg(unix)]
fn it_ends_on_ctrl_c() {
    stops_on("-INT", "binary-int");
}

#[test]
#[cfg(unix)]
fn it_ends_on_sigterm() {
    stops_on("-TERM", "binary-term");
}

#[test]
fn a_port_in_use_is_said_in_plain_words() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_telemetry-sink"))
        .args(["--port", &port])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("telemetry-sink: "), "{said}");
    assert!(said.contains("in use"), "{said}");
    assert!(output.stdout.is_empty());
}
