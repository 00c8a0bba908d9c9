//! Durations of what is sent and of what a client receives, as a collector gets them.

use std::collections::BTreeMap;

use mcp_telemetry::{Builder, McpTransport, PeerExt as _};
use rmcp::model::{CallToolRequestParams, GetPromptRequestParams, ProgressNotificationParam};
use rmcp::model::{ProgressToken, RequestId};
use serde_json::{Value as Json, json};
use telemetry_testkit::{Received, Sink};

use crate::common::{alone, config};
use crate::host::Pair;

const NAME: &str = "mcp.client.operation.duration";

/// The points of the metric: their attributes, and how many values each has.
pub(crate) fn points(received: &Received, name: &str) -> BTreeMap<String, u64> {
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    let metrics = received.otlp_metrics_named(name);
    let Some(last) = metrics.last() else {
        return BTreeMap::new();
    };
    assert_eq!(last.unit, "s");
    let bounds = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
    ];
    let points = last.points.iter().map(|point| {
        let histogram = point.histogram().unwrap();
        assert_eq!(histogram.bounds, bounds);
        let attributes: BTreeMap<_, Json> = point.attributes.clone().into_iter().collect();
        (json!(attributes).to_string(), histogram.count)
    });
    points.collect()
}

#[expect(
    clippy::await_holding_lock,
    reason = "each test has a thread and a runtime of its own, and what is measured is the process's"
)]
/// Runs an app with metrics, and with spans where `traced`; gives what was measured.
async fn measured(traced: bool, app: impl AsyncFnOnce(Pair)) -> BTreeMap<String, u64> {
    let alone = alone();
    let sink = Sink::start().unwrap();
    let endpoint = sink.otlp_endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_TRACES_EXPORTER", if traced { "otlp" } else { "none" }),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("MCP_TELEMETRY_NOTIFICATIONS", "none"),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let (telemetry, layer) = builder.build().unwrap();
    telemetry.make_global();
    let subscribed = traced.then(|| {
        use tracing_subscriber::layer::SubscriberExt as _;
        let subscriber = tracing_subscriber::registry().with(layer.into_layers());
        tracing::subscriber::set_default(subscriber)
    });
    app(Pair::modern().await).await;
    drop(subscribed);
    telemetry.shutdown().unwrap();
    drop(alone);
    points(&sink.received(), NAME)
}

async fn app(pair: Pair) {
    let client = pair.client.traced();
    for tool in ["echo", "echo", "fails", "refused"] {
        let _ = client.call_tool(CallToolRequestParams::new(tool)).await;
    }
    let prompt = GetPromptRequestParams::new("triage");
    client.get_prompt(prompt).await.unwrap();
    client.list_tools(None).await.unwrap();
    let stdio = client.with_transport(McpTransport::Stdio);
    let token = ProgressToken(RequestId::Number(7));
    let progress = ProgressNotificationParam::new(token, 1.0);
    stdio.notify_progress(progress).await.unwrap();
}

#[tokio::test]
async fn every_message_is_measured_with_and_without_spans() {
    let call = |tool: &str, more: Json| {
        let mut labels = json!({
            "mcp.method.name": "tools/call",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "mcp.protocol.version": "2026-07-28",
        });
        let Json::Object(more) = more else {
            panic!("labels are an object");
        };
        labels.as_object_mut().unwrap().extend(more);
        labels.to_string()
    };
    let expected = BTreeMap::from([
        (call("echo", json!({})), 2),
        (call("fails", json!({ "error.type": "tool_error" })), 1),
        (
            call(
                "refused",
                json!({ "error.type": "-32602", "rpc.response.status_code": "-32602" }),
            ),
            1,
        ),
        (
            json!({ "mcp.method.name": "prompts/get", "gen_ai.prompt.name": "triage",
                    "mcp.protocol.version": "2026-07-28" })
            .to_string(),
            1,
        ),
        (
            json!({ "mcp.method.name": "tools/list", "mcp.protocol.version": "2026-07-28" })
                .to_string(),
            1,
        ),
        (
            json!({ "mcp.method.name": "notifications/progress", "network.transport": "pipe",
                    "mcp.protocol.version": "2026-07-28" })
            .to_string(),
            1,
        ),
    ]);
    for traced in [true, false] {
        assert_eq!(measured(traced, app).await, expected, "traced: {traced}");
    }
}
