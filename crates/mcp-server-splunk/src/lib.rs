#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! [`SplunkServer`] is the rmcp handler with its tools; [`http::router`] serves it over
//! streamable HTTP, [`stdio::serve`] over stdin and stdout. Both wrap it in
//! [`mcp_telemetry::TracedHandler`].

mod error;
pub mod http;
mod server;
pub mod stdio;
mod tools;

pub use error::ToolError;
pub use server::SplunkServer;

/// Name and version of this server: what telemetry and MCP clients see.
#[must_use]
pub fn app_info() -> mcp_telemetry::config::AppInfo {
    mcp_telemetry::config::AppInfo::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}
