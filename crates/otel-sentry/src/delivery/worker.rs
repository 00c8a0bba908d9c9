//! The delivery's own thread: takes parcels from the queue and sends them, several at once.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::Context;
use sentry::TransportOptions;
use sentry::protocol::client_report::LossSource;
use sentry::protocol::{EnvelopeFilterCallbacks, EnvelopeItem};
use tokio::runtime::{Builder, Runtime};

use super::Compression;
use super::http::{Answer, Http, HttpSettings};
use super::kind::{self, Loss};
use super::limits::{RateLimits, parse_retry_after};
use super::queue::{Body, Next, Parcel};
use super::retry::{RetryPolicy, random};
use super::state::State;
use super::stats::DropReason;
use super::wire::{Gzip, Wire, WireError, public_dsn};

/// Parcels that are handed out before the requests on their way get a turn.
const TURN: usize = 64;

/// Starts the thread. It ends by itself once the state says so; nobody joins it.
///
/// When it cannot be started, the state is stopped and drops everything.
pub(super) fn start(
    state: Arc<State>,
    http: HttpSettings,
    retry: RetryPolicy,
    options: TransportOptions,
) {
    let thread_state = Arc::clone(&state);
    let spawned = thread::Builder::new()
        .name("otel-sentry-delivery".to_owned())
        .spawn(move || run(&thread_state, http, retry, &options));
    if let Err(error) = spawned {
        state
            .stats()
            .failed(format!("the delivery's thread cannot be started: {error}"));
        state.stopped(DropReason::InternalError);
    }
}

/// The thread's whole life.
fn run(state: &Arc<State>, http: HttpSettings, retry: RetryPolicy, options: &TransportOptions) {
    state.begin();
    // Declared first, so that it goes last: even after a panic nobody waits for this thread.
    let _end = End(Arc::clone(state));
    let _quiet = Context::enter_telemetry_suppressed_scope();
    let (runtime, courier) = match prepare(state, http, retry, options) {
        Ok(ready) => ready,
        Err(error) => {
            state.stats().failed(error);
            return state.stopped(DropReason::InternalError);
        }
    };
    runtime.block_on(serve(&Arc::new(courier)));
    // Drops the requests on their way, and does not wait for name look-ups.
    runtime.shutdown_background();
}

fn prepare(
    state: &Arc<State>,
    settings: HttpSettings,
    retry: RetryPolicy,
    options: &TransportOptions,
) -> Result<(Runtime, Courier), String> {
    let runtime =
        runtime().map_err(|error| format!("the delivery's runtime cannot be built: {error}"))?;
    let http = Http::new(settings, options).map_err(|error| error.to_string())?;
    let gzip = match settings.compression {
        Compression::Identity => None,
        Compression::Gzip { level } => Some(Mutex::new(Gzip::new(level))),
    };
    let courier = Courier {
        state: Arc::clone(state),
        http,
        retry,
        gzip,
        dsn: public_dsn(&options.dsn),
        limits: Mutex::default(),
    };
    Ok((runtime, courier))
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .thread_name("otel-sentry-dns")
        // Name look-ups run on threads of their own, which must be as quiet as the delivery's.
        .on_thread_start(|| std::mem::forget(Context::enter_telemetry_suppressed_scope()))
        .build()
}

/// Marks the state as stopped at the end of the thread, however it comes.
struct End(Arc<State>);

impl Drop for End {
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
async fn serve(courier: &Arc<Courier>) {
    loop {
        let mut until = None;
        for turn in 0.. {
            if turn == TURN {
                tokio::task::yield_now().await;
                break;
            }
            match courier.state.next() {
                Next::Send(parcel) => {
                    let slot = Slot::new(&courier.state, parcel);
                    if let Some(slot) = courier.admit(slot) {
                        tokio::spawn(attempt(Arc::clone(courier), slot));
                    }
                }
                Next::Wait(moment) => {
                    until = Some(moment);
                    break;
                }
                Next::Stop => return,
            }
        }
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
struct Courier {
    state: Arc<State>,
    http: Http,
    retry: RetryPolicy,
    gzip: Option<Mutex<Gzip>>,
    /// For the envelope header.
    dsn: String,
    limits: Mutex<RateLimits>,
}

impl Courier {
    /// Drops what the server asked not to send: single items where they are typed, else all.
    fn admit(&self, mut slot: Slot) -> Option<Slot> {
        let now = Instant::now();
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if !limits.any(now) {
            return Some(slot);
        }
        let parcel = slot.parcel.as_deref_mut()?;
        let admitted = match &mut parcel.body {
            Body::Envelope(envelope) if parcel.contents.typed => {
                let headers = envelope.headers().clone();
                let mut losses = Vec::new();
                let rest = std::mem::take(envelope).filter(EnvelopeFilterCallbacks::new(
                    |item: &_| !limits.is_limited(kind::of_type(kind::type_of(item)).1, now),
                    |item: EnvelopeItem| {
                        losses.extend(item.losses().map(Loss::from));
                    },
                ));
                match rest {
                    Some(rest) => {
                        self.state.lose_items(&losses, DropReason::RateLimited);
                        // Filtering loses the headers.
                        *envelope = rest.with_headers(headers);
                        parcel.contents = kind::typed(envelope);
                        true
                    }
                    None => false,
                }
            }
            _ => !limits.is_limited(parcel.contents.categories, now),
        };
        drop(limits);
        if admitted {
            return Some(slot);
        }
        slot.finish(Err(DropReason::RateLimited));
        None
    }

    /// The body of the next attempt.
    fn pack(&self, parcel: &mut Parcel) -> Result<Vec<u8>, WireError> {
        if let Body::Envelope(envelope) = &parcel.body {
            let wire = Wire::new(envelope)?;
            parcel.contents.size = wire.len();
            parcel.body = Body::Wire(wire);
        }
        let Body::Wire(wire) = &mut parcel.body else {
            return Err(WireError::Serialize);
        };
        let line = wire.header_line(&self.dsn, SystemTime::now())?;
        match &self.gzip {
            None => Ok([line.as_slice(), wire.items()].concat()),
            Some(gzip) => gzip
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .compress(&[&line, wire.items()]),
        }
    }

    fn learn(&self, answer: &Answer) {
        self.limits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .update(
                answer.status,
                answer.rate_limits.as_deref(),
                answer.retry_after.as_deref(),
                Instant::now(),
                SystemTime::now(),
            );
    }
}

/// One attempt to send one parcel.
async fn attempt(courier: Arc<Courier>, mut slot: Slot) {
    debug_assert!(
        Context::is_current_telemetry_suppressed(),
        "what the delivery does must not come back as telemetry"
    );
    let begun = Instant::now();
    let Some(parcel) = slot.parcel.as_deref_mut() else {
        return;
    };
    if parcel.attempts > 0 {
        courier.state.stats().retried();
    }
    parcel.attempts = parcel.attempts.saturating_add(1);
    parcel.first_attempt.get_or_insert(begun);
    let body = match courier.pack(parcel) {
        Ok(body) => body,
        Err(error) => {
            courier.state.stats().failed(error.to_string());
            return slot.finish(Err(DropReason::InternalError));
        }
    };
    let bytes = body.len();
    let (reason, asked) = match courier.http.post(body).await {
        Ok(answer) => {
            courier.learn(&answer);
            if answer.status / 100 == 2 {
                return slot.finish(Ok(bytes));
            }
            courier
                .state
                .stats()
                .failed(format!("the server answered with status {}", answer.status));
            match answer.status {
                429 => return slot.finish(Err(DropReason::TooManyRequests)),
                500..=599 => {
                    let asked = answer
                        .retry_after
                        .and_then(|value| parse_retry_after(&value, SystemTime::now()));
                    (DropReason::SendError, asked)
                }
                _ => return slot.finish(Err(DropReason::SendError)),
            }
        }
        Err(error) => {
            courier.state.stats().failed(error);
            (DropReason::NetworkError, None)
        }
    };
    slot.again_or(reason, &courier.retry, asked);
}

/// A place among the requests on their way, and the parcel in it. However it is dropped (an
/// answer, a panic, the end of the runtime), the place is free again and the parcel counted.
struct Slot {
    state: Arc<State>,
    parcel: Option<Box<Parcel>>,
}

impl Slot {
    fn new(state: &Arc<State>, parcel: Box<Parcel>) -> Self {
        Self {
            state: Arc::clone(state),
            parcel: Some(parcel),
        }
    }

    fn finish(mut self, outcome: Result<usize, DropReason>) {
        if let Some(parcel) = self.parcel.take() {
            self.state.finish(parcel, outcome);
        }
    }

    /// Sends the parcel back to the queue, or gives it up for `reason`.
    fn again_or(mut self, reason: DropReason, policy: &RetryPolicy, asked: Option<Duration>) {
        let Some(parcel) = self.parcel.take() else {
            return;
        };
        let now = Instant::now();
        let first = parcel.first_attempt.unwrap_or(now);
        match policy.next_attempt(parcel.attempts, first, now, asked, random()) {
            Some(due) => self.state.retry(parcel, due),
            None => self.state.finish(parcel, Err(reason)),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(parcel) = self.parcel.take() {
            let reason = if thread::panicking() {
                DropReason::InternalError
            } else {
                DropReason::Shutdown
            };
            self.state.finish(parcel, Err(reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtimes_helper_threads_are_quiet_too() {
        let runtime = runtime().unwrap();
        let quiet = runtime.spawn_blocking(Context::is_current_telemetry_suppressed);
        assert!(runtime.block_on(quiet).unwrap());
        assert!(
            !Context::is_current_telemetry_suppressed(),
            "the thread that builds the runtime is not concerned"
        );
    }
}
