//! Events on spans, as a Sentry endpoint receives them: breadcrumbs, and exceptions as error
//! events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData};
use otel_pipeline::PipelineProcessor;
use otel_sentry::delivery::{Delivery, SharedTransport};
use otel_sentry::{SentryProcessor, SentrySink, SpanFailed, connect};
use sentry::protocol::Event;
use sentry::{Client, ClientOptions, Hub};
use serde_json::json;
use telemetry_testkit::{Event as Sent, Received, Sink};

const DEADLINE: Duration = Duration::from_secs(20);

struct App {
    sink: Sink,
    hub: Arc<Hub>,
    provider: SdkTracerProvider,
}

impl App {
    fn start() -> Self {
        Self::with(Sampler::AlwaysOn, |options| options)
    }

    fn with(sampler: Sampler, change: impl FnOnce(ClientOptions) -> ClientOptions) -> Self {
        let sink = Sink::start().unwrap();
        let transport = SharedTransport::new(Delivery::new());
        let client = Client::with_options(connect(change(options(&sink)), &transport));
        let hub = Arc::new(Hub::new(Some(Arc::new(client)), Arc::default()));
        let client = hub.client().unwrap();
        let make = || SentryProcessor::new(&client, &transport).unwrap();
        let processor = Hub::run(Arc::clone(&hub), make);
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_processor(processor)
            .build();
        Self {
            sink,
            hub,
            provider,
        }
    }

    fn tracer(&self) -> SdkTracer {
        self.provider.tracer("app")
    }

    /// Captures a message as an error, in this context.
    fn capture(&self, text: &str, context: Context) {
        let _active = context.attach();
        Hub::run(Arc::clone(&self.hub), || {
            sentry::capture_message(text, sentry::Level::Error);
        });
    }

    /// Ends everything; gives what was sent.
    fn finish(self) -> Received {
        self.provider.shutdown().unwrap();
        assert!(self.hub.client().unwrap().flush(Some(DEADLINE)));
        let received = self.sink.received();
        assert!(received.problems().is_empty(), "{:?}", received.problems());
        received
    }
}

fn options(sink: &Sink) -> ClientOptions {
    ClientOptions::new()
        .dsn(&sink.dsn())
        .release("app@1.0.0")
        .environment("test")
}

fn start(tracer: &SdkTracer, name: &'static str, parent: &Context) -> Context {
    parent.with_span(tracer.start_with_context(name, parent))
}

fn span_id(cx: &Context) -> String {
    cx.span().span_context().span_id().to_string()
}

/// Types and texts of the exceptions, one an event.
fn exceptions(received: &Received) -> Vec<(String, String)> {
    let events = received.events();
    let mut found: Vec<_> = events
        .iter()
        .filter_map(|event| event.exceptions.first())
        .map(|it| (it.ty.clone().unwrap(), it.value.clone().unwrap()))
        .collect();
    found.sort();
    found
}

fn errors(texts: &[&str]) -> Vec<(String, String)> {
    let pair = |text: &&str| ("Error".to_owned(), (*text).to_owned());
    texts.iter().map(pair).collect()
}

fn trail(event: &Sent) -> Vec<&str> {
    let crumbs = event.breadcrumbs.iter();
    crumbs.filter_map(|it| it.message.as_deref()).collect()
}

#[test]
fn an_exception_is_an_error_event_with_the_events_before_it() {
    let app = App::start();
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    let child = start(&tracer, "child", &root);
    root.span()
        .add_event("looked up", vec![KeyValue::new("rows", 7_i64)]);
    let at = SystemTime::now();
    let attributes = vec![
        KeyValue::new("exception.type", "app::Timeout"),
        KeyValue::new("exception.message", "too slow"),
        KeyValue::new("exception.escaped", true),
        KeyValue::new("peer", "splunk"),
    ];
    child
        .span()
        .add_event_with_timestamp("exception", at, attributes);
    child.span().add_event("gave up", Vec::new());
    child.span().end();
    root.span().end();
    let received = app.finish();

    let [event] = received.events()[..] else {
        panic!("{:#?}", received.events());
    };
    let exception = &event.exceptions[0].raw;
    assert_eq!(
        (&exception["type"], &exception["value"]),
        (&json!("app::Timeout"), &json!("too slow"))
    );
    let mechanism = json!({ "type": "generic", "handled": false });
    assert_eq!(exception["mechanism"], mechanism);
    assert_eq!(event.span_id, Some(span_id(&child)));
    assert_eq!(
        event.trace_id,
        Some(root.span().span_context().trace_id().to_string())
    );
    assert_eq!(event.release.as_deref(), Some("app@1.0.0"));
    assert_eq!(event.environment.as_deref(), Some("test"));
    assert_eq!(event.platform.as_deref(), Some("native"));
    assert_eq!(event.contexts["otel"]["attributes"]["peer"], "splunk");
    assert_eq!(trail(event), ["looked up"]);
    let seconds = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let sent = event.raw["timestamp"].as_f64().unwrap();
    assert!((sent - seconds).abs() < 0.001, "{sent} {seconds}");

    let [transaction] = received.transactions()[..] else {
        panic!("{:#?}", received.transactions());
    };
    let crumbs = transaction.raw["breadcrumbs"]["values"].as_array().unwrap();
    let shown: Vec<_> = crumbs.iter().map(|it| &it["message"]).collect();
    assert_eq!(shown, ["looked up", "app::Timeout: too slow", "gave up"]);
    assert_eq!(crumbs[0]["data"], json!({ "rows": 7 }));
    assert_eq!(crumbs[1]["level"], "error");
}

#[test]
fn an_error_on_its_way_up_is_one_event_and_another_is_another() {
    let app = App::start();
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    let child = start(&tracer, "child", &root);
    for context in [&child, &root] {
        context.span().record_error(&io::Error::other("no disk"));
    }
    root.span().record_error(&io::Error::other("no memory"));
    // The same text in another transaction.
    let other = start(&tracer, "other", &Context::new());
    other.span().record_error(&io::Error::other("no disk"));
    for context in [&child, &root, &other] {
        context.span().end();
    }
    let received = app.finish();
    let expected = errors(&["no disk", "no disk", "no memory"]);
    assert_eq!(exceptions(&received), expected);
}

#[test]
fn what_the_sdk_captured_makes_no_second_event() {
    let app = App::start();
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    let child = start(&tracer, "child", &root);
    app.capture("no disk", root.clone());
    child.span().record_error(&io::Error::other("no disk"));
    child.span().end();
    root.span().end();
    let received = app.finish();
    assert_eq!(received.events().len(), 1);
    assert_eq!(received.events()[0].text(), Some("no disk"));
}

#[test]
fn a_failure_of_a_span_covers_what_is_below_it() {
    let app = App::start();
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    let failed = start(&tracer, "failed", &root);
    let inner = start(&tracer, "inner", &failed);
    let fine = start(&tracer, "fine", &root);
    for (context, text) in [(&inner, "a"), (&failed, "b"), (&fine, "c"), (&root, "d")] {
        context.span().record_error(&io::Error::other(text));
    }
    app.capture("the handler failed", failed.with_value(SpanFailed));
    for context in [&inner, &failed, &fine, &root] {
        context.span().end();
    }
    let received = app.finish();
    assert_eq!(exceptions(&received), errors(&["c", "d"]));
    assert_eq!(received.events().len(), 3);
}

#[test]
fn what_tracing_recorded_is_the_tracing_layers_business() {
    let app = App::start();
    let root = start(&app.tracer(), "root", &Context::new());
    let attributes = vec![
        KeyValue::new("level", "ERROR"),
        KeyValue::new("target", "app"),
        KeyValue::new("exception.message", "no disk"),
    ];
    root.span().add_event("exception", attributes);
    root.span().end();
    let received = app.finish();
    assert!(received.events().is_empty(), "{:#?}", received.events());
    let crumbs = &received.transactions()[0].raw["breadcrumbs"]["values"];
    assert_eq!(crumbs[0]["message"], "no disk");
}

#[test]
fn a_trace_that_is_not_sampled_has_no_events_of_its_spans() {
    let app = App::with(Sampler::AlwaysOff, |options| options);
    let root = start(&app.tracer(), "root", &Context::new());
    root.span().record_error(&io::Error::other("no disk"));
    root.span().end();
    assert!(app.finish().events().is_empty());
}

#[test]
fn before_send_may_change_drop_or_panic_and_the_sink_goes_on() {
    let before_send = |mut event: Event<'static>| {
        let exception = &mut event.exception.values[0];
        match exception.value.as_deref() {
            Some("secret") => exception.value = Some("masked".to_owned()),
            Some("unwanted") => return None,
            Some("odd") => panic!("on purpose"),
            _ => {}
        }
        Some(event)
    };
    let app = App::with(Sampler::AlwaysOn, |options| {
        options.before_send(before_send)
    });
    let root = start(&app.tracer(), "root", &Context::new());
    for text in ["odd", "secret", "unwanted", "plain"] {
        root.span().record_error(&io::Error::other(text));
    }
    root.span().end();
    let received = app.finish();
    assert_eq!(exceptions(&received), errors(&["masked", "plain"]));
    assert_eq!(received.transactions().len(), 1);
}

#[test]
fn a_hook_sees_each_event_first_and_counters_tell() {
    let sink = Sink::start().unwrap();
    let transport = SharedTransport::new(Delivery::new());
    let options = options(&sink);
    let client = Arc::new(Client::with_options(connect(options, &transport)));
    let hook = |mut event: Event<'static>, span: &SpanData| {
        event.tags.insert("span".to_owned(), span.name.to_string());
        (span.name != "noisy").then_some(event)
    };
    let spans = SentrySink::new(&client, &transport)
        .unwrap()
        .with_exceptions(&client, hook);
    let handle = spans.handle();
    let pipeline = PipelineProcessor::builder().with_sink(spans).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(pipeline.unwrap())
        .build();
    let tracer = provider.tracer("app");
    for name in ["calm", "noisy"] {
        let span = start(&tracer, name, &Context::new());
        span.span().record_error(&io::Error::other(name));
        span.span().end();
    }
    provider.shutdown().unwrap();
    assert!(client.flush(Some(DEADLINE)));
    let received = sink.received();
    let [event] = received.events()[..] else {
        panic!("{:#?}", received.events());
    };
    assert_eq!(event.tags["span"], "calm");
    assert_eq!(handle.stats().exceptions, 1);
    assert_eq!(handle.stats().transactions, 2);
}

#[test]
fn many_events_take_no_more_than_a_payload_holds() {
    let app = App::start();
    let tracer = app.tracer();
    let root = start(&tracer, "root", &Context::new());
    for _ in 0..40 {
        let child = start(&tracer, "child", &root);
        for _ in 0..10 {
            let large = KeyValue::new("large", "\u{1}".repeat(1_500));
            child.span().add_event("x".repeat(900), vec![large]);
        }
        child
            .span()
            .set_attribute(KeyValue::new("v", "\u{1}".repeat(4_000)));
        child.span().end();
    }
    root.span().end();
    let received = app.finish();
    let transactions = received.transactions();
    let spans: usize = transactions.iter().map(|it| it.spans.len() + 1).sum();
    assert_eq!(spans, 41);
    let with_trail: Vec<_> = transactions
        .iter()
        .filter(|it| !it.raw["breadcrumbs"].is_null())
        .collect();
    let [only] = with_trail[..] else {
        panic!("{} transactions have breadcrumbs", with_trail.len());
    };
    assert_eq!(only.name, "root");
}
