//! Splunk learns of the trace only where the settings list it.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use mcp_telemetry::Builder;
use mcp_telemetry::config::{AppInfo, Config};
use splunk_client::{SplunkClient, SplunkConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt as _;

/// The head of the first request that a client sends, with these hosts listed.
async fn first_request(targets: &str) -> String {
    let (config, _) = Config::from_lookup_lenient(AppInfo::new("test", "1.0.0"), |name| {
        let is_it = name == "MCP_TELEMETRY_PROPAGATION_TARGETS";
        let otlp = (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://127.0.0.1:9".to_owned());
        is_it.then(|| targets.to_owned()).or(otlp)
    });
    let builder = Builder::new(config).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    telemetry.make_global();
    let subscriber = tracing_subscriber::registry().with(layer.into_layers());
    let guard = tracing::subscriber::set_default(subscriber);

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let config = SplunkConfig::from_lookup(|name| {
        let value = match name {
            "SPLUNK_HOST" => "127.0.0.1",
            "SPLUNK_PORT" => &port,
            "SPLUNK_SCHEME" => "http",
            "SPLUNK_TOKEN" => "token",
            _ => return None,
        };
        Some(value.to_owned())
    });
    let client = SplunkClient::new(config.unwrap()).unwrap();
    let answering = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap().to_lowercase()
    };
    let (head, answer) = tokio::join!(answering, client.server_info());
    assert!(answer.is_err(), "it answered 400");
    drop(guard);
    // Nothing listens where its spans would go.
    let _ = telemetry.shutdown();
    head
}

#[tokio::test]
async fn splunk_is_told_only_where_it_is_listed() {
    for (targets, told) in [("", false), ("other.example", false), ("127.0.0.1", true)] {
        let head = first_request(targets).await;
        assert!(head.starts_with("get /services/"), "{head}");
        for header in ["\r\ntraceparent: 00-", "\r\nsentry-trace: "] {
            assert_eq!(head.contains(header), told, "{targets:?}: {head}");
        }
    }
}
