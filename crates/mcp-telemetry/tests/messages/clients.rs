//! Who the client is: told by each request since 2026-07-28, by the session before.

use serde_json::json;

use crate::common::expected::NO_PII;
use crate::common::raw::{LEGACY, MODERN, Wrapper};
use crate::common::scripted::Scripted;
use crate::common::{Rig, assert_has};

fn server() -> Scripted {
    Scripted::new().result("tools/call", json!({ "content": [] }))
}

#[tokio::test]
async fn each_request_says_who_asks() {
    let key = "io.modelcontextprotocol/clientInfo";
    let clients = [
        json!({ "name": "first", "version": "1", "title": "The First" }),
        json!({ "name": "second", "version": "2" }),
    ];
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = wrapper.serve(server()).open(MODERN).await;
        for client in &clients {
            let params = json!({ "name": "search", "_meta": { key: client } });
            raw.ask("tools/call", params).await;
        }
        // One that does not say it: nobody else's name stands for it.
        let params = json!({ "name": "search", "_meta": { key: null } });
        raw.ask("tools/call", params).await;
        let spans = rig.spans();
        let found: Vec<_> = spans.all("tools/call search").collect();
        let expected = [
            json!({
                "mcp.client.name": "first",
                "mcp.client.version": "1",
                "mcp.client.title": "The First",
            }),
            json!({
                "mcp.client.name": "second",
                "mcp.client.version": "2",
                "mcp.client.title": null,
            }),
            json!({
                "mcp.client.name": null,
                "mcp.client.version": null,
                "mcp.client.title": null,
            }),
        ];
        assert_eq!(found.len(), expected.len());
        for (span, expected) in found.into_iter().zip(expected) {
            assert_has(span, expected);
            assert_has(span, json!({ "mcp.protocol.version": MODERN }));
        }
    }
}

#[tokio::test]
async fn a_session_knows_its_client() {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = wrapper.serve(server()).open(LEGACY).await;
        for _ in 0..2 {
            raw.call("search").await;
        }
        let spans = rig.spans();
        assert_eq!(spans.all("tools/call search").count(), 2);
        for span in spans.all("tools/call search") {
            let expected = json!({
                "mcp.client.name": "inspector",
                "mcp.client.version": "0.9",
                "mcp.client.title": "Inspector",
                "mcp.protocol.version": LEGACY,
            });
            assert_has(span, expected);
        }
    }
}

/// A client may call itself anything.
#[tokio::test]
async fn long_names_are_cut() {
    let long = "ü".repeat(10_000);
    let cut = format!("{}…", "ü".repeat(126));
    let client = json!({ "name": long, "version": long, "title": long });
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = wrapper.serve(server()).open(MODERN).await;
        let meta = json!({ "io.modelcontextprotocol/clientInfo": client });
        let params = json!({ "name": "search", "_meta": meta });
        raw.ask("tools/call", params).await;
        let expected = json!({
            "mcp.client.name": cut,
            "mcp.client.version": cut,
            "mcp.client.title": cut,
        });
        assert_has(&rig.spans().one("tools/call search"), expected);
    }
}
