//! OTLP/JSON, made even before `opentelemetry-proto` reads it.
//!
//! The crate's JSON reading is stricter than protobuf's JSON mapping in some places, and in two it
//! loses data without a word: `asInt` as text, which the mapping prescribes for 64-bit integers,
//! is read as no value, and so is every exemplar's value. The rules below are the mapping's: null
//! and absent mean the default. `NaN` and infinities, which the mapping allows as text, are refused.

use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, exponential_histogram_data_point::Buckets,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Signal;
use crate::json::{describe, kind_of, parse};
use crate::problem::ParseError;

/// Reads an export request of a signal.
pub(super) fn from_json<M: DeserializeOwned>(signal: Signal, body: &[u8]) -> Result<M, ParseError> {
    let place = || format!("the OTLP {} request", signal.name());
    let mut value = parse(place(), body)?;
    let Value::Object(request) = &mut value else {
        return Err(ParseError::Field {
            place: place(),
            field: "*".to_owned(),
            expected: "an object",
            found: kind_of(&value).to_owned(),
        });
    };
    let list = match signal {
        Signal::Traces => "resourceSpans",
        Signal::Logs => "resourceLogs",
        Signal::Metrics => "resourceMetrics",
    };
    request.entry(list).or_insert_with(|| json!([]));
    even(request)?;
    serde_json::from_value(value).map_err(|error| ParseError::Json {
        place: place(),
        // An error about a value says no line, and its text may quote the value.
        reason: match error.classify() {
            serde_json::error::Category::Data => "a field has the wrong shape".to_owned(),
            _ => describe(&error),
        },
    })
}

/// Makes an object and everything in it even.
fn even(object: &mut Map<String, Value>) -> Result<(), ParseError> {
    object.retain(|_, value| !value.is_null());
    for (key, value) in object.iter_mut() {
        match key.as_str() {
            "asInt" => integer(value)?,
            "asDouble" => double(value)?,
            "arrayValue" | "kvlistValue" => fill(value, &json!({"values": []})),
            "exponentialHistogram" => {
                let points = value.get_mut("dataPoints");
                let defaults = defaults(&ExponentialHistogramDataPoint::default());
                each(points, |point| fill(point, &defaults));
            }
            "exemplars" => {
                let defaults = defaults(&Exemplar::default());
                each(Some(value), |exemplar| {
                    fill(exemplar, &defaults);
                    nest_value(exemplar);
                });
            }
            // No `Buckets` means none; an object without all of its fields means zeros.
            "positive" | "negative" => fill(value, &defaults(&Buckets::default())),
            _ => {}
        }
        if let Value::Array(list) = value {
            list.retain(|element| !element.is_null());
            for element in list {
                if let Value::Object(element) = element {
                    even(element)?;
                }
            }
        } else if let Value::Object(inner) = value {
            even(inner)?;
        }
    }
    // An attribute value with nothing in it is the empty value.
    if object
        .get("value")
        .is_some_and(|value| value.as_object().is_some_and(Map::is_empty))
    {
        object.remove("value");
    }
    Ok(())
}

fn integer(value: &mut Value) -> Result<(), ParseError> {
    let number = match &*value {
        Value::String(text) => text.parse::<i64>().ok(),
        other => other.as_i64(),
    };
    let wrong = wrong_number("asInt", "a 64-bit integer", value);
    *value = number.map(Value::from).ok_or(wrong)?;
    Ok(())
}

fn double(value: &mut Value) -> Result<(), ParseError> {
    let number = match &*value {
        Value::String(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
        other => other.as_f64(),
    };
    let wrong = wrong_number("asDouble", "a finite number", value);
    *value = number.map(Value::from).ok_or(wrong)?;
    Ok(())
}

fn wrong_number(field: &str, expected: &'static str, found: &Value) -> ParseError {
    ParseError::Field {
        place: "data point".to_owned(),
        field: field.to_owned(),
        expected,
        found: kind_of(found).to_owned(),
    }
}

/// Puts `asDouble` or `asInt` of an exemplar where the crate looks for it.
fn nest_value(exemplar: &mut Value) {
    let Value::Object(exemplar) = exemplar else {
        return;
    };
    for key in ["asDouble", "asInt"] {
        if let Some(number) = exemplar.remove(key).filter(|number| !number.is_null()) {
            exemplar.insert("value".to_owned(), json!({ key: number }));
        }
    }
}

fn each(list: Option<&mut Value>, mut change: impl FnMut(&mut Value)) {
    for element in list.and_then(Value::as_array_mut).into_iter().flatten() {
        change(element);
    }
}

/// Adds what an object lacks.
fn fill(value: &mut Value, defaults: &Value) {
    if let (Value::Object(object), Value::Object(defaults)) = (value, defaults) {
        for (key, default) in defaults {
            object.entry(key).or_insert_with(|| default.clone());
        }
    }
}

/// A message's default as JSON. Optional fields are left out of it: null would be dropped again.
fn defaults(message: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(message).unwrap_or_default();
    if let Value::Object(object) = &mut value {
        object.retain(|_, value| !value.is_null());
    }
    value
}
