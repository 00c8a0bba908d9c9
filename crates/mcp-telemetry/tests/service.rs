//! `TracedService` between the real rmcp client and a server: it sees what rmcp itself refuses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod common;

use common::expected::{NO_PII, PII, answered};
use common::server::{Connection, LISTED, Server, request};
use common::{Rig, Spans, assert_attributes, assert_has, assert_root, failed};
use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use mcp_telemetry::{TracedHandler, TracedService};
use rmcp::service::PeerRequestOptions;
use rmcp::{ErrorData, ServiceError};
use serde_json::{Value as Json, json};

/// A server without tasks and skills.
fn plain() -> Server {
    Server {
        plain: true,
        ..Server::default()
    }
}

fn code(answer: Result<rmcp::model::ServerResult, ServiceError>) -> i32 {
    match answer {
        Err(ServiceError::McpError(ErrorData { code, .. })) => code.0,
        other => panic!("an error was expected: {other:?}"),
    }
}

#[tokio::test]
async fn every_method_has_its_span() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedService::new(Server::default())).await;
    let resource = json!({ "uri": "splunk://a" });
    let cases = [
        ("ping", Json::Null, "ping"),
        (
            "completion/complete",
            json!({ "ref": { "type": "ref/prompt", "name": "triage" },
                    "argument": { "name": "a", "value": "b" } }),
            "completion/complete",
        ),
        (
            "logging/setLevel",
            json!({ "level": "info" }),
            "logging/setLevel",
        ),
        ("prompts/list", Json::Null, "prompts/list"),
        ("resources/list", Json::Null, "resources/list"),
        (
            "resources/templates/list",
            Json::Null,
            "resources/templates/list",
        ),
        (
            "resources/subscribe",
            resource.clone(),
            "resources/subscribe",
        ),
        ("resources/unsubscribe", resource, "resources/unsubscribe"),
        ("tools/list", Json::Null, "tools/list"),
        ("tasks/get", json!({ "taskId": "t" }), "tasks/get"),
        (
            "tasks/update",
            json!({ "taskId": "t", "inputResponses": {} }),
            "tasks/update",
        ),
        ("tasks/cancel", json!({ "taskId": "t" }), "tasks/cancel"),
        ("skills/list", Json::Null, "skills/list"),
        (
            "skills/get",
            json!({ "uri": "skill://triage/SKILL.md" }),
            "skills/get",
        ),
        (
            "resources/directory/read",
            json!({ "uri": "skill://triage/" }),
            "resources/directory/read",
        ),
        ("x/steal?token=1", json!({}), "_OTHER"),
    ];
    for (id, (method, params, name)) in (1..).zip(cases) {
        let _ = connection.send(method, params).await;
        let spans = rig.spans();
        let span = spans.one(name);
        assert_root(&span);
        assert_eq!(span.span_kind, SpanKind::Server);
        let expected = json!({ "mcp.method.name": name, "mcp.request.id": id.to_string() });
        assert_has(&span, expected);
        // The handshake has two.
        assert_eq!(spans.len(), id + 2, "{method}");
    }
}

/// Requests that no handler sees: each has a span here, and none with `TracedHandler`.
#[tokio::test]
async fn what_rmcp_refuses_has_a_span_with_the_code_on_the_wire() {
    let unknown_version = json!({
        "name": "echo",
        "_meta": { "io.modelcontextprotocol/protocolVersion": "1999-01-01" },
    });
    let cases = [
        ("tasks/get", json!({ "taskId": "t" }), "tasks/get", -32_601),
        ("skills/list", Json::Null, "skills/list", -32_601),
        ("tools/call", unknown_version, "tools/call _OTHER", -32_022),
    ];
    for (method, params, name, expected) in cases {
        let rig = Rig::new(&[NO_PII]);
        let connection = Connection::legacy(TracedService::new(plain())).await;
        assert_eq!(
            code(connection.send(method, params.clone()).await),
            expected
        );
        let span = rig.spans().one(name);
        // The caller's fault, each of them.
        assert_eq!(span.status, Status::Unset, "{method}");
        assert_has(
            &span,
            json!({ "rpc.response.status_code": expected.to_string(), "error.type": null }),
        );
        drop((connection, rig));

        let rig = Rig::new(&[NO_PII]);
        let connection = Connection::legacy(TracedHandler::new(plain())).await;
        assert_eq!(code(connection.send(method, params).await), expected);
        let names = ["initialize", "notifications/initialized"];
        assert_eq!(rig.spans().names(), names);
    }
}

#[tokio::test]
async fn a_result_that_rmcp_turns_into_an_error_is_one() {
    let rig = Rig::new(&[NO_PII]);
    // Before 2026-07-28 a server cannot ask.
    let connection = Connection::legacy(TracedService::new(Server::default())).await;
    assert_eq!(code(connection.call("asks").await), -32_600);
    let expected = json!({
        "rpc.response.status_code": "-32600",
        "mcp.tool.status": "error",
    });
    assert_has(&rig.spans().one("tools/call _OTHER"), expected);
}

#[tokio::test]
async fn how_a_tool_ends() {
    let cases = [
        (
            "fails",
            "fails",
            failed("the tool answered with an error"),
            "error",
            json!("tool_error"),
        ),
        (
            "broken",
            "_OTHER",
            failed("the disk is full"),
            "error",
            json!("-32603"),
        ),
        ("refused", "_OTHER", Status::Unset, "error", Json::Null),
        ("echo", "echo", Status::Unset, "success", Json::Null),
    ];
    for (tool, label, status, told, error) in cases {
        let rig = Rig::new(&[NO_PII]);
        let connection = Connection::legacy(TracedService::new(Server::default())).await;
        let _ = connection.call(tool).await;
        let spans = rig.spans();
        let both = ["tools/call", "mcp.tool"].map(|name| {
            let separator = if name == "mcp.tool" { "." } else { " " };
            spans.one(&format!("{name}{separator}{label}"))
        });
        for span in both {
            assert_eq!(span.status, status, "{tool}");
            assert_has(
                &span,
                json!({ "mcp.tool.status": told, "error.type": error }),
            );
        }
    }
}

#[tokio::test]
async fn cancelled_and_panicked() {
    let rig = Rig::new(&[NO_PII]);
    let server = Server::default();
    let connection = Connection::legacy(TracedService::new(server.clone())).await;
    let start = async |tool: &str| {
        let call = request("tools/call", json!({ "name": tool }));
        let options = PeerRequestOptions::no_options();
        connection
            .client
            .send_cancellable_request(call, options)
            .await
            .unwrap()
    };
    let call = start("waits").await;
    server.started.notified().await;
    call.cancel(None).await.unwrap();
    let _call = start("panics").await;
    let spans = rig
        .wait(|spans| spans.all("tools/call _OTHER").count() == 2)
        .await;
    let told = |spans: &Spans, name: &str| {
        let spans = spans.all(name);
        let mut told: Vec<_> = spans
            .map(|span| {
                (
                    common::attribute(span, "mcp.tool.status"),
                    span.status.clone(),
                )
            })
            .collect();
        told.sort_by_key(|(status, _)| status.to_string());
        told
    };
    let expected = vec![
        (json!("cancelled"), Status::Unset),
        (json!("error"), failed("the handler panicked")),
    ];
    assert_eq!(told(&spans, "tools/call _OTHER"), expected);
    assert_eq!(told(&spans, "mcp.tool._OTHER"), expected);
}

/// The service cannot ask what tools there are: an answer tells.
#[tokio::test]
async fn a_tool_is_known_by_its_answer_alone() {
    let rig = Rig::new(&[NO_PII]);
    let connection = Connection::legacy(TracedService::new(Server::default())).await;
    connection.call("echo").await.unwrap();
    assert!(connection.call(LISTED).await.is_err());
    let spans = rig.spans();
    spans.one("tools/call echo");
    spans.one("mcp.tool.echo");
    spans.one("tools/call _OTHER");
    let other = spans.one("mcp.tool._OTHER");
    assert_has(&other, json!({ "mcp.tool.name": LISTED }));
}

#[tokio::test]
async fn a_custom_request_says_nothing_of_its_method() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::legacy(TracedService::new(Server::default())).await;
    connection
        .send("x/bob@example.com", json!({}))
        .await
        .unwrap();
    let expected = answered("_OTHER", "1", json!({}));
    assert_attributes(&rig.spans().one("_OTHER"), expected);
}
