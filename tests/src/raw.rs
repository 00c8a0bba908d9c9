//! An MCP session by plain HTTP: for headers and endings that a sound client does not make.

use anyhow::Context as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::harness::Harness;

/// The protocol version that a session negotiates.
const VERSION: &str = "2025-11-25";

/// A session with the server, over streamable HTTP.
#[derive(Clone, Debug)]
pub struct RawSession {
    http: reqwest::Client,
    url: String,
    /// The session's id.
    pub id: String,
}

impl RawSession {
    /// Starts a session as a client of this name.
    ///
    /// # Errors
    ///
    /// Where the server does not start one.
    pub async fn start(harness: &Harness, client: &str) -> anyhow::Result<Self> {
        let mut session = Self {
            http: reqwest::Client::new(),
            url: harness.mcp_url(),
            id: String::new(),
        };
        let hello = json!({
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": {
                "protocolVersion": VERSION,
                "capabilities": {},
                "clientInfo": { "name": client, "version": "1.0.0" },
            },
        });
        let answer = session.message(&hello).send().await?.error_for_status()?;
        let id = answer.headers().get("mcp-session-id");
        session.id = id.context("no session id")?.to_str()?.to_owned();
        // The stream of the answer ends by itself.
        answer.bytes().await?;
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        session.message(&ready).send().await?.error_for_status()?;
        Ok(session)
    }

    /// The HTTP request that carries a message; without the session's header before there is
    /// a session.
    pub fn message(&self, message: &Value) -> RequestBuilder {
        let request = self
            .http
            .post(&self.url)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", VERSION)
            .body(message.to_string());
        match self.id.is_empty() {
            true => request,
            false => request.header("mcp-session-id", &self.id),
        }
    }

    /// A JSON-RPC request with this id.
    pub fn request(&self, id: u32, method: &str, params: &Value) -> RequestBuilder {
        self.message(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    }

    /// A search with this request id.
    pub fn search(&self, id: u32, spl: &str) -> RequestBuilder {
        let arguments = json!({ "query": spl, "earliest_time": "-24h", "max_results": 20 });
        let params = json!({ "name": crate::client::SEARCH, "arguments": arguments });
        self.request(id, "tools/call", &params)
    }
}

/// Headers of any bytes that HTTP can carry.
///
/// # Errors
///
/// Where HTTP cannot.
pub fn headers(pairs: &[(&str, &[u8])]) -> anyhow::Result<HeaderMap> {
    let pairs = pairs.iter().map(|(name, value)| {
        let pair = (
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_bytes(value)?,
        );
        Ok(pair)
    });
    pairs.collect()
}

/// The JSON-RPC answer in a response, which is JSON or an event stream.
///
/// # Errors
///
/// Where there is none.
pub async fn answer(response: Response) -> anyhow::Result<Value> {
    let text = response.text().await?;
    let data = text.lines().filter_map(|line| {
        let data = line.strip_prefix("data:").unwrap_or(line);
        serde_json::from_str::<Value>(data.trim()).ok()
    });
    let mut answers = data.filter(|message| message.get("id").is_some());
    answers
        .next()
        .with_context(|| format!("no answer in {text:?}"))
}
