//! What is measured of what a client receives: its operations, and its session.

use std::collections::BTreeMap;

use mcp_telemetry::{McpTransport, PeerExt as _, TracedClientService};
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value as Json, json};

use crate::common::Live;
use crate::host::{Host, Person};
use crate::metrics::points;
use crate::received::{Both, ask_all, modern, tell_all};
use crate::wire::Wire;

const SESSION: &str = "mcp.client.session.duration";
const OPERATION: &str = "mcp.server.operation.duration";

fn service() -> TracedClientService<Person> {
    TracedClientService::new(Person::default())
}

fn one(labels: Json, count: u64) -> BTreeMap<String, u64> {
    BTreeMap::from([(labels.to_string(), count)])
}

#[tokio::test]
async fn what_a_client_serves_is_counted_with_and_without_spans() {
    for traces in ["otlp", "none"] {
        let live = Live::measured(&[("OTEL_TRACES_EXPORTER", traces)]);
        let service = service().with_transport(McpTransport::Stdio);
        let both = Both::new(service).await;
        ask_all(&both.server).await;
        tell_all(&both.server).await;
        // Handled in their order, one task after the other: the answer comes last.
        both.server.traced().ping().await.unwrap();
        drop(both);
        let counted = points(&live.finish(), OPERATION);
        let of = |method: &str| {
            json!({ "mcp.method.name": method, "mcp.protocol.version": "2025-11-25",
                    "network.transport": "pipe" })
            .to_string()
        };
        for (method, count) in [
            ("ping", 2),
            ("sampling/createMessage", 1),
            ("roots/list", 1),
            ("elicitation/create", 1),
            ("notifications/cancelled", 1),
            // No span by default, but counted.
            ("notifications/progress", 1),
            ("notifications/message", 1),
            ("notifications/resources/updated", 1),
            ("_OTHER", 1),
        ] {
            assert_eq!(
                counted.get(&of(method)),
                Some(&count),
                "{method}: {counted:?}"
            );
        }
        assert_eq!(counted.values().sum::<u64>(), 13);
    }
}

#[tokio::test]
async fn each_session_counts_when_the_service_is_dropped() {
    for (transport, labels) in [
        (None, json!({})),
        (
            Some(McpTransport::Http),
            json!({ "network.transport": "tcp", "network.protocol.name": "http" }),
        ),
    ] {
        let live = Live::measured(&[]);
        let mut service = service();
        if let Some(transport) = transport {
            service = service.with_transport(transport);
        }
        // A copy has a session of its own.
        let mut open = Both::new(service.clone()).await;
        for _ in 0..2 {
            let both = Both::new(service.clone()).await;
            both.server.traced().ping().await.unwrap();
            both.client.cancel().await.unwrap();
        }
        // Closed, but held by the app.
        open.client.close().await.unwrap();
        let mut labels = labels;
        labels["mcp.protocol.version"] = json!("2025-11-25");
        assert_eq!(points(&live.finish(), SESSION), one(sorted(labels), 2));
        drop(open);
    }
}

/// With its keys in the order that the points have.
fn sorted(labels: Json) -> Json {
    let labels: BTreeMap<String, Json> = serde_json::from_value(labels).unwrap();
    json!(labels)
}

#[tokio::test]
async fn newer_servers_have_no_sessions() {
    let live = Live::measured(&[]);
    let (client, _wire) = modern().await;
    // Asked in the result, so that the service hears of the server.
    let call = CallToolRequestParams::new("asks");
    client.call_tool(call).await.unwrap();
    client.cancel().await.unwrap();
    let received = live.finish();
    assert_eq!(points(&received, SESSION), BTreeMap::new());
    let asked = json!({ "mcp.method.name": "elicitation/create",
                        "mcp.protocol.version": "2026-07-28" });
    assert_eq!(
        points(&received, OPERATION).get(&asked.to_string()),
        Some(&1)
    );
}

#[tokio::test]
async fn a_handshake_that_fails_is_no_session() {
    let live = Live::measured(&[]);
    let (_wire, client_end, server_end) = Wire::new();
    drop(server_end);
    service().serve(client_end).await.unwrap_err();
    let both = Both::new(service()).await;
    both.client.cancel().await.unwrap();
    let expected = one(json!({ "mcp.protocol.version": "2025-11-25" }), 1);
    assert_eq!(points(&live.finish(), SESSION), expected);
}

/// Served by rmcp's function, a client knows of its session by what the server sends.
#[tokio::test]
async fn a_session_that_nobody_tells_of_is_not_measured() {
    for told in [true, false] {
        let live = Live::measured(&[]);
        let (_wire, client_end, server_end) = Wire::new();
        let client = rmcp::service::serve_client(service(), client_end);
        let (client, server) = tokio::join!(client, Host::default().serve(server_end));
        let (client, server) = (client.unwrap(), server.unwrap());
        if told {
            server.traced().ping().await.unwrap();
        }
        client.cancel().await.unwrap();
        let expected = match told {
            true => one(json!({ "mcp.protocol.version": "2025-11-25" }), 1),
            false => BTreeMap::new(),
        };
        assert_eq!(points(&live.finish(), SESSION), expected, "told: {told}");
    }
}
