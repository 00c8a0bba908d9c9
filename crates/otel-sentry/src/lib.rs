#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! `assembly` gathers spans by local root; `convert` turns a group into a transaction, by
//! pure functions over tables; [`delivery`] sends it; [`propagation`] carries traces in and
//! out; `link` ties what the SDK captures to the active span, `frames` makes its stack traces fit.

mod assembly;
mod clock;
mod connect;
mod convert;
pub mod delivery;
mod dsc;
mod envelope;
mod frames;
mod link;
mod processor;
pub mod propagation;
mod recent;
mod sink;
mod target;

pub use assembly::AssemblyOptions;
pub use connect::connect;
pub use link::{OtelIntegration, link_log, link_metric};
pub use processor::{ProcessorError, SentryProcessor, keep_frozen_dsc};
pub use sink::{SentrySink, SinkError, SinkHandle, SinkStats};
