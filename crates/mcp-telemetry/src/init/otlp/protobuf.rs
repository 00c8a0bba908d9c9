//! The little of OTLP's protobuf that the delivery must read: how much a request carries, and how
//! much of it an answer says was rejected.
//!
//! Field numbers are those of `opentelemetry-proto` 1.x. Nothing is decoded but lengths and the
//! two fields of a partial success, so that counting a batch costs next to nothing. What cannot
//! be read counts as nothing.

use super::Signal;

/// How many spans, log records or data points a request carries.
pub(super) fn items(signal: Signal, request: &[u8]) -> u64 {
    // ExportTraceServiceRequest.resource_spans = 1, ResourceSpans.scope_spans = 2,
    // ScopeSpans.spans = 2; likewise for logs and metrics.
    nested(request, 1)
        .flat_map(|of_resource| nested(of_resource, 2))
        .flat_map(|of_scope| nested(of_scope, 2))
        .map(|item| match signal {
            Signal::Traces | Signal::Logs => 1,
            Signal::Metrics => data_points(item),
        })
        .sum()
}

fn data_points(metric: &[u8]) -> u64 {
    // Metric.gauge = 5, sum = 7, histogram = 9, exponential_histogram = 10, summary = 11; in each
    // of them data_points = 1.
    let data = Fields(metric).filter_map(|(number, value)| match (number, value) {
        (5 | 7 | 9 | 10 | 11, Value::Bytes(data)) => Some(data),
        _ => None,
    });
    data.map(|data| nested(data, 1).count() as u64).sum()
}

/// What a 2xx answer says about a part that was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartialSuccess {
    /// Spans, log records or data points.
    pub(super) rejected: u64,
    /// What the server says about it.
    pub(super) message: String,
}

/// The partial success in an answer, if it has one. The numbers are the same for all signals.
pub(super) fn partial_success(answer: &[u8]) -> Option<PartialSuccess> {
    // ExportTraceServiceResponse.partial_success = 1.
    let partial = nested(answer, 1).last()?;
    let mut found = PartialSuccess {
        rejected: 0,
        message: String::new(),
    };
    for (number, value) in Fields(partial) {
        match (number, value) {
            // rejected_spans = 1, an int64: one below zero is nonsense.
            (1, Value::Number(rejected)) => {
                found.rejected = i64::try_from(rejected).map_or(0, i64::unsigned_abs);
            }
            // error_message = 2.
            (2, Value::Bytes(message)) => {
                found.message = String::from_utf8_lossy(message).into_owned();
            }
            _ => {}
        }
    }
    (found.rejected > 0 || !found.message.is_empty()).then_some(found)
}

/// The length-delimited values of one field.
fn nested(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    Fields(message).filter_map(move |(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

/// A field's value, as its wire type has it.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes of a fixed width.
    Fixed,
}

/// The fields of a message, up to its end or to where it cannot be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.number()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Fields<'a> {
    /// A varint: seven bits a byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A length-delimited field; short enough for lengths of one byte.
    fn field(number: u8, contents: &[u8]) -> Vec<u8> {
        assert!(contents.len() < 128);
        let mut bytes = vec![number << 3 | 2, contents.len() as u8];
        bytes.extend_from_slice(contents);
        bytes
    }

    #[test]
    fn spans_of_several_resources_and_scopes_are_counted() {
        let span = field(2, &field(5, b"name"));
        let scope = field(2, &[field(1, b""), span.clone(), span.clone()].concat());
        let other = field(2, &span);
        let resource = field(1, &[field(1, b"resource"), scope.clone(), other].concat());
        let request = [resource.clone(), resource].concat();
        assert_eq!(items(Signal::Traces, &request), 6);
        assert_eq!(items(Signal::Logs, &request), 6);
        assert_eq!(items(Signal::Traces, b""), 0);
    }

    #[test]
    fn of_metrics_the_points_are_counted() {
        let point = field(1, b"");
        let sum = field(2, &field(7, &[point.clone(), point.clone()].concat()));
        let gauge = field(2, &[field(1, b"name"), field(5, &point)].concat());
        let request = field(1, &field(2, &[sum, gauge].concat()));
        assert_eq!(items(Signal::Metrics, &request), 3);
    }

    #[test]
    fn a_partial_success_is_read() {
        let answer = field(1, &[&[8, 0xac, 0x02][..], &field(2, b"too old")].concat());
        let expected = PartialSuccess {
            rejected: 300,
            message: "too old".to_owned(),
        };
        assert_eq!(partial_success(&answer), Some(expected));
        assert_eq!(partial_success(b""), None);
        assert_eq!(partial_success(&field(1, b"")), None, "all was taken");
        // -1 as an int64.
        let negative = [&[8][..], &[0xff; 9], &[1]].concat();
        assert_eq!(partial_success(&field(1, &negative)), None);
    }

    #[test]
    fn garbage_counts_as_nothing() {
        for garbage in [
            &b"<html>busy</html>"[..],
            &[0xff; 40],
            &[0x0a, 0x7f, 1, 2],
            &[0x0b],
            &[
                0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
            ],
        ] {
            for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
                assert_eq!(items(signal, garbage), 0);
            }
            assert_eq!(partial_success(garbage), None);
        }
    }
}
