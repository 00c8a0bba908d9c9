//! What has arrived: a snapshot with look-ups.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;

use crate::otlp::{OtlpBatch, OtlpLog, OtlpMetric, OtlpSpan};
use crate::problem::ParseProblem;
use crate::request::{Payload, Request};
use crate::sentry::{
    ClientReport, Envelope, Event, Item, ItemContent, Log, SentrySpan, SessionAggregate,
    SessionUpdate, TraceMetric, Transaction,
};

/// What had arrived when the snapshot was taken.
///
/// Requests, envelopes and items come in the order of arrival. A client that sends over several
/// connections mixes what it says, so spans, transactions, events and logs come in the order of
/// their own times: spans and transactions as they ended, events and logs as they happened. Only
/// payloads that were answered 2xx count; [`requests`](Self::requests) and
/// [`problems`](Self::problems) have the others, too. Ids are compared as lower-case hex, so
/// `&str` and the id types of OpenTelemetry and Sentry all do.
///
/// A snapshot is cheap to take and to clone: it shares the requests with the sink.
#[derive(Clone)]
pub struct Received {
    requests: Arc<VecDeque<Arc<Request>>>,
    forgotten: u64,
}

impl Received {
    pub(crate) fn new(requests: Arc<VecDeque<Arc<Request>>>, forgotten: u64) -> Self {
        Self {
            requests,
            forgotten,
        }
    }

    /// Compares what arrived at Sentry with what arrived by OTLP, span by span.
    #[must_use]
    pub fn agreement(&self) -> crate::Agreement {
        crate::Agreement::new(self)
    }

    /// All requests, whatever they carried and however they were answered.
    #[must_use]
    pub fn requests(&self) -> Vec<&Request> {
        self.requests.iter().map(|request| &**request).collect()
    }

    /// Requests whose path starts with `prefix`.
    #[must_use]
    pub fn requests_on(&self, prefix: &str) -> Vec<&Request> {
        self.all_requests()
            .filter(|request| request.path.starts_with(prefix))
            .collect()
    }

    /// Why requests were refused as malformed. Empty when every client sent sound telemetry.
    #[must_use]
    pub fn problems(&self) -> Vec<&ParseProblem> {
        self.all_requests().filter_map(Request::problem).collect()
    }

    /// How many requests are no longer here, because the bodies kept in memory are bounded.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The most requests that were under way at once.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.all_requests()
            .map(|request| request.in_flight)
            .max()
            .unwrap_or(0)
    }

    /// Envelopes.
    #[must_use]
    pub fn envelopes(&self) -> Vec<&Envelope> {
        self.all_envelopes().collect()
    }

    /// Envelope items of a type, for example `profile_chunk`.
    #[must_use]
    pub fn items(&self, ty: &str) -> Vec<&Item> {
        self.all_items().filter(|item| item.ty == ty).collect()
    }

    /// Transactions.
    #[must_use]
    pub fn transactions(&self) -> Vec<&Transaction> {
        ended(self.all_transactions())
    }

    /// The first transaction of a trace.
    #[must_use]
    pub fn transaction_of(&self, trace_id: impl Display) -> Option<&Transaction> {
        self.transactions_of(trace_id).first().copied()
    }

    /// All transactions of a trace.
    #[must_use]
    pub fn transactions_of(&self, trace_id: impl Display) -> Vec<&Transaction> {
        let trace_id = key(trace_id);
        let transactions = self.all_transactions();
        ended(transactions.filter(|transaction| transaction.trace_id == trace_id))
    }

    /// All Sentry spans of a trace: of each transaction its root, then the spans below it.
    #[must_use]
    pub fn spans_of(&self, trace_id: impl Display) -> Vec<&SentrySpan> {
        let trace_id = key(trace_id);
        self.all_spans()
            .filter(|span| span.trace_id == trace_id)
            .collect()
    }

    /// Sentry spans of a trace with an op, roots among them.
    #[must_use]
    pub fn spans_by_op(&self, trace_id: impl Display, op: &str) -> Vec<&SentrySpan> {
        let trace_id = key(trace_id);
        self.all_spans()
            .filter(|span| span.trace_id == trace_id && span.op.as_deref() == Some(op))
            .collect()
    }

    /// The first Sentry span with an id, roots among them.
    #[must_use]
    pub fn span(&self, span_id: impl Display) -> Option<&SentrySpan> {
        let span_id = key(span_id);
        self.all_spans().find(|span| span.span_id == span_id)
    }

    /// Error and message events.
    #[must_use]
    pub fn events(&self) -> Vec<&Event> {
        happened(self.all_events())
    }

    /// Events of a trace.
    #[must_use]
    pub fn events_of(&self, trace_id: impl Display) -> Vec<&Event> {
        let trace_id = Some(key(trace_id));
        happened(self.all_events().filter(|event| event.trace_id == trace_id))
    }

    /// Events that Sentry shows at a span: those with its id in `contexts.trace`.
    #[must_use]
    pub fn events_linked_to(&self, span_id: impl Display) -> Vec<&Event> {
        let span_id = Some(key(span_id));
        happened(self.all_events().filter(|event| event.span_id == span_id))
    }

    /// Sentry logs.
    #[must_use]
    pub fn logs(&self) -> Vec<&Log> {
        in_order(self.all_logs(), |log| log.timestamp)
    }

    /// Sentry logs of a trace.
    #[must_use]
    pub fn logs_of(&self, trace_id: impl Display) -> Vec<&Log> {
        let trace_id = key(trace_id);
        let logs = self.all_logs().filter(|log| log.trace_id == trace_id);
        in_order(logs, |log| log.timestamp)
    }

    /// Sentry metrics.
    #[must_use]
    pub fn trace_metrics(&self) -> Vec<&TraceMetric> {
        self.all_items()
            .filter_map(|item| match &item.content {
                ItemContent::TraceMetrics(metrics) => Some(metrics),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Buckets of aggregated sessions.
    #[must_use]
    pub fn sessions(&self) -> Vec<&SessionAggregate> {
        self.all_items()
            .filter_map(|item| match &item.content {
                ItemContent::Sessions(buckets) => Some(buckets),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Updates of single sessions.
    #[must_use]
    pub fn session_updates(&self) -> Vec<&SessionUpdate> {
        self.all_items()
            .filter_map(|item| match &item.content {
                ItemContent::Session(session) => Some(session),
                _ => None,
            })
            .collect()
    }

    /// Client reports.
    #[must_use]
    pub fn client_reports(&self) -> Vec<&ClientReport> {
        self.all_reports().collect()
    }

    /// How many of a category all client reports together say were discarded for a reason.
    #[must_use]
    pub fn discarded(&self, reason: &str, category: &str) -> u64 {
        self.all_reports()
            .map(|report| report.quantity(reason, category))
            .fold(0, u64::saturating_add)
    }

    /// OTLP spans.
    #[must_use]
    pub fn otlp_spans(&self) -> Vec<&OtlpSpan> {
        in_order(self.all_otlp_spans(), |span| span.end_nanos)
    }

    /// OTLP spans of a trace.
    #[must_use]
    pub fn otlp_spans_of(&self, trace_id: impl Display) -> Vec<&OtlpSpan> {
        let trace_id = key(trace_id);
        let spans = self
            .all_otlp_spans()
            .filter(|span| span.trace_id == trace_id);
        in_order(spans, |span| span.end_nanos)
    }

    /// The first OTLP span with an id.
    #[must_use]
    pub fn otlp_span(&self, span_id: impl Display) -> Option<&OtlpSpan> {
        let span_id = key(span_id);
        self.all_otlp_spans().find(|span| span.span_id == span_id)
    }

    /// OTLP log records.
    #[must_use]
    pub fn otlp_logs(&self) -> Vec<&OtlpLog> {
        in_order(self.all_otlp_logs(), |log| log.time_nanos)
    }

    /// OTLP log records of a trace.
    #[must_use]
    pub fn otlp_logs_of(&self, trace_id: impl Display) -> Vec<&OtlpLog> {
        let trace_id = Some(key(trace_id));
        let logs = self.all_otlp_logs().filter(|log| log.trace_id == trace_id);
        in_order(logs, |log| log.time_nanos)
    }

    /// OTLP metrics. A metric comes again with every export.
    #[must_use]
    pub fn otlp_metrics(&self) -> Vec<&OtlpMetric> {
        self.all_otlp_metrics().collect()
    }

    /// OTLP metrics with a name.
    #[must_use]
    pub fn otlp_metrics_named(&self, name: &str) -> Vec<&OtlpMetric> {
        self.all_otlp_metrics()
            .filter(|metric| metric.name == name)
            .collect()
    }

    fn all_requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().map(|request| &**request)
    }

    fn accepted(&self) -> impl Iterator<Item = &Payload> {
        self.all_requests()
            .filter(|request| request.is_accepted())
            .map(|request| &*request.payload)
    }

    fn all_envelopes(&self) -> impl Iterator<Item = &Envelope> {
        self.accepted().filter_map(|payload| match payload {
            Payload::Envelope(envelope) => Some(envelope),
            _ => None,
        })
    }

    fn all_items(&self) -> impl Iterator<Item = &Item> {
        self.all_envelopes().flat_map(|envelope| &envelope.items)
    }

    fn all_transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.all_items().filter_map(|item| match &item.content {
            ItemContent::Transaction(transaction) => Some(&**transaction),
            _ => None,
        })
    }

    fn all_spans(&self) -> impl Iterator<Item = &SentrySpan> {
        self.all_transactions().flat_map(Transaction::all_spans)
    }

    fn all_events(&self) -> impl Iterator<Item = &Event> {
        self.all_items().filter_map(|item| match &item.content {
            ItemContent::Event(event) => Some(&**event),
            _ => None,
        })
    }

    fn all_logs(&self) -> impl Iterator<Item = &Log> {
        self.all_items()
            .filter_map(|item| match &item.content {
                ItemContent::Logs(logs) => Some(logs),
                _ => None,
            })
            .flatten()
    }

    fn all_reports(&self) -> impl Iterator<Item = &ClientReport> {
        self.all_items().filter_map(|item| match &item.content {
            ItemContent::ClientReport(report) => Some(report),
            _ => None,
        })
    }

    fn all_otlp_spans(&self) -> impl Iterator<Item = &OtlpSpan> {
        self.accepted()
            .filter_map(|payload| match payload {
                Payload::Otlp(OtlpBatch::Spans(spans)) => Some(spans),
                _ => None,
            })
            .flatten()
    }

    fn all_otlp_logs(&self) -> impl Iterator<Item = &OtlpLog> {
        self.accepted()
            .filter_map(|payload| match payload {
                Payload::Otlp(OtlpBatch::Logs(logs)) => Some(logs),
                _ => None,
            })
            .flatten()
    }

    fn all_otlp_metrics(&self) -> impl Iterator<Item = &OtlpMetric> {
        self.accepted()
            .filter_map(|payload| match payload {
                Payload::Otlp(OtlpBatch::Metrics(metrics)) => Some(metrics),
                _ => None,
            })
            .flatten()
    }
}

/// One line for each request, so that `unwrap` on a [`WaitTimeout`](crate::WaitTimeout) stays
/// readable.
impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.all_requests().map(|r| {
                let summary = r.summary();
                format!(
                    "#{} {} {} {:?}: {summary}",
                    r.id, r.method, r.path, r.answer
                )
            }))
            .finish()
    }
}

/// How much has arrived, in words.
impl Display for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let accepted = self.all_requests().filter(|r| r.is_accepted()).count();
        write!(
            f,
            "{} requests ({accepted} answered 2xx)",
            self.requests.len()
        )?;
        let counts = [
            ("transactions", self.all_transactions().count()),
            ("Sentry spans", self.all_spans().count()),
            ("events", self.all_events().count()),
            ("logs", self.all_logs().count()),
            ("session buckets", self.sessions().len()),
            ("client reports", self.all_reports().count()),
            ("OTLP spans", self.all_otlp_spans().count()),
            ("OTLP logs", self.all_otlp_logs().count()),
            ("OTLP metrics", self.all_otlp_metrics().count()),
        ];
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {name}")?;
        }
        if self.forgotten > 0 {
            write!(f, ", {} requests forgotten", self.forgotten)?;
        }
        let problems = self.problems();
        if let Some(first) = problems.first() {
            write!(f, ", {} malformed, the first: {first}", problems.len())?;
        }
        Ok(())
    }
}

/// Transactions as they ended.
fn ended<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> Vec<&'a Transaction> {
    in_order(transactions, |transaction| transaction.end)
}

/// Events as they happened; those without a time come last.
fn happened<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<&'a Event> {
    in_order(events, |event| event.timestamp.unwrap_or(f64::INFINITY))
}

/// By a time of their own; what has the same time stays in the order of arrival.
fn in_order<'a, T, K: PartialOrd>(
    all: impl Iterator<Item = &'a T>,
    time: impl Fn(&T) -> K,
) -> Vec<&'a T> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| time(a).partial_cmp(&time(b)).unwrap_or(Ordering::Equal));
    all
}

fn key(id: impl Display) -> String {
    id.to_string().to_ascii_lowercase()
}
