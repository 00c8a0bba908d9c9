//! Setting telemetry up: what runs with which settings, and how it ends.
//!
//! Nothing here touches what is the process's.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod logs;
mod setup;
mod shutdown;
mod status;
