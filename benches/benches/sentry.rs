//! The Sentry sink: three spans in, one transaction out.
#![expect(
    clippy::expect_used,
    reason = "a benchmark that is set up wrongly has to stop"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mcp_telemetry_benches::spans;
use mcp_telemetry_benches::variants::DroppingTransport;
use otel_pipeline::SpanSink as _;
use otel_sentry::delivery::SharedTransport;
use otel_sentry::{SentrySink, connect};
use sentry::{Client, ClientOptions};

fn sentry(criterion: &mut Criterion) {
    let transport = DroppingTransport::default();
    let shared = SharedTransport::from_transport(Arc::new(transport.clone()));
    let options = ClientOptions::new().dsn("http://key@127.0.0.1:9/1");
    let client = Client::with_options(connect(options, &shared));
    let mut sink = SentrySink::new(&client, &shared).expect("a DSN and a transport");
    let mut number = 0;
    criterion.bench_function("sentry/trace of three spans", |bench| {
        bench.iter_batched(
            || {
                number += 1;
                spans::trace(number)
            },
            |spans| {
                sink.accept(&spans);
                sink.flush(Instant::now() + Duration::from_secs(5))
            },
            BatchSize::SmallInput,
        );
    });
    assert_eq!(sink.handle().stats().refused, 0);
    assert_eq!(transport.traces(), number);
}

criterion_group!(benches, sentry);
criterion_main!(benches);
