#![doc = include_str!("../README.md")]
//!
//! # The way of a span
//!
//! [`PipelineProcessor`] writes it in place (`codec`, `handover`); the pipeline's thread
//! (`worker`) reads it back, lets it wait for its trace's verdict where [`KeepOptions`] ask for one
//! (`keep`), unpacks its [`ContextAttributes`], runs each [`Scrub`], and
//! calls each [`SpanSink`]. Which way of handing over is the cheapest was decided by
//! measurement: `just bench` in the project prints it beside the SDK's batch processor.

mod clock;
mod codec;
mod context_attributes;
mod exporter_sink;
mod handover;
mod keep;
mod processor;
mod scrub;
mod sink;
mod span_size;
mod stats;
mod sync;
mod worker;

pub use context_attributes::ContextAttributes;
pub use exporter_sink::{BatchOptions, ExportHandle, ExportStats, ExporterSink};
pub use keep::{KeepMark, KeepOptions, KeepReason};
pub use processor::{OnStart, PipelineBuilder, PipelineHandle, PipelineProcessor};
pub use scrub::Scrub;
pub use sink::SpanSink;
pub use span_size::span_size;
pub use stats::PipelineStats;
