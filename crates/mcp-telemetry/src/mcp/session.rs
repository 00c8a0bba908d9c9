//! How long a session between a client and a server lasts.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::labels::Labels;
use crate::metrics::Measured;

/// The session that an instance serves, if it serves one.
///
/// rmcp makes an instance of a server for each session and drops it at the session's end. An
/// instance that answers a single request serves none: only a client that says it is
/// initialized has one. A client has one instance for its connection. Versions from 2026-07-28 on
/// have no sessions.
#[derive(Debug)]
pub(crate) struct Session {
    measured: Measured,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The handshake has begun.
    opened: Option<Instant>,
    /// It was answered.
    labels: Option<Labels>,
    /// It is over.
    ready: bool,
}

impl Session {
    /// A session of a side whose sessions are measured so.
    pub(crate) fn of(measured: Measured) -> Self {
        Self {
            measured,
            state: Mutex::default(),
        }
    }

    /// The client has been answered: `initialize` has succeeded.
    pub(crate) fn begin(&self, at: Instant, labels: Labels) {
        *self.state() = State {
            opened: Some(at),
            labels: Some(labels),
            ready: false,
        };
    }

    /// The client has said that it is ready: `notifications/initialized`.
    pub(crate) fn ready(&self) {
        self.state().ready = true;
    }

    /// A client is about to begin its handshake. Only the first time counts.
    #[cfg(feature = "client")]
    pub(crate) fn open(&self) {
        self.state().opened.get_or_insert_with(Instant::now);
    }

    /// A client's handshake has succeeded.
    #[cfg(feature = "client")]
    pub(crate) fn establish(&self, labels: impl FnOnce() -> Labels) {
        let mut state = self.state();
        if state.labels.is_none() {
            state.labels = Some(labels());
            state.ready = true;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy of an instance has a session of its own.
impl Clone for Session {
    fn clone(&self) -> Self {
        Self::of(self.measured)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let state = std::mem::take(&mut *self.state());
        if let (Some(opened), Some(labels), true) = (state.opened, state.labels, state.ready) {
            labels.session(self.measured, opened.elapsed());
        }
    }
}
