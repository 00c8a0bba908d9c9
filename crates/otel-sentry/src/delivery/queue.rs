//! The waiting room: one lane for each priority, bounded by count and bytes.
//!
//! Plain data without locks or clocks; [`Shared`](super::state::State) guards it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use sentry::Envelope;

use super::kind::{Contents, Priority};
use super::stats::DropReason;
use super::wire::Wire;

/// An envelope on its way through the delivery.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) contents: Contents,
    pub(super) body: Body,
    /// Attempts begun.
    pub(super) attempts: u32,
    /// When the first attempt began.
    pub(super) first_attempt: Option<Instant>,
    /// Which flushes wait for it; set on arrival.
    epoch: u64,
}

/// The two forms in which a parcel waits.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a parcel is boxed as a whole, once, on the application's thread"
)]
pub(super) enum Body {
    /// As it came: not yet serialized.
    Envelope(Envelope),
    /// As it is sent; kept for another attempt.
    Wire(Wire),
}

impl Parcel {
    pub(super) fn new(contents: Contents, envelope: Envelope) -> Box<Self> {
        Box::new(Self {
            contents,
            body: Body::Envelope(envelope),
            attempts: 0,
            first_attempt: None,
            epoch: 0,
        })
    }
}

/// A parcel that was given up, and why.
pub(super) type Lost = (Box<Parcel>, DropReason);

/// What the queue holds at most, and how much may be on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) count: usize,
    pub(super) bytes: usize,
    pub(super) in_flight: usize,
}

/// Whether the delivery works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It does.
    Open,
    /// It takes nothing new and stops when all is sent, or at this moment.
    Draining(Instant),
    /// It must stop now.
    Stopping,
    /// It has stopped; what still comes is dropped for this reason.
    Stopped(DropReason),
}

/// What the worker should do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Send this; its slot is taken.
    Send(Box<Parcel>),
    /// Wait for a change, or until this moment.
    Wait(Option<Instant>),
    /// End.
    Stop,
}

/// Requests beyond the limit that an urgent parcel may open, so that it never waits for others.
const fn extra_slots(priority: Priority) -> usize {
    match priority {
        Priority::Error => 4,
        Priority::Session => 2,
        Priority::Log | Priority::Transaction | Priority::Other => 0,
    }
}

/// The most requests that are ever on their way at a limit of `in_flight`.
pub(super) const fn most_in_flight(in_flight: usize) -> usize {
    in_flight.saturating_add(extra_slots(Priority::Error))
}

#[derive(Debug, Default)]
struct Lane {
    /// In order of arrival.
    ready: VecDeque<Box<Parcel>>,
    /// Waiting for another attempt, by its time. The number tells equal times apart.
    delayed: BTreeMap<(Instant, u64), Box<Parcel>>,
    bytes: usize,
}

impl Lane {
    fn len(&self) -> usize {
        self.ready.len() + self.delayed.len()
    }

    fn push(&mut self, parcel: Box<Parcel>) {
        self.bytes = self.bytes.saturating_add(parcel.contents.size);
        self.ready.push_back(parcel);
    }

    fn delay(&mut self, due: Instant, number: u64, parcel: Box<Parcel>) {
        self.bytes = self.bytes.saturating_add(parcel.contents.size);
        self.delayed.insert((due, number), parcel);
    }

    /// What is due comes first: it is older than what waits for a first attempt.
    fn pop_oldest(&mut self, now: Instant) -> Option<Box<Parcel>> {
        let due = self
            .delayed
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
            .map(|entry| entry.remove());
        let oldest = due.or_else(|| self.ready.pop_front());
        self.removed(oldest)
    }

    fn pop_newest(&mut self) -> Option<Box<Parcel>> {
        let newest = self
            .ready
            .pop_back()
            .or_else(|| self.delayed.pop_last().map(|(_, parcel)| parcel));
        self.removed(newest)
    }

    fn removed(&mut self, parcel: Option<Box<Parcel>>) -> Option<Box<Parcel>> {
        let parcel = parcel?;
        self.bytes = self.bytes.saturating_sub(parcel.contents.size);
        Some(parcel)
    }

    fn has_ready(&self, now: Instant) -> bool {
        !self.ready.is_empty() || self.next_due().is_some_and(|due| due <= now)
    }

    fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|(&(due, _), _)| due)
    }
}

/// The parcels that wait, and the count of those on their way.
#[derive(Debug)]
pub(super) struct Queue {
    bounds: Bounds,
    phase: Phase,
    /// The most urgent first.
    lanes: [Lane; Priority::ALL.len()],
    in_flight: usize,
    /// A number for the next delayed parcel.
    next_number: u64,
    /// The epoch of what arrives now. Each flush that has to wait begins a new one.
    epoch: u64,
    /// How many parcels of each epoch are unfinished.
    unfinished: BTreeMap<u64, usize>,
    /// How many parcels that had been accepted were lost to a shutdown.
    abandoned: u64,
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            phase: Phase::Open,
            lanes: Default::default(),
            in_flight: 0,
            next_number: 0,
            epoch: 0,
            unfinished: BTreeMap::new(),
            abandoned: 0,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub(super) fn queued(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Goes up with each accepted parcel that a shutdown cuts off.
    pub(super) fn abandoned(&self) -> u64 {
        self.abandoned
    }

    /// Takes a new parcel in. Returns what had to go for it; that may be the parcel itself.
    pub(super) fn accept(&mut self, mut parcel: Box<Parcel>) -> Vec<Lost> {
        match self.phase {
            Phase::Open => {}
            Phase::Stopped(reason) => return vec![(parcel, reason)],
            Phase::Draining(_) | Phase::Stopping => return vec![(parcel, DropReason::Shutdown)],
        }
        parcel.epoch = self.epoch;
        let (fits, mut lost) = self.make_room(&parcel);
        if fits {
            *self.unfinished.entry(parcel.epoch).or_default() += 1;
            self.lane(parcel.contents.priority).push(parcel);
        } else {
            lost.push((parcel, DropReason::QueueOverflow));
        }
        lost
    }

    /// The next thing to do. A parcel that is handed out counts as on its way until
    /// [`finish`](Self::finish) or [`put_back`](Self::put_back).
    pub(super) fn next(&mut self, now: Instant) -> Next {
        match self.phase {
            Phase::Stopping | Phase::Stopped(_) => return Next::Stop,
            Phase::Draining(until) if now >= until || self.is_finished() => return Next::Stop,
            Phase::Open | Phase::Draining(_) => {}
        }
        let most_urgent = Priority::ALL
            .into_iter()
            .zip(&mut self.lanes)
            .find(|(_, lane)| lane.has_ready(now));
        if let Some((priority, lane)) = most_urgent {
            let limit = self.bounds.in_flight.saturating_add(extra_slots(priority));
            if self.in_flight < limit
                && let Some(parcel) = lane.pop_oldest(now)
            {
                self.in_flight += 1;
                return Next::Send(parcel);
            }
        }
        let due = self
            .lanes
            .iter()
            .filter_map(Lane::next_due)
            // One that is due already waits for a slot: the end of a request brings it on.
            .filter(|&due| due > now)
            .min();
        let until = match self.phase {
            Phase::Draining(until) => Some(until),
            _ => None,
        };
        Next::Wait(due.into_iter().chain(until).min())
    }

    /// A parcel that was on its way is done with, or cut off by a shutdown.
    pub(super) fn finish(&mut self, parcel: &Parcel, cut_off: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.abandoned += u64::from(cut_off);
        self.forget(parcel);
    }

    /// A parcel that was on its way waits for another attempt. Returns what had to go for it;
    /// that may be the parcel itself.
    pub(super) fn put_back(&mut self, parcel: Box<Parcel>, due: Instant) -> Vec<Lost> {
        self.in_flight = self.in_flight.saturating_sub(1);
        if matches!(self.phase, Phase::Stopping | Phase::Stopped(_)) {
            self.abandoned += 1;
            self.forget(&parcel);
            return vec![(parcel, DropReason::Shutdown)];
        }
        let (fits, mut lost) = self.make_room(&parcel);
        if fits {
            let number = self.next_number;
            self.next_number = self.next_number.wrapping_add(1);
            self.lane(parcel.contents.priority)
                .delay(due, number, parcel);
        } else {
            self.forget(&parcel);
            lost.push((parcel, DropReason::QueueOverflow));
        }
        lost
    }

    /// Gives everything up that waits; what is on its way stays on its way.
    pub(super) fn give_up(&mut self, reason: DropReason) -> Vec<Lost> {
        let mut lost = Vec::with_capacity(self.queued());
        for lane in &mut self.lanes {
            let lane = std::mem::take(lane);
            let parcels = lane.delayed.into_values().chain(lane.ready);
            lost.extend(parcels.map(|parcel| (parcel, reason)));
        }
        for (parcel, _) in &lost {
            self.abandoned += u64::from(reason == DropReason::Shutdown);
            self.forget(parcel);
        }
        lost
    }

    /// Ends the current epoch and returns it, for [`is_finished_through`](Self::is_finished_through).
    pub(super) fn mark(&mut self) -> u64 {
        let mark = self.epoch;
        if self.unfinished.contains_key(&mark) {
            self.epoch = self.epoch.wrapping_add(1);
        }
        mark
    }

    /// Whether everything that arrived before the mark is done with.
    pub(super) fn is_finished_through(&self, mark: u64) -> bool {
        self.unfinished
            .first_key_value()
            .is_none_or(|(&epoch, _)| epoch > mark)
    }

    /// Whether nothing waits and nothing is on its way.
    pub(super) fn is_finished(&self) -> bool {
        self.unfinished.is_empty()
    }

    fn forget(&mut self, parcel: &Parcel) {
        if let Some(count) = self.unfinished.get_mut(&parcel.epoch) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.unfinished.remove(&parcel.epoch);
            }
        }
    }

    /// Drops the newest of the least urgent until the parcel fits. Nothing is dropped for a
    /// parcel that would not fit even then.
    fn make_room(&mut self, parcel: &Parcel) -> (bool, Vec<Lost>) {
        let priority = parcel.contents.priority;
        let (mut kept_count, mut kept_bytes) = (0_usize, 0_usize);
        for (_, lane) in Priority::ALL
            .into_iter()
            .zip(&self.lanes)
            .filter(|(other, _)| *other <= priority)
        {
            kept_count += lane.len();
            kept_bytes = kept_bytes.saturating_add(lane.bytes);
        }
        if kept_count >= self.bounds.count
            || kept_bytes.saturating_add(parcel.contents.size) > self.bounds.bytes
        {
            return (false, Vec::new());
        }
        let mut lost = Vec::new();
        while self.queued() >= self.bounds.count
            || self.bytes().saturating_add(parcel.contents.size) > self.bounds.bytes
        {
            let least_urgent = Priority::ALL
                .into_iter()
                .zip(&mut self.lanes)
                .rev()
                .take_while(|(other, _)| *other > priority)
                .find_map(|(_, lane)| lane.pop_newest());
            match least_urgent {
                Some(newest) => {
                    self.forget(&newest);
                    lost.push((newest, DropReason::QueueOverflow));
                }
                // Not reached: the parcel fits without the less urgent ones.
                None => break,
            }
        }
        (true, lost)
    }

    fn bytes(&self) -> usize {
        self.lanes
            .iter()
            .fold(0, |sum, lane| sum.saturating_add(lane.bytes))
    }

    fn lane(&mut self, priority: Priority) -> &mut Lane {
        let [error, session, log, transaction, other] = &mut self.lanes;
        match priority {
            Priority::Error => error,
            Priority::Session => session,
            Priority::Log => log,
            Priority::Transaction => transaction,
            Priority::Other => other,
        }
    }
}

#[cfg(test)]
#[path = "tests/queue.rs"]
mod tests;
