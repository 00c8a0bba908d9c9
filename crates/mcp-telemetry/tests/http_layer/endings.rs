//! When the span ends, and what it says then.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use mcp_telemetry::http::{HttpLayer, TracedBody};
use mcp_telemetry::opentelemetry::trace::Status;
use serde_json::{Value as Json, json};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::common::{Rig, assert_child, assert_has, failed};
use crate::{Frames, Headers, NO_PII, Stream, answering, exchange, request};

#[tokio::test]
async fn only_the_servers_faults_are_errors() {
    for (status, error) in [
        (200, Json::Null),
        (202, Json::Null),
        (304, Json::Null),
        (400, Json::Null),
        (404, Json::Null),
        (499, Json::Null),
        (500, json!("500")),
        (503, json!("503")),
        (599, json!("599")),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let answered = exchange(
            answering(HttpLayer::new(), status),
            request("POST", "/mcp", &[]),
        );
        assert_eq!(answered.await.as_u16(), status);
        let span = rig.spans().one("POST /mcp");
        let expected = match error {
            Json::Null => Status::Unset,
            _ => Status::error(""),
        };
        assert_eq!(span.status, expected, "{status}");
        let expected = json!({
            "http.response.status_code": status,
            "http.status_code": status,
            "error.type": error,
        });
        assert_has(&span, expected);
    }
}

/// A service that answers once, with a stream.
fn streaming(
    content_type: &'static str,
    stream: Stream,
) -> impl Service<Request<String>, Response = Response<TracedBody<Stream>>, Error = Infallible> {
    let mut stream = Some(stream);
    HttpLayer::new().layer(tower::service_fn(move |_: Request<String>| {
        let mut response = Response::new(stream.take().unwrap());
        let content_type = HeaderValue::from_static(content_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        std::future::ready(Ok(response))
    }))
}

const EVENTS: &str = "text/event-stream;charset=utf-8";

#[tokio::test]
async fn an_answer_to_a_post_lasts_until_its_stream_ends() {
    for content_type in [EVENTS, "application/json"] {
        let rig = Rig::new(&[NO_PII]);
        let (frames, stream) = Stream::new();
        let service = streaming(content_type, stream);
        let response = service.oneshot(request("POST", "/mcp", &[])).await.unwrap();
        let mut body = response.into_body();
        for data in ["one", "two"] {
            frames.send(Ok(data)).await.unwrap();
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), data);
            assert_eq!(rig.spans().len(), 0, "the stream goes on");
        }
        drop(frames);
        assert!(body.frame().await.is_none());
        // At the end, not when the body is dropped.
        let span = rig.spans().one("POST /mcp");
        assert_eq!(span.status, Status::Unset);
        assert_has(&span, json!({ "http.response.status_code": 200 }));
        drop(body);
        assert_eq!(rig.spans().len(), 1);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_it() {
    let rig = Rig::new(&[NO_PII]);
    let (frames, stream) = Stream::new();
    let service = streaming(EVENTS, stream);
    let response = service.oneshot(request("POST", "/mcp", &[])).await.unwrap();
    frames.send(Ok("one")).await.unwrap();
    let mut body = response.into_body();
    assert!(body.frame().await.is_some());
    assert_eq!(rig.spans().len(), 0);
    drop(body);
    rig.spans().one("POST /mcp");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_it() {
    let rig = Rig::new(&[NO_PII]);
    let (frames, stream) = Stream::new();
    let service = streaming(EVENTS, stream);
    let response = service.oneshot(request("POST", "/mcp", &[])).await.unwrap();
    let mut body = response.into_body();
    frames.send(Err("broken pipe")).await.unwrap();
    assert_eq!(body.frame().await.unwrap().err(), Some("broken pipe"));
    rig.spans().one("POST /mcp");
    drop(body);
}

/// These last as long as the session or the subscription.
#[tokio::test]
async fn streams_of_events_that_the_client_asks_for_end_at_their_headers() {
    let listen: Headers<'_> = &[("Mcp-Method", b"subscriptions/listen")];
    let call: Headers<'_> = &[("Mcp-Method", b"tools/call")];
    for (method, headers, content_type, ends) in [
        ("GET", &[][..], EVENTS, true),
        ("POST", listen, EVENTS, true),
        ("POST", listen, "application/json", true),
        ("POST", call, EVENTS, false),
        // A page is no stream of events.
        ("GET", &[][..], "text/html", false),
    ] {
        let rig = Rig::new(&[NO_PII]);
        let (_frames, stream): (Frames, _) = Stream::new();
        let service = streaming(content_type, stream);
        let asked = request(method, "/mcp", headers);
        let response = service.oneshot(asked).await.unwrap();
        let ended = rig.spans().len();
        assert_eq!(
            ended,
            usize::from(ends),
            "{method} {headers:?} {content_type}"
        );
        drop(response);
        let span = rig.spans().one(&format!("{method} /mcp"));
        assert_has(&span, json!({ "http.response.status_code": 200 }));
    }
}

/// A body that makes a span when it is asked for a frame.
struct Tracing;

impl Body for Tracing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        drop(tracing::info_span!("frame").entered());
        Poll::Ready(None)
    }
}

#[tokio::test]
async fn what_a_stream_does_stands_below_its_span() {
    let rig = Rig::new(&[NO_PII]);
    let inner = tower::service_fn(|_: Request<String>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Tracing)))
    });
    let service = HttpLayer::new().layer(inner);
    let response = service.oneshot(request("POST", "/mcp", &[])).await.unwrap();
    drop(response.into_body().frame().await);
    let spans = rig.spans();
    assert_child(&spans.one("frame"), &spans.one("POST /mcp"));
}

#[tokio::test]
async fn a_request_given_up_before_its_answer_ends() {
    let rig = Rig::new(&[NO_PII]);
    let service = HttpLayer::new().layer(tower::service_fn(|_: Request<String>| {
        pending::<Result<Response<String>, Infallible>>()
    }));
    {
        let mut asked = pin!(service.oneshot(request("POST", "/mcp", &[])));
        let polled = poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_pending()));
        assert!(polled.await);
        assert_eq!(rig.spans().len(), 0);
    }
    let span = rig.spans().one("POST /mcp");
    assert_eq!(span.status, Status::Unset);
    let expected = json!({ "http.response.status_code": null, "error.type": null });
    assert_has(&span, expected);
}

#[derive(Debug)]
struct BrokenError;

#[tokio::test]
async fn a_service_without_an_answer_is_an_error() {
    let rig = Rig::new(&[NO_PII]);
    let service = HttpLayer::new().layer(tower::service_fn(|_: Request<String>| {
        std::future::ready(Err::<Response<String>, _>(BrokenError))
    }));
    assert!(service.oneshot(request("POST", "/mcp", &[])).await.is_err());
    let span = rig.spans().one("POST /mcp");
    assert_eq!(span.status, failed("the service failed"));
    let expected = json!({ "error.type": "BrokenError", "http.response.status_code": null });
    assert_has(&span, expected);
}

fn panicking() -> impl Service<Request<String>, Response = Response<TracedBody<String>>> {
    HttpLayer::new().layer(tower::service_fn(async |_: Request<String>| {
        if true {
            panic!("on purpose");
        }
        Ok::<_, Infallible>(Response::new(String::new()))
    }))
}

#[tokio::test]
async fn a_panic_is_an_error() {
    let rig = Rig::new(&[NO_PII]);
    let mut panicking = panicking();
    let asked = panicking.call(request("POST", "/mcp", &[]));
    let mut asked = Box::pin(asked);
    // As a layer does that catches panics: it keeps the future, and drops it later.
    let caught = poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| asked.as_mut().poll(cx).map(drop));
        Poll::Ready(catch_unwind(poll).is_err())
    });
    assert!(caught.await);
    drop(asked);
    let span = rig.spans().one("POST /mcp");
    assert_eq!(span.status, failed("the service panicked"));
    let expected = json!({ "error.type": "panic", "http.response.status_code": null });
    assert_has(&span, expected);
}

#[tokio::test]
async fn a_panic_that_takes_the_task_with_it_is_an_error() {
    let rig = Rig::new(&[NO_PII]);
    let mut runtime = tokio::task::LocalSet::new();
    let task = runtime.spawn_local(async {
        let answer = panicking().oneshot(request("POST", "/mcp", &[])).await;
        answer.is_ok()
    });
    (&mut runtime).await;
    assert!(task.await.unwrap_err().is_panic());
    let span = rig.spans().one("POST /mcp");
    assert_eq!(span.status, failed("the service panicked"));
}

#[tokio::test]
async fn a_panic_before_there_is_a_future_is_an_error() {
    let rig = Rig::new(&[NO_PII]);
    let mut service = HttpLayer::new().layer(tower::service_fn(|request: Request<String>| {
        assert!(request.uri().path().is_empty(), "on purpose");
        std::future::ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    let called = catch_unwind(AssertUnwindSafe(|| {
        drop(service.call(request("POST", "/mcp", &[])));
    }));
    assert!(called.is_err());
    let span = rig.spans().one("POST /mcp");
    assert_eq!(span.status, failed("the service panicked"));
}

#[tokio::test]
async fn what_a_subscription_spawns_does_not_hold_its_span() {
    let rig = Rig::new(&[NO_PII]);
    let (open, closed) = tokio::sync::oneshot::channel::<()>();
    let closed = std::sync::Mutex::new(Some(closed));
    let service = HttpLayer::new().layer(tower::service_fn(move |_: Request<String>| {
        let closed = closed.lock().unwrap().take();
        // As rmcp does: what it spawns runs in the span that it was called in.
        let task = tracing::Instrument::instrument(
            async move {
                if let Some(closed) = closed {
                    let _ = closed.await;
                }
            },
            tracing::Span::current(),
        );
        tokio::spawn(task);
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(
            String::new(),
        )))
    }));
    let post = request("POST", "/mcp", &[("mcp-method", b"subscriptions/listen")]);
    let response = service.oneshot(post).await.unwrap();
    assert_eq!(rig.spans().names(), ["POST /mcp"]);
    drop((response, open));
}
