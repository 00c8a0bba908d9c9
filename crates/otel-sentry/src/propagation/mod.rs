//! A trace across processes: W3C Trace Context, W3C Baggage and Sentry's own headers, together.

pub(crate) mod baggage;
mod formats;
mod propagator;
pub(crate) mod randomness;
mod sentry_trace;
#[cfg(test)]
mod tests;
mod trace_context;

pub use crate::dsc::{DscDefaults, DynamicSamplingContext, FrozenDsc, keep_whole};
pub use formats::Formats;
pub use propagator::TracePropagator;
