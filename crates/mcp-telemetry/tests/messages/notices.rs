//! The handlers of notifications: whose children their spans are, and how they end.

use mcp_telemetry::opentelemetry::trace::{SpanId, Status, TraceId};
use mcp_telemetry::{TracedHandler, TracedService};
use rmcp::model::{
    ClientNotification, ClientRequest, CustomNotification, Extensions, Implementation,
    ProgressNotificationParam, ServerCapabilities, ServerConfig, ServerResult,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, Service};
use serde_json::{Value as Json, json};
use tracing::Instrument as _;

use crate::common::expected::{NO_PII, notification_span};
use crate::common::raw::{LEGACY, Raw, Wrapper};
use crate::common::server::WithExtension;
use crate::common::{Rig, assert_attributes, assert_child, assert_has, failed};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const ALL: (&str, &str) = ("MCP_TELEMETRY_NOTIFICATIONS", "all");

/// It works on some notifications, and panics at others.
struct Noticing;

impl ServerHandler for Noticing {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("splunk", "2.1.0").with_title("Splunk over MCP");
        ServerConfig::new(ServerCapabilities::default()).with_server_info(server)
    }

    async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
        let inside = tracing::info_span!("inside");
        tokio::task::yield_now().instrument(inside).await;
    }

    async fn on_progress(&self, _: ProgressNotificationParam, _: NotificationContext<RoleServer>) {
        panic!("on purpose");
    }

    async fn on_custom_notification(
        &self,
        _: CustomNotification,
        _: NotificationContext<RoleServer>,
    ) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_a_handler_does_is_below_and_knows_the_notification() {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = wrapper.serve(Noticing).open(LEGACY).await;
        let traceparent = format!("00-{TRACE}-{PARENT}-01");
        let params = json!({ "_meta": { "traceparent": traceparent } });
        raw.notify("notifications/roots/list_changed", params).await;

        let span = rig.span("notifications/roots/list_changed").await;
        let trace = TraceId::from_hex(TRACE).unwrap();
        assert_eq!(span.span_context.trace_id(), trace);
        assert_eq!(span.parent_span_id, SpanId::from_hex(PARENT).unwrap());
        assert!(span.parent_span_is_remote);
        let inside = rig.spans().one("inside");
        assert_child(&inside, &span);
        let expected = json!({
            "mcp.method.name": "notifications/roots/list_changed",
            "mcp.transport": "stdio",
            "network.transport": "pipe",
        });
        assert_attributes(&inside, expected);
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_an_error() {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII, ALL]);
        let mut raw = wrapper.serve(Noticing).open(LEGACY).await;
        let params = json!({ "progressToken": 1, "progress": 1 });
        raw.notify("notifications/progress", params).await;
        let span = rig.span("notifications/progress").await;
        assert_eq!(span.status, failed("the handler panicked"));
        let facts = json!({
            "mcp.progress.token": "1",
            "mcp.progress.current": 1,
            "error.type": "panic",
        });
        let expected = notification_span("notifications/progress", facts);
        assert_attributes(&span, expected);
        // The session goes on.
        raw.ask("ping", Json::Null).await;
        assert_eq!(rig.spans().one("ping").status, Status::Unset);
    }
}

/// The span of a notification ends when its handler is dropped, as when a process ends.
#[test]
fn a_handler_that_is_dropped_is_no_error() {
    for wrapper in Wrapper::BOTH {
        let rig = Rig::new(&[NO_PII]);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let raw = runtime.block_on(async {
            let mut raw = wrapper.serve(Noticing).open(LEGACY).await;
            raw.notify("x/custom", Json::Null).await;
            raw.ask("ping", Json::Null).await;
            raw
        });
        assert_eq!(rig.spans().all("_OTHER").count(), 0);
        drop(runtime);
        drop(raw);
        let span = rig.spans().one("_OTHER");
        assert_eq!(span.status, Status::Unset);
        assert_attributes(&span, notification_span("_OTHER", json!({})));
    }
}

#[tokio::test]
async fn over_http_the_post_is_known() {
    let rig = Rig::new(&[NO_PII]);
    let post = http::Request::post("/mcp").header("mcp-session-id", "191c4850af6c");
    let (parts, ()) = post.body(()).unwrap().into_parts();
    let service = WithExtension {
        inner: TracedHandler::new(Noticing),
        extend: move |extensions: &mut Extensions| {
            extensions.insert(parts.clone());
        },
    };
    let mut raw = Raw::connect(service).open(LEGACY).await;
    raw.notify("notifications/cancelled", json!({ "requestId": 7 }))
        .await;
    let facts = json!({
        "mcp.cancelled.request_id": "7",
        "mcp.session.id": "191c4850af6c",
        "mcp.transport": "http",
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
    });
    let span = rig.span("notifications/cancelled").await;
    assert_attributes(&span, notification_span("notifications/cancelled", facts));
}

/// A service that is no handler may refuse a notification.
struct Refusing;

impl Service<RoleServer> for Refusing {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        Noticing.handle_request(request, context).await
    }

    async fn handle_notification(
        &self,
        _: ClientNotification,
        _: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Err(ErrorData::internal_error("the queue is full", None))
    }

    fn get_info(&self) -> ServerConfig {
        ServerHandler::get_info(&Noticing)
    }
}

#[tokio::test]
async fn a_service_that_refuses_one_says_so() {
    let rig = Rig::new(&[NO_PII]);
    let _raw = Raw::connect(TracedService::new(Refusing))
        .open(LEGACY)
        .await;
    let span = rig.span("notifications/initialized").await;
    assert_eq!(span.status, failed("the queue is full"));
    // Nothing goes back to the client: there is no status code of a response.
    let expected = json!({ "error.type": "-32603", "rpc.response.status_code": null });
    assert_has(&span, expected);
}
