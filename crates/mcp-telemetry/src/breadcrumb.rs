//! Breadcrumbs: what led to an error.

use http::{StatusCode, Uri};
use opentelemetry::Value;
use tracing::Level;

use crate::isolation::Scope;

/// A step on the way to a possible error: [`add_breadcrumb`] leaves it.
#[derive(Clone, Debug)]
#[must_use = "pass it to `add_breadcrumb`"]
#[cfg_attr(not(feature = "sentry"), expect(dead_code, reason = "nobody reads it"))]
pub struct Breadcrumb {
    kind: &'static str,
    message: String,
    category: String,
    level: Level,
    data: Vec<(String, Value)>,
}

impl Breadcrumb {
    /// A breadcrumb of level INFO and the category `default`.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            kind: "default",
            message: message.into(),
            category: "default".to_owned(),
            level: Level::INFO,
            data: Vec::new(),
        }
    }

    /// What it is about, in a few words with dots between them, such as `user.action`.
    pub fn with_category(mut self, category: impl Into<String>) -> Self {
        self.category = category.into();
        self
    }

    /// How grave it is. TRACE counts as DEBUG.
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Adds a value.
    pub fn with_data(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data.push((key.into(), value.into()));
        self
    }
}

/// Leaves a breadcrumb in the current request: errors that Sentry gets from here on have it.
///
/// Each MCP and HTTP request has breadcrumbs of its own, the last 100. They pass the
/// sanitizer. Every `tracing` event from INFO leaves one too, and is a log in every sink
/// besides; this leaves a breadcrumb alone. Without Sentry it does nothing.
///
/// ```
/// use mcp_telemetry::{Breadcrumb, add_breadcrumb};
/// use tracing::Level;
///
/// add_breadcrumb(
///     Breadcrumb::new("User requested search")
///         .with_category("user.action")
///         .with_level(Level::INFO)
///         .with_data("query_type", "realtime")
///         .with_data("index", "main"),
/// );
/// ```
pub fn add_breadcrumb(breadcrumb: Breadcrumb) {
    Scope::current().add_breadcrumb(breadcrumb);
}

/// An MCP request begins. `name` is what may stand in a span's name.
pub(crate) fn mcp_request(scope: &Scope, method: &'static str, name: &str) {
    if scope.is_watched() {
        let crumb = Breadcrumb::new(name)
            .with_category("mcp")
            .with_data(crate::attributes::MCP_METHOD_NAME, method);
        scope.add_breadcrumb(crumb);
    }
}

/// An HTTP request has come.
pub(crate) fn http_server(scope: &Scope, method: &'static str, uri: &Uri) {
    if scope.is_watched() {
        scope.add_breadcrumb(http(method, uri.path().to_owned()));
    }
}

/// An HTTP request that is sent, until its end.
#[derive(Debug)]
pub(crate) struct Sent {
    scope: Scope,
    breadcrumb: Breadcrumb,
}

impl Sent {
    /// None where nobody would read it.
    pub(crate) fn start(method: &'static str, uri: &Uri) -> Option<Self> {
        let scope = Scope::current();
        scope.is_watched().then(|| Self {
            breadcrumb: http(method, address(uri)),
            scope,
        })
    }

    /// Leaves the breadcrumb where the request began.
    pub(crate) fn end(self, status: Option<StatusCode>, error: Option<&str>) {
        let Self {
            scope,
            mut breadcrumb,
        } = self;
        if let Some(status) = status {
            let code = i64::from(status.as_u16());
            breadcrumb = breadcrumb.with_data("status_code", code);
        } else if let Some(error) = error {
            breadcrumb = breadcrumb.with_data("reason", error.to_owned());
        }
        let level = match status {
            Some(status) if status.is_server_error() => Level::ERROR,
            Some(status) if status.is_client_error() => Level::WARN,
            // There was a response, but it could not be read.
            _ if error.is_some() => Level::ERROR,
            _ => Level::INFO,
        };
        scope.add_breadcrumb(breadcrumb.with_level(level));
    }
}

/// As Sentry shows HTTP requests: <https://develop.sentry.dev/sdk/data-model/event-payloads/breadcrumbs/>.
fn http(method: &'static str, url: String) -> Breadcrumb {
    let verb = if method == "_OTHER" { "HTTP" } else { method };
    let mut crumb = Breadcrumb::new(format!("{verb} {url}"))
        .with_category("http")
        .with_data("method", method)
        .with_data("url", url);
    crumb.kind = "http";
    crumb
}

/// Where a request goes, without its query and without credentials.
fn address(uri: &Uri) -> String {
    let path = uri.path();
    match (uri.scheme_str(), uri.host()) {
        (Some(scheme), Some(host)) => match uri.port() {
            Some(port) => format!("{scheme}://{host}:{port}{path}"),
            None => format!("{scheme}://{host}{path}"),
        },
        _ => path.to_owned(),
    }
}

#[cfg(feature = "sentry")]
mod sent {
    use opentelemetry::{Array, Value};
    use sentry::protocol::Value as Json;
    use tracing::Level;

    use super::Breadcrumb;

    impl From<Breadcrumb> for sentry::Breadcrumb {
        fn from(own: Breadcrumb) -> Self {
            Self {
                ty: own.kind.to_owned(),
                category: Some(own.category),
                message: Some(own.message),
                level: level(own.level),
                data: own
                    .data
                    .into_iter()
                    .map(|(key, value)| (key, json(value)))
                    .collect(),
                ..Self::default()
            }
        }
    }

    fn level(level: Level) -> sentry::Level {
        match level {
            Level::ERROR => sentry::Level::Error,
            Level::WARN => sentry::Level::Warning,
            Level::INFO => sentry::Level::Info,
            Level::DEBUG | Level::TRACE => sentry::Level::Debug,
        }
    }

    fn json(value: Value) -> Json {
        match value {
            Value::Bool(value) => value.into(),
            Value::I64(value) => value.into(),
            Value::F64(value) => value.into(),
            Value::String(value) => String::from(value).into(),
            Value::Array(array) => match array {
                Array::Bool(values) => values.into(),
                Array::I64(values) => values.into(),
                Array::F64(values) => values.into(),
                Array::String(values) => values.into_iter().map(String::from).collect(),
                other => other.to_string().into(),
            },
            other => other.to_string().into(),
        }
    }

    #[cfg(test)]
    mod tests {
        use serde_json::json;

        use super::*;

        #[test]
        fn values_keep_their_types() {
            for (value, expected) in [
                (Value::from(true), json!(true)),
                (Value::from(7_i64), json!(7)),
                (Value::from(0.5), json!(0.5)),
                (Value::from(f64::NAN), json!(null)),
                (Value::from("text"), json!("text")),
                (Value::Array(vec![1_i64, 2].into()), json!([1, 2])),
                (Value::Array(vec![true].into()), json!([true])),
                (
                    Value::Array(vec![opentelemetry::StringValue::from("a")].into()),
                    json!(["a"]),
                ),
            ] {
                assert_eq!(super::json(value), expected);
            }
        }

        #[test]
        fn levels() {
            for (own, theirs) in [
                (Level::ERROR, sentry::Level::Error),
                (Level::WARN, sentry::Level::Warning),
                (Level::INFO, sentry::Level::Info),
                (Level::DEBUG, sentry::Level::Debug),
                (Level::TRACE, sentry::Level::Debug),
            ] {
                let crumb = sentry::Breadcrumb::from(Breadcrumb::new("m").with_level(own));
                assert_eq!(crumb.level, theirs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_query_and_no_credentials() {
        for (uri, expected) in [
            (
                "https://u:p@splunk:8089/services/a?token=x",
                "https://splunk:8089/services/a",
            ),
            ("http://splunk/a", "http://splunk/a"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("/a?b=c", "/a"),
            ("splunk:8089", ""),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(address(&uri), expected);
        }
    }
}
