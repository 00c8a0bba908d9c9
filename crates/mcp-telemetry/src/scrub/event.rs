//! Sanitizing what the Sentry SDK captures.

use std::borrow::Cow;

use sentry::protocol::{Breadcrumb, Context, Event, Log, Map, Metric, User, Value};
use telemetry_sanitizer::Sanitizer;

use super::{changed, name_changed};
use crate::settings::send_pii;

/// Cleans an error event: messages, exceptions, breadcrumbs, tags, contexts, request, user, and
/// what it says about its sender.
pub(crate) fn event(sanitizer: &Sanitizer, mut event: Event<'static>) -> Event<'static> {
    optional(sanitizer, &mut event.message);
    optional(sanitizer, &mut event.culprit);
    optional(sanitizer, &mut event.transaction);
    optional(sanitizer, &mut event.logger);
    for text in [
        &mut event.server_name,
        &mut event.release,
        &mut event.dist,
        &mut event.environment,
    ] {
        text.iter_mut().for_each(|text| shared(sanitizer, text));
    }
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
        optional(sanitizer, &mut exception.module);
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
    for pairs in [&mut event.tags, &mut event.modules] {
        texts(sanitizer, pairs);
    }
    map(sanitizer, &mut event.extra);
    names(sanitizer, &mut event.contexts);
    for context in event.contexts.values_mut() {
        match context {
            Context::Other(values) => map(sanitizer, values),
            Context::Trace(trace) => map(sanitizer, &mut trace.data),
            Context::Response(response) => {
                response.cookies = None;
                texts(sanitizer, &mut response.headers);
                if let Some(data) = &mut response.data {
                    sanitizer.json(data);
                }
            }
            // What the machine and the app are.
            _ => {}
        }
    }
    for part in event.fingerprint.to_mut() {
        shared(sanitizer, part);
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
        optional(sanitizer, &mut request.method);
        request.cookies = None;
        for pairs in [&mut request.headers, &mut request.env] {
            texts(sanitizer, pairs);
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

/// Cleans a metric: its name and its attributes.
pub(crate) fn metric(sanitizer: &Sanitizer, mut metric: Metric) -> Metric {
    shared(sanitizer, &mut metric.name);
    for (key, attribute) in &mut metric.attributes {
        json(sanitizer, key, &mut attribute.0);
    }
    names(sanitizer, &mut metric.attributes);
    metric
}

/// Cleans a log: its text and its attributes.
pub(crate) fn log(sanitizer: &Sanitizer, mut log: Log) -> Log {
    string(sanitizer, &mut log.body);
    for (key, attribute) in &mut log.attributes {
        json(sanitizer, key, &mut attribute.0);
    }
    names(sanitizer, &mut log.attributes);
    log
}

fn clean_breadcrumb(sanitizer: &Sanitizer, crumb: &mut Breadcrumb) {
    string(sanitizer, &mut crumb.ty);
    optional(sanitizer, &mut crumb.category);
    optional(sanitizer, &mut crumb.message);
    map(sanitizer, &mut crumb.data);
}

fn map(sanitizer: &Sanitizer, values: &mut Map<String, Value>) {
    for (key, value) in values.iter_mut() {
        json(sanitizer, key, value);
    }
    names(sanitizer, values);
}

fn texts(sanitizer: &Sanitizer, values: &mut Map<String, String>) {
    for (key, value) in values.iter_mut() {
        keyed(sanitizer, key, value);
    }
    names(sanitizer, values);
}

/// Cleans the names of values. Almost all are literals.
fn names<K: AsRef<str> + From<String> + Ord + Clone, V>(
    sanitizer: &Sanitizer,
    values: &mut Map<K, V>,
) {
    let unclean = values.keys().filter_map(|name| {
        let clean = name_changed(sanitizer, name.as_ref())?;
        Some((name.clone(), clean))
    });
    for (name, clean) in unclean.collect::<Vec<_>>() {
        if let Some(value) = values.remove(&name) {
            values.insert(clean.into(), value);
        }
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

fn shared(sanitizer: &Sanitizer, text: &mut Cow<'static, str>) {
    if let Some(clean) = changed(sanitizer.text(text), text) {
        *text = clean.into();
    }
}

fn string(sanitizer: &Sanitizer, text: &mut String) {
    if let Some(clean) = changed(sanitizer.text(text), text) {
        *text = clean;
    }
}
