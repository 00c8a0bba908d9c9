#![doc = include_str!("../README.md")]

pub mod attributes;
mod bounded;
mod breadcrumb;
mod call;
pub mod config;
mod custom;
mod errors;
mod execution;
mod health;
pub mod http;
mod init;
mod isolation;
mod log;
mod mcp;
mod metrics;
mod peer;
pub mod sampling;
mod scrub;
mod settings;
pub mod spans;

pub use breadcrumb::{Breadcrumb, add_breadcrumb};
pub use call::{CallKind, CallSpan, Outcome, record};
pub use custom::{McpSpan, mcp_span};
pub use errors::{McpErrorContext, McpErrorType, capture_mcp_error};
pub use init::{
    Builder, InitError, OtlpDelivery, OtlpSignalCounts, OtlpUnsent, ShutdownError, Telemetry,
    TelemetryLayer, init,
};
pub use mcp::{TracedHandler, TracedService};
pub use mcp_telemetry_macros::{
    trace_mcp_prompt, trace_mcp_resource, trace_mcp_tool, trace_splunk_operation,
};
pub use peer::{McpTransport, PeerExt, TracedPeer, TracedRequest};
#[cfg(feature = "client")]
pub use peer::{TracedClient, TracedClientService};

pub use scrub::SpanSanitizer;

pub use opentelemetry;
pub use opentelemetry_sdk;
pub use otel_pipeline;
#[cfg(feature = "sentry")]
pub use otel_sentry;
pub use otel_smart_sampler;
#[cfg(feature = "sentry")]
pub use sentry;
pub use telemetry_delivery;
pub use telemetry_sanitizer;
pub use tracing_opentelemetry;

/// What the attribute macros expand to. Not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::CallSpan;
    pub use crate::call::argument::*;
    pub use crate::call::outcome::*;
    pub use crate::call::probe::*;
    pub use crate::call::returned::*;
}
