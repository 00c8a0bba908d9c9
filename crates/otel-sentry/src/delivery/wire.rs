//! The bytes of an envelope: its header line written anew for each attempt, and gzip.

use std::time::SystemTime;

use flate2::{Compress, Crc, FlushCompress, Status};
use sentry::Envelope;
use sentry::protocol::EnvelopeHeaders;
use sentry::types::Dsn;
use serde_json::{Map, Value};

use super::kind::split_line;

/// Why an envelope cannot be put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("the envelope does not serialize")]
    Serialize,
    #[error("the envelope's header line is not a JSON object")]
    Header,
    #[error("the body does not compress")]
    Compress,
}

/// A serialized envelope.
#[derive(Debug)]
pub(super) struct Wire {
    /// The header line, parsed.
    header: Map<String, Value>,
    /// All bytes as they were serialized.
    bytes: Vec<u8>,
    /// Where the first item begins.
    items: usize,
}

impl Wire {
    /// Serializes an envelope and parses its first line.
    pub(super) fn new(envelope: &Envelope) -> Result<Self, WireError> {
        let mut bytes = Vec::new();
        envelope
            .to_writer(&mut bytes)
            .map_err(|_| WireError::Serialize)?;
        let (line, rest) = split_line(&bytes);
        let header = serde_json::from_slice(line).map_err(|_| WireError::Header)?;
        let items = bytes.len() - rest.len();
        Ok(Self {
            header,
            bytes,
            items,
        })
    }

    /// All of it, as it was serialized.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes in memory.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The header line of an attempt at `now`, with its newline: `sent_at` is set, because the
    /// server takes an old one for a wrong clock and shifts every time; `dsn` where it is missing.
    pub(super) fn header_line(&mut self, dsn: &str, now: SystemTime) -> Result<Vec<u8>, WireError> {
        let sent_at = serde_json::to_value(EnvelopeHeaders::new().with_sent_at(now))
            .ok()
            .and_then(|mut headers| headers.get_mut("sent_at").map(Value::take))
            .ok_or(WireError::Header)?;
        self.header.insert("sent_at".to_owned(), sent_at);
        self.header
            .entry("dsn")
            .or_insert_with(|| Value::String(dsn.to_owned()));
        let mut line = serde_json::to_vec(&self.header).map_err(|_| WireError::Header)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Everything after the header line.
    pub(super) fn items(&self) -> &[u8] {
        self.bytes.get(self.items..).unwrap_or_default()
    }
}

/// The DSN for the envelope header: without the old secret part, which has no place in a body.
pub(super) fn public_dsn(dsn: &Dsn) -> String {
    let port = if dsn.port() == dsn.scheme().default_port() {
        String::new()
    } else {
        format!(":{}", dsn.port())
    };
    format!(
        "{}://{}@{}{port}{}{}",
        dsn.scheme(),
        dsn.public_key(),
        dsn.host(),
        dsn.path(),
        dsn.project_id()
    )
}

/// A gzip compressor that is used again and again: its tables take some 300 KiB.
#[derive(Debug)]
pub(super) struct Gzip(Compress);

/// RFC 1952: magic, deflate, no flags, no time, no hint, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

impl Gzip {
    pub(super) fn new(level: u32) -> Self {
        Self(Compress::new(flate2::Compression::new(level), false))
    }

    /// Compresses the parts, one after the other, into one gzip member.
    pub(super) fn compress(&mut self, parts: &[&[u8]]) -> Result<Vec<u8>, WireError> {
        self.0.reset();
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut crc = Crc::new();
        let mut out = Vec::with_capacity(length / 2 + 128);
        out.extend_from_slice(&GZIP_HEADER);
        for part in parts {
            crc.update(part);
            self.push(part, FlushCompress::None, &mut out)?;
        }
        self.push(&[], FlushCompress::Finish, &mut out)?;
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&crc.amount().to_le_bytes());
        Ok(out)
    }

    fn push(
        &mut self,
        part: &[u8],
        flush: FlushCompress,
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        let finishing = matches!(flush, FlushCompress::Finish);
        let mut rest = part;
        while finishing || !rest.is_empty() {
            if out.capacity() - out.len() < 64 {
                out.reserve(out.len().max(256));
            }
            let (taken, written) = (self.0.total_in(), out.len());
            let status = self
                .0
                .compress_vec(rest, out, flush)
                .map_err(|_| WireError::Compress)?;
            if matches!(status, Status::StreamEnd) {
                return Ok(());
            }
            let taken = usize::try_from(self.0.total_in() - taken).unwrap_or(usize::MAX);
            if taken == 0 && out.len() == written {
                // There is room in the buffer, so the compressor is stuck.
                return Err(WireError::Compress);
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn raw(bytes: &[u8]) -> Envelope {
        Envelope::from_bytes_raw(bytes.to_vec()).unwrap()
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        // Reads one member and no more, as strict servers do.
        let mut decoder = flate2::bufread::GzDecoder::new(bytes);
        decoder.read_to_end(&mut plain).unwrap();
        assert!(decoder.into_inner().is_empty(), "bytes after the member");
        plain
    }

    #[test]
    fn the_header_gets_sent_at_anew_and_a_dsn() {
        let mut wire = Wire::new(&raw(
            b"{\"event_id\":\"a\",\"sent_at\":\"2001-01-01T00:00:00Z\",\"x\":1}\n{\"type\":\"event\"}\n{}",
        ))
        .unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let line = wire.header_line("https://k@h/1", time).unwrap();
        let header: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(header["sent_at"], "2023-11-14T22:13:20Z");
        assert_eq!(header["dsn"], "https://k@h/1");
        assert_eq!(header["event_id"], "a");
        assert_eq!(header["x"], 1);
        assert_eq!(wire.items(), b"{\"type\":\"event\"}\n{}");

        let later = wire
            .header_line("https://other@h/2", time + Duration::from_secs(1))
            .unwrap();
        let header: Value = serde_json::from_slice(&later).unwrap();
        assert_eq!(header["sent_at"], "2023-11-14T22:13:21Z");
        assert_eq!(header["dsn"], "https://k@h/1", "a DSN that is there stays");
    }

    #[test]
    fn typed_envelopes_have_a_header_too() {
        let envelope = Envelope::from(sentry::protocol::Event::default());
        let mut wire = Wire::new(&envelope).unwrap();
        let line = wire.header_line("d", SystemTime::now()).unwrap();
        let header: Value = serde_json::from_slice(&line).unwrap();
        assert!(header["event_id"].is_string());
        assert!(wire.items().starts_with(b"{\"type\":\"event\""));
    }

    #[test]
    fn a_header_that_is_no_object_is_an_error() {
        for bytes in [&b"[]\n{}"[..], b"nonsense\n{}", b"\n{}", b"\xff\n{}"] {
            assert_eq!(Wire::new(&raw(bytes)).unwrap_err(), WireError::Header);
        }
    }

    #[test]
    fn the_dsn_in_the_body_has_no_secret() {
        for (dsn, expected) in [
            (
                "https://key:secret@host/prefix/42",
                "https://key@host/prefix/42",
            ),
            ("http://key@127.0.0.1:9000/1", "http://key@127.0.0.1:9000/1"),
        ] {
            assert_eq!(public_dsn(&dsn.parse().unwrap()), expected);
        }
    }

    proptest! {
        #[test]
        fn gzip_round_trips(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..4),
            repeat in 1_usize..40,
            level in 1_u32..=9,
        ) {
            let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.repeat(repeat)).collect();
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let mut gzip = Gzip::new(level);
            // Twice: the second time with a used compressor.
            for _ in 0..2 {
                let packed = gzip.compress(&slices).unwrap();
                prop_assert_eq!(gunzip(&packed), parts.concat());
            }
        }
    }
}
