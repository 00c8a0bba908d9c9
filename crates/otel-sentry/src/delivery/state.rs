//! What the application's threads and the delivery's thread share.

use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use sentry::Envelope;
use sentry::client_report::{Reason as TransportReason, Recorder};
use sentry::protocol::ClientReport;
use sentry::protocol::client_report::{Item, Reason};
use tokio::sync::Notify;

use super::kind::{self, Loss, Verdict};
use super::queue::{Bounds, Lost, Next, Parcel, Phase, Queue};
use super::stats::{DeliveryStats, DropReason};
use crate::clock::after;

/// How long [`State::shutdown`] waits for the thread to end after it was told to. The thread
/// never waits for the network then, so this is for a body that is being compressed.
const STOP_GRACE: Duration = Duration::from_millis(200);

/// The queue and the means to tell of changes.
#[derive(Debug)]
pub(super) struct State {
    queue: Mutex<Queue>,
    /// Told when a parcel is done with, and when the thread has ended.
    settled: Condvar,
    /// Wakes the delivery's thread.
    wake: Notify,
    worker: OnceLock<ThreadId>,
    stats: DeliveryStats,
    recorder: Recorder,
}

impl State {
    pub(super) fn new(bounds: Bounds, stats: DeliveryStats, recorder: Recorder) -> Self {
        Self {
            queue: Mutex::new(Queue::new(bounds)),
            settled: Condvar::new(),
            wake: Notify::new(),
            worker: OnceLock::new(),
            stats,
            recorder,
        }
    }

    pub(super) fn stats(&self) -> &DeliveryStats {
        &self.stats
    }

    // --- The application's side.

    /// Takes an envelope. Looks at it, puts it in the queue, wakes the thread: nothing else
    /// happens here.
    pub(super) fn send(&self, envelope: Envelope) {
        let contents = match kind::inspect(&envelope) {
            Verdict::Send(contents) => contents,
            Verdict::Empty => return,
            Verdict::Malformed => {
                self.stats
                    .failed("a raw envelope has no readable item header".to_owned());
                return self.stats.dropped(DropReason::InternalError);
            }
        };
        let parcel = Parcel::new(contents, envelope);
        self.lose(|queue| queue.accept(parcel));
        self.wake.notify_one();
    }

    /// Waits until everything accepted before the call is done with: true if that was in time.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let (mark, abandoned) = {
            let mut queue = self.lock();
            (queue.mark(), queue.abandoned())
        };
        self.wait(timeout, |queue| queue.is_finished_through(mark))
            && self.lock().abandoned() == abandoned
    }

    /// Stops taking envelopes, sends what there is within `timeout`, and ends the thread.
    /// True if nothing was left.
    pub(super) fn shutdown(&self, timeout: Duration) -> bool {
        let abandoned = self.lock().abandoned();
        self.drain(timeout);
        // The thread may end at the same moment, and what it cuts off is finished, too.
        let finished =
            self.wait(timeout, Queue::is_finished) && self.lock().abandoned() == abandoned;
        self.lose(|queue| {
            if !matches!(queue.phase(), Phase::Stopped(_)) {
                queue.set_phase(Phase::Stopping);
            }
            queue.give_up(DropReason::Shutdown)
        });
        self.wake.notify_one();
        self.wait(STOP_GRACE, |queue| {
            matches!(queue.phase(), Phase::Stopped(_))
        });
        finished
    }

    /// Stops taking envelopes and lets the thread go on for at most `timeout`. Does not wait.
    pub(super) fn drain(&self, timeout: Duration) {
        let until = after(Instant::now(), timeout);
        let mut queue = self.lock();
        if queue.phase() == Phase::Open {
            queue.set_phase(Phase::Draining(until));
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Waits for a condition: true once it holds, false after `timeout`, and at once on the
    /// delivery's own thread, which would wait for itself (a panic hook that flushes).
    fn wait(&self, timeout: Duration, condition: impl Fn(&Queue) -> bool) -> bool {
        let until = after(Instant::now(), timeout);
        let own_thread = self.worker.get() == Some(&thread::current().id());
        let mut queue = self.lock();
        loop {
            if condition(&queue) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || own_thread {
                return false;
            }
            queue = self
                .settled
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    // --- The delivery's side.

    /// Says which thread is the delivery's.
    pub(super) fn begin(&self) {
        let _ = self.worker.set(thread::current().id());
    }

    /// Resolves after a change in the queue.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn next(&self) -> Next {
        self.change(|queue| queue.next(Instant::now()))
    }

    /// A parcel on its way arrived (`Ok`: bytes sent) or was given up.
    pub(super) fn finish(&self, parcel: Box<Parcel>, outcome: Result<usize, DropReason>) {
        // Counted first: who waits for the queue finds the figures complete.
        match outcome {
            Ok(bytes) => self.stats.sent(bytes),
            Err(reason) => self.count(&parcel, reason),
        }
        let cut_off = outcome == Err(DropReason::Shutdown);
        self.change(|queue| queue.finish(&parcel, cut_off));
        self.settled.notify_all();
        self.wake.notify_one();
    }

    /// A parcel on its way is to be tried again.
    pub(super) fn retry(&self, parcel: Box<Parcel>, due: Instant) {
        self.lose(|queue| queue.put_back(parcel, due));
        self.wake.notify_one();
    }

    /// The thread has ended: what waits, and what still comes, is lost for `reason`. The first
    /// reason stays.
    pub(super) fn stopped(&self, reason: DropReason) {
        self.lose(|queue| {
            if !matches!(queue.phase(), Phase::Stopped(_)) {
                queue.set_phase(Phase::Stopped(reason));
            }
            queue.give_up(reason)
        });
        self.settled.notify_all();
    }

    /// Records items that are lost while the rest of their envelope is sent.
    pub(super) fn lose_items(&self, losses: &[Loss], reason: DropReason) {
        let Some(default) = reported(reason) else {
            return;
        };
        let items = losses
            .iter()
            .map(|loss| Item::new(loss.category, loss.reason.unwrap_or(default), loss.quantity));
        // A report as the source is the one way to record a loss in any category. Its entries
        // bring their own reasons, so the reason given here goes unused.
        self.recorder
            .record_lost_data(&ClientReport::new(items), TransportReason::InternalError);
    }

    // --- Both.

    /// Changes the queue and counts what was lost by it, before anyone can see that it is gone.
    fn lose(&self, change: impl FnOnce(&mut Queue) -> Vec<Lost>) {
        let lost = self.change(|queue| {
            let lost = change(queue);
            for (parcel, reason) in &lost {
                self.count(parcel, *reason);
            }
            lost
        });
        if !lost.is_empty() {
            self.settled.notify_all();
        }
        // The envelopes are freed here, outside the lock.
        drop(lost);
    }

    fn count(&self, parcel: &Parcel, reason: DropReason) {
        self.stats.dropped(reason);
        self.lose_items(&parcel.contents.losses, reason);
    }

    /// Changes the queue and keeps the gauges in step with it.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.lock();
        let before = (queue.queued(), queue.in_flight());
        let result = change(&mut queue);
        let after = (queue.queued(), queue.in_flight());
        self.stats.moved((before.0, after.0), (before.1, after.1));
        result
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason that a client report gives; None where the server counts the loss itself.
fn reported(reason: DropReason) -> Option<Reason> {
    match reason {
        DropReason::QueueOverflow => Some(Reason::QueueOverflow),
        DropReason::RateLimited => Some(Reason::RatelimitBackoff),
        DropReason::TooManyRequests => None,
        DropReason::SendError => Some(Reason::SendError),
        // What could not be sent in the time there was.
        DropReason::NetworkError | DropReason::Shutdown => Some(Reason::NetworkError),
        DropReason::InternalError => Some(Reason::InternalSdkError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than any test may take.
    const LONG: Duration = Duration::from_secs(600);

    fn state() -> State {
        let bounds = Bounds {
            count: 10,
            bytes: 100_000,
            in_flight: 1,
        };
        State::new(bounds, DeliveryStats::default(), Recorder::default())
    }

    #[test]
    fn the_deliverys_own_thread_never_waits_for_itself() {
        let state = state();
        assert!(state.flush(LONG), "nothing to wait for");
        state.begin();
        state.send(Envelope::from(sentry::protocol::Event::default()));
        assert!(!state.flush(LONG));
        assert!(!state.shutdown(LONG));
        assert_eq!(state.stats().snapshot().dropped.shutdown, 1);
    }

    #[test]
    fn shutdown_does_not_need_a_thread() {
        let state = state();
        state.send(Envelope::from(sentry::protocol::Event::default()));
        assert_eq!(state.stats().snapshot().queued, 1);
        assert!(!state.shutdown(Duration::ZERO));
        let snapshot = state.stats().snapshot();
        assert_eq!((snapshot.queued, snapshot.dropped.shutdown), (0, 1));
        assert!(matches!(state.next(), Next::Stop));
    }

    #[test]
    fn the_first_reason_of_an_end_stays() {
        let state = state();
        state.stopped(DropReason::InternalError);
        state.stopped(DropReason::Shutdown);
        state.send(Envelope::from(sentry::protocol::Event::default()));
        assert_eq!(state.stats().snapshot().dropped.internal_error, 1);
    }

    #[test]
    fn timeouts_beyond_the_clock_are_survived() {
        let now = Instant::now();
        assert!(after(now, Duration::MAX) > now);
        assert!(state().flush(Duration::MAX));
    }
}
