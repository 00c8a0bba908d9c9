//! Our pipeline, put together as `mcp-telemetry` does it.

use std::sync::Arc;

use mcp_telemetry::config::{AppInfo, Config};
use mcp_telemetry::{Builder, SpanSanitizer};
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_pipeline::{
    BatchOptions, ContextAttributes, ExporterSink, PipelineBuilder, PipelineProcessor,
};
use otel_sentry::delivery::SharedTransport;
use otel_sentry::{SentrySink, SinkHandle, connect, keep_frozen_dsc};
use otel_smart_sampler::{
    Match, Pattern, Rule, RuleRate, SampleRate, SamplingCounts, SmartSampler,
};
use sentry::ClientOptions;
use telemetry_sanitizer::Sanitizer;
use tracing::{Dispatch, Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

use super::stock::DSN;
use super::{DroppingExporter, DroppingTransport, Running, tuned};
use crate::workload::{self, SPANS_PER_TRACE};

/// Sentry alone.
pub(super) fn sentry() -> anyhow::Result<Running> {
    with_sentry(pipeline(), 1.0)
}

/// Sentry alone, and nobody looks for secrets.
pub(super) fn unsanitized() -> anyhow::Result<Running> {
    with_sentry(bare(), 1.0)
}

/// Sentry, but no trace is kept.
pub(super) fn unsampled() -> anyhow::Result<Running> {
    with_sentry(pipeline(), 0.0)
}

/// Sentry and an exporter.
pub(super) fn sentry_and_exporter() -> anyhow::Result<Running> {
    let sentry = Sentry::new()?;
    let exporter = DroppingExporter::default();
    let counts = sentry.counts();
    let of_exporter = exporter.clone();
    let pipeline = pipeline()
        .with_sink(sentry.sink)
        .with_sink(ExporterSink::new(exporter, BatchOptions::default()));
    Ok(running(pipeline, 1.0)?
        .with_delivered(move || counts.traces().min(of_exporter.traces()))
        .keeping(sentry.guard))
}

/// All that `mcp-telemetry` sets up for Sentry: spans, breadcrumbs, logs and error events.
pub(super) fn whole() -> anyhow::Result<Running> {
    let lookup = |name: &str| match name {
        "SENTRY_DSN" => Some(DSN.to_owned()),
        "SENTRY_TRACES_SAMPLE_RATE" => Some("1".to_owned()),
        _ => None,
    };
    let config = Config::from_lookup(AppInfo::new("bench", "1.0.0"), lookup)?;
    let transport = DroppingTransport::default();
    let (telemetry, layer) = Builder::new(config)
        .with_stderr_logs(false)
        .with_sentry_transport(Arc::new(transport.clone()))
        .build()?;
    telemetry.make_global();
    let telemetry = Arc::new(telemetry);
    let settled = Arc::clone(&telemetry);
    let dispatch = tracing_subscriber::registry()
        .with(layer.into_layers())
        .into();
    Ok(Running::of_dispatch(dispatch)
        .with_trace(|number| workload::trace_with_errors(number, |root| inherit(root, number)))
        .with_settle(move || settled.flush())
        .with_delivered(move || transport.traces_with_logs())
        .keeping(telemetry))
}

fn with_sentry(pipeline: PipelineBuilder, base_rate: f64) -> anyhow::Result<Running> {
    let sentry = Sentry::new()?;
    let counts = sentry.counts();
    Ok(running(pipeline.with_sink(sentry.sink), base_rate)?
        .with_delivered(move || counts.traces())
        .keeping(sentry.guard))
}

struct Sentry {
    transport: DroppingTransport,
    guard: sentry::ClientInitGuard,
    sink: SentrySink,
}

impl Sentry {
    fn new() -> anyhow::Result<Self> {
        let transport = DroppingTransport::default();
        let shared = SharedTransport::from_transport(Arc::new(transport.clone()));
        let options = ClientOptions::new().dsn(DSN);
        let guard = sentry::init(connect(options, &shared));
        let sink = SentrySink::new(&guard, &shared)?;
        Ok(Self {
            transport,
            guard,
            sink,
        })
    }

    fn counts(&self) -> SentryCounts {
        SentryCounts {
            transport: self.transport.clone(),
            sink: self.sink.handle(),
        }
    }
}

/// The transport counts envelopes, the sink the spans in them.
struct SentryCounts {
    transport: DroppingTransport,
    sink: SinkHandle,
}

impl SentryCounts {
    fn traces(&self) -> u64 {
        let whole = self.sink.stats().spans / SPANS_PER_TRACE;
        whole.min(self.transport.traces())
    }
}

fn pipeline() -> PipelineBuilder {
    bare().with_scrub(SpanSanitizer::new(Sanitizer::default()))
}

fn bare() -> PipelineBuilder {
    PipelineProcessor::builder().with_on_start(keep_frozen_dsc)
}

fn running(pipeline: PipelineBuilder, base_rate: f64) -> anyhow::Result<Running> {
    let sampler = sampler(base_rate)?;
    let counts = SamplingCounts::new(&sampler);
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler.with_observer(counts))
        .with_span_processor(pipeline.build()?)
        .build();
    let dispatch = layer(&provider);
    Ok(Running::new(provider, dispatch)
        .with_trace(trace)
        .with_open(|number, kept| workload::open(number, |root| inherit(root, number), kept)))
}

/// As many rules as `mcp-telemetry` has. None matches: that is the longest way to a decision.
fn sampler(base_rate: f64) -> anyhow::Result<SmartSampler> {
    let op = |pattern| Match::pattern(pattern);
    Ok(SmartSampler::builder()
        .base_rate(SampleRate::new(base_rate)?)
        .rule(always(
            "mcp.tool",
            "sentry.op",
            op(Pattern::exact("mcp.tool")),
        ))
        .rule(always("mcp", "sentry.op", op(Pattern::prefix("mcp."))))
        .rule(always("mcp.method", "mcp.method.name", Match::present()))
        .rule(always("mcp.http", "mcp.transport", Match::present()))
        .rule(
            Rule::new("splunk")
                .attribute("sentry.op", op(Pattern::exact("splunk.api")))
                .rate(RuleRate::TimesBase(1.5)),
        )
        .rule(
            Rule::new("health")
                .attribute("sentry.op", op(Pattern::exact("http.server")))
                .attribute("http.route", op(Pattern::one_of(["/health", "/readyz"])))
                .rate(SampleRate::new(0.01)?),
        )
        .build()?)
}

fn always(name: &'static str, key: &'static str, value: Match) -> Rule {
    Rule::new(name).attribute(key, value).rate(RuleRate::Always)
}

/// The tuned layer; of events only errors with an `error` field are for spans.
fn layer(provider: &SdkTracerProvider) -> Dispatch {
    let layer = tuned(provider).with_filter(filter_fn(belongs_on_spans));
    tracing_subscriber::registry().with(layer).into()
}

fn belongs_on_spans(metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() {
        return *metadata.level() <= Level::INFO;
    }
    *metadata.level() == Level::ERROR && metadata.fields().field("error").is_some()
}

fn trace(number: u64) {
    workload::trace(number, |root| inherit(root, number));
}

/// Gives the root the attributes of its request.
fn inherit(root: &Span, number: u64) {
    let inherited = ContextAttributes::new(workload::request_attributes(number));
    // It can only fail on a span that has started, and this one has not.
    let _ = root.set_parent(Context::new().with_value(inherited));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Instant;

    use opentelemetry::Value;
    use opentelemetry_sdk::trace::SpanData;
    use otel_pipeline::SpanSink;

    use super::*;

    /// A sink that keeps what it gets.
    #[derive(Clone, Default)]
    struct Keep(Arc<Mutex<Vec<Arc<SpanData>>>>);

    impl SpanSink for Keep {
        fn name(&self) -> &'static str {
            "keep"
        }

        fn accept(&mut self, spans: &[Arc<SpanData>]) {
            self.0.lock().unwrap().extend(spans.iter().cloned());
        }

        fn flush(&mut self, _: Instant) -> bool {
            true
        }
    }

    fn text<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
        let mut found = span.attributes.iter().filter(|it| it.key.as_str() == key);
        let value = found.next().map(|pair| &pair.value);
        assert!(found.next().is_none(), "{key} once");
        value
    }

    #[test]
    fn spans_carry_their_request_and_the_samplers_state_and_are_clean() {
        let keep = Keep::default();
        let running = running(pipeline().with_sink(keep.clone()), 1.0).unwrap();
        tracing::dispatcher::with_default(running.dispatch.as_ref().unwrap(), || {
            (running.trace)(7);
            tracing::info_span!("log in", note = "password=hunter2").in_scope(|| {});
        });
        running.drain().unwrap();

        let spans = keep.0.lock().unwrap();
        assert_eq!(spans.len(), 4);
        for span in &spans[..3] {
            assert_eq!(text(span, "mcp.request.id"), Some(&Value::from("7")));
            assert_eq!(text(span, "mcp.transport"), Some(&Value::from("http")));
            assert_eq!(span.span_context.trace_state().header(), "ot=th:0");
            assert!(span.events.is_empty(), "events are logs");
            let is_root = &*span.name == "handle request";
            let expected = 8 + 5 + if is_root { 2 } else { 0 };
            assert_eq!(span.attributes.len(), expected, "{:?}", span.attributes);
        }
        let note = text(&spans[3], "note");
        assert_eq!(note, Some(&Value::from("password=***REDACTED***")));
    }
}
