//! Where the sanitizer meets what leaves the process.

use std::borrow::Cow;

use telemetry_sanitizer::Sanitizer;

#[cfg(feature = "sentry")]
pub(crate) mod event;
mod exception;
mod metrics;
mod release;
mod span;

pub(crate) use exception::NameExceptions;
pub(crate) use metrics::sanitize_metrics;
pub(crate) use release::ReleaseOnSpans;
pub use span::SpanSanitizer;
#[cfg(feature = "sentry")]
pub(crate) use span::sanitize_span;

/// The clean text, where it is another one. What is borrowed need not be the old text: for a
/// value under a secret's name it is the sanitizer's marker.
fn changed(clean: Cow<'_, str>, old: &str) -> Option<String> {
    match clean {
        Cow::Borrowed(same) if std::ptr::eq(same, old) => None,
        clean => Some(clean.into_owned()),
    }
}

/// The clean name of an attribute or a value, where it is another one. Names are literals,
/// almost all of them; but a client names the arguments of a prompt, and an app may name
/// values after what it was given.
fn name_changed(sanitizer: &Sanitizer, name: &str) -> Option<String> {
    // No secret has such a form, and most names do.
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'.' || byte == b'_';
    if name.bytes().all(is_plain) {
        return None;
    }
    changed(sanitizer.text(name), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_text_is_unchanged() {
        let old = "fourteen chars".to_owned();
        assert_eq!(changed(Cow::Borrowed(&old), &old), None);
        let marker = telemetry_sanitizer::MARKER;
        assert_eq!(marker.len(), old.len());
        assert_eq!(
            changed(Cow::Borrowed(marker), &old).as_deref(),
            Some(marker)
        );
        let start = old.get(..8).unwrap();
        assert_eq!(changed(Cow::Borrowed(start), &old).as_deref(), Some(start));
        let owned = Cow::Owned("clean".to_owned());
        assert_eq!(changed(owned, &old).as_deref(), Some("clean"));
    }
}
