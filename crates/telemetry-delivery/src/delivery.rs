//! The application's end of a delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Protocol;
use crate::queue::Bounds;
use crate::state::State;
use crate::stats::{DeliveryStats, DropReason};
use crate::worker::{self, Parts};

/// A delivery that runs. The other end is a thread of its own.
///
/// To drop it never waits: the thread goes on for at most
/// [`with_shutdown_timeout`](crate::Settings::with_shutdown_timeout).
pub struct Delivery<P: Protocol> {
    state: Arc<State<P>>,
    shutdown_timeout: Duration,
}

impl<P: Protocol> Delivery<P> {
    pub(crate) fn start(
        protocol: P,
        bounds: Bounds,
        stats: DeliveryStats,
        parts: Parts,
        shutdown_timeout: Duration,
    ) -> Self {
        let state = Arc::new(State::new(protocol, bounds, stats));
        worker::start(Arc::clone(&state), parts);
        Self {
            state,
            shutdown_timeout,
        }
    }

    pub(crate) fn broken(protocol: P, bounds: Bounds, stats: DeliveryStats, error: String) -> Self {
        let state = Arc::new(State::new(protocol, bounds, stats));
        state.stats().failed(error);
        state.stopped(DropReason::InternalError);
        Self {
            state,
            shutdown_timeout: Duration::ZERO,
        }
    }

    /// Hands a load over. Puts it in the queue and wakes the thread: nothing else happens here,
    /// and nothing waits for the network.
    ///
    /// What is accepted is sent, or counted as dropped and given to [`Protocol::lost`].
    ///
    /// # Errors
    ///
    /// Where it is dropped at once, which is counted, too.
    pub fn accept(&self, load: P::Load) -> Result<(), DropReason> {
        self.state.accept(load)
    }

    /// Counts something that is no load, and why.
    pub fn reject(&self, error: impl Into<String>) {
        self.state.reject(error.into());
    }

    /// Waits until everything accepted before the call is done with, sent or given up. False
    /// where that was not in time, and on the delivery's own thread.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.state.flush(timeout)
    }

    /// Stops taking loads, sends what there is within `timeout`, and ends the thread. True if
    /// nothing was left; what is left counts as lost, unless a spool has it.
    ///
    /// Returns within the timeout and a fifth of a second, whatever the server does. What waits
    /// out a pause after a failure is tried once more, unless the server itself has asked for the
    /// pause.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        self.state.shutdown(timeout)
    }

    /// Begins a [`shutdown`](Self::shutdown) and does not wait: takes no more loads, and goes on
    /// for at most `timeout`. To end several deliveries side by side.
    pub fn drain(&self, timeout: Duration) {
        self.state.drain(timeout);
    }

    /// The rules it goes by.
    #[must_use]
    pub fn protocol(&self) -> &P {
        self.state.protocol()
    }

    /// A handle to the figures.
    #[must_use]
    pub fn stats(&self) -> DeliveryStats {
        self.state.stats().clone()
    }
}

impl<P: Protocol> Drop for Delivery<P> {
    fn drop(&mut self) {
        self.state.drain(self.shutdown_timeout);
    }
}

impl<P: Protocol> fmt::Debug for Delivery<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("stats", &self.state.stats().snapshot())
            .finish_non_exhaustive()
    }
}
