//! The future of a response.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use tracing::instrument::Instrumented;

use super::body::TracedBody;
use super::exchange::Exchange;
use crate::isolation::{Isolated, Scope};

pin_project! {
    /// Yields the response of a traced request.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Isolated<Instrumented<F>>,
        exchange: Option<Exchange>,
        scope: Option<Scope>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(
        inner: Isolated<Instrumented<F>>,
        exchange: Option<Exchange>,
        scope: Scope,
    ) -> Self {
        Self {
            inner,
            exchange,
            scope: Some(scope),
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<TracedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let unwinding = OnUnwind(this.exchange);
        let result = ready!(this.inner.poll(cx));
        let exchange = unwinding.0.take();
        Poll::Ready(match result {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let exchange = exchange.and_then(|exchange| exchange.respond(&parts));
                let request = exchange.zip(this.scope.take());
                Ok(Response::from_parts(parts, TracedBody::new(body, request)))
            }
            Err(error) => {
                if let Some(exchange) = exchange {
                    exchange.fail(type_name::<E>());
                }
                Err(error)
            }
        })
    }
}

/// Ends the exchange while a panic unwinds: a layer that catches panics keeps the future,
/// and drops it when there is no panic to be seen any more.
struct OnUnwind<'a>(&'a mut Option<Exchange>);

impl Drop for OnUnwind<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.take();
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
