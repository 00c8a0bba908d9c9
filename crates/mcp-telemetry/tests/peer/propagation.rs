//! What arrives in `_meta`: the trace context beside what the caller has set himself.

use mcp_telemetry::PeerExt as _;
use mcp_telemetry::opentelemetry_sdk::trace::SpanData;
use rmcp::model::{
    CallToolRequestParams, ClientNotification, ClientRequest, CustomNotification, CustomRequest,
    GetMeta as _, MetaObject, NotificationMetaObject, PaginatedRequestParams, PingRequest,
    ProgressNotificationParam, ProgressToken, RequestId, RequestMetaObject, RequestParamsMeta as _,
    RootsListChangedNotification,
};
use rmcp::service::PeerRequestOptions;
use serde_json::{Value as Json, json};

use crate::common::server::request as message;
use crate::common::{Rig, Spans};
use crate::host::Pair;
use crate::{NO_PII, request, sent};

const OWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The span's context, as `_meta` should have it.
fn traceparent(span: &SpanData) -> Json {
    let context = &span.span_context;
    json!(format!(
        "00-{}-{}-01",
        context.trace_id(),
        context.span_id()
    ))
}

fn notified(spans: &Spans, name: &str) -> Json {
    traceparent(&sent(spans, "mcp.notification.client_to_server", name))
}

fn meta(value: Json) -> RequestMetaObject {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn the_context_arrives_beside_what_the_caller_has_set() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let client = pair.client.traced();

    let mut call = CallToolRequestParams::new("echo");
    call.set_meta(meta(json!({ "acme/tenant": "blue" })));
    client.call_tool(call).await.unwrap();
    let page = PaginatedRequestParams::default().with_cursor(Some("2".into()));
    client.list_tools(Some(page)).await.unwrap();
    client.list_prompts(None).await.unwrap();
    client.ping().await.unwrap();

    let mut beside = message("prompts/get", json!({ "name": "triage" }));
    beside
        .get_meta_mut()
        .0
        .0
        .insert("acme/tenant".into(), json!("green"));
    client.send_request(beside).await.unwrap();
    let options = PeerRequestOptions::no_options().with_meta(meta(json!({ "acme/in": "option" })));
    let read = message("resources/read", json!({ "uri": "splunk://a" }));
    let read = client
        .send_request_with_option(read, options)
        .await
        .unwrap();
    let token = json!(read.progress_token());
    read.await_response().await.unwrap();

    let spans = rig.spans();
    for (method, name, own) in [
        (
            "tools/call",
            "tools/call echo",
            json!({ "acme/tenant": "blue" }),
        ),
        ("tools/list", "tools/list", json!({})),
        ("prompts/list", "prompts/list", json!({})),
        ("ping", "ping", json!({})),
        (
            "prompts/get",
            "prompts/get triage",
            json!({ "acme/tenant": "green" }),
        ),
        (
            "resources/read",
            "resources/read",
            json!({ "acme/in": "option", "progressToken": token }),
        ),
    ] {
        let arrived = pair.wire.meta(method);
        assert_eq!(arrived["traceparent"], traceparent(&request(&spans, name)));
        assert!(!arrived["progressToken"].is_null(), "{method}: {arrived}");
        for (key, value) in own.as_object().unwrap() {
            assert_eq!(arrived[key], *value, "{method}: {key}");
        }
    }
    // The page is still the one that was asked for.
    assert_eq!(pair.wire.one("tools/list")["params"]["cursor"], "2");
}

#[tokio::test]
async fn a_context_of_the_callers_own_is_never_replaced() {
    let rig = Rig::new(&[NO_PII]);
    let pair = Pair::legacy().await;
    let client = pair.client.traced();
    let own = || meta(json!({ "traceparent": OWN }));

    // Inside the parameters, typed and not.
    let mut call = CallToolRequestParams::new("echo");
    call.set_meta(own());
    client.call_tool(call).await.unwrap();
    let mut read = rmcp::model::ReadResourceRequestParams::new("splunk://a");
    read.set_meta(own());
    let read = rmcp::model::ReadResourceRequest::new(read);
    client.send_request(read.into()).await.unwrap();
    let custom = json!({ "_meta": { "traceparent": OWN } });
    let custom = CustomRequest::new("acme/x", Some(custom));
    let custom = ClientRequest::CustomRequest(custom);
    client.send_request(custom).await.unwrap_err();
    let mut page = PaginatedRequestParams::default();
    page.set_meta(own());
    client.list_prompts(Some(page)).await.unwrap();
    // Beside them, in both forms that rmcp knows.
    let mut prompt = message("prompts/get", json!({ "name": "triage" }));
    *prompt.get_meta_mut() = own();
    client.send_request(prompt).await.unwrap();
    let mut ping = PingRequest::default();
    let legacy: MetaObject = own().0;
    ping.extensions.insert(legacy);
    client.send_request(ping.into()).await.unwrap();
    // With the options.
    let options = PeerRequestOptions::no_options().with_meta(own());
    let list = message("resources/list", Json::Null);
    let list = client
        .send_request_with_option(list, options)
        .await
        .unwrap();
    list.await_response().await.unwrap();

    for method in [
        "tools/call",
        "resources/read",
        "acme/x",
        "prompts/list",
        "prompts/get",
        "ping",
        "resources/list",
    ] {
        let arrived = pair.wire.meta(method);
        assert_eq!(arrived["traceparent"], OWN, "{method}");
        assert_eq!(arrived["tracestate"], Json::Null, "{method}");
    }
    // They have their spans all the same.
    let all = rig.spans();
    let spans = all.0.iter();
    let spans = spans.filter(|span| crate::common::op(span) == "mcp.client");
    assert_eq!(spans.count(), 7);
}

#[tokio::test]
async fn notifications_carry_the_context_too() {
    let rig = Rig::new(&[NO_PII, ("MCP_TELEMETRY_NOTIFICATIONS", "all")]);
    let pair = Pair::legacy().await;
    let client = pair.client.traced();
    let token = ProgressToken(RequestId::Number(7));
    let mut progress = ProgressNotificationParam::new(token, 1.0);
    let own = json!({ "acme/tenant": "blue" });
    let own: NotificationMetaObject = serde_json::from_value(own).unwrap();
    progress.meta = Some(own);
    client.notify_progress(progress).await.unwrap();
    client.notify_roots_list_changed().await.unwrap();
    let custom = CustomNotification::new("acme/done", Some(json!({ "rows": 3 })));
    let custom = ClientNotification::CustomNotification(custom);
    client.send_notification(custom).await.unwrap();
    // The caller's own, inside the parameters and beside them.
    let custom = json!({ "_meta": { "traceparent": OWN } });
    let custom = CustomNotification::new("acme/own", Some(custom));
    let custom = ClientNotification::CustomNotification(custom);
    client.send_notification(custom).await.unwrap();
    // An answer comes after all that was sent before it.
    client.ping().await.unwrap();

    let spans = rig.spans();
    let arrived = pair.wire.meta("notifications/progress");
    let expected = notified(&spans, "notifications/progress");
    assert_eq!(arrived["traceparent"], expected);
    assert_eq!(arrived["acme/tenant"], "blue");
    let arrived = pair.wire.meta("notifications/roots/list_changed");
    let expected = notified(&spans, "notifications/roots/list_changed");
    assert_eq!(arrived["traceparent"], expected);
    let custom = pair.wire.one("acme/done");
    assert_eq!(custom["params"]["rows"], 3);
    assert!(custom["params"]["_meta"]["traceparent"].is_string());
    assert_eq!(pair.wire.meta("acme/own")["traceparent"], OWN);

    // Without a span there is nothing to carry.
    drop((pair, rig));
    let _rig = Rig::new(&[NO_PII, ("MCP_TELEMETRY_NOTIFICATIONS", "none")]);
    let pair = Pair::legacy().await;
    let changed = ClientNotification::from(RootsListChangedNotification::default());
    pair.client
        .traced()
        .send_notification(changed)
        .await
        .unwrap();
    pair.client.ping_untraced().await;
    let arrived = pair.wire.one("notifications/roots/list_changed");
    assert_eq!(arrived["params"]["_meta"], Json::Null);
}

/// A request without a span, to wait until what was sent before has arrived.
trait PingUntraced {
    async fn ping_untraced(&self);
}

impl PingUntraced for rmcp::service::Peer<rmcp::RoleClient> {
    async fn ping_untraced(&self) {
        let ping = ClientRequest::from(PingRequest::default());
        self.send_request(ping).await.unwrap();
    }
}
