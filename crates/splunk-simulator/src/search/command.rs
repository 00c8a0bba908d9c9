//! The commands of SPL: from the text of a stage to a [`Stage`].

use super::MOST_ROWS;
use super::arguments::Arguments;
use super::expression::Expression;
use super::predicate::Filter;
use super::stage::{SortKey, Stage};
use super::stats::Aggregation;
use super::token::{Grammar, Token, tokens};

/// Commands of Splunk that the simulator knows by name only, so that it does not call them unknown.
const NOT_IMPLEMENTED: [&str; 24] = [
    "addtotals",
    "append",
    "bin",
    "chart",
    "datamodel",
    "eventstats",
    "fillnull",
    "inputlookup",
    "join",
    "lookup",
    "metadata",
    "mvexpand",
    "outputlookup",
    "regex",
    "replace",
    "rest",
    "rex",
    "savedsearch",
    "spath",
    "streamstats",
    "timechart",
    "transaction",
    "tstats",
    "union",
];

/// Reads one stage. `first` is whether it opens the search, `leading_pipe` whether the search started with a pipe.
pub(super) fn parse(text: &str, first: bool, leading_pipe: bool) -> Result<Stage, String> {
    let end = text
        .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let name = name.to_ascii_lowercase();
    let search = tokens(rest, Grammar::Search);
    let arguments = Arguments {
        command: &name,
        tokens: &search,
    };
    match name.as_str() {
        "search" => Filter::parse(&search).map(Stage::Search),
        "makeresults" if first => make_results(&arguments),
        "makeresults" => {
            Err(arguments.error("This command must be the first command of a search."))
        }
        "head" => arguments.limit(10).map(Stage::Head),
        "tail" => arguments.limit(10).map(Stage::Tail),
        "reverse" => Ok(Stage::Reverse),
        "sort" => sort(&arguments),
        "dedup" => arguments.names().map(Stage::Dedup),
        "fields" => fields(&arguments),
        "table" => arguments.names().map(Stage::Table),
        "rename" => rename(&arguments),
        "eval" => eval(rest),
        "where" => Expression::parse(&tokens(rest, Grammar::Expression), "where").map(Stage::Where),
        "stats" => stats(&arguments),
        "top" | "rare" => top(&arguments),
        known if NOT_IMPLEMENTED.contains(&known) => {
            Err(arguments.error("The simulator does not implement this command."))
        }
        // Without a leading pipe Splunk takes the first word as a command, so `index=main` has the command 'index'.
        _ if name.is_empty() && (!first || leading_pipe) => Err(format!(
            "Error in 'SearchParser': Missing a search command before '{text}'."
        )),
        _ if name.is_empty() => Err(format!(
            "Unknown search command '{}'.",
            text.split_whitespace().next().unwrap_or_default()
        )),
        _ => Err(format!("Unknown search command '{name}'.")),
    }
}

fn make_results(arguments: &Arguments<'_>) -> Result<Stage, String> {
    let count = match arguments.tokens {
        [] => 1,
        [name, Token::Symbol("="), number] if name.is_word("count") => arguments.number(number)?,
        [first, ..] => return Err(arguments.invalid(first)),
    };
    Ok(Stage::MakeResults {
        count: count.min(MOST_ROWS),
    })
}

fn sort(arguments: &Arguments<'_>) -> Result<Stage, String> {
    let mut limit = MOST_ROWS;
    let mut keys = Vec::new();
    let mut sign = None;
    for (position, token) in arguments.tokens.iter().enumerate() {
        let Some(text) = token.text() else {
            if token.is_symbol(",") {
                continue;
            }
            return Err(arguments.invalid(token));
        };
        if position == 0
            && let Ok(number) = text.parse::<usize>()
        {
            // 0 means all.
            limit = if number == 0 { MOST_ROWS } else { number };
            continue;
        }
        match text {
            "-" | "+" => sign = Some(text == "-"),
            _ => {
                let (field, marked) = match text.strip_prefix('-') {
                    Some(field) => (field, Some(true)),
                    None => (text.strip_prefix('+').unwrap_or(text), None),
                };
                keys.push(SortKey {
                    field: field.to_owned(),
                    descending: marked.or(sign.take()).unwrap_or(false),
                });
            }
        }
    }
    if keys.is_empty() {
        return Err(arguments.error("At least one field is needed to sort by."));
    }
    Ok(Stage::Sort { limit, keys })
}

fn fields(arguments: &Arguments<'_>) -> Result<Stage, String> {
    let (keep, tokens) = match arguments.tokens {
        [Token::Word(sign), rest @ ..] if sign == "-" || sign == "+" => (sign == "+", rest),
        all => (true, all),
    };
    let names = Arguments {
        tokens,
        ..*arguments
    }
    .names()?;
    Ok(Stage::Fields { keep, names })
}

fn rename(arguments: &Arguments<'_>) -> Result<Stage, String> {
    let mut pairs = Vec::new();
    for part in arguments.tokens.split(|token| token.is_symbol(",")) {
        match part {
            [from, word, to] if word.is_word("as") => {
                let name = |token: &Token| {
                    token
                        .text()
                        .map(ToOwned::to_owned)
                        .ok_or_else(|| arguments.invalid(token))
                };
                pairs.push((name(from)?, name(to)?));
            }
            _ => return Err(arguments.error("Usage: rename [old_name AS new_name]+.")),
        }
    }
    Ok(Stage::Rename(pairs))
}

fn eval(text: &str) -> Result<Stage, String> {
    let all = tokens(text, Grammar::Expression);
    let malformed = || "Error in 'eval' command: The expression is malformed.".to_owned();
    let mut assignments = Vec::new();
    for part in split_outside_parentheses(&all) {
        match part {
            [
                Token::Word(name) | Token::Quoted(name),
                Token::Symbol("="),
                rest @ ..,
            ] => {
                assignments.push((name.clone(), Expression::parse(rest, "eval")?));
            }
            _ => return Err(malformed()),
        }
    }
    Ok(Stage::Eval(assignments))
}

fn split_outside_parentheses(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            match token {
                Token::Symbol("(") => depth += 1,
                Token::Symbol(")") => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.is_symbol(",")
        })
        .collect()
}

fn stats(arguments: &Arguments<'_>) -> Result<Stage, String> {
    let by_at = arguments
        .tokens
        .iter()
        .position(|token| token.is_word("by"));
    let (before, by) = match by_at.and_then(|position| arguments.tokens.split_at_checked(position))
    {
        Some((before, [_, by @ ..])) => {
            let by = Arguments {
                tokens: by,
                ..*arguments
            };
            (before, by.names()?)
        }
        _ => (arguments.tokens, Vec::new()),
    };
    let mut aggregations = Vec::new();
    let mut rest: Vec<&Token> = before
        .iter()
        .filter(|token| !token.is_symbol(","))
        .collect();
    while !rest.is_empty() {
        let (aggregation, used) =
            Aggregation::parse(&rest).map_err(|text| arguments.error(&text))?;
        aggregations.push(aggregation);
        rest.drain(..used);
    }
    if aggregations.is_empty() {
        return Err(arguments.error("At least one aggregation is needed, such as count."));
    }
    Ok(Stage::Stats { aggregations, by })
}

fn top(arguments: &Arguments<'_>) -> Result<Stage, String> {
    let (limit, tokens) = match arguments.tokens {
        [name, Token::Symbol("="), number, rest @ ..] if name.is_word("limit") => {
            (arguments.number(number)?, rest)
        }
        [Token::Word(number), rest @ ..] if !rest.is_empty() => match number.parse() {
            Ok(number) => (number, rest),
            Err(_) => (10, arguments.tokens),
        },
        all => (10, all),
    };
    match tokens {
        [Token::Word(field) | Token::Quoted(field)] => Ok(Stage::Top {
            field: field.clone(),
            limit,
            rarest: arguments.command == "rare",
        }),
        [] => Err(arguments.error("At least one field is needed.")),
        _ => Err(arguments.error("The simulator takes one field here.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_limits() {
        assert_eq!(parse("head", false, false), Ok(Stage::Head(10)));
        assert_eq!(parse("HEAD 3", false, false), Ok(Stage::Head(3)));
        assert_eq!(parse("tail limit=4", false, false), Ok(Stage::Tail(4)));
    }

    #[test]
    fn reads_sort_keys() {
        let key = |field: &str, descending| SortKey {
            field: field.to_owned(),
            descending,
        };
        for (text, limit, keys) in [
            ("sort -count", MOST_ROWS, vec![key("count", true)]),
            (
                "sort 5 - count, +host",
                5,
                vec![key("count", true), key("host", false)],
            ),
            ("sort 0 a", MOST_ROWS, vec![key("a", false)]),
        ] {
            assert_eq!(
                parse(text, false, false),
                Ok(Stage::Sort { limit, keys }),
                "{text}"
            );
        }
    }

    #[test]
    fn says_what_is_wrong_in_splunks_words() {
        for (text, first, pipe, expected) in [
            (
                "frobnicate",
                false,
                false,
                "Unknown search command 'frobnicate'.",
            ),
            ("index=main", true, false, "Unknown search command 'index'."),
            ("*", true, false, "Unknown search command '*'."),
            (
                "head x",
                false,
                false,
                "Error in 'head' command: Invalid argument: 'x'",
            ),
            (
                "head -1",
                false,
                false,
                "Error in 'head' command: Invalid argument: '-1'",
            ),
            (
                "makeresults",
                false,
                false,
                "Error in 'makeresults' command: This command must be the first command of a search.",
            ),
            (
                "timechart count",
                false,
                false,
                "Error in 'timechart' command: The simulator does not",
            ),
            (
                "stats",
                false,
                false,
                "Error in 'stats' command: At least one aggregation",
            ),
            (
                "stats count by",
                false,
                false,
                "Error in 'stats' command: The argument list is empty",
            ),
            (
                "stats frob(x)",
                false,
                false,
                "Error in 'stats' command: The aggregation 'frob'",
            ),
            (
                "sort",
                false,
                false,
                "Error in 'sort' command: At least one field",
            ),
            (
                "table",
                false,
                false,
                "Error in 'table' command: The argument list is empty",
            ),
            (
                "rename a b",
                false,
                false,
                "Error in 'rename' command: Usage",
            ),
            (
                "eval",
                false,
                false,
                "Error in 'eval' command: The expression is malformed.",
            ),
            (
                "eval x=",
                false,
                false,
                "Error in 'eval' command: The expression is malformed.",
            ),
            (
                "where",
                false,
                false,
                "Error in 'where' command: The expression is malformed.",
            ),
            (
                "top",
                false,
                false,
                "Error in 'top' command: At least one field",
            ),
            ("=", true, true, "Missing a search command before '='"),
        ] {
            let error = parse(text, first, pipe).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
