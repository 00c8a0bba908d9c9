//! Every method, on every transport, in every version: the attributes that arrive at Sentry
//! and by OTLP are those of the project's table, no more and no less. Once more without
//! `SENTRY_SEND_PII`: `every_message_without_pii` is this file, too.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "every_message/personal.rs"]
mod personal;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mcp_telemetry::spans::{Condition, Condition as If, expected};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::trace::Trace;
use mcp_telemetry_tests::wire::{STATELESS, Transport, VERSIONS, Wire};
use serde_json::{Value, json};
use telemetry_testkit::{OtlpSpan, Received};

/// Whether this binary runs with `SENTRY_SEND_PII`, as its name says.
fn pii() -> bool {
    env!("CARGO_CRATE_NAME") == "every_message"
}

static HARNESS: LazyLock<Harness> = LazyLock::new(|| {
    let pii = pii().to_string();
    Harness::start_with(1.0, &[("SENTRY_SEND_PII", &pii)]).unwrap()
});

/// In which versions a method is there.
#[derive(Clone, Copy, PartialEq)]
enum In {
    All,
    /// Before 2026-07-28. Later it is an error.
    Sessions,
    /// From 2026-07-28 on.
    Stateless,
}

/// A request, and what holds of it.
struct Case {
    mark: &'static str,
    method: &'static str,
    params: Value,
    versions: In,
    /// What the request executes.
    executes: Option<(&'static str, Condition)>,
    holds: Vec<Condition>,
}

fn case(mark: &'static str, method: &'static str, params: Value, holds: &[Condition]) -> Case {
    let executes = match method {
        "tools/call" => Some(("mcp.tool", If::Tool)),
        "resources/read" => Some(("mcp.resource", If::Resource)),
        "prompts/get" => Some(("mcp.prompt", If::Prompt)),
        _ => None,
    };
    Case {
        mark,
        method,
        params,
        versions: In::All,
        executes,
        holds: holds.to_vec(),
    }
}

impl Case {
    fn only(mut self, versions: In) -> Self {
        self.versions = versions;
        self
    }
}

const DONE: [Condition; 2] = [If::Answered, If::FinalResult];

fn done(more: &[Condition]) -> Vec<Condition> {
    DONE.iter().chain(more).copied().collect()
}

/// A request for each method, and for each way to answer one.
fn cases() -> Vec<Case> {
    let echo = json!({ "name": "echo", "arguments": { "query": "index=main" } });
    let read = |uri: &str| json!({ "uri": uri });
    let call = |tool: &str| json!({ "name": tool });
    let reference = json!({ "type": "ref/prompt", "name": "triage" });
    let complete = json!({ "ref": reference, "argument": { "name": "a", "value": "b" } });
    let triage = json!({ "name": "triage", "arguments": { "env": "prod" } });
    let retry = json!({
        "name": "echo", "requestState": "opaque",
        "inputResponses": { "index": { "action": "accept", "content": {} } },
    });
    let asked = [If::Answered, If::InputRequired, If::InputsNamed];
    let cached = done(&[If::CacheTtl]);
    let prompt = done(&[If::Arguments, If::Description, If::OneMessage]);
    let discovered = done(&[If::CacheTtl, If::CacheScope, If::ClientCapabilities]);
    let brought = done(&[If::InputsBrought, If::StateBrought]);
    let update = json!({ "taskId": "t", "inputResponses": {} });
    vec![
        case("echo", "tools/call", echo, &done(&[If::Arguments])),
        case("fails", "tools/call", call("fails"), &done(&[If::Failed])),
        case(
            "broken",
            "tools/call",
            call("broken"),
            &[If::Failed, If::Coded],
        ),
        case("unknown", "tools/call", call("nope"), &[If::Coded]),
        case("ask", "tools/call", call("asks"), &asked).only(In::Stateless),
        case("retry", "tools/call", retry, &brought).only(In::Stateless),
        case("tools", "tools/list", json!({}), &cached),
        case("page", "tools/list", json!({ "cursor": "2" }), &cached),
        case("prompt", "prompts/get", triage, &prompt),
        case("no-prompt", "prompts/get", call("nope"), &[If::Coded]),
        case("ask-prompt", "prompts/get", call("asks"), &asked).only(In::Stateless),
        case("prompts", "prompts/list", json!({}), &DONE),
        case(
            "read",
            "resources/read",
            read("splunk://indexes"),
            &done(&[If::MimeTypes]),
        ),
        case(
            "no-read",
            "resources/read",
            read("splunk://nope"),
            &[If::Coded],
        ),
        case("ask-read", "resources/read", read("splunk://asks"), &asked).only(In::Stateless),
        case("resources", "resources/list", json!({}), &DONE),
        case("templates", "resources/templates/list", json!({}), &DONE),
        case(
            "subscribe",
            "resources/subscribe",
            read("splunk://a"),
            &DONE,
        )
        .only(In::Sessions),
        case(
            "unsubscribe",
            "resources/unsubscribe",
            read("splunk://a"),
            &DONE,
        )
        .only(In::Sessions),
        case("complete", "completion/complete", complete, &DONE),
        case(
            "level",
            "logging/setLevel",
            json!({ "level": "info" }),
            &DONE,
        ),
        case("ping", "ping", json!({}), &DONE).only(In::Sessions),
        case("task", "tasks/get", json!({ "taskId": "t" }), &DONE),
        case("update", "tasks/update", update, &DONE),
        case(
            "no-cancel",
            "tasks/cancel",
            json!({ "taskId": "t" }),
            &[If::Coded],
        ),
        case("skills", "skills/list", json!({}), &DONE),
        case(
            "skill",
            "skills/get",
            read("skill://triage/SKILL.md"),
            &DONE,
        ),
        case(
            "directory",
            "resources/directory/read",
            read("skill://triage/"),
            &DONE,
        ),
        case("discover", "server/discover", json!({}), &discovered).only(In::Stateless),
        case("custom", "x/custom", json!({}), &DONE),
    ]
}

/// What holds of every request of this client.
fn of_client(wire: &Wire) -> Vec<Condition> {
    let mut holds = vec![If::InMessage, If::InRequest, If::Transport];
    holds.extend(pii().then_some(If::Pii));
    holds.extend([If::Version, If::Server, If::ServerTitle]);
    // Without a session an older client names itself once, to nobody who remembers.
    if wire.is_remembered() || !wire.has_handshake() {
        holds.extend([If::Client, If::ClientTitle]);
    }
    if wire.has_session() {
        holds.push(If::Session);
    }
    if wire.transport != Transport::Stdio {
        holds.extend([If::Http, If::HttpVersion, If::Address]);
    }
    holds
}

/// What holds of an HTTP request that carries a message.
const HTTP: [Condition; 10] = [
    If::McpEndpoint,
    If::LocalRoot,
    If::OwnDecision,
    If::Route,
    If::Host,
    If::Port,
    If::UserAgent,
    If::RequestLength,
    If::Responded,
    If::BodySent,
];

/// The ops of a message's spans with what holds of each, from the outside inwards.
fn spans(
    wire: &Wire,
    inner: &[&'static str],
    message: &[Condition],
) -> Vec<(&'static str, Vec<Condition>)> {
    let mut spans = Vec::new();
    if wire.transport != Transport::Stdio {
        let mut holds: Vec<_> = message.to_vec();
        // The error of a message is none of its HTTP exchange.
        holds.retain(|it| !matches!(it, If::Failed | If::Coded));
        holds.extend(HTTP);
        if !wire.has_handshake() {
            holds.push(If::MethodHeader);
        }
        // The HTTP span has the version of the header, whatever the handler knows.
        holds.push(If::Version);
        spans.push(("http.server", holds));
    }
    for op in inner {
        let mut holds: Vec<_> = message.to_vec();
        if spans.is_empty() {
            holds.extend([If::LocalRoot, If::OwnDecision]);
        }
        spans.push((op, holds));
    }
    spans
}

/// Holds a trace against the table.
fn check(
    what: &str,
    trace: &Trace,
    method: &str,
    spans: &[(&'static str, Vec<Condition>)],
) -> anyhow::Result<()> {
    let ops: Vec<&str> = spans.iter().map(|(op, _)| *op).collect();
    let both = trace.spans(&ops)?;
    for (span, (op, holds)) in both.iter().zip(spans) {
        let kind = format!("{:?}", span.otlp.kind).to_lowercase();
        let expected = expected(op, &kind, method, holds);
        let otlp: Vec<&str> = span.otlp.attributes.keys().map(String::as_str).collect();
        let sentry: Vec<&str> = span.sentry.data.keys().map(String::as_str).collect();
        assert_eq!(folded(&otlp, &expected), expected, "{what}: {op} by OTLP");
        assert_eq!(
            folded(&sentry, &expected),
            at_sentry(&expected),
            "{what}: {op} at Sentry"
        );
        assert_eq!(
            span.sentry.origin.as_deref(),
            Some("auto.mcp.mcp_telemetry"),
            "{what}"
        );
        for key in otlp.iter().filter(|key| !FIELDS.contains(key)) {
            assert!(span.attribute(key)?.is_some(), "{what}: {key} of {op}");
        }
    }
    // One request is one transaction, and its spans are one below the other.
    for pair in both.windows(2) {
        assert_eq!(pair[1].parent()?, Some(pair[0].id()), "{what}");
    }
    assert_eq!(both[0].parent()?, None, "{what}");
    let transactions = trace.received.transactions_of(&trace.id).len();
    // A notification is handled when its HTTP request has been answered; a subscription's HTTP
    // span ends with the headers, its own with the acknowledgement.
    let outlives = |op: &&str| op.starts_with("mcp.notification");
    let most = match ops.iter().any(outlives) || method == "subscriptions/listen" {
        true => 2,
        false => 1,
    };
    assert!((1..=most).contains(&transactions), "{what}: {transactions}");
    Ok(())
}

/// Attributes that are fields of their own at Sentry.
const FIELDS: [&str; 4] = [
    "sentry.op",
    "sentry.origin",
    "sentry.source",
    "sentry.status",
];

/// What of a span's attributes is in its data at Sentry, which gets the span's kind and what
/// OTel's status says there too.
fn at_sentry<'a>(attributes: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let data = attributes.iter().filter(|key| !FIELDS.contains(key));
    let failed = attributes.contains("error.type");
    let message = failed.then_some("sentry.status.message");
    data.copied()
        .chain(["sentry.kind"])
        .chain(message)
        .collect()
}

/// The names, those that begin as the table says folded into its prefix.
fn folded<'a>(keys: &[&'a str], expected: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let fold = |key: &&'a str| {
        let prefixes = expected.iter().filter(|it| it.ends_with('.'));
        let mut prefix = prefixes.filter(|prefix| key.starts_with(**prefix));
        prefix.next().copied().unwrap_or(key)
    };
    keys.iter().map(fold).collect()
}

/// The trace of the message with this mark.
async fn trace_of(
    harness: &Harness,
    wire: &Wire,
    mark: &str,
    method: &str,
    spans: usize,
) -> anyhow::Result<Trace> {
    let id = wire.id(mark);
    let is_it = |span: &OtlpSpan| {
        let is = |key, value: &str| span.attribute_str(key) == Some(value);
        let http = span.attribute("http.request.header.x-request-id");
        // A notification has no id; over a pipe, its client and its method tell.
        let notification = is("mcp.client.name", &wire.name)
            && is("mcp.method.name", method)
            && span.attribute("mcp.request.id").is_none();
        is("mcp.request.id", &id) || http == Some(&json!([id])) || notification
    };
    let find = |received: &Received| {
        let spans = received.otlp_spans();
        let span = spans.into_iter().find(|span| is_it(span));
        span.map(|span| span.trace_id.clone())
    };
    let trace = harness
        .wait_for(&format!("{mark} of {}", wire.name), find)
        .await?;
    harness.trace(&trace, spans).await
}

async fn every_method(harness: &Harness, transport: Transport) -> anyhow::Result<()> {
    for version in VERSIONS {
        let mut wire = Wire::open(transport, version).await?;
        for case in cases() {
            let stateless = version == STATELESS;
            if case.versions
                == (if stateless {
                    In::Sessions
                } else {
                    In::Stateless
                })
            {
                continue;
            }
            // rmcp refuses tasks of a client that it does not remember, before the handler.
            if case.method.starts_with("tasks/") && wire.has_handshake() && !wire.is_remembered() {
                continue;
            }
            let what = format!("{} of {}", case.mark, wire.name);
            let answer = wire.request(case.mark, case.method, case.params).await?;
            let refused = answer.get("error").is_some();
            assert_eq!(refused, case.holds.contains(&If::Coded), "{what}: {answer}");
            let mut message = of_client(&wire);
            message.extend(&case.holds);
            message.extend(case.executes.map(|(_, target)| target));
            let mut inner = vec!["mcp.server"];
            inner.extend(case.executes.map(|(op, _)| op));
            let spans = spans(&wire, &inner, &message);
            let method = match case.method.starts_with("x/") {
                true => "_OTHER",
                false => case.method,
            };
            let trace = trace_of(harness, &wire, case.mark, method, spans.len()).await?;
            check(&what, &trace, method, &spans)?;
        }
    }
    Ok(())
}

#[test]
fn every_method_over_stdio() {
    HARNESS.test(async |harness| every_method(harness, Transport::Stdio).await);
}

#[test]
fn every_method_over_http_with_sessions() {
    HARNESS.test(async |harness| every_method(harness, Transport::Http).await);
}

#[test]
fn every_method_over_http_without_sessions() {
    HARNESS.test(async |harness| every_method(harness, Transport::StatelessHttp).await);
}

const TRANSPORTS: [Transport; 3] = [Transport::Stdio, Transport::Http, Transport::StatelessHttp];

#[test]
fn every_handshake() {
    HARNESS.test(async |harness| {
        for transport in TRANSPORTS {
            for version in VERSIONS.into_iter().filter(|it| *it != STATELESS) {
                let wire = Wire::open(transport, version).await?;
                let what = format!("initialize of {}", wire.name);
                let mut message = of_client(&wire);
                // The request comes before the session, and itself says who the client is.
                message.retain(|it| *it != If::Session);
                message.extend(done(&[If::ClientCapabilities]));
                if !wire.is_remembered() {
                    message.extend([If::Client, If::ClientTitle]);
                }
                let mut spans = spans(&wire, &["mcp.server"], &message);
                if wire.has_session() {
                    // The response names it.
                    spans[0].1.push(If::Session);
                }
                let trace = trace_of(harness, &wire, "hello", "initialize", spans.len()).await?;
                check(&what, &trace, "initialize", &spans)?;
            }
        }
        Ok(())
    });
}

/// Notifications, and what holds of each. Progress has no span, as many as there may be.
fn notifications() -> [(&'static str, Value, Vec<Condition>); 4] {
    let cancelled = json!({ "requestId": "none", "reason": "enough" });
    [
        ("notifications/initialized", json!({}), vec![]),
        (
            "notifications/cancelled",
            cancelled,
            vec![If::NamesRequest, If::Reason],
        ),
        ("notifications/roots/list_changed", json!({}), vec![]),
        ("notifications/x-custom", json!({}), vec![]),
    ]
}

#[test]
fn every_notification() {
    const OP: &str = "mcp.notification.client_to_server";
    HARNESS.test(async |harness| {
        for transport in TRANSPORTS {
            for version in VERSIONS.into_iter().filter(|it| *it != STATELESS) {
                let mut wire = Wire::open(transport, version).await?;
                // A name of its own: other tests have clients that notify too.
                for (method, params, holds) in notifications() {
                    let what = format!("{method} of {}", wire.name);
                    let mark = match method {
                        "notifications/initialized" => "ready",
                        method => {
                            wire.notify(method, method, params).await?;
                            method
                        }
                    };
                    let method = if method.ends_with("custom") {
                        "_OTHER"
                    } else {
                        method
                    };
                    let mut message = of_client(&wire);
                    message.retain(|it| *it != If::InRequest);
                    message.extend(holds);
                    let mut inner = vec![OP];
                    if transport == Transport::StatelessHttp {
                        // rmcp answers with 202 and drops it: its HTTP span is all.
                        inner.clear();
                        message.retain(|it| *it != If::InMessage);
                    }
                    let mut spans = spans(&wire, &inner, &message);
                    if let Some((_, http)) = spans.first_mut().filter(|(op, _)| *op != OP) {
                        // 202 comes before the notification is handled.
                        http.retain(|it| *it != If::InMessage);
                    }
                    let trace = trace_of(harness, &wire, mark, method, spans.len()).await?;
                    check(&what, &trace, method, &spans)?;
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_subscription_is_seen_while_it_lasts() {
    HARNESS.test(async |harness| {
        for transport in TRANSPORTS {
            let mut wire = Wire::open(transport, STATELESS).await?;
            let what = format!("a subscription of {}", wire.name);
            let open = wire.listen("listen").await?;
            let message = of_client(&wire);
            let mut spans = spans(&wire, &["mcp.server"], &message);
            if let Some((_, http)) = spans.first_mut().filter(|(op, _)| *op == "http.server") {
                // It ends with the headers, before there is a body and a handler.
                http.retain(|it| ![If::BodySent, If::InMessage, If::InRequest].contains(it));
            }
            let method = "subscriptions/listen";
            let trace = trace_of(harness, &wire, "listen", method, spans.len()).await?;
            check(&what, &trace, method, &spans)?;
            drop(open);
        }
        Ok(())
    });
}
