//! A client of a server over a pipe, which writes its messages by hand.

use std::time::Duration;

use rmcp::service::Service;
use rmcp::{RoleServer, ServiceExt as _};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};

use crate::world::{Said, percent};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Line {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    end: WriteHalf<DuplexStream>,
    requests: u64,
    said: Said,
}

impl Line {
    /// Connects.
    pub(crate) async fn open(service: impl Service<RoleServer>, said: &Said) -> Self {
        let client = json!({ "name": "canary", "version": "1" });
        Self::open_as(service, said, client).await
    }

    /// Connects as a client that says this about itself.
    pub(crate) async fn open_as(
        service: impl Service<RoleServer>,
        said: &Said,
        client: Value,
    ) -> Self {
        let (server, end) = tokio::io::duplex(256 * 1024);
        tokio::spawn(async move {
            if let Ok(running) = service.serve(server).await {
                let _ = running.waiting().await;
            }
        });
        let (read, end) = tokio::io::split(end);
        let mut line = Self {
            lines: BufReader::new(read).lines(),
            end,
            requests: 0,
            said: said.clone(),
        };
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "elicitation": {}, "sampling": {}, "roots": {} },
            "clientInfo": client,
        });
        line.request("initialize", hello).await;
        line.notify("notifications/initialized", json!({})).await;
        line
    }

    /// Calls a tool without arguments.
    pub(crate) async fn call(&mut self, tool: &str) -> Value {
        self.request("tools/call", json!({ "name": tool })).await
    }

    /// Sends a request; gives the answer.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = Value::from(self.requests);
        self.request_as(id, method, params).await
    }

    /// Sends a request with this id; gives the answer.
    pub(crate) async fn request_as(&mut self, id: Value, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.write(&message).await;
        self.answer(&id).await
    }

    /// Calls a tool that never answers, and waits until the server has served it.
    pub(crate) async fn call_in_vain(&mut self, tool: &str) {
        self.requests += 1;
        let (id, params) = (self.requests, json!({ "name": tool }));
        let message =
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        self.write(&message).await;
        for _ in 0..3 {
            self.request("ping", json!({})).await;
        }
    }

    /// Sends a notification, and waits until the server has read it.
    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.write(&message).await;
        self.request("ping", json!({})).await;
    }

    async fn write(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.end.write_all(line.as_bytes()).await.unwrap();
        self.end.flush().await.unwrap();
    }

    async fn answer(&mut self, id: &Value) -> Value {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("no answer to {id}"));
            let line = line.unwrap().expect("the server has ended");
            let message: Value = serde_json::from_str(&line).unwrap();
            match (&message["method"], &message["id"]) {
                (Value::Null, of) if of == id || of.is_null() => return message,
                (Value::String(method), asked) if !asked.is_null() => {
                    let result = self.reply(method);
                    let reply = json!({ "jsonrpc": "2.0", "id": asked, "result": result });
                    self.write(&reply).await;
                }
                _ => {}
            }
        }
    }

    /// What the client answers to a question of the server's.
    fn reply(&self, method: &str) -> Value {
        let said = self.said.text();
        match method {
            "elicitation/create" => json!({ "action": "accept", "content": { "answer": said } }),
            "sampling/createMessage" => json!({
                "role": "assistant", "model": said, "stopReason": said,
                "content": { "type": "text", "text": said },
            }),
            "roots/list" => {
                let uri = format!("file:///{}", percent(&said));
                json!({ "roots": [{ "uri": uri, "name": said }] })
            }
            _ => json!({}),
        }
    }
}
