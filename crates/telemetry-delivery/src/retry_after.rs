//! The `Retry-After` header (RFC 9110, 10.2.3).

use std::time::{Duration, SystemTime};

/// No pause is longer than this, whatever the server says.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause that a `Retry-After` header asks for: seconds, or an HTTP date as seen from `now`.
/// None when it is neither.
///
/// Seconds may have a fraction, and are rounded up. Less than nothing counts as nothing, more
/// than a day as a day.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use telemetry_delivery::parse_retry_after;
///
/// let now = SystemTime::UNIX_EPOCH;
/// assert_eq!(parse_retry_after("7", now), Some(Duration::from_secs(7)));
/// assert_eq!(
///     parse_retry_after("Thu, 01 Jan 1970 00:01:30 GMT", now),
///     Some(Duration::from_secs(90)),
/// );
/// assert_eq!(parse_retry_after("soon", now), None);
/// ```
#[must_use]
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    parse_seconds(value).or_else(|| {
        let date = httpdate::parse_http_date(value.trim()).ok()?;
        Some(date.duration_since(now).unwrap_or_default().min(MAX_PAUSE))
    })
}

/// A number of seconds as in `Retry-After`, by the same rules.
///
/// ```
/// use std::time::Duration;
/// use telemetry_delivery::parse_seconds;
///
/// assert_eq!(parse_seconds("0.2"), Some(Duration::from_secs(1)));
/// assert_eq!(parse_seconds("Thu"), None);
/// ```
#[must_use]
pub fn parse_seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    if seconds.is_nan() {
        return None;
    }
    let seconds = seconds.ceil().clamp(0.0, MAX_PAUSE.as_secs_f64());
    Some(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seen_from_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let date = httpdate::fmt_http_date(now + Duration::from_secs(90));
        assert_eq!(parse_retry_after(&date, now), Some(Duration::from_secs(90)));
        let past = httpdate::fmt_http_date(now - Duration::from_secs(90));
        assert_eq!(parse_retry_after(&past, now), Some(Duration::ZERO));
        let far = httpdate::fmt_http_date(now + 2 * MAX_PAUSE);
        assert_eq!(parse_retry_after(&far, now), Some(MAX_PAUSE));
    }

    #[test]
    fn strange_numbers_are_bounded() {
        for (text, expected) in [
            ("-5", Some(Duration::ZERO)),
            ("0.2", Some(Duration::from_secs(1))),
            ("1e300", Some(MAX_PAUSE)),
            ("inf", Some(MAX_PAUSE)),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(parse_seconds(text), expected, "{text}");
        }
    }
}
