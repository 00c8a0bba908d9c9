//! The future of a response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use tracing::instrument::Instrumented;

use super::body::TracedBody;
use super::exchange::Exchange;
use crate::isolation::Isolated;

pin_project! {
    /// Yields the response of a traced request.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Isolated<Instrumented<F>>,
        exchange: Option<Exchange>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: Isolated<Instrumented<F>>, exchange: Option<Exchange>) -> Self {
        Self { inner, exchange }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<TracedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let exchange = this.exchange.take();
        Poll::Ready(result.map(|response| {
            let (parts, body) = response.into_parts();
            let span = exchange.and_then(|exchange| exchange.respond(&parts));
            Response::from_parts(parts, TracedBody::new(body, span))
        }))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
