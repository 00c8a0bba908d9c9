//! Release health: what Sentry is told of sessions.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use http::{Request, Response};
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::sentry::{self, User};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;
use telemetry_testkit::{Received, SessionAggregate};
use tokio::sync::Notify;
use tower::{Layer as _, ServiceExt as _};

use crate::common::raw::{LEGACY, MODERN, Raw, Wrapper, result};
use crate::live;

/// A server whose tools are named by what becomes of them.
#[derive(Clone, Default)]
struct Server {
    /// A tool that is not answered at once has started.
    started: Arc<Notify>,
}

impl ServerHandler for Server {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match &*request.name {
            "succeeds" => {}
            "is_error" => {
                let content = vec![ContentBlock::text("no such index")];
                return Ok(CallToolResult::error(content).into());
            }
            "breaks" => return Err(ErrorData::internal_error("the disk is full", None)),
            "is_refused" => return Err(ErrorData::invalid_params("no query", None)),
            "logs_an_error" => tracing::error!("one index could not be read"),
            "warns" => tracing::warn!("one index is slow"),
            "captures" => {
                sentry::capture_message("seen below", sentry::Level::Error);
            }
            "captures_below" => sentry::with_scope(
                |scope| scope.set_tag("part", "1"),
                || {
                    sentry::capture_message("seen below", sentry::Level::Error);
                },
            ),
            "panics" => {
                self.started.notify_one();
                panic!("on purpose");
            }
            "waits" => {
                self.started.notify_one();
                context.ct.cancelled().await;
            }
            "hangs" => {
                self.started.notify_one();
                pending::<()>().await;
            }
            user => {
                let id = Some(user.to_owned());
                let user = User {
                    id,
                    ..User::default()
                };
                sentry::configure_scope(|scope| scope.set_user(Some(user)));
                tokio::task::yield_now().await;
            }
        }
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

/// Sessions as exited, errored, abnormal and crashed.
fn numbers(aggregate: &SessionAggregate) -> [u64; 4] {
    let it = aggregate;
    [it.exited, it.errored, it.abnormal, it.crashed]
}

/// All of them together, as a test may run across a minute's end.
fn totals(received: &Received) -> [u64; 4] {
    let sessions = received.sessions().into_iter().map(numbers);
    sessions.fold([0; 4], |sum, more| {
        std::array::from_fn(|at| sum[at] + more[at])
    })
}

async fn start(raw: &mut Raw, server: &Server, tool: &str) -> i64 {
    let id = raw.send("tools/call", json!({ "name": tool })).await;
    server.started.notified().await;
    id
}

const EXITED: [u64; 4] = [1, 0, 0, 0];
const ERRORED: [u64; 4] = [0, 1, 0, 0];

#[tokio::test]
async fn a_session_ends_as_its_request() {
    for wrapper in Wrapper::BOTH {
        for (tool, expected) in [
            ("succeeds", EXITED),
            ("warns", EXITED),
            // The caller's fault is no failure of the release.
            ("is_refused", EXITED),
            ("is_error", ERRORED),
            ("breaks", ERRORED),
            // The tool succeeded, but an error was captured.
            ("logs_an_error", ERRORED),
            ("captures", ERRORED),
            ("captures_below", ERRORED),
        ] {
            let live = live(&[]);
            let mut raw = wrapper.serve(Server::default()).open(MODERN).await;
            raw.call(tool).await;
            raw.close().await;
            let received = live.finish();
            assert_eq!(totals(&received), expected, "{tool} {wrapper:?}");
        }
    }
}

#[tokio::test]
async fn what_is_sent() {
    let live = live(&[
        ("SENTRY_RELEASE", "app@9"),
        ("SENTRY_ENVIRONMENT", "staging"),
    ]);
    let mut raw = Wrapper::Handler.serve(Server::default()).open(MODERN).await;
    raw.call("succeeds").await;
    raw.close().await;
    let received = live.finish();
    let sessions = received.sessions();
    let [session] = sessions.as_slice() else {
        panic!("{sessions:?}");
    };
    assert_eq!(session.release, "app@9");
    assert_eq!(session.environment.as_deref(), Some("staging"));
    assert_eq!(session.distinct_id, None);
    assert!(session.started.ends_with(":00Z"), "{}", session.started);
    assert_eq!(numbers(session), EXITED);
    assert!(received.session_updates().is_empty());
}

#[tokio::test]
async fn a_panic_is_a_crash() {
    let live = live(&[]);
    let server = Server::default();
    let mut raw = Wrapper::Handler.serve(server.clone()).open(MODERN).await;
    start(&mut raw, &server, "panics").await;
    // The server goes on, and so do its sessions.
    result(&raw.call("succeeds").await);
    raw.close().await;
    let received = live.finish();
    assert_eq!(totals(&received), [1, 0, 0, 1]);
}

#[tokio::test]
async fn what_the_client_takes_back_exits() {
    for version in [LEGACY, MODERN] {
        let live = live(&[]);
        let server = Server::default();
        let mut raw = Wrapper::Handler.serve(server.clone()).open(version).await;
        let id = start(&mut raw, &server, "waits").await;
        let params = json!({ "requestId": id, "reason": "never mind" });
        raw.notify("notifications/cancelled", params).await;
        result(&raw.call("succeeds").await);
        raw.close().await;
        let received = live.finish();
        // `initialize` is a request too; notifications are none.
        let initialized = u64::from(version == LEGACY);
        assert_eq!(totals(&received), [2 + initialized, 0, 0, 0], "{version}");
    }
}

#[tokio::test]
async fn what_runs_when_telemetry_ends_is_abnormal() {
    let live = live(&[]);
    let server = Server::default();
    let mut raw = Wrapper::Handler.serve(server.clone()).open(MODERN).await;
    result(&raw.call("succeeds").await);
    start(&mut raw, &server, "hangs").await;
    let received = live.finish();
    assert_eq!(totals(&received), [1, 0, 1, 0]);
}

#[test]
fn what_is_dropped_is_abnormal() {
    let live = live(&[]);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let server = Server::default();
    let raw = runtime.block_on(async {
        let mut raw = Wrapper::Handler.serve(server.clone()).open(MODERN).await;
        start(&mut raw, &server, "hangs").await;
        raw
    });
    // As when a process ends while a tool runs.
    drop(runtime);
    drop(raw);
    // The session has ended by itself: it is sent before telemetry ends.
    live.telemetry().flush();
    let abnormal = totals(&live.sink.received());
    assert_eq!(abnormal, [0, 0, 1, 0]);
    assert_eq!(totals(&live.finish()), abnormal);
}

#[tokio::test]
async fn a_flush_sends_each_session_once() {
    let live = live(&[]);
    let mut raw = Wrapper::Handler.serve(Server::default()).open(MODERN).await;
    raw.call("succeeds").await;
    live.telemetry().flush();
    assert_eq!(totals(&live.sink.received()), EXITED);
    raw.call("breaks").await;
    raw.close().await;
    assert_eq!(totals(&live.finish()), [1, 1, 0, 0]);
}

#[tokio::test]
async fn users_are_counted_where_the_app_says_who_they_are() {
    let live = live(&[]);
    let mut raw = Wrapper::Handler.serve(Server::default()).open(MODERN).await;
    for tool in ["ada", "grace", "ada", "succeeds", "token=abc123def456"] {
        result(&raw.call(tool).await);
    }
    raw.close().await;
    let received = live.finish();
    let of = |user: Option<&str>| {
        let sessions = received.sessions().into_iter();
        let of_user = sessions.filter(|it| it.distinct_id.as_deref() == user);
        of_user.map(|it| it.exited).sum::<u64>()
    };
    assert_eq!(of(Some("ada")), 2);
    assert_eq!(of(Some("grace")), 1);
    // The next request knows nothing of the last one's user.
    assert_eq!(of(None), 1);
    assert_eq!(totals(&received), [5, 0, 0, 0]);
    for session in received.sessions() {
        let user = session.distinct_id.as_deref().unwrap_or_default();
        assert!(!user.contains("abc123def456"), "{user}");
    }
}

#[tokio::test]
async fn sessions_need_no_traces() {
    let live = live(&[("MCP_TELEMETRY_SENTRY_TRACES", "off")]);
    let mut raw = Wrapper::Handler.serve(Server::default()).open(MODERN).await;
    raw.call("succeeds").await;
    raw.call("breaks").await;
    raw.close().await;
    let received = live.finish();
    assert!(received.transactions().is_empty());
    assert_eq!(totals(&received), [1, 1, 0, 0]);
}

#[tokio::test]
async fn http_requests_and_notifications_are_no_sessions() {
    let live = live(&[]);
    let service = HttpLayer::new().layer(tower::service_fn(async |_: Request<String>| {
        tracing::error!("no answer");
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let request = Request::get("/mcp").body(String::new()).unwrap();
    drop(service.oneshot(request).await.unwrap());
    let mut raw = Wrapper::Handler.serve(Server::default()).open(LEGACY).await;
    raw.notify("notifications/roots/list_changed", json!(null))
        .await;
    raw.close().await;
    // That one is `initialize`.
    assert_eq!(totals(&live.finish()), EXITED);
}
