//! The `sentry-trace` header.
//!
//! Source: Sentry's SDK development documentation, "Trace Propagation":
//! `{trace_id}-{span_id}[-0|-1]`; without the last part the decision is left to the receiver.

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

/// `sentry-trace`.
pub(crate) const SENTRY_TRACE: &str = "sentry-trace";

const MAX_BYTES: usize = 512;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SentryTrace {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// `None`: the receiver decides.
    pub(crate) sampled: Option<bool>,
}

/// Reads the header; `None` if it is malformed.
pub(crate) fn parse(header: &str) -> Option<SentryTrace> {
    let header = header.trim();
    if header.len() > MAX_BYTES {
        return None;
    }
    let mut fields = header.split('-');
    let trace_id = id(fields.next()?, 32)?;
    let span_id = u64::try_from(id(fields.next()?, 16)?).ok()?;
    let sampled = match (fields.next(), fields.next()) {
        (None | Some(""), None) => None,
        (Some("1"), None) => Some(true),
        (Some("0"), None) => Some(false),
        _ => return None,
    };
    (trace_id != 0 && span_id != 0).then_some(SentryTrace {
        trace_id: TraceId::from(trace_id),
        span_id: SpanId::from(span_id),
        sampled,
    })
}

/// The header for a valid span context.
pub(crate) fn format(context: &SpanContext) -> String {
    let sampled = u8::from(context.is_sampled());
    format!("{}-{}-{sampled}", context.trace_id(), context.span_id())
}

/// So many hexadecimal digits of either case.
fn id(digits: &str, len: usize) -> Option<u128> {
    (digits.len() == len && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u128::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{TraceFlags, TraceState};
    use proptest::prelude::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn table() {
        let zeros = "0".repeat(32);
        let rows = [
            (format!("{TRACE}-{SPAN}"), Some(None)),
            (format!("{TRACE}-{SPAN}-"), Some(None)),
            (format!("{TRACE}-{SPAN}-1"), Some(Some(true))),
            (format!("{TRACE}-{SPAN}-0"), Some(Some(false))),
            (format!(" {TRACE}-{SPAN}-1 "), Some(Some(true))),
            (
                format!("{}-{SPAN}-1", TRACE.to_uppercase()),
                Some(Some(true)),
            ),
            (format!("{TRACE}-{SPAN}-2"), None),
            (format!("{TRACE}-{SPAN}-1-1"), None),
            (format!("{TRACE}-{SPAN}--"), None),
            (format!("{TRACE}{SPAN}"), None),
            (format!("{zeros}-{SPAN}-1"), None),
            (format!("{TRACE}-{}-1", "0".repeat(16)), None),
            (format!("{TRACE}-{SPAN}0-1"), None),
            (format!("+{}-{SPAN}-1", &TRACE[1..]), None),
            (TRACE.to_owned(), None),
            (String::new(), None),
        ];
        for (header, expected) in rows {
            let found = parse(&header);
            assert_eq!(found.map(|found| found.sampled), expected, "{header}");
            if let Some(found) = found {
                assert_eq!(found.trace_id.to_string(), TRACE);
                assert_eq!(found.span_id.to_string(), SPAN);
            }
        }
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_in(trace in 1..u128::MAX, span in 1..u64::MAX, sampled: bool) {
            let ids = (TraceId::from(trace), SpanId::from(span));
            let flags = TraceFlags::NOT_SAMPLED.with_sampled(sampled);
            let context = SpanContext::new(ids.0, ids.1, flags, false, TraceState::NONE);
            let expected = SentryTrace {
                trace_id: ids.0,
                span_id: ids.1,
                sampled: Some(sampled),
            };
            prop_assert_eq!(parse(&format(&context)), Some(expected));
        }

        #[test]
        fn garbage_never_panics(header in any::<String>()) {
            prop_assert_eq!(parse(&header), None);
        }
    }
}
