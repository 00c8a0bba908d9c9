//! The parcels of one priority, in the order in which they go.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::protocol::Load;
use crate::queue::Parcel;

/// What waits of one priority.
#[derive(Debug)]
pub(crate) struct Lane<L> {
    /// In order of arrival.
    pub(crate) ready: VecDeque<Box<Parcel<L>>>,
    /// How many at the end of these the spool has not seen yet.
    unseen: usize,
    /// Waiting for another attempt, by its time. The number tells equal times apart.
    pub(crate) delayed: BTreeMap<(Instant, u64), Box<Parcel<L>>>,
    pub(crate) bytes: usize,
    /// The server asked for a pause until then.
    pub(crate) held_until: Option<Instant>,
}

impl<L> Default for Lane<L> {
    fn default() -> Self {
        Self {
            ready: VecDeque::new(),
            unseen: 0,
            delayed: BTreeMap::new(),
            bytes: 0,
            held_until: None,
        }
    }
}

impl<L: Load> Lane<L> {
    pub(crate) fn len(&self) -> usize {
        self.ready.len() + self.delayed.len()
    }

    pub(crate) fn push(&mut self, parcel: Box<Parcel<L>>) {
        self.bytes = self.bytes.saturating_add(parcel.load.bytes());
        self.ready.push_back(parcel);
        self.unseen += 1;
    }

    /// Puts a parcel behind all others that the spool has seen.
    pub(crate) fn push_seen(&mut self, parcel: Box<Parcel<L>>) {
        self.bytes = self.bytes.saturating_add(parcel.load.bytes());
        self.ready.insert(self.ready.len() - self.unseen, parcel);
    }

    /// Takes the oldest out that the spool has not seen.
    pub(crate) fn take_unseen(&mut self, limit: usize) -> Vec<Box<Parcel<L>>> {
        let first = self.ready.len() - self.unseen;
        let count = self.unseen.min(limit);
        self.unseen -= count;
        let taken: Vec<_> = self.ready.drain(first..first + count).collect();
        for parcel in &taken {
            self.bytes = self.bytes.saturating_sub(parcel.load.bytes());
        }
        taken
    }

    pub(crate) fn delay(&mut self, due: Instant, number: u64, parcel: Box<Parcel<L>>) {
        self.bytes = self.bytes.saturating_add(parcel.load.bytes());
        self.delayed.insert((due, number), parcel);
    }

    /// What is due comes first: it is older than what waits for a first attempt.
    pub(crate) fn pop_oldest(&mut self, now: Instant) -> Option<Box<Parcel<L>>> {
        let due = self
            .delayed
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
            .map(|entry| entry.remove());
        let oldest = due.or_else(|| self.ready.pop_front());
        self.removed(oldest)
    }

    /// Makes all due now, or when the server has asked for it.
    pub(crate) fn hurry(&mut self, now: Instant) {
        let delayed = std::mem::take(&mut self.delayed);
        self.delayed = delayed
            .into_iter()
            .map(|((_, number), parcel)| {
                ((parcel.not_before.unwrap_or(now).max(now), number), parcel)
            })
            .collect();
    }

    pub(crate) fn pop_newest(&mut self) -> Option<Box<Parcel<L>>> {
        let newest = self
            .ready
            .pop_back()
            .or_else(|| self.delayed.pop_last().map(|(_, parcel)| parcel));
        self.removed(newest)
    }

    /// The newest that the spool has seen, if it has it.
    pub(crate) fn pop_newest_held(&mut self) -> Option<Box<Parcel<L>>> {
        let place = (self.ready.len() - self.unseen).checked_sub(1)?;
        let ticket = self.ready.get(place)?.ticket.as_ref();
        ticket.filter(|ticket| ticket.is_held())?;
        let newest = self.ready.remove(place);
        self.removed(newest)
    }

    fn removed(&mut self, parcel: Option<Box<Parcel<L>>>) -> Option<Box<Parcel<L>>> {
        let parcel = parcel?;
        self.bytes = self.bytes.saturating_sub(parcel.load.bytes());
        self.unseen = self.unseen.min(self.ready.len());
        Some(parcel)
    }

    pub(crate) fn has_ready(&self, now: Instant) -> bool {
        self.held_until.is_none_or(|until| until <= now)
            && (!self.ready.is_empty() || self.first_due().is_some_and(|due| due <= now))
    }

    /// When there is something to send that may not go now.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        match self.held_until.filter(|&until| until > now) {
            Some(until) => (self.len() > 0).then_some(until),
            // One that is due already waits for a slot: the end of a request brings it on.
            None => self.first_due().filter(|&due| due > now),
        }
    }

    fn first_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|(&(due, _), _)| due)
    }
}
