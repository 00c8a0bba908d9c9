//! Subscriptions: the span ends at the acknowledgement, the subscription later.

use std::sync::Arc;

use mcp_telemetry::TracedService;
use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use rmcp::model::{
    ClientNotification, ClientRequest, Implementation, ServerCapabilities, ServerConfig,
    ServerResult, SubscriptionFilter, SubscriptionsListenResult,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, Service};
use serde_json::json;
use tokio::sync::Notify;
use tracing::Instrument as _;

use crate::common::expected::{NO_PII, server_span};
use crate::common::raw::{LEGACY, MODERN, Raw, Wrapper, code, result};
use crate::common::scripted::Scripted;
use crate::common::{Rig, assert_attributes, assert_root};

const LISTEN: &str = "subscriptions/listen";

/// Its subscriptions end when it is told so.
#[derive(Clone, Default)]
struct Listening {
    end: Arc<Notify>,
    fails: bool,
}

impl ServerHandler for Listening {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed();
        let server = Implementation::new("splunk", "2.1.0").with_title("Splunk over MCP");
        ServerConfig::new(capabilities.build()).with_server_info(server)
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        context.sink().notify_tool_list_changed().await.unwrap();
        self.end.notified().await;
        match self.fails {
            true => Err(ErrorData::internal_error("the source is gone", None)),
            false => Ok(()),
        }
    }
}

#[tokio::test]
async fn the_span_ends_while_the_subscription_is_open() {
    for wrapper in Wrapper::BOTH {
        for fails in [false, true] {
            let rig = Rig::new(&[NO_PII]);
            let server = Listening {
                fails,
                ..Listening::default()
            };
            let mut raw = wrapper.serve(server.clone()).open(MODERN).await;
            let filter = json!({ "notifications": { "toolsListChanged": true } });
            let id = raw.send(LISTEN, filter).await;
            let span = rig.span(LISTEN).await;
            assert_root(&span);
            assert_eq!(span.span_kind, SpanKind::Server);
            assert_eq!(span.status, Status::Unset);
            let facts = json!({
                "mcp.protocol.version": MODERN,
                "mcp.subscription.id": "1",
                "mcp.status": "success",
            });
            assert_attributes(&span, server_span(LISTEN, "1", facts));

            // The subscription works on, and ends long after its span.
            for method in [
                "notifications/subscriptions/acknowledged",
                "notifications/tools/list_changed",
            ] {
                raw.receive(|message| message["method"] == method).await;
            }
            server.end.notify_one();
            let answer = raw.answer(id).await;
            match fails {
                true => assert_eq!(code(&answer), -32_603),
                false => drop(serde_json::from_value::<SubscriptionsListenResult>(
                    result(&answer).clone(),
                )),
            }
            assert_eq!(rig.spans().names(), [LISTEN]);
        }
    }
}

/// A service whose requests run in spans of its own, as with `#[tracing::instrument]`.
struct Instrumented<S>(S);

impl<S: Service<RoleServer>> Service<RoleServer> for Instrumented<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let span = tracing::info_span!("lasting");
        let handled = self.0.handle_request(request, context);
        handled.instrument(span).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.handle_notification(notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        self.0.get_info()
    }
}

#[tokio::test]
async fn spans_that_last_as_long_as_the_subscription_do_not_keep_it_open() {
    let rig = Rig::new(&[NO_PII]);
    let server = Listening::default();
    let service = TracedService::new(Instrumented(server.clone()));
    let mut raw = Raw::connect(service).open(MODERN).await;
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let id = raw.send(LISTEN, filter).await;
    rig.span(LISTEN).await;
    assert_eq!(rig.spans().names(), [LISTEN]);
    server.end.notify_one();
    result(&raw.answer(id).await);
    rig.span("lasting").await;
}

#[tokio::test]
async fn a_refusal_has_its_code() {
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    for (server, version) in [(Scripted::new().deaf(), MODERN), (Scripted::new(), LEGACY)] {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = Wrapper::Service.serve(server.clone()).open(version).await;
        let answer = raw.ask(LISTEN, filter.clone()).await;
        assert_eq!(code(&answer), -32_601);
        let span = rig.spans().one(LISTEN);
        assert_eq!(span.status, Status::Unset);
        let facts = json!({
            "mcp.protocol.version": version,
            "mcp.subscription.id": "1",
            "mcp.status": "error",
            "rpc.response.status_code": "-32601",
        });
        assert_attributes(&span, server_span(LISTEN, "1", facts));
        drop((raw, rig));

        // No handler sees what rmcp refuses.
        let rig = Rig::new(&[NO_PII]);
        let mut raw = Wrapper::Handler.serve(server).open(version).await;
        let answer = raw.ask(LISTEN, filter.clone()).await;
        assert_eq!(code(&answer), -32_601);
        assert_eq!(rig.spans().all(LISTEN).count(), 0);
    }
}
