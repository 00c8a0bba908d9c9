//! Which names given by clients may stand in a span's name.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

/// Names above this number stay out of span names: a server has not that many tools.
const MAX_NAMES: usize = 1_000;

/// Stands in a span's name for what is not known to exist.
pub(crate) const OTHER: &str = "_OTHER";

/// Tools and prompts that have answered, so that they exist.
///
/// A client may ask for any name; only those of things that exist are few.
#[derive(Debug, Default)]
pub(crate) struct KnownNames(RwLock<HashSet<String>>);

impl KnownNames {
    pub(crate) fn contains(&self, name: &str) -> bool {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.contains(name)
    }

    /// Remembers a name that proved to exist; false where there are too many.
    pub(crate) fn insert(&self, name: &str) -> bool {
        if self.contains(name) {
            return true;
        }
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.contains(name) || (names.len() < MAX_NAMES && names.insert(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_up_to_a_limit() {
        let names = KnownNames::default();
        assert!(!names.contains("a"));
        assert!(names.insert("a") && names.insert("a") && names.contains("a"));
        assert!((1..MAX_NAMES).all(|n| names.insert(&n.to_string())));
        assert!(!names.insert("one too many"));
        assert!(names.insert("a"));
    }
}
