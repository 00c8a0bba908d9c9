//! Takes requests, applies faults, answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, StatusCode, request::Parts};

use crate::archive::Archive;
use crate::connection::{Listener, Reset};
use crate::fault::Action;
use crate::problem::{ParseError, ParseProblem};
use crate::reply::Reply;
use crate::request::{Answer, Request, SentryAuth};
use crate::store::{Arrival, Store};
use crate::take::{Taken, take};

/// Called with every request once its answer is decided.
pub(crate) type OnAnswer = Arc<dyn Fn(&Request) + Send + Sync>;

/// What a request handler needs.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) store: Arc<Store>,
    pub(crate) archive: Option<Arc<Archive>>,
    pub(crate) on_answer: Option<OnAnswer>,
    pub(crate) max_body: usize,
}

/// Serves until the future is dropped.
pub(crate) async fn serve(listener: Listener, server: Server) {
    let app = Router::new().fallback(handle).with_state(server);
    let service = app.into_make_service_with_connect_info::<Reset>();
    // It never ends by itself, so there is no result to look at.
    let _ = axum::serve(listener, service).await;
}

async fn handle(
    State(server): State<Server>,
    ConnectInfo(reset): ConnectInfo<Reset>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut arrival = server.store.arrive(parts.uri.path());
    let body = to_bytes(body, server.max_body)
        .await
        .map_err(|error| body_error(error, server.max_body));
    let fault = arrival.fault.take();
    let (request, reply) = server.take(parts, body, &arrival).await;

    let Some(fault) = fault else {
        return server.done(request, reply);
    };
    let id = request.id;
    match fault {
        Action::Answer {
            status,
            headers,
            delay,
        } => {
            let reply = reply.with_fault(status, headers);
            if delay.is_zero() {
                return server.done(request, reply);
            }
            server.pending(request, Some(delay));
            tokio::time::sleep(delay).await;
            server.done_late(id, reply)
        }
        Action::Hang => {
            server.pending(request, None);
            // An error means that the sink is gone, and this task with it.
            let _ = arrival.release.changed().await;
            server.done_late(id, reply)
        }
        Action::Reset => {
            reset.set();
            server.finish(request, Answer::Reset);
            Response::new(Body::empty())
        }
        Action::CloseMidBody => {
            server.finish(request, Answer::ClosedMidBody);
            half_a_body()
        }
    }
}

impl Server {
    /// Decodes, parses and stores a request, off the threads that serve connections.
    async fn take(
        &self,
        parts: Parts,
        body: Result<Bytes, ParseError>,
        arrival: &Arrival,
    ) -> (Request, Reply) {
        let (id, arrived, in_flight) = (arrival.id, arrival.at, arrival.in_flight);
        let max_body = self.max_body;
        let archive = self.archive.clone();
        let mut request = Request {
            id,
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: sensitive(parts.headers),
            arrived,
            wire_len: body.as_ref().map_or(0, Bytes::len),
            body: Bytes::new(),
            answer: Answer::Pending { delay: None },
            in_flight,
            auth: None,
            payload: Arc::default(),
            problem: None,
        };
        let work = move || {
            let Taken {
                body,
                payload,
                mut reply,
                mut error,
            } = take(&request, body, max_body);
            request.body = body;
            request.auth = SentryAuth::find(&request.headers, request.query.as_deref(), &payload);
            request.payload = Arc::new(payload);
            if let Some(archive) = archive
                && let Err(failure) = archive.store(&request)
            {
                reply = Reply::refuse(&request, &failure);
                error.get_or_insert(failure);
            }
            request.problem = error.map(|error| ParseProblem {
                request: request.id,
                path: request.path.clone(),
                error,
            });
            (request, reply)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                // A defect of this crate. It goes on to the connection's task, so that the client
                // sees a broken connection and the test fails.
                Ok(panic) => std::panic::resume_unwind(panic),
                // The sink is being dropped, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    fn done(&self, request: Request, reply: Reply) -> Response {
        self.finish(request, Answer::Status(reply.status.as_u16()));
        reply.into_response()
    }

    fn done_late(&self, id: u64, reply: Reply) -> Response {
        let answer = Answer::Status(reply.status.as_u16());
        if let (Some(request), Some(tell)) = (self.store.answer(id, answer), &self.on_answer) {
            tell(&request);
        }
        reply.into_response()
    }

    fn pending(&self, mut request: Request, delay: Option<Duration>) {
        request.answer = Answer::Pending { delay };
        self.store.record(request);
    }

    fn finish(&self, mut request: Request, answer: Answer) {
        request.answer = answer;
        if let Some(tell) = &self.on_answer {
            tell(&request);
        }
        self.store.record(request);
    }
}

/// Headers with credentials show as `Sensitive` when they are printed.
fn sensitive(mut headers: HeaderMap) -> HeaderMap {
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            for value in entry.iter_mut() {
                value.set_sensitive(true);
            }
        }
    }
    headers
}

fn body_error(error: axum::Error, limit: usize) -> ParseError {
    let inner = error.into_inner();
    if inner.is::<http_body_util::LengthLimitError>() {
        return ParseError::TooLarge {
            limit,
            encoding: "on the wire".to_owned(),
        };
    }
    ParseError::Body {
        reason: inner.to_string(),
    }
}

/// A head that promises 100 bytes and a body that ends after 7.
fn half_a_body() -> Response {
    let first = stream::once(async { Ok(Bytes::from_static(b"{\"id\":\"")) });
    let second = stream::once(async {
        // Lets the server write out what it has before it sees the error and closes.
        tokio::task::yield_now().await;
        Err(std::io::Error::other(
            "fault: closed in the middle of the body",
        ))
    });
    let mut response = Response::new(Body::from_stream(first.chain(second)));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("100"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
