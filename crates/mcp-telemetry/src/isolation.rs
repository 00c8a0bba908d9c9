//! A Sentry scope of its own for each request.

use std::future::Future;

/// A future that runs in its own scope.
#[cfg(feature = "sentry")]
pub(crate) type Isolated<F> = sentry::SentryFuture<F>;
/// Without Sentry there are no scopes.
#[cfg(not(feature = "sentry"))]
pub(crate) type Isolated<F> = F;

/// Gives a request its own Sentry scope, so that breadcrumbs and tags of one request never
/// stand on another's events.
#[cfg(feature = "sentry")]
pub(crate) fn isolated<F: Future>(request: F) -> Isolated<F> {
    use sentry::{Hub, SentryFutureExt as _};
    let hub = Hub::new_from_top(Hub::current());
    request.bind_hub(std::sync::Arc::new(hub))
}

#[cfg(not(feature = "sentry"))]
pub(crate) fn isolated<F: Future>(request: F) -> Isolated<F> {
    request
}
