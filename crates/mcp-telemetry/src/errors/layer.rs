//! `tracing` events as error events.

use sentry::integrations::tracing as sentry_tracing;
use sentry::protocol::{
    Context as SentryContext, Event as SentryEvent, Exception, Mechanism, Value,
};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::tracing_records;
use super::watch::Watch;

/// The field that holds an error.
const ERROR: &str = "error";

/// Captures every event that it gets, unless the request has reported its error already.
///
/// An `error` field that is text, as `#[instrument(err)]` and `error = %error` make it, is an
/// exception too.
#[derive(Debug)]
pub(crate) struct ErrorLayer;

impl<S> Layer<S> for ErrorLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        #[expect(
            deprecated,
            reason = "the SDK's own layer captures at once; it offers no other way to hold an event back"
        )]
        let mut captured = sentry_tracing::event_from_event(event, None::<&Context<'_, S>>);
        tracing_records::event(&mut captured);
        take_error_text(&mut captured, event.metadata());
        let watch = Watch::current();
        let held_back = match is_bare_error(event.metadata()) {
            true => watch.has_reported(),
            false => watch.event_of(&captured.exception.values).is_some(),
        };
        if !held_back {
            sentry::capture_event(captured);
        }
    }
}

/// Nothing but an error, as `#[instrument(err)]` makes it at each level that it passes.
fn is_bare_error(metadata: &Metadata<'_>) -> bool {
    let mut fields = metadata.fields().iter();
    fields.next().is_some_and(|field| field.name() == ERROR) && fields.next().is_none()
}

/// Makes an exception of an error that is text.
fn take_error_text(event: &mut SentryEvent<'static>, metadata: &Metadata<'_>) {
    if !event.exception.is_empty() || metadata.fields().field(ERROR).is_none() {
        return;
    }
    let text = match tracing_records::fields(&mut event.contexts) {
        Some(fields) if fields.contains_key(ERROR) => match fields.remove(ERROR) {
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
            None => None,
        },
        // Where there is no message, the SDK takes the error's text for it.
        _ => event.message.take(),
    };
    let Some(text) = text else { return };
    let no_fields =
        |context: &SentryContext| matches!(context, SentryContext::Other(it) if it.is_empty());
    event.contexts.retain(|_, context| !no_fields(context));
    event.exception.values.push(Exception {
        ty: "Error".to_owned(),
        value: Some(text),
        mechanism: Some(Mechanism {
            ty: "tracing".to_owned(),
            ..Mechanism::default()
        }),
        ..Exception::default()
    });
}
