//! Settings.

use regex::{Regex, RegexBuilder};

use crate::keys::Keys;
use crate::scan::Scanner;
use crate::{ConfigError, Sanitizer};

/// Depth up to which the recursion is certain to fit on a stack; also where `serde_json` stops.
const MOST_DEPTH: usize = 128;
/// Largest compiled size of a pattern.
const PATTERN_BYTES: usize = 1 << 20;

/// Builds a [`Sanitizer`] with other than the default settings.
///
/// ```
/// use telemetry_sanitizer::Sanitizer;
///
/// let sanitizer = Sanitizer::builder()
///     .redact_key("x-my-header")
///     .redact_pattern(r"\bACME-\d{6}\b")?
///     .redact_emails(true)
///     .max_value_len(1024)
///     .build();
/// assert_eq!(sanitizer.text("X-My-Header: abc"), "X-My-Header: ***REDACTED***");
/// assert_eq!(sanitizer.text("order ACME-123456 by me@example.org"), "order ***REDACTED*** by ***REDACTED***");
/// # Ok::<(), telemetry_sanitizer::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct SanitizerBuilder {
    keys: Keys,
    patterns: Vec<Regex>,
    emails: bool,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) text: usize,
    pub(crate) depth: usize,
    pub(crate) items: usize,
    pub(crate) document: usize,
}

impl Default for SanitizerBuilder {
    fn default() -> Self {
        let limits = Limits {
            text: 8 * 1024,
            depth: 16,
            items: 256,
            document: 256 * 1024,
        };
        Self {
            keys: Keys::default(),
            patterns: Vec::new(),
            emails: false,
            limits,
        }
    }
}

impl SanitizerBuilder {
    /// Makes a key sensitive. It matches whole elements in any writing: `x-my-header` is also `http.X_My_Header` and `xMyHeader`.
    ///
    /// Keys without any element of two bytes or more are not looked for in free text.
    pub fn redact_key(mut self, key: &str) -> Self {
        self.keys.add(key);
        self
    }

    /// Makes one key clean that the built-in tables count as sensitive. It matches the whole key, in any case.
    ///
    /// The key's value is still looked at as text.
    pub fn allow_key(mut self, key: &str) -> Self {
        self.keys.allow(key);
        self
    }

    /// Redacts whatever matches a regular expression (syntax of the [`regex`] crate) in values and free text.
    ///
    /// Patterns run over every text. Without any, clean text costs one fast pass.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Pattern`] if it is no valid expression, or larger than 1 MiB when compiled.
    pub fn redact_pattern(mut self, pattern: &str) -> Result<Self, ConfigError> {
        let regex = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES)
            .build()
            .map_err(|error| {
                let reason = match error {
                    regex::Error::Syntax(_) => "syntax error",
                    regex::Error::CompiledTooBig(_) => "larger than 1 MiB when compiled",
                    _ => "not accepted",
                };
                ConfigError::Pattern {
                    number: self.patterns.len() + 1,
                    reason,
                }
            })?;
        self.patterns.push(regex);
        Ok(self)
    }

    /// Whether e-mail addresses are redacted. Default: no.
    pub fn redact_emails(mut self, yes: bool) -> Self {
        self.emails = yes;
        self
    }

    /// Most bytes of a text that are kept; a note such as `…(1234 chars)` follows what is cut. Default: 8192.
    pub fn max_value_len(mut self, bytes: usize) -> Self {
        self.limits.text = bytes;
        self
    }

    /// Most containers around a JSON value; deeper ones become `"…"`. Default: 16; at most 128.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.limits.depth = depth.min(MOST_DEPTH);
        self
    }

    /// Most elements of one JSON array or members of one object. Default: 256; at least 1.
    pub fn max_items(mut self, items: usize) -> Self {
        self.limits.items = items.max(1);
        self
    }

    /// Most bytes of keys and strings that one JSON document keeps. Default: 262144.
    pub fn max_document_len(mut self, bytes: usize) -> Self {
        self.limits.document = bytes;
        self
    }

    /// Builds the sanitizer.
    #[must_use]
    pub fn build(self) -> Sanitizer {
        let scanner = Scanner::new(self.keys, self.patterns, self.emails);
        Sanitizer::new(scanner, self.limits)
    }
}
