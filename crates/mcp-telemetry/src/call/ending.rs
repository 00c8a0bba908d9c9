//! The end of a call, however it comes: by returning, by panic, or by being dropped.

use std::time::Instant;

use opentelemetry::KeyValue;

use super::{CallKind, CallSpan, Failure, Outcome};
use crate::attributes as names;
use crate::errors::Cause;
use crate::metrics::{self, Measured};

/// Records the end of a call once, at the latest when it is dropped.
#[derive(Debug)]
pub(super) struct Ending {
    call: CallSpan,
    since: Instant,
    done: bool,
}

impl Ending {
    pub(super) fn new(call: CallSpan) -> Self {
        Self {
            call,
            since: Instant::now(),
            done: false,
        }
    }

    pub(super) fn call(&self) -> &CallSpan {
        &self.call
    }

    /// The call returned.
    pub(super) fn with(mut self, outcome: &Outcome) {
        let status = match outcome {
            Outcome::InputRequired => "input_required",
            _ => "success",
        };
        // Also where it is not wanted: it is of this call, and must not be taken for another's.
        let cause = Cause::take().filter(|_| matches!(outcome, Outcome::Error { .. }));
        self.end(status, Failure::of(outcome), cause);
    }

    fn end(
        &mut self,
        status: &'static str,
        failure: Option<(Failure, &str)>,
        cause: Option<Cause>,
    ) {
        self.done = true;
        let elapsed = self.since.elapsed();
        let kind = failure.map(|(failure, _)| failure);
        let status = kind.map_or(status, Failure::status);
        if self.call.kind() == CallKind::Splunk {
            let millis = elapsed.as_secs_f64() * 1_000.0;
            self.call.record(names::SPLUNK_DURATION, millis);
            // Also where the span is not sampled, or not even made.
            metrics::record(Measured::SplunkApi, elapsed, || {
                splunk_labels(self.call.name(), status, kind)
            });
        }
        match failure {
            Some((failure, message)) => self.call.failed(failure, message, cause),
            None => self.call.ended(status),
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        match std::thread::panicking() {
            true => self.end("error", Some((Failure { kind: "panic" }, "panicked")), None),
            false => {
                self.end("cancelled", None, None);
                self.call.cancelled();
            }
        }
    }
}

/// The labels of `splunk.api.duration`. All come from the app's code: their number is small.
fn splunk_labels(
    operation: &'static str,
    status: &'static str,
    failure: Option<Failure>,
) -> Vec<KeyValue> {
    let mut labels = vec![
        KeyValue::new(names::SPLUNK_OPERATION, operation),
        KeyValue::new(names::SPLUNK_STATUS, status),
    ];
    if let Some(failure) = failure {
        labels.push(KeyValue::new(names::ERROR_TYPE, failure.kind));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_splunk_operations() {
        let text = |labels: Vec<KeyValue>| -> Vec<(String, String)> {
            let pair = |label: KeyValue| (label.key.to_string(), label.value.to_string());
            labels.into_iter().map(pair).collect()
        };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = [
            pair("splunk.operation", "search.oneshot"),
            pair("splunk.status", "success"),
        ];
        assert_eq!(
            text(splunk_labels("search.oneshot", "success", None)),
            expected
        );
        let failure = Some(Failure { kind: "timeout" });
        let expected = [
            pair("splunk.operation", "jobs.wait"),
            pair("splunk.status", "timeout"),
            pair("error.type", "timeout"),
        ];
        assert_eq!(
            text(splunk_labels("jobs.wait", "timeout", failure)),
            expected
        );
    }
}
