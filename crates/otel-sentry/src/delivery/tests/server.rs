//! A loopback HTTP server on plain threads. What it answers is up to a closure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A request with its body as it came and as it reads.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) raw_body: Vec<u8>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The envelope's header line.
    pub(super) fn envelope_header(&self) -> serde_json::Value {
        serde_json::from_str(self.body.lines().next().unwrap()).unwrap()
    }

    /// Reason, category and quantity of what a client report in it tells of.
    pub(super) fn discarded(&self) -> Vec<(String, String, u64)> {
        self.body
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter_map(|line| line["discarded_events"].as_array().cloned())
            .flatten()
            .map(|entry| {
                (
                    entry["reason"].as_str().unwrap().to_owned(),
                    entry["category"].as_str().unwrap().to_owned(),
                    entry["quantity"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    /// The types of the envelope's items, read from the lines that look like item headers.
    pub(super) fn item_types(&self) -> Vec<String> {
        self.body
            .lines()
            .skip(1)
            .step_by(2)
            .map(|line| {
                let header: serde_json::Value = serde_json::from_str(line).unwrap();
                header["type"].as_str().unwrap().to_owned()
            })
            .collect()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Status(u16, Vec<(&'static str, String)>),
    /// Answers with 200 when the gate opens.
    Gate,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Status(status, Vec::new())
    }

    pub(super) fn with(status: u16, name: &'static str, value: impl Into<String>) -> Self {
        Self::Status(status, vec![(name, value.into())])
    }
}

type Answer = Box<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    in_flight: usize,
    most_in_flight: usize,
    open: bool,
    ended: bool,
    connections: Vec<TcpStream>,
}

struct Inner {
    seen: Mutex<Seen>,
    changed: Condvar,
    answer: Answer,
}

/// The server; it ends when dropped.
pub(super) struct Server {
    address: SocketAddr,
    inner: Arc<Inner>,
}

impl Server {
    /// Answers each request by the closure, which also gets its number, from 0.
    pub(super) fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            seen: Mutex::default(),
            changed: Condvar::new(),
            answer: Box::new(answer),
        });
        let accept = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let mut seen = accept.seen.lock().unwrap();
                if seen.ended {
                    return;
                }
                seen.connections.push(stream.try_clone().unwrap());
                drop(seen);
                let inner = Arc::clone(&accept);
                thread::spawn(move || inner.serve(stream));
            }
        });
        Self { address, inner }
    }

    pub(super) fn dsn(&self) -> String {
        format!("http://publickey@{}/42", self.address)
    }

    /// Lets every [`Reply::Gate`] answer.
    pub(super) fn open_gate(&self) {
        self.inner.seen.lock().unwrap().open = true;
        self.inner.changed.notify_all();
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.inner.seen.lock().unwrap().requests.clone()
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.inner.seen.lock().unwrap().most_in_flight
    }

    /// Waits for the request with this count to arrive.
    pub(super) fn wait_for(&self, count: usize) -> Vec<Request> {
        let until = Instant::now() + PATIENCE;
        let mut seen = self.inner.seen.lock().unwrap();
        while seen.requests.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} of {count} requests arrived",
                seen.requests.len()
            );
            seen = self.inner.changed.wait_timeout(seen, left).unwrap().0;
        }
        seen.requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut seen = self
            .inner
            .seen
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        seen.ended = true;
        for connection in &seen.connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(seen);
        self.inner.changed.notify_all();
        // Wakes the listener so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let number = {
                let mut seen = self.seen.lock().unwrap();
                seen.requests.push(request.clone());
                seen.in_flight += 1;
                seen.most_in_flight = seen.most_in_flight.max(seen.in_flight);
                self.changed.notify_all();
                seen.requests.len() - 1
            };
            let reply = (self.answer)(&request, number);
            let (status, headers) = match reply {
                Reply::Status(status, headers) => (status, headers),
                Reply::Gate => {
                    let seen = self.seen.lock().unwrap();
                    let seen = self
                        .changed
                        .wait_while(seen, |seen| !seen.open && !seen.ended)
                        .unwrap();
                    drop(seen);
                    (200, Vec::new())
                }
            };
            self.seen.lock().unwrap().in_flight -= 1;
            let mut answer = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 2\r\n");
            for (name, value) in headers {
                answer.push_str(&format!("{name}: {value}\r\n"));
            }
            answer.push_str("\r\n{}");
            if writer.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

pub(super) fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim().split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => break,
        }
    }
    let mut request = Request {
        line: line.trim().to_owned(),
        headers,
        raw_body: Vec::new(),
        body: String::new(),
    };
    let length: usize = request.header("content-length")?.parse().ok()?;
    request.raw_body = vec![0; length];
    reader.read_exact(&mut request.raw_body).ok()?;
    request.body = match request.header("content-encoding") {
        Some("gzip") => {
            let mut body = String::new();
            flate2::bufread::GzDecoder::new(request.raw_body.as_slice())
                .read_to_string(&mut body)
                .unwrap();
            body
        }
        _ => String::from_utf8(request.raw_body.clone()).unwrap(),
    };
    Some(request)
}
