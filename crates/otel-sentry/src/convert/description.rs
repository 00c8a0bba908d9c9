//! What a span says of itself: the description of a child, the name of a transaction.
//!
//! Source: Sentry's JavaScript SDK (`parseSpanDescription.ts`) and Relay (`relay-spans`), with one
//! difference: a URL or a query is never the name of a transaction. Names are grouped and shown
//! everywhere, so a name made of a path is of unbounded number, and Sentry would rewrite one with
//! the source `url`. The span's own name serves there, with the source `custom`.

use std::borrow::Cow;

use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;

use super::op::Family;
use super::{Known, cut_bytes, cut_chars, origin};

/// Relay cuts a transaction's name at this many characters.
const MAX_NAME_CHARS: usize = 200;
/// Descriptions have no limit of their own at the receiver; this one keeps a payload in bounds.
pub(crate) const MAX_DESCRIPTION_BYTES: usize = 8_192;
/// What Relay itself writes for a transaction without a name.
const UNLABELED: &str = "<unlabeled transaction>";

/// The name of a transaction and where it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TransactionName<'a> {
    /// At most 200 characters, never empty.
    pub(crate) name: Cow<'a, str>,
    /// `custom`, `route`, `task`, `component` or `view`; never `url`.
    pub(crate) source: &'static str,
}

/// The name of the transaction whose root is `span`.
pub(crate) fn transaction_name<'a>(span: &'a SpanData, known: &Known<'a>) -> TransactionName<'a> {
    let (name, inferred) = match known.custom_span_name {
        Some(name) => (Cow::Borrowed(name), "custom"),
        None => match (route(span, known), Family::of(known)) {
            (Some(name), _) => (name, "route"),
            (None, Family::Db) => (Cow::Borrowed(&*span.name), "task"),
            (None, Family::Rpc | Family::Messaging | Family::Faas) => {
                (Cow::Borrowed(&*span.name), "route")
            }
            (None, _) => (Cow::Borrowed(&*span.name), "custom"),
        },
    };
    let name = match name {
        name if name.is_empty() => Cow::Borrowed(UNLABELED),
        Cow::Borrowed(name) => Cow::Borrowed(cut_chars(name, MAX_NAME_CHARS)),
        Cow::Owned(name) => Cow::Owned(cut_chars(&name, MAX_NAME_CHARS).to_owned()),
    };
    TransactionName {
        name,
        source: known.source.map_or(inferred, source),
    }
}

/// The description of a child span.
///
/// In this order: `sentry.description`, `sentry.custom_span_name`, the span's name if its source is
/// `custom`; HTTP method and route (or URL template), or method and URL without user, query and fragment; the query
/// of a database span; the span's name.
pub(crate) fn description<'a>(span: &'a SpanData, known: &Known<'a>) -> Cow<'a, str> {
    let explicit = known.description.or(known.custom_span_name);
    let text = match explicit {
        Some(text) => Cow::Borrowed(text),
        None if known.source == Some("custom") => Cow::Borrowed(&*span.name),
        None => match Family::of(known) {
            Family::Http => route(span, known).or_else(|| url(span, known)),
            Family::Db => known.db_query.map(Cow::Borrowed),
            _ => None,
        }
        .unwrap_or(Cow::Borrowed(&*span.name)),
    };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(cut_bytes(text, MAX_DESCRIPTION_BYTES)),
        Cow::Owned(mut text) => {
            text.truncate(cut_bytes(&text, MAX_DESCRIPTION_BYTES).len());
            Cow::Owned(text)
        }
    }
}

/// `GET /users/{id}`, if the span is of HTTP, has a route, and its name may be inferred.
fn route<'a>(span: &SpanData, known: &Known<'a>) -> Option<Cow<'a, str>> {
    let (method, route) = (known.http_method?, known.http_route?);
    may_infer(span, known).then(|| Cow::Owned(format!("{method} {route}")))
}

/// `GET https://host:443/path`, for a client's span.
fn url<'a>(span: &SpanData, known: &Known<'a>) -> Option<Cow<'a, str>> {
    let (method, url) = (known.http_method?, known.url?);
    if span.span_kind != SpanKind::Client || !may_infer(span, known) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    Some(Cow::Owned(format!("{method} {scheme}://{host}{path}")))
}

/// A name that a person chose stays: only spans of an instrumentation are renamed.
fn may_infer(span: &SpanData, known: &Known<'_>) -> bool {
    Family::of(known) == Family::Http
        && known.source != Some("custom")
        && (matches!(span.span_kind, SpanKind::Client | SpanKind::Server)
            || known
                .origin
                .is_some_and(|_| origin::origin(known).starts_with("auto")))
}

/// One of Sentry's words for a source. `url` is none of ours: see the top of this file.
fn source(text: &str) -> &'static str {
    ["route", "task", "component", "view"]
        .into_iter()
        .find(|&word| word == text)
        .unwrap_or("custom")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::testing::{Pairs, attributes, span};

    fn http(kind: SpanKind, pairs: Pairs<'_>) -> SpanData {
        let mut span = span(1, 0);
        span.name = "span name".into();
        span.span_kind = kind;
        span.attributes = attributes(pairs);
        span
    }

    #[test]
    fn descriptions() {
        use SpanKind::{Client, Internal, Server};
        let get = ("http.request.method", "GET");
        let long_url = "https://user:pw@host:8089/services/search?q=secret#top";
        let rows: &[(SpanKind, Pairs<'_>, &str)] = &[
            (Internal, &[], "span name"),
            (
                Client,
                &[
                    get,
                    ("url.full", long_url),
                    ("url.template", "/services/{id}"),
                ],
                "GET /services/{id}",
            ),
            (Internal, &[("sentry.description", "told")], "told"),
            (Internal, &[("sentry.custom_span_name", "mine")], "mine"),
            (
                Internal,
                &[
                    ("sentry.custom_span_name", "mine"),
                    ("sentry.description", "told"),
                ],
                "told",
            ),
            (
                Server,
                &[get, ("http.route", "/users/{id}")],
                "GET /users/{id}",
            ),
            (
                Server,
                &[
                    get,
                    ("http.route", "/users/{id}"),
                    ("sentry.source", "custom"),
                ],
                "span name",
            ),
            (Internal, &[get, ("http.route", "/users/{id}")], "span name"),
            (
                Internal,
                &[
                    get,
                    ("http.route", "/x"),
                    ("sentry.origin", "auto.http.tower"),
                ],
                "GET /x",
            ),
            (
                Client,
                &[get, ("url.full", long_url)],
                "GET https://host:8089/services/search",
            ),
            (Client, &[get, ("http.url", "http://h?a=1")], "GET http://h"),
            (Client, &[get, ("url.full", "no url")], "span name"),
            (Server, &[get, ("url.full", long_url)], "span name"),
            (
                Client,
                &[("db.system.name", "x"), ("db.query.text", "SELECT ?")],
                "SELECT ?",
            ),
            (
                Client,
                &[("db.system", "x"), ("db.statement", "GET k")],
                "GET k",
            ),
            (Client, &[("db.system", "x")], "span name"),
            (Client, &[("rpc.service", "x")], "span name"),
            (
                Server,
                &[("sentry.op", "mcp.server"), get, ("http.route", "/mcp")],
                "span name",
            ),
        ];
        for (kind, pairs, expected) in rows {
            let span = http(kind.clone(), pairs);
            let known = Known::of(&span.attributes);
            assert_eq!(description(&span, &known), *expected, "{kind:?} {pairs:?}");
        }
    }

    #[test]
    fn transaction_names() {
        use SpanKind::{Client, Consumer, Internal, Server};
        let get = ("http.request.method", "GET");
        let rows: &[(SpanKind, Pairs<'_>, &str, &str)] = &[
            (Internal, &[], "span name", "custom"),
            (
                Internal,
                &[("sentry.source", "route")],
                "span name",
                "route",
            ),
            (Internal, &[("sentry.source", "url")], "span name", "custom"),
            (
                Internal,
                &[("sentry.span.source", "task")],
                "span name",
                "task",
            ),
            (
                Internal,
                &[("sentry.custom_span_name", "mine")],
                "mine",
                "custom",
            ),
            (
                Internal,
                &[("sentry.description", "told")],
                "span name",
                "custom",
            ),
            (
                Server,
                &[get, ("http.route", "/a/{b}")],
                "GET /a/{b}",
                "route",
            ),
            (Server, &[get, ("url.path", "/a/7")], "span name", "custom"),
            (
                Client,
                &[get, ("url.full", "http://h/7")],
                "span name",
                "custom",
            ),
            (
                Client,
                &[("db.system", "x"), ("db.statement", "SELECT 7")],
                "span name",
                "task",
            ),
            (Server, &[("rpc.service", "x")], "span name", "route"),
            (Consumer, &[("messaging.system", "x")], "span name", "route"),
            (Server, &[("faas.trigger", "timer")], "span name", "route"),
        ];
        for (kind, pairs, name, source) in rows {
            let span = http(kind.clone(), pairs);
            let known = Known::of(&span.attributes);
            let found = transaction_name(&span, &known);
            assert_eq!((&*found.name, found.source), (*name, *source), "{pairs:?}");
        }
    }

    #[test]
    fn names_are_cut_and_never_empty() {
        let mut span = http(SpanKind::Internal, &[]);
        span.name = "ä".repeat(300).into();
        let named = transaction_name(&span, &Known::default());
        assert_eq!(named.name.chars().count(), 200);
        span.name = "".into();
        let named = transaction_name(&span, &Known::default());
        assert_eq!(named.name, "<unlabeled transaction>");
        span.name = "x".repeat(MAX_DESCRIPTION_BYTES + 10).into();
        assert_eq!(
            description(&span, &Known::default()).len(),
            MAX_DESCRIPTION_BYTES
        );
    }
}
