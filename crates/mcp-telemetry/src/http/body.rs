//! A response's body, which keeps the span open until it has been sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf as _;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;
use crate::isolation::Scope;

pin_project! {
    /// A body that runs in its request's span and scope, and ends the span with its last
    /// frame, or when it is dropped.
    #[derive(Debug)]
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        request: Option<(Exchange, Scope)>,
        sent: u64,
    }

    impl<B> PinnedDrop for TracedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            end(this.request, *this.sent);
        }
    }
}

/// Ends the request's span now.
fn end(request: &mut Option<(Exchange, Scope)>, sent: u64) {
    if let Some((exchange, _)) = request.take() {
        exchange.sent(sent);
    }
}

impl<B> TracedBody<B> {
    pub(super) fn new(inner: B, request: Option<(Exchange, Scope)>) -> Self {
        Self {
            inner,
            request,
            sent: 0,
        }
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
            Some((exchange, scope)) => {
                scope.run(|| exchange.span().in_scope(|| this.inner.poll_frame(cx)))
            }
            None => this.inner.poll_frame(cx),
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                *this.sent = this.sent.saturating_add(bytes);
            }
            Poll::Ready(None | Some(Err(_))) => end(this.request, *this.sent),
            Poll::Pending => {}
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
