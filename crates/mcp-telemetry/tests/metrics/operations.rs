//! `mcp.server.operation.duration`: its form, and the labels of each method.

use mcp_telemetry::TracedHandler;
use rmcp::model::Extensions;
use serde_json::{Value as Json, json};
use telemetry_testkit::{MetricKind, Temporality};

use crate::common::Live;
use crate::common::expected::{PII, with};
use crate::common::raw::{LEGACY, MODERN, Raw, Wrapper, code, result};
use crate::common::server::{Server, WithExtension};
use crate::{expected, histograms, metric, points};

pub(crate) const DURATION: &str = "mcp.server.operation.duration";

/// Labels of every message over stdio, and `more`.
pub(crate) fn labels(method: &str, more: Json) -> Json {
    let common = json!({
        "mcp.method.name": method,
        "mcp.protocol.version": LEGACY,
        "network.transport": "pipe",
    });
    with(common, more)
}

/// Labels of a tool call.
pub(crate) fn tool(name: &str, more: Json) -> Json {
    let own = json!({ "gen_ai.tool.name": name, "gen_ai.operation.name": "execute_tool" });
    labels("tools/call", with(own, more))
}

/// The two of a legacy client's handshake.
pub(crate) fn handshake() -> [(Json, u64); 2] {
    let methods = ["initialize", "notifications/initialized"];
    methods.map(|method| (labels(method, json!({})), 1))
}

#[tokio::test]
async fn it_is_a_histogram_of_seconds() {
    let live = Live::measured(&[]);
    let mut raw = Wrapper::Handler.serve(Server::default()).open(LEGACY).await;
    for _ in 0..3 {
        result(&raw.call("echo").await);
    }
    raw.close().await;
    let received = live.finish();
    let metric = metric(&received, DURATION).unwrap();
    assert_eq!(metric.unit, "s");
    assert_eq!(metric.scope.name, "mcp-telemetry");
    assert!(!metric.description.is_empty());
    let temporality = Temporality::Cumulative;
    assert_eq!(metric.kind, MetricKind::Histogram { temporality });
    assert_eq!(metric.resource["service.name"], "test-server");
    let bounds = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
    ];
    for histogram in histograms(&received, DURATION) {
        assert_eq!(histogram.bounds, bounds);
        // All of this took less than the deadline of a test, and time runs forward.
        assert_eq!(histogram.bucket_counts.iter().sum::<u64>(), histogram.count);
        assert!(histogram.sum > Some(0.0) && histogram.max < Some(60.0));
    }
    let echo = (tool("echo", json!({})), 3);
    let all = expected(handshake().into_iter().chain([echo]));
    assert_eq!(points(&received, DURATION), all);
}

#[tokio::test]
async fn each_method_has_its_labels() {
    let uri = json!({ "uri": "splunk://a?user=bob" });
    let argument = json!({ "name": "index", "value": "ma" });
    let reference = json!({ "type": "ref/prompt", "name": "triage" });
    let requests = [
        ("ping", Json::Null),
        ("tools/list", Json::Null),
        ("prompts/list", Json::Null),
        ("resources/list", Json::Null),
        ("resources/templates/list", Json::Null),
        ("resources/read", uri.clone()),
        ("resources/subscribe", uri.clone()),
        ("resources/unsubscribe", uri),
        ("logging/setLevel", json!({ "level": "info" })),
        (
            "completion/complete",
            json!({ "ref": reference, "argument": argument }),
        ),
    ];
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[PII]);
        let mut raw = wrapper.serve(Server::default()).open(LEGACY).await;
        let mut all = handshake().to_vec();
        for (method, params) in &requests {
            result(&raw.ask(method, params.clone()).await);
            all.push((labels(method, json!({})), 1));
        }
        let prompt = json!({ "name": "triage", "arguments": { "index": "main" } });
        result(&raw.ask("prompts/get", prompt).await);
        let of_prompt = json!({ "gen_ai.prompt.name": "triage" });
        all.push((labels("prompts/get", of_prompt), 1));
        result(&raw.ask("x/steal?token=1", Json::Null).await);
        all.push((labels("_OTHER", json!({})), 2));
        raw.notify("x/bob@example.com", Json::Null).await;
        let cancelled = json!({ "requestId": 77, "reason": "enough" });
        raw.notify("notifications/cancelled", cancelled).await;
        raw.notify("notifications/roots/list_changed", Json::Null)
            .await;
        // It has no span by default; it counts all the same.
        let progress = json!({ "progressToken": "t", "progress": 1 });
        raw.notify("notifications/progress", progress).await;
        for method in [
            "notifications/cancelled",
            "notifications/roots/list_changed",
            "notifications/progress",
        ] {
            all.push((labels(method, json!({})), 1));
        }
        // Once this is answered, the notifications before it are handled.
        result(&raw.ask("skills/list", Json::Null).await);
        all.push((labels("skills/list", json!({})), 1));
        raw.close().await;
        let received = live.finish();
        assert_eq!(points(&received, DURATION), expected(all), "{wrapper:?}");
        // All of them but `progress`; the resource and the prompt have two each.
        let counted: u64 = points(&received, DURATION).iter().map(|it| it.1).sum();
        let spans = u64::try_from(received.otlp_spans().len()).unwrap();
        assert_eq!(spans, counted - 1 + 2);
    }
}

#[tokio::test]
async fn each_end_has_its_labels() {
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[PII]);
        let mut raw = wrapper.serve(Server::default()).open(LEGACY).await;
        result(&raw.call("echo").await);
        result(&raw.call("fails").await);
        let failed = [
            ("broken", -32_603),
            ("refused", -32_602),
            ("made up by the client", -32_602),
            ("as well", -32_602),
        ];
        for (name, expected) in failed {
            assert_eq!(code(&raw.call(name).await), expected);
        }
        raw.close().await;
        let received = live.finish();
        let broken = json!({ "error.type": "-32603", "rpc.response.status_code": "-32603" });
        let all = [
            (tool("echo", json!({})), 1),
            (tool("fails", json!({ "error.type": "tool_error" })), 1),
            // Names that no answer has proved to exist are no labels.
            (tool("_OTHER", broken), 1),
            (
                tool("_OTHER", json!({ "rpc.response.status_code": "-32602" })),
                3,
            ),
        ];
        let all = expected(handshake().into_iter().chain(all));
        assert_eq!(points(&received, DURATION), all, "{wrapper:?}");
    }
}

#[tokio::test]
async fn the_version_is_a_known_one() {
    let live = Live::measured(&[]);
    let mut raw = Wrapper::Service.serve(Server::default()).open(MODERN).await;
    result(&raw.call("echo").await);
    for version in ["1999-01-01", "2099-01-01", "bob"] {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": version });
        let params = json!({ "name": "echo", "_meta": meta });
        assert_eq!(code(&raw.ask("tools/call", params).await), -32_022);
    }
    raw.close().await;
    let received = live.finish();
    let refused = json!({
        "mcp.protocol.version": "_OTHER",
        "rpc.response.status_code": "-32022",
    });
    let all = expected([
        (tool("echo", json!({ "mcp.protocol.version": MODERN })), 1),
        (tool("echo", refused), 3),
    ]);
    assert_eq!(points(&received, DURATION), all);
}

#[tokio::test]
async fn initialize_has_the_version_agreed_on() {
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[]);
        let mut raw = wrapper.serve(Server::default());
        result(&raw.initialize("1999-01-01").await);
        raw.close().await;
        let received = live.finish();
        let all = expected([(labels("initialize", json!({})), 1)]);
        assert_eq!(points(&received, DURATION), all);
    }
}

#[tokio::test]
async fn over_http_it_knows_the_protocol_but_no_session() {
    let live = Live::measured(&[PII]);
    let post = http::Request::post("/mcp")
        .header("mcp-session-id", "191c4850af6c")
        .version(http::Version::HTTP_2);
    let (parts, ()) = post.body(()).unwrap().into_parts();
    let service = WithExtension {
        inner: TracedHandler::new(Server::default()),
        extend: move |extensions: &mut Extensions| {
            extensions.insert(parts.clone());
        },
    };
    let mut raw = Raw::connect(service).open(LEGACY).await;
    result(&raw.call("echo").await);
    raw.close().await;
    let received = live.finish();
    let http = json!({
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "network.protocol.version": "2",
    });
    let echo = (tool("echo", json!({})), 1);
    let all = handshake().into_iter().chain([echo]);
    let all = all.map(|(labels, count)| (with(labels, http.clone()), count));
    assert_eq!(points(&received, DURATION), expected(all));
}
