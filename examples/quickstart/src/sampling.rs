//! What the sampler saw and kept, beside what was to be expected.

use std::fmt::Write as _;

use mcp_telemetry::otel_smart_sampler::RuleCount;
use serde::Serialize;

/// One rule's row.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) rule: String,
    /// The rule's rate; none for traces that follow their remote parent.
    pub(crate) rate: Option<f64>,
    pub(crate) seen: u64,
    pub(crate) kept: u64,
    pub(crate) expected: Option<f64>,
    /// Four standard errors: chance stays within, but for one run in 16,000.
    pub(crate) spread: Option<f64>,
}

impl Row {
    fn new(count: &RuleCount) -> Self {
        let rate = count.rate.map(|rate| rate.as_f64());
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let seen = count.seen as f64;
        Self {
            rule: count.rule.clone(),
            rate,
            seen: count.seen,
            kept: count.kept,
            expected: rate.map(|rate| seen * rate),
            spread: rate.map(|rate| 4.0 * (seen * rate * (1.0 - rate)).sqrt()),
        }
    }
}

/// The rules that saw something.
pub(crate) fn rows(counts: &[RuleCount]) -> Vec<Row> {
    let used = counts.iter().filter(|count| count.seen > 0);
    used.map(Row::new).collect()
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<12}{:>8}{:>8}{:>8}   {}\n",
        "rule", "rate", "seen", "kept", "expected"
    );
    for row in rows {
        let rate = row
            .rate
            .map_or_else(|| "-".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
        let expected = match (row.expected, row.spread) {
            (Some(expected), Some(spread)) if spread > 0.0 => {
                format!("{expected:.0} ± {spread:.0}")
            }
            (Some(expected), _) => format!("{expected:.0}"),
            _ => "as the caller decided".to_owned(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<12}{rate:>8}{:>8}{:>8}   {expected}",
            row.rule, row.seen, row.kept
        );
    }
    text
}
