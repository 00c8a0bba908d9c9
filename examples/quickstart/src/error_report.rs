//! The error of the search that Splunk refused.

use serde::Serialize;
use telemetry_testkit::Received;

/// An error event and the trace that it belongs to.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorReport {
    pub(crate) title: String,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    /// Operation of the span that it belongs to.
    pub(crate) op: String,
    pub(crate) breadcrumbs: usize,
}

/// The first error event whose span arrived as well.
pub(crate) fn find(received: &Received) -> Option<ErrorReport> {
    received.events().into_iter().find_map(|event| {
        let (trace_id, span_id) = (event.trace_id.clone()?, event.span_id.clone()?);
        let span = received.span(&span_id)?;
        Some(ErrorReport {
            title: match event.exceptions.last() {
                Some(exception) => format!(
                    "{}: {}",
                    exception.ty.as_deref().unwrap_or("error"),
                    exception.value.as_deref().unwrap_or_default()
                ),
                None => event.text().unwrap_or_default().to_owned(),
            },
            trace_id,
            span_id,
            op: span.op.clone().unwrap_or_default(),
            breadcrumbs: event.breadcrumbs.len(),
        })
    })
}
