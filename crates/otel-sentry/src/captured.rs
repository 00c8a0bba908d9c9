//! Which errors have an event already.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::{Context as OtelContext, SpanId};
use sentry::protocol::{Context, Event, SpanId as Key};

use crate::convert::cut_bytes;
use crate::recent::Recent;

/// Spans whose error events are remembered.
const REMEMBERED_SPANS: usize = 10_000;

/// The most texts that are remembered of one span.
const MOST_TEXTS: usize = 16;

/// As much of a text as is compared: one of the two may have been cut since.
const COMPARED_BYTES: usize = 256;

/// Says that what is captured is the failure of the active span as a whole.
///
/// It belongs into the context in which such an event is captured, as a wrapper does that
/// reports what a handler returned. Exceptions on that span and on those below it are then
/// part of this failure, whatever their texts say, and become no events of their own.
///
/// ```
/// use opentelemetry::Context;
/// use otel_sentry::SpanFailed;
///
/// let _failed = Context::current_with_value(SpanFailed).attach();
/// sentry::capture_message("the handler failed", sentry::Level::Error);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanFailed;

/// A bounded memory of the error events that were sent, by the spans they stand at.
///
/// Whoever captures an error takes its lock for one entry, and the span sink for each
/// exception that it finds.
#[derive(Clone, Debug)]
pub(crate) struct Captured(Arc<Mutex<Recent<Key, Noted>>>);

#[derive(Debug, Default)]
struct Noted {
    /// The span as a whole has failed.
    failed: bool,
    /// Hashes of the events' texts.
    texts: Vec<u64>,
}

impl Default for Captured {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Recent::new(REMEMBERED_SPANS))))
    }
}

impl Captured {
    /// Remembers an event that is about to be sent, if it stands at a span.
    pub(crate) fn note(&self, event: &Event<'_>) {
        let Some(Context::Trace(trace)) = event.contexts.get("trace") else {
            return;
        };
        let failed = OtelContext::map_current(|cx| cx.get::<SpanFailed>().is_some());
        let values = event.exception.values.iter();
        let texts = values.filter_map(|it| it.value.as_deref());
        let message = event.logentry.as_ref().map(|entry| entry.message.as_str());
        let texts = texts.chain(event.message.as_deref()).chain(message);
        let mut memory = self.memory();
        let noted = memory.entry(trace.span_id);
        noted.failed |= failed;
        texts.for_each(|text| noted.add(text));
    }

    /// Remembers an error by its text alone.
    pub(crate) fn note_text(&self, span: SpanId, text: &str) {
        self.memory().entry(key(span)).add(text);
    }

    /// Whether an event at one of these spans has this text.
    pub(crate) fn knows(&self, spans: &[SpanId], text: &str) -> bool {
        let text = hash(text);
        let memory = self.memory();
        let mut noted = spans.iter().filter_map(|span| memory.get(&key(*span)));
        noted.any(|noted| noted.texts.contains(&text))
    }

    /// Whether an event said that this span failed.
    pub(crate) fn has_failed(&self, span: SpanId) -> bool {
        self.memory()
            .get(&key(span))
            .is_some_and(|noted| noted.failed)
    }

    fn memory(&self) -> MutexGuard<'_, Recent<Key, Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn add(&mut self, text: &str) {
        let text = hash(text);
        if self.texts.len() < MOST_TEXTS && !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }
}

fn key(span: SpanId) -> Key {
    Key::from(span.to_bytes())
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    cut_bytes(text.trim(), COMPARED_BYTES).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use sentry::protocol::{Exception, TraceContext};

    use super::*;

    fn event(span: u64, text: &str) -> Event<'static> {
        let exception = Exception {
            value: Some(text.to_owned()),
            ..Exception::default()
        };
        let trace = TraceContext {
            span_id: span.to_be_bytes().into(),
            ..TraceContext::default()
        };
        Event {
            exception: vec![exception].into(),
            contexts: [("trace".to_owned(), trace.into())].into(),
            ..Event::default()
        }
    }

    #[test]
    fn texts_are_known_at_their_span_by_their_beginning() {
        let captured = Captured::default();
        let long = "x".repeat(COMPARED_BYTES);
        captured.note(&event(1, "it broke"));
        captured.note(&event(1, &format!("{long} and more")));
        captured.note_text(SpanId::from(2), "lost");
        let knows = |spans: &[u64], text: &str| {
            let spans: Vec<_> = spans.iter().map(|id| SpanId::from(*id)).collect();
            captured.knows(&spans, text)
        };
        assert!(knows(&[3, 1], " it broke\n"));
        assert!(knows(&[1], &format!("{long}…")));
        assert!(knows(&[2], "lost"));
        assert!(!knows(&[1], "lost"));
        assert!(!knows(&[1], "it"));
        assert!(!knows(&[], "it broke"));
    }

    #[test]
    fn messages_are_texts_too_and_events_without_a_span_are_nobodys() {
        let captured = Captured::default();
        let mut message = event(1, "");
        message.message = Some("it broke".to_owned());
        captured.note(&message);
        assert!(captured.knows(&[SpanId::from(1)], "it broke"));
        let mut nowhere = event(2, "lost");
        nowhere.contexts.clear();
        captured.note(&nowhere);
        assert!(!captured.knows(&[SpanId::from(2)], "lost"));
    }

    #[test]
    fn a_span_has_failed_where_the_context_said_so() {
        let captured = Captured::default();
        captured.note(&event(1, "it broke"));
        assert!(!captured.has_failed(SpanId::from(1)));
        let failed = OtelContext::current_with_value(SpanFailed).attach();
        captured.note(&event(1, "so it failed"));
        drop(failed);
        assert!(captured.has_failed(SpanId::from(1)));
        assert!(!captured.has_failed(SpanId::from(2)));
    }

    #[test]
    fn a_span_with_many_errors_is_remembered_by_few() {
        let captured = Captured::default();
        for number in 0..=MOST_TEXTS {
            captured.note_text(SpanId::from(1), &number.to_string());
        }
        assert!(captured.knows(&[SpanId::from(1)], "0"));
        assert!(!captured.knows(&[SpanId::from(1)], &MOST_TEXTS.to_string()));
    }
}
