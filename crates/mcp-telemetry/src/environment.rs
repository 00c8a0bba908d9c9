//! Trace context in environment variables: from whoever started this process, and to processes
//! that this one starts.
//!
//! Sources: OpenTelemetry specification, "Environment Variables as Context Propagation Carriers"
//! (`TRACEPARENT`, `TRACESTATE`, `BAGGAGE`); Sentry's SDK development documentation, "Trace
//! Propagation" (`SENTRY_TRACE`, `SENTRY_BAGGAGE`).

use std::sync::{PoisonError, RwLock};

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt as _;

/// The variables of each header, in the order in which they count.
const VARIABLES: [(&str, &[&str]); 4] = [
    ("traceparent", &["TRACEPARENT"]),
    ("tracestate", &["TRACESTATE"]),
    ("sentry-trace", &["SENTRY_TRACE"]),
    ("baggage", &["BAGGAGE", "SENTRY_BAGGAGE"]),
];

/// The context with which this process was started.
static PARENT: RwLock<Option<Context>> = RwLock::new(None);

/// The variables by which a process that is started now learns the current trace, such as an MCP
/// server over stdio: for [`Command::envs`](std::process::Command::envs).
///
/// Empty outside of a trace, or where nothing is propagated. Such a server makes the current span
/// the parent of requests that name none in their `_meta`.
///
/// ```
/// use std::process::Command;
///
/// let mut server = Command::new("mcp-server-splunk");
/// server.envs(mcp_telemetry::child_environment());
/// ```
#[must_use]
pub fn child_environment() -> Vec<(&'static str, String)> {
    of_context(&Context::current())
}

fn of_context(context: &Context) -> Vec<(&'static str, String)> {
    let mut variables = Variables::default();
    if context.span().span_context().is_valid() {
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(context, &mut variables);
        });
    }
    variables.0
}

/// Reads the context with which this process was started by the propagator that is set.
pub(crate) fn read(variables: &[(&'static str, String)]) {
    let carrier = Variables(variables.to_vec());
    let context = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &carrier)
    });
    let is_valid = context.span().span_context().is_valid();
    *PARENT.write().unwrap_or_else(PoisonError::into_inner) = is_valid.then_some(context);
}

/// The context with which this process was started, if there was one.
pub(crate) fn parent() -> Option<Context> {
    PARENT
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Names and values of variables, as a carrier of headers.
#[derive(Debug, Default)]
struct Variables(Vec<(&'static str, String)>);

fn variables_of(header: &str) -> &'static [&'static str] {
    let found = VARIABLES.iter().find(|(known, _)| *known == header);
    found.map_or(&[], |(_, variables)| variables)
}

impl Extractor for Variables {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key)?.first().copied()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let of_key = variables_of(key);
        let values: Vec<&str> = of_key
            .iter()
            .filter_map(|name| self.0.iter().find(|(known, _)| known == name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then_some(values)
    }

    fn keys(&self) -> Vec<&str> {
        VARIABLES.iter().map(|(header, _)| *header).collect()
    }
}

impl Injector for Variables {
    fn set(&mut self, key: &str, value: String) {
        for name in variables_of(key) {
            self.0.push((name, value.clone()));
        }
    }
}
