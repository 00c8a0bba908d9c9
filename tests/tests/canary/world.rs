//! Everything that is written to: telemetry, servers, clients, a Splunk.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use mcp_server_splunk::SplunkServer;
use mcp_telemetry::config::{AppInfo, Config};
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::sentry::Hub;
use mcp_telemetry::{Builder, Telemetry, TracedHandler};
use mcp_telemetry_tests::harness::splunk_setting;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use splunk_simulator::Simulator;
use telemetry_testkit::{Received, Sink};
use tokio::net::TcpListener;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::client::Pair;
use crate::line::Line;
use crate::parrot::Parrot;

/// What servers, clients and Splunk say next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(Arc<Mutex<String>>);

impl Said {
    pub(crate) fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, text: &str) {
        text.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A URL's way of writing a text.
pub(crate) fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Where unsent telemetry waits on disk, gone at the end.
pub(crate) struct Spool(PathBuf);

impl Spool {
    fn new(send_pii: bool) -> Self {
        let name = format!("canary-{}-{send_pii}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// What is in its files now, sent or not.
    fn bytes(&self) -> Vec<Vec<u8>> {
        let directories = fs::read_dir(&self.0).unwrap();
        let files = directories.flat_map(|entry| fs::read_dir(entry.unwrap().path()).unwrap());
        files
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect()
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What has left the process.
pub(crate) struct Left {
    pub(crate) received: Received,
    /// Files of the spool, as they were before the end.
    pub(crate) spooled: Vec<Vec<u8>>,
}

pub(crate) struct World {
    pub(crate) sink: Sink,
    spool: Spool,
    pub(crate) telemetry: Telemetry,
    pub(crate) send_pii: bool,
    pub(crate) said: Said,
    /// A server that says whatever it is told to say, over a pipe.
    pub(crate) parrot: Line,
    /// The same over HTTP.
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) session: String,
    /// A client of it with spans of its own.
    pub(crate) pair: Pair,
    /// The server for Splunk, before a simulator.
    pub(crate) splunk: Line,
    /// The same before a Splunk that answers what it is told to answer.
    pub(crate) strange: Line,
    _simulator: Simulator,
    subscriber: DefaultGuard,
}

/// Telemetry with everything on, sent to the sink.
pub(crate) fn build(
    sink: &Sink,
    send_pii: bool,
    more: &[(&str, &str)],
) -> (Telemetry, DefaultGuard) {
    let (dsn, otlp) = (sink.dsn(), sink.otlp_endpoint());
    let config = Config::from_lookup_lenient(AppInfo::new("canary", "1.0.0"), |key| {
        if let Some((_, value)) = more.iter().find(|(name, _)| *name == key) {
            return Some((*value).to_owned());
        }
        match key {
            "SENTRY_DSN" => Some(dsn.clone()),
            "SENTRY_SEND_PII" => Some(send_pii.to_string()),
            "MCP_TELEMETRY_NOTIFICATIONS" => Some("all".to_owned()),
            "MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS" => Some("60000".to_owned()),
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(otlp.clone()),
            _ => None,
        }
    });
    let (telemetry, layer) = Builder::new(config.0)
        .with_stderr_logs(false)
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    let subscriber = tracing::subscriber::set_default(subscriber);
    telemetry.make_global();
    for hub in [Hub::main(), Hub::current()] {
        hub.configure_scope(|scope| scope.clear());
    }
    (telemetry, subscriber)
}

impl World {
    pub(crate) async fn start(send_pii: bool) -> Self {
        static LOG: Once = Once::new();
        LOG.call_once(|| {
            let bridge = tracing_log::LogTracer::builder();
            bridge
                .with_max_level(log::LevelFilter::Info)
                .init()
                .unwrap();
        });
        let sink = Sink::start().unwrap();
        let spool = Spool::new(send_pii);
        let directory = spool.0.to_str().unwrap();
        let more = [("MCP_TELEMETRY_SPOOL_DIR", directory)];
        let (telemetry, subscriber) = build(&sink, send_pii, &more);
        let said = Said::default();
        let simulator = Simulator::start().unwrap();
        let splunk = SplunkServer::from_lookup(|key| splunk_setting(&simulator, key));
        let strange = strange_splunk(said.clone()).await;
        let parrot = Parrot::new(said.clone());
        let http = reqwest::Client::new();
        let url = serve(parrot.clone()).await;
        let session = crate::headers::open_session(&http, &url).await;
        Self {
            parrot: Line::open(TracedHandler::new(parrot.clone()), &said).await,
            pair: Pair::open(parrot, &said).await,
            splunk: Line::open(TracedHandler::new(splunk), &said).await,
            strange: Line::open(TracedHandler::new(strange), &said).await,
            sink,
            spool,
            telemetry,
            send_pii,
            said,
            http,
            url,
            session,
            _simulator: simulator,
            subscriber,
        }
    }

    /// Tells servers, clients and Splunk what to say next.
    pub(crate) fn say(&self, text: &str) {
        self.said.set(text);
    }

    /// Runs code of the app in a scope and a span of its own.
    pub(crate) fn in_own_scope(&self, run: impl FnOnce()) {
        let hub = Hub::new_from_top(Hub::current());
        hub.configure_scope(|scope| scope.clear());
        Hub::run(Arc::new(hub), || {
            mcp_telemetry::mcp_span("app", "app").in_scope(run)
        });
    }

    /// Ends everything; gives what has left.
    pub(crate) async fn finish(self) -> Left {
        let Self {
            sink,
            spool,
            telemetry,
            subscriber,
            parrot,
            pair,
            splunk,
            strange,
            ..
        } = self;
        drop((parrot, splunk, strange));
        pair.close().await;
        // What is done with stays in its file until that is half full.
        telemetry.flush();
        let spooled = spool.bytes();
        telemetry.shutdown().unwrap();
        drop(subscriber);
        Left {
            received: sink.received(),
            spooled,
        }
    }
}

/// Serves the parrot over HTTP; gives the URL of its MCP endpoint.
async fn serve(parrot: Parrot) -> String {
    let handler = TracedHandler::new(parrot);
    let mcp = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let router = Router::new()
        .nest_service("/mcp", mcp)
        .layer(HttpLayer::new());
    format!("{}/mcp", listen(router).await)
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // Otherwise each answer waits for the client's delayed acknowledgement.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A server for Splunk before one that refuses everything in the words it is told.
async fn strange_splunk(said: Said) -> SplunkServer {
    let router = Router::new().fallback(async move || strange_answer(&said.text()));
    let url = listen(router).await;
    let port = url.rsplit(':').next().unwrap_or_default().to_owned();
    SplunkServer::from_lookup(|key| match key {
        "SPLUNK_SCHEME" => Some("http".to_owned()),
        "SPLUNK_HOST" => Some("127.0.0.1".to_owned()),
        "SPLUNK_PORT" => Some(port.clone()),
        "SPLUNK_TOKEN" => Some("the-token-of-the-server".to_owned()),
        _ => None,
    })
}

/// `<way>:<text>`: the text in a message, in a page or in headers.
fn strange_answer(said: &str) -> Response {
    let (way, text) = said.split_once(':').unwrap_or(("message", said));
    let mut answer = match way {
        "page" => (StatusCode::BAD_GATEWAY, text.to_owned()).into_response(),
        "headers" => (StatusCode::BAD_REQUEST, "{}").into_response(),
        _ => {
            let messages = serde_json::json!({ "messages": [{ "type": "FATAL", "text": text }] });
            (StatusCode::BAD_REQUEST, messages.to_string()).into_response()
        }
    };
    if way == "headers"
        && let Ok(value) = HeaderValue::from_str(text)
    {
        for name in [
            "www-authenticate",
            "set-cookie",
            "x-splunk-form-key",
            "location",
        ] {
            answer
                .headers_mut()
                .append(HeaderName::from_static(name), value.clone());
        }
    }
    answer
}
