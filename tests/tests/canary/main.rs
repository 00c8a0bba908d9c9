//! A secret of every kind in every place that a user can write to: not one in any byte that
//! leaves, and what stands beside it arrives.
//!
//! A place is a line of a table: its name, where what is written there has to arrive, and how
//! to write there. Each gets a third of the kinds of secret that the sanitizer knows, another
//! third than its neighbours, and harmless lines. Beside each stands a word of its own. Where
//! `SENTRY_SEND_PII` makes a difference all of it is written with and without; elsewhere one half
//! with, the other without.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(
    deprecated,
    reason = "what rmcp deprecates can be written to all the same"
)]

mod answers;
mod breadcrumbs;
mod client;
mod environment;
mod errors;
mod headers;
mod judge;
mod line;
mod logs;
mod metrics;
mod parrot;
mod place;
mod plants;
mod requests;
mod sentry_api;
mod spans;
mod splunk;
mod world;

use place::Place;

/// All places, family by family.
fn places() -> Vec<Place> {
    let families = [
        answers::PLACES,
        breadcrumbs::PLACES,
        client::PLACES,
        environment::PLACES,
        errors::PLACES,
        headers::PLACES,
        logs::PLACES,
        metrics::PLACES,
        requests::PLACES,
        sentry_api::PLACES,
        spans::PLACES,
        splunk::PLACES,
    ];
    families.into_iter().flatten().copied().collect()
}

#[test]
fn every_place_gets_at_least_sixty_kinds() {
    judge::check_counts();
}

#[test]
fn no_secret_leaves_with_inputs_and_outputs() {
    judge::judge(true);
}

#[test]
fn no_secret_leaves_without_inputs_and_outputs() {
    judge::judge(false);
}
