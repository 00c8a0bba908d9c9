//! Subscriptions: a request whose span ends when it is acknowledged.
//!
//! It stays open for hours, which no transaction may. What is sent to the subscriber are
//! notifications, messages of their own.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use opentelemetry::KeyValue;
use rmcp::ErrorData;
use rmcp::model::RequestId;

use super::observe::Request;
use super::operation::Operation;
use super::outcome::Outcome;
use super::text::id;
use crate::attributes as names;

/// The method that begins a subscription.
pub(crate) const LISTEN: &str = "subscriptions/listen";

/// The request that begins a subscription, which is known by the request's id.
pub(crate) fn operation(request: &RequestId) -> Operation<'static> {
    let mut operation = Operation::new(LISTEN, &());
    let subscription = KeyValue::new(names::MCP_SUBSCRIPTION_ID, id(request));
    operation.facts.push(subscription);
    operation
}

/// Runs the handler of a subscription that is acknowledged already.
pub(crate) async fn acknowledged<T>(mut request: Request, handler: impl Future<Output = T>) -> T {
    request.end(&Outcome::Success, Vec::new());
    let scope = request.scope();
    drop(request);
    scope.wrap(handler).await
}

/// Runs the service of a subscription. Where the acknowledgement cannot be seen, the first
/// time that the service waits stands for it: a refusal comes at once.
pub(crate) async fn until_pending<T>(
    mut request: Request,
    handler: impl Future<Output = Result<T, ErrorData>>,
) -> Result<T, ErrorData> {
    // Not inside its span: what begins there and lasts would keep the span open.
    let mut handler = pin!(request.scope().wrap(handler));
    let first = poll_fn(|cx| Poll::Ready(handler.as_mut().poll(cx))).await;
    let outcome = match &first {
        Poll::Ready(Err(error)) => request.outcome_of(error),
        Poll::Ready(Ok(_)) | Poll::Pending => Outcome::Success,
    };
    let scope = request.scope();
    scope.run(|| request.end(&outcome, Vec::new()));
    drop(request);
    match first {
        Poll::Ready(result) => result,
        Poll::Pending => handler.await,
    }
}
