//! The delivery's own thread: takes parcels from the queue and sends them, several at once.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::http::{Http, HttpOptions};
use crate::keeper::{Keeper, Turn};
use crate::protocol::{Load as _, NotSent, Protocol, Verdict};
use crate::queue::{Next, Parcel};
use crate::retry::{RetryPolicy, random};
use crate::settings::Threads;
use crate::spool::SpoolOptions;
use crate::state::{Loss, State};
use crate::stats::DropReason;

/// Parcels that are handed out before the requests on their way get a turn.
const TURN: usize = 64;

/// What the thread is made of.
pub(crate) struct Parts {
    pub(crate) http: HttpOptions,
    pub(crate) retry: RetryPolicy,
    pub(crate) threads: Threads,
    pub(crate) spool: Option<SpoolOptions>,
}

/// Starts the thread. It ends by itself once the state says so; nobody joins it.
///
/// When it cannot be started, the state is stopped and drops everything.
pub(crate) fn start<P: Protocol>(state: Arc<State<P>>, parts: Parts) {
    let thread_state = Arc::clone(&state);
    let spawned = thread::Builder::new()
        .name(parts.threads.name.to_owned())
        .spawn(move || run(&thread_state, parts));
    if let Err(error) = spawned {
        state
            .stats()
            .failed(format!("the delivery's thread cannot be started: {error}"));
        state.stopped(DropReason::InternalError);
    }
}

/// The thread's whole life.
fn run<P: Protocol>(state: &Arc<State<P>>, parts: Parts) {
    state.begin();
    // Declared first, so that it goes last: even after a panic nobody waits for this thread.
    let _end = End(Arc::clone(state));
    let Parts {
        http,
        retry,
        threads,
        spool,
    } = parts;
    threads.begin();
    let mut keeper = spool.and_then(|options| Keeper::open(options, retry.max_age, state));
    let ready = runtime(&threads)
        .map_err(|error| format!("the delivery's runtime cannot be built: {error}"))
        .and_then(|runtime| {
            let http = http.build().map_err(|error| error.to_string())?;
            Ok((runtime, http))
        });
    let (runtime, http) = match ready {
        Ok(ready) => ready,
        Err(error) => {
            state.stats().failed(error);
            return state.stopped(DropReason::InternalError);
        }
    };
    let courier = Arc::new(Courier {
        state: Arc::clone(state),
        http,
        retry,
    });
    runtime.block_on(serve(&courier, keeper.as_mut()));
    // Drops the requests on their way, and does not wait for name look-ups.
    runtime.shutdown_background();
    if let Some(keeper) = keeper {
        keeper.close(state);
    }
}

fn runtime(threads: &Threads) -> io::Result<Runtime> {
    let threads = threads.clone();
    Builder::new_current_thread()
        .enable_all()
        .thread_name(format!("{}-dns", threads.name))
        // Name look-ups run on threads of their own.
        .on_thread_start(move || threads.begin())
        .build()
}

/// Marks the state as stopped at the end of the thread, however it comes.
struct End<P: Protocol>(Arc<State<P>>);

impl<P: Protocol> Drop for End<P> {
    fn drop(&mut self) {
        let reason = if thread::panicking() {
            self.0
                .stats()
                .failed("the delivery's thread panicked".to_owned());
            DropReason::InternalError
        } else {
            DropReason::Shutdown
        };
        self.0.stopped(reason);
    }
}

/// Hands parcels out until the state says stop.
async fn serve<P: Protocol>(courier: &Arc<Courier<P>>, mut keeper: Option<&mut Keeper>) {
    loop {
        let kept = match &mut keeper {
            Some(keeper) => keeper.turn(&courier.state),
            None => Turn::Idle(None),
        };
        let mut until = None;
        for turn in 0.. {
            if turn == TURN {
                tokio::task::yield_now().await;
                break;
            }
            match courier.state.next() {
                Next::Send(mut parcel) => {
                    if let Some(keeper) = &mut keeper {
                        keeper.before_attempt(&courier.state, &mut parcel);
                    }
                    let slot = Slot::new(&courier.state, parcel);
                    tokio::spawn(attempt(Arc::clone(courier), slot));
                }
                Next::Wait(moment) => {
                    until = Some(moment);
                    break;
                }
                Next::Stop => return,
            }
        }
        let until = match (until, kept) {
            (Some(moment), Turn::Idle(None)) => Some(moment),
            (Some(moment), Turn::Idle(Some(at))) => {
                Some(Some(moment.map_or(at, |moment| moment.min(at))))
            }
            (Some(_), Turn::Busy) => {
                tokio::task::yield_now().await;
                None
            }
            (None, _) => None,
        };
        match until {
            // The turn is over, the work is not.
            None => {}
            Some(None) => courier.state.woken().await,
            Some(Some(moment)) => {
                // Woken or not, the queue says what is next.
                let _ = tokio::time::timeout_at(moment.into(), courier.state.woken()).await;
            }
        }
    }
}

/// What every attempt needs.
struct Courier<P: Protocol> {
    state: Arc<State<P>>,
    http: Http,
    retry: RetryPolicy,
}

/// One attempt to send one parcel.
async fn attempt<P: Protocol>(courier: Arc<Courier<P>>, mut slot: Slot<P>) {
    let state = &courier.state;
    let begun = Instant::now();
    let Some(parcel) = slot.parcel.as_deref_mut() else {
        return;
    };
    let post = match state.protocol().post(&mut parcel.load) {
        Ok(post) => post,
        Err(NotSent::RateLimited) => return slot.give_up(DropReason::RateLimited),
        Err(NotSent::Broken { error }) => {
            state.stats().failed(error);
            return slot.give_up(DropReason::InternalError);
        }
    };
    if parcel.attempts > 0 {
        state.stats().retried();
    }
    parcel.attempts = parcel.attempts.saturating_add(1);
    parcel.first_attempt.get_or_insert(begun);
    let bytes = post.body.len();
    let answer = match courier.http.post(post).await {
        Ok(answer) => answer,
        Err(no_answer) => {
            state.stats().failed(no_answer.error);
            return match slot.may_go_again(no_answer.may_have_arrived) {
                true => slot.again_or(DropReason::NetworkError, &courier.retry, None),
                false => slot.give_up(DropReason::NetworkError),
            };
        }
    };
    let verdict = state.protocol().judge(&parcel.load, &answer);
    if verdict != Verdict::Delivered {
        let status = answer.status;
        state
            .stats()
            .failed(format!("the server answered with status {status}"));
    }
    match verdict {
        Verdict::Delivered => slot.finish(Ok(bytes)),
        Verdict::Refused(reason) => slot.give_up(reason),
        Verdict::TryAgain {
            after,
            lane_waits,
            otherwise,
        } => {
            if let (Some(after), true) = (after, lane_waits) {
                // A pause that is longer than any retry would be no pause but an end.
                let pause = after.min(courier.retry.max_age);
                let until = crate::clock::after(Instant::now(), pause);
                state.hold(parcel.load.priority(), until);
            }
            // A gateway that got no answer itself.
            let may_have_arrived = matches!(answer.status, 502 | 504);
            match slot.may_go_again(may_have_arrived) {
                true => slot.again_or(otherwise, &courier.retry, after),
                false => slot.give_up(otherwise),
            }
        }
    }
}

/// A place among the requests on their way, and the parcel in it. However it is dropped (an
/// answer, a panic, the end of the runtime), the place is free again and the parcel counted.
struct Slot<P: Protocol> {
    state: Arc<State<P>>,
    parcel: Option<Box<Parcel<P::Load>>>,
}

impl<P: Protocol> Slot<P> {
    fn new(state: &Arc<State<P>>, parcel: Box<Parcel<P::Load>>) -> Self {
        Self {
            state: Arc::clone(state),
            parcel: Some(parcel),
        }
    }

    fn finish(mut self, outcome: Result<usize, Loss>) {
        if let Some(parcel) = self.parcel.take() {
            self.state.finish(parcel, outcome);
        }
    }

    /// Gives the parcel up for good.
    fn give_up(self, reason: DropReason) {
        self.finish(Err(Loss::final_for(reason)));
    }

    /// Whether the parcel, or what may arrive twice of it, can be sent again. Without a spool
    /// all can.
    fn may_go_again(&mut self, may_have_arrived: bool) -> bool {
        let Some(parcel) = self.parcel.as_deref_mut() else {
            return false;
        };
        if !parcel.was_offered || !parcel.load.counts_once() {
            return true;
        }
        if may_have_arrived {
            return self.state.protocol().without_once(&mut parcel.load);
        }
        self.state.not_arrived(parcel);
        true
    }

    /// Sends the parcel back to the queue, or gives it up for `reason`.
    fn again_or(mut self, reason: DropReason, policy: &RetryPolicy, asked: Option<Duration>) {
        let Some(mut parcel) = self.parcel.take() else {
            return;
        };
        let now = Instant::now();
        parcel.not_before = asked.map(|asked| crate::clock::after(now, asked));
        let first = parcel.first_attempt.unwrap_or(now);
        match policy.next_attempt(parcel.attempts, first, now, asked, random()) {
            Some(due) => self.state.retry(parcel, due),
            None => self.state.finish(parcel, Err(Loss::for_now(reason))),
        }
    }
}

impl<P: Protocol> Drop for Slot<P> {
    fn drop(&mut self) {
        if let Some(parcel) = self.parcel.take() {
            let loss = if thread::panicking() {
                Loss::final_for(DropReason::InternalError)
            } else {
                Loss::for_now(DropReason::Shutdown)
            };
            self.state.finish(parcel, Err(loss));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static BEGUN: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn the_runtimes_helper_threads_begin_as_the_settings_say() {
        let threads = Threads {
            name: "test",
            on_start: Some(Arc::new(|| BEGUN.set(true))),
        };
        let runtime = runtime(&threads).unwrap();
        let begun = runtime.spawn_blocking(|| BEGUN.get());
        assert!(runtime.block_on(begun).unwrap());
        assert!(
            !BEGUN.get(),
            "the thread that builds the runtime is not concerned"
        );
    }
}
