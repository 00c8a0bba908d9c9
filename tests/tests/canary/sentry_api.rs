//! Logs and metrics by Sentry's own API.

use mcp_telemetry::sentry::protocol::{Log, LogAttribute, LogLevel};
use mcp_telemetry::sentry::{Hub, metrics};

use crate::place::Arrives::Sentry;
use crate::place::{Form, Place};
use crate::plants::Planted;

pub(crate) const PLACES: &[Place] = &[
    Place::now("log to the SDK", Sentry, |it| log(&it.text, "note", "1")),
    Place::now("attribute of a log to the SDK", Sentry, |it| {
        log("noted", "note", &it.text)
    }),
    Place::now("name of an attribute of a log to the SDK", Sentry, |it| {
        log("noted", &it.text, "1");
    })
    .form(Form::Brief),
    Place::now(
        "attribute of a log to the SDK under the secret's name",
        Sentry,
        |it| {
            log(&it.word, "access_token", &it.secret);
        },
    )
    .form(Form::Named),
    Place::now("name of a metric to the SDK", Sentry, |it| {
        metrics::counter(it.text.clone(), 1).capture();
    }),
    Place::now("attribute of a metric to the SDK", Sentry, |it| {
        metric("note", it)
    }),
];

fn metric(key: &'static str, it: &Planted) {
    metrics::counter("app.steps", 1)
        .attribute(key, it.text.clone())
        .capture();
}

fn log(body: &str, key: &str, value: &str) {
    let attribute = LogAttribute(value.into());
    Hub::current().capture_log(Log {
        level: LogLevel::Info,
        body: body.to_owned(),
        trace_id: None,
        timestamp: std::time::SystemTime::now(),
        severity_number: None,
        attributes: [(key.to_owned(), attribute)].into(),
    });
}
