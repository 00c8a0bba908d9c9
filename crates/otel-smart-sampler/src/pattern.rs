//! Patterns over names and string values.

use std::str::Chars;

/// A pattern over a text. It must match the whole text and heeds case.
///
/// ```
/// use otel_smart_sampler::Pattern;
///
/// assert!(Pattern::exact("GET /health").matches("GET /health"));
/// assert!(Pattern::prefix("tools/").matches("tools/call search"));
/// assert!(Pattern::glob("* /health*").matches("GET /healthz"));
/// assert!(Pattern::one_of(["/live", "/ready"]).matches("/ready"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Contains(Box<str>),
    Glob(Box<str>),
    OneOf(Box<[Box<str>]>),
}

impl Pattern {
    /// The text itself.
    #[must_use]
    pub fn exact(text: impl Into<String>) -> Self {
        Self(Kind::Exact(text.into().into_boxed_str()))
    }

    /// Every text that starts with `start`.
    #[must_use]
    pub fn prefix(start: impl Into<String>) -> Self {
        Self(Kind::Prefix(start.into().into_boxed_str()))
    }

    /// `*` stands for any characters, also none, and `?` for exactly one character.
    ///
    /// There is no escape: to match a `*` or `?` itself use [`Pattern::exact`] or
    /// [`Pattern::prefix`]. Matching takes at most pattern length times text length steps.
    #[must_use]
    pub fn glob(pattern: impl Into<String>) -> Self {
        let pattern = pattern.into();
        // The common shapes, stars at the ends only, have cheaper equivalents.
        let (open_start, rest) = match pattern.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, pattern.as_str()),
        };
        let (open_end, middle) = match rest.strip_suffix('*') {
            Some(middle) => (true, middle),
            None => (false, rest),
        };
        if middle.contains(['*', '?']) {
            return Self(Kind::Glob(pattern.into_boxed_str()));
        }
        let middle = Box::from(middle);
        Self(match (open_start, open_end) {
            (false, false) => Kind::Exact(middle),
            (false, true) => Kind::Prefix(middle),
            (true, false) => Kind::Suffix(middle),
            (true, true) => Kind::Contains(middle),
        })
    }

    /// Any of these texts. An empty list matches nothing.
    #[must_use]
    pub fn one_of<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self(Kind::OneOf(
            texts
                .into_iter()
                .map(|text| text.into().into_boxed_str())
                .collect(),
        ))
    }

    /// Whether the pattern matches the whole `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Kind::Exact(exact) => **exact == *text,
            Kind::Prefix(start) => text.starts_with(&**start),
            Kind::Suffix(end) => text.ends_with(&**end),
            Kind::Contains(part) => contains(text.as_bytes(), part.as_bytes()),
            Kind::Glob(pattern) => glob(pattern.chars(), text.chars()),
            Kind::OneOf(texts) => texts.iter().any(|exact| **exact == *text),
        }
    }
}

/// For short texts twice as fast as `str::contains`, which first studies the part it looks for.
fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else {
        return true;
    };
    text.windows(part.len())
        .any(|window| window.first() == Some(first) && window == part)
}

/// Goes through both texts once; on a mismatch the last `*` takes one more character and matching
/// goes on behind it. Earlier stars never need another try.
fn glob(mut pattern: Chars<'_>, mut text: Chars<'_>) -> bool {
    let mut last_star: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let mut pattern_rest = pattern.clone();
        let mut text_rest = text.clone();
        match (pattern_rest.next(), text_rest.next()) {
            (Some('*'), _) => {
                last_star = Some((pattern_rest.clone(), text.clone()));
                pattern = pattern_rest;
                continue;
            }
            (None, None) => return true,
            // The text is used up, and another try would leave even less of it.
            (Some(_), None) => return false,
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                pattern = pattern_rest;
                text = text_rest;
                continue;
            }
            (_, Some(_)) => {}
        }
        let Some((behind_star, star_text)) = &mut last_star else {
            return false;
        };
        star_text.next();
        pattern = behind_star.clone();
        text = star_text.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn globs_match_whole_texts() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("?", "é", true),
            ("??", "é", false),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("*c", "abcd", false),
            ("*/health*", "GET /healthz", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("a**b", "ab", true),
            ("*a?", "aab", true),
            ("*aab", "aaab", true),
            ("*.tool.?", "mcp.tool.x", true),
            ("*.tool.?", "mcp.tool.xy", false),
            ("Tools*", "tools/call", false),
            ("**", "", true),
            ("**", "x", true),
            ("*lth*", "GET /health", true),
            ("*lth*", "GET /heal", false),
            ("*lth*", "lt", false),
            ("*é*", "café au lait", true),
            ("*é", "café", true),
        ] {
            let name = format!("{pattern:?} on {text:?}");
            assert_eq!(Pattern::glob(pattern).matches(text), expected, "{name}");
            assert_eq!(glob(pattern.chars(), text.chars()), expected, "{name}");
        }
    }

    #[test]
    fn plain_globs_become_cheaper_patterns() {
        assert_eq!(Pattern::glob("abc"), Pattern::exact("abc"));
        assert_eq!(Pattern::glob("abc*"), Pattern::prefix("abc"));
        assert_eq!(Pattern::glob("*abc").0, Kind::Suffix("abc".into()));
        assert_eq!(Pattern::glob("*abc*").0, Kind::Contains("abc".into()));
        assert_eq!(Pattern::glob("*").0, Kind::Suffix("".into()));
        for pattern in ["a?c*", "*a?", "a*c", "**a", "*a*c*"] {
            assert!(matches!(Pattern::glob(pattern).0, Kind::Glob(_)));
        }
    }

    #[test]
    fn lists_match_any_member() {
        let pattern = Pattern::one_of(["/live", "/ready"]);
        assert!(pattern.matches("/live"));
        assert!(pattern.matches("/ready"));
        assert!(!pattern.matches("/"));
        assert!(!Pattern::one_of(Vec::<String>::new()).matches(""));
    }

    #[test]
    fn stars_against_long_texts_stay_polynomial() {
        let text = "a".repeat(20_000);
        assert!(!Pattern::glob("*a*a*a*a*a*a*a*a*b").matches(&text));
    }

    /// The definition of a glob, spelled out.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            (['*', rest @ ..], _) => {
                (0..=text.len()).any(|taken| by_definition(rest, &text[taken..]))
            }
            ([wanted, rest @ ..], [found, behind @ ..]) => {
                (*wanted == '?' || wanted == found) && by_definition(rest, behind)
            }
            (_, []) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn globs_match_by_definition(pattern in "[abé*?]{0,7}", text in "[abé*]{0,9}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            let expected = by_definition(&chars(&pattern), &chars(&text));
            prop_assert_eq!(Pattern::glob(pattern).matches(&text), expected);
        }
    }
}
