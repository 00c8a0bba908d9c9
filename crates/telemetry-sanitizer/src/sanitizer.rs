//! The sanitizer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::builder::Limits;
use crate::keys::Class;
use crate::scan::Scanner;
use crate::truncate::{Cap, split_note, with_note};
use crate::{MARKER, SanitizerBuilder, json, url};

/// Texts longer than this many times the cap are not parsed as JSON: what is cut off needs no structure.
const JSON_FACTOR: usize = 4;
/// How often a changed text is looked at again. Two passes are the rule: the second one finds nothing.
const PASSES: usize = 6;

/// Redacts secrets and cuts long text. Cheap to clone; see the [crate's page](crate) for what it finds.
///
/// ```
/// use telemetry_sanitizer::Sanitizer;
///
/// let sanitizer = Sanitizer::default();
/// assert_eq!(sanitizer.text("login password=hunter2 ok"), "login password=***REDACTED*** ok");
/// ```
#[derive(Clone)]
pub struct Sanitizer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    scanner: Scanner,
    pub(crate) limits: Limits,
}

impl Default for Sanitizer {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Sanitizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sanitizer")
            .field("limits", &self.inner.limits)
            .finish_non_exhaustive()
    }
}

impl Sanitizer {
    pub(crate) fn new(scanner: Scanner, limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner { scanner, limits }),
        }
    }

    /// A builder with the default settings.
    pub fn builder() -> SanitizerBuilder {
        SanitizerBuilder::default()
    }

    /// Whether values under `key` are secrets. Case, separators and camel case do not matter.
    ///
    /// ```
    /// # let sanitizer = telemetry_sanitizer::Sanitizer::default();
    /// assert!(sanitizer.is_sensitive_key("splunk_password"));
    /// assert!(sanitizer.is_sensitive_key("http.request.header.X-Api-Key"));
    /// assert!(!sanitizer.is_sensitive_key("mcp.session.id"));
    /// assert!(!sanitizer.is_sensitive_key("gen_ai.usage.output_tokens"));
    /// ```
    #[inline]
    #[must_use]
    pub fn is_sensitive_key(&self, key: &str) -> bool {
        self.inner.class(key) != Class::Clean
    }

    /// Sanitizes free text: redacts secrets, then cuts. Clean text is borrowed.
    ///
    /// ```
    /// use std::borrow::Cow;
    /// # let sanitizer = telemetry_sanitizer::Sanitizer::default();
    /// let spl = "index=main status>=500 | stats count by host";
    /// assert!(matches!(sanitizer.text(spl), Cow::Borrowed(_)));
    /// assert_eq!(sanitizer.text("GET https://me:pw@host/ 200"), "GET https://***REDACTED***@host/ 200");
    /// ```
    #[inline]
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.inner.text(text)
    }

    /// Sanitizes bytes as [`Sanitizer::text`] does; what is no UTF-8 becomes `\u{fffd}`.
    ///
    /// ```
    /// # let sanitizer = telemetry_sanitizer::Sanitizer::default();
    /// assert_eq!(sanitizer.bytes(b"\xff\xfe token=abc"), "\u{fffd}\u{fffd} token=***REDACTED***");
    /// ```
    #[must_use]
    pub fn bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, str> {
        match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => self.text(text),
            Cow::Owned(text) => Cow::Owned(self.text(&text).into_owned()),
        }
    }

    /// Sanitizes a value by its key: all of it when the key is sensitive, else as text, or as JSON if it is JSON.
    ///
    /// ```
    /// # let sanitizer = telemetry_sanitizer::Sanitizer::default();
    /// assert_eq!(sanitizer.value("splunk.token", "abc"), "***REDACTED***");
    /// assert_eq!(sanitizer.value("splunk.app", "search"), "search");
    /// assert_eq!(
    ///     sanitizer.value("mcp.tool.arguments", r#"{"auth":{"user":"me"},"query":"x"}"#),
    ///     r#"{"auth":"***REDACTED***","query":"x"}"#,
    /// );
    /// ```
    #[inline]
    #[must_use]
    pub fn value<'t>(&self, key: &str, value: &'t str) -> Cow<'t, str> {
        if !self.is_sensitive_key(key) {
            self.inner.text_or_json(value, 0)
        } else if value.is_empty() || value == MARKER {
            Cow::Borrowed(value)
        } else {
            Cow::Borrowed(MARKER)
        }
    }

    /// Sanitizes a JSON document in place: by key, by content (also of JSON inside strings and of keys), and within the limits
    /// of depth, items and bytes.
    ///
    /// Under a sensitive key, everything but `null`, truth values and empty strings becomes `"***REDACTED***"`.
    ///
    /// ```
    /// # let sanitizer = telemetry_sanitizer::Sanitizer::default();
    /// let mut kwargs = serde_json::json!({"password": "secret", "query": "search *"});
    /// sanitizer.json(&mut kwargs);
    /// assert_eq!(kwargs, serde_json::json!({"password": "***REDACTED***", "query": "search *"}));
    /// ```
    pub fn json(&self, value: &mut Value) {
        json::Walk::new(&self.inner).value(value, 0);
    }

    /// Sanitizes free text and keeps at most `max_chars` characters of it, for previews of queries.
    ///
    /// ```
    /// # let sanitizer = telemetry_sanitizer::Sanitizer::default();
    /// assert_eq!(sanitizer.preview("index=main | stats count", 10), "index=main…(24 chars)");
    /// assert_eq!(sanitizer.preview("index=main", 10), "index=main");
    /// ```
    #[must_use]
    pub fn preview<'t>(&self, text: &'t str, max_chars: usize) -> Cow<'t, str> {
        self.inner.capped(text, Cap::Chars(max_chars))
    }

    /// Sanitizes a URL: its user part, sensitive parameters of query and fragment, and whatever else [`Sanitizer::text`] finds.
    ///
    /// The signature parameters of signed URLs are redacted as OpenTelemetry's conventions ask for `url.full`, and `key` and `code`.
    ///
    /// ```
    /// # let sanitizer = telemetry_sanitizer::Sanitizer::default();
    /// assert_eq!(
    ///     sanitizer.url("https://me:pw@splunk:8089/services?output_mode=json&token=abc"),
    ///     "https://***REDACTED***@splunk:8089/services?output_mode=json&token=***REDACTED***",
    /// );
    /// ```
    #[must_use]
    pub fn url<'t>(&self, url: &'t str) -> Cow<'t, str> {
        let mut current = self.inner.url(url);
        // As with texts: repeat until nothing changes.
        for _ in 0..PASSES {
            let Cow::Owned(text) = &current else { break };
            let Cow::Owned(next) = self.inner.url(text) else {
                break;
            };
            current = Cow::Owned(next);
        }
        current
    }
}

impl Inner {
    #[inline]
    pub(crate) fn class(&self, key: &str) -> Class {
        if self.scanner.is_clean_key(key) {
            Class::Clean
        } else {
            self.scanner.keys.class(key)
        }
    }

    #[inline]
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let fits = text.len() <= self.limits.text;
        if fits && self.scanner.patterns.is_empty() && self.scanner.is_clean(text) {
            return Cow::Borrowed(text);
        }
        self.capped(text, Cap::Bytes(self.limits.text))
    }

    fn url<'t>(&self, url: &'t str) -> Cow<'t, str> {
        let body = split_note(url).0;
        let secrets = url::secrets(body, self);
        if secrets.is_empty() {
            return self.text(url);
        }
        let (mut out, mut copied) = (String::with_capacity(url.len() + MARKER.len()), 0);
        for secret in secrets {
            out.push_str(url.get(copied..secret.start).unwrap_or_default());
            out.push_str(MARKER);
            copied = secret.end;
        }
        out.push_str(url.get(copied..).unwrap_or_default());
        Cow::Owned(self.text(&out).into_owned())
    }

    /// Redacts and cuts.
    pub(crate) fn capped<'t>(&self, text: &'t str, cap: Cap) -> Cow<'t, str> {
        let (body, noted) = split_note(text);
        let first = self.scanner.pass(body, cap.bytes());
        let mut cut = noted.is_some() || !first.complete;
        let mut changed = matches!(first.text, Cow::Owned(_));
        let mut current = first.text;
        if let Some(at) = cap.cut(&current) {
            (current, cut, changed) = (head(current, at), true, true);
        }
        // A replacement or a cut may bring forth what was not there before: repeat until nothing changes.
        for _ in 0..PASSES {
            if !changed {
                break;
            }
            let Cow::Owned(next) = self.scanner.pass(&current, usize::MAX).text else {
                break;
            };
            current = match cap.cut(&next) {
                Some(at) => {
                    cut = true;
                    head(Cow::Owned(next), at)
                }
                None => Cow::Owned(next),
            };
        }
        if !cut {
            return if matches!(current, Cow::Borrowed(_)) {
                Cow::Borrowed(text)
            } else {
                current
            };
        }
        let chars = if *current == *body { noted } else { None }
            .unwrap_or_else(|| body.chars().count().max(noted.unwrap_or(0)));
        let result = with_note(&current, chars);
        if result == text {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(result)
        }
    }

    /// Sanitizes a string that may be JSON and that lies under `depth` containers.
    #[inline]
    pub(crate) fn text_or_json<'t>(&self, text: &'t str, depth: usize) -> Cow<'t, str> {
        if let Some(new) = self.as_json(text, depth) {
            return new;
        }
        match self.text(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text),
            // Redaction may have made JSON of it.
            Cow::Owned(new) => Cow::Owned(
                self.as_json(&new, depth)
                    .map(Cow::into_owned)
                    .unwrap_or(new),
            ),
        }
    }

    /// `None` if the text is not JSON, or clean, or too long.
    #[inline(always)]
    fn as_json<'t>(&self, text: &'t str, depth: usize) -> Option<Cow<'t, str>> {
        if starts_like_json(text) && self.may_be_json(text) {
            self.parse_json(text, depth)
        } else {
            None
        }
    }

    fn parse_json<'t>(&self, text: &'t str, depth: usize) -> Option<Cow<'t, str>> {
        let mut document = serde_json::from_str::<Value>(text).ok()?;
        let mut walk = json::Walk::new(self);
        walk.value(&mut document, depth);
        let new = if walk.changed {
            Cow::Owned(document.to_string())
        } else {
            Cow::Borrowed(text)
        };
        // What is cut is JSON no more: it must be clean as text.
        Some(match new {
            Cow::Borrowed(text) if text.len() > self.limits.text => self.text(text),
            Cow::Owned(new) if new.len() > self.limits.text => {
                Cow::Owned(self.text(&new).into_owned())
            }
            fitting => fitting,
        })
    }

    /// Brackets around it, of a size to be parsed, and with something to look at.
    fn may_be_json(&self, text: &str) -> bool {
        let trimmed = text.trim_ascii();
        let brackets = |open, close| trimmed.starts_with(open) && trimmed.ends_with(close);
        (brackets('{', '}') || brackets('[', ']'))
            && text.len() <= self.limits.text.saturating_mul(JSON_FACTOR)
            && (!self.scanner.is_clean(text)
                || !self.scanner.patterns.is_empty()
                || self.scanner.keys.has_tiny()
                || text.contains("\\u"))
    }
}

#[inline(always)]
fn starts_like_json(text: &str) -> bool {
    matches!(
        text.as_bytes().first(),
        Some(b'{' | b'[' | b' ' | b'\n' | b'\r' | b'\t' | 0x0c)
    )
}

/// The first `at` bytes.
fn head(text: Cow<'_, str>, at: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..at).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(at);
            Cow::Owned(text)
        }
    }
}
