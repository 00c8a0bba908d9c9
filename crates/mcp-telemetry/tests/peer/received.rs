//! What a client receives: the spans of its service.

use std::time::Duration;

use mcp_telemetry::opentelemetry::trace::{SpanKind, Status};
use mcp_telemetry::{McpTransport, PeerExt as _, TracedClientService, TracedHandler};
use rmcp::model::{
    CallToolRequestParams, CancelledNotificationParam, CreateMessageRequestParams,
    CreateMessageResult, CustomNotification, CustomRequest, CustomResult, ElicitRequest,
    ElicitRequestParams, ElicitResult, ElicitationAction, ErrorCode, ListRootsResult, LoggingLevel,
    LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, ProtocolVersion,
    RequestId, ResourceUpdatedNotificationParam, ServerNotification, ServerRequest,
};
use rmcp::service::{ClientLifecycleMode, PeerRequestOptions, RequestContext, RunningService};
use rmcp::{ClientHandler, ErrorData, RoleClient, RoleServer, ServiceExt as _};
use serde_json::{Value as Json, json};
use tracing::Instrument as _;

use crate::common::{
    Rig, Spans, assert_attributes, assert_child, assert_has, assert_root, failed, op,
};
use crate::host::{Host, Person, question, sampling};
use crate::wire::Wire;
use crate::{NO_PII, PII, request, sent, served, told};

pub(crate) const ALL: (&str, &str) = ("MCP_TELEMETRY_NOTIFICATIONS", "all");
pub(crate) const TO_CLIENT: &str = "mcp.notification.server_to_client";

/// A traced client, connected by `server/discover`.
pub(crate) async fn modern() -> (
    RunningService<RoleClient, TracedClientService<Person>>,
    Wire,
) {
    let (wire, client_end, server_end) = Wire::new();
    let server = TracedHandler::new(Host::default());
    tokio::spawn(crate::host::serve(server, server_end));
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let lifecycle = ClientLifecycleMode::Discover { preferred_versions };
    let service = TracedClientService::new(Person::default());
    let client = service.serve_with_lifecycle(client_end, lifecycle).await;
    (client.unwrap(), wire)
}

/// A server and a traced client, connected.
pub(crate) struct Both<H: ClientHandler> {
    pub(crate) client: RunningService<RoleClient, TracedClientService<H>>,
    pub(crate) server: RunningService<RoleServer, Host>,
}

impl<H: ClientHandler> Both<H> {
    /// Connected as before 2026-07-28, by `initialize`.
    pub(crate) async fn new(client: TracedClientService<H>) -> Self {
        let (_, client_end, server_end) = Wire::new();
        let server = Host::default().serve(server_end);
        let (client, server) = tokio::join!(client.serve(client_end), server);
        Self {
            client: client.unwrap(),
            server: server.unwrap(),
        }
    }

    pub(crate) async fn legacy(client: H) -> Self {
        Self::new(TracedClientService::new(client)).await
    }
}

/// Sends every request that a server has.
pub(crate) async fn ask_all(server: &RunningService<RoleServer, Host>) {
    let server = server.traced();
    server.ping().await.unwrap();
    server.create_message(sampling()).await.unwrap();
    server.list_roots().await.unwrap();
    server.create_elicitation(question()).await.unwrap();
}

/// The methods of these requests.
pub(crate) const ASKED: [&str; 4] = [
    "ping",
    "sampling/createMessage",
    "roots/list",
    "elicitation/create",
];

/// Sends every notification that a server has, and one of its own.
pub(crate) async fn tell_all(server: &RunningService<RoleServer, Host>) {
    let server = server.traced();
    let gone = RequestId::String("gone".into());
    let cancelled = CancelledNotificationParam::new(Some(gone), Some("of no use".to_owned()));
    server.notify_cancelled(cancelled).await.unwrap();
    let token = ProgressToken(RequestId::Number(7));
    let mut progress = ProgressNotificationParam::new(token, 1.5);
    progress.total = Some(3.0);
    progress.message = Some("halfway".to_owned());
    server.notify_progress(progress).await.unwrap();
    let log = LoggingMessageNotificationParam::new(LoggingLevel::Warning, json!({ "rows": 3 }));
    let log = log.with_logger("search");
    server.notify_logging_message(log).await.unwrap();
    let updated = ResourceUpdatedNotificationParam::new("splunk://a?user=bob");
    server.notify_resource_updated(updated).await.unwrap();
    server.notify_resource_list_changed().await.unwrap();
    server.notify_tool_list_changed().await.unwrap();
    server.notify_prompt_list_changed().await.unwrap();
    let custom = CustomNotification::new("notifications/acme/reindexed", None);
    let custom = ServerNotification::CustomNotification(custom);
    server.send_notification(custom).await.unwrap();
}

/// The names of their spans.
pub(crate) const TOLD: [&str; 8] = [
    "notifications/cancelled",
    "notifications/progress",
    "notifications/message",
    "notifications/resources/updated",
    "notifications/resources/list_changed",
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "_OTHER",
];

/// Whether so many notifications were received.
pub(crate) fn received(spans: &Spans, wanted: usize) -> bool {
    let all = spans.0.iter();
    let told = all.filter(|span| op(span) == TO_CLIENT && span.span_kind == SpanKind::Server);
    told.count() == wanted
}

/// What every span of a message has that this client received.
fn of_message(op: &str, method: &str) -> Json {
    json!({
        "sentry.op": op,
        "sentry.origin": "auto.mcp.mcp_telemetry",
        "sentry.source": "route",
        "mcp.method.name": method,
        "mcp.protocol.version": "2025-11-25",
        "mcp.client.name": "inspector",
        "mcp.client.version": "0.9",
        "mcp.client.title": "Inspector",
        "mcp.server.name": "splunk",
        "mcp.server.version": "2.1.0",
        "mcp.server.title": "Splunk over MCP",
        // The sender's span is remote, and has been sampled.
        "sampling.rule": "parent",
    })
}

/// `attributes` with `more`, which replaces; null takes away.
fn with(attributes: Json, more: &Json) -> Json {
    crate::common::expected::with(attributes, more.clone())
}

#[tokio::test]
async fn what_a_server_asks_is_a_span_below_the_servers() {
    let rig = Rig::new(&[PII]);
    let both = Both::legacy(Person::default()).await;
    ask_all(&both.server).await;
    let spans = rig.spans();
    for (id, method) in ASKED.into_iter().enumerate() {
        let (asked, served) = (request(&spans, method), served(&spans, method));
        assert_child(&served, &asked);
        assert!(served.parent_span_is_remote);
        assert_eq!(served.status, Status::Unset);
        let id = id.to_string();
        let mut more = json!({
            "mcp.request.id": id,
            "jsonrpc.request.id": id,
            "mcp.status": "success",
            "mcp.result.type": "complete",
        });
        if method == "roots/list" {
            more["mcp.result.count"] = json!(2);
        }
        assert_attributes(&served, with(of_message("mcp.server", method), &more));
    }
    // What the handler does stands below, with the message's context.
    let thinks = spans.one("the user thinks");
    assert_child(&thinks, &served(&spans, "elicitation/create"));
    let context = json!({ "mcp.method.name": "elicitation/create", "mcp.request.id": "3" });
    assert_has(&thinks, context);
}

#[tokio::test]
async fn a_server_without_telemetry_begins_no_trace() {
    let rig = Rig::new(&[NO_PII]);
    let both = Both::legacy(Person::default()).await;
    both.server.peer().list_roots().await.unwrap();
    let span = served(&rig.spans(), "roots/list");
    assert_root(&span);
    assert_has(
        &span,
        json!({ "sampling.rule": "mcp", "sampling.rate": 1.0 }),
    );
}

#[tokio::test]
async fn the_transport_is_what_the_app_says() {
    for (transport, expected) in [
        (None, json!([null, null, null])),
        (Some(McpTransport::Stdio), json!(["stdio", "pipe", null])),
        (Some(McpTransport::Http), json!(["http", "tcp", "http"])),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let mut service = TracedClientService::new(Person::default());
        if let Some(transport) = transport {
            service = service.with_transport(transport);
        }
        let both = Both::new(service).await;
        both.server.traced().ping().await.unwrap();
        let expected = json!({
            "mcp.transport": expected[0],
            "network.transport": expected[1],
            "network.protocol.name": expected[2],
        });
        assert_has(&served(&rig.spans(), "ping"), expected);
    }
}

/// A client whose answers are of all kinds but good ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stubborn;

impl ClientHandler for Stubborn {
    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Err(ErrorData::new(ErrorCode(-1), "the user says no", None))
    }

    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        panic!("out of roots")
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        context.ct.cancelled().await;
        Ok(ElicitResult::new(ElicitationAction::Cancel))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleClient>,
    ) -> Result<CustomResult, ErrorData> {
        match request.method.as_str() {
            "acme/known" => Ok(CustomResult::new(json!({}))),
            _ => Err(ErrorData::invalid_params("`acme` is missing", None)),
        }
    }
}

fn custom(method: &str) -> ServerRequest {
    ServerRequest::CustomRequest(CustomRequest::new(method, None))
}

#[tokio::test]
async fn errors_are_judged_as_on_a_server() {
    let sampling =
        ServerRequest::CreateMessageRequest(rmcp::model::CreateMessageRequest::new(sampling()));
    for (asked, name, status, code, error_type) in [
        (
            sampling,
            "sampling/createMessage",
            failed("the user says no"),
            json!("-1"),
            json!("-1"),
        ),
        // The caller's fault.
        (
            custom("acme/other"),
            "_OTHER",
            Status::Unset,
            json!("-32602"),
            Json::Null,
        ),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let both = Both::legacy(Stubborn).await;
        both.server.traced().send_request(asked).await.unwrap_err();
        let span = served(&rig.spans(), name);
        assert_eq!(span.status, status, "{name}");
        let expected = json!({
            "rpc.response.status_code": code,
            "error.type": error_type,
            "mcp.status": "error",
            "mcp.result.type": null,
        });
        assert_has(&span, expected);
    }
}

#[tokio::test]
async fn a_custom_method_is_not_named() {
    let rig = Rig::new(&[PII]);
    let both = Both::legacy(Stubborn).await;
    let server = both.server.traced();
    server.send_request(custom("acme/known")).await.unwrap();
    let span = served(&rig.spans(), "_OTHER");
    let expected = json!({ "mcp.method.name": "_OTHER", "mcp.status": "success" });
    assert_has(&span, expected);
}

#[tokio::test]
async fn a_handler_that_panics_leaves_its_span_in_error() {
    let rig = Rig::new(&[NO_PII]);
    let both = Both::legacy(Stubborn).await;
    let options = PeerRequestOptions::no_options();
    let roots = ServerRequest::ListRootsRequest(Default::default());
    let server = both.server.traced();
    let _waits = server.send_request_with_option(roots, options).await;
    let ended = |spans: &Spans| spans.all("roots/list").next().is_some();
    let span = served(&rig.wait(ended).await, "roots/list");
    assert_eq!(span.status, failed("the handler panicked"));
    assert_has(
        &span,
        json!({ "error.type": "panic", "mcp.status": "error" }),
    );
}

#[tokio::test]
async fn a_question_that_is_taken_back_is_cancelled() {
    let rig = Rig::new(&[NO_PII]);
    let both = Both::legacy(Stubborn).await;
    let server = both.server.traced();
    let options = PeerRequestOptions::no_options();
    let asks = ServerRequest::ElicitRequest(ElicitRequest::new(question()));
    let asked = server.send_cancellable_request(asks, options).await;
    asked
        .unwrap()
        .cancel(Some("of no use".into()))
        .await
        .unwrap();
    let ended = |spans: &Spans| {
        let all = spans.all("elicitation/create");
        all.count() == 2 && received(spans, 1)
    };
    let spans = rig.wait(ended).await;
    let span = served(&spans, "elicitation/create");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({
        "mcp.status": "cancelled",
        "mcp.request.outcome": "cancelled",
        "sentry.status": "cancelled",
        "error.type": null,
    });
    assert_has(&span, expected);
    // rmcp writes that message: it carries no trace context.
    let told = told(&spans, "notifications/cancelled");
    assert_root(&told);
    assert_has(&told, json!({ "mcp.cancelled.request_id": "0" }));
}

#[tokio::test]
async fn what_a_server_tells_is_a_span_below_the_servers() {
    for (pii, reason, message, log, uri) in [
        (
            PII,
            json!("of no use"),
            json!("halfway"),
            json!(r#"{"rows":3}"#),
            "splunk://a?user=bob",
        ),
        (NO_PII, Json::Null, Json::Null, Json::Null, "splunk://a"),
    ] {
        let rig = Rig::new(&[pii, ALL]);
        let both = Both::legacy(Person::default()).await;
        tell_all(&both.server).await;
        let spans = rig.wait(|spans| received(spans, TOLD.len())).await;
        for name in TOLD {
            let more = match name {
                "notifications/cancelled" => {
                    json!({ "mcp.cancelled.request_id": "gone", "mcp.cancelled.reason": reason })
                }
                "notifications/progress" => {
                    json!({ "mcp.progress.token": "7", "mcp.progress.current": 1,
                            "mcp.progress.total": 3, "mcp.progress.percentage": 50.0,
                            "mcp.progress.message": message })
                }
                "notifications/message" => {
                    json!({ "mcp.logging.level": "warning", "mcp.logging.logger": "search",
                            "mcp.logging.data_type": "object", "mcp.logging.message": log })
                }
                "notifications/resources/updated" => json!({ "mcp.resource.uri": uri }),
                _ => json!({}),
            };
            let expected = with(of_message(TO_CLIENT, name), &more);
            let span = told(&spans, name);
            assert_attributes(&span, expected);
            assert_eq!(span.status, Status::Unset);
            assert_child(&span, &sent(&spans, TO_CLIENT, name));
        }
    }
}

#[tokio::test]
async fn frequent_ones_have_a_span_only_where_wanted() {
    for (setting, wanted) in [("significant", 6), ("all", 8), ("none", 0)] {
        let rig = Rig::new(&[NO_PII, ("MCP_TELEMETRY_NOTIFICATIONS", setting)]);
        let both = Both::legacy(Person::default()).await;
        tell_all(&both.server).await;
        // rmcp handles each in a task of its own, in their order on this one thread.
        both.server.traced().ping().await.unwrap();
        rig.wait(|spans| received(spans, wanted)).await;
        let spans = rig.spans();
        assert!(received(&spans, wanted), "{setting}: {spans:?}");
        assert_eq!(spans.all("ping").count(), 2, "{setting}");
    }
}

/// Protocol 2026-07-28: the question stands in a result, and has no id on the wire.
#[tokio::test]
async fn a_question_in_a_result_belongs_to_the_call() {
    let rig = Rig::new(&[NO_PII]);
    let (client, wire) = modern().await;
    let call = || CallToolRequestParams::new("asks");
    client.traced().call_tool(call()).await.unwrap();
    let spans = rig.spans();
    let question = served(&spans, "elicitation/create");
    assert_child(&question, &request(&spans, "tools/call asks"));
    assert!(!question.parent_span_is_remote);
    assert_child(&spans.one("the user thinks"), &question);
    let more = json!({
        "mcp.protocol.version": "2026-07-28",
        "mcp.status": "success",
        "mcp.result.type": "complete",
        "sampling.rule": null,
    });
    let expected = with(of_message("mcp.server", "elicitation/create"), &more);
    assert_attributes(&question, expected);
    assert_eq!(wire.all("elicitation/create").len(), 0);
    drop(rig);

    // Of a call without a span, it belongs to what the app does.
    let rig = Rig::new(&[NO_PII]);
    let work = tracing::info_span!("work");
    let call = client.call_tool(call()).instrument(work.clone());
    call.await.unwrap();
    drop(work);
    let spans = rig.spans();
    let question = served(&spans, "elicitation/create");
    assert_child(&question, &spans.one("work"));
}

#[tokio::test]
async fn without_a_destination_it_answers_all_the_same() {
    let _rig = Rig::idle();
    let both = Both::legacy(Person::default()).await;
    ask_all(&both.server).await;
    tell_all(&both.server).await;
    let timeout = Some(Duration::from_secs(20));
    let server = both.server.traced();
    let answer = server.create_elicitation_with_timeout(question(), timeout);
    assert_eq!(answer.await.unwrap().action, ElicitationAction::Accept);
}

/// The wrapper serves as rmcp does, also where the handshake fails.
#[tokio::test]
async fn a_handshake_that_fails_fails_as_in_rmcp() {
    let _rig = Rig::new(&[NO_PII]);
    let (_wire, client_end, server_end) = Wire::new();
    drop(server_end);
    let service = TracedClientService::new(Person::default());
    assert_eq!(service.inner().silent, Person::default().silent);
    let error = service.serve(client_end).await.unwrap_err();
    let plain = {
        let (_wire, client_end, server_end) = Wire::new();
        drop(server_end);
        Person::default().serve(client_end).await.unwrap_err()
    };
    assert_eq!(error.to_string(), plain.to_string());
}
