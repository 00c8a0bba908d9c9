//! What can be wrong with a configuration.

/// A setting that a [`SanitizerBuilder`](crate::SanitizerBuilder) does not take.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A redaction pattern is not a regular expression, or it is too large.
    ///
    /// The pattern itself is not shown: people write secrets into patterns.
    #[error("redaction pattern number {number} is no valid regular expression: {reason}")]
    Pattern {
        /// Which call of `redact_pattern` it was, from 1.
        number: usize,
        /// What is wrong, without the pattern's text.
        reason: &'static str,
    },
}
