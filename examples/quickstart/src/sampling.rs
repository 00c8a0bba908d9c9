//! What the sampler saw and kept, beside what was to be expected and what follows from it.

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
    /// How many the kept ones stand for: what a back end extrapolates to.
    pub(crate) represented: Option<f64>,
    /// Four standard errors of that, as what was kept tells it.
    pub(crate) error: Option<f64>,
}

impl Row {
    fn new(count: &RuleCount) -> Self {
        let rate = count.rate.map(|rate| rate.as_f64());
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let kept = count.kept as f64;
        let expected = count.expected;
        Self {
            rule: count.rule.clone(),
            rate,
            seen: count.seen,
            kept: count.kept,
            expected,
            spread: rate
                .zip(expected)
                .map(|(rate, expected)| 4.0 * (expected * (1.0 - rate)).sqrt()),
            represented: count.represented,
            error: rate
                .filter(|rate| *rate > 0.0)
                .map(|rate| 4.0 * (kept * (1.0 - rate)).sqrt() / rate),
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
        "{:<12}{:>8}{:>8}{:>8}   {:<22}{}\n",
        "rule", "rate", "seen", "kept", "expected", "stands for"
    );
    for row in rows {
        let rate = row
            .rate
            .map_or_else(|| "-".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
        let expected = about(row.expected, row.spread, "as the caller decided");
        let represented = about(row.represented, row.error, "-");
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<12}{rate:>8}{:>8}{:>8}   {expected:<22}{represented}",
            row.rule, row.seen, row.kept
        );
    }
    text
}

/// A number and how far it may be off.
fn about(number: Option<f64>, off: Option<f64>, none: &str) -> String {
    match (number, off) {
        (Some(number), Some(off)) if off > 0.0 => format!("{number:.0} ± {off:.0}"),
        (Some(number), _) => format!("{number:.0}"),
        _ => none.to_owned(),
    }
}
