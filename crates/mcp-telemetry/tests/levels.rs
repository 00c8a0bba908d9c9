//! Where an event goes, by its level: one table, for `tracing` and for the `log` crate.
//!
//! One test: what it installs is the process's.

#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod common;

use std::sync::Arc;

use common::config;
use mcp_telemetry::Builder;
use mcp_telemetry::sentry::{Hub, HubSwitchGuard};
use serde_json::{Value, json};
use telemetry_testkit::{Received, Sink};

/// A way to write an event, and where it goes.
struct Row {
    name: &'static str,
    write: fn(),
    goes: Goes<'static>,
}

/// The level that an event has in each place, where it is there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Goes<'a> {
    log: Option<&'a str>,
    breadcrumb: Option<&'a str>,
    error_event: Option<&'a str>,
    otlp: Option<(i32, &'a str)>,
}

const NOWHERE: Goes<'static> = Goes {
    log: None,
    breadcrumb: None,
    error_event: None,
    otlp: None,
};

const INFO: Goes<'static> = Goes {
    log: Some("info"),
    breadcrumb: Some("info"),
    error_event: None,
    otlp: Some((9, "INFO")),
};

const WARN: Goes<'static> = Goes {
    log: Some("warn"),
    breadcrumb: Some("warning"),
    error_event: None,
    otlp: Some((13, "WARN")),
};

const ERROR: Goes<'static> = Goes {
    log: Some("error"),
    breadcrumb: Some("error"),
    error_event: Some("error"),
    otlp: Some((17, "ERROR")),
};

const FATAL: Goes<'static> = Goes {
    log: Some("fatal"),
    breadcrumb: Some("fatal"),
    error_event: Some("fatal"),
    otlp: Some((21, "FATAL")),
};

/// What the rows write.
const MESSAGE: &str = "Tool executed";

/// The fields that `event!` gives, with their types at Sentry.
fn fields() -> [(&'static str, Value, &'static str); 5] {
    [
        ("tool_name", json!("splunk_search"), "string"),
        ("duration_ms", json!(150), "integer"),
        ("result_count", json!(100), "integer"),
        ("share", json!(0.25), "double"),
        ("cached", json!(true), "boolean"),
    ]
}

macro_rules! event {
    ($level:ident $(, $more:ident = $value:literal)*) => {
        || tracing::$level!(
            $($more = $value,)*
            tool_name = "splunk_search", duration_ms = 150, result_count = 100_usize, share = 0.25, cached = true,
            "Tool executed"
        )
    };
}

const ROWS: &[Row] = &[
    row("trace!", event!(trace), NOWHERE),
    row("debug!", event!(debug), NOWHERE),
    row("info!", event!(info), INFO),
    row("warn!", event!(warn), WARN),
    row("error!", event!(error), ERROR),
    row("fatal", event!(error, severity = "fatal"), FATAL),
    row("critical", event!(error, severity = "critical"), FATAL),
    row("CRITICAL", event!(error, severity = "CRITICAL"), FATAL),
    row("a grave info!", event!(info, severity = "fatal"), INFO),
    row("log::trace!", || log::trace!("{MESSAGE}"), NOWHERE),
    row("log::debug!", || log::debug!("{MESSAGE}"), NOWHERE),
    row("log::info!", || log::info!("{MESSAGE}"), INFO),
    row("log::warn!", || log::warn!("{MESSAGE}"), WARN),
    row("log::error!", || log::error!("{MESSAGE}"), ERROR),
];

const fn row(name: &'static str, write: fn(), goes: Goes<'static>) -> Row {
    Row { name, write, goes }
}

/// What is written after a row, to see its breadcrumb.
const AFTER: &str = "what came after";

/// Writes a row's event in a span and a scope of its own, and another one after it.
fn write(row: &Row) {
    let hub = Arc::new(Hub::new_from_top(Hub::main()));
    hub.configure_scope(|scope| scope.clear());
    let _hub = HubSwitchGuard::new(hub);
    let outer = tracing::info_span!("row", otel.name = row.name);
    outer.in_scope(|| {
        tracing::info_span!("inner").in_scope(|| {
            (row.write)();
            tracing::error!("{AFTER}");
        });
    });
}

/// The one of a row's trace, if there is one.
fn only<T: std::fmt::Debug>(mut all: Vec<T>, what: &str) -> Option<T> {
    assert!(all.len() <= 1, "{what}: {all:#?}");
    all.pop()
}

/// Holds what arrived of a row's trace against it.
fn check(row: &Row, received: &Received) {
    let name = row.name;
    let mut transactions = received.transactions();
    transactions.retain(|it| it.name == name);
    let transaction = only(transactions, name).unwrap();
    let trace = &transaction.trace_id;
    let span = transaction.spans.first().map(|inner| &inner.span_id);
    // A plain error is a log; the spans did what they were asked.
    assert_eq!(transaction.status.as_deref(), Some("ok"), "{name}");

    let mut logs = received.logs_of(trace);
    logs.retain(|log| log.body == MESSAGE);
    let log = only(logs, name);
    let mut otlp = received.otlp_logs_of(trace);
    otlp.retain(|log| log.text() == Some(MESSAGE));
    let otlp = only(otlp, name);
    let of_trace = received.events_of(trace).into_iter();
    let (events, after): (Vec<_>, Vec<_>) = of_trace.partition(|it| it.text() == Some(MESSAGE));
    let (event, after) = (only(events, name), only(after, name).unwrap());
    assert_eq!(after.text(), Some(AFTER), "{name}");
    // Other than the row's, none is there: an event is no breadcrumb of itself.
    let crumb = only(after.breadcrumbs.iter().collect(), name);
    assert!(event.is_none_or(|it| it.breadcrumbs.is_empty()), "{name}");

    // Sentry's own defaults are not sent.
    let goes = Goes {
        log: log.map(|it| &*it.level),
        breadcrumb: crumb.map(|it| it.level.as_deref().unwrap_or("info")),
        error_event: event.map(|it| it.level.as_deref().unwrap_or("error")),
        otlp: otlp.map(|it| (it.severity_number, &*it.severity_text)),
    };
    assert_eq!(goes, row.goes, "{name}");
    let (Some(log), Some(crumb), Some(otlp)) = (log, crumb, otlp) else {
        return;
    };
    assert_eq!(crumb.message.as_deref(), Some(MESSAGE), "{name}");
    assert_eq!(log.span_id.as_ref(), span, "{name}");
    assert_eq!(otlp.span_id.as_ref(), span, "{name}");
    assert!(event.is_none_or(|it| it.span_id.as_ref() == span), "{name}");
    // The `log` crate's macros have no fields here.
    let fields = fields().into_iter().filter(|_| !name.starts_with("log::"));
    for (key, value, ty) in fields {
        let what = format!("{key} of {name}");
        let attribute = &log.attributes[key];
        assert_eq!((&attribute.value, &*attribute.ty), (&value, ty), "{what}");
        assert_eq!(otlp.attribute(key), Some(&value), "{what}");
        assert_eq!(crumb.data.get(key), Some(&value), "{what}");
        if let Some(event) = event {
            let fields = &event.contexts["Rust Tracing Fields"];
            assert_eq!(fields.get(key), Some(&value), "{what}");
            // The level says it.
            assert_eq!(fields.get("severity"), None, "{name}");
        }
    }
}

#[test]
fn each_level_goes_where_the_table_says() {
    let sink = Sink::start().unwrap();
    let variables = [
        ("SENTRY_DSN", &*sink.dsn()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*sink.otlp_endpoint()),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let builder = Builder::new(config(&variables)).with_stderr_logs(false);
    let telemetry = builder.install().unwrap();
    for row in ROWS {
        write(row);
    }
    telemetry.shutdown().unwrap();
    let received = sink.received();
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    for row in ROWS {
        check(row, &received);
    }
}

/// Its first three columns: what is written, and where it goes at Sentry and by OTLP.
#[test]
fn the_readme_has_the_same_table() {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("\n## Where events go\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for (name, written) in [
        ("trace!", "`trace!`"),
        ("debug!", "`debug!`"),
        ("info!", "`info!`"),
        ("warn!", "`warn!`"),
        ("error!", "`error!`"),
        ("critical", "`\"critical\"`"),
    ] {
        let goes = ROWS.iter().find(|row| row.name == name).unwrap().goes;
        let places = [
            (goes.log, "log"),
            (goes.breadcrumb, "breadcrumb"),
            (goes.error_event, "error event"),
        ];
        let sentry = places.iter().filter(|(level, _)| level.is_some());
        let sentry: Vec<_> = sentry.map(|(_, place)| *place).collect();
        let or_none = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        let expected = [
            or_none(sentry.join(", ")),
            or_none(goes.otlp.map(|_| "log".to_owned()).unwrap_or_default()),
        ];
        let row = section.lines().find(|row| row.contains(written));
        let cells: Vec<_> = row.unwrap().split('|').map(str::trim).collect();
        let found = [cells[2], cells[3]];
        assert_eq!(found, expected, "{written}");
    }
}
