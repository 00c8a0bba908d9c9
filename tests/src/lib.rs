//! The harness of the end-to-end tests.
//!
//! A test binary starts one [`Harness`](harness::Harness): the MCP server for Splunk, in
//! process and with the telemetry that it has in production, a simulated Splunk, and an
//! endpoint that takes what goes to Sentry and what goes out by OTLP. Telemetry is global,
//! so the tests of a binary share the harness and look for their own traces: by the marker
//! in a search, by the client's name, or by the trace id that the client gave.
//!
//! - [`client`]: a real rmcp client; [`raw`]: the same by plain HTTP, for what no sound
//!   client sends.
//! - [`everything`]: a server with every method; [`wire`]: messages to it written by hand.
//! - [`trace`]: one trace as both sinks received it.
//! - [`harness::Harness::test`] runs a test, and checks for everything in the binary that
//!   both sinks received the same.
//! - [`needles`]: many words looked for at once, in every way of writing them.
//! - [`repeats`]: attributes that stand twice.
//! - [`filter`]: Sentry's search over what has arrived.
//!
//! ```
//! use mcp_telemetry_tests::client::{connect, good_search, search};
//! use mcp_telemetry_tests::harness::Harness;
//! use mcp_telemetry_tests::trace::SEARCH_OPS;
//!
//! let harness = Harness::start(1.0)?;
//! harness.test(async |harness| {
//!     let client = connect(harness, "example").await?;
//!     client.call_tool(search(&good_search("my-marker"))).await?;
//!     client.cancel().await?;
//!     let trace = harness.trace_of_search("my-marker", SEARCH_OPS.len()).await?;
//!     assert_eq!(trace.span("splunk.api")?.otlp.name, "splunk/search.oneshot");
//!     Ok(())
//! });
//! # Ok::<(), anyhow::Error>(())
//! ```

pub mod client;
pub mod everything;
pub mod filter;
pub mod harness;
pub mod needles;
pub mod raw;
pub mod repeats;
pub mod trace;
pub mod wire;
