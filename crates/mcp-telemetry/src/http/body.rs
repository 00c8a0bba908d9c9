//! A response's body, which keeps the span open until it has been sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tracing::Span;

use crate::isolation::Scope;

pin_project! {
    /// A body that runs in its request's span and scope, and ends the span with its last
    /// frame, or when it is dropped.
    #[derive(Debug)]
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        request: Option<(Span, Scope)>,
    }

    impl<B> PinnedDrop for TracedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            end(this.project().request);
        }
    }
}

/// Ends the request's span now: it lasts until it was last entered, so it is entered once
/// more.
fn end(request: &mut Option<(Span, Scope)>) {
    if let Some((span, _)) = request.take() {
        span.in_scope(|| {});
    }
}

impl<B> TracedBody<B> {
    pub(super) fn new(inner: B, request: Option<(Span, Scope)>) -> Self {
        Self { inner, request }
    }
}

impl<B: Body> Body for TracedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let polled = match this.request.as_ref() {
            Some((span, scope)) => scope.run(|| span.in_scope(|| this.inner.poll_frame(cx))),
            None => this.inner.poll_frame(cx),
        };
        if let Poll::Ready(None | Some(Err(_))) = polled {
            end(this.request);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
