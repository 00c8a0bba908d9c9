//! `TracedHandler` between the real rmcp client and a server: what each request's spans say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod methods;
mod outcomes;
mod parents;
mod surface;
