//! `tracing` events as OTLP log records.

use std::fmt::Debug;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use otel_pipeline::ContextAttributes;
use telemetry_sanitizer::Sanitizer;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::Layer;
use tracing_subscriber::layer;

use crate::errors::{SEVERITY, is_fatal};

/// Makes a log record of each event: sanitized, with the ids of the active OTel span,
/// which the SDK sets, and the attributes of the request that it belongs to.
///
/// The stock bridge is not used: the SDK's records cannot be changed once made, so there
/// would be no place to sanitize them.
pub(super) struct LogLayer {
    logger: SdkLogger,
    sanitizer: Sanitizer,
}

impl LogLayer {
    pub(super) fn new(provider: &SdkLoggerProvider, sanitizer: Sanitizer) -> Self {
        Self {
            logger: provider.logger("mcp-telemetry"),
            sanitizer,
        }
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let mut fields = Fields {
            sanitizer: &self.sanitizer,
            message: None,
            attributes: Vec::new(),
        };
        event.record(&mut fields);
        // A record of the `log` crate has its target among its fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut record = self.logger.create_log_record();
        if normalized.is_some() {
            fields
                .attributes
                .retain(|(key, _)| !key.starts_with("log."));
        }
        let (number, text) = match fields.take_fatal(*metadata.level()) {
            true => (Severity::Fatal, "FATAL"),
            false => severity(*metadata.level()),
        };
        record.set_severity_number(number);
        record.set_severity_text(text);
        let target = match normalized.is_some() {
            // Of the `log` crate; one of `tracing` is a literal.
            true => self.sanitizer.text(metadata.target()).into_owned(),
            false => metadata.target().to_owned(),
        };
        record.set_target(target);
        if let Some(message) = fields.message {
            record.set_body(message.into());
        }
        for (key, value) in fields.attributes {
            record.add_attribute(key, value);
        }
        let inherited =
            Context::map_current(|cx| cx.get::<ContextAttributes>().map(ContextAttributes::to_vec));
        for pair in inherited.unwrap_or_default() {
            let value = match pair.value {
                Value::Bool(value) => AnyValue::from(value),
                Value::I64(value) => AnyValue::from(value),
                Value::F64(value) => AnyValue::from(value),
                other => self
                    .sanitizer
                    .value(pair.key.as_str(), &other.as_str())
                    .into_owned()
                    .into(),
            };
            record.add_attribute(pair.key, value);
        }
        self.logger.emit(record);
    }
}

fn severity(level: Level) -> (Severity, &'static str) {
    match level {
        Level::TRACE => (Severity::Trace, "TRACE"),
        Level::DEBUG => (Severity::Debug, "DEBUG"),
        Level::INFO => (Severity::Info, "INFO"),
        Level::WARN => (Severity::Warn, "WARN"),
        Level::ERROR => (Severity::Error, "ERROR"),
    }
}

/// Reads an event's fields, clean.
struct Fields<'a> {
    sanitizer: &'a Sanitizer,
    message: Option<String>,
    attributes: Vec<(&'static str, AnyValue)>,
}

impl Fields<'_> {
    /// Whether an error says that it is fatal; the level says it then.
    fn take_fatal(&mut self, level: Level) -> bool {
        let fatal = |(key, value): &(&str, AnyValue)| {
            *key == SEVERITY && matches!(value, AnyValue::String(it) if is_fatal(it.as_str()))
        };
        let found = level == Level::ERROR && self.attributes.iter().any(fatal);
        if found {
            self.attributes.retain(|it| !fatal(it));
        }
        found
    }

    fn add(&mut self, field: &Field, value: impl Into<AnyValue>) {
        let value = match self.sanitizer.is_sensitive_key(field.name()) {
            true => self.sanitizer.value(field.name(), "0").into_owned().into(),
            false => value.into(),
        };
        self.attributes.push((field.name(), value));
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = Some(self.sanitizer.text(value).into_owned());
        } else {
            let clean = self.sanitizer.value(field.name(), value).into_owned();
            self.attributes.push((field.name(), clean.into()));
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, value),
            Err(_) => self.add(field, value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
