//! Exceptions on spans as error events, each error once.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use opentelemetry::SpanId;
use opentelemetry_sdk::trace::SpanData;
use sentry::Client;
use sentry::protocol::Event;

use crate::assembly::Group;
use crate::captured::Captured;
use crate::convert::events::{Occurrence, breadcrumbs, of_tracing};
use crate::convert::exception::{error_event, is_exception, key};
use crate::link::OtelIntegration;

/// The most events that one transaction's exceptions make.
const MOST_EVENTS: usize = 100;

/// The most exceptions of one transaction that are looked at.
const MOST_EXCEPTIONS: usize = 1_000;

/// Sees the error event of an exception on a span, before the client gets it.
///
/// Closures implement it. It runs on the pipeline's thread, once per event.
pub trait OnException: Send + 'static {
    /// The event as it shall be captured, or `None` to leave it.
    fn on_exception(&mut self, event: Event<'static>, span: &SpanData) -> Option<Event<'static>>;
}

impl<F> OnException for F
where
    F: FnMut(Event<'static>, &SpanData) -> Option<Event<'static>> + Send + 'static,
{
    fn on_exception(&mut self, event: Event<'static>, span: &SpanData) -> Option<Event<'static>> {
        self(event, span)
    }
}

/// Captures exceptions on spans.
pub(crate) struct Exceptions {
    client: Weak<Client>,
    captured: Captured,
    hook: Box<dyn OnException>,
}

impl Exceptions {
    pub(crate) fn new(client: &Arc<Client>, hook: impl OnException) -> Self {
        let mut integrations = client.options().integrations.iter();
        let captured = integrations.find_map(|integration| {
            let any: &dyn Any = integration.as_ref();
            Some(any.downcast_ref::<OtelIntegration>()?.captured.clone())
        });
        Self {
            client: Arc::downgrade(client),
            captured: captured.unwrap_or_default(),
            hook: Box::new(hook),
        }
    }

    /// Captures those of a group's exceptions that have no event yet; gives their number.
    /// `events` are all events of the group's spans.
    pub(crate) fn capture(
        &mut self,
        group: &Group,
        events: &[Occurrence<'_>],
        now: SystemTime,
    ) -> usize {
        let is_candidate =
            |it: &Occurrence<'_>| is_exception(it.event) && of_tracing(it.event).is_none();
        if !events.iter().any(is_candidate) {
            return 0;
        }
        let Some(client) = self.client.upgrade() else {
            return 0;
        };
        let parents: HashMap<_, _> = group
            .spans()
            .map(|span| (span.span_context.span_id(), span.parent_span_id))
            .collect();
        // The parents, too: those of late spans went out before.
        let spans: Vec<_> = parents.iter().flat_map(|(id, of)| [*id, *of]).collect();
        let mut made = 0;
        let found = events.iter().enumerate().filter(|(_, it)| is_candidate(it));
        for (index, at) in found.take(MOST_EXCEPTIONS) {
            if made == MOST_EVENTS {
                break;
            }
            let id = at.span.span_context.span_id();
            let text = key(at.event);
            if self.captured.knows(&spans, &text) || self.has_failed(id, &parents) {
                continue;
            }
            self.captured.note_text(id, &text);
            let before = events.get(..index).unwrap_or_default();
            let event = error_event(*at, breadcrumbs(before, now), now);
            let hook = &mut self.hook;
            // What the app has hooked in must not end the sink.
            let sent = catch_unwind(AssertUnwindSafe(|| {
                let event = hook.on_exception(event, at.span)?;
                let id = client.capture_event(event, None);
                (!id.is_nil()).then_some(())
            }));
            match sent {
                Ok(Some(())) => made += 1,
                Ok(None) => {}
                Err(_) => tracing::error!("a hook panicked on an exception of a span"),
            }
        }
        made
    }

    /// Whether a span, or one above it, has failed as a whole.
    fn has_failed(&self, span: SpanId, parents: &HashMap<SpanId, SpanId>) -> bool {
        let above = std::iter::successors(Some(span), |id| parents.get(id).copied());
        // Parents may go round in circles.
        above
            .take(parents.len() + 1)
            .any(|id| self.captured.has_failed(id))
    }
}

impl fmt::Debug for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exceptions").finish_non_exhaustive()
    }
}
