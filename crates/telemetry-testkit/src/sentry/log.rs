//! Logs and metrics: item containers with typed attributes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json::Fields;
use crate::problem::ParseError;

/// Content type of a log container.
pub(super) const LOGS: &str = "application/vnd.sentry.items.log+json";
/// Content type of a metric container.
pub(super) const TRACE_METRICS: &str = "application/vnd.sentry.items.trace-metric+json";

/// One log of a log container. Ids are lower-case hex.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Log {
    /// Time, in seconds since 1970.
    pub timestamp: f64,
    /// `trace`, `debug`, `info`, `warn`, `error` or `fatal`.
    pub level: String,
    /// The message.
    pub body: String,
    /// 32 hex digits.
    pub trace_id: String,
    /// The span it was written in, 16 hex digits: the field `span_id`, else the attribute
    /// `sentry.trace.parent_span_id`.
    pub span_id: Option<String>,
    /// OTel severity number.
    pub severity_number: Option<u64>,
    /// Attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// The JSON object as it came.
    pub raw: Value,
}

impl Log {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key).map(|attribute| &attribute.value)
    }

    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, ParseError> {
        let attributes = attributes(fields)?;
        let level = fields.need_text("level")?;
        // Relay keeps other words as they are and counts them as unknown.
        if !["trace", "debug", "info", "warn", "error", "fatal"].contains(&level.as_str()) {
            return Err(fields.wrong("level", "trace, debug, info, warn, error or fatal"));
        }
        Ok(Self {
            timestamp: fields.need_time("timestamp")?,
            level,
            body: fields.need_text("body")?,
            trace_id: fields.need_trace_id("trace_id")?,
            span_id: span_id(fields, &attributes)?,
            severity_number: fields.count("severity_number")?,
            attributes,
            raw: fields.to_value(),
        })
    }
}

/// One metric of a `trace_metric` container. Ids are lower-case hex.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceMetric {
    /// Name.
    pub name: String,
    /// `counter`, `gauge` or `distribution`.
    pub ty: String,
    /// Value.
    pub value: f64,
    /// Unit.
    pub unit: Option<String>,
    /// Time, in seconds since 1970.
    pub timestamp: f64,
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: Option<String>,
    /// Attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// The JSON object as it came.
    pub raw: Value,
}

impl TraceMetric {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, ParseError> {
        let attributes = attributes(fields)?;
        Ok(Self {
            name: fields.need_text("name")?,
            ty: fields.need_text("type")?,
            value: fields.need_number("value")?,
            unit: fields.text("unit")?,
            timestamp: fields.need_time("timestamp")?,
            trace_id: fields.need_trace_id("trace_id")?,
            span_id: span_id(fields, &attributes)?,
            attributes,
            raw: fields.to_value(),
        })
    }
}

/// A typed attribute: `{"value": .., "type": ..}`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attribute {
    /// The value; it has the type that `ty` says.
    pub value: Value,
    /// `string`, `integer`, `double`, `boolean` or `array` (also `string[]` and the like).
    pub ty: String,
    /// Unit.
    pub unit: Option<String>,
}

/// The elements of a container. Relay drops all of them when the header's `content_type` or
/// `item_count` is wrong.
pub(super) fn container<T>(
    place: &str,
    header: &Fields<'_>,
    payload: &Value,
    content_type: &'static str,
    read: impl Fn(&Fields<'_>) -> Result<T, ParseError>,
) -> Result<Vec<T>, ParseError> {
    if header.text("content_type")?.as_deref() != Some(content_type) {
        return Err(header.wrong("content_type", content_type));
    }
    let fields = Fields::of(place, payload)?;
    if fields.get("items").is_none() {
        return Err(fields.wrong("items", "a list"));
    }
    let items = fields.objects("items")?;
    if header.need_count("item_count")? != items.len() as u64 {
        return Err(header.wrong("item_count", "the number of items"));
    }
    items.iter().map(read).collect()
}

fn span_id(
    fields: &Fields<'_>,
    attributes: &BTreeMap<String, Attribute>,
) -> Result<Option<String>, ParseError> {
    let attribute = || {
        attributes
            .get("sentry.trace.parent_span_id")
            .and_then(|attribute| attribute.value.as_str())
            .map(str::to_owned)
    };
    Ok(fields.span_id("span_id")?.or_else(attribute))
}

fn attributes(fields: &Fields<'_>) -> Result<BTreeMap<String, Attribute>, ParseError> {
    let Some(attributes) = fields.object("attributes")? else {
        return Ok(BTreeMap::new());
    };
    fields
        .map("attributes")?
        .into_keys()
        .map(|key| {
            let expected = "{value, type} with a value of that type";
            let wrong = || attributes.wrong(&key, expected);
            let attribute = attributes.object(&key)?.ok_or_else(wrong)?;
            let ty = attribute.need_text("type")?;
            let value = attribute.get("value").ok_or_else(wrong)?;
            if !has_type(value, &ty) {
                return Err(attribute.wrong("value", "a value of the type it says"));
            }
            let attribute = Attribute {
                value: value.clone(),
                ty,
                unit: attribute.text("unit")?,
            };
            Ok((key, attribute))
        })
        .collect()
}

fn has_type(value: &Value, ty: &str) -> bool {
    match ty {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "double" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" | "string[]" | "integer[]" | "double[]" | "boolean[]" => value.is_array(),
        _ => false,
    }
}
