//! `TracedHandler` and `TracedService` tell the same of the same requests, with five
//! exceptions. Four are what rmcp does to a request or a result, which the service alone sees;
//! one is what a handler can be asked.

use serde_json::{Value as Json, json};

use crate::common::expected::PII;
use crate::common::raw::{LEGACY, MODERN, Raw, Wrapper};
use crate::common::scripted::Scripted;
use crate::common::server::{LISTED, Server};
use crate::common::{Rig, Spans, assert_has, attributes};

/// All that a span says, but for ids and times.
type Told = (String, String, String, Json);

fn told(spans: &Spans) -> Vec<Told> {
    let told = spans.0.iter().map(|span| {
        (
            span.name.to_string(),
            format!("{:?}", span.span_kind),
            format!("{:?}", span.status),
            attributes(span),
        )
    });
    told.collect()
}

/// Requests that every server here knows, with what they may bring.
fn requests() -> Vec<(&'static str, Json)> {
    let argument = json!({ "name": "index", "value": "ma" });
    vec![
        ("tools/list", Json::Null),
        ("prompts/list", json!({ "cursor": "c" })),
        ("resources/list", Json::Null),
        ("resources/templates/list", Json::Null),
        (
            "completion/complete",
            json!({ "ref": { "type": "ref/resource", "uri": "x://" }, "argument": argument }),
        ),
        ("logging/setLevel", json!({ "level": "alert" })),
        (
            "tools/call",
            json!({ "name": "echo", "arguments": { "query": "index=main" } }),
        ),
        ("tools/call", json!({ "name": "fails" })),
        ("tools/call", json!({ "name": "broken" })),
        ("tools/call", json!({ "name": "refused" })),
        ("tools/call", json!({ "name": "nobody knows it" })),
        (
            "prompts/get",
            json!({ "name": "triage", "arguments": { "index": "main" } }),
        ),
        ("prompts/get", json!({ "name": "nobody knows it" })),
        ("resources/read", json!({ "uri": "splunk://a?b=c" })),
        ("resources/read", json!({ "uri": "file:///etc/passwd" })),
        ("x/custom", json!({ "a": 1 })),
        ("x/custom", Json::Null),
    ]
}

/// What needs a session.
fn of_a_session() -> Vec<(&'static str, Json)> {
    let uri = json!({ "uri": "splunk://a" });
    vec![
        ("ping", Json::Null),
        ("resources/subscribe", uri.clone()),
        ("resources/unsubscribe", uri),
    ]
}

async fn run(wrapper: Wrapper, version: &str, requests: &[(&str, Json)]) -> Vec<Told> {
    let rig = Rig::new(&[PII, ("MCP_TELEMETRY_NOTIFICATIONS", "all")]);
    let mut raw = wrapper.serve(Server::default()).open(version).await;
    for (method, params) in requests {
        raw.ask(method, params.clone()).await;
    }
    notify(&mut raw).await;
    let last = |spans: &Spans| spans.all("notifications/roots/list_changed").count() == 1;
    told(&rig.wait(last).await)
}

async fn notify(raw: &mut Raw) {
    let progress = json!({ "progressToken": "t", "progress": 1, "total": 3, "message": "m" });
    raw.notify("notifications/progress", progress).await;
    let cancelled = json!({ "requestId": "r", "reason": "enough" });
    raw.notify("notifications/cancelled", cancelled).await;
    raw.notify("notifications/roots/list_changed", Json::Null)
        .await;
}

#[tokio::test]
async fn they_tell_the_same() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", LEGACY] {
        let requests = [requests(), of_a_session()].concat();
        let [handler, service] = Wrapper::BOTH.map(|it| run(it, version, &requests));
        let (handler, service) = (handler.await, service.await);
        assert!(handler.len() > requests.len(), "{handler:?}");
        assert_eq!(handler, service, "{version}");
    }
}

/// First exception: since 2026-07-28 rmcp writes cache hints into results that have none.
#[tokio::test]
async fn but_for_the_cache_hints_that_rmcp_fills_in() {
    let without_hints = |told: Vec<Told>| {
        let told = told.into_iter().map(|(name, kind, status, mut all)| {
            let attributes = all.as_object_mut().unwrap();
            let hints = ["mcp.cache.ttl_ms", "mcp.cache.scope"].map(|it| attributes.remove(it));
            ((name, kind, status, all), hints)
        });
        told.unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let requests = requests();
    let handler = run(Wrapper::Handler, MODERN, &requests).await;
    let service = run(Wrapper::Service, MODERN, &requests).await;
    let (handler, of_handler) = without_hints(handler);
    let (service, of_service) = without_hints(service);
    assert_eq!(handler, service);
    let none = [None, None];
    assert!(of_handler.iter().all(|hints| *hints == none));
    let filled = [Some(json!(0)), Some(json!("private"))];
    let filled = of_service.iter().filter(|hints| **hints == filled).count();
    // Four lists, and a resource.
    assert_eq!(filled, 5, "{service:?}");
}

/// Second exception: before 2026-07-28 structured content is an object; rmcp writes what is none
/// as text.
#[tokio::test]
async fn but_for_content_that_rmcp_rewrites() {
    let answer = json!({ "content": [], "structuredContent": [1, 2] });
    for (version, of_service) in [(LEGACY, 1), (MODERN, 0)] {
        for (wrapper, count) in [(Wrapper::Handler, 0), (Wrapper::Service, of_service)] {
            let rig = Rig::new(&[PII]);
            let server = Scripted::new().result("tools/call", answer.clone());
            let mut raw = wrapper.serve(server).open(version).await;
            raw.call("search").await;
            let expected = json!({ "mcp.tool.result.content_count": count });
            assert_has(&rig.spans().one("tools/call search"), expected);
        }
    }
}

/// Third exception: results that rmcp turns into errors, since the client could not read
/// them.
#[tokio::test]
async fn but_for_results_that_rmcp_refuses() {
    let now = "2026-07-28T00:00:00Z";
    let task = json!({
        "resultType": "task", "taskId": "t", "status": "working", "createdAt": now,
        "lastUpdatedAt": now, "ttlMs": 1000,
    });
    let asks = json!({ "resultType": "input_required", "requestState": "s" });
    for (answer, version, kind, code) in [
        (asks, LEGACY, "input_required", "-32600"),
        (task, MODERN, "task", "-32021"),
    ] {
        for wrapper in Wrapper::BOTH {
            let rig = Rig::new(&[PII]);
            let server = Scripted::new().result("tools/call", answer.clone());
            let mut raw = wrapper.serve(server).open(version).await;
            let message = raw.call("search").await;
            assert_eq!(message["error"]["code"].to_string(), code, "{message}");
            let spans = rig.spans();
            let expected = match wrapper {
                Wrapper::Handler => ("tools/call search", json!(kind), Json::Null),
                Wrapper::Service => ("tools/call _OTHER", Json::Null, json!(code)),
            };
            let (name, kind, code) = expected;
            let span = spans.one(name);
            let expected = json!({ "mcp.result.type": kind, "rpc.response.status_code": code });
            assert_has(&span, expected);
        }
    }
}

/// Fourth exception: requests that rmcp refuses before any handler sees them.
#[tokio::test]
async fn but_for_requests_that_rmcp_refuses() {
    let plain = || Server {
        plain: true,
        ..Server::default()
    };
    for (method, params) in [
        ("tasks/get", json!({ "taskId": "t" })),
        ("tasks/cancel", json!({ "taskId": "t" })),
        ("skills/list", Json::Null),
    ] {
        for (wrapper, seen) in [(Wrapper::Handler, 0), (Wrapper::Service, 1)] {
            let rig = Rig::new(&[PII]);
            let mut raw = wrapper.serve(plain()).open(LEGACY).await;
            let message = raw.ask(method, params.clone()).await;
            assert_eq!(message["error"]["code"], -32_601, "{message}");
            assert_eq!(
                rig.spans().all(method).count(),
                seen,
                "{wrapper:?} {method}"
            );
        }
    }
}

/// Fifth exception: a handler can be asked whether a tool exists, so that one which has never
/// answered has its name in the span's.
#[tokio::test]
async fn but_for_tools_that_have_never_answered() {
    for (wrapper, name) in [
        (Wrapper::Handler, "tools/call listed"),
        (Wrapper::Service, "tools/call _OTHER"),
    ] {
        let rig = Rig::new(&[PII]);
        let mut raw = wrapper.serve(Server::default()).open(LEGACY).await;
        let message = raw.call(LISTED).await;
        assert_eq!(message["error"]["code"], -32_603, "{message}");
        let span = rig.spans().one(name);
        assert_has(&span, json!({ "mcp.tool.name": LISTED }));
    }
}
