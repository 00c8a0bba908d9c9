//! What results of tools, resources and prompts say.

use mcp_telemetry::opentelemetry::trace::Status;
use serde_json::{Value as Json, json};

use crate::common::expected::{NO_PII, PII, answered, server_span, with};
use crate::common::raw::{LEGACY, MODERN, Wrapper, result};
use crate::common::scripted::Scripted;
use crate::common::{Rig, assert_attributes};

/// Sends one request to a server that answers so, through both wrappers, and compares the
/// span of this name.
async fn check(
    pii: (&str, &str),
    (method, params, answer): (&'static str, Json, Json),
    name: &str,
    expected: Json,
) {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[pii]);
        let server = Scripted::new().result(method, answer.clone());
        let mut raw = wrapper.serve(server).open(LEGACY).await;
        let message = raw.ask(method, params.clone()).await;
        result(&message);
        let span = rig.spans().one(name);
        assert_eq!(span.status, Status::Unset, "{wrapper:?}");
        assert_attributes(&span, answered(method, "1", expected.clone()));
    }
}

#[tokio::test]
async fn a_resource_says_how_large_it_is_and_of_which_types() {
    let uri = "splunk://me@indexes/main?user=bob";
    let text = |mime: &str| json!({ "uri": uri, "mimeType": mime, "text": "größe" });
    let blob = json!({ "uri": uri, "mimeType": "application/zip", "blob": "AAAA" });
    let bare = json!({ "uri": uri, "text": "" });
    let cases = [
        (
            json!([text("text/plain"), blob, text("text/plain"), bare]),
            // Bytes of UTF-8, and of the blob as it is sent.
            json!({
                "mcp.resource.size_bytes": 7 + 4 + 7,
                "mcp.resource.result.mime_types": "application/zip,text/plain",
            }),
        ),
        (json!([bare]), json!({ "mcp.resource.size_bytes": 0 })),
        (json!([]), json!({ "mcp.resource.size_bytes": 0 })),
    ];
    for (contents, facts) in cases {
        // User information may be a password: the sanitizer takes it out of every URL.
        let sanitized = "splunk://***REDACTED***@indexes/main?user=bob";
        for (pii, shown) in [(PII, sanitized), (NO_PII, "indexes/main")] {
            let both = json!({ "mcp.resource.uri": shown, "mcp.resource.status": "success" });
            let answer = json!({ "contents": contents });
            check(
                pii,
                ("resources/read", json!({ "uri": uri }), answer),
                "resources/read",
                with(both, facts.clone()),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_prompts_text_needs_leave() {
    let text = |role: &str| json!({ "role": role, "content": { "type": "text", "text": "why?" } });
    let image = json!({ "type": "image", "data": "AAAA", "mimeType": "image/png" });
    let picture = json!({ "role": "user", "content": image });
    let cases = [
        (
            json!({ "description": "Triage", "messages": [text("assistant")] }),
            1,
            json!({
                "mcp.prompt.result.description": "Triage",
                "mcp.prompt.result.message_role": "assistant",
                "mcp.prompt.result.message_content": "\"why?\"",
            }),
        ),
        (
            json!({ "messages": [picture] }),
            1,
            json!({
                "mcp.prompt.result.message_role": "user",
                "mcp.prompt.result.message_content":
                    r#"{"type":"image","data":"AAAA","mimeType":"image/png"}"#,
            }),
        ),
        // Of several messages none is the one.
        (
            json!({ "description": "Triage", "messages": [text("user"), text("user")] }),
            2,
            json!({ "mcp.prompt.result.description": "Triage" }),
        ),
        (json!({ "messages": [] }), 0, json!({})),
    ];
    let params = json!({ "name": "triage", "arguments": { "index": "main", "days": "3" } });
    let inputs = json!({
        "gen_ai.prompt.variable.index": "main",
        "gen_ai.prompt.variable.days": "3",
        "mcp.request.argument.index": "\"main\"",
        "mcp.request.argument.days": "\"3\"",
    });
    for (answer, count, outputs) in cases {
        for (pii, gated) in [(PII, with(inputs.clone(), outputs)), (NO_PII, json!({}))] {
            let facts = json!({
                "mcp.prompt.name": "triage",
                "gen_ai.prompt.name": "triage",
                "mcp.prompt.status": "success",
                "mcp.prompt.result.message_count": count,
            });
            check(
                pii,
                ("prompts/get", params.clone(), answer.clone()),
                "prompts/get triage",
                with(facts, gated),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_completion_says_what_is_completed() {
    let argument = json!({ "name": "index", "value": "ma" });
    for (reference, kind) in [
        (
            json!({ "type": "ref/prompt", "name": "triage" }),
            "ref/prompt",
        ),
        (
            json!({ "type": "ref/resource", "uri": "splunk://{index}" }),
            "ref/resource",
        ),
    ] {
        let params = json!({ "ref": reference, "argument": argument });
        check(
            PII,
            ("completion/complete", params, Json::Null),
            "completion/complete",
            json!({ "mcp.completion.reference.type": kind }),
        )
        .await;
    }
}

#[tokio::test]
async fn the_level_of_logging_is_one_of_eight() {
    for level in [
        "debug",
        "info",
        "notice",
        "warning",
        "error",
        "critical",
        "alert",
        "emergency",
    ] {
        check(
            PII,
            ("logging/setLevel", json!({ "level": level }), Json::Null),
            "logging/setLevel",
            json!({ "mcp.logging.requested_level": level }),
        )
        .await;
    }
}

/// A task is a result of the call; what becomes of it is told by `tasks/get`.
#[tokio::test]
async fn a_task_is_a_result_of_its_own_type() {
    let now = "2026-07-28T00:00:00Z";
    let task = json!({
        "taskId": "t", "status": "working", "createdAt": now, "lastUpdatedAt": now,
        "ttlMs": 1000,
    });
    let capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let meta = json!({ "io.modelcontextprotocol/clientCapabilities": capabilities });
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[PII]);
        let created = with(task.clone(), json!({ "resultType": "task" }));
        let polled = with(task.clone(), json!({ "resultType": "complete" }));
        let server = Scripted::new()
            .result("tools/call", created)
            .result("tasks/get", polled);
        let mut raw = wrapper.serve(server).open(MODERN).await;
        let params = json!({ "name": "search", "_meta": meta });
        let message = raw.ask("tools/call", params).await;
        assert_eq!(result(&message)["resultType"], "task");
        let params = json!({ "taskId": "t", "_meta": meta });
        result(&raw.ask("tasks/get", params).await);

        let spans = rig.spans();
        let expected = json!({
            "mcp.protocol.version": MODERN,
            "mcp.tool.name": "search",
            "gen_ai.tool.name": "search",
            "gen_ai.operation.name": "execute_tool",
            "mcp.tool.status": "success",
            "mcp.status": "success",
            "mcp.result.type": "task",
        });
        let span = spans.one("tools/call search");
        assert_attributes(&span, server_span("tools/call", "1", expected));
        let expected = answered("tasks/get", "2", json!({ "mcp.protocol.version": MODERN }));
        assert_attributes(&spans.one("tasks/get"), expected);
    }
}
