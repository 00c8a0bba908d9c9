//! What the application's threads and the delivery's thread share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock::after;
use crate::protocol::{Priority, Protocol};
use crate::queue::{Bounds, Lost, Next, Parcel, Phase, Queue};
use crate::spool::Ticket;
use crate::stats::{DeliveryStats, DropReason};

/// How long [`State::shutdown`] waits for the thread to end after it was told to. The thread
/// never waits for the network then, so this is for a body that is being compressed.
const STOP_GRACE: Duration = Duration::from_millis(200);

/// The queue and the means to tell of changes.
pub(crate) struct State<P: Protocol> {
    protocol: P,
    queue: Mutex<Queue<P::Load>>,
    /// Told when a parcel is done with, and when the thread has ended.
    settled: Condvar,
    /// Wakes the delivery's thread.
    wake: Notify,
    worker: OnceLock<ThreadId>,
    stats: DeliveryStats,
    /// What the spool is to be told, by the delivery's thread.
    news: Mutex<Vec<News>>,
    /// More of these are not kept: the thread may be stuck in a write.
    max_news: usize,
    /// How many loads are in the spool alone.
    spooled: AtomicUsize,
}

/// What became of a load that the spool has.
#[derive(Debug)]
pub(crate) enum News {
    /// It has arrived, or was given up.
    Done { ticket: Ticket, arrived: bool },
    /// It is in memory no more, and stays in the spool; `failed` where it could not be sent.
    Kept { ticket: Ticket, failed: bool },
    /// The attempt that was begun has not arrived for certain.
    NotArrived { ticket: Ticket },
}

/// Why a load is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) reason: DropReason,
    /// Whether a spool that has it may keep it.
    pub(crate) may_be_kept: bool,
}

impl Loss {
    pub(crate) fn final_for(reason: DropReason) -> Self {
        Self {
            reason,
            may_be_kept: false,
        }
    }

    /// Of a load that could be sent another time.
    pub(crate) fn for_now(reason: DropReason) -> Self {
        Self {
            reason,
            may_be_kept: true,
        }
    }
}

impl<P: Protocol> State<P> {
    pub(crate) fn new(protocol: P, bounds: Bounds, stats: DeliveryStats) -> Self {
        Self {
            protocol,
            queue: Mutex::new(Queue::new(bounds)),
            settled: Condvar::new(),
            wake: Notify::new(),
            worker: OnceLock::new(),
            stats,
            news: Mutex::default(),
            max_news: bounds.count,
            spooled: AtomicUsize::new(0),
        }
    }

    pub(crate) fn protocol(&self) -> &P {
        &self.protocol
    }

    pub(crate) fn stats(&self) -> &DeliveryStats {
        &self.stats
    }

    // --- The application's side.

    /// Takes a load, or says why not. The one way in: what this has accepted is sent or counted
    /// as lost.
    pub(crate) fn accept(&self, load: P::Load) -> Result<(), DropReason> {
        let parcel = Parcel::new(load);
        let accepted = self.lose(|queue| queue.accept(parcel));
        self.wake.notify_one();
        accepted
    }

    /// Counts a load that was never accepted.
    pub(crate) fn reject(&self, error: String) {
        self.stats.failed(error);
        self.stats.dropped(DropReason::InternalError);
    }

    /// Waits until everything accepted before the call is done with: true if that was in time.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let (mark, abandoned) = {
            let mut queue = self.lock();
            (queue.mark(), queue.abandoned())
        };
        self.wait(timeout, |queue| queue.is_finished_through(mark))
            && self.lock().abandoned() == abandoned
    }

    /// Stops taking loads, sends what there is within `timeout`, and ends the thread. True if
    /// nothing was left.
    pub(crate) fn shutdown(&self, timeout: Duration) -> bool {
        let abandoned = self.lock().abandoned();
        self.drain(timeout);
        // The thread may end at the same moment, and what it cuts off is finished, too.
        let finished =
            self.wait(timeout, |queue| queue.is_finished()) && self.lock().abandoned() == abandoned;
        self.change(|queue| {
            if !matches!(queue.phase(), Phase::Stopped(_)) {
                queue.set_phase(Phase::Stopping);
            }
        });
        self.wake.notify_one();
        // The thread gives up what is left, or puts it in the spool.
        let stopped = self.wait(STOP_GRACE, |queue| {
            matches!(queue.phase(), Phase::Stopped(_))
        });
        if !stopped {
            self.give_up();
        }
        finished && self.spooled.load(Ordering::Relaxed) == 0
    }

    /// Stops taking loads and lets the thread go on for at most `timeout`. Does not wait.
    pub(crate) fn drain(&self, timeout: Duration) {
        let now = Instant::now();
        let mut queue = self.lock();
        if queue.phase() == Phase::Open {
            queue.drain(now, after(now, timeout));
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Waits for a condition: true once it holds, false after `timeout`, and at once on the
    /// delivery's own thread, which would wait for itself (a panic hook that flushes).
    fn wait(&self, timeout: Duration, condition: impl Fn(&Queue<P::Load>) -> bool) -> bool {
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
    pub(crate) fn begin(&self) {
        let _ = self.worker.set(thread::current().id());
    }

    /// Resolves after a change in the queue.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(crate) fn next(&self) -> Next<P::Load> {
        self.change(|queue| queue.next(Instant::now()))
    }

    /// A parcel on its way arrived (`Ok`: bytes sent) or was given up.
    pub(crate) fn finish(&self, parcel: Box<Parcel<P::Load>>, outcome: Result<usize, Loss>) {
        // Counted first: who waits for the queue finds the figures complete.
        match outcome {
            Ok(bytes) => {
                self.stats.sent(bytes);
                self.done(&parcel, true);
            }
            Err(loss) => self.part(&parcel, loss),
        }
        let cut_off = outcome.is_err_and(|loss| loss.reason == DropReason::Shutdown);
        self.change(|queue| queue.finish(&parcel, cut_off));
        self.settled.notify_all();
        self.wake.notify_one();
    }

    /// A parcel on its way is to be tried again.
    pub(crate) fn retry(&self, parcel: Box<Parcel<P::Load>>, due: Instant) {
        self.lose(|queue| ((), queue.put_back(parcel, due)));
        self.wake.notify_one();
    }

    /// A parcel whose attempt was noted down has not arrived for certain.
    pub(crate) fn not_arrived(&self, parcel: &mut Parcel<P::Load>) {
        if let Some(ticket) = &parcel.ticket
            && std::mem::take(&mut parcel.is_tried)
        {
            let ticket = Arc::clone(ticket);
            self.lock_news().push(News::NotArrived { ticket });
        }
    }

    /// Gives up what waits, because the time is up.
    pub(crate) fn give_up(&self) {
        self.lose(|queue| ((), queue.give_up(DropReason::Shutdown)));
    }

    /// The thread has ended: what waits, and what still comes, is lost for `reason`. The first
    /// reason stays.
    pub(crate) fn stopped(&self, reason: DropReason) {
        self.lose(|queue| {
            if !matches!(queue.phase(), Phase::Stopped(_)) {
                queue.set_phase(Phase::Stopped(reason));
            }
            ((), queue.give_up(reason))
        });
        self.settled.notify_all();
    }

    /// Nothing of this priority goes out before this time.
    pub(crate) fn hold(&self, priority: Priority, until: Instant) {
        self.lock().hold(priority, until);
    }

    // --- The spool's side, on the delivery's thread.

    pub(crate) fn take_news(&self) -> Vec<News> {
        std::mem::take(&mut self.lock_news())
    }

    pub(crate) fn take_unseen(&self, limit: usize) -> Vec<Box<Parcel<P::Load>>> {
        self.change(|queue| queue.take_unseen(limit))
    }

    pub(crate) fn put_seen(&self, parcels: Vec<Box<Parcel<P::Load>>>) {
        self.change(|queue| queue.put_seen(parcels));
    }

    pub(crate) fn has_room(&self) -> bool {
        self.lock().has_room()
    }

    pub(crate) fn readmit(&self, parcel: Box<Parcel<P::Load>>) {
        self.change(|queue| queue.readmit(parcel));
    }

    pub(crate) fn set_spooled(&self, count: usize) {
        self.spooled.store(count, Ordering::Relaxed);
    }

    /// Counts a load that is given up without ever having been in the queue.
    pub(crate) fn lost(&self, load: &P::Load, reason: DropReason) {
        self.stats.dropped(reason);
        self.protocol.lost(load, reason);
    }

    // --- Both.

    /// Changes the queue and counts what was lost by it, before anyone can see that it is gone.
    fn lose<T>(&self, change: impl FnOnce(&mut Queue<P::Load>) -> (T, Vec<Lost<P::Load>>)) -> T {
        let (result, lost) = self.change(|queue| {
            let (result, lost) = change(queue);
            for (parcel, reason) in &lost {
                self.part(parcel, Loss::for_now(*reason));
            }
            (result, lost)
        });
        if !lost.is_empty() {
            self.settled.notify_all();
        }
        // The loads are freed here, outside the lock.
        drop(lost);
        result
    }

    /// Parts with a parcel: it is lost, or in the spool.
    fn part(&self, parcel: &Parcel<P::Load>, loss: Loss) {
        let ticket = parcel.ticket.as_ref().filter(|ticket| ticket.is_held());
        if let Some(ticket) = ticket.filter(|_| loss.may_be_kept) {
            let mut news = self.lock_news();
            if news.len() < self.max_news {
                self.protocol.kept(&parcel.load);
                news.push(News::Kept {
                    ticket: Arc::clone(ticket),
                    failed: !matches!(
                        loss.reason,
                        DropReason::QueueOverflow | DropReason::Shutdown
                    ),
                });
                return;
            }
        }
        self.lost(&parcel.load, loss.reason);
        self.done(parcel, false);
    }

    fn done(&self, parcel: &Parcel<P::Load>, arrived: bool) {
        if let Some(ticket) = &parcel.ticket {
            let ticket = Arc::clone(ticket);
            let mut news = self.lock_news();
            // Else it is sent once more by the next process.
            if news.len() < self.max_news.saturating_mul(2) {
                news.push(News::Done { ticket, arrived });
            }
        }
    }

    /// Changes the queue and keeps the gauges in step with it.
    fn change<T>(&self, change: impl FnOnce(&mut Queue<P::Load>) -> T) -> T {
        let mut queue = self.lock();
        let before = queue.gauges();
        let result = change(&mut queue);
        self.stats.moved(before, queue.gauges());
        result
    }

    fn lock_news(&self) -> MutexGuard<'_, Vec<News>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<P::Load>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Size, Sizes};

    /// More than any test may take.
    const LONG: Duration = Duration::from_secs(600);

    fn state() -> State<Sizes> {
        let bounds = Bounds {
            count: 10,
            bytes: 100_000,
            in_flight: 1,
        };
        State::new(Sizes, bounds, DeliveryStats::default())
    }

    #[test]
    fn the_deliverys_own_thread_never_waits_for_itself() {
        let state = state();
        assert!(state.flush(LONG), "nothing to wait for");
        state.begin();
        let _ = state.accept(Size(Priority::Normal, 1));
        assert!(!state.flush(LONG));
        assert!(!state.shutdown(LONG));
        assert_eq!(state.stats().snapshot().dropped.shutdown, 1);
    }

    #[test]
    fn shutdown_does_not_need_a_thread() {
        let state = state();
        let _ = state.accept(Size(Priority::Normal, 1));
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
        let accepted = state.accept(Size(Priority::Normal, 1));
        assert_eq!(accepted, Err(DropReason::InternalError));
        assert_eq!(state.stats().snapshot().dropped.internal_error, 1);
    }

    #[test]
    fn timeouts_beyond_the_clock_are_survived() {
        let now = Instant::now();
        assert!(after(now, Duration::MAX) > now);
        assert!(state().flush(Duration::MAX));
    }
}
