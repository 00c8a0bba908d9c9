//! Searches: enough of SPL to be believable, over the generated events.
//!
//! ```text
//! text ─ split ─▶ stages ─ token ─▶ tokens ─ command ─▶ Stage ─ run ─▶ Outcome
//! ```
//!
//! A new command is a variant of [`stage::Stage`], a branch of its parser and a branch of `run`.

mod arguments;
mod command;
mod evaluate;
mod expression;
mod pattern;
mod predicate;
mod run;
mod split;
mod stage;
mod stats;
mod token;

use std::time::Duration;

use crate::data::{Dataset, Row};
use crate::reply::Message;

/// The longest search text that is read, in bytes.
const LONGEST_SEARCH: usize = 64 * 1024;

/// The most rows a search holds, as Splunk's `maxresultrows`.
pub(crate) const MOST_ROWS: usize = 50_000;

/// How deep parentheses may nest in a search.
const DEEPEST_NESTING: usize = 64;

/// What a search is asked to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) search: &'a str,
    pub(crate) earliest: Option<&'a str>,
    pub(crate) latest: Option<&'a str>,
}

/// What a search has found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// The names of the columns, in order.
    pub(crate) fields: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) messages: Vec<Message>,
    /// How many events were looked at.
    pub(crate) scanned: usize,
    /// How many events matched before the first transforming command.
    pub(crate) matched: usize,
    /// How long the search is to take.
    pub(crate) delay: Duration,
}

/// Runs a search. The error is Splunk's text for a search it refuses.
pub(crate) fn run(data: &Dataset, request: Request<'_>) -> Result<Outcome, String> {
    let search = request.search.trim();
    if search.is_empty() {
        return Err("Empty search.".to_owned());
    }
    if search.len() > LONGEST_SEARCH {
        return Err(format!("The search is longer than {LONGEST_SEARCH} bytes."));
    }
    let split = split::split(search)?;
    let stages = split
        .stages
        .iter()
        .enumerate()
        .map(|(position, text)| command::parse(text, position == 0, split.leading_pipe))
        .collect::<Result<Vec<_>, _>>()?;
    let mut outcome = run::run(data, &stages, request)?;
    outcome.delay = split.delay;
    Ok(outcome)
}

#[cfg(test)]
mod tests;
