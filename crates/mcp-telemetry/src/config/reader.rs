//! Reads variables and collects what is wrong with them.
//!
//! One method for each kind of value. None of them fails: a wrong value becomes a problem and its fallback.

use std::time::Duration;

use super::error::{ConfigErrors, ConfigProblem};
use super::variables::{MAX_MILLISECONDS, Variable};

/// The longest piece of a wrong value in a message, in characters.
const SHOWN_LIMIT: usize = 60;

/// The environment, and the problems found in it so far.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<ConfigProblem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Option<ConfigErrors> {
        ConfigErrors::from_problems(self.problems)
    }

    /// Reports a wrong value.
    pub(super) fn report(
        &mut self,
        variable: &Variable,
        problem: impl Into<String>,
        fallback: impl Into<String>,
    ) {
        self.problems
            .push(ConfigProblem::new(variable, problem, fallback));
    }

    /// The value without surrounding white space. Empty is unset (OpenTelemetry specification, environment variables).
    pub(super) fn text(&self, variable: &Variable) -> Option<String> {
        let value = (self.lookup)(variable.name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The items of a comma list, without white space and without empty and repeated ones. `None` when there is no item.
    pub(super) fn list(&self, variable: &Variable) -> Option<Vec<String>> {
        let value = self.text(variable)?;
        let mut items: Vec<String> = Vec::new();
        for item in value.split(',').map(str::trim) {
            if !item.is_empty() && !items.iter().any(|known| known == item) {
                items.push(item.to_owned());
            }
        }
        (!items.is_empty()).then_some(items)
    }

    /// A switch of ours.
    pub(super) fn switch(&mut self, variable: &Variable, default: bool) -> bool {
        let words = [
            ("true", true),
            ("1", true),
            ("yes", true),
            ("on", true),
            ("false", false),
            ("0", false),
            ("no", false),
            ("off", false),
        ];
        self.one_of(variable, &words, default)
    }

    /// A boolean of the OpenTelemetry specification: `true` in any case is true, all else is false, and all else but
    /// `false` is worth a warning. There the default is always false.
    pub(super) fn otel_boolean(&mut self, variable: &Variable) -> bool {
        self.one_of(variable, &[("true", true), ("false", false)], false)
    }

    /// One of some words, in any case.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        variable: &Variable,
        words: &[(&str, T)],
        default: T,
    ) -> T {
        self.optional_one_of(variable, words).unwrap_or(default)
    }

    /// One of some words, in any case. `None` when unset or wrong.
    pub(super) fn optional_one_of<T: Copy>(
        &mut self,
        variable: &Variable,
        words: &[(&str, T)],
    ) -> Option<T> {
        let value = self.text(variable)?;
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&value))
            .map(|&(_, meaning)| meaning);
        if found.is_none() {
            self.report(
                variable,
                format!("{} is none of the accepted words", shown(&value)),
                uses_default(variable),
            );
        }
        found
    }

    /// A share from 0.0 to 1.0.
    pub(super) fn rate(&mut self, variable: &Variable, default: f64) -> f64 {
        let Some(value) = self.text(variable) else {
            return default;
        };
        let problem = match value.parse::<f64>() {
            Ok(rate) if (0.0..=1.0).contains(&rate) => return rate,
            Ok(_) => "is outside 0.0 to 1.0",
            Err(_) => "is not a number",
        };
        self.report(
            variable,
            format!("{} {problem}", shown(&value)),
            uses_default(variable),
        );
        default
    }

    /// A time in whole milliseconds. `None` when unset or wrong.
    pub(super) fn milliseconds(&mut self, variable: &Variable) -> Option<Duration> {
        let value = self.text(variable)?;
        let problem = match value.parse::<u64>() {
            Ok(millis @ 1..=MAX_MILLISECONDS) => return Some(Duration::from_millis(millis)),
            Ok(0) => "would be no time at all",
            Ok(_) => "is too long",
            Err(_) => "is not a whole number of milliseconds",
        };
        self.report(
            variable,
            format!("{} {problem}", shown(&value)),
            uses_default(variable),
        );
        None
    }
}

/// "`value` is used instead", with the default of the table.
pub(super) fn uses_default(variable: &Variable) -> String {
    match variable.default {
        "" => "it counts as unset".to_owned(),
        default => format!("`{default}` is used instead"),
    }
}

/// A wrong value as a message may show it: in backticks, on one line, shortened, without the credentials and the query of a
/// URL.
pub(super) fn shown(value: &str) -> String {
    let mut text = without_credentials(value);
    if let Some((index, _)) = text.char_indices().nth(SHOWN_LIMIT) {
        text.truncate(index);
        text.push('…');
    }
    let text: String = text
        .chars()
        .map(|c| if c.is_control() || c == '`' { '?' } else { c })
        .collect();
    format!("`{text}`")
}

/// A text without what may be secret in a URL: what stands before the last `@`, after `?` and after `#`.
fn without_credentials(value: &str) -> String {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, value),
    };
    match (scheme, rest.rsplit_once('@')) {
        (Some(scheme @ ("http" | "https")), Some((_, host))) => {
            format!("{scheme}://***@{}", without_query(host))
        }
        (Some(_), Some((_, host))) => format!("***@{}", without_query(host)),
        (Some(scheme), None) => format!("{scheme}://{}", without_query(rest)),
        // Without a scheme and a colon it is a name such as `app@1.0`.
        (None, Some((credentials, host))) if credentials.contains(':') => {
            format!("***@{}", without_query(host))
        }
        (None, _) => value.to_owned(),
    }
}

fn without_query(text: &str) -> String {
    match text.split_once(['?', '#']) {
        Some((start, _)) => format!("{start}?***"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_values_hide_credentials() {
        for (value, expected) in [
            ("plain", "`plain`"),
            ("a@b", "`a@b`"),
            ("https://host/path", "`https://host/path`"),
            ("https://user:secret@host/path", "`https://***@host/path`"),
            ("https://user:se@cret@host", "`https://***@host`"),
            ("https://user@host?token=secret", "`https://***@host?***`"),
            ("https://host/path?token=secret", "`https://host/path?***`"),
            ("https://host/#secret", "`https://host/?***`"),
            // A password may itself hold the marks of a query.
            ("https://user:sec?ret@host", "`https://***@host`"),
            ("user:secret@host:4318", "`***@host:4318`"),
            ("user:secret@host?token=secret", "`***@host?***`"),
            ("secret://secret@host", "`***@host`"),
            ("grpc://host:4317", "`grpc://host:4317`"),
            ("app@1/2", "`app@1/2`"),
            ("two\nlines\u{1b}[0m`", "`two?lines?[0m?`"),
        ] {
            assert_eq!(shown(value), expected);
        }
    }

    #[test]
    fn shown_values_are_short() {
        let text = shown(&"é".repeat(10_000));
        assert_eq!(text.chars().count(), SHOWN_LIMIT + 3);
        assert!(text.ends_with("…`"));
    }
}
