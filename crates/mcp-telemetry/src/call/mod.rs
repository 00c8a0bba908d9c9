//! Spans around calls: what the attribute macros expand to, and what code without them uses.

pub(crate) mod argument;
mod ending;
mod failure;
mod keys;
mod kind;
pub(crate) mod outcome;
pub(crate) mod probe;
pub(crate) mod returned;
mod span;

#[cfg(feature = "sentry")]
pub(crate) use failure::status_of;
pub(crate) use failure::{Failure, short_type};
pub use kind::CallKind;
pub use outcome::Outcome;
pub(crate) use span::output;
pub use span::{CallSpan, record};
