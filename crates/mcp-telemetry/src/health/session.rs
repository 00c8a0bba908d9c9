//! One request's session.

use std::sync::Arc;

use sentry::Hub;

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
}

impl Session {
    /// Starts it, where the scope's client counts sessions.
    pub(crate) fn start(scope: &Scope) -> Self {
        let hub = scope.hub();
        let tracker = hub.with_integration(|tracker: &Tracker| Some(tracker.clone()));
        Self(tracker.map(|tracker| Open {
            started: tracker.start(),
            tracker,
            hub: Arc::clone(hub),
        }))
    }

    /// Ends it. A user whom the request's scope has by now is counted with it.
    pub(crate) fn end(&mut self, ended: Ended) {
        let Some(open) = self.0.take() else {
            return;
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
