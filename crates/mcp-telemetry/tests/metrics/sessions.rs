//! `mcp.server.session.duration`: one for each session that began, at its end.

use mcp_telemetry::{TracedHandler, TracedService};
use rmcp::model::Extensions;
use serde_json::{Value as Json, json};

use crate::common::Live;
use crate::common::raw::{LEGACY, MODERN, Raw, Wrapper, result};
use crate::common::server::{Server, WithExtension};
use crate::{expected, metric, points};

const DURATION: &str = "mcp.server.session.duration";

fn labels(version: &str) -> Json {
    json!({ "mcp.protocol.version": version, "network.transport": "pipe" })
}

#[tokio::test]
async fn each_session_counts_at_its_end() {
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[]);
        for version in [LEGACY, LEGACY, "2024-11-05"] {
            let mut raw = wrapper.serve(Server::default()).open(version).await;
            for _ in 0..3 {
                result(&raw.call("echo").await);
            }
            // Said twice, it is one session all the same.
            raw.notify("notifications/initialized", Json::Null).await;
            result(&raw.ask("ping", Json::Null).await);
            raw.close().await;
        }
        let open = {
            let mut raw = wrapper.serve(Server::default()).open(LEGACY).await;
            result(&raw.call("echo").await);
            raw
        };
        let received = live.finish();
        // The last one has not ended.
        let all = expected([(labels(LEGACY), 2), (labels("2024-11-05"), 1)]);
        assert_eq!(points(&received, DURATION), all, "{wrapper:?}");
        let metric = metric(&received, DURATION).unwrap();
        assert_eq!(metric.unit, "s");
        for point in &metric.points {
            let bounds = &point.histogram().unwrap().bounds;
            assert_eq!(bounds.first(), Some(&0.01));
            assert_eq!(bounds.last(), Some(&300.0));
        }
        open.close().await;
    }
}

/// A server instance that answers one request, as for HTTP without sessions.
#[tokio::test]
async fn without_initialized_there_is_none() {
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[]);
        let mut raw = wrapper.serve(Server::default());
        result(&raw.initialize(LEGACY).await);
        raw.close().await;
        let received = live.finish();
        assert_eq!(points(&received, DURATION), []);
        // Something was measured.
        assert!(metric(&received, "mcp.server.operation.duration").is_some());
    }
}

#[tokio::test]
async fn newer_clients_have_none() {
    for wrapper in Wrapper::BOTH {
        let live = Live::measured(&[]);
        let mut raw = wrapper.serve(Server::default()).open(MODERN).await;
        result(&raw.ask("server/discover", Json::Null).await);
        result(&raw.call("echo").await);
        // There is no such notification any more; it begins nothing.
        raw.notify("notifications/initialized", Json::Null).await;
        result(&raw.call("echo").await);
        raw.close().await;
        let received = live.finish();
        assert_eq!(points(&received, DURATION), []);
        assert!(metric(&received, "mcp.server.operation.duration").is_some());
    }
}

/// A factory that makes its servers by cloning one: each copy serves a session of its own.
#[tokio::test]
async fn copies_of_a_server_have_their_own() {
    let live = Live::measured(&[]);
    let handler = TracedHandler::new(Server::default());
    let service = TracedService::new(Server::default());
    for _ in 0..2 {
        let raws = [Raw::connect(handler.clone()), Raw::connect(service.clone())];
        for raw in raws {
            let mut raw = raw.open(LEGACY).await;
            result(&raw.call("echo").await);
            raw.close().await;
        }
    }
    drop((handler, service));
    let received = live.finish();
    assert_eq!(points(&received, DURATION), [(labels(LEGACY), 4)]);
}

#[tokio::test]
async fn the_session_is_no_label() {
    let live = Live::measured(&[]);
    let post = http::Request::post("/mcp").header("mcp-session-id", "191c4850af6c");
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
    let labels = json!({
        "mcp.protocol.version": LEGACY,
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
    });
    assert_eq!(points(&received, DURATION), [(labels, 1)]);
}
