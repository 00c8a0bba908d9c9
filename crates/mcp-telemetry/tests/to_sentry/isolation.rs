//! What one request leaves behind is not on another's events.

use std::convert::Infallible;

use http::{Request, Response};
use mcp_telemetry::TracedHandler;
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::sentry;
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, SubscriptionFilter};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value as Json, json};
use telemetry_testkit::{Event, Received};
use tower::{Layer as _, ServiceExt as _};

use crate::common::raw::{LEGACY, MODERN, Wrapper, result};
use crate::common::server::Connection;
use crate::live;

/// The texts of an event's breadcrumbs that the server wrote.
fn trail(event: &Event) -> Vec<&str> {
    let crumbs = event.breadcrumbs.iter();
    let texts = crumbs.filter_map(|crumb| crumb.message.as_deref());
    // The session as a whole leaves some too: rmcp's, and telemetry's own.
    let written = |text: &&str| text.starts_with("searching") || text.ends_with("failed");
    texts.filter(written).collect()
}

fn event<'a>(received: &'a Received, text: &str) -> &'a Event {
    let events = received.events();
    let found = events.into_iter().find(|event| event.text() == Some(text));
    found.unwrap_or_else(|| panic!("no `{text}` in {:?}", received.events()))
}

#[tokio::test]
async fn http_requests() {
    let live = live(&[]);
    // What the app says of itself is on all of them.
    sentry::configure_scope(|scope| scope.set_tag("shard", "7"));
    let service = HttpLayer::new().layer(tower::service_fn(async |request: Request<String>| {
        let path = request.uri().path().to_owned();
        tracing::info!("searching for {path}");
        tokio::task::yield_now().await;
        tracing::error!("no {path}");
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let ask = |path: &str| {
        let request = Request::get(path).body(String::new()).unwrap();
        service.clone().oneshot(request)
    };
    // Side by side on one thread, and one after the other.
    let (a, b) = tokio::join!(ask("/a"), ask("/b"));
    drop((a.unwrap(), b.unwrap()));
    drop(ask("/c").await.unwrap());
    let received = live.finish();
    for path in ["/a", "/b", "/c"] {
        let event = event(&received, &format!("no {path}"));
        assert_eq!(trail(event), [format!("searching for {path}")]);
        assert_eq!(event.tags.get("shard").map(String::as_str), Some("7"));
        let transaction = received
            .transaction_of(event.trace_id.as_ref().unwrap())
            .unwrap();
        assert_eq!(event.span_id.as_ref(), Some(&transaction.span_id));
        assert_eq!(transaction.data.get("url.path"), Some(&json!(path)));
    }
}

struct Searcher;

impl ServerHandler for Searcher {
    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        tracing::info!("searching for changes");
        tokio::task::yield_now().await;
        tracing::error!("listening failed");
        drop(context);
        Ok(())
    }

    async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
        tracing::info!("searching the roots");
        tokio::task::yield_now().await;
        tracing::error!("roots failed");
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        tracing::info!("searching with {}", request.name);
        tokio::task::yield_now().await;
        tracing::error!("{} failed", request.name);
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

#[tokio::test]
async fn mcp_requests_in_one_session() {
    let live = live(&[]);
    let connection = Connection::legacy(TracedHandler::new(Searcher)).await;
    let (a, b) = tokio::join!(connection.call("a"), connection.call("b"));
    a.unwrap();
    b.unwrap();
    connection.call("c").await.unwrap();
    let received = live.finish();
    for tool in ["a", "b", "c"] {
        let event = event(&received, &format!("{tool} failed"));
        assert_eq!(trail(event), [format!("searching with {tool}")]);
        let trace = event.trace_id.as_ref().unwrap();
        let transaction = received.transaction_of(trace).unwrap();
        assert_eq!(transaction.name, format!("tools/call {tool}"));
        assert_eq!(transaction.op.as_deref(), Some("mcp.server"));
        // The tool said that it succeeded.
        let status = transaction.data.get("mcp.tool.status");
        assert_eq!(status, Some(&json!("success")));
        let [execution] = transaction.spans.as_slice() else {
            panic!("{:?}", transaction.spans);
        };
        assert_eq!(event.span_id.as_ref(), Some(&execution.span_id));
        // Its logs know the request as its spans do.
        let logs = received.logs_of(trace);
        let tools: Vec<Option<&Json>> = logs
            .iter()
            .map(|log| log.attribute("mcp.tool.name"))
            .collect();
        assert_eq!(tools, [Some(&json!(tool)); 2]);
    }
}

#[tokio::test]
async fn notifications() {
    for wrapper in Wrapper::BOTH {
        let live = live(&[]);
        let mut raw = wrapper.serve(Searcher).open(LEGACY).await;
        result(&raw.call("a").await);
        raw.notify("notifications/roots/list_changed", Json::Null)
            .await;
        result(&raw.call("b").await);
        raw.close().await;
        let received = live.finish();
        let event = event(&received, "roots failed");
        assert_eq!(trail(event), ["searching the roots"]);
        // A notification is a transaction of its own.
        let trace = event.trace_id.as_ref().unwrap();
        let transaction = received.transaction_of(trace).unwrap();
        assert_eq!(transaction.name, "notifications/roots/list_changed");
        let op = "mcp.notification.client_to_server";
        assert_eq!(transaction.op.as_deref(), Some(op));
        assert_eq!(event.span_id.as_ref(), Some(&transaction.span_id));
    }
}

#[tokio::test]
async fn subscriptions() {
    for wrapper in Wrapper::BOTH {
        let live = live(&[]);
        let mut raw = wrapper.serve(Searcher).open(MODERN).await;
        result(&raw.call("a").await);
        let params = json!({ "notifications": {} });
        result(&raw.ask("subscriptions/listen", params).await);
        result(&raw.call("b").await);
        raw.close().await;
        let received = live.finish();
        let event = event(&received, "listening failed");
        assert_eq!(trail(event), ["searching for changes"]);
        let transactions = received.transactions();
        let listen = |it: &&&telemetry_testkit::Transaction| it.name == "subscriptions/listen";
        assert_eq!(transactions.iter().filter(listen).count(), 1);
    }
}
