//! The program as a child process, with its streams.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use splunk_simulator::Simulator;
use telemetry_testkit::Sink;

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The variables of the program's environment; it has no others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Telemetry to a sink, and the Splunk that a simulator is.
    pub(crate) fn of(sink: &Sink, splunk: &Simulator) -> Self {
        Self::default().with(&[
            ("SENTRY_DSN", &sink.dsn()),
            ("SENTRY_ENVIRONMENT", "staging"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.otlp_endpoint()),
            ("SPLUNK_SCHEME", "http"),
            ("SPLUNK_HOST", &splunk.host()),
            ("SPLUNK_PORT", &splunk.port().to_string()),
            ("SPLUNK_TOKEN", splunk.token()),
        ])
    }

    /// With more variables; of two of a name the later one holds.
    pub(crate) fn with(mut self, more: &[(&str, &str)]) -> Self {
        let more = more
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.0.extend(more);
        self
    }
}

/// The running program; dropping it kills it.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Lines of stdout, as they come.
    stdout: Receiver<String>,
    /// Lines of stdout that were read.
    read: Vec<String>,
    stderr: Receiver<String>,
    said: Vec<String>,
    readers: Vec<JoinHandle<()>>,
    address: String,
}

/// What there was to see of a program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts it to serve stdin and stdout.
    pub(crate) fn stdio(settings: &Settings) -> Self {
        Self::start(settings, &[])
    }

    /// Starts it to serve HTTP on a free port.
    pub(crate) fn http(settings: &Settings) -> Self {
        let mut program = Self::start(settings, &["--transport", "http", "--port", "0"]);
        program.close_stdin();
        let deadline = Instant::now() + DEADLINE;
        while program.address.is_empty() {
            let line = receive(&program.stderr, deadline).expect("it says where it serves");
            if let Some((_, url)) = line.split_once("serving MCP on http://") {
                program.address = url.trim_end_matches("/mcp").to_owned();
            }
            program.said.push(line);
        }
        program
    }

    fn start(settings: &Settings, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-server-splunk"))
            .args(arguments)
            .env_clear()
            .envs(settings.0.iter().cloned())
            // No file `.env` of the checkout is to be found from here.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, of_stdout) = lines(child.stdout.take().unwrap());
        let (stderr, of_stderr) = lines(child.stderr.take().unwrap());
        Self {
            stdin: child.stdin.take(),
            child,
            stdout,
            read: Vec::new(),
            stderr,
            said: Vec::new(),
            readers: vec![of_stdout, of_stderr],
            address: String::new(),
        }
    }

    /// Writes a line to stdin.
    pub(crate) fn send_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    /// Starts the session.
    pub(crate) fn initialize(&mut self, client: &str) {
        let answer = self.request(
            0,
            "initialize",
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": client, "version": "1.0.0" },
            }),
        );
        let server = &answer["result"]["serverInfo"]["name"];
        assert_eq!(server, "mcp-server-splunk", "{answer}");
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.send_line(&ready.to_string());
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn request(&mut self, id: u32, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send_line(&request.to_string());
        let deadline = Instant::now() + DEADLINE;
        loop {
            let line = receive(&self.stdout, deadline).expect("an answer");
            self.read.push(line.clone());
            let message: Value = serde_json::from_str(&line).expect("JSON on stdout");
            if message["id"] == id {
                return message;
            }
        }
    }

    /// Searches, and waits for the answer.
    pub(crate) fn search(&mut self, id: u32, spl: &str) -> Value {
        let arguments = json!({ "query": spl, "earliest_time": "-24h" });
        let params = json!({ "name": "run_oneshot_search", "arguments": arguments });
        self.request(id, "tools/call", params)
    }

    /// Gets a page.
    pub(crate) fn get(&self, path: &str) -> String {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        );
        answer(self.connect(&head))
    }

    /// Searches by HTTP, without a session, and waits for the answer.
    pub(crate) fn post_search(&self, spl: &str) -> String {
        answer(self.send_search(spl))
    }

    /// Sends a search by HTTP, without a session: protocol 2026-07-28 has none.
    pub(crate) fn send_search(&self, spl: &str) -> TcpStream {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "run_oneshot_search",
                "arguments": { "query": spl, "earliest_time": "-24h" },
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        })
        .to_string();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n\
             mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
             mcp-name: run_oneshot_search\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.connect(&head)
    }

    /// Sends anything, and waits for nothing.
    pub(crate) fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Closes stdin: the client of a stdio server ends it so.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        // Its streams end with it.
        while let Ok(line) = receive(&self.stderr, deadline) {
            self.said.push(line);
        }
        while let Ok(line) = receive(&self.stdout, deadline) {
            self.read.push(line);
        }
        assert!(
            Instant::now() < deadline,
            "it does not end: {:?}",
            self.said
        );
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Ended {
            status: self.child.wait().unwrap(),
            stdout: std::mem::take(&mut self.read),
            stderr: self.said.join("\n"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream, read on a thread so that the program never waits for its reader.
fn lines(stream: impl Read + Send + 'static) -> (Receiver<String>, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(stream).lines();
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (receiver, reader)
}

fn receive(lines: &Receiver<String>, deadline: Instant) -> Result<String, RecvTimeoutError> {
    lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}
