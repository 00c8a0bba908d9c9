//! The attributes that the tables read, found in one pass over a span.

use opentelemetry::{KeyValue, Value};

use super::keys;

/// What the tables want to know of a span's attributes.
///
/// A newer semantic-convention name goes before its older one; of the same name the last one
/// counts. Empty strings count as absent.
#[derive(Debug, Default)]
pub(crate) struct Known<'a> {
    pub(crate) op: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) status: Option<&'a str>,
    pub(crate) has_status_message: bool,
    pub(crate) description: Option<&'a str>,
    pub(crate) custom_span_name: Option<&'a str>,
    pub(crate) source: Option<&'a str>,
    pub(crate) profiler_id: Option<&'a str>,
    pub(crate) http_method: Option<&'a str>,
    pub(crate) http_route: Option<&'a str>,
    pub(crate) http_status: Option<i64>,
    pub(crate) url: Option<&'a str>,
    pub(crate) prefetch: bool,
    pub(crate) db: bool,
    pub(crate) db_query: Option<&'a str>,
    pub(crate) gen_ai: bool,
    pub(crate) gen_ai_operation: Option<&'a str>,
    pub(crate) rpc: bool,
    pub(crate) grpc_status: Option<i64>,
    pub(crate) messaging: bool,
    pub(crate) faas_trigger: Option<&'a str>,
}

impl<'a> Known<'a> {
    /// Reads `attributes` once.
    pub(crate) fn of(attributes: &'a [KeyValue]) -> Self {
        let mut known = Self::default();
        let mut old = Self::default();
        let (mut span_source, mut segment_source) = (None, None);
        for KeyValue { key, value, .. } in attributes {
            match key.as_str() {
                keys::OP => known.op = text(value),
                keys::ORIGIN => known.origin = text(value),
                keys::STATUS => known.status = text(value),
                keys::STATUS_MESSAGE => known.has_status_message = true,
                keys::DESCRIPTION => known.description = text(value),
                keys::CUSTOM_SPAN_NAME => known.custom_span_name = text(value),
                keys::SOURCE => known.source = text(value),
                keys::SPAN_SOURCE => span_source = text(value),
                keys::SEGMENT_NAME_SOURCE => segment_source = text(value),
                keys::PROFILER_ID => known.profiler_id = text(value),
                "http.request.method" => known.http_method = text(value),
                "http.method" => old.http_method = text(value),
                "http.route" => known.http_route = text(value),
                // What a route is to a server, a template is to a client.
                "url.template" => old.http_route = text(value),
                "http.response.status_code" => known.http_status = integer(value),
                "http.status_code" => old.http_status = integer(value),
                "url.full" => known.url = text(value),
                "http.url" => old.url = text(value),
                "sentry.http.prefetch" => known.prefetch = *value == Value::Bool(true),
                "db.system.name" | "db.system" => known.db = true,
                "db.query.text" => known.db_query = text(value),
                "db.statement" => old.db_query = text(value),
                "gen_ai.provider.name" | "gen_ai.system" => known.gen_ai = true,
                "gen_ai.operation.name" => known.gen_ai_operation = text(value),
                "rpc.service" | "rpc.system" | "rpc.system.name" => known.rpc = true,
                "rpc.grpc.status_code" => known.grpc_status = integer(value),
                "messaging.system" => known.messaging = true,
                "faas.trigger" => known.faas_trigger = text(value),
                _ => {}
            }
        }
        known.source = segment_source.or(span_source).or(known.source);
        known.http_method = known.http_method.or(old.http_method);
        known.http_route = known.http_route.or(old.http_route);
        known.http_status = known.http_status.or(old.http_status);
        known.url = known.url.or(old.url);
        known.db_query = known.db_query.or(old.db_query);
        known
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// A status code: some instrumentations record integers as text.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::I64(number) => Some(*number),
        Value::String(text) => text.as_str().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_names_go_before_older_ones_in_any_order() {
        for attributes in [
            vec![
                KeyValue::new("http.method", "GET"),
                KeyValue::new("http.request.method", "POST"),
            ],
            vec![
                KeyValue::new("http.request.method", "POST"),
                KeyValue::new("http.method", "GET"),
            ],
        ] {
            assert_eq!(Known::of(&attributes).http_method, Some("POST"));
        }
        let attributes = [
            KeyValue::new("sentry.segment.name.source", "route"),
            KeyValue::new("sentry.source", "task"),
            KeyValue::new("sentry.span.source", "view"),
        ];
        assert_eq!(Known::of(&attributes).source, Some("route"));
    }

    #[test]
    fn the_last_of_the_same_name_counts() {
        let attributes = [
            KeyValue::new("sentry.op", "a"),
            KeyValue::new("sentry.op", "b"),
        ];
        assert_eq!(Known::of(&attributes).op, Some("b"));
    }

    #[test]
    fn codes_are_read_from_numbers_and_text() {
        for (value, expected) in [
            (Value::from(404_i64), Some(404)),
            (Value::from("404"), Some(404)),
            (Value::from("not a number"), None),
            (Value::from(404.0), None),
            (Value::from(true), None),
        ] {
            let attributes = [KeyValue::new("http.response.status_code", value)];
            assert_eq!(Known::of(&attributes).http_status, expected);
        }
    }

    #[test]
    fn wrong_types_and_empty_text_count_as_absent() {
        let attributes = [
            KeyValue::new("sentry.op", 7_i64),
            KeyValue::new("http.route", ""),
            KeyValue::new("url.full", true),
        ];
        let known = Known::of(&attributes);
        assert_eq!((known.op, known.http_route, known.url), (None, None, None));
    }
}
