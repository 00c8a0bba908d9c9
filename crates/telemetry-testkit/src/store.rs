//! What the sink knows: requests, faults, and who waits for news.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::fault::{self, Action, Fault};
use crate::received::Received;
use crate::request::{Answer, Request};

/// Bytes that a kept request costs beside its body, roughly.
const OVERHEAD: usize = 1024;

/// The state that the server writes and the sink's owner reads.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
    changed: Condvar,
    version: watch::Sender<u64>,
    /// Goes up when faults are cleared: releases requests that hang.
    released: watch::Sender<u64>,
    keep_bytes: usize,
}

#[derive(Debug)]
struct State {
    /// By id, ascending. Shared with snapshots, copied when one is still held.
    requests: Arc<VecDeque<Arc<Request>>>,
    bytes: usize,
    forgotten: u64,
    arrived: u64,
    /// Requests up to this id came before the last `clear`.
    cleared: u64,
    in_flight: usize,
    faults: Vec<Fault>,
}

/// What a request is given when it arrives. Dropping it ends the request.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) id: u64,
    pub(crate) at: Instant,
    pub(crate) in_flight: usize,
    pub(crate) fault: Option<Action>,
    pub(crate) release: watch::Receiver<u64>,
    store: Arc<Store>,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.store.lock().in_flight -= 1;
    }
}

impl Store {
    pub(crate) fn new(keep_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                requests: Arc::default(),
                bytes: 0,
                forgotten: 0,
                arrived: 0,
                cleared: 0,
                in_flight: 0,
                faults: Vec::new(),
            }),
            changed: Condvar::new(),
            version: watch::Sender::new(0),
            released: watch::Sender::new(0),
            keep_bytes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request in and takes the fault that hits it.
    pub(crate) fn arrive(self: &Arc<Self>, path: &str) -> Arrival {
        // Subscribed under the lock: a fault that is taken here can only be cleared afterwards.
        let mut state = self.lock();
        state.arrived += 1;
        state.in_flight += 1;
        Arrival {
            id: state.arrived,
            at: Instant::now(),
            in_flight: state.in_flight,
            fault: fault::take(&mut state.faults, path),
            release: self.released.subscribe(),
            store: Arc::clone(self),
        }
    }

    /// Records a request, unless it came before the last `clear`.
    pub(crate) fn record(&self, request: Request) {
        {
            let mut state = self.lock();
            if request.id <= state.cleared {
                return;
            }
            state.bytes += request.body.len() + OVERHEAD;
            let requests = Arc::make_mut(&mut state.requests);
            let at = requests.partition_point(|other| other.id < request.id);
            requests.insert(at, Arc::new(request));
            state.forget(self.keep_bytes);
        }
        self.tell();
    }

    /// Writes down the answer of a request that had none yet; gives it back as it is now.
    pub(crate) fn answer(&self, id: u64, answer: Answer) -> Option<Arc<Request>> {
        let request = {
            let mut state = self.lock();
            let at = state.requests.binary_search_by_key(&id, |r| r.id).ok()?;
            let request = Arc::make_mut(&mut state.requests).get_mut(at)?;
            Arc::make_mut(request).answer = answer;
            Arc::clone(request)
        };
        self.tell();
        Some(request)
    }

    pub(crate) fn received(&self) -> Received {
        let state = self.lock();
        Received::new(Arc::clone(&state.requests), state.forgotten)
    }

    pub(crate) fn clear(&self) {
        {
            let mut state = self.lock();
            state.requests = Arc::default();
            state.bytes = 0;
            state.forgotten = 0;
            state.cleared = state.arrived;
        }
        self.tell();
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.lock().faults.clear();
        self.released.send_modify(|epoch| *epoch += 1);
    }

    /// A receiver that changes whenever there is news.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Blocks until there is news after `version` or the deadline has passed; false for the latter.
    pub(crate) fn wait(&self, version: u64, deadline: Instant) -> bool {
        let mut state = self.lock();
        loop {
            if *self.version.borrow() != version {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    pub(crate) fn version(&self) -> u64 {
        *self.version.borrow()
    }

    fn tell(&self) {
        {
            // Under the lock, or a waiter could miss it between its look and its sleep.
            let _state = self.lock();
            self.version.send_modify(|version| *version += 1);
        }
        self.changed.notify_all();
    }
}

impl State {
    /// Forgets the oldest requests until the rest fits; the newest always stays.
    fn forget(&mut self, keep_bytes: usize) {
        while self.bytes > keep_bytes && self.requests.len() > 1 {
            if let Some(oldest) = Arc::make_mut(&mut self.requests).pop_front() {
                self.bytes = self.bytes.saturating_sub(oldest.body.len() + OVERHEAD);
                self.forgotten += 1;
            }
        }
    }
}
