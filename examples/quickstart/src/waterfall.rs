//! One trace as Sentry received it.

use std::fmt::Write as _;

use serde::Serialize;
use telemetry_testkit::{Received, SentrySpan};

use crate::drive::GOOD;

/// Attributes worth a place in the waterfall.
const SHOWN: [&str; 8] = [
    "mcp.tool.name",
    "mcp.tool.status",
    "mcp.session.id",
    "mcp.request.id",
    "splunk.status",
    "splunk.duration",
    "splunk.result_count",
    "http.response.status_code",
];

/// A span and how deep it stands.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) depth: usize,
    pub(crate) op: String,
    pub(crate) name: String,
    pub(crate) status: String,
    /// Milliseconds from the trace's start.
    pub(crate) start_ms: f64,
    pub(crate) duration_ms: f64,
    pub(crate) attributes: Vec<(&'static str, String)>,
}

/// The trace of the good search: its id and its spans, parents first.
pub(crate) fn trace(received: &Received) -> Option<(String, Vec<Line>)> {
    let search = received.transactions().into_iter().find(|transaction| {
        transaction.parent_span_id.is_none()
            && transaction.all_spans().any(|span| {
                let preview = span.data_str("splunk.query_preview");
                preview.is_some_and(|preview| preview.contains(GOOD))
            })
    })?;
    let spans: Vec<&SentrySpan> = search.all_spans().collect();
    let mut lines = Vec::new();
    below(None, 0, &spans, search.start, &mut lines);
    Some((search.trace_id.clone(), lines))
}

fn below(
    parent: Option<&str>,
    depth: usize,
    spans: &[&SentrySpan],
    zero: f64,
    lines: &mut Vec<Line>,
) {
    let mut children: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_span_id.as_deref() == parent)
        .collect();
    children.sort_by(|a, b| a.start.total_cmp(&b.start));
    for span in children {
        let shown = SHOWN
            .into_iter()
            .filter_map(|key| Some((key, short(span.data(key)?))));
        lines.push(Line {
            depth,
            op: span.op.clone().unwrap_or_default(),
            name: span.description.clone().unwrap_or_default(),
            status: span.status.clone().unwrap_or_default(),
            start_ms: (span.start - zero) * 1_000.0,
            duration_ms: (span.end - span.start) * 1_000.0,
            attributes: shown.collect(),
        });
        below(Some(&span.span_id), depth + 1, spans, zero, lines);
    }
}

/// A value that fits into a line.
fn short(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) if number.is_f64() => {
            format!("{:.1}", number.as_f64().unwrap_or_default())
        }
        other => other.to_string(),
    };
    text.chars().take(16).collect()
}

pub(crate) fn text(trace_id: &str, lines: &[Line]) -> String {
    /// Characters of the bar.
    const WIDTH: f64 = 24.0;
    let total = lines
        .first()
        .map_or(1.0, |root| root.duration_ms.max(0.001));
    let mut text = format!("Trace {trace_id} as Sentry received it\n");
    for line in lines {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a column between 0 and WIDTH"
        )]
        let column = |ms: f64| (ms / total * WIDTH).clamp(0.0, WIDTH).round() as usize;
        let (from, to) = (
            column(line.start_ms),
            column(line.start_ms + line.duration_ms),
        );
        let bar = format!("{}{}", " ".repeat(from), "━".repeat((to - from).max(1)));
        let label = format!("{}{}  {}", "  ".repeat(line.depth), line.op, line.name);
        let attributes: Vec<_> = line
            .attributes
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{label:<58} {:>8.1} ms  {bar:<26} {}\n{}{}",
            line.duration_ms,
            line.status,
            " ".repeat(2 * line.depth + 4),
            attributes.join(" "),
        );
    }
    text
}
