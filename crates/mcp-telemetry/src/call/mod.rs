//! Spans around calls: what the attribute macros expand to, and what code without them uses.

pub(crate) mod argument;
pub(crate) mod outcome;
mod span;

pub use outcome::Outcome;
pub(crate) use span::short_type;
pub use span::{CallKind, CallSpan, record};
