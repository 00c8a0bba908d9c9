//! The W3C `traceparent` and `tracestate` headers.
//!
//! Source: W3C "Trace Context" levels 1 and 2, sections 3.2 and 3.3. Unlike OpenTelemetry's own
//! propagator, this one keeps the `random` flag of level 2.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::randomness::hex;

/// `traceparent`.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// `tracestate`.
pub(crate) const TRACESTATE: &str = "tracestate";

/// A header of a later version may be longer than that of version 00, but not without bound.
const MAX_TRACEPARENT_BYTES: usize = 512;
/// How much of `tracestate` is kept, in whole members.
const MAX_TRACESTATE_BYTES: usize = 512;
const MAX_TRACESTATE_MEMBERS: usize = 32;
const MAX_KEY_BYTES: usize = 256;
/// `sampled` and `random`: the flags that are defined. The others are cleared, as is required.
const KNOWN_FLAGS: u8 = 0b11;

/// The remote parent that the two headers name; `None` if there is none or it is malformed. A
/// malformed `tracestate` alone does no harm.
pub(crate) fn parse(traceparent: &str, tracestate: &[&str]) -> Option<SpanContext> {
    let header = traceparent.trim();
    if header.len() > MAX_TRACEPARENT_BYTES {
        return None;
    }
    let mut fields = header.split('-');
    let version = field(fields.next()?, 2)?;
    let trace_id = fields.next().filter(|id| id.len() == 32)?;
    let (high, low) = trace_id.split_at_checked(16)?;
    let trace_id = (u128::from(hex(high)?) << 64) | u128::from(hex(low)?);
    let span_id = field(fields.next()?, 16)?;
    let flags = field(fields.next()?, 2)?;
    // Version ff is forbidden; only later versions may have more fields.
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from(trace_id),
        SpanId::from(span_id),
        TraceFlags::new(u8::try_from(flags).ok()? & KNOWN_FLAGS),
        true,
        parse_state(tracestate).unwrap_or_default(),
    );
    context.is_valid().then_some(context)
}

/// `traceparent` for a valid span context.
pub(crate) fn format(context: &SpanContext) -> String {
    format!(
        "00-{}-{}-{:02x}",
        context.trace_id(),
        context.span_id(),
        context.trace_flags().to_u8() & KNOWN_FLAGS
    )
}

/// `tracestate` in whole members within the limit; `None` when empty.
pub(crate) fn format_state(state: &TraceState) -> Option<String> {
    let mut header = String::new();
    for (key, value) in state {
        let needed = key.len() + value.len() + 2;
        if header.len() + needed > MAX_TRACESTATE_BYTES + 1 || !is_sendable(value) {
            continue;
        }
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(key);
        header.push('=');
        header.push_str(value);
    }
    (!header.is_empty()).then_some(header)
}

/// The members, or `None` if any of them breaks the rules. Of a key that repeats the first counts.
fn parse_state(headers: &[&str]) -> Option<TraceState> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut count = 0;
    let mut bytes = 0;
    let all = headers.iter().flat_map(|header| header.split(','));
    for member in all.map(|member| member.trim_matches([' ', '\t'])) {
        if member.is_empty() {
            continue;
        }
        count += 1;
        if count > MAX_TRACESTATE_MEMBERS {
            return None;
        }
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || value.is_empty() || !is_sendable(value) {
            return None;
        }
        bytes += member.len() + 1;
        let fits = bytes <= MAX_TRACESTATE_BYTES + 1;
        if fits && is_representable(key) && members.iter().all(|(seen, _)| *seen != key) {
            members.push((key, value));
        }
    }
    TraceState::from_key_value(members).ok()
}

/// A key by level 2: a letter or digit, then these and `_`, `-`, `*`, `/` and `@`.
fn is_key(key: &str) -> bool {
    let is_start = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_rest = |byte: u8| is_start(&byte) || b"_-*/@".contains(&byte);
    key.len() <= MAX_KEY_BYTES
        && key.as_bytes().first().is_some_and(is_start)
        && key.bytes().all(is_rest)
}

/// OpenTelemetry's `TraceState` holds keys by level 1, where what stands behind an `@` is shorter
/// and there is one at most. Others are left out.
fn is_representable(key: &str) -> bool {
    !key.contains('@') || TraceState::from_key_value([(key, "1")]).is_ok()
}

/// Printable ASCII: what a header can carry.
fn is_sendable(value: &str) -> bool {
    value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// So many lower-case hexadecimal digits.
fn field(digits: &str, len: usize) -> Option<u64> {
    hex(digits).filter(|_| digits.len() == len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn flags(header: &str) -> Option<u8> {
        let context = parse(header, &[])?;
        assert_eq!(context.trace_id().to_string(), TRACE);
        assert_eq!(context.span_id().to_string(), SPAN);
        assert!(context.is_remote());
        Some(context.trace_flags().to_u8())
    }

    #[test]
    fn traceparent_table() {
        let upper = TRACE.to_uppercase();
        let zeros = "0".repeat(32);
        let rows = [
            (format!("00-{TRACE}-{SPAN}-00"), Some(0)),
            (format!("00-{TRACE}-{SPAN}-01"), Some(1)),
            (format!("00-{TRACE}-{SPAN}-02"), Some(2)),
            (format!("00-{TRACE}-{SPAN}-03"), Some(3)),
            (format!("00-{TRACE}-{SPAN}-ff"), Some(3)),
            (format!("00-{TRACE}-{SPAN}-fe"), Some(2)),
            (format!("  00-{TRACE}-{SPAN}-01\t"), Some(1)),
            (format!("01-{TRACE}-{SPAN}-01"), Some(1)),
            (format!("01-{TRACE}-{SPAN}-01-later-fields"), Some(1)),
            (format!("fe-{TRACE}-{SPAN}-01"), Some(1)),
            (format!("ff-{TRACE}-{SPAN}-01"), None),
            (format!("00-{TRACE}-{SPAN}-01-more"), None),
            (format!("00-{TRACE}-{SPAN}-01-"), None),
            (format!("00-{TRACE}-{SPAN}"), None),
            (format!("00-{TRACE}-{SPAN}-1"), None),
            (format!("00-{TRACE}-{SPAN}-001"), None),
            (format!("00-{TRACE}-{SPAN}-0g"), None),
            (format!("00-{TRACE}-{SPAN}-0A"), None),
            (format!("0-{TRACE}-{SPAN}-01"), None),
            (format!("000-{TRACE}-{SPAN}-01"), None),
            (format!("00-{upper}-{SPAN}-01"), None),
            (format!("00-{zeros}-{SPAN}-01"), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{TRACE}0-{SPAN}-01"), None),
            (format!("00-{TRACE}-{SPAN}0-01"), None),
            (format!("00-+{}-{SPAN}-01", &TRACE[1..]), None),
            (format!("00-{}-{SPAN}-01", "ä".repeat(16)), None),
            (format!("01-{TRACE}-{SPAN}-01-{}", "x".repeat(512)), None),
            (String::new(), None),
            ("---".to_owned(), None),
        ];
        for (header, expected) in rows {
            assert_eq!(flags(&header), expected, "{header}");
        }
    }

    #[test]
    fn tracestate_table() {
        let long = format!("a={},b=2", "x".repeat(256));
        let many: Vec<_> = (0..40).map(|n| format!("k{n}=v")).collect();
        let rows: &[(&[&str], &str)] = &[
            (&[], ""),
            (&["ot=th:c;rv:1"], "ot=th:c;rv:1"),
            (&["a=1 , b=2\t,,", "c=3"], "a=1,b=2,c=3"),
            (&["a=1,bad"], ""),
            (&["a=1,A=2"], ""),
            (&["a=1=2"], ""),
            (&["a=1,a=2"], "a=1"),
            (&["a=1", "b=2,a=2"], "a=1,b=2"),
            (&["a=,b=1"], ""),
            (&["@a=1,b=1"], ""),
            (&["a.b=1,b=1"], ""),
            (&["a@b=1,b=1"], "a@b=1,b=1"),
            (&["a@@b=1,b=1"], "b=1"),
            (&["=1"], ""),
            (&["a=1,b=ü"], ""),
            (&["a=1\nb"], ""),
            (&[&long], &long),
        ];
        let parent = format!("00-{TRACE}-{SPAN}-01");
        for (headers, expected) in rows {
            let context = parse(&parent, headers).expect("traceparent counts alone");
            assert_eq!(context.trace_state().header(), *expected, "{headers:?}");
            assert_eq!(
                format_state(context.trace_state()).unwrap_or_default(),
                *expected
            );
        }
        for (count, kept) in [(32, 32), (33, 0)] {
            let found = parse(&parent, &[&many[..count].join(",")]).unwrap();
            assert_eq!(found.trace_state().into_iter().len(), kept, "{count}");
        }
        let members = format!("a={0},b={0},c=1", "x".repeat(250));
        let kept = parse(&parent, &[&members]).unwrap();
        assert!(kept.trace_state().header().len() <= MAX_TRACESTATE_BYTES);
        assert_eq!(kept.trace_state().get("b").map(str::len), Some(250));
    }

    #[test]
    fn a_long_state_goes_out_within_the_limit() {
        let members: Vec<_> = (0..40)
            .map(|n| (format!("k{n}"), "x".repeat(100)))
            .collect();
        let state = TraceState::from_key_value(members).unwrap();
        let header = format_state(&state).unwrap();
        assert!(header.len() <= MAX_TRACESTATE_BYTES);
        assert!(header.starts_with("k0=") && header.split(',').count() == 4);
        assert_eq!(format_state(&TraceState::NONE), None);
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_in(trace in 1..u128::MAX, span in 1..u64::MAX, flags in 0..4_u8) {
            let sent = SpanContext::new(
                TraceId::from(trace),
                SpanId::from(span),
                TraceFlags::new(flags),
                true,
                TraceState::from_key_value([("ot", "th:c"), ("v", "1")]).unwrap(),
            );
            let state = format_state(sent.trace_state()).unwrap();
            prop_assert_eq!(parse(&format(&sent), &[&state]), Some(sent));
        }

        #[test]
        fn garbage_never_panics(header in any::<String>(), state in any::<String>()) {
            prop_assert_eq!(parse(&header, &[&state]), None);
        }

        #[test]
        fn nearly_right_never_panics(header in "[0-9a-f]{2}-[0-9a-fA-F]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}.{0,9}", state in "[a-z=, @*\\x00-\\x1fé]{0,40}") {
            if let Some(context) = parse(&header, &[&state]) {
                prop_assert!(context.is_valid());
                prop_assert!(context.trace_flags().to_u8() <= 3);
            }
        }
    }
}
