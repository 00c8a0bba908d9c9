//! Telemetry over a sink in memory, which the integration tests share.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "each test file uses a part of this; a failed set-up fails the test"
)]

pub(crate) mod expected;
pub(crate) mod raw;
pub(crate) mod scripted;
pub(crate) mod server;

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mcp_telemetry::config::{AppInfo, Config};
use mcp_telemetry::opentelemetry::trace::{SpanId, Status};
use mcp_telemetry::opentelemetry::{Array, Value};
use mcp_telemetry::opentelemetry_sdk::propagation::TraceContextPropagator;
use mcp_telemetry::opentelemetry_sdk::trace::SpanData;
use mcp_telemetry::otel_pipeline::SpanSink;
use mcp_telemetry::{Builder, Telemetry, opentelemetry};
use serde_json::{Map, Value as Json, json};
use telemetry_testkit::{Received, Sink};
use tokio::sync::watch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

/// The longest wait for what must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The switches of the instrumentation are the process's, so tests run one by one.
static ALONE: Mutex<()> = Mutex::new(());

/// The settings that these variables make.
pub(crate) fn config(variables: &[(&str, &str)]) -> Config {
    Config::from_lookup(AppInfo::new("test-server", "1.0.0"), |name| {
        let set = variables.iter().find(|(key, _)| *key == name);
        set.map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}

/// The right to change what is the process's, until it is dropped.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the spans that it gets.
#[derive(Debug)]
pub(crate) struct MemorySink(watch::Sender<Vec<Arc<SpanData>>>);

/// Where the spans of a [`MemorySink`] are read.
#[derive(Clone, Debug)]
pub(crate) struct Memory(watch::Receiver<Vec<Arc<SpanData>>>);

impl MemorySink {
    pub(crate) fn new() -> (Self, Memory) {
        let (sender, receiver) = watch::channel(Vec::new());
        (Self(sender), Memory(receiver))
    }
}

impl SpanSink for MemorySink {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn accept(&mut self, spans: &[Arc<SpanData>]) {
        self.0.send_modify(|kept| kept.extend_from_slice(spans));
    }

    fn flush(&mut self, _: Instant) -> bool {
        true
    }
}

impl Memory {
    /// The spans so far, oldest end first.
    pub(crate) fn spans(&self) -> Spans {
        Spans(self.0.borrow().clone())
    }
}

/// Telemetry for the thread that made it, and the spans that it exports.
pub(crate) struct Rig {
    memory: Memory,
    _subscriber: DefaultGuard,
    telemetry: Telemetry,
    _alone: MutexGuard<'static, ()>,
}

impl Rig {
    /// Telemetry with these variables, and a sink in memory beside what they name.
    pub(crate) fn new(variables: &[(&str, &str)]) -> Self {
        let (sink, memory) = MemorySink::new();
        let builder = Builder::new(config(variables)).with_stderr_logs(false);
        Self::with(memory, builder.with_sink(sink))
    }

    /// Telemetry without a destination.
    pub(crate) fn idle() -> Self {
        Self::idle_with(&[])
    }

    /// Telemetry with these variables, but without a destination.
    pub(crate) fn idle_with(variables: &[(&str, &str)]) -> Self {
        let (_, memory) = MemorySink::new();
        let builder = Builder::new(config(variables)).with_stderr_logs(false);
        Self::with(memory, builder)
    }

    fn with(memory: Memory, builder: Builder) -> Self {
        let alone = alone();
        let (telemetry, layer) = builder.build().unwrap();
        let subscriber = tracing_subscriber::registry().with(layer.into_layers());
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        Self {
            memory,
            _subscriber: tracing::subscriber::set_default(subscriber),
            telemetry,
            _alone: alone,
        }
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Rules, and on how many spans each has decided.
    pub(crate) fn sampling_counts(&self) -> Vec<(String, u64)> {
        let counts = self.telemetry.sampling().into_iter();
        counts.map(|count| (count.rule, count.seen)).collect()
    }

    /// The spans that have ended by now.
    pub(crate) fn spans(&self) -> Spans {
        self.telemetry.flush();
        self.memory.spans()
    }

    /// Waits until the spans are as many as `wanted` says.
    pub(crate) async fn wait(&self, wanted: impl Fn(&Spans) -> bool) -> Spans {
        let mut receiver = self.memory.0.clone();
        let wait = receiver.wait_for(|spans| wanted(&Spans(spans.clone())));
        match tokio::time::timeout(DEADLINE, wait).await {
            Ok(found) => Spans(found.unwrap().clone()),
            Err(_) => panic!("not within {DEADLINE:?}; spans: {:?}", self.memory.spans()),
        }
    }

    /// Waits until a span of this name has ended, and gives it.
    pub(crate) async fn span(&self, name: &str) -> Arc<SpanData> {
        let spans = self.wait(|spans| spans.all(name).next().is_some()).await;
        spans.one(name)
    }
}

/// Telemetry for the thread that made it, which sends to a loopback endpoint.
pub(crate) struct Live {
    pub(crate) sink: Sink,
    _subscriber: DefaultGuard,
    telemetry: Telemetry,
    _alone: MutexGuard<'static, ()>,
}

impl Live {
    /// Traces and logs by OTLP, and these variables.
    pub(crate) fn otlp(variables: &[(&str, &str)]) -> Self {
        let sink = Sink::start().unwrap();
        let endpoint = sink.otlp_endpoint();
        // Metrics have an endpoint too, but nothing is measured.
        let own = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_METRICS_EXPORTER", "none"),
        ];
        Self::with(sink, &[&own, variables].concat())
    }

    /// Everything by OTLP, metrics too, and these variables; metrics are the process's.
    pub(crate) fn measured(variables: &[(&str, &str)]) -> Self {
        let sink = Sink::start().unwrap();
        let endpoint = sink.otlp_endpoint();
        let own = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        let live = Self::with(sink, &[&own, variables].concat());
        live.telemetry.make_global();
        live
    }

    /// Everything to Sentry, and these variables.
    pub(crate) fn sentry(variables: &[(&str, &str)]) -> Self {
        let sink = Sink::start().unwrap();
        let dsn = sink.dsn();
        Self::with(sink, &[&[("SENTRY_DSN", dsn.as_str())], variables].concat())
    }

    /// Everything to Sentry, traces and logs by OTLP too, and these variables.
    pub(crate) fn both(variables: &[(&str, &str)]) -> Self {
        Self::both_from(variables, |builder| builder)
    }

    /// The same, with a builder that is changed first.
    pub(crate) fn both_from(
        variables: &[(&str, &str)],
        change: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let sink = Sink::start().unwrap();
        let (dsn, endpoint) = (sink.dsn(), sink.otlp_endpoint());
        let own = [
            ("SENTRY_DSN", dsn.as_str()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_METRICS_EXPORTER", "none"),
        ];
        let variables = [&own, variables].concat();
        let builder = change(Builder::new(config(&variables)));
        Self::built(sink, builder)
    }

    /// Does `work` with these variables as `init` reads them: what is wrong falls back.
    pub(crate) fn lenient(variables: &[(&str, String)], work: impl FnOnce()) {
        let _alone = alone();
        let app = AppInfo::new("test-server", "1.0.0");
        let (config, _) = Config::from_lookup_lenient(app, |name| {
            let set = variables.iter().find(|(key, _)| *key == name);
            set.map(|(_, value)| value.clone())
        });
        let builder = Builder::new(config).with_stderr_logs(false);
        let (telemetry, layer) = builder.build().unwrap();
        let subscriber = tracing_subscriber::registry().with(layer.into_layers());
        tracing::subscriber::with_default(subscriber, || {
            telemetry.make_global();
            work();
        });
        telemetry.shutdown().unwrap();
    }

    /// To a sink, with these variables, which name it.
    pub(crate) fn with(sink: Sink, variables: &[(&str, &str)]) -> Self {
        Self::built(sink, Builder::new(config(variables)))
    }

    fn built(sink: Sink, builder: Builder) -> Self {
        let alone = alone();
        let builder = builder.with_stderr_logs(false);
        let (telemetry, layer) = builder.build().unwrap();
        let subscriber = tracing_subscriber::registry().with(layer.into_layers());
        Self {
            sink,
            _subscriber: tracing::subscriber::set_default(subscriber),
            telemetry,
            _alone: alone,
        }
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Ends telemetry; gives what was sent.
    pub(crate) fn finish(self) -> Received {
        let Self {
            sink,
            _subscriber: subscriber,
            telemetry,
            _alone: alone,
        } = self;
        drop(subscriber);
        telemetry.shutdown().unwrap();
        drop(alone);
        let received = sink.received();
        assert!(received.problems().is_empty(), "{:?}", received.problems());
        received
    }
}

/// Exported spans.
#[derive(Clone)]
pub(crate) struct Spans(pub(crate) Vec<Arc<SpanData>>);

impl Spans {
    /// The spans of this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &Arc<SpanData>> {
        self.0.iter().filter(move |span| span.name == name)
    }

    /// The only span of this name.
    pub(crate) fn one(&self, name: &str) -> Arc<SpanData> {
        let found: Vec<_> = self.all(name).collect();
        match found.as_slice() {
            [one] => Arc::clone(one),
            found => panic!("{} spans `{name}` in {self:?}", found.len()),
        }
    }

    /// The only span with this `sentry.op`.
    pub(crate) fn of_op(&self, op: &str) -> Arc<SpanData> {
        let found: Vec<_> = self.0.iter().filter(|span| self::op(span) == op).collect();
        match found.as_slice() {
            [one] => Arc::clone(one),
            found => panic!("{} spans of {op} in {self:?}", found.len()),
        }
    }

    /// The names, in the order in which the spans ended.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|span| &*span.name).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Debug for Spans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.0.iter().map(|span| {
            let status = &span.status;
            format!("{} {status:?} {}", span.name, attributes(span))
        });
        f.debug_list().entries(lines).finish()
    }
}

/// All attributes of a span, with their types.
pub(crate) fn attributes(span: &SpanData) -> Json {
    let mut all = Map::new();
    for pair in &span.attributes {
        let before = all.insert(pair.key.to_string(), to_json(&pair.value));
        assert!(before.is_none(), "{} twice on `{}`", pair.key, span.name);
    }
    Json::Object(all)
}

/// One attribute; null where it is not set.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Json {
    attributes(span).get(key).cloned().unwrap_or(Json::Null)
}

/// The span's `sentry.op`.
pub(crate) fn op(span: &SpanData) -> String {
    let op = attribute(span, "sentry.op");
    op.as_str().unwrap_or_default().to_owned()
}

/// These attributes and no others.
#[track_caller]
pub(crate) fn assert_attributes(span: &SpanData, expected: Json) {
    assert_eq!(attributes(span), expected, "attributes of `{}`", span.name);
}

/// These attributes; null for one that must not be there. Others do not matter.
#[track_caller]
pub(crate) fn assert_has(span: &SpanData, expected: Json) {
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(attribute(span, key), *value, "{key} of `{}`", span.name);
    }
}

/// `child` stands directly below `parent`.
#[track_caller]
pub(crate) fn assert_child(child: &SpanData, parent: &SpanData) {
    assert_eq!(
        (child.parent_span_id, child.span_context.trace_id()),
        (
            parent.span_context.span_id(),
            parent.span_context.trace_id()
        ),
        "`{}` below `{}`",
        child.name,
        parent.name
    );
}

/// `span` has no parent.
#[track_caller]
pub(crate) fn assert_root(span: &SpanData) {
    assert_eq!(span.parent_span_id, SpanId::INVALID, "`{}`", span.name);
}

/// An error status with this text.
pub(crate) fn failed(text: &'static str) -> Status {
    Status::error(text)
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::F64(value) => json!(value),
        Value::String(value) => json!(value.as_str()),
        Value::Array(Array::String(values)) => {
            values.iter().map(|value| json!(value.as_str())).collect()
        }
        other => panic!("an attribute of a type that nobody sets: {other:?}"),
    }
}
