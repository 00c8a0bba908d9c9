//! The first look at a search: its stages between pipes, and its macros.

use std::time::Duration;

/// The longest delay a search may ask for.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A search cut at its pipes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// The text of each stage, trimmed and without macros.
    pub(super) stages: Vec<String>,
    /// Whether the search starts with a pipe.
    pub(super) leading_pipe: bool,
    /// The sum of the search's `` `sim_sleep(ms)` `` macros.
    pub(super) delay: Duration,
}

#[derive(Default)]
struct Stage {
    text: String,
    has_macro: bool,
}

/// Cuts a search at the pipes that stand outside quotes, and takes its macros out.
pub(super) fn split(search: &str) -> Result<Split, String> {
    let leading_pipe = search.starts_with('|');
    let body = search.strip_prefix('|').unwrap_or(search);
    let mut stages = vec![Stage::default()];
    let mut delay = Duration::ZERO;
    let mut characters = body.chars();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        let Some(stage) = stages.last_mut() else {
            break;
        };
        match character {
            '\\' => {
                stage.text.push(character);
                stage.text.extend(characters.next());
            }
            '"' => {
                quoted = !quoted;
                stage.text.push(character);
            }
            _ if quoted => stage.text.push(character),
            '|' => stages.push(Stage::default()),
            '`' => {
                let (call, rest) = characters.as_str().split_once('`').ok_or_else(|| {
                    "Error in 'SearchParser': Missing closing backtick for a macro.".to_owned()
                })?;
                delay = delay.saturating_add(run_macro(call)?);
                characters = rest.chars();
                stage.has_macro = true;
                stage.text.push(' ');
            }
            '[' | ']' => {
                return Err(
                    "Error in 'SearchParser': The simulator does not run subsearches.".to_owned(),
                );
            }
            _ => stage.text.push(character),
        }
    }
    if quoted {
        return Err(
            "Error in 'search' command: Unable to parse the search: unbalanced quotes.".to_owned(),
        );
    }
    if delay > LONGEST_DELAY {
        return Err(sleep_error());
    }
    Ok(Split {
        stages: texts(stages, search)?,
        leading_pipe,
        delay,
    })
}

/// The texts of the stages; one that held nothing but macros is left out, any other empty one is an error.
fn texts(stages: Vec<Stage>, search: &str) -> Result<Vec<String>, String> {
    let mut texts = Vec::with_capacity(stages.len());
    for stage in stages {
        let text = stage.text.trim();
        if !text.is_empty() {
            texts.push(text.to_owned());
        } else if !stage.has_macro {
            return Err(format!(
                "Error in 'SearchParser': Missing a search command before '|'. Error at position '{}' of search \
                 query '{search}'.",
                search.find('|').unwrap_or(0)
            ));
        }
    }
    Ok(texts)
}

/// Runs the one macro there is. The error is Splunk's for a macro it does not find.
fn run_macro(call: &str) -> Result<Duration, String> {
    let call = call.trim();
    let (name, arguments) = match call.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.trim_end().strip_suffix(')')),
        None => (call, None),
    };
    if name != "sim_sleep" {
        return Err(format!(
            "Error in 'SearchParser': The search specifies a macro '{name}' that cannot be found. Reasons include: \
             the macro name is misspelled, you do not have \"read\" permission for the macro, or the macro has not \
             been shared with this application. Click Settings, Advanced search, Search Macros to view macro \
             information."
        ));
    }
    arguments
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_millis)
        .filter(|delay| *delay <= LONGEST_DELAY)
        .ok_or_else(sleep_error)
}

fn sleep_error() -> String {
    format!(
        "Error in 'SearchParser': sim_sleep takes milliseconds, at most {} in a search.",
        LONGEST_DELAY.as_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(search: &str) -> Vec<String> {
        split(search).unwrap().stages
    }

    #[test]
    fn cuts_at_pipes_outside_quotes() {
        assert_eq!(
            stages(r#"search "a|b" \| c | head 5"#),
            [r#"search "a|b" \| c"#, "head 5"]
        );
        let split = split("| makeresults").unwrap();
        assert!(split.leading_pipe);
        assert_eq!(split.stages, ["makeresults"]);
    }

    #[test]
    fn takes_sleeps_out_and_adds_them_up() {
        let split =
            split("search index=main `sim_sleep(20)` | `sim_sleep( 30 )` | head 1").unwrap();
        assert_eq!(split.delay, Duration::from_millis(50));
        assert_eq!(split.stages, ["search index=main", "head 1"]);
    }

    #[test]
    fn bounds_the_sleep() {
        for search in [
            "search * `sim_sleep(60001)`",
            "search * `sim_sleep(60000)` `sim_sleep(1)`",
            "search * `sim_sleep`",
            "search * `sim_sleep(-1)`",
            "search * `sim_sleep(soon)`",
        ] {
            assert_eq!(split(search), Err(sleep_error()), "{search}");
        }
        assert!(split("search * `sim_sleep(60000)`").is_ok());
    }

    #[test]
    fn refuses_what_does_not_parse() {
        for (search, expected) in [
            ("search \"open", "unbalanced quotes"),
            ("search * | | head", "Missing a search command before '|'"),
            ("search * |", "Missing a search command before '|'"),
            ("search * `nope(1)`", "a macro 'nope' that cannot be found"),
            ("search * `nope", "closing backtick"),
            ("search [search x]", "subsearches"),
        ] {
            let error = split(search).unwrap_err();
            assert!(error.contains(expected), "{search}: {error}");
        }
    }
}
