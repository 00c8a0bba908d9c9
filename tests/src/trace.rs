//! One trace as both sinks received it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use telemetry_testkit::{OtlpSpan, Received, SentrySpan, SpanStatus};

use crate::harness::Harness;

/// What every span of an MCP request says about the request.
pub const CONTEXT: [&str; 5] = [
    "mcp.session.id",
    "mcp.request.id",
    "mcp.method.name",
    "mcp.tool.name",
    "mcp.transport",
];

/// The operations of a tool call that asks Splunk once, from the root down.
pub const SEARCH_OPS: [&str; 5] = [
    "http.server",
    "mcp.server",
    "mcp.tool",
    "splunk.api",
    "http.client",
];

/// A trace, and everything that had arrived with it.
#[derive(Debug)]
pub struct Trace {
    /// 32 hex digits.
    pub id: String,
    /// What had arrived when the trace was complete.
    pub received: Received,
}

/// One span as both sinks received it.
#[derive(Clone, Copy, Debug)]
pub struct Both<'a> {
    /// At Sentry.
    pub sentry: &'a SentrySpan,
    /// At the OTLP endpoint.
    pub otlp: &'a OtlpSpan,
}

impl Harness {
    /// Waits until at least this many spans of a trace have arrived at both sinks.
    ///
    /// # Errors
    ///
    /// Where they do not in time.
    pub async fn trace(&self, id: &str, spans: usize) -> anyhow::Result<Trace> {
        let look = |received: &Received| {
            let complete =
                received.spans_of(id).len() >= spans && received.otlp_spans_of(id).len() >= spans;
            complete.then(|| received.clone())
        };
        let received = self
            .wait_for(&format!("{spans} spans of {id}"), look)
            .await?;
        Ok(Trace {
            id: id.to_owned(),
            received,
        })
    }

    /// Waits for the trace of the one search whose text holds a marker.
    ///
    /// # Errors
    ///
    /// Where it does not arrive in time.
    pub async fn trace_of_search(&self, marker: &str, spans: usize) -> anyhow::Result<Trace> {
        let quoted = format!("\"{marker}\"");
        let id = self.trace_where(marker, |span| {
            let preview = span.attribute_str("splunk.query_preview");
            preview.is_some_and(|preview| preview.contains(&quoted))
        });
        self.trace(&id.await?, spans).await
    }

    /// Waits for the trace of the one request with this method by the client of this name.
    ///
    /// # Errors
    ///
    /// Where it does not arrive in time.
    pub async fn trace_of_request(
        &self,
        client: &str,
        method: &str,
        spans: usize,
    ) -> anyhow::Result<Trace> {
        let id = self.trace_where(client, |span| {
            span.attribute_str("mcp.client.name") == Some(client)
                && span.attribute_str("mcp.method.name") == Some(method)
        });
        self.trace(&id.await?, spans).await
    }

    async fn trace_where(
        &self,
        what: &str,
        wanted: impl Fn(&OtlpSpan) -> bool,
    ) -> anyhow::Result<String> {
        let find = |received: &Received| {
            let spans = received.otlp_spans();
            let span = spans.into_iter().find(|span| wanted(span));
            span.map(|span| span.trace_id.clone())
        };
        self.wait_for(what, find).await
    }
}

impl Trace {
    /// The one span with this operation.
    ///
    /// # Errors
    ///
    /// Where there is none or more than one, or where the sinks mean different spans.
    pub fn span(&self, op: &str) -> anyhow::Result<Both<'_>> {
        let sentry = self.received.spans_by_op(&self.id, op);
        let mut otlp = self.received.otlp_spans_of(&self.id);
        otlp.retain(|span| span.attribute_str("sentry.op") == Some(op));
        let (&[sentry], &[otlp]) = (&*sentry, &*otlp) else {
            bail!("spans {op} of {}: {sentry:#?} {otlp:#?}", self.id);
        };
        anyhow::ensure!(sentry.span_id == otlp.span_id, "different spans {op}");
        Ok(Both { sentry, otlp })
    }

    /// The one spans with these operations; there must be no others in the trace.
    ///
    /// # Errors
    ///
    /// As [`span`](Self::span), and where there are more spans.
    pub fn spans(&self, ops: &[&str]) -> anyhow::Result<Vec<Both<'_>>> {
        let found = self.received.spans_of(&self.id);
        anyhow::ensure!(found.len() == ops.len(), "expected {ops:?}: {found:#?}");
        let found = self.received.otlp_spans_of(&self.id);
        anyhow::ensure!(found.len() == ops.len(), "expected {ops:?}: {found:#?}");
        ops.iter().map(|op| self.span(op)).collect()
    }
}

impl Both<'_> {
    /// An attribute that both sinks got alike, as Sentry got it; `None` where neither did.
    ///
    /// # Errors
    ///
    /// Where they differ.
    pub fn attribute(&self, key: &str) -> anyhow::Result<Option<&Value>> {
        let (sentry, otlp) = (self.sentry.data(key), self.otlp.attribute(key));
        anyhow::ensure!(
            sentry
                .zip(otlp)
                .map_or(sentry.is_none() && otlp.is_none(), |(a, b)| same(a, b)),
            "{key} of {}: {sentry:?} at Sentry, {otlp:?} by OTLP",
            self.otlp.name
        );
        Ok(sentry)
    }

    /// An attribute that both sinks must have got alike, as text.
    ///
    /// # Errors
    ///
    /// Where it is not there, is no text or differs.
    pub fn text(&self, key: &str) -> anyhow::Result<&str> {
        let value = self.attribute(key)?.and_then(Value::as_str);
        value.with_context(|| format!("{} has no {key}", self.otlp.name))
    }

    /// The span's parent, which is the same at both sinks.
    ///
    /// # Errors
    ///
    /// Where the sinks differ.
    pub fn parent(&self) -> anyhow::Result<Option<&str>> {
        let parent = self.sentry.parent_span_id.as_deref();
        anyhow::ensure!(parent == self.otlp.parent_span_id.as_deref());
        Ok(parent)
    }

    /// The span's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.otlp.span_id
    }

    /// Whether the span failed, at both sinks.
    ///
    /// # Errors
    ///
    /// Where one says that it failed, and the other that it did not.
    pub fn failed(&self) -> anyhow::Result<bool> {
        let otlp = self.otlp.status == SpanStatus::Error;
        let status = self.sentry.status.as_deref().unwrap_or_default();
        // A cancelled span has a status word of its own, and is no error.
        let sentry = !["ok", "cancelled"].contains(&status);
        anyhow::ensure!(
            sentry == otlp,
            "{}: {status} at Sentry, {:?} by OTLP",
            self.otlp.name,
            self.otlp.status
        );
        Ok(otlp)
    }

    /// How long the span took, at Sentry and by OTLP.
    #[must_use]
    pub fn durations(&self) -> [Duration; 2] {
        [self.sentry.duration(), self.otlp.duration()]
    }
}

/// Whether an attribute is the same at Sentry, the first, and by OTLP.
fn same(sentry: &Value, otlp: &Value) -> bool {
    match (sentry, otlp) {
        // Sentry has no lists: it gets them as JSON text.
        (Value::String(text), Value::Array(_)) => {
            serde_json::from_str::<Value>(text).is_ok_and(|list| list == *otlp)
        }
        // Reading a double from JSON may be off by its last bit.
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (
                a.as_f64().unwrap_or(f64::NAN),
                b.as_f64().unwrap_or(f64::NAN),
            );
            (a - b).abs() <= a.abs() * 1e-12
        }
        _ => sentry == otlp,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_are_the_same() {
        for (sentry, otlp, expected) in [
            (json!(119.673_971), json!(119.673_971_000_000_01), true),
            (json!(119.673_971), json!(119.673_972), false),
            (json!(1), json!(1.0), false),
            (json!("[\"a\"]"), json!(["a"]), true),
            (json!("[\"b\"]"), json!(["a"]), false),
            (json!("a"), json!("a"), true),
            (json!("1"), json!(1), false),
        ] {
            assert_eq!(same(&sentry, &otlp), expected, "{sentry} {otlp}");
        }
    }
}
