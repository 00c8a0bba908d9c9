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
mod delivery;
mod faults;
mod logs;
mod raw_server;
mod setup;
mod shutdown;
mod spool;
mod status;

use std::time::{Duration, Instant};

/// Waits until something holds, which must happen.
#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let until = Instant::now() + common::DEADLINE;
    while !condition() {
        assert!(Instant::now() < until, "not within {:?}", common::DEADLINE);
        std::thread::sleep(Duration::from_millis(1));
    }
}
