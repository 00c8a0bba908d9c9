//! Whether Sentry and OTLP got the same spans.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Received;
use serde::Serialize;

/// Differences printed at most of each kind.
const SHOWN: usize = 10;

/// A span as both sides know it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SpanKey {
    /// Its trace, 32 hex digits.
    pub trace_id: String,
    /// Its id, 16 hex digits.
    pub span_id: String,
    /// Its parent's id, if it has one.
    pub parent_span_id: Option<String>,
    /// Its name: at Sentry the description, or the transaction's name.
    pub name: String,
}

/// The comparison of every span that arrived at Sentry with every span that arrived by OTLP.
///
/// ```
/// use telemetry_testkit::Sink;
///
/// let sink = Sink::start()?;
/// // … run what sends to `sink.dsn()` and `sink.otlp_endpoint()` …
/// let agreement = sink.received().agreement();
/// assert!(!agreement.holds(), "nothing arrived, which proves nothing");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Traces that arrived at both.
    pub traces: usize,
    /// Spans that arrived at both, alike.
    pub spans: usize,
    /// Spans that OTLP has not, or has otherwise.
    pub only_sentry: Vec<SpanKey>,
    /// Spans that Sentry has not, or has otherwise.
    pub only_otlp: Vec<SpanKey>,
    /// Span ids that arrived more than once at one of them.
    pub repeated: Vec<String>,
}

impl Agreement {
    pub(crate) fn new(received: &Received) -> Self {
        let sentry = received.transactions().into_iter().flat_map(|transaction| {
            transaction.all_spans().map(|span| SpanKey {
                trace_id: span.trace_id.clone(),
                span_id: span.span_id.clone(),
                parent_span_id: span.parent_span_id.clone(),
                // A transaction's root is named by the transaction.
                name: match span.is_root {
                    true => transaction.name.clone(),
                    false => span.description.clone().unwrap_or_default(),
                },
            })
        });
        let otlp = received.otlp_spans().into_iter().map(|span| SpanKey {
            trace_id: span.trace_id.clone(),
            span_id: span.span_id.clone(),
            parent_span_id: span.parent_span_id.clone(),
            name: span.name.clone(),
        });
        Self::compare(sentry.collect(), otlp.collect())
    }

    fn compare(sentry: Vec<SpanKey>, otlp: Vec<SpanKey>) -> Self {
        let mut repeated = repeated(&sentry);
        repeated.extend(self::repeated(&otlp));
        let sentry: BTreeSet<SpanKey> = sentry.into_iter().collect();
        let otlp: BTreeSet<SpanKey> = otlp.into_iter().collect();
        let both: Vec<&SpanKey> = sentry.intersection(&otlp).collect();
        let traces: BTreeSet<&str> = both.iter().map(|span| span.trace_id.as_str()).collect();
        Self {
            traces: traces.len(),
            spans: both.len(),
            only_sentry: sentry.difference(&otlp).cloned().collect(),
            only_otlp: otlp.difference(&sentry).cloned().collect(),
            repeated,
        }
    }

    /// Whether both got the same, each span once, and something at all.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.spans > 0
            && self.only_sentry.is_empty()
            && self.only_otlp.is_empty()
            && self.repeated.is_empty()
    }
}

fn repeated(spans: &[SpanKey]) -> Vec<String> {
    let mut times: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for span in spans {
        *times.entry((&span.trace_id, &span.span_id)).or_default() += 1;
    }
    let many = times.into_iter().filter(|(_, times)| *times > 1);
    many.map(|((_, span_id), _)| span_id.to_owned()).collect()
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holds() {
            return write!(
                f,
                "Sentry and OTLP agree: {} traces, {} spans",
                self.traces, self.spans
            );
        }
        writeln!(f, "Sentry and OTLP disagree: {} spans alike", self.spans)?;
        for (side, spans) in [("Sentry", &self.only_sentry), ("OTLP", &self.only_otlp)] {
            for span in spans.iter().take(SHOWN) {
                writeln!(f, "  only at {side}: {span:?}")?;
            }
            if let Some(more) = spans.len().checked_sub(SHOWN + 1) {
                writeln!(f, "  and {} more only at {side}", more + 1)?;
            }
        }
        write!(f, "  more than once: {:?}", self.repeated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, name: &str) -> SpanKey {
        SpanKey {
            trace_id: "t".to_owned(),
            span_id: id.to_owned(),
            parent_span_id: None,
            name: name.to_owned(),
        }
    }

    #[test]
    fn the_same_spans_agree_in_any_order() {
        let agreement = Agreement::compare(
            vec![span("1", "a"), span("2", "b")],
            vec![span("2", "b"), span("1", "a")],
        );
        assert!(agreement.holds());
        let line = "Sentry and OTLP agree: 1 traces, 2 spans";
        assert_eq!(agreement.to_string(), line);
    }

    #[test]
    fn a_missing_a_renamed_and_a_repeated_span_do_not() {
        let (a, b) = (span("1", "a"), span("2", "b"));
        for (sentry, otlp) in [
            (vec![a.clone()], vec![a.clone(), b.clone()]),
            (vec![a.clone(), b.clone()], vec![a.clone()]),
            (vec![span("1", "other")], vec![a.clone()]),
            (vec![a.clone(), a.clone()], vec![a.clone()]),
            (vec![a.clone()], vec![a.clone(), a.clone()]),
            (vec![], vec![]),
        ] {
            let agreement = Agreement::compare(sentry, otlp);
            assert!(!agreement.holds(), "{agreement:?}");
            assert!(
                agreement
                    .to_string()
                    .starts_with("Sentry and OTLP disagree")
            );
        }
    }
}
