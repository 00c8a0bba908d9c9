//! Release health: how the requests of the real server over HTTP count as sessions at Sentry.
//!
//! One test: it ends telemetry.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use mcp_server_splunk::{SplunkServer, app_info, http};
use mcp_telemetry::config::Config;
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::sentry::{self, User};
use mcp_telemetry::{Builder, TracedHandler};
use mcp_telemetry_tests::client::{bad_search, good_search, slow_search};
use mcp_telemetry_tests::harness::{PATIENCE, splunk_setting};
use reqwest::Client;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use splunk_simulator::Simulator;
use telemetry_testkit::{Received, Sink};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The server for Splunk in an app that knows its users, and has a tool that panics.
#[derive(Clone)]
struct App(SplunkServer);

impl ServerHandler for App {
    fn get_info(&self) -> ServerConfig {
        self.0.get_info()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        match name {
            PANICS => Some(Tool::new(PANICS, "", Arc::default())),
            name => self.0.get_tool(name),
        }
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.0.list_tools(page, context).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let head = context.extensions.get::<axum::http::request::Parts>();
        let user = head.and_then(|head| head.headers.get("x-user")?.to_str().ok());
        if let Some(id) = user.map(str::to_owned) {
            let user = User {
                id: Some(id),
                ..User::default()
            };
            sentry::configure_scope(|scope| scope.set_user(Some(user)));
        }
        assert_ne!(request.name, PANICS, "on purpose");
        self.0.call_tool(request, context).await
    }
}

const PANICS: &str = "panics";

/// Serves the app as the server serves itself.
async fn serve(app: App) -> anyhow::Result<SocketAddr> {
    let handler = TracedHandler::new(app);
    let mcp = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let layer = HttpLayer::new().with_mcp_path(http::MCP_PATH);
    let router = Router::new().nest_service(http::MCP_PATH, mcp).layer(layer);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// A tool call without a session: protocol 2026-07-28 has none.
fn call(at: SocketAddr, tool: &str, spl: &str, user: Option<&str>) -> reqwest::RequestBuilder {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": tool,
            "arguments": { "query": spl, "earliest_time": "-24h" },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let request = Client::new()
        .post(format!("http://{at}{}", http::MCP_PATH))
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(body.to_string());
    match user {
        Some(user) => request.header("x-user", user),
        None => request,
    }
}

const SEARCH: &str = mcp_telemetry_tests::client::SEARCH;

/// Exited, errored, abnormal and crashed, by user.
fn sessions(received: &Received) -> BTreeMap<Option<String>, [u64; 4]> {
    let mut users = BTreeMap::new();
    for it in received.sessions() {
        let sum: &mut [u64; 4] = users.entry(it.distinct_id.clone()).or_default();
        let more = [it.exited, it.errored, it.abnormal, it.crashed];
        for (sum, more) in sum.iter_mut().zip(more) {
            *sum += more;
        }
    }
    users
}

#[test]
fn requests_are_sessions_by_how_they_ended_and_whose_they_were() {
    let (sink, splunk) = (Sink::start().unwrap(), Simulator::start().unwrap());
    let dsn = sink.dsn();
    // Sentry would refuse the slash; the release is the default.
    let variables = [("SENTRY_DSN", &*dsn), ("SENTRY_ENVIRONMENT", "end/to/end")];
    let (config, problems) = Config::from_lookup_lenient(app_info(), |key| {
        let set = variables.iter().find(|(name, _)| *name == key);
        set.map(|(_, value)| (*value).to_owned())
    });
    let problems = problems.expect("the environment is refused").to_string();
    assert!(problems.contains("SENTRY_ENVIRONMENT"), "{problems}");
    let telemetry = Builder::new(config).with_stderr_logs(false).install();
    let telemetry = telemetry.unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = SplunkServer::from_lookup(|key| splunk_setting(&splunk, key));

    let shutdown = CancellationToken::new();
    let (served, cut_off, before) = runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let real = listener.local_addr().unwrap();
        let options = http::HttpOptions::default();
        let served = http::serve(listener, server.clone(), options, shutdown.clone());
        let served = tokio::spawn(served);
        let app = serve(App(server)).await.unwrap();

        for (at, tool, spl, user) in [
            (real, SEARCH, good_search("ok"), None),
            (real, SEARCH, bad_search("tool-error"), None),
            (real, SEARCH, good_search("ok-again"), None),
            // The caller's fault.
            (real, "no_such_tool", String::new(), None),
            (app, SEARCH, good_search("ok-of-ada"), Some("ada")),
            (app, SEARCH, bad_search("error-of-ada"), Some("ada")),
            (app, SEARCH, good_search("ok-of-grace"), Some("grace")),
        ] {
            let answer = call(at, tool, &spl, user).send().await.unwrap();
            let text = answer.text().await.unwrap();
            assert!(text.contains("\"jsonrpc\""), "{tool} {spl}: {text}");
        }
        // Nobody answers: the task that would has panicked.
        let panicking =
            [None, Some("ada")].map(|user| tokio::spawn(call(app, PANICS, "", user).send()));
        let panicked = |received: &Received| {
            let exceptions = received.events().into_iter().flat_map(|it| &it.exceptions);
            let panics = exceptions.filter(|it| it.ty.as_deref() == Some("panic"));
            (panics.count() == panicking.len()).then_some(())
        };
        sink.wait_for_async(PATIENCE, panicked).await.unwrap();
        panicking.iter().for_each(tokio::task::JoinHandle::abort);
        let cut_off = call(real, SEARCH, &slow_search("cut-off", 60_000), None);
        let before = splunk.requests().len();
        (served, tokio::spawn(cut_off.send()), before)
    });
    // It is with Splunk when the server is told to end.
    let deadline = Instant::now() + PATIENCE;
    while splunk.requests().len() == before {
        assert!(Instant::now() < deadline, "Splunk was not asked");
        std::thread::yield_now();
    }
    shutdown.cancel();
    runtime.block_on(served).unwrap().unwrap();
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop(cut_off);
    telemetry.shutdown().unwrap();

    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let expected = BTreeMap::from([
        (None, [3, 1, 1, 1]),
        (Some("ada".to_owned()), [1, 1, 0, 1]),
        (Some("grace".to_owned()), [1, 0, 0, 0]),
    ]);
    assert_eq!(sessions(&received), expected);
    let release = format!("mcp-server-splunk@{}", app_info().version);
    for session in received.sessions() {
        assert_eq!(session.release, release);
        assert_eq!(session.environment.as_deref(), Some("end-to-end"));
    }
    assert!(received.session_updates().is_empty());

    // Errors and transactions are of the same release, so that Sentry puts them together.
    let events = received.events();
    // Of two refused searches and two panics.
    assert_eq!(events.len(), 4, "{events:#?}");
    for event in events {
        assert_eq!(event.release.as_deref(), Some(&*release));
        assert_eq!(event.environment.as_deref(), Some("end-to-end"));
    }
    for transaction in received.transactions() {
        assert_eq!(transaction.release.as_deref(), Some(&*release));
        assert_eq!(transaction.environment.as_deref(), Some("end-to-end"));
    }
    let of_ada = |event: &&telemetry_testkit::Event| {
        event.raw.pointer("/user/id").and_then(Value::as_str) == Some("ada")
    };
    assert_eq!(received.events().iter().filter(|it| of_ada(it)).count(), 2);
}
