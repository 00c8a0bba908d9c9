//! What led to an error.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, Uri, Version};
use mcp_telemetry::http::{HttpCall, HttpLayer};
use mcp_telemetry::{Breadcrumb, add_breadcrumb};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, Tool};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value as Json, json};
use telemetry_testkit::{Breadcrumb as Sent, Event, Received};
use tower::{Layer as _, ServiceExt as _};
use tracing::Level;

use crate::common::raw::{MODERN, Wrapper, result};
use crate::live;

fn event<'a>(received: &'a Received, text: &str) -> &'a Event {
    let events = received.events();
    let found = events.into_iter().find(|event| event.text() == Some(text));
    found.unwrap_or_else(|| panic!("no `{text}` in {:?}", received.events()))
}

fn trail(event: &Event) -> Vec<&str> {
    let crumbs = event.breadcrumbs.iter();
    crumbs
        .filter_map(|crumb| crumb.message.as_deref())
        .collect()
}

/// A breadcrumb as category, type, level, message and data. Sentry's SDK leaves defaults out.
fn parts(crumb: &Sent) -> Json {
    json!([
        crumb.category,
        crumb.ty.as_deref().unwrap_or("default"),
        crumb.level.as_deref().unwrap_or("info"),
        crumb.message,
        crumb.data,
    ])
}

struct Searcher;

impl ServerHandler for Searcher {
    fn get_tool(&self, name: &str) -> Option<Tool> {
        (name == "search").then(|| Tool::new("search", "", Arc::default()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        add_breadcrumb(
            Breadcrumb::new("User requested search")
                .with_category("user.action")
                .with_level(Level::WARN)
                .with_data("query_type", "realtime")
                .with_data("limit", 5_i64),
        );
        tokio::task::yield_now().await;
        tracing::error!("{} failed", request.name);
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

#[tokio::test]
async fn an_error_in_a_tool_has_its_requests_breadcrumbs() {
    for wrapper in Wrapper::BOTH {
        let live = live(&[]);
        let mut raw = wrapper.serve(Searcher).open(MODERN).await;
        result(&raw.call("search").await);
        result(&raw.call("made-up").await);
        raw.close().await;
        let received = live.finish();
        // A wrapped service cannot ask which tools there are before one has answered.
        let known = matches!(wrapper, Wrapper::Handler);
        let first = if known { "search" } else { "_OTHER" };
        for (tool, label) in [("search", first), ("made-up", "_OTHER")] {
            let event = event(&received, &format!("{tool} failed"));
            let found: Vec<Json> = event.breadcrumbs.iter().map(parts).collect();
            let data = json!({ "query_type": "realtime", "limit": 5 });
            let own = "User requested search";
            let expected = [
                json!(["mcp", "default", "info", format!("tools/call {label}"),
                    { "mcp.method.name": "tools/call" }]),
                json!(["user.action", "default", "warning", own, data]),
            ];
            // What rmcp logs of a request it does outside of it.
            assert_eq!(found, expected, "{tool} {wrapper:?}");
        }
    }
}

#[tokio::test]
async fn http_requests_leave_theirs() {
    let live = live(&[]);
    let service = HttpLayer::new().layer(tower::service_fn(async |request: Request<String>| {
        for (status, uri) in [
            (200, "https://u:pw@splunk:8089/services/a?q=secret"),
            (404, "http://splunk/b"),
            (503, "http://splunk/c"),
        ] {
            let call = HttpCall::start(&Method::POST, &Uri::from_static(uri), None);
            tokio::task::yield_now().await;
            call.respond(StatusCode::from_u16(status).unwrap(), Version::HTTP_11);
        }
        let call = HttpCall::start(&Method::GET, &Uri::from_static("http://splunk/d"), None);
        call.fail("timeout", &"no answer");
        drop(call);
        drop(HttpCall::start(
            &Method::GET,
            &Uri::from_static("http://splunk/e"),
            None,
        ));
        tracing::error!("{} failed", request.uri().path());
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    for path in ["/a?token=1", "/b"] {
        let request = Request::post(path).body(String::new()).unwrap();
        drop(service.clone().oneshot(request).await.unwrap());
    }
    let received = live.finish();
    for path in ["/a", "/b"] {
        let event = event(&received, &format!("{path} failed"));
        let found: Vec<Json> = event.breadcrumbs.iter().map(parts).collect();
        let http = |level: &str, message: &str, data: Json| {
            let (method, url) = message.split_once(' ').unwrap();
            let mut all = json!({ "method": method, "url": url });
            for (key, value) in data.as_object().unwrap() {
                all[key] = value.clone();
            }
            json!(["http", "http", level, message, all])
        };
        let status = |code: i64| json!({ "status_code": code });
        let expected = [
            http("info", &format!("POST {path}"), json!({})),
            http("info", "POST https://splunk:8089/services/a", status(200)),
            http("warning", "POST http://splunk/b", status(404)),
            http("error", "POST http://splunk/c", status(503)),
            http(
                "error",
                "GET http://splunk/d",
                json!({ "reason": "timeout" }),
            ),
            http("info", "GET http://splunk/e", json!({})),
        ];
        assert_eq!(found, expected);
    }
}

#[test]
fn secrets_are_redacted() {
    let live = live(&[]);
    add_breadcrumb(
        Breadcrumb::new("login with token=abc123def456")
            .with_data("password", "hunter2")
            .with_data("note", "Authorization: Bearer abc123def456"),
    );
    tracing::error!("failed");
    let received = live.finish();
    let crumbs = &event(&received, "failed").breadcrumbs;
    assert_eq!(crumbs.len(), 1);
    assert_eq!(crumbs[0].data.len(), 2);
    for secret in ["abc123def456", "hunter2"] {
        assert!(!format!("{crumbs:?}").contains(secret), "{crumbs:?}");
    }
}

#[test]
fn the_last_hundred_stay() {
    let live = live(&[]);
    for number in 0..250 {
        add_breadcrumb(Breadcrumb::new(format!("step {number}")));
    }
    tracing::error!("failed");
    let received = live.finish();
    let trail = trail(event(&received, "failed"));
    assert_eq!(trail.len(), 100);
    assert_eq!((trail[0], trail[99]), ("step 150", "step 249"));
}

#[tokio::test]
async fn a_call_leaves_its_breadcrumb_where_it_began() {
    let live = live(&[]);
    let service = HttpLayer::new().layer(tower::service_fn(async |_: Request<String>| {
        let call = HttpCall::start(&Method::GET, &Uri::from_static("http://splunk/a"), None);
        std::future::pending::<()>().await;
        drop(call);
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let request = Request::get("/a").body(String::new()).unwrap();
    // The client goes while the request runs.
    let mut request = Box::pin(service.oneshot(request));
    assert!(futures_executor::block_on(async {
        std::future::poll_fn(|cx| std::task::Poll::Ready(request.as_mut().poll(cx).is_pending()))
            .await
    }));
    drop(request);
    tracing::error!("elsewhere failed");
    let received = live.finish();
    let trail = trail(event(&received, "elsewhere failed"));
    assert!(!trail.iter().any(|it| it.starts_with("GET")), "{trail:?}");
}
