//! Ids as text.

use opentelemetry::{SpanId, TraceId};
use serde::Serialize;
use serde::ser::Serializer;

/// An id in lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hex<const BYTES: usize>(pub(crate) [u8; BYTES]);

impl From<TraceId> for Hex<16> {
    fn from(id: TraceId) -> Self {
        Self(id.to_bytes())
    }
}

impl From<SpanId> for Hex<8> {
    fn from(id: SpanId) -> Self {
        Self(id.to_bytes())
    }
}

/// Without the formatting machinery: each span has three ids.
impl<const BYTES: usize> Serialize for Hex<BYTES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digit = |value: u8| value + if value < 10 { b'0' } else { b'a' - 10 };
        let digits = self.0.map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
        let text = std::str::from_utf8(digits.as_flattened());
        serializer.serialize_str(text.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_opentelemetry_shows_them() {
        let trace_id = TraceId::from(0x0123_4567_89ab_cdef_f0e1_d2c3_b4a5_9687);
        let json = serde_json::to_string(&Hex::from(trace_id)).unwrap();
        assert_eq!(json, format!("\"{trace_id}\""));
        for id in [0, 9, 0xa0, u64::MAX] {
            let json = serde_json::to_string(&Hex::from(SpanId::from(id))).unwrap();
            assert_eq!(json, format!("\"{id:016x}\""));
        }
    }
}
