//! Each method: the names and attributes of its spans.

use mcp_telemetry::TracedHandler;
use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use serde_json::{Value as Json, json};

use crate::common::expected::{NO_PII, PII, answered, execution_span, with};
use crate::common::server::{Connection, LISTED, Server};
use crate::common::{Rig, assert_attributes, assert_child, assert_has, assert_root, attribute};

#[tokio::test]
async fn a_tool_call_is_a_server_span_and_an_execution_span() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let params = json!({ "name": "echo", "arguments": { "query": "index=main", "count": 3 } });
    connection.send("tools/call", params).await.unwrap();

    let spans = rig.spans();
    assert_eq!(
        spans.names(),
        [
            "initialize",
            "notifications/initialized",
            "mcp.tool.echo",
            "tools/call echo"
        ]
    );
    let (server, execution) = (spans.one("tools/call echo"), spans.one("mcp.tool.echo"));
    assert_root(&server);
    assert_child(&execution, &server);
    assert_eq!(server.span_kind, SpanKind::Server);
    assert_eq!(execution.span_kind, SpanKind::Internal);
    assert_eq!(server.status, Status::Unset);
    assert_eq!(execution.status, Status::Unset);
    let result = r#"[{"type":"text","text":"hello"}]"#;
    let expected = json!({
        "mcp.tool.name": "echo",
        "gen_ai.tool.name": "echo",
        "gen_ai.operation.name": "execute_tool",
        "mcp.tool.status": "success",
        "mcp.tool.result.is_error": false,
        "mcp.tool.result.content_count": 1,
        "gen_ai.tool.call.arguments": r#"{"count":3,"query":"index=main"}"#,
        "gen_ai.tool.call.result": result,
        "mcp.tool.result.content": result,
    });
    assert_attributes(&server, answered("tools/call", "1", expected));
    // No `gen_ai.*` here: a tool would count twice.
    let expected = json!({ "mcp.tool.name": "echo", "mcp.tool.status": "success" });
    let expected = execution_span("mcp.tool", "tools/call", "1", expected);
    assert_attributes(&execution, expected);
}

#[tokio::test]
async fn inputs_and_outputs_need_leave() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let params = json!({ "name": "echo", "arguments": { "query": "index=main" } });
    connection.send("tools/call", params).await.unwrap();
    let params = json!({ "uri": "splunk://me:pw@indexes/main?user=bob#top" });
    connection.send("resources/read", params).await.unwrap();

    let spans = rig.spans();
    let without = json!({
        "gen_ai.tool.call.arguments": null,
        "gen_ai.tool.call.result": null,
        "mcp.tool.result.content": null,
        "mcp.tool.result.content_count": 1,
    });
    assert_has(&spans.one("tools/call echo"), without);
    for span in [spans.one("resources/read"), spans.one("mcp.resource")] {
        assert_has(&span, json!({ "mcp.resource.uri": "indexes/main" }));
    }
    assert!(!format!("{spans:?}").contains("index=main"), "{spans:?}");
}

#[tokio::test]
async fn secrets_in_inputs_are_redacted() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let arguments = json!({ "password": "hunter2", "note": "Authorization: Bearer abc123def456" });
    let params = json!({ "name": "echo", "arguments": arguments });
    connection.send("tools/call", params).await.unwrap();

    let spans = rig.spans();
    let arguments = attribute(&spans.one("tools/call echo"), "gen_ai.tool.call.arguments");
    assert!(arguments.to_string().contains("note"), "{arguments}");
    for secret in ["hunter2", "abc123def456"] {
        assert!(!format!("{spans:?}").contains(secret), "{spans:?}");
    }
}

#[tokio::test]
async fn every_method_has_its_span() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let reference = json!({ "type": "ref/prompt", "name": "triage" });
    let argument = json!({ "name": "a", "value": "b" });
    let resource = json!({ "uri": "splunk://a" });
    let task = json!({ "taskId": "t" });
    let none = Json::Null;
    let page = |count: usize| {
        json!({
            "mcp.result.count": count,
            "mcp.pagination.cursor.present": false,
            "mcp.pagination.next_cursor.present": false,
        })
    };
    let uri = json!({ "mcp.resource.uri": "splunk://a" });
    let cases = [
        ("ping", none.clone(), json!({})),
        (
            "completion/complete",
            json!({ "ref": reference, "argument": argument }),
            json!({ "mcp.completion.reference.type": "ref/prompt" }),
        ),
        (
            "logging/setLevel",
            json!({ "level": "info" }),
            json!({ "mcp.logging.requested_level": "info" }),
        ),
        ("prompts/list", none.clone(), page(1)),
        ("resources/list", none.clone(), page(3)),
        ("resources/templates/list", none.clone(), page(0)),
        ("tools/list", none.clone(), page(2)),
        ("resources/subscribe", resource.clone(), uri.clone()),
        ("resources/unsubscribe", resource, uri),
        ("tasks/get", task, json!({})),
        (
            "tasks/update",
            json!({ "taskId": "t", "inputResponses": {} }),
            json!({}),
        ),
        ("skills/list", none, page(0)),
        (
            "skills/get",
            json!({ "uri": "skill://triage/SKILL.md" }),
            json!({}),
        ),
        (
            "resources/directory/read",
            json!({ "uri": "skill://triage/" }),
            json!({ "mcp.result.count": 0, "mcp.pagination.next_cursor.present": false,
                "mcp.resource.uri": "skill://triage/" }),
        ),
        ("x/steal?token=1", json!({}), json!({})),
    ];
    for (id, (method, params, more)) in (1..).zip(cases) {
        let answer = connection.send(method, params).await;
        assert!(answer.is_ok(), "{method}: {answer:?}");
        // A custom method is the client's text: it stands nowhere.
        let name = match method.starts_with("x/") {
            true => "_OTHER",
            false => method,
        };
        let spans = rig.spans();
        let span = spans.one(name);
        assert_root(&span);
        assert_eq!(span.span_kind, SpanKind::Server, "{method}");
        assert_eq!(span.status, Status::Unset, "{method}");
        assert_attributes(&span, answered(name, &id.to_string(), more));
        // The handshake, and one for each request: none of these executes anything.
        assert_eq!(spans.len(), id + 2, "{method}");
    }
    let initialize = rig.spans().one("initialize");
    assert_eq!(initialize.span_kind, SpanKind::Server);
    let expected = json!({
        "mcp.client.capabilities": "extensions",
        "mcp.server.capabilities": "completions,extensions,prompts,resources,tools",
    });
    assert_attributes(&initialize, answered("initialize", "0", expected));
}

#[tokio::test]
async fn a_prompt_executes() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let params = json!({ "name": "triage" });
    connection.send("prompts/get", params).await.unwrap();
    let spans = rig.spans();
    let server = spans.one("prompts/get triage");
    let execution = spans.one("mcp.prompt.triage");
    assert_child(&execution, &server);
    let expected = json!({
        "mcp.prompt.name": "triage",
        "gen_ai.prompt.name": "triage",
        "mcp.prompt.status": "success",
        "mcp.prompt.result.message_count": 2,
    });
    assert_attributes(&server, answered("prompts/get", "1", expected));
    let expected = json!({ "mcp.prompt.name": "triage", "mcp.prompt.status": "success" });
    let expected = execution_span("mcp.prompt", "prompts/get", "1", expected);
    assert_attributes(&execution, expected);
}

#[tokio::test]
async fn a_resource_executes_and_its_uri_stands_in_no_name() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    let uri = "splunk://indexes/main?user=bob";
    let params = json!({ "uri": uri });
    connection.send("resources/read", params).await.unwrap();
    let spans = rig.spans();
    let (server, execution) = (spans.one("resources/read"), spans.one("mcp.resource"));
    assert_child(&execution, &server);
    let expected = json!({ "mcp.resource.uri": uri, "mcp.resource.status": "success" });
    let more = json!({
        "mcp.resource.size_bytes": 4,
        "mcp.resource.result.mime_types": "text/plain",
    });
    let of_server = answered("resources/read", "1", with(expected.clone(), more));
    assert_attributes(&server, of_server);
    let expected = execution_span("mcp.resource", "resources/read", "1", expected);
    assert_attributes(&execution, expected);
}

#[tokio::test]
async fn names_stand_in_span_names_once_they_are_known_to_exist() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    // Known beforehand, so also to the sampler, and when it fails.
    assert!(connection.call(LISTED).await.is_err());
    // Known by its answer.
    connection.call("echo").await.unwrap();
    // Answers with errors prove nothing.
    let made_up = ["made up 0", "made up 1", "made up 2"];
    for tool in made_up {
        assert!(connection.call(tool).await.is_err());
    }
    let missing = json!({ "name": "made up" });
    assert!(connection.send("prompts/get", missing).await.is_err());

    let spans = rig.spans();
    for known in [
        "tools/call listed",
        "mcp.tool.listed",
        "tools/call echo",
        "mcp.tool.echo",
        "prompts/get _OTHER",
        "mcp.prompt._OTHER",
    ] {
        spans.one(known);
    }
    assert_eq!(spans.all("tools/call _OTHER").count(), 3);
    assert!(!spans.names().iter().any(|name| name.contains("made up")));
    // What was asked for is an attribute all the same.
    let names = spans.all("mcp.tool._OTHER");
    let names: Vec<Json> = names.map(|span| attribute(span, "mcp.tool.name")).collect();
    assert_eq!(names, made_up);
}

#[tokio::test]
async fn long_names_are_cut() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedHandler::new(Server::default())).await;
    assert!(connection.call(&"ü".repeat(10_000)).await.is_err());
    let span = rig.spans().one("tools/call _OTHER");
    let cut = format!("{}…", "ü".repeat(126));
    let expected = json!({ "mcp.tool.name": cut, "gen_ai.tool.name": cut });
    assert_has(&span, expected);
}
