#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! `queue` is plain data: a `lane` for each [`Priority`], bounds, what is due when. `state` guards it and
//! lets threads wait; its `accept` is the one way in. `worker` is the delivery's thread, `http`
//! its client, `retry` the schedule. `spool` is what is on disk, and `keeper` moves loads between it
//! and the queue. What a server's rules are is a [`Protocol`]'s business.

mod clock;
mod delivery;
mod http;
mod keeper;
mod lane;
mod protocol;
mod queue;
mod retry;
mod retry_after;
mod settings;
mod spool;
mod state;
mod stats;
#[cfg(test)]
mod tests;
mod worker;

pub use bytes::Bytes;
pub use reqwest::Url;

pub use self::delivery::Delivery;
pub use self::http::HttpOptions;
pub use self::protocol::{Answer, Load, NotSent, Post, Priority, Protocol, Verdict};
pub use self::retry_after::{parse_retry_after, parse_seconds};
pub use self::settings::Settings;
pub use self::spool::SpoolOptions;
pub use self::stats::{DeliverySnapshot, DeliveryStats, DropReason, Dropped};
