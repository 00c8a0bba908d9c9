//! A Sentry scope of its own for each request.

/// With Sentry: a hub whose scope starts without breadcrumbs.
#[cfg(feature = "sentry")]
mod scope {
    use std::future::Future;
    use std::sync::Arc;

    use sentry::{Hub, SentryFutureExt as _};

    use crate::breadcrumb::Breadcrumb;

    /// A future that runs in its own scope.
    pub(crate) type Isolated<F> = sentry::SentryFuture<F>;

    /// The scope of one request: breadcrumbs and tags of one never stand on another's events.
    #[derive(Clone, Debug)]
    pub(crate) struct Scope(Arc<Hub>);

    impl Scope {
        pub(crate) fn new() -> Self {
            let hub = Hub::new_from_top(Hub::current());
            // The thread's own scope holds what ran outside of any request.
            hub.configure_scope(sentry::Scope::clear_breadcrumbs);
            Self(Arc::new(hub))
        }

        /// The scope that what runs now is in.
        pub(crate) fn current() -> Self {
            Self(Hub::current())
        }

        pub(crate) fn hub(&self) -> &Arc<Hub> {
            &self.0
        }

        /// Whether anybody reads what is left here.
        pub(crate) fn is_watched(&self) -> bool {
            self.0.client().is_some_and(|client| client.is_enabled())
        }

        pub(crate) fn add_breadcrumb(&self, breadcrumb: Breadcrumb) {
            self.0.add_breadcrumb(sentry::Breadcrumb::from(breadcrumb));
        }

        pub(crate) fn wrap<F: Future>(&self, request: F) -> Isolated<F> {
            request.bind_hub(Arc::clone(&self.0))
        }

        pub(crate) fn run<T>(&self, run: impl FnOnce() -> T) -> T {
            Hub::run(Arc::clone(&self.0), run)
        }
    }
}

/// Without Sentry there are no scopes.
#[cfg(not(feature = "sentry"))]
mod scope {
    use std::future::Future;

    use crate::breadcrumb::Breadcrumb;

    pub(crate) type Isolated<F> = F;

    #[derive(Clone, Debug)]
    pub(crate) struct Scope;

    impl Scope {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn current() -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
        pub(crate) fn is_watched(&self) -> bool {
            false
        }

        #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
        pub(crate) fn add_breadcrumb(&self, _: Breadcrumb) {}

        #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
        pub(crate) fn wrap<F: Future>(&self, request: F) -> Isolated<F> {
            request
        }

        #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
        pub(crate) fn run<T>(&self, run: impl FnOnce() -> T) -> T {
            run()
        }
    }
}

pub(crate) use scope::{Isolated, Scope};
