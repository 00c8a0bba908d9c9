//! Every variant as the programs run it: what was captured has to arrive.
#![expect(clippy::unwrap_used, reason = "a test ends where a step of it fails")]

use std::path::Path;

use mcp_telemetry_benches::children;
use mcp_telemetry_benches::variants::{ALL, Variant};

const SYSTEM: &str = env!("CARGO_BIN_EXE_bench-request-path");
const MIMALLOC: &str = env!("CARGO_BIN_EXE_bench-request-path-mimalloc");

fn check(program: &str, variant: Variant, threads: usize) {
    let name = variant.name;
    let sample = children::run(Path::new(program), name, threads, 1).unwrap();
    assert!(sample.captured > 0, "{name}");
    let expected = if variant.delivers { sample.captured } else { 0 };
    assert_eq!(sample.delivered, expected, "{name} with {threads} threads");
    assert_eq!(sample.allocs_per_trace > 0.0, name != "none", "{name}");
    assert!(sample.bytes_per_trace >= sample.allocs_per_trace, "{name}");
    assert!(sample.ns_per_trace > 0.0, "{name}");
}

#[test]
fn every_variant_with_one_thread() {
    ALL.into_iter().for_each(|it| check(SYSTEM, it, 1));
}

#[test]
fn every_variant_with_two_threads_and_mimalloc() {
    ALL.into_iter().for_each(|it| check(MIMALLOC, it, 2));
}

#[test]
fn a_child_that_fails_is_an_error() {
    let error = children::run(Path::new(SYSTEM), "other", 1, 1).unwrap_err();
    assert!(error.to_string().contains("failed"), "{error}");
}
