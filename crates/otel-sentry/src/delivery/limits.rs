//! Rate limits: what the server said must not be sent for a while.
//!
//! Source: the SDK specification, "Rate Limiting". A limit names data categories; an item is held
//! back while one of its own categories is limited.

use std::time::{Duration, Instant};

use telemetry_delivery::{Answer, parse_seconds};

/// A set of data categories, as rate limits name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Categories(u16);

impl Categories {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ERROR: Self = Self(1);
    pub(super) const TRANSACTION: Self = Self(1 << 1);
    pub(super) const SPAN: Self = Self(1 << 2);
    pub(super) const SESSION: Self = Self(1 << 3);
    pub(super) const LOG: Self = Self(1 << 4);
    pub(super) const METRIC: Self = Self(1 << 5);
    pub(super) const ATTACHMENT: Self = Self(1 << 6);
    pub(super) const PROFILE: Self = Self(1 << 7);
    pub(super) const PROFILE_CHUNK: Self = Self(1 << 8);
    pub(super) const MONITOR: Self = Self(1 << 9);
    /// Items without a category of their own. Not "everything": that is the empty list.
    pub(super) const DEFAULT: Self = Self(1 << 10);
    const ALL: Self = Self(u16::MAX);

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The category of a name in `X-Sentry-Rate-Limits`; unknown names concern nothing we send.
    fn named(name: &str) -> Self {
        match name {
            "error" => Self::ERROR,
            "transaction" => Self::TRANSACTION,
            "span" => Self::SPAN,
            "session" => Self::SESSION,
            "log_item" | "log_byte" => Self::LOG,
            "trace_metric" | "trace_metric_byte" => Self::METRIC,
            "attachment" => Self::ATTACHMENT,
            "profile" => Self::PROFILE,
            "profile_chunk" | "profile_duration" => Self::PROFILE_CHUNK,
            "monitor" => Self::MONITOR,
            "default" => Self::DEFAULT,
            _ => Self::NONE,
        }
    }
}

/// How long a limit lasts when the server does not say.
const DEFAULT_DELAY: Duration = Duration::from_secs(60);

/// The limits in force.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    /// One entry for each different end; there are few.
    limits: Vec<Limit>,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    categories: Categories,
    until: Instant,
}

impl RateLimits {
    /// Whether items of these categories must not be sent now. Items of no category are limited
    /// only by a limit on everything.
    pub(super) fn is_limited(&self, categories: Categories, now: Instant) -> bool {
        self.limits.iter().any(|limit| {
            limit.until > now
                && (limit.categories == Categories::ALL || limit.categories.meets(categories))
        })
    }

    /// Whether anything is limited now. Forgets what is over.
    pub(super) fn any(&mut self, now: Instant) -> bool {
        self.limits.retain(|limit| limit.until > now);
        !self.limits.is_empty()
    }

    /// Learns from an answer: `X-Sentry-Rate-Limits` on any status, else `Retry-After` with 429,
    /// else a minute after a bare 429.
    pub(super) fn update(&mut self, answer: &Answer, now: Instant) {
        self.limits.retain(|limit| limit.until > now);
        let header = answer.header("x-sentry-rate-limits");
        if header.is_some_and(|header| self.add_header(header, now)) || answer.status != 429 {
            return;
        }
        let delay = answer.retry_after().unwrap_or(DEFAULT_DELAY);
        self.add(Categories::ALL, delay, now);
    }

    /// `<seconds>:<category>;<category>:<scope>[:<reason>…], …`; false when nothing could be read.
    fn add_header(&mut self, header: &str, now: Instant) -> bool {
        let mut understood = false;
        for entry in header.split(',') {
            let mut parts = entry.trim().split(':');
            let (Some(seconds), Some(names)) = (parts.next(), parts.next()) else {
                continue;
            };
            let Some(delay) = parse_seconds(seconds) else {
                continue;
            };
            understood = true;
            let categories = if names.trim().is_empty() {
                Categories::ALL
            } else {
                names
                    .split(';')
                    .map(|name| Categories::named(name.trim()))
                    .fold(Categories::NONE, Categories::and)
            };
            self.add(categories, delay, now);
        }
        understood
    }

    fn add(&mut self, categories: Categories, delay: Duration, now: Instant) {
        let Some(until) = now.checked_add(delay) else {
            return;
        };
        if categories == Categories::NONE || until <= now {
            return;
        }
        match self
            .limits
            .iter_mut()
            .find(|limit| limit.categories == categories)
        {
            // Answers of parallel requests come in any order: the longer limit stays.
            Some(limit) => limit.until = limit.until.max(until),
            None => self.limits.push(Limit { categories, until }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn answer(status: u16, header: Option<&str>, retry_after: Option<&str>) -> Answer {
        let mut answer = Answer::new(status);
        for (name, value) in [
            ("x-sentry-rate-limits", header),
            ("retry-after", retry_after),
        ] {
            if let Some(value) = value {
                answer.headers.insert(name, value.parse().unwrap());
            }
        }
        answer
    }

    fn learned(
        status: u16,
        header: Option<&str>,
        retry_after: Option<&str>,
    ) -> (RateLimits, Instant) {
        let now = Instant::now();
        let mut limits = RateLimits::default();
        limits.update(&answer(status, header, retry_after), now);
        (limits, now)
    }

    #[test]
    fn several_entries_and_categories() {
        let (limits, now) = learned(
            200,
            Some("60:transaction;span:organization:quota_exceeded, 10:error;foo:key ,5:session"),
            None,
        );
        for (categories, seconds) in [
            (Categories::TRANSACTION, 60),
            (Categories::SPAN, 60),
            (Categories::ERROR, 10),
            (Categories::SESSION, 5),
        ] {
            assert!(limits.is_limited(categories, now + (seconds - 1) * SECOND));
            assert!(!limits.is_limited(categories, now + seconds * SECOND));
        }
        assert!(!limits.is_limited(Categories::LOG, now));
        assert!(!limits.is_limited(Categories::NONE, now));
    }

    #[test]
    fn every_category_by_name() {
        for (name, categories) in [
            ("error", Categories::ERROR),
            ("transaction", Categories::TRANSACTION),
            ("span", Categories::SPAN),
            ("session", Categories::SESSION),
            ("log_item", Categories::LOG),
            ("log_byte", Categories::LOG),
            ("trace_metric", Categories::METRIC),
            ("attachment", Categories::ATTACHMENT),
            ("profile", Categories::PROFILE),
            ("profile_chunk", Categories::PROFILE_CHUNK),
            ("monitor", Categories::MONITOR),
            ("default", Categories::DEFAULT),
        ] {
            let (limits, now) = learned(429, Some(&format!("30:{name}:organization")), None);
            assert!(limits.is_limited(categories, now), "{name}");
            assert_eq!(
                limits.is_limited(Categories::ERROR, now),
                name == "error",
                "{name} limits itself alone"
            );
        }
    }

    #[test]
    fn no_category_is_everything() {
        let (limits, now) = learned(429, Some("60::organization"), None);
        assert!(limits.is_limited(Categories::ERROR, now));
        assert!(limits.is_limited(Categories::NONE, now));
        assert!(!limits.is_limited(Categories::NONE, now + 60 * SECOND));
    }

    #[test]
    fn retry_after_counts_with_429_only() {
        let (limits, now) = learned(429, None, Some("17"));
        assert!(limits.is_limited(Categories::LOG, now + 16 * SECOND));
        assert!(!limits.is_limited(Categories::LOG, now + 17 * SECOND));

        let (mut limits, now) = learned(503, None, Some("17"));
        assert!(!limits.any(now));

        let (limits, now) = learned(429, None, None);
        assert!(limits.is_limited(Categories::LOG, now + 59 * SECOND));
        assert!(!limits.is_limited(Categories::LOG, now + 60 * SECOND));
    }

    #[test]
    fn the_header_goes_before_retry_after() {
        let (limits, now) = learned(429, Some("60:error:key"), Some("600"));
        assert!(limits.is_limited(Categories::ERROR, now));
        assert!(!limits.is_limited(Categories::LOG, now));

        let (limits, now) = learned(429, Some("what:is this"), Some("600"));
        assert!(limits.is_limited(Categories::LOG, now + 599 * SECOND));
    }

    #[test]
    fn the_longer_limit_stays() {
        let (mut limits, now) = learned(200, Some("60:error:key"), None);
        limits.update(&answer(200, Some("5:error:key"), None), now);
        assert!(limits.is_limited(Categories::ERROR, now + 59 * SECOND));
    }

    #[test]
    fn limits_do_not_pile_up() {
        let (mut limits, now) = learned(200, Some("1:error:key,2:span:key"), None);
        for _ in 0..100 {
            limits.update(&answer(200, Some("1:error:key,2:span:key"), None), now);
        }
        assert_eq!(limits.limits.len(), 2);
        assert!(!limits.any(now + 3 * SECOND));
        assert!(limits.limits.is_empty());
    }
}
