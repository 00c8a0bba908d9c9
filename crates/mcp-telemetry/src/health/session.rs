//! One request's session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sentry::protocol::Event;
use sentry::{Hub, Level};

use super::tracker::Started;
use super::{Ended, Tracker};
use crate::isolation::Scope;

/// A session, which ends once: at the latest when it is dropped, as cut off.
#[derive(Debug)]
pub(crate) struct Session(Option<Open>);

#[derive(Debug)]
struct Open {
    tracker: Tracker,
    started: Started,
    hub: Arc<Hub>,
    /// An error was captured in the request's scope.
    failed: Arc<AtomicBool>,
}

impl Session {
    /// Starts it, where the scope's client counts sessions.
    pub(crate) fn start(scope: &Scope) -> Self {
        let hub = scope.hub();
        let tracker = hub.with_integration(|tracker: &Tracker| Some(tracker.clone()));
        Self(tracker.map(|tracker| {
            let failed = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&failed);
            hub.configure_scope(|scope| {
                scope.add_event_processor(move |event| {
                    if is_error(&event) {
                        seen.store(true, Ordering::Relaxed);
                    }
                    Some(event)
                });
            });
            Open {
                started: tracker.start(),
                tracker,
                hub: Arc::clone(hub),
                failed,
            }
        }))
    }

    /// Ends it. A user whom the request's scope has by now is counted with it.
    pub(crate) fn end(&mut self, ended: Ended) {
        let Some(open) = self.0.take() else {
            return;
        };
        let ended = match ended {
            Ended::Exited if open.failed.load(Ordering::Relaxed) => Ended::Errored,
            ended => ended,
        };
        let user = open
            .hub
            .configure_scope(|scope| scope.user().and_then(|user| user.id.clone()));
        open.tracker.end(open.started, user.as_deref(), ended);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end(Ended::Abnormal);
    }
}

/// Whether an event is an error, as Sentry's SDK has it for its sessions.
fn is_error(event: &Event<'_>) -> bool {
    event.level >= Level::Error || !event.exception.values.is_empty()
}

#[cfg(test)]
mod tests {
    use sentry::protocol::Exception;

    use super::*;

    #[test]
    fn errors_are_by_level_or_have_an_exception() {
        for (level, exceptions, expected) in [
            (Level::Info, 0, false),
            (Level::Warning, 0, false),
            (Level::Error, 0, true),
            (Level::Fatal, 0, true),
            (Level::Warning, 1, true),
        ] {
            let event = Event {
                level,
                exception: vec![Exception::default(); exceptions].into(),
                ..Event::default()
            };
            assert_eq!(is_error(&event), expected, "{level:?} {exceptions}");
        }
    }
}
