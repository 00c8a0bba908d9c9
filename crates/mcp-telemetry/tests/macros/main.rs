//! The attribute macros with the real runtime: which spans traced functions make.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod alone;
mod claims;
#[path = "../common/mod.rs"]
mod common;
mod failures;
mod in_request;
mod measured;
mod returned;
mod server;
mod splunk;

pub(crate) const PII: (&str, &str) = ("SENTRY_SEND_PII", "true");
pub(crate) const NO_PII: (&str, &str) = ("SENTRY_SEND_PII", "false");
