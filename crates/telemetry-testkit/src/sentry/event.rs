//! Error and message events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::transaction::event_id;
use crate::json::Fields;
use crate::problem::ParseError;

/// An error or message event. Ids are lower-case hex.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Event id, 32 hex digits.
    pub event_id: String,
    /// Level as sent, for example `error`.
    pub level: Option<String>,
    /// `message`, when it is plain text.
    pub message: Option<String>,
    /// `logentry` as sent: `message`, `formatted`, `params`.
    pub logentry: Option<Value>,
    /// Exceptions, the innermost first.
    pub exceptions: Vec<Exception>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// All contexts, `trace` among them.
    pub contexts: BTreeMap<String, Value>,
    /// `contexts.trace.trace_id`, 32 hex digits.
    pub trace_id: Option<String>,
    /// `contexts.trace.span_id`, 16 hex digits.
    pub span_id: Option<String>,
    /// `contexts.trace.parent_span_id`, 16 hex digits.
    pub parent_span_id: Option<String>,
    /// Breadcrumbs, the oldest first.
    pub breadcrumbs: Vec<Breadcrumb>,
    /// Time, in seconds since 1970.
    pub timestamp: Option<f64>,
    /// Name of the transaction it belongs to.
    pub transaction: Option<String>,
    /// Logger.
    pub logger: Option<String>,
    /// Release.
    pub release: Option<String>,
    /// Environment.
    pub environment: Option<String>,
    /// Platform.
    pub platform: Option<String>,
    /// The dynamic sampling context: the `trace` header of the envelope. Empty when it has none.
    pub dsc: BTreeMap<String, Value>,
    /// The JSON payload as it came: `user`, `request`, `extra`, `fingerprint` and the rest.
    pub raw: Value,
}

impl Event {
    /// The text of a message event: `message`, else `logentry.formatted`, else `logentry.message`.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let entry = |key| self.logentry.as_ref()?.get(key)?.as_str();
        self.message
            .as_deref()
            .or_else(|| entry("formatted"))
            .or_else(|| entry("message"))
    }

    pub(super) fn read(
        raw: Value,
        header_event_id: Option<&str>,
        dsc: &BTreeMap<String, Value>,
    ) -> Result<Self, ParseError> {
        let fields = Fields::of("event", &raw)?;
        let trace = match fields.object("contexts")? {
            Some(contexts) => contexts.object("trace")?,
            None => None,
        };
        let (trace_id, span_id, parent_span_id) = match &trace {
            Some(trace) => (
                trace.trace_id("trace_id")?,
                trace.span_id("span_id")?,
                trace.span_id("parent_span_id")?,
            ),
            None => (None, None, None),
        };
        // `message` may also be an object of the shape of `logentry`.
        let message = fields.get("message").and_then(Value::as_str);
        let logentry = fields
            .get("logentry")
            .or_else(|| fields.get("message").filter(|m| m.is_object()));
        Ok(Self {
            event_id: event_id(&fields, header_event_id)?,
            level: fields.text("level")?,
            message: message.map(str::to_owned),
            logentry: logentry.cloned(),
            exceptions: values(&fields, "exception")?
                .iter()
                .map(Exception::read)
                .collect::<Result<_, _>>()?,
            tags: fields.tags()?,
            contexts: fields.map("contexts")?,
            trace_id,
            span_id,
            parent_span_id,
            breadcrumbs: values(&fields, "breadcrumbs")?
                .iter()
                .map(Breadcrumb::read)
                .collect::<Result<_, _>>()?,
            timestamp: fields.time("timestamp")?,
            transaction: fields.text("transaction")?,
            logger: fields.text("logger")?,
            release: fields.text("release")?,
            environment: fields.text("environment")?,
            platform: fields.text("platform")?,
            dsc: dsc.clone(),
            raw,
        })
    }
}

/// One exception of an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exception {
    /// Type, for example `SplunkAuthError`.
    pub ty: Option<String>,
    /// Message.
    pub value: Option<String>,
    /// Module of the type.
    pub module: Option<String>,
    /// How the exception was caught.
    pub mechanism: Option<Mechanism>,
    /// The JSON object as it came: `stacktrace`, `thread_id` and the rest.
    pub raw: Value,
}

impl Exception {
    fn read(fields: &Fields<'_>) -> Result<Self, ParseError> {
        let mechanism = match fields.object("mechanism")? {
            Some(mechanism) => Some(Mechanism {
                ty: mechanism.text("type")?,
                handled: mechanism.flag("handled")?,
                data: mechanism.map("data")?,
            }),
            None => None,
        };
        Ok(Self {
            ty: fields.text("type")?,
            value: fields.text("value")?,
            module: fields.text("module")?,
            mechanism,
            raw: fields.to_value(),
        })
    }
}

/// How an exception was caught.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mechanism {
    /// Type, for example `auto.ai.mcp_server`.
    pub ty: Option<String>,
    /// Whether the program handled the exception.
    pub handled: Option<bool>,
    /// More about it, for example `error_type` and `tool_name`.
    pub data: BTreeMap<String, Value>,
}

/// One breadcrumb of an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Breadcrumb {
    /// Time, in seconds since 1970.
    pub timestamp: Option<f64>,
    /// Type, for example `http`.
    pub ty: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Level as sent.
    pub level: Option<String>,
    /// Message.
    pub message: Option<String>,
    /// More about it.
    pub data: BTreeMap<String, Value>,
}

impl Breadcrumb {
    fn read(fields: &Fields<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            timestamp: fields.time("timestamp")?,
            ty: fields.text("type")?,
            category: fields.text("category")?,
            level: fields.text("level")?,
            message: fields.text("message")?,
            data: fields.map("data")?,
        })
    }
}

/// A list that Sentry takes bare or as `{"values": [..]}`.
fn values<'a>(fields: &Fields<'a>, field: &str) -> Result<Vec<Fields<'a>>, ParseError> {
    match fields.get(field) {
        Some(Value::Object(_)) => match fields.object(field)? {
            Some(wrapped) => wrapped.objects("values"),
            None => Ok(Vec::new()),
        },
        _ => fields.objects(field),
    }
}
