//! Times: the simulator's standing clock, ISO 8601 as Splunk prints it, and Splunk's time modifiers.

use time::format_description::well_known::Rfc3339;
use time::{Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// Prints epoch seconds as Splunk does in results: `2026-01-15T12:00:00.000+00:00`.
pub(crate) fn iso(epoch: f64) -> String {
    // Whole milliseconds first, so that .9996 does not print as .1000.
    let millis = (epoch * 1_000.0).round();
    // `as` saturates and turns NaN into 0.
    let nanos = i128::from(millis as i64) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}+00:00",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond(),
    )
}

/// Reads a time as `earliest_time` and `latest_time` take it, in epoch seconds; `None` when it is no such time.
///
/// Taken: `now`, epoch seconds, ISO 8601 with or without an offset, and Splunk's relative modifiers such as `-24h`,
/// `-1d@d`, `@w0`, `+30m`. Real-time (`rt`) is not.
pub(crate) fn parse(text: &str, now: i64) -> Option<f64> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") || text.eq_ignore_ascii_case("now()") {
        return Some(now as f64);
    }
    if let Ok(epoch) = text.parse::<f64>()
        && !text.starts_with(['-', '+'])
    {
        return epoch.is_finite().then_some(epoch);
    }
    if text.starts_with(['-', '+', '@']) {
        return relative(text, now);
    }
    absolute(text)
}

fn absolute(text: &str) -> Option<f64> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| {
        let with_time = if text.contains('T') {
            format!("{text}Z")
        } else {
            format!("{text}T00:00:00Z")
        };
        OffsetDateTime::parse(&with_time, &Rfc3339)
    });
    let nanos = parsed.ok()?.unix_timestamp_nanos();
    Some(nanos as f64 / 1e9)
}

/// One or more steps of `[+-]<number><unit>` and at most one `@<unit>` after each.
fn relative(text: &str, now: i64) -> Option<f64> {
    let mut at = OffsetDateTime::from_unix_timestamp(now).ok()?;
    let mut rest = text;
    while !rest.is_empty() {
        let sign = rest.chars().next()?;
        let body = rest.get(1..)?;
        let end = body.find(['+', '-', '@']).unwrap_or(body.len());
        let (step, next) = body.split_at_checked(end)?;
        at = match sign {
            '@' => snap(at, step)?,
            '+' => shift(at, step, 1)?,
            '-' => shift(at, step, -1)?,
            _ => return None,
        };
        rest = next;
    }
    Some(at.unix_timestamp_nanos() as f64 / 1e9)
}

fn shift(at: OffsetDateTime, step: &str, sign: i64) -> Option<OffsetDateTime> {
    let digits = step
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(step.len());
    let (number, unit) = step.split_at_checked(digits)?;
    let number: i64 = if number.is_empty() {
        1
    } else {
        number.parse().ok()?
    };
    let number = number.checked_mul(sign)?;
    let seconds = match unit {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        "mon" | "month" | "months" => return shift_months(at, number),
        "q" | "qtr" | "qtrs" | "quarter" | "quarters" => {
            return shift_months(at, number.checked_mul(3)?);
        }
        "y" | "yr" | "yrs" | "year" | "years" => return shift_months(at, number.checked_mul(12)?),
        _ => return None,
    };
    at.checked_add(Duration::seconds(number.checked_mul(seconds)?))
}

fn shift_months(at: OffsetDateTime, months: i64) -> Option<OffsetDateTime> {
    let index = i64::from(at.year())
        .checked_mul(12)?
        .checked_add(i64::from(u8::from(at.month())) - 1)?
        .checked_add(months)?;
    let year = i32::try_from(index.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(index.rem_euclid(12)).ok()? + 1).ok()?;
    let day = at.day().min(month.length(year));
    at.replace_day(1)
        .ok()?
        .replace_year(year)
        .ok()?
        .replace_month(month)
        .ok()?
        .replace_day(day)
        .ok()
}

fn snap(at: OffsetDateTime, unit: &str) -> Option<OffsetDateTime> {
    let date = at.date();
    let (date, time) = match unit {
        "s" | "sec" => (
            date,
            Time::from_hms(at.hour(), at.minute(), at.second()).ok()?,
        ),
        "m" | "min" => (date, Time::from_hms(at.hour(), at.minute(), 0).ok()?),
        "h" | "hour" => (date, Time::from_hms(at.hour(), 0, 0).ok()?),
        "d" | "day" => (date, Time::MIDNIGHT),
        "w" | "w0" | "week" => {
            let back = i64::from(date.weekday().number_days_from_sunday());
            (date.checked_sub(Duration::days(back))?, Time::MIDNIGHT)
        }
        "mon" | "month" => (date.replace_day(1).ok()?, Time::MIDNIGHT),
        "y" | "year" => (
            date.replace_day(1)
                .ok()?
                .replace_month(Month::January)
                .ok()?,
            Time::MIDNIGHT,
        ),
        _ => return None,
    };
    Some(PrimitiveDateTime::new(date, time).assume_offset(UtcOffset::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-15T12:34:56Z, a Thursday.
    const NOW: i64 = 1_768_480_496;

    fn reads(text: &str) -> Option<String> {
        parse(text, NOW).map(iso)
    }

    #[test]
    fn prints_as_splunk_does() {
        assert_eq!(iso(NOW as f64), "2026-01-15T12:34:56.000+00:00");
        assert_eq!(iso(NOW as f64 + 0.9996), "2026-01-15T12:34:57.000+00:00");
        assert_eq!(iso(f64::NAN), "1970-01-01T00:00:00.000+00:00");
        assert_eq!(iso(f64::INFINITY), "1970-01-01T00:00:00.000+00:00");
    }

    #[test]
    fn reads_the_forms_splunk_takes() {
        for (text, expected) in [
            ("now", "2026-01-15T12:34:56.000+00:00"),
            ("1768480496.25", "2026-01-15T12:34:56.250+00:00"),
            ("0", "1970-01-01T00:00:00.000+00:00"),
            ("2026-01-14T01:02:03", "2026-01-14T01:02:03.000+00:00"),
            (
                "2026-01-14T01:02:03.500+01:00",
                "2026-01-14T00:02:03.500+00:00",
            ),
            ("2026-01-14", "2026-01-14T00:00:00.000+00:00"),
            ("-24h", "2026-01-14T12:34:56.000+00:00"),
            ("-h", "2026-01-15T11:34:56.000+00:00"),
            ("-1d@d", "2026-01-14T00:00:00.000+00:00"),
            ("@w0", "2026-01-11T00:00:00.000+00:00"),
            ("-1mon@mon", "2025-12-01T00:00:00.000+00:00"),
            ("@d+8h", "2026-01-15T08:00:00.000+00:00"),
            ("-1y", "2025-01-15T12:34:56.000+00:00"),
            ("+30m", "2026-01-15T13:04:56.000+00:00"),
        ] {
            assert_eq!(reads(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "yesterday",
            "rt",
            "rt-5m",
            "-5parsecs",
            "@",
            "@x",
            "-99999999999999999999d",
            "-9223372036854775807w",
            "+9223372036854775807mon",
            "nan",
            "inf",
            "2026-13-01",
            "-1é",
        ] {
            assert_eq!(reads(text), None, "{text}");
        }
    }
}
