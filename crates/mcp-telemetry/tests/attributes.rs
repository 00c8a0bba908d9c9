//! The page of spans and attributes is the generated one.

use mcp_telemetry::spans::markdown;

const PAGE: &str = include_str!("../ATTRIBUTES.md");

/// With `UPDATE_ATTRIBUTES` set, the page is written anew.
#[test]
fn the_page_is_the_generated_one() {
    let generated = markdown();
    if std::env::var_os("UPDATE_ATTRIBUTES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ATTRIBUTES.md");
        std::fs::write(path, &generated).expect("the page should be writable");
        return;
    }
    assert!(
        generated == PAGE,
        "ATTRIBUTES.md is not what the tables say; run this test with UPDATE_ATTRIBUTES=1"
    );
}
