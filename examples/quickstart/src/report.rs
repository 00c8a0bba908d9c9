//! The result of a run, for people and for programs.

use mcp_telemetry::otel_smart_sampler::RuleCount;
use serde::Serialize;
use telemetry_testkit::{Agreement, Received};

use crate::drive::Driven;
use crate::error_report::{self, ErrorReport};
use crate::sampling::{self, Row};
use crate::waterfall::{self, Line};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    trace_id: Option<String>,
    waterfall: Vec<Line>,
    error: Option<ErrorReport>,
    /// Whether the client's own trace was continued, its span being the parent.
    continued: bool,
    sampling: Vec<Row>,
    agreement: Agreement,
}

impl Report {
    pub(crate) fn new(received: &Received, driven: &Driven, counts: &[RuleCount]) -> Self {
        let (trace_id, waterfall) = waterfall::trace(received).unzip();
        let continued = received
            .transactions_of(&driven.continued_trace)
            .iter()
            .any(|it| {
                it.parent_span_id.as_deref() == Some(&driven.continued_parent)
                    && !it.links.is_empty()
            });
        Self {
            trace_id,
            waterfall: waterfall.unwrap_or_default(),
            error: error_report::find(received),
            continued,
            sampling: sampling::rows(counts),
            agreement: received.agreement(),
        }
    }

    /// Whether everything came that had to come.
    pub(crate) fn holds(&self) -> bool {
        self.agreement.holds() && self.trace_id.is_some() && self.error.is_some() && self.continued
    }

    pub(crate) fn text(&self, received: &Received) -> String {
        let trace = match &self.trace_id {
            Some(trace_id) => waterfall::text(trace_id, &self.waterfall),
            None => "The trace of the good search did not arrive.".to_owned(),
        };
        let error = match &self.error {
            Some(error) => format!(
                "Error in trace {}, span {} ({}), {} breadcrumbs:\n  {}",
                error.trace_id, error.span_id, error.op, error.breadcrumbs, error.title
            ),
            None => "The error of the bad search did not arrive.".to_owned(),
        };
        let continued = match self.continued {
            true => "The client's own trace was continued, with a link to the HTTP request.",
            false => "The client's own trace was NOT continued.",
        };
        format!(
            "\n{trace}\n{error}\n\n{continued}\n\nSampling\n{}\nLogs: {} at Sentry, {} by OTLP\n\n{}",
            sampling::table(&self.sampling),
            received.logs().len(),
            received.otlp_logs().len(),
            self.agreement
        )
    }
}
