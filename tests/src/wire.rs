//! MCP written by hand, on every transport and in every protocol version.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use mcp_telemetry::TracedHandler;
use reqwest::RequestBuilder;
use rmcp::ServiceExt as _;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};

use crate::everything::{Everything, service};
use crate::raw::answer;

/// The versions of the protocol.
pub const VERSIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    STATELESS,
];

/// The version without sessions.
pub const STATELESS: &str = "2026-07-28";

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Lines over a pipe, as stdio is.
    Stdio,
    /// Streamable HTTP with sessions for the versions that have them.
    Http,
    /// Streamable HTTP without sessions.
    StatelessHttp,
}

/// How many clients there have been.
static OPENED: AtomicUsize = AtomicUsize::new(0);

/// A client of [`Everything`] that writes its messages by hand.
#[derive(Debug)]
pub struct Wire {
    /// Its transport.
    pub transport: Transport,
    /// Its protocol version.
    pub version: &'static str,
    /// Its name, which no other client has, and the start of the ids of its requests.
    pub name: String,
    channel: Channel,
}

#[derive(Debug)]
enum Channel {
    Pipe {
        lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
        end: WriteHalf<DuplexStream>,
    },
    Http {
        http: reqwest::Client,
        url: String,
        session: Option<String>,
    },
}

impl Wire {
    /// Connects, with the handshake that the version has.
    ///
    /// # Errors
    ///
    /// Where the server does not answer as the protocol says.
    pub async fn open(transport: Transport, version: &'static str) -> anyhow::Result<Self> {
        let channel = match transport {
            Transport::Stdio => pipe(),
            Transport::Http | Transport::StatelessHttp => {
                let address = service(transport == Transport::Http).serve().await?;
                Channel::Http {
                    http: reqwest::Client::builder().user_agent("wire/1").build()?,
                    url: format!("http://{address}/mcp"),
                    session: None,
                }
            }
        };
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{transport:?}-{version}-{number}").to_lowercase();
        let mut wire = Self {
            transport,
            version,
            name,
            channel,
        };
        if wire.has_handshake() {
            let hello = json!({
                "protocolVersion": version,
                "capabilities": { "elicitation": {}, "extensions": extensions() },
                "clientInfo": wire.client(),
            });
            wire.request("hello", "initialize", hello).await?;
            wire.notify("ready", "notifications/initialized", json!({}))
                .await?;
        }
        Ok(wire)
    }

    /// Whether the client begins with `initialize`.
    #[must_use]
    pub fn has_handshake(&self) -> bool {
        self.version != STATELESS
    }

    /// Whether the server remembers the client from one request to the next.
    #[must_use]
    pub fn is_remembered(&self) -> bool {
        self.has_handshake() && self.transport != Transport::StatelessHttp
    }

    /// Whether the client has a session with an id.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.has_handshake() && self.transport == Transport::Http
    }

    fn client(&self) -> Value {
        json!({ "name": self.name, "version": "0.9", "title": "Wire" })
    }

    /// The id of the request with this mark.
    #[must_use]
    pub fn id(&self, mark: &str) -> String {
        format!("{}/{mark}", self.name)
    }

    /// Sends a request and returns what came, a result or an error. The request's id, and
    /// over HTTP its `X-Request-ID`, is [`id`](Self::id) of the mark.
    ///
    /// # Errors
    ///
    /// Where no answer comes.
    pub async fn request(
        &mut self,
        mark: &str,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Value> {
        let id = self.id(mark);
        let params = self.declared(params);
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        match &mut self.channel {
            Channel::Pipe { .. } => {
                self.write(&message).await?;
                self.read(&id).await
            }
            Channel::Http { .. } => {
                let response = self.post(&id, &message)?.send().await?;
                if method == "initialize" {
                    let id = response.headers().get("mcp-session-id");
                    let id = id.map(|id| id.to_str().map(str::to_owned)).transpose()?;
                    if let Channel::Http { session, .. } = &mut self.channel {
                        *session = id;
                    }
                }
                answer(response).await.with_context(|| message.to_string())
            }
        }
    }

    /// Begins a subscription and returns once it is acknowledged; what is returned keeps it
    /// open.
    ///
    /// # Errors
    ///
    /// Where it is not acknowledged.
    pub async fn listen(&mut self, mark: &str) -> anyhow::Result<Option<reqwest::Response>> {
        const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
        let id = self.id(mark);
        let params = self.declared(json!({ "notifications": { "toolsListChanged": true } }));
        let message = json!({
            "jsonrpc": "2.0", "id": id, "method": "subscriptions/listen", "params": params
        });
        match &mut self.channel {
            Channel::Pipe { .. } => {
                self.write(&message).await?;
                while !self.line().await?.contains(ACKNOWLEDGED) {}
                Ok(None)
            }
            Channel::Http { .. } => {
                let mut response = self.post(&id, &message)?.send().await?;
                let mut seen = String::new();
                while !seen.contains(ACKNOWLEDGED) {
                    let chunk = response.chunk().await?;
                    let chunk = chunk.with_context(|| format!("no acknowledgement: {seen}"))?;
                    seen.push_str(&String::from_utf8_lossy(&chunk));
                }
                Ok(Some(response))
            }
        }
    }

    /// Sends a notification.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub async fn notify(&mut self, mark: &str, method: &str, params: Value) -> anyhow::Result<()> {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        match &self.channel {
            Channel::Pipe { .. } => self.write(&message).await,
            Channel::Http { .. } => {
                let id = self.id(mark);
                self.post(&id, &message)?.send().await?.error_for_status()?;
                Ok(())
            }
        }
    }

    /// The parameters with what each request must declare from 2026-07-28 on.
    fn declared(&self, mut params: Value) -> Value {
        if let (false, Some(params)) = (self.has_handshake(), params.as_object_mut()) {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": self.version,
                "io.modelcontextprotocol/clientInfo": self.client(),
                "io.modelcontextprotocol/clientCapabilities": {
                    "elicitation": {}, "extensions": extensions()
                },
            });
            params.insert("_meta".to_owned(), meta);
        }
        params
    }

    fn post(&self, id: &str, message: &Value) -> anyhow::Result<RequestBuilder> {
        let Channel::Http { http, url, session } = &self.channel else {
            anyhow::bail!("not over HTTP");
        };
        let mut request = http
            .post(url)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", self.version)
            .header("x-request-id", id)
            .body(message.to_string());
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        if !self.has_handshake() {
            let text = |at: &str| message.pointer(at).and_then(Value::as_str);
            let method = text("/method").context("a method")?;
            request = request.header("mcp-method", method);
            let name = match method {
                "tools/call" | "prompts/get" => text("/params/name"),
                "resources/read" => text("/params/uri"),
                _ => text("/params/taskId"),
            };
            if let Some(name) = name {
                request = request.header("mcp-name", name);
            }
        }
        Ok(request)
    }

    async fn write(&mut self, message: &Value) -> anyhow::Result<()> {
        let Channel::Pipe { end, .. } = &mut self.channel else {
            anyhow::bail!("not over a pipe");
        };
        end.write_all(format!("{message}\n").as_bytes()).await?;
        Ok(end.flush().await?)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let Channel::Pipe { lines, .. } = &mut self.channel else {
            anyhow::bail!("not over a pipe");
        };
        lines.next_line().await?.context("the server has ended")
    }

    async fn read(&mut self, id: &str) -> anyhow::Result<Value> {
        loop {
            let message: Value = serde_json::from_str(&self.line().await?)?;
            let is_answer = message.get("method").is_none();
            if is_answer && message.get("id").and_then(Value::as_str) == Some(id) {
                return Ok(message);
            }
        }
    }
}

/// Tasks are an extension that both sides must declare.
fn extensions() -> Value {
    json!({ "io.modelcontextprotocol/tasks": {} })
}

fn pipe() -> Channel {
    let (server, client) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        if let Ok(running) = TracedHandler::new(Everything).serve(server).await {
            let _ = running.waiting().await;
        }
    });
    let (read, end) = tokio::io::split(client);
    Channel::Pipe {
        lines: BufReader::new(read).lines(),
        end,
    }
}
