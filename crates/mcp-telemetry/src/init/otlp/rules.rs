//! The rules of an OTLP/HTTP endpoint (OTLP specification 1.x, "OTLP/HTTP Response").

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::Context;
use telemetry_delivery::{
    Answer, Bytes, DropReason, Load, NotSent, Post, Priority, Protocol, Url, Verdict,
};

use super::counts::Counts;
use super::{Signal, protobuf};

/// One export: an encoded request and what it carries.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) signal: Signal,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// As it goes over the line.
    pub(super) body: Bytes,
    pub(super) timeout: Duration,
    /// Spans, log records or data points.
    pub(super) items: u64,
}

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
}

/// A collector.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) counts: Arc<Counts>,
}

impl Protocol for Collector {
    type Load = Batch;

    fn post(&self, batch: &mut Batch) -> Result<Post, NotSent> {
        debug_assert!(
            Context::is_current_telemetry_suppressed(),
            "what the delivery does must not come back as telemetry"
        );
        let mut post = Post::new(batch.url.clone(), batch.body.clone());
        post.headers = batch.headers.clone();
        post.timeout = Some(batch.timeout);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(signal: Signal) -> Batch {
        Batch {
            signal,
            url: "http://127.0.0.1:9/v1/traces".parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"body"),
            timeout: Duration::from_secs(1),
            items: 10,
        }
    }

    #[test]
    fn which_answers_are_worth_another_try() {
        let collector = Collector {
            counts: Arc::default(),
        };
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
