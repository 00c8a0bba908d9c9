//! The sanitizer: a short clean value, a long clean text, and a text with a secret.
#![expect(
    clippy::expect_used,
    reason = "a benchmark that is set up wrongly has to stop"
)]

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use telemetry_sanitizer::Sanitizer;

fn sanitizer(criterion: &mut Criterion) {
    let sanitizer = Sanitizer::default();
    let value = "search-head-01.emea.example.net0";
    let clean = "index=main host=web-* status>=500 | stats count by host, uri | ".repeat(17);
    let clean = clean.get(..1024).expect("long enough");
    let secret = "could not log in: user=admin password=hunter2 at search-head-01";
    assert_eq!(value.len(), 32);
    assert!(matches!(sanitizer.text(clean), Cow::Borrowed(_)));
    assert!(!sanitizer.text(secret).contains("hunter2"));

    criterion.bench_function("sanitizer/clean value of 32 bytes", |bench| {
        bench.iter(|| {
            sanitizer
                .value(black_box("server.address"), black_box(value))
                .len()
        });
    });
    criterion.bench_function("sanitizer/clean text of 1 KiB", |bench| {
        bench.iter(|| sanitizer.text(black_box(clean)).len());
    });
    criterion.bench_function("sanitizer/text with a secret", |bench| {
        bench.iter(|| sanitizer.text(black_box(secret)).len());
    });
}

criterion_group!(benches, sanitizer);
criterion_main!(benches);
