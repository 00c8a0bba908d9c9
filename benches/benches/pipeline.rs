//! `on_end` of the pipeline's processor: writing a span of eight attributes in place.
#![expect(
    clippy::expect_used,
    reason = "a benchmark that is set up wrongly has to stop"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_telemetry_benches::spans;
use opentelemetry_sdk::trace::{SpanData, SpanProcessor as _};
use otel_pipeline::{PipelineProcessor, SpanSink};

/// A sink that drops everything.
struct Drop;

impl SpanSink for Drop {
    fn name(&self) -> &'static str {
        "drop"
    }

    fn accept(&mut self, _: &[Arc<SpanData>]) {}

    fn flush(&mut self, _: Instant) -> bool {
        true
    }
}

/// Spans between two flushes: few enough that no buffer fills up.
const BURST: u64 = 256;

fn pipeline(criterion: &mut Criterion) {
    let pipeline = PipelineProcessor::builder().with_sink(Drop).build();
    let pipeline = pipeline.expect("a thread");
    let handle = pipeline.handle();
    criterion.bench_function("pipeline/on_end", |bench| {
        bench.iter_custom(|count| {
            let mut spent = Duration::ZERO;
            let mut left = count;
            while left > 0 {
                let burst = left.min(BURST);
                let spans: Vec<_> = (0..burst).map(|id| spans::span(1, id + 1, 0)).collect();
                let start = Instant::now();
                spans.into_iter().for_each(|span| pipeline.on_end(span));
                spent += start.elapsed();
                pipeline.force_flush().expect("drained");
                left -= burst;
            }
            spent
        });
    });
    assert_eq!(handle.stats().dropped_full, 0);
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
