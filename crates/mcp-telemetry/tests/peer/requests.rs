//! What the spans of a client's requests say.

use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use mcp_telemetry::{McpTransport, PeerExt as _};
use rmcp::RoleClient;
use rmcp::model::{
    ArgumentInfo, CallToolRequestParams, CancelTaskParams, ClientRequest, CompleteRequestParams,
    CustomRequest, GetPromptRequestParams, GetSkillRequestParams, GetTaskParams, LoggingLevel,
    ReadResourceDirectoryRequestParams, ReadResourceRequestParams, Reference, RequestMetaObject,
    SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::Peer;
use serde_json::{Value as Json, json};
use tracing::Instrument as _;

use crate::common::{Rig, assert_attributes, assert_child, assert_has, assert_root, attribute};
use crate::host::Pair;
use crate::{NO_PII, PII, request, served};

fn arguments(value: Json) -> rmcp::model::JsonObject {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn a_call_is_a_client_span_and_the_servers_span_its_child() {
    let rig = Rig::new(&[PII]);
    let pair = Pair::legacy().await;
    let call = CallToolRequestParams::new("echo");
    let call = call.with_arguments(arguments(json!({ "index": "main" })));
    let work = tracing::info_span!("work");
    let answer = pair.client.traced().call_tool(call);
    let answer = answer.instrument(work.clone()).await.unwrap();
    drop(work);
    assert_eq!(answer.content.len(), 1);

    let spans = rig.spans();
    let client = request(&spans, "tools/call echo");
    let server = served(&spans, "tools/call echo");
    assert_child(&client, &spans.one("work"));
    assert_child(&server, &client);
    assert!(server.parent_span_is_remote && !client.parent_span_is_remote);
    assert_child(&spans.one("mcp.tool.echo"), &server);
    assert_eq!(client.span_kind, SpanKind::Client);
    assert_eq!(client.status, Status::Unset);
    let expected = json!({
        "sentry.op": "mcp.client",
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "sentry.source": "route",
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2025-11-25",
        "mcp.server.name": "splunk",
        "mcp.server.version": "2.1.0",
        "mcp.server.title": "Splunk over MCP",
        "mcp.tool.name": "echo",
        "gen_ai.tool.name": "echo",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.call.arguments": r#"{"index":"main"}"#,
        "gen_ai.tool.call.result": r#"[{"type":"text","text":"hello"}]"#,
        "mcp.tool.result.content": r#"[{"type":"text","text":"hello"}]"#,
        "mcp.tool.result.content_count": 1,
        "mcp.tool.result.is_error": false,
        "mcp.tool.status": "success",
        "mcp.result.type": "complete",
    });
    assert_attributes(&client, expected);
}

#[tokio::test]
async fn a_client_span_alone_begins_a_trace() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    pair.client.traced().ping().await.unwrap();
    let spans = rig.spans();
    let client = request(&spans, "ping");
    assert_root(&client);
    assert_child(&served(&spans, "ping"), &client);
    assert_has(
        &client,
        json!({ "sampling.rule": "mcp", "sampling.rate": 1.0 }),
    );
}

/// Every request that rmcp's client has, once.
pub(crate) async fn request_all(peer: &Peer<RoleClient>) {
    let it = peer.traced();
    it.ping().await.unwrap();
    it.call_tool(CallToolRequestParams::new("echo"))
        .await
        .unwrap();
    let prompt = GetPromptRequestParams::new("triage");
    it.get_prompt(prompt).await.unwrap();
    let read = ReadResourceRequestParams::new("splunk://a");
    it.read_resource(read).await.unwrap();
    let argument = ArgumentInfo::new("index", "ma");
    let complete = CompleteRequestParams::new(Reference::for_prompt("triage"), argument);
    it.complete(complete).await.unwrap();
    let level = SetLevelRequestParams::new(LoggingLevel::Warning);
    it.set_level(level).await.unwrap();
    let subscribe = SubscribeRequestParams::new("splunk://a");
    it.subscribe(subscribe).await.unwrap();
    let unsubscribe = UnsubscribeRequestParams::new("splunk://a");
    it.unsubscribe(unsubscribe).await.unwrap();
    let task = GetTaskParams::new("t");
    it.get_task(task).await.unwrap();
    let task = UpdateTaskParams::new("t", Default::default());
    it.update_task(task).await.unwrap();
    let task = CancelTaskParams::new("t");
    it.cancel_task(task).await.unwrap();
    let skill = GetSkillRequestParams::new("skill://triage/SKILL.md");
    it.get_skill(skill).await.unwrap();
    let directory = ReadResourceDirectoryRequestParams::new("skill://triage/");
    it.read_resource_directory(directory).await.unwrap();
    it.list_tools(None).await.unwrap();
    it.list_prompts(None).await.unwrap();
    it.list_resources(None).await.unwrap();
    it.list_resource_templates(None).await.unwrap();
    it.list_skills(None).await.unwrap();
}

#[tokio::test]
async fn every_request_has_its_span_and_reaches_the_server_in_its_trace() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    request_all(&pair.client).await;
    let spans = rig.spans();
    let expected = [
        ("ping", json!({})),
        ("tools/call echo", json!({ "mcp.tool.status": "success" })),
        (
            "prompts/get triage",
            json!({ "mcp.prompt.name": "triage", "gen_ai.prompt.name": "triage",
                    "mcp.prompt.status": "success", "mcp.prompt.result.message_count": 2 }),
        ),
        (
            "resources/read",
            json!({ "mcp.resource.uri": "splunk://a", "mcp.resource.status": "success",
                    "mcp.resource.size_bytes": 4 }),
        ),
        (
            "completion/complete",
            json!({ "mcp.completion.reference.type": "ref/prompt" }),
        ),
        (
            "logging/setLevel",
            json!({ "mcp.logging.requested_level": "warning" }),
        ),
        (
            "resources/subscribe",
            json!({ "mcp.resource.uri": "splunk://a" }),
        ),
        (
            "resources/unsubscribe",
            json!({ "mcp.resource.uri": "splunk://a" }),
        ),
        ("tasks/get", json!({})),
        ("tasks/update", json!({})),
        ("tasks/cancel", json!({})),
        ("skills/get", json!({})),
        (
            "resources/directory/read",
            json!({ "mcp.resource.uri": "skill://triage/" }),
        ),
        (
            "tools/list",
            json!({ "mcp.result.count": 1, "mcp.pagination.cursor.present": false,
                    "mcp.pagination.next_cursor.present": true }),
        ),
        ("prompts/list", json!({ "mcp.result.count": 0 })),
        ("resources/list", json!({ "mcp.result.count": 3 })),
        ("resources/templates/list", json!({ "mcp.result.count": 0 })),
        ("skills/list", json!({ "mcp.result.count": 0 })),
    ];
    for (name, facts) in &expected {
        let client = request(&spans, name);
        assert_eq!(client.span_kind, SpanKind::Client);
        let method = name.split(' ').next().unwrap();
        assert_has(
            &client,
            json!({ "mcp.method.name": method, "error.type": null }),
        );
        assert_has(&client, facts.clone());
        assert_child(&served(&spans, name), &client);
    }
    let all = spans.0.iter();
    let sent = all.filter(|span| crate::common::op(span) == "mcp.client");
    assert_eq!(sent.count(), expected.len());
}

#[tokio::test]
async fn a_list_of_several_pages_is_a_span_for_each() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let tools = pair.client.traced().list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["echo", "fails"]);
    let spans = rig.spans();
    let pages = spans.all("tools/list");
    let pages: Vec<_> = pages
        .filter(|span| crate::common::op(span) == "mcp.client")
        .map(|span| attribute(span, "mcp.pagination.cursor.present"))
        .collect();
    assert_eq!(pages, [json!(false), json!(true)]);
}

#[tokio::test]
async fn inputs_and_outputs_need_the_users_consent() {
    let prompt = || {
        let prompt = GetPromptRequestParams::new("triage");
        prompt.with_arguments(arguments(json!({ "index": "main", "rows": 3 })))
    };
    let read = || ReadResourceRequestParams::new("splunk://me@host/a?user=bob#x");
    for (pii, uri, index, rows) in [
        (
            PII,
            "splunk://me@host/a?user=bob#x",
            json!("main"),
            json!("3"),
        ),
        (NO_PII, "host/a", Json::Null, Json::Null),
    ] {
        let rig = Rig::new(&[pii]);
        let pair = Pair::legacy().await;
        let client = pair.client.traced();
        client.get_prompt(prompt()).await.unwrap();
        client.read_resource(read()).await.unwrap();
        let call = CallToolRequestParams::new("echo");
        let call = call.with_arguments(arguments(json!({ "index": "main" })));
        client.call_tool(call).await.unwrap();
        let spans = rig.spans();
        let expected = json!({
            "gen_ai.prompt.variable.index": index,
            "gen_ai.prompt.variable.rows": rows,
        });
        assert_has(&request(&spans, "prompts/get triage"), expected);
        // The sanitizer has its say about credentials in URIs, whatever the settings.
        let found = attribute(&request(&spans, "resources/read"), "mcp.resource.uri");
        if pii == NO_PII {
            assert_eq!(found, uri);
            let expected = json!({
                "gen_ai.tool.call.arguments": null,
                "gen_ai.tool.call.result": null,
                "mcp.tool.result.content": null,
                "mcp.tool.result.content_count": 1,
            });
            assert_has(&request(&spans, "tools/call echo"), expected);
        } else {
            assert!(found.as_str().unwrap().contains("user=bob"), "{found}");
        }
    }
}

#[tokio::test]
async fn a_request_sent_as_it_is_tells_its_id() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let client = pair.client.traced();
    for id in ["1", "2"] {
        let call = crate::common::server::request("tools/call", json!({ "name": "echo" }));
        client.send_request(call).await.unwrap();
        let spans = rig.spans();
        let mut found = spans.all("tools/call echo").filter(|span| {
            crate::common::op(span) == "mcp.client" && attribute(span, "mcp.request.id") == id
        });
        let span = found.next().expect("a span with the id");
        assert_has(span, json!({ "jsonrpc.request.id": id }));
        // The server has the same id for it.
        let all = spans.all("tools/call echo");
        let mut served = all.filter(|span| crate::common::op(span) == "mcp.server");
        assert!(served.any(|span| attribute(span, "mcp.request.id") == id));
    }
}

#[tokio::test]
async fn a_custom_method_stands_on_the_span_and_not_in_its_name() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let custom = CustomRequest::new("acme/reindex", Some(json!({ "index": "main" })));
    let custom = ClientRequest::CustomRequest(custom);
    // The host has no such method.
    pair.client.traced().send_request(custom).await.unwrap_err();
    let span = request(&rig.spans(), "_OTHER");
    assert_has(
        &span,
        json!({ "mcp.method.name": "acme/reindex", "error.type": "-32601" }),
    );
}

#[tokio::test]
async fn discovery_tells_what_the_server_speaks() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::modern().await;
    let meta = pair.wire.meta("server/discover");
    let meta: RequestMetaObject = serde_json::from_value(meta).unwrap();
    pair.client.traced().discover(meta).await.unwrap();
    let span = request(&rig.spans(), "server/discover");
    let versions = attribute(&span, "mcp.discovery.protocol_versions");
    assert!(versions.as_str().unwrap().contains("2026-07-28"));
    assert_has(&span, json!({ "mcp.protocol.version": "2026-07-28" }));
}

#[tokio::test]
async fn the_transport_is_what_the_app_says() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let client = pair.client.traced();
    client.list_prompts(None).await.unwrap();
    let http = client.with_transport(McpTransport::Http);
    http.list_resources(None).await.unwrap();
    let stdio = client.with_transport(McpTransport::Stdio);
    stdio.ping().await.unwrap();
    let spans = rig.spans();
    for (name, transport, network, protocol) in [
        ("prompts/list", Json::Null, Json::Null, Json::Null),
        ("resources/list", json!("http"), json!("tcp"), json!("http")),
        ("ping", json!("stdio"), json!("pipe"), Json::Null),
    ] {
        let expected = json!({
            "mcp.transport": transport,
            "network.transport": network,
            "network.protocol.name": protocol,
        });
        assert_has(&request(&spans, name), expected);
    }
}

#[tokio::test]
async fn without_a_destination_calls_work_and_carry_nothing() {
    let _rig = Rig::idle();
    let pair = Pair::legacy().await;
    let call = CallToolRequestParams::new("echo");
    let answer = pair.client.traced().call_tool(call).await.unwrap();
    assert_eq!(answer.content.len(), 1);
    assert_eq!(pair.wire.meta("tools/call")["traceparent"], Json::Null);
}
