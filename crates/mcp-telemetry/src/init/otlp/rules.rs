//! The rules of an OTLP/HTTP endpoint (OTLP specification 1.x, "OTLP/HTTP Response").

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use secrecy::ExposeSecret as _;
use telemetry_delivery::{
    Answer, Bytes, DropReason, Load, NotSent, Post, Priority, Protocol, Url, Verdict,
};

use super::counts::Counts;
use super::{InitError, Signal, protobuf};
use crate::config::OtlpSignal;

/// One export: an encoded request and what it carries.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) signal: Signal,
    /// Whether the body is compressed.
    pub(super) gzip: bool,
    /// As it goes over the line.
    pub(super) body: Bytes,
    /// Spans, log records or data points.
    pub(super) items: u64,
}

/// Where a signal goes, and how.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) signal: Signal,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
}

impl Target {
    /// The target that a signal's settings name.
    pub(super) fn new(signal: Signal, settings: &OtlpSignal) -> Result<Self, InitError> {
        let url = settings
            .endpoint
            .parse::<Url>()
            .map_err(|error| InitError::Otlp {
                signal: signal.name(),
                reason: error.to_string(),
            })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        headers.insert(USER_AGENT, HeaderValue::from_static(OURS));
        // Names and values were checked when the settings were read.
        for (name, value) in &settings.headers {
            let value = HeaderValue::from_str(value.expose_secret());
            if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), value) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        Ok(Self {
            signal,
            url,
            headers,
            timeout: settings.timeout,
        })
    }
}

/// How a body is encoded, in a header and in the spool.
const GZIP: &str = "gzip";
const PLAIN: &str = "identity";

const PROTOBUF: &str = "application/x-protobuf";

/// The `User-Agent`: the OTLP specification asks for exporter, language and version.
const OURS: &str = concat!(
    "mcp-telemetry/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust"
);

/// What a batch takes beside its body, about.
const BESIDE: usize = 512;

impl Load for Batch {
    /// What is small and telling before the bulk. Logs hold the errors, and never wait for the
    /// answer to a batch of spans. Metrics are a few kilobytes a minute, and count most when
    /// there is too much of the rest. Spans fill the queue, so the newest of them go when it is
    /// full.
    fn priority(&self) -> Priority {
        match self.signal {
            Signal::Logs => Priority::Urgent,
            Signal::Metrics => Priority::High,
            Signal::Traces => Priority::Low,
        }
    }

    fn bytes(&self) -> usize {
        self.body.len().saturating_add(BESIDE)
    }

    /// Spans have ids. Log records have none, and sums of differences would be wrong.
    fn counts_once(&self) -> bool {
        self.signal != Signal::Traces
    }
}

/// A collector.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) counts: Arc<Counts>,
    /// The signals that go there.
    pub(super) targets: Vec<Target>,
}

impl Protocol for Collector {
    type Load = Batch;

    fn post(&self, batch: &mut Batch) -> Result<Post, NotSent> {
        debug_assert!(
            Context::is_current_telemetry_suppressed(),
            "what the delivery does must not come back as telemetry"
        );
        let target = self.targets.iter().find(|it| it.signal == batch.signal);
        let Some(target) = target else {
            let error = format!("no endpoint for {}", batch.signal.name());
            return Err(NotSent::Broken { error });
        };
        let mut post = Post::new(target.url.clone(), batch.body.clone());
        post.headers = target.headers.clone();
        if batch.gzip {
            let gzip = HeaderValue::from_static(GZIP);
            post.headers.insert(CONTENT_ENCODING, gzip);
        }
        post.timeout = Some(target.timeout);
        Ok(post)
    }

    /// Of the failures only 429, 502, 503 and 504 may be tried again; 500 may not. A server that
    /// says when to come back gets nothing of this signal before. The others go on: what is full
    /// for spans may have room for logs.
    fn judge(&self, batch: &Batch, answer: &Answer) -> Verdict {
        let otherwise = match answer.status {
            200..300 => {
                let (rejected, message) = protobuf::partial_success(&answer.body)
                    .map(|partial| (partial.rejected, partial.message))
                    .unwrap_or_default();
                let counts = &self.counts;
                counts.sent(batch.signal, batch.items, rejected, message);
                return Verdict::Delivered;
            }
            429 => DropReason::TooManyRequests,
            502..=504 => DropReason::SendError,
            _ => return Verdict::Refused(DropReason::SendError),
        };
        Verdict::TryAgain {
            after: answer.retry_after(),
            lane_waits: true,
            otherwise,
        }
    }

    fn lost(&self, batch: &Batch, reason: DropReason) {
        self.counts.lost(batch.signal, batch.items, reason);
    }

    /// A line that says what it is, and the body. URL and headers are those of the settings of
    /// the process that reads it back.
    fn store(&self, batch: &Batch) -> Option<Vec<u8>> {
        let name = batch.signal.name();
        let encoding = if batch.gzip { GZIP } else { PLAIN };
        let line = format!("{name} {} {encoding}\n", batch.items);
        Some([line.as_bytes(), &batch.body].concat())
    }

    fn restore(&self, stored: Vec<u8>) -> Option<Batch> {
        let end = stored.iter().position(|&byte| byte == b'\n')?;
        let stored = Bytes::from(stored);
        let line = std::str::from_utf8(stored.get(..end)?).ok()?;
        let mut words = line.split(' ');
        let name = words.next()?;
        let signal = Signal::ALL.into_iter().find(|it| it.name() == name)?;
        // A signal that does not go here any more.
        self.targets.iter().find(|it| it.signal == signal)?;
        let items = words.next()?.parse().ok()?;
        let gzip = match words.next()? {
            GZIP => true,
            PLAIN => false,
            _ => return None,
        };
        self.counts.restored(signal, items);
        Some(Batch {
            signal,
            gzip,
            body: stored.slice(end.checked_add(1)?..),
            items,
        })
    }

    fn kept(&self, batch: &Batch) {
        self.counts.kept(batch.signal, batch.items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AppInfo, Config};

    fn batch(signal: Signal) -> Batch {
        Batch {
            signal,
            gzip: false,
            body: Bytes::from_static(b"body"),
            items: 10,
        }
    }

    /// The collector of traces and logs that these settings name.
    fn collector(headers: &str) -> Collector {
        let lookup = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://127.0.0.1:9".to_owned()),
            "OTEL_EXPORTER_OTLP_HEADERS" => Some(headers.to_owned()),
            _ => None,
        };
        let config = Config::from_lookup(AppInfo::new("app", "1"), lookup).unwrap();
        let target = |signal, settings: Option<_>| Target::new(signal, &settings.unwrap()).unwrap();
        Collector {
            counts: Arc::default(),
            targets: vec![
                target(Signal::Traces, config.otlp.traces),
                target(Signal::Logs, config.otlp.logs),
            ],
        }
    }

    #[test]
    fn headers_are_those_of_the_settings_alone() {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let collector = collector("authorization=Bearer%20ours,x-tenant=7");
        let mut batch = batch(Signal::Logs);
        for gzip in [false, true] {
            batch.gzip = gzip;
            let post = collector.post(&mut batch).unwrap();
            assert_eq!(post.url.as_str(), "http://127.0.0.1:9/v1/logs");
            let mut headers: Vec<_> = post
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            headers.sort_unstable();
            let mut expected = vec![
                ("authorization", "Bearer ours"),
                ("content-encoding", "gzip"),
                ("content-type", "application/x-protobuf"),
                ("user-agent", OURS),
                ("x-tenant", "7"),
            ];
            expected.retain(|(name, _)| gzip || *name != "content-encoding");
            assert_eq!(headers, expected);
            assert!(!format!("{collector:?} {post:?}").contains("Bearer"));
        }
        let named = self::collector("user-agent=mine");
        assert_eq!(named.post(&mut batch).unwrap().headers[USER_AGENT], "mine");
    }

    #[test]
    fn what_is_stored_is_restored_without_the_secrets() {
        let collector = collector("authorization=Bearer%20ours");
        for gzip in [false, true] {
            let mut batch = batch(Signal::Logs);
            batch.gzip = gzip;
            let stored = collector.store(&batch).unwrap();
            assert!(!String::from_utf8_lossy(&stored).contains("Bearer"));
            let restored = collector.restore(stored).unwrap();
            assert_eq!(restored.signal, Signal::Logs);
            assert_eq!((restored.gzip, restored.items), (gzip, 10));
            assert_eq!(restored.body, batch.body);
        }
        let metrics = collector.store(&batch(Signal::Metrics)).unwrap();
        for stored in [
            &metrics[..],
            b"",
            b"logs 10 identity",
            b"logs 10\nbody",
            b"logs ten identity\nbody",
            b"logs 10 zstd\nbody",
            b"profiles 10 gzip\nbody",
        ] {
            assert!(collector.restore(stored.to_vec()).is_none(), "{stored:?}");
        }
    }

    #[test]
    fn what_may_arrive_twice() {
        let once = Signal::ALL.map(|signal| batch(signal).counts_once());
        assert_eq!(once, [false, true, true]);
    }

    #[test]
    fn which_answers_are_worth_another_try() {
        let collector = collector("");
        let verdict = |status| {
            let mut answer = Answer::new(status);
            answer.headers.insert("retry-after", "7".parse().unwrap());
            collector.judge(&batch(Signal::Traces), &answer)
        };
        for status in [200, 202, 204] {
            assert_eq!(verdict(status), Verdict::Delivered, "{status}");
        }
        for status in [429, 502, 503, 504] {
            let Verdict::TryAgain {
                after, lane_waits, ..
            } = verdict(status)
            else {
                panic!("{status} is worth another try");
            };
            assert_eq!((after, lane_waits), (Some(Duration::from_secs(7)), true));
        }
        for status in [301, 307, 400, 401, 403, 404, 408, 413, 500, 501, 505] {
            let refused = Verdict::Refused(DropReason::SendError);
            assert_eq!(verdict(status), refused, "{status}");
        }
    }

    #[test]
    fn logs_then_metrics_then_spans() {
        let order = [Signal::Logs, Signal::Metrics, Signal::Traces];
        let order = order.map(|signal| batch(signal).priority());
        assert!(order.is_sorted_by(|one, next| one < next), "{order:?}");
    }
}
