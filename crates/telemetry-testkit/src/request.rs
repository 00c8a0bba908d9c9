//! One request to the sink: how it came, what it carried, how it was answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::otlp::OtlpBatch;
use crate::problem::ParseProblem;
use crate::sentry::Envelope;

/// One request to the sink.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Number of the request, in the order of arrival, from 1.
    pub id: u64,
    /// Method.
    pub method: Method,
    /// Path without query.
    pub path: String,
    /// Query without `?`.
    pub query: Option<String>,
    /// Headers. The values of `authorization` and cookies show as `Sensitive` in `Debug`.
    pub headers: HeaderMap,
    /// When the head of the request had arrived.
    pub arrived: Instant,
    /// Length of the body on the wire, in bytes.
    pub wire_len: usize,
    /// The decoded body; the body as it came if it could not be decoded.
    pub body: Bytes,
    /// What the client got.
    pub answer: Answer,
    /// How many requests were under way when this one arrived, itself among them.
    pub in_flight: usize,
    /// Who sent it, as far as the request says.
    pub auth: Option<SentryAuth>,
    pub(crate) payload: Arc<Payload>,
    pub(crate) problem: Option<ParseProblem>,
}

impl Request {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The envelope it carried, whatever the answer was.
    #[must_use]
    pub fn envelope(&self) -> Option<&Envelope> {
        match &*self.payload {
            Payload::Envelope(envelope) => Some(envelope),
            _ => None,
        }
    }

    /// Why it was refused, if it was not sound.
    #[must_use]
    pub fn problem(&self) -> Option<&ParseProblem> {
        self.problem.as_ref()
    }

    /// Whether the payload counts as received: the answer was 2xx.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.answer, Answer::Status(status) if (200..300).contains(&status))
    }

    /// What it carried, in words: `transaction + 3 spans, log × 2`. For a malformed request the
    /// reason.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.problem {
            Some(problem) => problem.error.to_string(),
            None => self.payload.summary(),
        }
    }
}

/// What the client of a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Nothing yet: the answer is delayed or hangs, or the client has gone away meanwhile.
    Pending {
        /// How long the answer will be held back; `None` for as long as the fault lasts.
        delay: Option<Duration>,
    },
    /// An answer with this status.
    Status(u16),
    /// A reset connection.
    Reset,
    /// The head of a 200 answer and a part of its body, then a closed connection.
    ClosedMidBody,
}

/// What a request says about its sender: `X-Sentry-Auth`, `Authorization: Sentry`, the query or
/// the `dsn` of an envelope's header, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentryAuth {
    /// Where it was found.
    pub source: AuthSource,
    /// Public key.
    pub key: String,
    /// Name and version of the client.
    pub client: Option<String>,
    /// Protocol version.
    pub version: Option<String>,
}

/// Where the public key of a request was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthSource {
    /// Header `x-sentry-auth`.
    SentryHeader,
    /// Header `authorization`.
    Authorization,
    /// Query parameter `sentry_key`.
    Query,
    /// `dsn` in the envelope's header.
    Dsn,
}

impl SentryAuth {
    pub(crate) fn find(
        headers: &HeaderMap,
        query: Option<&str>,
        payload: &Payload,
    ) -> Option<Self> {
        let header = |name, source| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            let (scheme, pairs) = value.split_once(' ')?;
            if !scheme.eq_ignore_ascii_case("sentry") {
                return None;
            }
            let pairs = pairs.split(',').filter_map(|pair| pair.split_once('='));
            Self::of(source, pairs.map(|(k, v)| (k.trim(), v.trim())))
        };
        header("x-sentry-auth", AuthSource::SentryHeader)
            .or_else(|| header("authorization", AuthSource::Authorization))
            .or_else(|| {
                let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
                Self::of(AuthSource::Query, pairs)
            })
            .or_else(|| match payload {
                Payload::Envelope(envelope) => {
                    let dsn: http::Uri = envelope.header_str("dsn")?.parse().ok()?;
                    let (key, _host) = dsn.authority()?.as_str().split_once('@')?;
                    Self::of(AuthSource::Dsn, std::iter::once(("sentry_key", key)))
                }
                _ => None,
            })
    }

    fn of<'a>(source: AuthSource, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let (mut key, mut client, mut version) = (None, None, None);
        for (name, value) in pairs {
            match name {
                "sentry_key" => key = Some(value.to_owned()),
                "sentry_client" => client = Some(value.to_owned()),
                "sentry_version" => version = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(Self {
            source,
            key: key?,
            client,
            version,
        })
    }
}

/// The parsed payload of a request.
#[derive(Debug, Default)]
pub(crate) enum Payload {
    #[default]
    None,
    Envelope(Envelope),
    Otlp(OtlpBatch),
}

impl Payload {
    fn summary(&self) -> String {
        use crate::sentry::ItemContent as Content;
        match self {
            Self::None => "nothing".to_owned(),
            Self::Otlp(OtlpBatch::Spans(spans)) => format!("OTLP span × {}", spans.len()),
            Self::Otlp(OtlpBatch::Logs(logs)) => format!("OTLP log × {}", logs.len()),
            Self::Otlp(OtlpBatch::Metrics(metrics)) => format!("OTLP metric × {}", metrics.len()),
            Self::Envelope(envelope) => {
                let items = envelope.items.iter().map(|item| match &item.content {
                    Content::Transaction(transaction) => {
                        format!("transaction + {} spans", transaction.spans.len())
                    }
                    Content::Logs(logs) => format!("log × {}", logs.len()),
                    Content::TraceMetrics(metrics) => format!("trace_metric × {}", metrics.len()),
                    Content::Sessions(buckets) => format!("sessions × {}", buckets.len()),
                    _ => item.ty.clone(),
                });
                let items: Vec<String> = items.collect();
                if items.is_empty() {
                    "empty envelope".to_owned()
                } else {
                    items.join(", ")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            http::HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn auth_is_found_in_every_place() {
        let full = "Sentry sentry_version=7, sentry_client=demo/1, sentry_key=abc";
        let found = SentryAuth::find(&headers("x-sentry-auth", full), None, &Payload::None);
        assert_eq!(
            found,
            Some(SentryAuth {
                source: AuthSource::SentryHeader,
                key: "abc".to_owned(),
                client: Some("demo/1".to_owned()),
                version: Some("7".to_owned()),
            })
        );
        let lower = headers("authorization", "sentry sentry_key=abc");
        let found = SentryAuth::find(&lower, Some("sentry_key=x"), &Payload::None).unwrap();
        assert_eq!(found.source, AuthSource::Authorization);
        let query = Some("a=b&sentry_key=abc");
        let found = SentryAuth::find(&HeaderMap::new(), query, &Payload::None).unwrap();
        assert_eq!(found.source, AuthSource::Query);
        let envelope = Envelope::parse("{\"dsn\":\"http://abc@127.0.0.1:9/1\"}\n").unwrap();
        let payload = Payload::Envelope(envelope);
        let found = SentryAuth::find(&HeaderMap::new(), None, &payload).unwrap();
        assert_eq!((found.source, found.key.as_str()), (AuthSource::Dsn, "abc"));
    }

    #[test]
    fn a_header_without_the_word_sentry_is_no_auth() {
        let found = SentryAuth::find(
            &headers("x-sentry-auth", "sentry_key=abc"),
            None,
            &Payload::None,
        );
        assert_eq!(found, None);
    }
}
