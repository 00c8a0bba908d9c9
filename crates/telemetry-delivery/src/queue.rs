//! The waiting room: one lane for each priority, bounded by count and bytes.
//!
//! Plain data without locks or clocks; [`State`](crate::state::State) guards it.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::lane::Lane;
use crate::protocol::{Load, Priority};
use crate::spool::Ticket;
use crate::stats::{DropReason, Gauges};

/// A load on its way through the delivery.
#[derive(Debug)]
pub(crate) struct Parcel<L> {
    pub(crate) load: L,
    /// Attempts begun.
    pub(crate) attempts: u32,
    /// When the first attempt began.
    pub(crate) first_attempt: Option<Instant>,
    /// The server asked not to be sent it before.
    pub(crate) not_before: Option<Instant>,
    /// Its place in the spool.
    pub(crate) ticket: Option<Ticket>,
    /// Whether the spool was asked to take it.
    pub(crate) was_offered: bool,
    /// Whether the spool knows that an attempt was begun that must not be repeated.
    pub(crate) is_tried: bool,
    /// Which flushes wait for it; set on arrival.
    epoch: u64,
}

impl<L: Load> Parcel<L> {
    pub(crate) fn new(load: L) -> Box<Self> {
        Box::new(Self {
            load,
            attempts: 0,
            first_attempt: None,
            not_before: None,
            ticket: None,
            was_offered: false,
            is_tried: false,
            epoch: 0,
        })
    }
}

/// A parcel that was given up, and why.
pub(crate) type Lost<L> = (Box<Parcel<L>>, DropReason);

/// What the queue holds at most, and how much may be on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) in_flight: usize,
}

/// Whether the delivery works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
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
pub(crate) enum Next<L> {
    /// Send this; its slot is taken.
    Send(Box<Parcel<L>>),
    /// Wait for a change, or until this moment.
    Wait(Option<Instant>),
    /// End.
    Stop,
}

/// Requests beyond the limit that an urgent parcel may open, so that it never waits for others.
const fn extra_slots(priority: Priority) -> usize {
    match priority {
        Priority::Urgent => 4,
        Priority::High => 2,
        Priority::Normal | Priority::Low | Priority::Lowest => 0,
    }
}

/// The most requests that are ever on their way at a limit of `in_flight`.
pub(crate) const fn most_in_flight(in_flight: usize) -> usize {
    in_flight.saturating_add(extra_slots(Priority::Urgent))
}

/// The parcels that wait, and the count of those on their way.
#[derive(Debug)]
pub(crate) struct Queue<L> {
    bounds: Bounds,
    phase: Phase,
    /// The most urgent first.
    lanes: [Lane<L>; Priority::ALL.len()],
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

impl<L: Load> Queue<L> {
    pub(crate) fn new(bounds: Bounds) -> Self {
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

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// Takes nothing new from now on, and is to be empty by `until`. What only waits out a pause
    /// of our own gets its next attempt at once: there may be no other chance.
    pub(crate) fn drain(&mut self, now: Instant, until: Instant) {
        self.phase = Phase::Draining(until);
        for lane in &mut self.lanes {
            lane.hurry(now);
        }
    }

    /// Hands nothing of a priority out before this time: the server asked for it.
    pub(crate) fn hold(&mut self, priority: Priority, until: Instant) {
        let lane = self.lane(priority);
        lane.held_until = lane.held_until.max(Some(until));
    }

    pub(crate) fn gauges(&self) -> Gauges {
        Gauges {
            queued: self.queued(),
            queued_bytes: self.bytes(),
            in_flight: self.in_flight,
        }
    }

    fn queued(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }

    /// Goes up with each accepted parcel that a shutdown cuts off.
    pub(crate) fn abandoned(&self) -> u64 {
        self.abandoned
    }

    /// Takes a new parcel in, or says why not. Returns also what is lost by that: what had to
    /// make room, or the parcel itself.
    pub(crate) fn accept(
        &mut self,
        mut parcel: Box<Parcel<L>>,
    ) -> (Result<(), DropReason>, Vec<Lost<L>>) {
        let (fits, mut lost) = match self.phase {
            Phase::Open => self.make_room(&parcel),
            Phase::Stopped(reason) => return (Err(reason), vec![(parcel, reason)]),
            Phase::Draining(_) | Phase::Stopping => {
                let reason = DropReason::Shutdown;
                return (Err(reason), vec![(parcel, reason)]);
            }
        };
        if !fits {
            let reason = DropReason::QueueOverflow;
            lost.push((parcel, reason));
            return (Err(reason), lost);
        }
        self.expect(&mut parcel);
        self.lane(parcel.load.priority()).push(parcel);
        (Ok(()), lost)
    }

    /// From now on a parcel is to be finished.
    fn expect(&mut self, parcel: &mut Parcel<L>) {
        parcel.epoch = self.epoch;
        *self.unfinished.entry(parcel.epoch).or_default() += 1;
    }

    /// Takes a parcel in that was read back from the spool.
    pub(crate) fn readmit(&mut self, mut parcel: Box<Parcel<L>>) {
        self.expect(&mut parcel);
        self.lane(parcel.load.priority()).push_seen(parcel);
    }

    /// Takes parcels out that the spool has not seen, the most urgent first. They are to come
    /// back by [`put_seen`](Self::put_seen).
    pub(crate) fn take_unseen(&mut self, limit: usize) -> Vec<Box<Parcel<L>>> {
        let mut taken = Vec::new();
        for lane in &mut self.lanes {
            taken.append(&mut lane.take_unseen(limit - taken.len()));
        }
        taken
    }

    pub(crate) fn put_seen(&mut self, parcels: Vec<Box<Parcel<L>>>) {
        for parcel in parcels {
            self.lane(parcel.load.priority()).push_seen(parcel);
        }
    }

    /// Whether there is room for what the spool has: the other half is for what comes.
    pub(crate) fn has_room(&self) -> bool {
        self.phase == Phase::Open
            && self.queued() < self.bounds.count.div_ceil(2)
            && self.bytes() < self.bounds.bytes.div_ceil(2)
    }

    /// The next thing to do. A parcel that is handed out counts as on its way until
    /// [`finish`](Self::finish) or [`put_back`](Self::put_back).
    pub(crate) fn next(&mut self, now: Instant) -> Next<L> {
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
        let next = self
            .lanes
            .iter()
            .filter_map(|lane| lane.next_due(now))
            .min();
        match self.phase {
            // Nothing on its way, and nothing may go before the end.
            Phase::Draining(until) if self.in_flight == 0 && next.is_some_and(|at| at >= until) => {
                Next::Stop
            }
            Phase::Draining(until) => Next::Wait(Some(next.map_or(until, |at| at.min(until)))),
            _ => Next::Wait(next),
        }
    }

    /// A parcel that was on its way is done with, or cut off by a shutdown.
    pub(crate) fn finish(&mut self, parcel: &Parcel<L>, cut_off: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.abandoned += u64::from(cut_off);
        self.forget(parcel);
    }

    /// A parcel that was on its way waits for another attempt. Returns what had to go for it;
    /// that may be the parcel itself.
    pub(crate) fn put_back(&mut self, parcel: Box<Parcel<L>>, due: Instant) -> Vec<Lost<L>> {
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
            self.lane(parcel.load.priority()).delay(due, number, parcel);
        } else {
            self.forget(&parcel);
            lost.push((parcel, DropReason::QueueOverflow));
        }
        lost
    }

    /// Gives everything up that waits; what is on its way stays on its way.
    pub(crate) fn give_up(&mut self, reason: DropReason) -> Vec<Lost<L>> {
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
    pub(crate) fn mark(&mut self) -> u64 {
        let mark = self.epoch;
        if self.unfinished.contains_key(&mark) {
            self.epoch = self.epoch.wrapping_add(1);
        }
        mark
    }

    /// Whether everything that arrived before the mark is done with.
    pub(crate) fn is_finished_through(&self, mark: u64) -> bool {
        self.unfinished
            .first_key_value()
            .is_none_or(|(&epoch, _)| epoch > mark)
    }

    /// Whether nothing waits and nothing is on its way.
    pub(crate) fn is_finished(&self) -> bool {
        self.unfinished.is_empty()
    }

    fn forget(&mut self, parcel: &Parcel<L>) {
        if let Some(count) = self.unfinished.get_mut(&parcel.epoch) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.unfinished.remove(&parcel.epoch);
            }
        }
    }

    /// Drops the newest of the least urgent until the parcel fits. Nothing is dropped for a
    /// parcel that would not fit even then, but what a spool has of the same priority leaves
    /// the memory for it.
    fn make_room(&mut self, parcel: &Parcel<L>) -> (bool, Vec<Lost<L>>) {
        let priority = parcel.load.priority();
        let mut lost = Vec::new();
        while !self.fits_beside_as_urgent(parcel) {
            let Some(held) = self.lane(priority).pop_newest_held() else {
                return (false, lost);
            };
            self.forget(&held);
            lost.push((held, DropReason::QueueOverflow));
        }
        while self.queued() >= self.bounds.count
            || self.bytes().saturating_add(parcel.load.bytes()) > self.bounds.bytes
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

    /// Whether a parcel would fit if nothing less urgent were there.
    fn fits_beside_as_urgent(&self, parcel: &Parcel<L>) -> bool {
        let priority = parcel.load.priority();
        let (mut count, mut bytes) = (0_usize, parcel.load.bytes());
        for (_, lane) in Priority::ALL
            .into_iter()
            .zip(&self.lanes)
            .filter(|(other, _)| *other <= priority)
        {
            count += lane.len();
            bytes = bytes.saturating_add(lane.bytes);
        }
        count < self.bounds.count && bytes <= self.bounds.bytes
    }

    fn bytes(&self) -> usize {
        self.lanes
            .iter()
            .fold(0, |sum, lane| sum.saturating_add(lane.bytes))
    }

    fn lane(&mut self, priority: Priority) -> &mut Lane<L> {
        let [urgent, high, normal, low, lowest] = &mut self.lanes;
        match priority {
            Priority::Urgent => urgent,
            Priority::High => high,
            Priority::Normal => normal,
            Priority::Low => low,
            Priority::Lowest => lowest,
        }
    }
}

#[cfg(test)]
#[path = "tests/queue.rs"]
mod tests;
