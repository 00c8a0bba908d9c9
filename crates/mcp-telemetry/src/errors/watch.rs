//! What a request remembers of the errors that were reported in it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::{Context, KeyValue};
use otel_pipeline::ContextAttributes;
use otel_sentry::SpanFailed;
use sentry::Level;
use sentry::protocol::{Event, Exception};
use sentry::types::Uuid;

use super::Failed;
use super::event::{About, of_failure};
use super::integration::McpErrors;
use crate::call::CallKind;

/// The most texts of errors that one request remembers.
const MOST_TEXTS: usize = 64;

/// Keeps watch over the errors of one request: each is reported once.
///
/// It travels in the OTel context, so that whatever runs in the request's spans finds it. It is
/// off, and costs nothing, where no client of ours captures errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Option<Arc<Watched>>);

#[derive(Debug)]
struct Watched {
    kind: Option<CallKind>,
    attributes: ContextAttributes,
    reported: Mutex<Reported>,
}

#[derive(Debug, Default)]
struct Reported {
    any: bool,
    /// Hashes of the errors' texts, and the event that has them.
    texts: Vec<(u64, Uuid)>,
}

impl Watch {
    /// No watch.
    pub(crate) fn off() -> Self {
        Self::default()
    }

    /// Keeps watch over a request that executes something of this kind.
    pub(crate) fn start(
        kind: Option<CallKind>,
        attributes: impl FnOnce() -> ContextAttributes,
    ) -> Self {
        let watched = McpErrors::are_captured().then(|| Watched {
            kind,
            attributes: attributes(),
            reported: Mutex::default(),
        });
        Self(watched.map(Arc::new))
    }

    /// Keeps watch over a traced call, if it runs outside of a request: there the request does.
    pub(crate) fn outside_of_requests(kind: CallKind, name: &'static str) -> Self {
        // A failed operation fails what called it, or does not matter.
        if kind == CallKind::Splunk || Self::current().is_on() {
            return Self::default();
        }
        Self::start(Some(kind), || {
            ContextAttributes::new([KeyValue::new(kind.name_key(name), name)])
        })
    }

    /// The current request's watch.
    pub(super) fn current() -> Self {
        Context::map_current(|cx| cx.get::<Self>().cloned()).unwrap_or_default()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What runs in this context, or in spans below it, is watched.
    pub(crate) fn put_into(&self, context: Context) -> Context {
        match self.is_on() {
            true => context.with_value(self.clone()),
            false => context,
        }
    }

    /// Reports that the request or call failed, unless an error event was sent before. The
    /// event stands at the span that is current.
    pub(crate) fn failed(&self, failed: impl FnOnce() -> Failed) {
        if !self.is_on() || self.has_reported() {
            return;
        }
        let current = self.put_into(Context::current());
        let _current = current.with_value(SpanFailed).attach();
        sentry::capture_event(of_failure(failed()));
    }

    /// Whether an error event was sent.
    pub(crate) fn has_reported(&self) -> bool {
        self.0.as_ref().is_some_and(|it| it.reported().any)
    }

    /// The event that reported this error, or a source of it, already.
    pub(super) fn event_of(&self, exceptions: &[Exception]) -> Option<Uuid> {
        let reported = self.0.as_ref()?.reported();
        let known = |text| reported.texts.iter().find(|(known, _)| *known == text);
        texts(exceptions).find_map(|text| known(text).map(|(_, event)| *event))
    }

    /// Completes an event by what is known about the request.
    pub(super) fn complete(&self, event: &mut Event<'static>) {
        if let Some(watched) = &self.0 {
            let about = About {
                kind: watched.kind,
                attributes: watched.attributes.to_vec(),
            };
            about.add_to(event);
        }
    }

    /// Remembers an event, if it is an error.
    pub(super) fn note(&self, event: &Event<'static>) {
        let Some(watched) = &self.0 else { return };
        // A client that is being made asks its integrations about an empty event.
        let is_empty =
            event.exception.is_empty() && event.message.is_none() && event.logentry.is_none();
        if event.level < Level::Error || is_empty {
            return;
        }
        let mut reported = watched.reported();
        reported.any = true;
        for text in texts(&event.exception.values) {
            if reported.texts.len() < MOST_TEXTS {
                reported.texts.push((text, event.event_id));
            }
        }
    }

    /// What the request executes.
    pub(super) fn kind(&self) -> Option<CallKind> {
        self.0.as_ref()?.kind
    }
}

impl Watched {
    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hashes of the exceptions' texts.
fn texts(exceptions: &[Exception]) -> impl Iterator<Item = u64> {
    let values = exceptions.iter().filter_map(|it| it.value.as_deref());
    values.filter(|text| !text.is_empty()).map(|text| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    })
}
