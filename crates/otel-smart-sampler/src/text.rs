//! Rules as text.

use std::fmt;

use opentelemetry::trace::SpanKind;

use crate::{Match, Pattern, Rule, RuleRate, SampleRate};

/// Longest text, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// What a rule looks like, for messages.
const FORM: &str = "`name: conditions -> rate`";

impl Rule {
    /// Reads rules from text, one on a line or with `;` between them. `#` after white space or at
    /// the start of a line begins a comment.
    ///
    /// ```text
    /// <name>: <condition>, <condition>, … -> <rate>, <option>, …
    /// ```
    ///
    /// | condition | holds for spans |
    /// |---|---|
    /// | `name=GET /a*` | whose name matches |
    /// | `kind=server` | of this kind: `internal`, `server`, `client`, `producer` or `consumer` |
    /// | `http.route=/a*` | that have this attribute when they start, with such a value |
    /// | `app.debug` | that have this attribute, whatever its value |
    /// | nothing, or `*` | all |
    ///
    /// A value may be a set, `/a|/b*`: one of it is enough. `*` stands for any characters and `?`
    /// for one. A value such as `443` or `true` matches the number or boolean as well as the text.
    /// In double quotes every character stands for itself, and only text matches. All conditions
    /// must hold.
    ///
    /// | rate | keeps |
    /// |---|---|
    /// | `always`, `never` | all, none |
    /// | `0.01`, `1%` | this share |
    /// | `base`, `1.5x` | the base rate, a multiple of it |
    ///
    /// | option | means |
    /// |---|---|
    /// | `max 20/s` | [`at_most`](Rule::at_most) |
    /// | `despite-parent` | [`keep_despite_parent`](Rule::keep_despite_parent) |
    ///
    /// Whether names repeat is checked where the sampler is built.
    ///
    /// # Errors
    ///
    /// [`ParseError`] with everything that is wrong, not only the first.
    pub fn parse(text: &str) -> Result<Vec<Rule>, ParseError> {
        if text.len() > MAX_BYTES {
            let problem = format!("it has {} bytes", text.len());
            let expected = format!("at most {MAX_BYTES} bytes");
            return Err(ParseError {
                problems: vec![ParseProblem::new(1, problem, expected)],
            });
        }
        let mut rules = Vec::new();
        let mut problems = Vec::new();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.get(..comment_at(content)).unwrap_or_default();
            for part in split(content, ";").filter(|part| !part.is_empty()) {
                match rule(part) {
                    Ok(rule) => rules.push(rule),
                    Err((problem, expected)) => {
                        problems.push(ParseProblem::new(line, problem, expected));
                    }
                }
            }
        }
        match problems.is_empty() {
            true => Ok(rules),
            false => Err(ParseError { problems }),
        }
    }
}

/// What is wrong with rules as text; lists every problem.
///
/// ```
/// use otel_smart_sampler::Rule;
///
/// let error = Rule::parse("a: kind=sever -> 1%\nb: -> often").unwrap_err();
/// let problems: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
/// assert_eq!(
///     problems,
///     [
///         "line 1: rule `a`: `sever` is no kind of span; \
///          expected `internal`, `server`, `client`, `producer` or `consumer`",
///         "line 2: rule `b`: `often` is no rate; \
///          expected `always`, `never`, `base`, `0.01`, `1%` or `1.5x`",
///     ]
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    problems: Vec<ParseProblem>,
}

impl ParseError {
    /// The problems in the order of the text; at least one.
    #[must_use]
    pub fn problems(&self) -> &[ParseProblem] {
        &self.problems
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sampling rules cannot be read")?;
        for problem in &self.problems {
            write!(f, "; {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}

/// One thing that is wrong with rules as text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}; expected {expected}")]
#[non_exhaustive]
pub struct ParseProblem {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong, with the rule's name.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

impl ParseProblem {
    fn new(line: usize, problem: String, expected: String) -> Self {
        Self {
            line,
            problem,
            expected,
        }
    }
}

/// What is wrong, and what was expected.
type Wrong = (String, String);

fn rule(text: &str) -> Result<Rule, Wrong> {
    let wrong = |problem: String| (problem, FORM.to_owned());
    let Some((name, rest)) = split_once(text, ":") else {
        return Err(wrong(format!("{} has no `:` after a name", shown(text))));
    };
    let in_rule = |(problem, expected)| (format!("rule {}: {problem}", shown(name)), expected);
    let Some((conditions, outcome)) = split_once(rest, "->") else {
        return Err(in_rule(wrong("there is no `->`".to_owned())));
    };
    if name.is_empty() {
        return Err(wrong(format!("{} has no name", shown(text))));
    }
    let mut rule = Rule::new(name.to_owned());
    if !matches!(conditions, "" | "*") {
        for part in split(conditions, ",") {
            rule = condition(rule, part).map_err(in_rule)?;
        }
    }
    let mut outcome = split(outcome, ",");
    rule = rule.rate(rate(outcome.next().unwrap_or_default()).map_err(in_rule)?);
    for part in outcome {
        rule = option(rule, part).map_err(in_rule)?;
    }
    Ok(rule)
}

fn condition(mut rule: Rule, text: &str) -> Result<Rule, Wrong> {
    let expected = || "`key=value`, `key=value|value` or `key`".to_owned();
    let Some((key, values)) = split_once(text, "=") else {
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err((format!("{} is no condition", shown(text)), expected()));
        }
        return match text {
            "name" | "kind" => Err((format!("`{text}` has no value"), expected())),
            key => Ok(rule.attribute(key.to_owned(), Match::present())),
        };
    };
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err((format!("{} is no key", shown(key)), expected()));
    }
    for value in split(values, "|") {
        let (value, quoted) = unquoted(value)?;
        rule = match key {
            "name" if quoted => rule.name(Pattern::exact(value)),
            "name" => rule.name(Pattern::glob(value)),
            "kind" => rule.kind(kind(value)?),
            key if quoted => {
                let exact = Match::pattern(Pattern::exact(value));
                rule.attribute(key.to_owned(), exact)
            }
            key => attribute(rule, key, value),
        };
    }
    Ok(rule)
}

/// A bare value is a glob, and also the number or boolean that it spells.
fn attribute(mut rule: Rule, key: &str, value: &str) -> Rule {
    let glob = Match::pattern(Pattern::glob(value));
    rule = rule.attribute(key.to_owned(), glob);
    if let Ok(boolean) = value.parse::<bool>() {
        rule.attribute(key.to_owned(), Match::equals(boolean))
    } else if let Ok(integer) = value.parse::<i64>() {
        rule.attribute(key.to_owned(), Match::equals(integer))
    } else if let Ok(float) = value.parse::<f64>() {
        rule.attribute(key.to_owned(), Match::equals(float))
    } else {
        rule
    }
}

fn kind(word: &str) -> Result<SpanKind, Wrong> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => {
            return Err((
                format!("{} is no kind of span", shown(word)),
                "`internal`, `server`, `client`, `producer` or `consumer`".to_owned(),
            ));
        }
    })
}

fn rate(text: &str) -> Result<RuleRate, Wrong> {
    let number = |text: &str| text.trim_end().parse::<f64>().ok();
    let share = |share: f64| SampleRate::new(share).ok().map(RuleRate::Fixed);
    let rate = match text.to_ascii_lowercase().as_str() {
        "always" => Some(RuleRate::Always),
        "never" => Some(RuleRate::Never),
        "base" => Some(RuleRate::TimesBase(1.0)),
        text => {
            if let Some(percent) = text.strip_suffix('%') {
                number(percent).and_then(|percent| share(percent / 100.0))
            } else if let Some(factor) = text.strip_suffix('x') {
                let factor = number(factor).filter(|it| it.is_finite() && *it >= 0.0);
                factor.map(RuleRate::TimesBase)
            } else {
                number(text).and_then(share)
            }
        }
    };
    rate.ok_or_else(|| {
        (
            format!("{} is no rate", shown(text)),
            "`always`, `never`, `base`, `0.01`, `1%` or `1.5x`".to_owned(),
        )
    })
}

fn option(rule: Rule, text: &str) -> Result<Rule, Wrong> {
    if text.eq_ignore_ascii_case("despite-parent") {
        return Ok(rule.keep_despite_parent());
    }
    let most = text
        .strip_prefix("max ")
        .and_then(|rest| rest.trim_end().strip_suffix("/s"))
        .and_then(|number| number.trim().parse::<f64>().ok())
        .filter(|most| most.is_finite() && *most > 0.0);
    most.map(|most| rule.at_most(most)).ok_or_else(|| {
        (
            format!("{} is no option", shown(text)),
            "`max 20/s` or `despite-parent`".to_owned(),
        )
    })
}

/// A value without its quotes, and whether it had any.
fn unquoted(value: &str) -> Result<(&str, bool), Wrong> {
    let wrong = |problem: &str| {
        let expected = "text, or text within one pair of double quotes".to_owned();
        Err((format!("{} {problem}", shown(value)), expected))
    };
    match value.strip_prefix('"') {
        Some(rest) => match rest.strip_suffix('"') {
            Some(inner) if !inner.contains('"') => Ok((inner, true)),
            _ => wrong("has a quote that does not end where it should"),
        },
        None if value.is_empty() => wrong("is an empty value"),
        None if value.contains('"') => wrong("has a quote in its middle"),
        None => Ok((value, false)),
    }
}

/// Where a comment begins, or the end of the line.
fn comment_at(line: &str) -> usize {
    let mut before = ' ';
    for (at, found) in outside_quotes(line) {
        if found == '#' && before.is_whitespace() {
            return at;
        }
        before = found;
    }
    line.len()
}

/// The characters outside of double quotes, with their places.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quoted = false;
    text.char_indices().filter(move |(_, found)| {
        if *found == '"' {
            quoted = !quoted;
        }
        !quoted
    })
}

/// The parts between separators outside of quotes, trimmed.
fn split<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let whole = rest?;
        let (part, behind) = match split_once(whole, separator) {
            Some((part, behind)) => (part, Some(behind)),
            None => (whole.trim(), None),
        };
        rest = behind;
        Some(part)
    })
}

/// What stands before and behind the first separator outside of quotes, trimmed.
fn split_once<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let starts = |at: &usize| text.get(*at..).is_some_and(|it| it.starts_with(separator));
    let at = outside_quotes(text).map(|(at, _)| at).find(starts)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before.trim(), rest.get(separator.len()..)?.trim()))
}

/// A piece of the text as a message may show it.
fn shown(text: &str) -> String {
    const LIMIT: usize = 60;
    let mut shown: String = text
        .chars()
        .take(LIMIT)
        .map(|c| if c.is_control() || c == '`' { '?' } else { c })
        .collect();
    if text.chars().nth(LIMIT).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests;
