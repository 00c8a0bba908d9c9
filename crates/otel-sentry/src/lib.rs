#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! `assembly` gathers spans by local root; `convert` turns a group into a transaction, by
//! pure functions over tables; `exceptions` makes error events of what spans say, and
//! `captured` knows which errors have one; [`delivery`] sends it all; [`propagation`] carries
//! traces in and out; `link` ties what the SDK captures to the active span, and `frames`
//! and `fields` make it fit.

mod assembly;
mod captured;
mod clock;
mod connect;
mod convert;
pub mod delivery;
mod dsc;
mod envelope;
mod exceptions;
mod fields;
mod frames;
mod link;
mod processor;
pub mod propagation;
mod recent;
mod sink;
mod target;

pub use assembly::AssemblyOptions;
pub use captured::SpanFailed;
pub use connect::connect;
pub use exceptions::OnException;
pub use link::{OtelIntegration, link_log, link_metric};
pub use processor::{ProcessorError, SentryProcessor, keep_frozen_dsc};
pub use sink::{SentrySink, SinkError, SinkHandle, SinkStats};
