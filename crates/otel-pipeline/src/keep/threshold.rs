//! The sampling threshold in `tracestate`.
//!
//! Source: OpenTelemetry specification, `trace/tracestate-handling.md`.

use opentelemetry::trace::{SpanContext, TraceState};

/// The key of OpenTelemetry's own entry.
const OT: &str = "ot";
/// Longest value of the entry, in characters.
const MAX_LEN: usize = 256;
/// The threshold that keeps every trace.
const ALWAYS: &str = "th:0";

/// Whether the trace is sampled, and any trace like it would have been.
pub(super) fn is_certain(context: &SpanContext) -> bool {
    let has_it = |ot: &str| ot.split(';').any(|member| member == ALWAYS);
    context.is_sampled() && context.trace_state().get(OT).is_some_and(has_it)
}

/// The context as that of a trace which is sampled with certainty.
pub(super) fn certain(context: &SpanContext) -> SpanContext {
    let mut entry = ALWAYS.to_owned();
    let others = context.trace_state().get(OT).unwrap_or_default();
    for member in others.split(';').filter(|it| !it.is_empty()) {
        let fits = entry.len() + 1 + member.len() <= MAX_LEN;
        if fits && !member.starts_with("th:") {
            entry.push(';');
            entry.push_str(member);
        }
    }
    let state = context.trace_state().insert(OT, entry);
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags().with_sampled(true),
        context.is_remote(),
        // The other members came out of a trace state, so they may be in one.
        state.unwrap_or_else(|_| TraceState::clone(context.trace_state())),
    )
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

    use super::*;

    fn context(sampled: bool, state: &str) -> SpanContext {
        let flags = TraceFlags::new(2).with_sampled(sampled);
        let state = state.parse().unwrap();
        SpanContext::new(TraceId::from(1), SpanId::from(2), flags, false, state)
    }

    #[test]
    fn certainty_is_th_0_on_a_sampled_trace() {
        for (sampled, state, expected) in [
            (true, "ot=th:0", true),
            (true, "v=1,ot=p:1;th:0;rv:00000000000001", true),
            (false, "ot=th:0", false),
            (true, "", false),
            (true, "ot=th:00", false),
            (true, "ot=th:c", false),
            (true, "v=th:0", false),
        ] {
            assert_eq!(is_certain(&context(sampled, state)), expected, "{state}");
        }
    }

    #[test]
    fn what_else_is_in_the_state_stays() {
        let long = format!("x:{}", "y".repeat(248));
        for (state, expected) in [
            ("", "ot=th:0".to_owned()),
            ("v=1", "ot=th:0,v=1".to_owned()),
            (
                "v=1,ot=th:c;rv:00000000000001;p:1",
                "ot=th:0;rv:00000000000001;p:1,v=1".to_owned(),
            ),
            (&format!("ot=th:c;{long}"), format!("ot=th:0;{long}")),
            (&format!("ot={long}12345"), "ot=th:0".to_owned()),
        ] {
            let kept = certain(&context(false, state));
            assert_eq!(kept.trace_state().header(), expected);
            assert_eq!(kept.trace_flags().to_u8(), 3);
            assert!(is_certain(&kept));
        }
    }
}
