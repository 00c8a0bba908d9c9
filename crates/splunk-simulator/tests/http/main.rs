//! The endpoints over HTTP, in both shapes.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod caller;
mod faults;
mod search;
mod server;
