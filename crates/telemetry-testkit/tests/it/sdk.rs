//! What Sentry's Rust SDK itself sends is taken whole: the sink is no stricter than Sentry.

use std::sync::Arc;

use sentry::protocol::{SessionStatus, SpanStatus};
use sentry::{Client, ClientOptions, Envelope, Hub, SessionMode, TransactionContext, Transport};
use telemetry_testkit::Sink;

use crate::raw;

/// Sends each envelope at once, on the thread that made it.
struct ToSink(Arc<Sink>);

impl Transport for ToSink {
    fn send_envelope(&self, envelope: Envelope) {
        let mut body = Vec::new();
        envelope.to_writer(&mut body).unwrap();
        raw(&self.0, std::str::from_utf8(&body).unwrap()).unwrap();
    }
}

#[test]
fn transactions_events_logs_metrics_and_sessions_of_the_sdk() {
    let sink = Arc::new(Sink::start().unwrap());
    let to_sink = Arc::clone(&sink);
    let options = ClientOptions::new()
        .dsn(&sink.dsn())
        .release("demo@1.0.0")
        .environment("test")
        .traces_sample_rate(1.0)
        .session_mode(SessionMode::Request)
        .transport(move |_: &ClientOptions| {
            Arc::new(ToSink(Arc::clone(&to_sink))) as Arc<dyn Transport>
        });
    let client = Arc::new(Client::with_options(options));
    let hub = Arc::new(Hub::new(Some(Arc::clone(&client)), Arc::default()));
    Hub::run(hub, || {
        sentry::start_session();
        let transaction =
            sentry::start_transaction(TransactionContext::new("POST /mcp", "mcp.server"));
        let span = transaction.start_child("mcp.tool", "search");
        span.set_data("mcp.tool.name", "search".into());
        sentry::configure_scope(|scope| scope.set_span(Some(span.clone().into())));
        sentry::add_breadcrumb(sentry::Breadcrumb {
            message: Some("login".into()),
            ..Default::default()
        });
        sentry::capture_error(&std::io::Error::other("no answer"));
        sentry::capture_message("slow", sentry::Level::Warning);
        sentry::logger_warn!(count = 3, "found {}", 3);
        span.set_status(SpanStatus::InternalError);
        span.finish();
        transaction.finish();
        sentry::end_session_with_status(SessionStatus::Crashed);
    });
    client.close(Some(crate::LONG));

    let received = sink.received();
    assert!(received.problems().is_empty(), "{received}");
    let transactions = received.transactions();
    assert_eq!(transactions.len(), 1, "{received}");
    let transaction = transactions[0];
    assert_eq!(transaction.name, "POST /mcp");
    assert_eq!(transaction.release.as_deref(), Some("demo@1.0.0"));
    assert!(transaction.end >= transaction.start);
    let span = &transaction.spans[0];
    assert_eq!(span.op.as_deref(), Some("mcp.tool"));
    assert_eq!(span.data_str("mcp.tool.name"), Some("search"));
    assert_eq!(span.status.as_deref(), Some("internal_error"));
    let events = received.events_linked_to(&span.span_id);
    assert_eq!(events.len(), 2, "{received}");
    assert_eq!(events[0].exceptions[0].value.as_deref(), Some("no answer"));
    assert_eq!(events[0].breadcrumbs[0].message.as_deref(), Some("login"));
    assert_eq!(events[1].text(), Some("slow"));
    let logs = received.logs_of(&transaction.trace_id);
    assert_eq!(logs.len(), 1, "{received}");
    assert_eq!(
        (logs[0].body.as_str(), logs[0].level.as_str()),
        ("found 3", "warn")
    );
    assert_eq!(logs[0].attribute("count"), Some(&3.into()));
    let sessions = received.sessions();
    assert_eq!(sessions.len(), 1, "{received}");
    assert_eq!(sessions[0].crashed, 1);
    assert_eq!(sessions[0].release, "demo@1.0.0");
}
