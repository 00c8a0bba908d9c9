//! A server on plain threads that does what no proper one would.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One connection, before its first request has been read.
pub(crate) type Connection = BufReader<TcpStream>;

/// A server that gives each connection and its number, from 0, to a closure. It ends when
/// dropped, and so do its connections.
pub(crate) struct RawServer {
    endpoint: String,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    ended: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl RawServer {
    pub(crate) fn start(serve: impl Fn(Connection, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner::default());
        let of_thread = Arc::clone(&inner);
        let (serve, count) = (Arc::new(serve), AtomicUsize::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut connections = of_thread.connections.lock().unwrap();
                if of_thread.ended.load(Ordering::Acquire) {
                    return;
                }
                connections.push(stream.try_clone().unwrap());
                drop(connections);
                let number = count.fetch_add(1, Ordering::Relaxed);
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(BufReader::new(stream), number));
            }
        });
        Self { endpoint, inner }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        let connections = self.inner.connections.lock().unwrap();
        self.inner.ended.store(true, Ordering::Release);
        for connection in &*connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(connections);
        // Wakes the listener so that it sees the end.
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("http://"));
    }
}

/// Reads a request; its path, or `None` at the end of the connection. `pace` is how many bytes
/// of the body are read at once, with a pause after each.
pub(crate) fn read(connection: &mut Connection, pace: Option<usize>) -> Option<String> {
    let mut line = String::new();
    if connection.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        connection.read_line(&mut header).ok()?;
        match header.trim().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    for part in body.chunks_mut(pace.unwrap_or(usize::MAX)) {
        connection.read_exact(part).ok()?;
        if pace.is_some() {
            // The slowness itself is the test; nothing is waited for.
            thread::sleep(Duration::from_millis(1));
        }
    }
    Some(path)
}

/// Answers with 200 and this body.
pub(crate) fn answer(connection: &mut Connection, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    write(connection, &[head.as_bytes(), body].concat());
}

/// Writes bytes as they are; the other side may have gone.
pub(crate) fn write(connection: &mut Connection, bytes: &[u8]) {
    let _ = connection.get_mut().write_all(bytes);
}

/// Waits for the other side to go.
pub(crate) fn hang(connection: &mut Connection) {
    let _ = connection.read_to_end(&mut Vec::new());
}

/// Answers every request as a healthy server does.
pub(crate) fn serve_well(mut connection: Connection) {
    while read(&mut connection, None).is_some() {
        answer(&mut connection, b"");
    }
}
