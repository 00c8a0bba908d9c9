//! `HttpLayer` around services: one span for each request, and when it ends.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod described;
mod endings;
mod identity;
mod measured;
mod rmcp;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use mcp_telemetry::http::{HttpLayer, HttpService, TracedBody};
use tokio::sync::mpsc;
use tower::{Layer as _, Service, ServiceExt as _};

pub(crate) const PII: (&str, &str) = ("SENTRY_SEND_PII", "true");
pub(crate) const NO_PII: (&str, &str) = ("SENTRY_SEND_PII", "false");

/// Names and values of headers.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// A request without a body.
pub(crate) fn request(method: &str, uri: &str, headers: Headers<'_>) -> Request<String> {
    let mut request = Request::new(String::new());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = uri.parse().unwrap();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = http::HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

/// The layer around a service that answers with this status.
pub(crate) fn answering(
    layer: HttpLayer,
    status: u16,
) -> HttpService<
    impl Service<Request<String>, Response = Response<String>, Error = Infallible> + use<>,
> {
    layer.layer(tower::service_fn(move |_: Request<String>| {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        std::future::ready(Ok(response))
    }))
}

/// Sends a request through a service and reads its response to the end.
pub(crate) async fn exchange<S, B>(service: S, request: Request<String>) -> StatusCode
where
    S: Service<Request<String>, Response = Response<TracedBody<B>>>,
    S::Error: std::fmt::Debug,
    B: Body<Error: std::fmt::Debug>,
{
    let response = service.oneshot(request).await.unwrap();
    let status = response.status();
    let body = http_body_util::BodyExt::collect(response.into_body());
    body.await.unwrap();
    status
}

/// A body whose frames come from elsewhere.
#[derive(Debug)]
pub(crate) struct Stream(mpsc::Receiver<Result<&'static str, &'static str>>);

/// Where the frames of a [`Stream`] are written.
pub(crate) type Frames = mpsc::Sender<Result<&'static str, &'static str>>;

impl Stream {
    pub(crate) fn new() -> (Frames, Self) {
        let (frames, stream) = mpsc::channel(8);
        (frames, Self(stream))
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        let frame = |data: &'static str| Frame::data(Bytes::from_static(data.as_bytes()));
        self.0
            .poll_recv(cx)
            .map(|item| item.map(|item| item.map(frame)))
    }
}
