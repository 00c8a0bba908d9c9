//! What spans of messages carry that are sent, and of those that a client receives: what the
//! table of attributes says, no more and no less.

use std::collections::{BTreeMap, BTreeSet};

use mcp_telemetry::opentelemetry::trace::SpanKind;
use mcp_telemetry::opentelemetry_sdk::trace::SpanData;
use mcp_telemetry::spans::{Condition, Condition as If, SPANS, expected};
use mcp_telemetry::{McpTransport, PeerExt as _, TracedClientService, TracedHandler};
use rmcp::ServiceExt as _;
use rmcp::model::{
    CallToolRequestParams, ClientNotification, ClientRequest, CustomNotification, CustomRequest,
    Extensions, GetPromptRequestParams, InputResponses, NotificationMetaObject,
    ReadResourceRequestParams, RequestId, RequestMetaObject, ServerNotification, ServerRequest,
    SubscriptionFilter,
};
use rmcp::service::PeerRequestOptions;
use serde_json::{Value as Json, json};

use crate::common::server::{WithExtension, request as message};
use crate::common::{Rig, attributes, op};
use crate::host::{Host, Pair, Person, question};
use crate::received::{
    ALL, ASKED, Both, Stubborn, TO_CLIENT, TOLD, ask_all, modern, received, tell_all,
};
use crate::wire::Wire;
use crate::{NO_PII, PII, notifications, request, requests, sent, served, told};

const TO_SERVER: &str = "mcp.notification.client_to_server";

/// What the spans had, by op and kind.
#[derive(Default)]
struct Table {
    pii: bool,
    seen: BTreeMap<(String, &'static str), BTreeSet<&'static str>>,
}

impl Table {
    /// Holds a span against the table.
    #[track_caller]
    fn check(&mut self, span: &SpanData, method: &str, holds: &[&[Condition]]) {
        let kind = match span.span_kind {
            SpanKind::Client => "client",
            SpanKind::Server => "server",
            ref other => panic!("no message is {other:?}"),
        };
        let op = op(span);
        let mut holds = holds.concat();
        holds.extend(self.pii.then_some(If::Pii));
        let expected = expected(&op, kind, method, &holds);
        let found = attributes(span);
        let found = found.as_object().unwrap().keys();
        let folded: BTreeSet<&str> = found.map(|key| folded(key, &expected)).collect();
        assert_eq!(folded, expected, "{method} of {op}, {kind}");
        self.seen.entry((op, kind)).or_default().extend(expected);
    }
}

/// The name, or the prefix in the table that it begins with.
fn folded<'a>(key: &'a str, expected: &BTreeSet<&'a str>) -> &'a str {
    let mut prefixes = expected.iter().filter(|it| it.ends_with('.'));
    let prefix = prefixes.find(|prefix| key.starts_with(**prefix));
    prefix.copied().unwrap_or(key)
}

const ROOT: &[Condition] = &[If::LocalRoot, If::OwnDecision];
/// Below a span of another process.
const REMOTE: &[Condition] = &[If::LocalRoot];
const DONE: &[Condition] = &[If::Answered, If::FinalResult];
const TO_THE_SERVER: &[Condition] = &[If::ToServer, If::Version, If::Server, If::ServerTitle];
const TO_THE_CLIENT: &[Condition] = &[If::ToClient, If::Version, If::Client, If::ClientTitle];
const KNOWN_ID: &[Condition] = &[If::IdKnown];
const CACHED: &[Condition] = &[If::CacheTtl, If::CacheScope];
const CANCELLED: &[Condition] = &[If::NamesRequest, If::Reason];
const PROGRESS: &[Condition] = &[If::Total, If::Message];
/// What a client knows of a message that it receives.
const BOTH: &[Condition] = &[
    If::InMessage,
    If::Version,
    If::Client,
    If::ClientTitle,
    If::Server,
    If::ServerTitle,
];

fn arguments() -> rmcp::model::JsonObject {
    json!({ "index": "main" }).as_object().unwrap().clone()
}

/// Requests of a client, older protocol.
async fn requests_of_a_client(table: &mut Table, rig: Rig) {
    let pair = Pair::legacy().await;
    requests::request_all(&pair.client).await;
    let client = pair.client.traced();
    let prompt = GetPromptRequestParams::new("described").with_arguments(arguments());
    client.get_prompt(prompt).await.unwrap();
    let call = CallToolRequestParams::new("fails").with_arguments(arguments());
    client.call_tool(call).await.unwrap();
    let call = CallToolRequestParams::new("refused");
    client.call_tool(call).await.unwrap_err();
    let custom = ClientRequest::CustomRequest(CustomRequest::new("acme/reindex", None));
    client.send_request(custom).await.unwrap_err();
    let initialize = message("initialize", pair.wire.one("initialize")["params"].clone());
    client.send_request(initialize).await.unwrap();
    let spans = rig.spans();
    let base = [ROOT, TO_THE_SERVER];
    for (name, holds) in [
        ("ping", [KNOWN_ID, DONE].concat()),
        ("tools/call echo", [&[If::Tool], DONE].concat()),
        (
            "tools/call fails",
            [&[If::Tool, If::Arguments, If::Failed], DONE].concat(),
        ),
        ("tools/call refused", vec![If::Tool, If::Failed, If::Coded]),
        ("prompts/get triage", [&[If::Prompt], DONE].concat()),
        (
            "prompts/get described",
            [
                &[If::Prompt, If::Arguments, If::Description, If::OneMessage],
                DONE,
            ]
            .concat(),
        ),
        (
            "resources/read",
            [&[If::Resource, If::MimeTypes], DONE].concat(),
        ),
        ("completion/complete", DONE.to_vec()),
        ("logging/setLevel", DONE.to_vec()),
        ("resources/subscribe", DONE.to_vec()),
        ("resources/unsubscribe", DONE.to_vec()),
        ("tasks/get", DONE.to_vec()),
        ("tasks/update", DONE.to_vec()),
        ("tasks/cancel", DONE.to_vec()),
        ("skills/get", DONE.to_vec()),
        ("resources/directory/read", DONE.to_vec()),
        ("tools/list", [CACHED, DONE].concat()),
        ("prompts/list", DONE.to_vec()),
        ("resources/list", DONE.to_vec()),
        ("resources/templates/list", DONE.to_vec()),
        ("skills/list", DONE.to_vec()),
        ("_OTHER", [&[If::Failed, If::Coded], KNOWN_ID].concat()),
        (
            "initialize",
            [&[If::ClientCapabilities], KNOWN_ID, DONE].concat(),
        ),
    ] {
        let method = name.split(' ').next().unwrap();
        let span = request(&spans, name);
        table.check(&span, method, &[&base.concat(), &holds]);
    }
}

/// Requests that are there since 2026-07-28.
async fn newer_requests_of_a_client(table: &mut Table, rig: Rig) {
    let pair = Pair::modern().await;
    let client = pair.client.traced();
    let call = CallToolRequestParams::new("asks");
    client.call_tool_once(call).await.unwrap();
    let mut retry = CallToolRequestParams::new("echo");
    retry.input_responses = Some(InputResponses::from([("name".to_owned(), json!({}))]));
    retry.request_state = Some("half way".to_owned());
    client.call_tool_once(retry).await.unwrap();
    let meta = pair.wire.meta("server/discover");
    let meta: RequestMetaObject = serde_json::from_value(meta).unwrap();
    client.discover(meta).await.unwrap();
    let filter = SubscriptionFilter::default();
    let _subscription = client.listen(filter).await.unwrap();
    let spans = rig.spans();
    for (name, holds) in [
        (
            "tools/call asks",
            vec![If::Tool, If::Answered, If::InputRequired, If::InputsNamed],
        ),
        (
            "tools/call echo",
            [&[If::Tool, If::InputsBrought, If::StateBrought], DONE].concat(),
        ),
        ("server/discover", [CACHED, DONE].concat()),
        (
            "subscriptions/listen",
            [KNOWN_ID, &[If::Subscribed]].concat(),
        ),
    ] {
        let method = name.split(' ').next().unwrap();
        let span = request(&spans, name);
        table.check(&span, method, &[ROOT, TO_THE_SERVER, &holds]);
    }
}

/// Requests to which no response comes, and the transport where the app tells it.
async fn requests_without_a_response(table: &mut Table, rig: Rig) {
    let mut pair = Pair::legacy().await;
    let client = pair.client.traced().with_transport(McpTransport::Http);
    let level = rmcp::model::SetLevelRequestParams::new(rmcp::model::LoggingLevel::Info);
    client.set_level(level).await.unwrap();
    let options = PeerRequestOptions::no_options();
    let ping = message("ping", Json::Null);
    drop(
        client
            .send_request_with_option(ping, options)
            .await
            .unwrap(),
    );
    pair.client.close().await.unwrap();
    let client = pair.client.traced();
    let read = ReadResourceRequestParams::new("splunk://a");
    client.read_resource(read).await.unwrap_err();
    client.notify_initialized().await.unwrap_err();
    let spans = rig.spans();
    let base = [ROOT, TO_THE_SERVER].concat();
    let http = [If::Transport, If::TransportTold, If::Http];
    let span = request(&spans, "logging/setLevel");
    table.check(&span, "logging/setLevel", &[&base, DONE, &http]);
    let dropped = [If::NoResponse, If::Cancelled];
    let span = request(&spans, "ping");
    table.check(&span, "ping", &[&base, KNOWN_ID, &dropped, &http]);
    let unsent = [If::NoResponse, If::Failed];
    let span = request(&spans, "resources/read");
    table.check(&span, "resources/read", &[&base, &[If::Resource], &unsent]);
    let name = "notifications/initialized";
    let span = sent(&spans, TO_SERVER, name);
    table.check(&span, name, &[&base, &unsent]);
}

/// A notification with the id of a subscription that nobody has.
fn of_subscription() -> CustomNotification {
    let mut meta = NotificationMetaObject::default();
    meta.set_subscription_id(RequestId::Number(7));
    let mut custom = CustomNotification::new("notifications/acme", None);
    custom.extensions.insert(meta);
    custom
}

async fn notifications_of_a_client(table: &mut Table, rig: Rig) {
    let pair = Pair::legacy().await;
    notifications::tell_all(&pair).await;
    let custom = ClientNotification::CustomNotification(of_subscription());
    let http = pair.client.traced().with_transport(McpTransport::Http);
    http.send_notification(custom).await.unwrap();
    let spans = rig.spans();
    let http = [If::Transport, If::TransportTold, If::Http, If::Subscribed];
    for (name, holds) in [
        ("notifications/cancelled", CANCELLED),
        ("notifications/progress", &[]),
        ("notifications/initialized", &[]),
        ("notifications/roots/list_changed", &[]),
        ("_OTHER", &http),
    ] {
        let span = sent(&spans, TO_SERVER, name);
        table.check(&span, name, &[ROOT, TO_THE_SERVER, holds]);
    }
}

/// What a tool of a server sends, over HTTP and in a session.
async fn messages_of_a_tool(table: &mut Table, rig: Rig) {
    let post = http::Request::post("/mcp").header("mcp-session-id", "191c4850af6c");
    let (parts, ()) = post.body(()).unwrap().into_parts();
    let service = WithExtension {
        inner: TracedHandler::new(Host::default()),
        extend: move |extensions: &mut Extensions| {
            extensions.insert(parts.clone());
        },
    };
    let (_, client_end, server_end) = Wire::new();
    tokio::spawn(crate::host::serve(service, server_end));
    let client = Person::default().serve(client_end).await.unwrap();
    for tool in ["pings", "samples", "lists roots", "elicits", "tells"] {
        let call = CallToolRequestParams::new(tool);
        client.call_tool(call).await.unwrap();
    }
    let spans = rig.spans();
    let base = [TO_THE_CLIENT, &[If::Transport, If::Session]].concat();
    for method in ASKED {
        let span = request(&spans, method);
        table.check(&span, method, &[&base, KNOWN_ID, DONE]);
    }
    for method in TOLD.into_iter().filter(|it| *it != "_OTHER") {
        let holds = match method {
            "notifications/cancelled" => &[If::Reason],
            "notifications/progress" => PROGRESS,
            "notifications/message" => &[If::Logger],
            _ => &[],
        };
        let span = sent(&spans, TO_CLIENT, method);
        table.check(&span, method, &[&base, holds]);
    }
}

/// What a server sends by itself, and the client receives.
async fn messages_of_a_server(table: &mut Table, rig: Rig, transport: Option<McpTransport>) {
    let mut client = TracedClientService::new(Person::default());
    let known: &[Condition] = match transport {
        None => &[],
        Some(McpTransport::Http) => &[If::Transport, If::Http],
        Some(_) => &[If::Transport],
    };
    if let Some(transport) = transport {
        client = client.with_transport(transport);
    }
    let both = Both::new(client).await;
    ask_all(&both.server).await;
    tell_all(&both.server).await;
    let server = both.server.traced().with_transport(McpTransport::Http);
    let custom = ServerRequest::CustomRequest(CustomRequest::new("acme/ask", None));
    // The client has no such method.
    server.send_request(custom).await.unwrap_err();
    rig.wait(|spans| received(spans, TOLD.len())).await;
    let spans = rig.spans();
    let base = [BOTH, REMOTE, known].concat();
    for method in ASKED {
        let span = request(&spans, method);
        table.check(&span, method, &[ROOT, TO_THE_CLIENT, KNOWN_ID, DONE]);
        let span = served(&spans, method);
        table.check(&span, method, &[&base, &[If::InRequest], DONE]);
    }
    for method in TOLD {
        let holds = match method {
            "notifications/cancelled" => CANCELLED,
            "notifications/progress" => PROGRESS,
            "notifications/message" => &[If::Logger],
            _ => &[],
        };
        let span = sent(&spans, TO_CLIENT, method);
        table.check(&span, method, &[ROOT, TO_THE_CLIENT, holds]);
        table.check(&told(&spans, method), method, &[&base, holds]);
    }
    let refused = [
        If::Coded,
        If::Failed,
        If::Transport,
        If::TransportTold,
        If::Http,
    ];
    let span = request(&spans, "_OTHER");
    table.check(&span, "_OTHER", &[ROOT, TO_THE_CLIENT, KNOWN_ID, &refused]);
    let span = served(&spans, "_OTHER");
    // The caller's fault.
    table.check(&span, "_OTHER", &[&base, &[If::InRequest, If::Coded]]);
}

/// What goes wrong between a server that asks and its client.
async fn failures_of_a_client(table: &mut Table, rig: Rig) {
    let both = Both::legacy(Stubborn).await;
    let server = both.server.traced();
    let sampling = crate::host::sampling();
    server.create_message(sampling).await.unwrap_err();
    let options = PeerRequestOptions::no_options();
    let asks = ServerRequest::ElicitRequest(rmcp::model::ElicitRequest::new(question()));
    let asked = server.send_cancellable_request(asks, options).await;
    asked.unwrap().cancel(None).await.unwrap();
    let custom = ServerNotification::CustomNotification(of_subscription());
    let http = server.with_transport(McpTransport::Http);
    http.send_notification(custom).await.unwrap();
    rig.wait(|spans| received(spans, 2) && spans.all("elicitation/create").count() == 2)
        .await;
    let spans = rig.spans();
    // This client has no title.
    let base = [If::ToClient, If::Version, If::Client];
    let met = [
        If::InMessage,
        If::Version,
        If::Client,
        If::Server,
        If::ServerTitle,
    ];
    let failed = [If::Coded, If::Failed];
    let span = request(&spans, "sampling/createMessage");
    table.check(
        &span,
        "sampling/createMessage",
        &[ROOT, &base, KNOWN_ID, &failed],
    );
    let span = served(&spans, "sampling/createMessage");
    table.check(
        &span,
        "sampling/createMessage",
        &[REMOTE, &met, &[If::InRequest], &failed],
    );
    let dropped = [If::NoResponse, If::Cancelled];
    let span = request(&spans, "elicitation/create");
    table.check(
        &span,
        "elicitation/create",
        &[ROOT, &base, KNOWN_ID, &dropped],
    );
    let span = served(&spans, "elicitation/create");
    let taken_back = [If::InRequest, If::Cancelled];
    table.check(&span, "elicitation/create", &[REMOTE, &met, &taken_back]);
    let span = sent(&spans, TO_CLIENT, "_OTHER");
    let http = [If::Transport, If::TransportTold, If::Http];
    table.check(&span, "_OTHER", &[ROOT, &base, &http, &[If::Subscribed]]);
    let span = told(&spans, "_OTHER");
    table.check(&span, "_OTHER", &[REMOTE, &met, &[If::Subscribed]]);
}

/// What a server sends that cannot be sent.
async fn unsent_messages_of_a_server(table: &mut Table, rig: Rig) {
    let mut both = Both::legacy(Person::default()).await;
    both.server.close().await.unwrap();
    let server = both.server.traced();
    server.notify_tool_list_changed().await.unwrap_err();
    let name = "notifications/tools/list_changed";
    let span = sent(&rig.spans(), TO_CLIENT, name);
    let unsent = [If::NoResponse, If::Failed];
    table.check(&span, name, &[ROOT, TO_THE_CLIENT, &unsent]);
}

/// A question that stands in a result.
async fn questions_in_a_result(table: &mut Table, rig: Rig) {
    let (client, _wire) = modern().await;
    let call = CallToolRequestParams::new("asks");
    client.traced().call_tool(call).await.unwrap();
    let span = served(&rig.spans(), "elicitation/create");
    table.check(&span, "elicitation/create", &[BOTH, DONE]);
}

#[tokio::test]
async fn every_message_has_what_the_table_says() {
    let mut table = Table::default();
    for pii in [PII, NO_PII] {
        table.pii = pii == PII;
        let rig = || Rig::new(&[pii, ALL]);
        requests_of_a_client(&mut table, rig()).await;
        newer_requests_of_a_client(&mut table, rig()).await;
        requests_without_a_response(&mut table, rig()).await;
        notifications_of_a_client(&mut table, rig()).await;
        messages_of_a_tool(&mut table, rig()).await;
        for transport in [None, Some(McpTransport::Stdio), Some(McpTransport::Http)] {
            messages_of_a_server(&mut table, rig(), transport).await;
        }
        failures_of_a_client(&mut table, rig()).await;
        unsent_messages_of_a_server(&mut table, rig()).await;
        questions_in_a_result(&mut table, rig()).await;
    }
    everything_of_the_table_was_seen(&table);
}

/// Rows of notifications that are sent which nothing here brings about: a call that is dropped
/// while rmcp's queue is full, and a notification that rmcp itself refuses.
const RARE: [&str; 2] = ["sentry.status", "rpc.response.status_code"];

/// No row for what is sent is there in vain.
fn everything_of_the_table_was_seen(table: &Table) {
    let sent = SPANS
        .iter()
        .filter(|span| span.kind == "client" && span.op.starts_with("mcp."));
    let mut types = 0;
    for span in sent {
        types += 1;
        let rows = span.groups.iter().flat_map(|group| group.rows);
        let mut rows: BTreeSet<&str> = rows.map(|(key, _)| *key).collect();
        // MCP's traces are kept from the start.
        rows.remove("sampling.kept");
        if span.op != "mcp.client" {
            rows.retain(|key| !RARE.contains(key));
        }
        if span.op == TO_SERVER {
            rows.retain(|key| !key.starts_with("mcp.client.") && *key != "mcp.session.id");
            // This client's progress is told without a total and a text.
            let told = [
                "mcp.progress.total",
                "mcp.progress.percentage",
                "mcp.progress.message",
            ];
            rows.retain(|key| !told.contains(key));
        }
        if span.op == TO_CLIENT {
            rows.retain(|key| !key.starts_with("mcp.server."));
        }
        let seen = &table.seen[&(span.op.to_owned(), span.kind)];
        assert_eq!(*seen, rows, "{}", span.op);
    }
    assert_eq!(types, 3);
}
