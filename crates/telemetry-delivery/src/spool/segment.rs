//! One file of the spool: records, one after the other.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Ticket;
use super::record::{HEADER, Header, Mark, STATE_AT, is_ours};

/// Where a record is, and where the load that it keeps is.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) offset: u64,
    /// Bytes, the header included.
    pub(super) length: u64,
    /// An attempt was begun, and whether it arrived is not known.
    pub(super) tried: bool,
    /// Held by the load in memory; None where the load is here alone.
    pub(super) ticket: Option<Ticket>,
}

/// A file, and what in it is not done with.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    /// Shared with the thread that syncs it.
    pub(super) file: Arc<File>,
    pub(super) length: u64,
    /// By id.
    pub(super) live: BTreeMap<u64, Slot>,
    pub(super) live_bytes: u64,
    /// Written since it was last synced.
    pub(super) is_dirty: bool,
}

/// What a file of an earlier process turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    /// A segment; where it is torn, the place.
    Segment {
        segment: Segment,
        torn_at: Option<u64>,
    },
    /// Nothing of ours.
    Foreign,
}

impl Segment {
    /// A new file. One that is there already is never touched.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        private(&mut options);
        let file = options.open(&path)?;
        Ok(Self::new(path, file, 0))
    }

    fn new(path: PathBuf, file: File, length: u64) -> Self {
        Self {
            path,
            file: Arc::new(file),
            length,
            live: BTreeMap::new(),
            live_bytes: 0,
            is_dirty: false,
        }
    }

    /// Reads the headers of a file. What comes after a broken one cannot be read and counts as
    /// torn off.
    pub(super) fn open(path: PathBuf) -> io::Result<Found> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let length = file.metadata()?.len();
        let mut start = [0; 4];
        let mut reader = &file;
        let read = read_up_to(&mut reader, &mut start)?;
        if !is_ours(start.get(..read).unwrap_or_default()) {
            return Ok(Found::Foreign);
        }
        let mut segment = Self::new(path, file, length);
        let mut offset = 0;
        let mut torn_at = None;
        while offset < length {
            let record = segment.header(offset)?.and_then(|header| {
                let bytes = HEADER as u64 + u64::from(header.length);
                let end = offset.checked_add(bytes).filter(|&end| end <= length)?;
                Some((header, bytes, end))
            });
            let Some((header, bytes, end)) = record else {
                torn_at = Some(offset);
                break;
            };
            if header.mark != Mark::Done {
                let slot = Slot {
                    offset,
                    length: bytes,
                    tried: header.mark == Mark::Tried,
                    ticket: None,
                };
                segment.insert(header.id, slot);
            }
            offset = end;
        }
        Ok(Found::Segment { segment, torn_at })
    }

    /// The header at a place; None where there is none.
    fn header(&self, offset: u64) -> io::Result<Option<Header>> {
        let mut bytes = [0; HEADER];
        let mut file = self.at(offset)?;
        let read = read_up_to(&mut file, &mut bytes)?;
        Ok(match read == HEADER {
            true => Header::read(&bytes),
            false => None,
        })
    }

    /// Adds a whole record. What a failure leaves behind is cut off again, as far as possible.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<u64> {
        let offset = self.length;
        if let Err(error) = self.at(offset)?.write_all(record) {
            // If this fails, too, the next record overwrites it.
            let _ = self.file.set_len(offset);
            return Err(error);
        }
        self.length += record.len() as u64;
        self.is_dirty = true;
        Ok(offset)
    }

    pub(super) fn insert(&mut self, id: u64, slot: Slot) {
        self.live_bytes += slot.length;
        self.live.insert(id, slot);
    }

    /// Writes a record's state. A done one is forgotten.
    pub(super) fn mark(&mut self, id: u64, mark: Mark) -> io::Result<()> {
        let Some(slot) = self.live.get_mut(&id) else {
            return Ok(());
        };
        let offset = slot.offset;
        slot.tried = mark == Mark::Tried;
        if mark == Mark::Done
            && let Some(slot) = self.live.remove(&id)
        {
            self.live_bytes -= slot.length;
        }
        self.is_dirty = true;
        self.at(offset + STATE_AT)?.write_all(&[mark.byte()])
    }

    /// The payload of a record.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not what was written.
    pub(super) fn payload(&self, slot: &Slot) -> io::Result<Vec<u8>> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match");
        let header = self.header(slot.offset)?.ok_or_else(broken)?;
        let mut payload = vec![0; header.length as usize];
        self.at(slot.offset + HEADER as u64)?
            .read_exact(&mut payload)?;
        match crc32fast::hash(&payload) == header.checksum {
            true => Ok(payload),
            false => Err(broken()),
        }
    }

    /// Removes the file.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn at(&self, offset: u64) -> io::Result<&File> {
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }
}

/// Reads until the buffer is full or the file ends.
fn read_up_to(reader: &mut &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// For the user's own eyes.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

/// Files take the rights of their directory.
#[cfg(not(unix))]
pub(super) fn private(_: &mut OpenOptions) {}
