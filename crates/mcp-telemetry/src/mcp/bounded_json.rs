//! JSON text of a value, cut while it is written.

use std::io::{self, Write};

use serde::Serialize;

/// The longest recorded input or output, in bytes.
pub(crate) const CONTENT_LIMIT: usize = 8 * 1024;

/// The JSON of `value`, at most [`CONTENT_LIMIT`] bytes and a mark of the cut, however
/// large the value is. Work is bounded too: writing stops at the limit.
pub(crate) fn bounded_json(value: &impl Serialize) -> String {
    let mut out = Bounded {
        bytes: Vec::new(),
        cut: false,
    };
    // The only error is our own "full", which `cut` says already; what cannot be JSON
    // ends where it stopped.
    let _ = serde_json::to_writer(&mut out, value);
    let mut text = match String::from_utf8(out.bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            String::from_utf8(bytes).unwrap_or_default()
        }
    };
    if out.cut {
        text.push('…');
    }
    text
}

struct Bounded {
    bytes: Vec<u8>,
    cut: bool,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let room = CONTENT_LIMIT - self.bytes.len();
        match piece.get(..room) {
            None => {
                self.bytes.extend_from_slice(piece);
                Ok(piece.len())
            }
            Some(fits) if fits.len() == piece.len() => {
                self.bytes.extend_from_slice(piece);
                Ok(piece.len())
            }
            Some(fits) => {
                self.bytes.extend_from_slice(fits);
                self.cut = true;
                Err(io::Error::other("full"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_are_whole_and_long_ones_cut_at_a_character() {
        assert_eq!(bounded_json(&[1, 2]), "[1,2]");
        let exact = "x".repeat(CONTENT_LIMIT - 2);
        assert_eq!(bounded_json(&exact).len(), CONTENT_LIMIT);
        for extra in 0..4 {
            let long = format!("{}{}", "x".repeat(extra), "größe".repeat(10_000));
            let text = bounded_json(&long);
            assert!(text.ends_with('…'), "{extra}");
            assert!(text.len() <= CONTENT_LIMIT + '…'.len_utf8());
        }
    }
}
