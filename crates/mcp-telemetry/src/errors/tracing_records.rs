//! What the SDK makes of `tracing` events, put right.
//!
//! - An error with the field `severity = "fatal"` has the level fatal.
//! - A record of the `log` crate has its own target and place, not those of the bridge.

use std::collections::BTreeMap;

use sentry::Level;
use sentry::protocol::{Breadcrumb, Context, Event, Log, LogAttribute, LogLevel, Map, Value};

use super::{SEVERITY, is_fatal};

/// The target of every record that comes over the bridge from the `log` crate.
const BRIDGED: &str = "log";

/// Fields of the bridge, and the attributes of Sentry's logs that they are.
const PLACES: [(&str, &str, &str); 3] = [
    ("log.module_path", "module_path", "code.module.name"),
    ("log.file", "file", "code.file.path"),
    ("log.line", "line", "code.line.number"),
];

/// The field with a bridged record's own target.
const BRIDGED_TARGET: &str = "log.target";

/// The fields that an event was logged with.
pub(super) fn fields(contexts: &mut BTreeMap<String, Context>) -> Option<&mut Map<String, Value>> {
    match contexts.get_mut("Rust Tracing Fields")? {
        Context::Other(fields) => Some(fields),
        _ => None,
    }
}

/// Puts an error event right.
pub(super) fn event(event: &mut Event<'static>) {
    let is_bridged = event.logger.as_deref() == Some(BRIDGED);
    let level = event.level;
    let Some(fields) = fields(&mut event.contexts) else {
        return;
    };
    let fatal = take_fatal(fields, level);
    let mut place = Map::new();
    let mut target = None;
    if is_bridged {
        target = take_target(fields);
        for (field, key, _) in PLACES {
            if let Some(value) = fields.remove(field) {
                place.insert(key.to_owned(), value);
            }
        }
    }
    if fatal {
        event.level = Level::Fatal;
    }
    if target.is_some() {
        event.logger = target;
    }
    if !place.is_empty() {
        let place = Context::Other(place);
        event
            .contexts
            .insert("Rust Tracing Location".to_owned(), place);
    }
    let is_empty = |context: &Context| matches!(context, Context::Other(it) if it.is_empty());
    event.contexts.retain(|_, context| !is_empty(context));
}

/// Puts a breadcrumb right.
pub(crate) fn breadcrumb(crumb: &mut Breadcrumb) {
    if take_fatal(&mut crumb.data, crumb.level) {
        crumb.level = Level::Fatal;
    }
    if crumb.category.as_deref() == Some(BRIDGED)
        && let Some(target) = take_target(&mut crumb.data)
    {
        crumb.category = Some(target);
        for (field, ..) in PLACES {
            crumb.data.remove(field);
        }
    }
}

/// Puts a log right.
pub(crate) fn log(log: &mut Log) {
    let severity = log.attributes.get(SEVERITY).and_then(|it| it.0.as_str());
    if log.level == LogLevel::Error && severity.is_some_and(is_fatal) {
        log.attributes.remove(SEVERITY);
        log.level = LogLevel::Fatal;
    }
    if let Some(target) = log.attributes.remove(BRIDGED_TARGET) {
        log.attributes.insert("logger.name".to_owned(), target);
    }
    for (field, _, attribute) in PLACES {
        if let Some(LogAttribute(value)) = log.attributes.remove(field) {
            log.attributes
                .insert(attribute.to_owned(), LogAttribute(value));
        }
    }
}

fn take_fatal(fields: &mut Map<String, Value>, level: Level) -> bool {
    let severity = fields.get(SEVERITY).and_then(Value::as_str);
    let fatal = level == Level::Error && severity.is_some_and(is_fatal);
    if fatal {
        fields.remove(SEVERITY);
    }
    fatal
}

fn take_target(fields: &mut Map<String, Value>) -> Option<String> {
    let target = fields.remove(BRIDGED_TARGET)?;
    target.as_str().map(str::to_owned)
}
