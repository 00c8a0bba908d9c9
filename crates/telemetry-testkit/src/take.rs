//! From a request to its payload and the usual answer.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::encoding;
use crate::otlp::{self, Format};
use crate::problem::ParseError;
use crate::reply::Reply;
use crate::request::{Payload, Request};
use crate::route::Route;
use crate::sentry::{Envelope, ItemContent};

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) body: Bytes,
    pub(crate) payload: Payload,
    pub(crate) reply: Reply,
    pub(crate) error: Option<ParseError>,
}

/// Decodes and parses. `request` is the request as far as its head says.
pub(crate) fn take(request: &Request, body: Result<Bytes, ParseError>, max_body: usize) -> Taken {
    let mut shown = body.clone().unwrap_or_default();
    let parsed = Route::of(&request.method, &request.path)
        .and_then(|route| Ok((route, body?)))
        .and_then(|(route, body)| {
            let encoding = header(request, CONTENT_ENCODING.as_str())?;
            shown = encoding::decode(encoding, body, max_body)?;
            parse(&route, request, shown.clone())
        });
    match parsed {
        Ok((payload, reply)) => Taken {
            body: shown,
            payload,
            reply,
            error: None,
        },
        Err(error) => Taken {
            body: shown,
            payload: Payload::None,
            reply: Reply::refuse(request, &error),
            error: Some(error),
        },
    }
}

fn parse(route: &Route, request: &Request, body: Bytes) -> Result<(Payload, Reply), ParseError> {
    match route {
        Route::Envelope => {
            if body.is_empty() {
                return Err(ParseError::EmptyBody);
            }
            let envelope = Envelope::parse(body)?;
            let reply = Reply::envelope(event_id(&envelope).as_deref());
            Ok((Payload::Envelope(envelope), reply))
        }
        Route::Otlp(route, signal) => {
            let content_type = header(request, CONTENT_TYPE.as_str())?;
            let format = Format::of(content_type).ok_or_else(|| ParseError::ContentType {
                found: content_type.to_owned(),
            })?;
            let batch = otlp::decode(*signal, format, *route, &body)?;
            Ok((Payload::Otlp(batch), Reply::otlp(format)))
        }
    }
}

/// The id that Relay answers with: the header's, else the event's.
fn event_id(envelope: &Envelope) -> Option<String> {
    envelope.event_id().or_else(|| {
        envelope.items.iter().find_map(|item| match &item.content {
            ItemContent::Transaction(transaction) => Some(transaction.event_id.clone()),
            ItemContent::Event(event) => Some(event.event_id.clone()),
            _ => None,
        })
    })
}

/// A header's text, empty when there is none.
fn header<'a>(request: &'a Request, name: &'static str) -> Result<&'a str, ParseError> {
    match request.headers.get(name) {
        None => Ok(""),
        Some(value) => value.to_str().map_err(|_| ParseError::Field {
            place: "request".to_owned(),
            field: name.to_owned(),
            expected: "visible ASCII",
            found: "other bytes".to_owned(),
        }),
    }
}
