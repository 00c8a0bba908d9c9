//! A client that writes its JSON-RPC messages as they are, over a pipe in memory.

use std::collections::VecDeque;

use mcp_telemetry::{TracedHandler, TracedService};
use rmcp::{RoleServer, ServerHandler, Service, ServiceExt as _};
use serde_json::{Value as Json, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};
use tokio::task::JoinHandle;

use super::DEADLINE;

/// The newest version with `initialize`.
pub(crate) const LEGACY: &str = "2025-11-25";

/// The first version without.
pub(crate) const MODERN: &str = "2026-07-28";

/// Who the client says it is.
pub(crate) fn inspector() -> Json {
    json!({ "name": "inspector", "version": "0.9", "title": "Inspector" })
}

/// The `_meta` that every request of 2026-07-28 has.
pub(crate) fn meta(client: Json) -> Json {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": client,
    })
}

/// How a server is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    Handler,
    Service,
}

impl Wrapper {
    pub(crate) const BOTH: [Self; 2] = [Self::Handler, Self::Service];

    /// Serves `server`, and connects to it without a handshake.
    pub(crate) fn serve(self, server: impl ServerHandler) -> Raw {
        match self {
            Self::Handler => Raw::connect(TracedHandler::new(server)),
            Self::Service => Raw::connect(TracedService::new(server)),
        }
    }
}

/// A connection. Every request has the next number as its id.
pub(crate) struct Raw {
    to: WriteHalf<DuplexStream>,
    from: Lines<BufReader<ReadHalf<DuplexStream>>>,
    requests: i64,
    /// What came while something else was waited for.
    seen: VecDeque<Json>,
    /// 2026-07-28: requests say themselves what a handshake would say.
    modern: bool,
    server: JoinHandle<()>,
}

impl Raw {
    pub(crate) fn connect(service: impl Service<RoleServer>) -> Self {
        let (server_end, client_end) = tokio::io::duplex(64 * 1024);
        let server = tokio::spawn(async move {
            if let Ok(running) = service.serve(server_end).await {
                let _ = running.waiting().await;
            }
        });
        let (from, to) = tokio::io::split(client_end);
        Self {
            to,
            from: BufReader::new(from).lines(),
            requests: 0,
            seen: VecDeque::new(),
            modern: false,
            server,
        }
    }

    /// Makes the connection ready for requests of this version, which are numbered from 1.
    pub(crate) async fn open(mut self, version: &str) -> Self {
        self.modern = version == MODERN;
        if !self.modern {
            self.initialize(version).await;
            self.notify("notifications/initialized", Json::Null).await;
        }
        self.requests = 0;
        self
    }

    /// Sends `initialize` with the id 0, and gives the answer.
    pub(crate) async fn initialize(&mut self, version: &str) -> Json {
        let params = json!({
            "protocolVersion": version,
            "capabilities": { "roots": {}, "sampling": {} },
            "clientInfo": inspector(),
        });
        self.write(json!({
            "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params,
        }))
        .await;
        self.answer(0).await
    }

    /// Sends a request; gives its id.
    pub(crate) async fn send(&mut self, method: &str, params: Json) -> i64 {
        self.requests += 1;
        let id = self.requests;
        let params = match (self.modern, params) {
            (true, Json::Null) => json!({ "_meta": meta(inspector()) }),
            (true, mut params) => {
                let own = params["_meta"].take();
                let all = meta(inspector());
                params["_meta"] = match own {
                    Json::Null => all,
                    own => super::expected::with(all, own),
                };
                params
            }
            (false, params) => params,
        };
        let mut request = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            request["params"] = params;
        }
        self.write(request).await;
        id
    }

    /// Sends a request and waits for its answer: the whole message.
    pub(crate) async fn ask(&mut self, method: &str, params: Json) -> Json {
        let id = self.send(method, params).await;
        self.answer(id).await
    }

    /// Calls a tool without arguments.
    pub(crate) async fn call(&mut self, tool: &str) -> Json {
        self.ask("tools/call", json!({ "name": tool })).await
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Json) {
        let mut notification = json!({ "jsonrpc": "2.0", "method": method });
        if !params.is_null() {
            notification["params"] = params;
        }
        self.write(notification).await;
    }

    /// Waits for the answer to a request.
    pub(crate) async fn answer(&mut self, id: i64) -> Json {
        self.receive(|message| message["id"] == id && message.get("method").is_none())
            .await
    }

    /// Waits for a message.
    pub(crate) async fn receive(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        if let Some(at) = self.seen.iter().position(&wanted) {
            return self.seen.remove(at).unwrap();
        }
        loop {
            let line = tokio::time::timeout(DEADLINE, self.from.next_line()).await;
            let line = line.expect("the server should answer").unwrap();
            let line = line.expect("the server should not hang up");
            let message: Json = serde_json::from_str(&line).unwrap();
            if wanted(&message) {
                return message;
            }
            self.seen.push_back(message);
        }
    }

    /// Hangs up, and waits until the server has ended.
    pub(crate) async fn close(self) {
        let Self {
            to, from, server, ..
        } = self;
        drop((to, from));
        let ended = tokio::time::timeout(DEADLINE, server).await;
        ended.expect("the server should end").unwrap();
    }

    async fn write(&mut self, message: Json) {
        let line = format!("{message}\n");
        self.to.write_all(line.as_bytes()).await.unwrap();
        self.to.flush().await.unwrap();
    }
}

/// The code of an answer that is an error.
#[track_caller]
pub(crate) fn code(answer: &Json) -> i64 {
    let code = answer["error"]["code"].as_i64();
    code.unwrap_or_else(|| panic!("an error was expected: {answer}"))
}

/// The result of an answer that is one.
#[track_caller]
pub(crate) fn result(answer: &Json) -> &Json {
    match &answer["result"] {
        Json::Null => panic!("a result was expected: {answer}"),
        result => result,
    }
}
