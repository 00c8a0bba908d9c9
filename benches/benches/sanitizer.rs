//! The sanitizer: a short clean value, texts without and with secrets, and hostile texts of three lengths.
#![expect(
    clippy::expect_used,
    reason = "a benchmark that is set up wrongly has to stop"
)]

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mcp_telemetry_benches::texts::{CLEAN, HOSTILE, SECRETS, repeated};
use telemetry_sanitizer::Sanitizer;

fn values(criterion: &mut Criterion) {
    let sanitizer = Sanitizer::default();
    let value = "search-head-01.emea.example.net0";
    let clean = CLEAN.first().expect("a text").of(1024);
    let secret = "could not log in: user=admin password=hunter2 at search-head-01";
    assert_eq!(value.len(), 32);
    assert!(matches!(sanitizer.text(&clean), Cow::Borrowed(_)));
    assert!(!sanitizer.text(secret).contains("hunter2"));

    for (name, key) in [("known", "server.address"), ("other", "my.address")] {
        criterion.bench_function(
            &format!("sanitizer/clean value of 32 bytes, {name} key"),
            |bench| {
                bench.iter(|| sanitizer.value(black_box(key), black_box(value)).len());
            },
        );
    }
    criterion.bench_function("sanitizer/clean text of 1 KiB", |bench| {
        bench.iter(|| sanitizer.text(black_box(&clean)).len());
    });
    criterion.bench_function("sanitizer/text with a secret", |bench| {
        bench.iter(|| sanitizer.text(black_box(secret)).len());
    });
}

fn texts(criterion: &mut Criterion) {
    const LONG: usize = 64 * 1024;
    let sanitizer = Sanitizer::builder().max_value_len(usize::MAX / 8).build();
    let mut group = criterion.benchmark_group("sanitizer/64 KiB");
    group.throughput(Throughput::Bytes(LONG as u64));
    for text in CLEAN.iter().chain(SECRETS) {
        let long = text.of(LONG);
        group.bench_function(text.name, |bench| {
            bench.iter(|| sanitizer.text(black_box(&long)).len());
        });
    }
}

fn hostile(criterion: &mut Criterion) {
    let sanitizer = Sanitizer::builder().max_value_len(usize::MAX / 8).build();
    let mut group = criterion.benchmark_group("sanitizer/hostile");
    group.sample_size(10);
    for piece in HOSTILE {
        for length in [64 * 1024, 256 * 1024, 1024 * 1024] {
            let text = repeated(piece, length);
            group.throughput(Throughput::Bytes(length as u64));
            group.bench_function(BenchmarkId::new(format!("{piece:?}"), length), |bench| {
                bench.iter(|| sanitizer.text(black_box(&text)).len());
            });
        }
    }
}

criterion_group!(benches, values, texts, hostile);
criterion_main!(benches);
