//! Loads on disk: written before they are first sent, and there after a crash.
//!
//! The spool is an index over segments: files of records of one priority. What is done with is
//! marked in place, and a segment without anything left is removed. The delivery's thread owns it;
//! nobody else touches a file.

mod directory;
mod options;
mod record;
mod segment;
mod space;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use self::directory::Directory;
pub use self::options::SpoolOptions;
use self::record::{Mark, record};
use self::segment::{Found, Segment, Slot};
use crate::protocol::Priority;

/// Why there is no spool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("another process uses it")]
    InUse,
    #[error("{doing}: {reason}")]
    Io { doing: &'static str, reason: String },
}

/// A load's place in the spool.
pub(crate) type Ticket = Arc<Held>;

/// Which record, and whether the spool still has it.
#[derive(Debug)]
pub(crate) struct Held {
    id: u64,
    priority: Priority,
    held: AtomicBool,
}

impl Held {
    /// Whether the load would be found again. What had to make room is gone.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }
}

/// What [`Spool::store`] did.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// None where the spool does not take it.
    pub(crate) ticket: Option<Ticket>,
    /// Payloads of loads that were here alone and had to make room.
    pub(crate) lost: Vec<Vec<u8>>,
}

/// A load that is read back.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) ticket: Ticket,
    /// An attempt was begun, and whether it arrived is not known.
    pub(crate) tried: bool,
    pub(crate) payload: Vec<u8>,
}

/// The segments of one priority.
#[derive(Debug, Default)]
struct Lane {
    /// By number: the last one is written to.
    segments: BTreeMap<u64, Segment>,
    /// What is here alone: how often it has failed, and its id.
    waiting: BTreeSet<(u32, u64)>,
}

/// Loads on disk.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: Directory,
    /// The most urgent first.
    lanes: [Lane; Priority::ALL.len()],
    /// The segment of each record, and how often it has failed.
    index: HashMap<u64, (u64, u32)>,
    max_bytes: u64,
    segment_bytes: u64,
    bytes: u64,
    next_id: u64,
    next_segment: u64,
    /// Files of earlier processes, which may be torn, have numbers below this.
    first_own: u64,
    /// A segment was made since the directory was last synced.
    directory_is_dirty: bool,
    /// When a failure was last noted.
    failed_at: Option<Instant>,
    /// When it was last noted that there is no room.
    full_at: Option<Instant>,
    unreadable: u64,
    notices: Vec<String>,
}

/// What goes on for a while is noted this often at most.
const NOTED_EVERY: Duration = Duration::from_secs(60);

impl Spool {
    /// Takes the directory, and finds what an earlier process has left there.
    pub(crate) fn open(options: &SpoolOptions) -> Result<Self, SpoolError> {
        let directory = Directory::open(&options.directory)?;
        let listing = directory.list().map_err(|error| SpoolError::Io {
            doing: "the directory cannot be read",
            reason: error.to_string(),
        })?;
        let mut spool = Self {
            directory,
            lanes: Default::default(),
            index: HashMap::new(),
            max_bytes: options.max_bytes,
            segment_bytes: (options.max_bytes / 64).clamp(16 * 1024, 4 * 1024 * 1024),
            bytes: 0,
            next_id: 0,
            next_segment: listing.next,
            first_own: listing.next,
            directory_is_dirty: false,
            failed_at: None,
            full_at: None,
            unreadable: 0,
            notices: Vec::new(),
        };
        for name in listing.others {
            spool.note(format!(
                "the file {name:?} is none of the spool's: left alone"
            ));
        }
        for named in listing.segments {
            let name = named.path.file_name().unwrap_or_default().to_owned();
            match Segment::open(named.path) {
                Ok(Found::Segment { segment, torn_at }) => {
                    if let Some(offset) = torn_at {
                        spool.note(format!(
                            "the file {name:?} is torn at byte {offset}: what follows is skipped"
                        ));
                    }
                    spool.adopt(named.number, named.priority, segment);
                }
                Ok(Found::Foreign) => {
                    spool.note(format!(
                        "the file {name:?} is none of the spool's: left alone"
                    ));
                }
                Err(error) => spool.note(format!("the file {name:?} cannot be read: {error}")),
            }
        }
        Ok(spool)
    }

    /// Takes a segment of an earlier process in: all of it waits.
    fn adopt(&mut self, number: u64, priority: Priority, mut segment: Segment) {
        // A crash within a move leaves a record twice.
        let known: Vec<u64> = segment.live.keys().copied().collect();
        for id in known {
            self.next_id = self.next_id.max(id.saturating_add(1));
            if self.index.contains_key(&id) {
                let marked = segment.mark(id, Mark::Done);
                self.check(marked);
                continue;
            }
            self.index.insert(id, (number, 0));
            self.lane(priority).waiting.insert((0, id));
        }
        self.bytes = self.bytes.saturating_add(segment.length);
        self.lane(priority).segments.insert(number, segment);
        self.tidy(priority, number);
    }

    /// Writes a load down. Where there is no room, what is less urgent goes, the newest first.
    pub(crate) fn store(&mut self, priority: Priority, payload: &[u8]) -> Stored {
        let mut stored = Stored::default();
        let id = self.next_id;
        let Some(record) = record(Mark::Waits, id, payload) else {
            return stored;
        };
        let has_room = self.make_room(priority, record.len() as u64, &mut stored.lost);
        if !has_room {
            if is_due(&mut self.full_at) {
                let notice = "it is full of what is as urgent: what comes is in memory only";
                self.note(notice.to_owned());
            }
            return stored;
        }
        let Some((number, offset)) = self.append(priority, &record) else {
            return stored;
        };
        let ticket = Arc::new(Held {
            id,
            priority,
            held: AtomicBool::new(true),
        });
        let slot = Slot {
            offset,
            length: record.len() as u64,
            tried: false,
            ticket: Some(Arc::clone(&ticket)),
        };
        if let Some(segment) = self.lane(priority).segments.get_mut(&number) {
            segment.insert(id, slot);
        }
        self.index.insert(id, (number, 0));
        self.next_id = id.saturating_add(1);
        stored.ticket = Some(ticket);
        stored
    }

    /// Says that an attempt begins, and that it must not be repeated if this process ends in it.
    pub(crate) fn tried(&mut self, ticket: &Held) {
        self.mark(ticket, Mark::Tried);
    }

    /// Says that an attempt has not arrived for certain.
    pub(crate) fn not_arrived(&mut self, ticket: &Held) {
        self.mark(ticket, Mark::Waits);
    }

    /// Says that a load has arrived, or was given up.
    pub(crate) fn done(&mut self, ticket: &Held) {
        self.mark(ticket, Mark::Done);
        if let Some((number, _)) = self.index.remove(&ticket.id) {
            self.tidy(ticket.priority, number);
        }
    }

    /// Keeps a load that is in memory no more. One that failed waits behind the others. False
    /// where it is not here any more.
    pub(crate) fn keep(&mut self, ticket: &Held, failed: bool) -> bool {
        let Some((number, failures)) = self.index.get_mut(&ticket.id) else {
            return false;
        };
        *failures = failures.saturating_add(u32::from(failed));
        let (number, failures) = (*number, *failures);
        let lane = self.lane(ticket.priority);
        lane.waiting.insert((failures, ticket.id));
        if let Some(slot) = lane
            .segments
            .get_mut(&number)
            .and_then(|segment| segment.live.get_mut(&ticket.id))
        {
            slot.ticket = None;
        }
        true
    }

    /// Reads the most valuable load back: of the most urgent ones that which has failed least
    /// and is the oldest. One that cannot be read is noted and given up.
    pub(crate) fn take(&mut self) -> Option<Taken> {
        loop {
            let (priority, (failures, id)) = Priority::ALL
                .into_iter()
                .find_map(|priority| Some((priority, *self.lane(priority).waiting.first()?)))?;
            let ticket = Arc::new(Held {
                id,
                priority,
                held: AtomicBool::new(true),
            });
            let number = self.index.get(&id).map(|(number, _)| *number);
            let lane = self.lane(priority);
            lane.waiting.remove(&(failures, id));
            let Some(segment) = number.and_then(|number| lane.segments.get_mut(&number)) else {
                continue;
            };
            let read = match segment.live.get(&id) {
                Some(slot) => segment.payload(slot).map(|payload| (slot.tried, payload)),
                None => continue,
            };
            let name = segment.path().file_name().unwrap_or_default().to_owned();
            match read {
                Ok((tried, payload)) => {
                    if let Some(slot) = segment.live.get_mut(&id) {
                        slot.ticket = Some(Arc::clone(&ticket));
                    }
                    return Some(Taken {
                        ticket,
                        tried,
                        payload,
                    });
                }
                Err(error) => {
                    self.note(format!("a record in the file {name:?} is skipped: {error}"));
                    self.unreadable += 1;
                    self.done(&ticket);
                }
            }
        }
    }

    /// How many loads are here alone.
    pub(crate) fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).sum()
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was written since the last call and should be synced.
    pub(crate) fn unsynced(&mut self) -> Vec<Arc<File>> {
        let mut files = Vec::new();
        for lane in &mut self.lanes {
            for segment in lane.segments.values_mut() {
                if std::mem::take(&mut segment.is_dirty) {
                    files.push(Arc::clone(&segment.file));
                }
            }
        }
        if std::mem::take(&mut self.directory_is_dirty)
            && let Ok(directory) = self.directory.open_directory()
        {
            files.push(Arc::new(directory));
        }
        files
    }

    /// Whether something was written since it was last synced.
    pub(crate) fn is_dirty(&self) -> bool {
        let mut segments = self.lanes.iter().flat_map(|lane| lane.segments.values());
        self.directory_is_dirty || segments.any(|segment| segment.is_dirty)
    }

    /// How many loads were given up since the last call because they cannot be read.
    pub(crate) fn unreadable(&mut self) -> u64 {
        std::mem::take(&mut self.unreadable)
    }

    /// What is to be reported.
    pub(crate) fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    // --- Files.

    fn mark(&mut self, ticket: &Held, mark: Mark) {
        let Some(&(number, _)) = self.index.get(&ticket.id) else {
            return;
        };
        if let Some(segment) = self.lane(ticket.priority).segments.get_mut(&number) {
            let marked = segment.mark(ticket.id, mark);
            self.check(marked);
        }
    }

    fn remove(&mut self, segment: Segment) {
        self.bytes = self.bytes.saturating_sub(segment.length);
        let removed = segment.remove();
        self.check(removed);
    }

    /// Notes a failure.
    fn check<T>(&mut self, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if is_due(&mut self.failed_at) {
                    self.note(format!("a file cannot be written: {error}"));
                }
                None
            }
        }
    }

    fn note(&mut self, notice: String) {
        self.notices.push(notice);
    }

    fn lane(&mut self, priority: Priority) -> &mut Lane {
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

/// Whether something is to be noted again.
fn is_due(noted: &mut Option<Instant>) -> bool {
    let is_due = noted.is_none_or(|at| at.elapsed() >= NOTED_EVERY);
    if is_due {
        *noted = Some(Instant::now());
    }
    is_due
}

/// What is done with needs no files.
impl Drop for Spool {
    fn drop(&mut self) {
        for lane in &mut self.lanes {
            for (_, segment) in std::mem::take(&mut lane.segments) {
                if segment.live.is_empty() {
                    let _ = segment.remove();
                }
            }
        }
    }
}
