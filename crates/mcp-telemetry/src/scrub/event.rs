//! Sanitizing what the Sentry SDK captures.

use sentry::protocol::{Breadcrumb, Context, Event, Log, Map, Metric, User, Value};
use telemetry_sanitizer::Sanitizer;

use super::changed;
use crate::settings::send_pii;

/// Cleans an error event: messages, exceptions, breadcrumbs, tags, contexts, request, user.
pub(crate) fn event(sanitizer: &Sanitizer, mut event: Event<'static>) -> Event<'static> {
    optional(sanitizer, &mut event.message);
    optional(sanitizer, &mut event.culprit);
    optional(sanitizer, &mut event.transaction);
    if let Some(entry) = &mut event.logentry {
        string(sanitizer, &mut entry.message);
        entry
            .params
            .iter_mut()
            .for_each(|value| sanitizer.json(value));
    }
    for exception in &mut event.exception.values {
        // The SDK takes the type from the first word of the error's `Debug`.
        string(sanitizer, &mut exception.ty);
        optional(sanitizer, &mut exception.value);
        if let Some(mechanism) = &mut exception.mechanism {
            optional(sanitizer, &mut mechanism.description);
            map(sanitizer, &mut mechanism.data);
        }
        let frames = exception
            .stacktrace
            .iter_mut()
            .flat_map(|trace| &mut trace.frames);
        frames.for_each(|frame| map(sanitizer, &mut frame.vars));
    }
    for crumb in &mut event.breadcrumbs.values {
        clean_breadcrumb(sanitizer, crumb);
    }
    for (key, value) in &mut event.tags {
        keyed(sanitizer, key, value);
    }
    map(sanitizer, &mut event.extra);
    for context in event.contexts.values_mut() {
        match context {
            Context::Other(values) => map(sanitizer, values),
            Context::Trace(trace) => map(sanitizer, &mut trace.data),
            Context::Response(response) => {
                response.cookies = None;
                for (key, value) in &mut response.headers {
                    keyed(sanitizer, key, value);
                }
                if let Some(data) = &mut response.data {
                    sanitizer.json(data);
                }
            }
            // What the machine and the app are.
            _ => {}
        }
    }
    for part in event.fingerprint.to_mut() {
        if let Some(clean) = changed(sanitizer.text(part), part) {
            *part = clean.into();
        }
    }
    if let Some(user) = &mut event.user {
        if !send_pii() {
            // The id stays, which sessions have too: it is what the app chose to tell by.
            let id = user.id.take();
            *user = User {
                id,
                ..User::default()
            };
        }
        for text in [&mut user.id, &mut user.email, &mut user.username] {
            optional(sanitizer, text);
        }
        map(sanitizer, &mut user.other);
    }
    if let Some(request) = &mut event.request {
        optional(sanitizer, &mut request.query_string);
        optional(sanitizer, &mut request.data);
        request.cookies = None;
        for (key, value) in request.headers.iter_mut().chain(&mut request.env) {
            keyed(sanitizer, key, value);
        }
        let clean = request
            .url
            .as_ref()
            .map(|url| sanitizer.url(url.as_str()).into_owned());
        request.url = clean.and_then(|url| url.parse().ok());
    }
    event
}

/// Cleans a breadcrumb.
pub(crate) fn breadcrumb(sanitizer: &Sanitizer, mut crumb: Breadcrumb) -> Breadcrumb {
    clean_breadcrumb(sanitizer, &mut crumb);
    crumb
}

/// Cleans a metric's attributes.
pub(crate) fn metric(sanitizer: &Sanitizer, mut metric: Metric) -> Metric {
    for (key, attribute) in &mut metric.attributes {
        json(sanitizer, key, &mut attribute.0);
    }
    metric
}

/// Cleans a log: its text and its attributes.
pub(crate) fn log(sanitizer: &Sanitizer, mut log: Log) -> Log {
    string(sanitizer, &mut log.body);
    for (key, attribute) in &mut log.attributes {
        json(sanitizer, key, &mut attribute.0);
    }
    log
}

fn clean_breadcrumb(sanitizer: &Sanitizer, crumb: &mut Breadcrumb) {
    optional(sanitizer, &mut crumb.message);
    map(sanitizer, &mut crumb.data);
}

fn map(sanitizer: &Sanitizer, values: &mut Map<String, Value>) {
    for (key, value) in values {
        json(sanitizer, key, value);
    }
}

fn json(sanitizer: &Sanitizer, key: &str, value: &mut Value) {
    match value {
        Value::String(text) => keyed(sanitizer, key, text),
        Value::Null => {}
        other if sanitizer.is_sensitive_key(key) => {
            *other = Value::String(sanitizer.value(key, "0").into_owned());
        }
        other => sanitizer.json(other),
    }
}

fn keyed(sanitizer: &Sanitizer, key: &str, text: &mut String) {
    if let Some(clean) = changed(sanitizer.value(key, text), text) {
        *text = clean;
    }
}

fn optional(sanitizer: &Sanitizer, text: &mut Option<String>) {
    if let Some(text) = text {
        string(sanitizer, text);
    }
}

fn string(sanitizer: &Sanitizer, text: &mut String) {
    if let Some(clean) = changed(sanitizer.text(text), text) {
        *text = clean;
    }
}
