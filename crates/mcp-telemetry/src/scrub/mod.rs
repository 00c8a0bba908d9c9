//! Where the sanitizer meets what leaves the process.

use std::borrow::Cow;

#[cfg(feature = "sentry")]
pub(crate) mod event;
mod exception;
mod span;

pub(crate) use exception::name_exceptions;
pub use span::sanitize_span;

/// The clean text, where it is another one. What is borrowed need not be the old text: for a
/// value under a secret's name it is the sanitizer's marker.
fn changed(clean: Cow<'_, str>, old: &str) -> Option<String> {
    match clean {
        Cow::Borrowed(same) if std::ptr::eq(same, old) => None,
        clean => Some(clean.into_owned()),
    }
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
