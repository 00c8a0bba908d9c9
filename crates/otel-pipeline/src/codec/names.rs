//! Attribute names that come again and again, kept once.

use std::sync::Arc;

use opentelemetry::Key;

/// Names kept at most: each stands in a place of its own, and the next one with the same
/// place takes it over.
const PLACES: usize = 512;

/// Longer names are not kept.
const MAX_BYTES: usize = 64;

/// The names seen lately. A process uses few, but writes them on every span.
#[derive(Debug)]
pub(crate) struct Names(Vec<Option<Key>>);

impl Default for Names {
    fn default() -> Self {
        Self(vec![None; PLACES])
    }
}

impl Names {
    /// The key with this name; nothing where the bytes are no text.
    pub(super) fn key(&mut self, name: &[u8]) -> Option<Key> {
        let place = (name.len() <= MAX_BYTES)
            .then(|| self.0.get_mut(place(name)))
            .flatten();
        if let Some(Some(known)) = &place
            && known.as_str().as_bytes() == name
        {
            return Some(known.clone());
        }
        let name = std::str::from_utf8(name).ok()?;
        let Some(place) = place else {
            return Some(Key::from(name.to_owned()));
        };
        Some(place.insert(Key::from(Arc::<str>::from(name))).clone())
    }
}

/// Where a name stands: FNV-1a over its ends, as names differ there.
fn place(name: &[u8]) -> usize {
    let ends = name.iter().take(8).chain(name.iter().rev().take(16));
    let hash = ends.fold(0x811c_9dc5 ^ name.len(), |hash, byte| {
        (hash ^ usize::from(*byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 15)) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_itself_whatever_stood_in_its_place() {
        let mut names = Names::default();
        let long = "n".repeat(MAX_BYTES + 1);
        let many = (0..10 * PLACES).map(|n| format!("app.field.{n}"));
        for name in many.chain([String::new(), "größe".to_owned(), long]) {
            for _ in 0..2 {
                let key = names.key(name.as_bytes()).unwrap();
                assert_eq!(key.as_str(), name);
            }
        }
        assert_eq!(names.0.len(), PLACES);
    }

    #[test]
    fn what_is_no_text_is_no_name() {
        assert_eq!(Names::default().key(&[0xff, 0xfe]), None);
    }
}
