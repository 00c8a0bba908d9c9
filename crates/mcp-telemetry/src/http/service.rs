//! The service that the layer makes.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;
use tracing::{Instrument as _, Span};

use super::body::TracedBody;
use super::describe::method;
use super::exchange::Exchange;
use super::future::ResponseFuture;
use super::options::Options;
use crate::breadcrumb;
use crate::isolation::Scope;

/// A service whose requests are spans; made by [`HttpLayer`](super::HttpLayer).
#[derive(Clone, Debug)]
pub struct HttpService<S> {
    inner: S,
    options: Arc<Options>,
}

impl<S> HttpService<S> {
    pub(super) fn new(inner: S, options: Arc<Options>) -> Self {
        Self { inner, options }
    }
}

impl<S, B, R> Service<Request<B>> for HttpService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let exchange = Exchange::start(&self.options, &mut head);
        let scope = Scope::new();
        breadcrumb::http_server(&scope, method(&head.method).0, &head.uri);
        let request = Request::from_parts(head, body);
        let span = exchange
            .as_ref()
            .map_or_else(Span::none, Exchange::span_of_service);
        let response = span.in_scope(|| self.inner.call(request));
        ResponseFuture::new(scope.wrap(response.instrument(span)), exchange, scope)
    }
}
