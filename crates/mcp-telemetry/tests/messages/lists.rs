//! Lists, and what a server and a client say of themselves.

use serde_json::{Value as Json, json};

use crate::common::expected::{NO_PII, answered, server_span, with};
use crate::common::raw::{LEGACY, MODERN, Wrapper, code, result};
use crate::common::scripted::Scripted;
use crate::common::{Rig, assert_attributes};

const CAPABILITIES: &str = "completions,extensions,logging,prompts,resources,tools";

/// Each method that lists, the name of its list, and an item of it.
fn lists() -> [(&'static str, &'static str, Json); 4] {
    [
        (
            "tools/list",
            "tools",
            json!({ "name": "search", "inputSchema": { "type": "object" } }),
        ),
        ("prompts/list", "prompts", json!({ "name": "triage" })),
        (
            "resources/list",
            "resources",
            json!({ "uri": "splunk://a", "name": "a" }),
        ),
        (
            "resources/templates/list",
            "resourceTemplates",
            json!({ "uriTemplate": "splunk://{index}", "name": "index" }),
        ),
    ]
}

#[tokio::test]
async fn a_page_says_where_it_stands() {
    for wrapper in Wrapper::BOTH {
        for (method, field, item) in lists() {
            for (cursor, next) in [(false, false), (false, true), (true, true), (true, false)] {
                let rig = Rig::new(&[NO_PII]);
                let next_cursor = next.then_some("opaque-2");
                let mut page = json!({ "nextCursor": next_cursor });
                page[field] = json!([item, item]);
                let server = Scripted::new().result(method, with(page, json!({})));
                let mut raw = wrapper.serve(server).open(LEGACY).await;
                let params = match cursor {
                    true => json!({ "cursor": "opaque-1" }),
                    false => Json::Null,
                };
                result(&raw.ask(method, params).await);
                let spans = rig.spans();
                let facts = json!({
                    "mcp.result.count": 2,
                    "mcp.pagination.cursor.present": cursor,
                    "mcp.pagination.next_cursor.present": next,
                });
                assert_attributes(&spans.one(method), answered(method, "1", facts));
                // A cursor may hold anything.
                assert!(!format!("{spans:?}").contains("opaque"), "{spans:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_result_says_how_long_it_may_be_cached() {
    for wrapper in Wrapper::BOTH {
        let read = json!({ "contents": [] });
        let reading = ("resources/read", json!({ "uri": "splunk://a" }), read);
        let listing = lists().map(|(method, field, _)| {
            let mut page = json!({});
            page[field] = json!([]);
            (method, json!({}), page)
        });
        for (method, params, answer) in listing.into_iter().chain([reading]) {
            for (hints, ttl, scope) in [
                (
                    json!({ "ttlMs": 60_000, "cacheScope": "public" }),
                    json!(60_000),
                    json!("public"),
                ),
                (
                    json!({ "ttlMs": u32::MAX, "cacheScope": "private" }),
                    json!(u32::MAX),
                    json!("private"),
                ),
            ] {
                let rig = Rig::new(&[NO_PII]);
                let server = Scripted::new().result(method, with(answer.clone(), hints));
                let mut raw = wrapper.serve(server).open(MODERN).await;
                result(&raw.ask(method, params.clone()).await);
                let facts = match method {
                    "resources/read" => json!({
                        "mcp.resource.uri": "splunk://a",
                        "mcp.resource.status": "success",
                        "mcp.resource.size_bytes": 0,
                    }),
                    _ => json!({
                        "mcp.result.count": 0,
                        "mcp.pagination.cursor.present": false,
                        "mcp.pagination.next_cursor.present": false,
                    }),
                };
                let facts = with(
                    facts,
                    json!({
                        "mcp.protocol.version": MODERN,
                        "mcp.cache.ttl_ms": ttl,
                        "mcp.cache.scope": scope,
                    }),
                );
                let span = rig.spans().one(method);
                assert_attributes(&span, answered(method, "1", facts));
            }
        }
    }
}

#[tokio::test]
async fn initialize_says_who_meets_whom() {
    // Asked for, agreed on.
    let cases = [
        ("2024-11-05", "2024-11-05"),
        (LEGACY, LEGACY),
        // It has no `initialize`, or nobody knows it: the newest that has one.
        (MODERN, LEGACY),
        ("1999-01-01", LEGACY),
    ];
    for wrapper in Wrapper::BOTH {
        for (asked, agreed) in cases {
            let rig = Rig::new(&[NO_PII]);
            let mut raw = wrapper.serve(Scripted::new());
            let answer = raw.initialize(asked).await;
            assert_eq!(result(&answer)["protocolVersion"], agreed);
            let facts = json!({
                "mcp.protocol.version": agreed,
                "mcp.client.capabilities": "roots,sampling",
                "mcp.server.capabilities": CAPABILITIES,
            });
            let span = rig.spans().one("initialize");
            assert_attributes(&span, answered("initialize", "0", facts));
        }
    }
}

#[tokio::test]
async fn discover_says_what_there_is() {
    let capabilities = json!({ "sampling": {}, "elicitation": {} });
    let meta = json!({ "io.modelcontextprotocol/clientCapabilities": capabilities });
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = wrapper.serve(Scripted::new()).open(MODERN).await;
        let params = json!({ "_meta": meta });
        let answer = raw.ask("server/discover", params).await;
        let answer = result(&answer);
        let facts = json!({
            "mcp.protocol.version": MODERN,
            "mcp.client.capabilities": "elicitation,sampling",
            "mcp.server.capabilities": CAPABILITIES,
            "mcp.discovery.protocol_versions":
                "2024-11-05,2025-03-26,2025-06-18,2025-11-25,2026-07-28",
            "mcp.cache.ttl_ms": answer["ttlMs"],
            "mcp.cache.scope": answer["cacheScope"],
        });
        assert!(answer["ttlMs"].is_u64(), "{answer}");
        let span = rig.spans().one("server/discover");
        assert_attributes(&span, answered("server/discover", "1", facts));
    }
}

/// What was removed in 2026-07-28 is refused by rmcp itself.
#[tokio::test]
async fn methods_of_older_versions_alone() {
    let uri = json!({ "mcp.resource.uri": "splunk://a" });
    let cases = [
        ("ping", json!({}), json!({})),
        (
            "resources/subscribe",
            json!({ "uri": "splunk://a" }),
            uri.clone(),
        ),
        ("resources/unsubscribe", json!({ "uri": "splunk://a" }), uri),
    ];
    for (method, params, facts) in cases {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = Wrapper::Service.serve(Scripted::new()).open(MODERN).await;
        // The first request opens the connection.
        raw.call("any").await;
        let answer = raw.ask(method, params).await;
        assert_eq!(code(&answer), -32_601);
        let refused = json!({
            "mcp.protocol.version": MODERN,
            "mcp.status": "error",
            "rpc.response.status_code": "-32601",
        });
        let span = rig.spans().one(method);
        assert_attributes(&span, server_span(method, "2", with(refused, facts)));
    }
}
