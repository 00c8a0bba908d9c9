//! A record of the spool as bytes: a header of fixed length, then the payload.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | `TSR1` |
//! | 4 | the state: `W` waits, `T` was tried, `D` is done with |
//! | 5..8 | zero |
//! | 8..16 | the id |
//! | 16..20 | the length of the payload |
//! | 20..24 | CRC-32 of the payload |
//! | 24..28 | CRC-32 of the bytes 0..4 and 8..24 |
//!
//! Numbers are little-endian. The state alone is ever written again, in place: one byte, which
//! no crash can tear.

/// Bytes of a header.
pub(super) const HEADER: usize = 28;

/// Where in the header the state is.
pub(super) const STATE_AT: u64 = 4;

const MAGIC: [u8; 4] = *b"TSR1";

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It waits.
    Waits,
    /// An attempt was begun, and whether it arrived is not known.
    Tried,
    /// It has arrived, or was given up.
    Done,
}

impl Mark {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Waits => b'W',
            Self::Tried => b'T',
            Self::Done => b'D',
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            b'W' => Some(Self::Waits),
            b'T' => Some(Self::Tried),
            b'D' => Some(Self::Done),
            _ => None,
        }
    }
}

/// A header, as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) mark: Mark,
    pub(super) id: u64,
    /// Bytes of the payload.
    pub(super) length: u32,
    pub(super) checksum: u32,
}

impl Header {
    /// The header of these bytes; None where they are no header, or not a whole one.
    pub(super) fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let [m0, m1, m2, m3, state, _, _, _, rest @ ..] = *bytes;
        let [id @ .., l0, l1, l2, l3, p0, p1, p2, p3, h0, h1, h2, h3] = rest;
        let header = Self {
            mark: Mark::of(state)?,
            id: u64::from_le_bytes(id),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            checksum: u32::from_le_bytes([p0, p1, p2, p3]),
        };
        let is_whole = [m0, m1, m2, m3] == MAGIC
            && u32::from_le_bytes([h0, h1, h2, h3]) == header.own_checksum();
        is_whole.then_some(header)
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.length as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[self.mark.byte(), 0, 0, 0]);
        bytes.extend_from_slice(&self.id.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.checksum.to_le_bytes());
        bytes.extend_from_slice(&self.own_checksum().to_le_bytes());
        bytes
    }

    fn own_checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&MAGIC);
        hasher.update(&self.id.to_le_bytes());
        hasher.update(&self.length.to_le_bytes());
        hasher.update(&self.checksum.to_le_bytes());
        hasher.finalize()
    }
}

/// A whole record; None where the payload is longer than a record can be.
pub(super) fn record(mark: Mark, id: u64, payload: &[u8]) -> Option<Vec<u8>> {
    let header = Header {
        mark,
        id,
        length: u32::try_from(payload.len()).ok()?,
        checksum: crc32fast::hash(payload),
    };
    let mut bytes = header.write();
    bytes.extend_from_slice(payload);
    Some(bytes)
}

/// Whether bytes begin as the spool's files do, as far as they go.
pub(super) fn is_ours(bytes: &[u8]) -> bool {
    bytes.iter().zip(&MAGIC).all(|(byte, ours)| byte == ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> Option<Header> {
        Header::read(bytes.get(..HEADER)?.try_into().ok()?)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for mark in [Mark::Waits, Mark::Tried, Mark::Done] {
            let bytes = record(mark, 7, b"payload").unwrap();
            let read = header(&bytes).unwrap();
            assert_eq!((read.mark, read.id, read.length), (mark, 7, 7));
            assert_eq!(read.checksum, crc32fast::hash(&bytes[HEADER..]));
            assert!(is_ours(&bytes) && is_ours(&bytes[..2]));
        }
    }

    #[test]
    fn every_broken_byte_of_a_header_is_noticed() {
        let whole = record(Mark::Waits, 7, b"payload").unwrap();
        // Three bytes are reserved.
        for place in (0..HEADER).filter(|place| !(5..8).contains(place)) {
            let mut broken = whole.clone();
            broken[place] ^= 0x10;
            assert_eq!(header(&broken), None, "byte {place}");
        }
    }

    #[test]
    fn the_state_can_be_written_alone() {
        let mut bytes = record(Mark::Waits, 7, b"payload").unwrap();
        bytes[STATE_AT as usize] = Mark::Done.byte();
        assert_eq!(header(&bytes).unwrap().mark, Mark::Done);
    }
}
