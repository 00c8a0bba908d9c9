//! What a client sends, as it is on the wire, and what the spans say about it: through
//! `TracedHandler` and `TracedService` alike.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod clients;
mod codes;
#[path = "../common/mod.rs"]
mod common;
mod input_required;
mod listen;
mod lists;
mod marks;
mod notices;
mod notifications;
mod results;
mod wrappers;
