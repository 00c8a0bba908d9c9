//! Moves loads between the queue and the spool, on the delivery's thread.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::clock::after;
use crate::protocol::{Load as _, Protocol};
use crate::queue::Parcel;
use crate::spool::{Spool, SpoolOptions};
use crate::state::{News, State};
use crate::stats::{DropReason, SpoolGauges};

/// How many loads are written or read before the network gets a turn.
const TURN: usize = 64;

/// The longest time without another look at what has failed.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A spool, and what is to be done with it when.
pub(crate) struct Keeper {
    spool: Spool,
    options: SpoolOptions,
    /// The pause after a load could not be sent: until then, or until one arrives, nothing is
    /// read back.
    pause: Duration,
    held_until: Option<Instant>,
    synced: Instant,
    syncing: Option<JoinHandle<()>>,
    gauges: SpoolGauges,
    /// It was said that some loads cannot be sent any more.
    is_said: bool,
}

/// What there is to do after a turn.
#[derive(Debug)]
pub(crate) enum Turn {
    /// More, at once.
    Busy,
    /// Nothing until something happens, or until then.
    Idle(Option<Instant>),
}

impl Keeper {
    /// Opens the spool; None where that fails, which is reported.
    pub(crate) fn open<P: Protocol>(
        options: SpoolOptions,
        max_retry_age: Duration,
        state: &State<P>,
    ) -> Option<Self> {
        let spool = match Spool::open(&options) {
            Ok(spool) => spool,
            Err(error) => {
                let directory = &options.directory;
                options.report(&format!(
                    "no spool in {directory:?}, unsent telemetry is in memory only: {error}"
                ));
                // Figures may be shown to others: without the path.
                state.stats().failed(format!("no spool: {error}"));
                return None;
            }
        };
        state.stats().recovered(spool.waiting());
        let mut keeper = Self {
            spool,
            options,
            pause: max_retry_age.min(MAX_PAUSE),
            held_until: None,
            synced: Instant::now(),
            syncing: None,
            gauges: SpoolGauges::default(),
            is_said: false,
        };
        keeper.tell(state);
        Some(keeper)
    }

    /// Does what is due, for a short time.
    pub(crate) fn turn<P: Protocol>(&mut self, state: &State<P>) -> Turn {
        self.hear(state);
        let written = self.write(state);
        let read = self.read_back(state);
        let sync_at = self.sync();
        self.tell(state);
        if written == TURN || read == TURN {
            return Turn::Busy;
        }
        // Where that time has come already, there is no room: a change in the queue says when.
        let now = Instant::now();
        let look_at = self
            .held_until
            .filter(|&until| until > now && self.spool.waiting() > 0);
        Turn::Idle(sync_at.into_iter().chain(look_at).min())
    }

    /// Nothing is sent that is not written down.
    pub(crate) fn before_attempt<P: Protocol>(
        &mut self,
        state: &State<P>,
        parcel: &mut Parcel<P::Load>,
    ) {
        self.store(state, parcel);
        if let Some(ticket) = &parcel.ticket
            && !parcel.is_tried
            && parcel.load.counts_once()
        {
            parcel.is_tried = true;
            self.spool.tried(ticket);
        }
    }

    /// Writes down what is left at the end, and leaves the directory to others. The files are to
    /// be synced.
    pub(crate) fn close<P: Protocol>(mut self, state: &State<P>) -> Vec<Arc<File>> {
        while self.write(state) > 0 {}
        state.give_up();
        self.hear(state);
        self.tell(state);
        self.spool.unsynced()
    }

    /// Takes note of what became of the loads.
    fn hear<P: Protocol>(&mut self, state: &State<P>) {
        for news in state.take_news() {
            match news {
                News::Done { ticket, arrived } => {
                    self.spool.done(&ticket);
                    if arrived {
                        self.held_until = None;
                    }
                }
                News::Kept { ticket, failed } => {
                    if !self.spool.keep(&ticket, failed) {
                        // It had to make room a moment ago.
                        state.stats().dropped(DropReason::SpoolOverflow);
                    }
                    if failed {
                        self.held_until = Some(after(Instant::now(), self.pause));
                    }
                }
                News::NotArrived { ticket } => self.spool.not_arrived(&ticket),
            }
        }
    }

    /// Writes down what is new.
    fn write<P: Protocol>(&mut self, state: &State<P>) -> usize {
        let mut parcels = state.take_unseen(TURN);
        for parcel in &mut parcels {
            self.store(state, parcel);
        }
        let count = parcels.len();
        if count > 0 {
            state.put_seen(parcels);
        }
        count
    }

    fn store<P: Protocol>(&mut self, state: &State<P>, parcel: &mut Parcel<P::Load>) {
        if std::mem::replace(&mut parcel.was_offered, true) {
            return;
        }
        let Some(payload) = state.protocol().store(&parcel.load) else {
            return;
        };
        let stored = self.spool.store(parcel.load.priority(), &payload);
        for payload in stored.lost {
            match state.protocol().restore(payload) {
                Some(load) => state.lost(&load, DropReason::SpoolOverflow),
                None => state.stats().dropped(DropReason::SpoolOverflow),
            }
        }
        if stored.ticket.is_some() {
            state.stats().stored();
        }
        parcel.ticket = stored.ticket;
    }

    /// Reads back what waits, as long as the queue has room and the server takes something.
    fn read_back<P: Protocol>(&mut self, state: &State<P>) -> usize {
        let limit = match self.held_until {
            None => TURN,
            Some(until) if until > Instant::now() => return 0,
            // One, to see.
            Some(_) => 1,
        };
        let mut count = 0;
        while count < limit && self.spool.waiting() > 0 && state.has_room() {
            let Some(taken) = self.spool.take() else {
                break;
            };
            count += 1;
            let Some(mut load) = state.protocol().restore(taken.payload) else {
                if !std::mem::replace(&mut self.is_said, true) {
                    self.say(state, "what cannot be sent any more is dropped");
                }
                state.stats().dropped(DropReason::InternalError);
                self.spool.done(&taken.ticket);
                continue;
            };
            // Not known whether it has arrived.
            if taken.tried && !state.protocol().without_once(&mut load) {
                state.lost(&load, DropReason::NetworkError);
                self.spool.done(&taken.ticket);
                continue;
            }
            let mut parcel = Parcel::new(load);
            parcel.ticket = Some(taken.ticket);
            parcel.was_offered = true;
            parcel.is_tried = taken.tried;
            state.readmit(parcel);
        }
        if count > 0 && self.held_until.is_some() {
            self.held_until = Some(after(Instant::now(), self.pause));
        }
        for _ in 0..self.spool.unreadable() {
            state.stats().dropped(DropReason::InternalError);
        }
        count
    }

    /// Syncs on another thread what was written; the moment of the next time.
    fn sync(&mut self) -> Option<Instant> {
        if !self.spool.is_dirty() {
            return None;
        }
        let due = after(self.synced, self.options.sync_interval);
        let now = Instant::now();
        if due > now {
            return Some(due);
        }
        if self.syncing.as_ref().is_some_and(|it| !it.is_finished()) {
            // The disk is slow: not before the interval is over again.
            self.synced = now;
            return Some(after(now, self.options.sync_interval));
        }
        let files: Vec<Arc<File>> = self.spool.unsynced();
        self.synced = now;
        self.syncing = Some(tokio::task::spawn_blocking(move || {
            sync_all(&files);
        }));
        None
    }

    /// Passes figures and notices on.
    fn tell<P: Protocol>(&mut self, state: &State<P>) {
        let gauges = SpoolGauges {
            waiting: self.spool.waiting(),
            bytes: usize::try_from(self.spool.bytes()).unwrap_or(usize::MAX),
        };
        if gauges != self.gauges {
            state.stats().spool_moved(self.gauges, gauges);
            state.set_spooled(gauges.waiting);
            self.gauges = gauges;
        }
        for notice in self.spool.notices() {
            self.say(state, &notice);
        }
    }

    fn say<P: Protocol>(&self, state: &State<P>, notice: &str) {
        let directory = &self.options.directory;
        self.options
            .report(&format!("the spool in {directory:?}: {notice}"));
        state.stats().failed(format!("the spool: {notice}"));
    }
}

/// Syncs files to the disk itself.
pub(crate) fn sync_all(files: &[Arc<File>]) {
    for file in files {
        // What was written is the system's by now: this concerns a loss of power alone.
        let _ = file.sync_data();
    }
}
