//! How long a client's session with a server lasts.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::labels::Labels;

/// The session that a server instance serves, if it serves one.
///
/// rmcp makes an instance for each session and drops it at the session's end. An instance
/// that answers a single request serves none: only a client that says it is initialized
/// has one. Versions from 2026-07-28 on have no sessions.
#[derive(Debug, Default)]
pub(crate) struct Session(Mutex<Option<Begun>>);

#[derive(Debug)]
struct Begun {
    at: Instant,
    labels: Labels,
    ready: bool,
}

impl Session {
    /// The client has been answered: `initialize` has succeeded.
    pub(crate) fn begin(&self, at: Instant, labels: Labels) {
        *self.begun() = Some(Begun {
            at,
            labels,
            ready: false,
        });
    }

    /// The client has said that it is ready: `notifications/initialized`.
    pub(crate) fn ready(&self) {
        if let Some(begun) = &mut *self.begun() {
            begun.ready = true;
        }
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, Option<Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy of a server instance serves a session of its own.
impl Clone for Session {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(begun) = self.begun().take()
            && begun.ready
        {
            begun.labels.session(begun.at.elapsed());
        }
    }
}
