//! Where the sanitizer meets what leaves the process.

#[cfg(feature = "sentry")]
pub(crate) mod event;
pub(crate) mod span;
