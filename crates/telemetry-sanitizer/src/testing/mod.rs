//! Secrets of every kind and texts without any, for tests. Only with the feature `testing`.
//!
//! All secrets are made up. None has ever opened anything.
//!
//! ```
//! use telemetry_sanitizer::{Sanitizer, testing};
//!
//! let sanitizer = Sanitizer::default();
//! for secret in testing::secrets(7) {
//!     assert!(!sanitizer.text(&secret.text()).contains(&secret.marker), "{}", secret.kind);
//! }
//! for line in testing::harmless() {
//!     assert_eq!(sanitizer.text(line), line);
//! }
//! ```

mod kinds;
mod letters;
#[cfg(test)]
mod tests;

pub use kinds::secrets;

/// A secret in a text that gives it away.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Secret {
    /// What it is, in words. No two secrets of one list have the same.
    pub kind: &'static str,
    /// What stands before it.
    pub before: String,
    /// The secret.
    pub secret: String,
    /// What stands behind it.
    pub behind: String,
    /// A part of the secret by which it is found again, wherever it has got to: the longest run of letters and digits, at least
    /// six; for a card number with blanks the whole. No two secrets of one list have the same.
    pub marker: String,
}

impl Secret {
    /// The secret and what stands around it.
    #[must_use]
    pub fn text(&self) -> String {
        [&*self.before, &self.secret, &self.behind].concat()
    }
}

/// Lines of SPL, logs, code, JSON and prose that hold no secret and stay as they are.
pub fn harmless() -> impl Iterator<Item = &'static str> {
    include_str!("../../tests/corpus/harmless.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("## "))
}
