//! The HTTP request around a message.

use axum::http::{HeaderValue, Method};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::place::Arrives::{self, Both, Nowhere, Otlp};
use crate::place::{Form, Place};
use crate::world::{World, percent};

pub(crate) const PLACES: &[Place] = &[
    header("authorization header", "authorization", Nowhere),
    header("proxy authorization header", "proxy-authorization", Nowhere),
    header("cookie header", "cookie", Nowhere),
    header("key header", "x-api-key", Nowhere),
    header("header of the app's own", "x-splunk-token", Nowhere),
    header("MCP parameter header", "mcp-param-query", Nowhere),
    header("MCP name header", "mcp-name", Nowhere),
    header("MCP method header", "mcp-method", Nowhere),
    header("forwarded header", "x-forwarded-for", Nowhere),
    header("referer header", "referer", Nowhere),
    header("baggage header", "baggage", Nowhere),
    header("trace parent header that is none", "traceparent", Nowhere),
    header("last event header", "last-event-id", Nowhere),
    header("user agent header", "user-agent", Both).gated(),
    header("host header", "host", Both).form(Form::Name),
    header("request id header", "x-request-id", Both).form(Form::Word),
    header("session header", "mcp-session-id", Both).form(Form::Name),
    header("MCP version header", "mcp-protocol-version", Both).form(Form::Word),
    Place::sent("tracestate header", Otlp, |world, it| {
        Box::pin(with_trace(world, &it.text))
    })
    .form(Form::Name),
    Place::sent("query of a URL", Both, |world, it| {
        let url = format!("{}?note={}", world.url, percent(&it.text));
        Box::pin(to_url(world, url))
    }),
    Place::sent(
        "query of a URL under the secret's name",
        Both,
        |world, it| {
            let secret = percent(&it.secret);
            let url = format!("{}?beside={}&access_token={secret}", world.url, it.word);
            Box::pin(to_url(world, url))
        },
    )
    .form(Form::Named),
    Place::sent("path of a URL", Both, |world, it| {
        let url = format!("{}/{}", world.url, percent(&it.text));
        Box::pin(to_url(world, url))
    }),
    Place::sent("HTTP method", Both, |world, it| {
        let method = Method::from_bytes(it.text.replace('/', "|").as_bytes()).unwrap();
        let url = world.url.clone();
        Box::pin(send(world.http.request(method, url)))
    })
    .form(Form::Name),
];

const fn header(place: &'static str, name: &'static str, arrives: Arrives) -> Place {
    Place::header(place, arrives, name).form(Form::Line)
}

/// Starts a session; gives its id.
pub(crate) async fn open_session(http: &reqwest::Client, url: &str) -> String {
    let hello = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "canary", "version": "1" },
        },
    });
    let answer = post(http, url)
        .body(hello.to_string())
        .send()
        .await
        .unwrap();
    let id = answer.headers().get("mcp-session-id").cloned().unwrap();
    answer.bytes().await.unwrap();
    id.to_str().unwrap().to_owned()
}

fn post(http: &reqwest::Client, url: &str) -> RequestBuilder {
    let request = http
        .post(url)
        .header("accept", "application/json, text/event-stream");
    request.header("content-type", "application/json")
}

/// A request of the session.
fn request(world: &World, url: &str) -> RequestBuilder {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "does" },
    });
    post(&world.http, url)
        .header("mcp-session-id", &world.session)
        .body(message.to_string())
}

async fn send(request: RequestBuilder) {
    // Whatever the server makes of it.
    request.send().await.unwrap().bytes().await.unwrap();
}

/// A request with this header.
pub(crate) async fn with_header(world: &World, name: &'static str, text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else {
        panic!("no header: {text:?}");
    };
    let mut request = request(world, &world.url).build().unwrap();
    request.headers_mut().insert(name, value);
    let answer = world.http.execute(request).await.unwrap();
    answer.bytes().await.unwrap();
}

async fn with_trace(world: &World, text: &str) {
    let request = request(world, &world.url)
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .header("tracestate", format!("vendor={text}"));
    send(request).await;
}

async fn to_url(world: &World, url: String) {
    send(request(world, &url)).await;
}
