//! Where records go, and what makes room for them.

use std::sync::atomic::Ordering;

use super::Spool;
use super::record::{Mark, record};
use super::segment::{Segment, Slot};
use crate::protocol::Priority;

impl Spool {
    /// Writes a record to the last segment of a priority, or to a new one.
    pub(super) fn append(&mut self, priority: Priority, record: &[u8]) -> Option<(u64, u64)> {
        let length = record.len() as u64;
        let (segment_bytes, first_own) = (self.segment_bytes, self.first_own);
        let last = self.lane(priority).segments.range(first_own..).next_back();
        let number = last
            .filter(|(_, segment)| segment.length.saturating_add(length) <= segment_bytes)
            .map(|(&number, _)| number);
        let number = match number {
            Some(number) => number,
            None => {
                let number = self.next_segment;
                let created = Segment::create(self.directory.path_of(number, priority));
                let segment = self.check(created)?;
                self.next_segment = number.saturating_add(1);
                self.directory_is_dirty = true;
                self.lane(priority).segments.insert(number, segment);
                number
            }
        };
        let appended = self
            .lane(priority)
            .segments
            .get_mut(&number)?
            .append(record);
        let offset = self.check(appended)?;
        self.bytes = self.bytes.saturating_add(length);
        Some((number, offset))
    }

    /// Makes room for a record; false where there is none.
    pub(super) fn make_room(
        &mut self,
        priority: Priority,
        length: u64,
        lost: &mut Vec<Vec<u8>>,
    ) -> bool {
        // The rest is for moving what is left of a segment.
        let most = self.max_bytes.saturating_sub(self.segment_bytes / 2);
        if length > most {
            return false;
        }
        while self.bytes.saturating_add(length) > most {
            if self.move_one() {
                continue;
            }
            let least_urgent = Priority::ALL
                .into_iter()
                .rev()
                .take_while(|other| *other > priority)
                .find_map(|other| Some((other, *self.lane(other).segments.last_key_value()?.0)));
            match least_urgent {
                Some((other, number)) => self.drop_segment(other, number, lost),
                None => return false,
            }
        }
        true
    }

    /// Gives up a segment with all that is in it.
    fn drop_segment(&mut self, priority: Priority, number: u64, lost: &mut Vec<Vec<u8>>) {
        let Some(segment) = self.lane(priority).segments.remove(&number) else {
            return;
        };
        for (id, slot) in &segment.live {
            let failures = self.index.remove(id).map_or(0, |(_, failures)| failures);
            match &slot.ticket {
                // Still in memory: it may arrive.
                Some(ticket) => ticket.held.store(false, Ordering::Relaxed),
                None => {
                    self.lane(priority).waiting.remove(&(failures, *id));
                    lost.push(segment.payload(slot).unwrap_or_default());
                }
            }
        }
        self.remove(segment);
    }

    /// Moves what is left of a segment that is mostly done with; false where there is none.
    fn move_one(&mut self) -> bool {
        let found = Priority::ALL.into_iter().find_map(|priority| {
            let mut segments = self.lane(priority).segments.iter();
            let (&number, _) =
                segments.find(|(_, it)| it.live_bytes.saturating_mul(2) <= it.length)?;
            Some((priority, number))
        });
        let Some((priority, number)) = found else {
            return false;
        };
        let Some(segment) = self.lane(priority).segments.remove(&number) else {
            return false;
        };
        for (id, slot) in &segment.live {
            let mark = match slot.tried {
                true => Mark::Tried,
                false => Mark::Waits,
            };
            let moved = segment
                .payload(slot)
                .ok()
                .and_then(|payload| record(mark, *id, &payload))
                .and_then(|bytes| Some((self.append(priority, &bytes)?, bytes.len() as u64)));
            let Some(((new, offset), length)) = moved else {
                // Left where it is: what was moved already is known by its new place.
                self.put_back(priority, number, segment);
                return false;
            };
            let place = Slot {
                offset,
                length,
                tried: slot.tried,
                ticket: slot.ticket.clone(),
            };
            if let Some(segment) = self.lane(priority).segments.get_mut(&new) {
                segment.insert(*id, place);
            }
            if let Some((segment, _)) = self.index.get_mut(id) {
                *segment = new;
            }
        }
        self.remove(segment);
        true
    }

    /// Takes a segment back of which a part was moved.
    fn put_back(&mut self, priority: Priority, number: u64, mut segment: Segment) {
        let ids: Vec<u64> = segment.live.keys().copied().collect();
        for id in ids {
            if self.index.get(&id).is_none_or(|(home, _)| *home != number) {
                let marked = segment.mark(id, Mark::Done);
                self.check(marked);
            }
        }
        self.lane(priority).segments.insert(number, segment);
    }

    /// Removes a segment in which nothing is left. The one that is written to stays until it is
    /// half full.
    pub(super) fn tidy(&mut self, priority: Priority, number: u64) {
        let (half, first_own) = (self.segment_bytes / 2, self.first_own);
        let lane = self.lane(priority);
        let mut own = lane.segments.range(first_own..);
        let is_last = own.next_back().is_some_and(|(last, _)| *last == number);
        let Some(segment) = lane.segments.get(&number) else {
            return;
        };
        if segment.live.is_empty()
            && (!is_last || segment.length >= half)
            && let Some(segment) = lane.segments.remove(&number)
        {
            self.remove(segment);
        }
    }
}
