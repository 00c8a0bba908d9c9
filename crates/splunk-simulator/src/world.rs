//! Everything a simulator remembers: its data, sessions, jobs, faults and the requests it has seen.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::{Credentials, Sessions};
use crate::data::Dataset;
use crate::endpoints::jobs::Jobs;
use crate::fault::Faults;

/// How many of the latest requests are remembered.
const REMEMBERED_REQUESTS: usize = 1_000;

/// One request the simulator has received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The HTTP method, such as `POST`.
    pub method: String,
    /// The path as the client sent it, without the query string.
    pub path: String,
    /// Header names in lower case with their values, in the order of arrival. `authorization` keeps its scheme only
    /// (`Bearer ***`).
    pub headers: Vec<(String, String)>,
}

impl SeenRequest {
    /// The value of the first header of this name (any case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The shared state behind every endpoint.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) credentials: Credentials,
    pub(crate) data: Dataset,
    sessions: Mutex<Sessions>,
    jobs: Mutex<Jobs>,
    faults: Mutex<Faults>,
    latency: Mutex<Duration>,
    seen: Mutex<VecDeque<SeenRequest>>,
}

impl World {
    pub(crate) fn new(credentials: Credentials, data: Dataset) -> Self {
        Self {
            credentials,
            data,
            sessions: Mutex::default(),
            jobs: Mutex::default(),
            faults: Mutex::default(),
            latency: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }

    pub(crate) fn jobs(&self) -> MutexGuard<'_, Jobs> {
        lock(&self.jobs)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn latency(&self) -> Duration {
        *lock(&self.latency)
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        *lock(&self.latency) = latency;
    }

    pub(crate) fn record(&self, request: SeenRequest) {
        let mut seen = lock(&self.seen);
        if seen.len() >= REMEMBERED_REQUESTS {
            seen.pop_front();
        }
        seen.push_back(request);
    }

    pub(crate) fn seen(&self) -> Vec<SeenRequest> {
        lock(&self.seen).iter().cloned().collect()
    }
}

/// Locks, and goes on with what a panicked holder left behind: every value here is valid after each statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_only_the_latest_requests() {
        let world = World::new(Credentials::default(), Dataset::generate(0));
        for number in 0..REMEMBERED_REQUESTS + 5 {
            world.record(SeenRequest {
                method: "GET".to_owned(),
                path: format!("/{number}"),
                headers: Vec::new(),
            });
        }
        let seen = world.seen();
        assert_eq!(seen.len(), REMEMBERED_REQUESTS);
        assert_eq!(seen[0].path, "/5");
    }
}
