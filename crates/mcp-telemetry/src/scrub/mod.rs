//! Where the sanitizer meets what leaves the process.

#[cfg(feature = "sentry")]
pub(crate) mod event;
mod span;

pub use span::sanitize_span;
