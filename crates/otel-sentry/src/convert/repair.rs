//! The receiver's checks, done before it does them.
//!
//! One child with a missing id or an end before its start makes Relay refuse the whole transaction,
//! and a moment in the future makes it shift all times. So every span passes here first: what can
//! be set right is, what cannot is refused and left out.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;
use thiserror::Error;

/// Clocks may differ so much before a time counts as one in the future. Relay allows a minute.
const TOLERANCE: Duration = Duration::from_secs(30);
/// Relay refuses transactions that ended before this. Its own limit is 30 days.
const MAX_AGE: Duration = Duration::from_secs(29 * 24 * 60 * 60);

/// Start and end of a span in microseconds since the Unix epoch; `0 < start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    start: u64,
    end: u64,
}

/// Why a span cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum Defect {
    /// The trace id is all zeros.
    #[error("the trace id is zero; expected 16 bytes, not all zero")]
    TraceId,
    /// The span id is all zeros.
    #[error("the span id is zero; expected 8 bytes, not all zero")]
    SpanId,
    /// The span ended longer ago than the receiver takes.
    #[error("the span ended {age_days} days ago; expected at most 29")]
    TooOld {
        /// Whole days since the end.
        age_days: u64,
    },
}

impl Times {
    /// The start in seconds, with microseconds.
    pub(crate) fn start_seconds(self) -> f64 {
        seconds(self.start)
    }

    /// The end in seconds, with microseconds.
    pub(crate) fn end_seconds(self) -> f64 {
        seconds(self.end)
    }
}

/// Checks a span's ids and sets its times right.
///
/// A time at or before the epoch is taken from the other end of the span; one more than 30 seconds
/// after `now` becomes `now`; an end before its start becomes the start.
///
/// # Errors
/// If the trace id or the span id is zero.
pub(crate) fn repair(span: &SpanData, now: SystemTime) -> Result<Times, Defect> {
    if span.span_context.trace_id() == TraceId::INVALID {
        return Err(Defect::TraceId);
    }
    if span.span_context.span_id() == SpanId::INVALID {
        return Err(Defect::SpanId);
    }
    let known_now = micros(now);
    let now = known_now.unwrap_or(1);
    // Without a clock that tells, no time can be called one of the future.
    let latest = known_now.map_or(u64::MAX, |now| {
        now.saturating_add(TOLERANCE.as_micros() as u64)
    });
    let clamp = |time| micros(time).map(|time| if time > latest { now } else { time });
    let (start, end) = match (clamp(span.start_time), clamp(span.end_time)) {
        (Some(start), Some(end)) => (start, end.max(start)),
        (Some(only), None) | (None, Some(only)) => (only, only),
        (None, None) => (now, now),
    };
    Ok(Times { start, end })
}

/// As [`repair`], for the root of a transaction.
///
/// # Errors
/// As [`repair`], and if the span ended more than 29 days before `now`.
pub(crate) fn repair_root(span: &SpanData, now: SystemTime) -> Result<Times, Defect> {
    let times = repair(span, now)?;
    let age = Duration::from_micros(micros(now).unwrap_or(0).saturating_sub(times.end));
    if age > MAX_AGE {
        return Err(Defect::TooOld {
            age_days: age.as_secs() / (24 * 60 * 60),
        });
    }
    Ok(times)
}

/// A moment as the receiver takes it: not before the epoch, and not in the future.
pub(crate) fn moment(time: SystemTime, now: SystemTime) -> SystemTime {
    let is_future = time.duration_since(now).is_ok_and(|it| it > TOLERANCE);
    let time = if is_future { now } else { time };
    time.max(SystemTime::UNIX_EPOCH)
}

/// `None` at or before the epoch.
fn micros(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_micros())
        .ok()
        .filter(|&micros| micros > 0)
}

/// The nearest double. Below the year 2255 it prints as exactly these six decimals.
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::testing::{at, now, span};
    use opentelemetry::trace::SpanContext;
    use proptest::prelude::*;

    fn with_times(start: SystemTime, end: SystemTime) -> SpanData {
        SpanData {
            start_time: start,
            end_time: end,
            ..span(1, 0)
        }
    }

    #[test]
    fn times_table() {
        let epoch = SystemTime::UNIX_EPOCH;
        let before = epoch - Duration::from_secs(5);
        let soon = now() + Duration::from_secs(29);
        let future = now() + Duration::from_secs(31);
        let rows = [
            ((at(1), at(2)), (at(1), at(2))),
            ((at(2), at(1)), (at(2), at(2))),
            ((epoch, at(2)), (at(2), at(2))),
            ((at(1), epoch), (at(1), at(1))),
            ((before, before), (now(), now())),
            ((at(1), soon), (at(1), soon)),
            ((at(1), future), (at(1), now())),
            ((future, future), (now(), now())),
            ((soon, future), (soon, soon)),
        ];
        for ((start, end), (good_start, good_end)) in rows {
            let times = repair(&with_times(start, end), now()).unwrap();
            let expected = Times {
                start: micros(good_start).unwrap(),
                end: micros(good_end).unwrap(),
            };
            assert_eq!(times, expected, "{start:?} {end:?}");
        }
    }

    #[test]
    fn zero_ids_are_refused() {
        let mut bad = span(0, 1);
        assert_eq!(repair(&bad, now()), Err(Defect::SpanId));
        bad.span_context = SpanContext::NONE;
        assert_eq!(repair(&bad, now()), Err(Defect::TraceId));
    }

    #[test]
    fn only_a_root_may_be_too_old() {
        let late = now() + Duration::from_secs(40 * 24 * 60 * 60);
        let old = span(1, 0);
        assert!(repair(&old, late).is_ok());
        assert_eq!(
            repair_root(&old, late),
            Err(Defect::TooOld { age_days: 40 })
        );
        assert!(repair_root(&old, now()).is_ok());
    }

    #[test]
    fn seconds_print_with_six_decimals() {
        for (micros, text) in [
            (1_795_435_200_000_001, "1795435200.000001"),
            (1_795_435_200_999_999, "1795435200.999999"),
            (1_795_435_200_100_000, "1795435200.1"),
        ] {
            assert_eq!(serde_json::to_string(&seconds(micros)).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn times_are_always_sendable(start in 0..u64::MAX / 4, end in 0..u64::MAX / 4) {
            let time = |micros| SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
            let times = repair(&with_times(time(start), time(end)), now()).unwrap();
            prop_assert!(times.start > 0 && times.start <= times.end);
            prop_assert!(times.end <= micros(now()).unwrap() + 30_000_000);
        }

        #[test]
        fn printed_seconds_are_the_microseconds(micros in 1..4_000_000_000_000_000_u64) {
            let text = serde_json::to_string(&seconds(micros)).unwrap();
            let (whole, part) = text.split_once('.').unwrap();
            if !text.contains('e') {
                let back: u64 = format!("{whole}{part:0<6}").parse().unwrap();
                prop_assert_eq!(back, micros);
            }
        }
    }
}
