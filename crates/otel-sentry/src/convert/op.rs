//! The operation of a span: what Sentry groups and filters by.
//!
//! Source: Sentry's "OpenTelemetry" SDK page and the inference of Relay's `relay-spans/src/op.rs`.

use std::borrow::Cow;

use opentelemetry::trace::SpanKind;

use super::{Known, cut_chars};

/// Relay cuts an operation at this many characters.
const MAX_CHARS: usize = 128;

/// What a span is about; it decides where the description comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Http,
    Db,
    GenAi,
    Rpc,
    Messaging,
    Faas,
    Other,
}

impl Family {
    /// By `sentry.op` if there is one, else by the semantic conventions, in the order of the
    /// reference.
    pub(crate) fn of(known: &Known<'_>) -> Self {
        if let Some(op) = known.op {
            return match op.split('.').next().unwrap_or(op) {
                "http" => Self::Http,
                "db" => Self::Db,
                "gen_ai" => Self::GenAi,
                "rpc" | "grpc" => Self::Rpc,
                "message" | "queue" => Self::Messaging,
                _ => Self::Other,
            };
        }
        if known.http_method.is_some() {
            Self::Http
        } else if known.db {
            Self::Db
        } else if known.gen_ai || known.gen_ai_operation.is_some() {
            Self::GenAi
        } else if known.rpc {
            Self::Rpc
        } else if known.messaging {
            Self::Messaging
        } else if known.faas_trigger.is_some() {
            Self::Faas
        } else {
            Self::Other
        }
    }
}

/// The operation: `sentry.op`, else inferred; `None` when nothing tells.
pub(crate) fn op<'a>(known: &Known<'a>, kind: &SpanKind) -> Option<Cow<'a, str>> {
    if let Some(op) = known.op {
        return Some(Cow::Borrowed(cut_chars(op, MAX_CHARS)));
    }
    match Family::of(known) {
        Family::Http => Some(Cow::Borrowed(match (kind, known.prefetch) {
            (SpanKind::Client, false) => "http.client",
            (SpanKind::Client, true) => "http.client.prefetch",
            (SpanKind::Server, false) => "http.server",
            (SpanKind::Server, true) => "http.server.prefetch",
            _ => "http",
        })),
        Family::Db => Some(Cow::Borrowed("db")),
        Family::GenAi => Some(match known.gen_ai_operation {
            Some(operation) => {
                Cow::Owned(cut_chars(&format!("gen_ai.{operation}"), MAX_CHARS).to_owned())
            }
            None => Cow::Borrowed("gen_ai"),
        }),
        Family::Rpc => Some(Cow::Borrowed("rpc")),
        Family::Messaging => Some(Cow::Borrowed("message")),
        Family::Faas => known
            .faas_trigger
            .map(|trigger| Cow::Borrowed(cut_chars(trigger, MAX_CHARS))),
        Family::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::testing::{Pairs, attributes};
    use opentelemetry::KeyValue;

    #[test]
    fn table() {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        let rows: &[(Pairs<'_>, SpanKind, Option<&str>)] = &[
            (&[], Internal, None),
            (&[("sentry.op", "mcp.server")], Server, Some("mcp.server")),
            (
                &[("sentry.op", "mcp.server"), ("http.request.method", "POST")],
                Server,
                Some("mcp.server"),
            ),
            (&[("sentry.op", "")], Server, None),
            (
                &[("http.request.method", "GET")],
                Client,
                Some("http.client"),
            ),
            (
                &[("http.request.method", "GET")],
                Server,
                Some("http.server"),
            ),
            (&[("http.method", "GET")], Internal, Some("http")),
            (&[("db.system.name", "postgresql")], Client, Some("db")),
            (&[("db.system", "redis")], Client, Some("db")),
            (
                &[
                    ("http.request.method", "GET"),
                    ("db.system", "elasticsearch"),
                ],
                Client,
                Some("http.client"),
            ),
            (&[("gen_ai.provider.name", "x")], Client, Some("gen_ai")),
            (
                &[("gen_ai.operation.name", "execute_tool")],
                Internal,
                Some("gen_ai.execute_tool"),
            ),
            (&[("rpc.service", "Greeter")], Server, Some("rpc")),
            (&[("rpc.system", "grpc")], Client, Some("rpc")),
            (&[("messaging.system", "kafka")], Producer, Some("message")),
            (&[("messaging.system", "kafka")], Consumer, Some("message")),
            (&[("faas.trigger", "timer")], Server, Some("timer")),
        ];
        for (pairs, kind, expected) in rows {
            let attributes = attributes(pairs);
            let known = Known::of(&attributes);
            assert_eq!(op(&known, kind).as_deref(), *expected, "{pairs:?} {kind:?}");
        }
    }

    #[test]
    fn prefetch_is_told() {
        let attributes = [
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("sentry.http.prefetch", true),
        ];
        let known = Known::of(&attributes);
        assert_eq!(
            op(&known, &SpanKind::Client).as_deref(),
            Some("http.client.prefetch")
        );
    }

    #[test]
    fn long_operations_are_cut() {
        let attributes = [KeyValue::new("sentry.op", "é".repeat(500))];
        let known = Known::of(&attributes);
        let op = op(&known, &SpanKind::Internal).unwrap();
        assert_eq!(op.chars().count(), MAX_CHARS);
    }
}
