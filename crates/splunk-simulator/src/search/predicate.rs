//! What the `search` command looks for: field comparisons, words and phrases, with `AND`, `OR`, `NOT`.

use crate::data::{Row, text};

use super::DEEPEST_NESTING;
use super::pattern::{Comparison, compare, matches_pattern};
use super::token::Token;

/// A condition on one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Predicate {
    Any,
    /// A word or phrase somewhere in `_raw`.
    Text(String),
    Field {
        name: String,
        comparison: Comparison,
        value: String,
    },
    In {
        name: String,
        values: Vec<String>,
    },
    Not(Box<Predicate>),
    All(Vec<Predicate>),
    Either(Vec<Predicate>),
}

/// The `search` command: its condition and the time range it may carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) predicate: Predicate,
    pub(super) earliest: Option<String>,
    pub(super) latest: Option<String>,
}

impl Filter {
    pub(super) fn parse(tokens: &[Token]) -> Result<Self, String> {
        let mut parser = Parser {
            tokens,
            depth: 0,
            earliest: None,
            latest: None,
        };
        let predicate = parser.either()?;
        if !parser.tokens.is_empty() {
            return Err(unbalanced());
        }
        Ok(Self {
            predicate,
            earliest: parser.earliest,
            latest: parser.latest,
        })
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
    earliest: Option<String>,
    latest: Option<String>,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.tokens.first().is_some_and(|token| token.is_word(word));
        if found {
            self.next();
        }
        found
    }

    fn at_end_of_group(&self) -> bool {
        self.tokens.first().is_none_or(|token| token.is_symbol(")"))
    }

    fn either(&mut self) -> Result<Predicate, String> {
        let mut parts = vec![self.all()?];
        while self.take_word("OR") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Predicate::Either))
    }

    fn all(&mut self) -> Result<Predicate, String> {
        let mut parts = Vec::new();
        while !self.at_end_of_group()
            && !self.tokens.first().is_some_and(|token| token.is_word("OR"))
        {
            if !self.take_word("AND") {
                parts.push(self.not()?);
            }
        }
        Ok(one_or(parts, Predicate::All))
    }

    fn not(&mut self) -> Result<Predicate, String> {
        let mut negated = false;
        while self.take_word("NOT") {
            negated = !negated;
        }
        let predicate = self.term()?;
        Ok(if negated {
            Predicate::Not(Box::new(predicate))
        } else {
            predicate
        })
    }

    fn term(&mut self) -> Result<Predicate, String> {
        let token = self.next().ok_or_else(|| {
            "Error in 'search' command: Unable to parse the search: NOT without a term.".to_owned()
        })?;
        let name = match token {
            Token::Symbol("(") => return self.group(),
            Token::Symbol(symbol) => {
                return Err(format!(
                    "Error in 'search' command: Unable to parse the search: Comparator '{symbol}' is missing a term \
                     on the left hand side."
                ));
            }
            Token::Word(text) | Token::Quoted(text) => text,
        };
        if let Some(Token::Symbol(symbol)) = self.tokens.first()
            && let Some(comparison) = Comparison::of(symbol)
        {
            self.next();
            return self.comparison(name, comparison, symbol);
        }
        if self.tokens.first().is_some_and(|token| token.is_word("IN"))
            && self.tokens.get(1).is_some_and(|token| token.is_symbol("("))
        {
            self.next();
            self.next();
            return self.list(name);
        }
        Ok(if name == "*" {
            Predicate::Any
        } else {
            Predicate::Text(name.clone())
        })
    }

    fn group(&mut self) -> Result<Predicate, String> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(
                "Error in 'search' command: Unable to parse the search: too many nested parentheses."
                    .to_owned(),
            );
        }
        let inner = self.either()?;
        if !self.next().is_some_and(|token| token.is_symbol(")")) {
            return Err(unbalanced());
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn comparison(
        &mut self,
        name: &str,
        comparison: Comparison,
        symbol: &str,
    ) -> Result<Predicate, String> {
        let value = self.next().and_then(Token::text).ok_or_else(|| {
            format!(
                "Error in 'search' command: Unable to parse the search: Comparator '{symbol}' is missing a term on \
                 the right hand side."
            )
        })?;
        let value = value.to_owned();
        match name {
            "earliest" | "starttime" if comparison == Comparison::Equal => {
                self.earliest = Some(value);
                Ok(Predicate::Any)
            }
            "latest" | "endtime" if comparison == Comparison::Equal => {
                self.latest = Some(value);
                Ok(Predicate::Any)
            }
            _ => Ok(Predicate::Field {
                name: name.to_owned(),
                comparison,
                value,
            }),
        }
    }

    fn list(&mut self, name: &str) -> Result<Predicate, String> {
        let mut values = Vec::new();
        loop {
            match self.next() {
                Some(Token::Symbol(")")) => break,
                Some(Token::Symbol(",")) => {}
                Some(Token::Word(text) | Token::Quoted(text)) => values.push(text.clone()),
                Some(Token::Symbol(_)) | None => return Err(unbalanced()),
            }
        }
        Ok(Predicate::In {
            name: name.to_owned(),
            values,
        })
    }
}

fn one_or(mut parts: Vec<Predicate>, many: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match (parts.len(), parts.pop()) {
        (_, None) => Predicate::Any,
        (1, Some(only)) => only,
        (_, Some(last)) => {
            parts.push(last);
            many(parts)
        }
    }
}

fn unbalanced() -> String {
    "Error in 'search' command: Unable to parse the search: unbalanced parentheses.".to_owned()
}

impl Predicate {
    /// Whether an event or row meets the condition.
    pub(super) fn matches(&self, row: &Row) -> bool {
        match self {
            Self::Any => true,
            Self::Text(pattern) => matches_pattern(&format!("*{pattern}*"), text(row, "_raw")),
            Self::Field {
                name,
                comparison,
                value,
            } => {
                let actual = text(row, name);
                // A field that is missing meets no comparison, not even `!=`.
                row.contains_key(name) && compare(name, actual, *comparison, value)
            }
            Self::In { name, values } => {
                let actual = text(row, name);
                row.contains_key(name)
                    && values
                        .iter()
                        .any(|value| compare(name, actual, Comparison::Equal, value))
            }
            Self::Not(inner) => !inner.matches(row),
            Self::All(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Either(parts) => parts.iter().any(|part| part.matches(row)),
        }
    }

    /// The index patterns that the condition names.
    pub(super) fn indexes(&self) -> Vec<&str> {
        match self {
            Self::Field { name, value, .. } if name == "index" => vec![value],
            Self::In { name, values } if name == "index" => {
                values.iter().map(String::as_str).collect()
            }
            Self::Not(inner) => inner.indexes(),
            Self::All(parts) | Self::Either(parts) => {
                parts.iter().flat_map(Self::indexes).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::{Grammar, tokens};
    use super::*;

    fn row() -> Row {
        let mut row = Row::new();
        for (name, value) in [
            ("_raw", "GET /cart from Alice took 120"),
            ("index", "main"),
            ("status", "404"),
            ("user", "Alice"),
        ] {
            row.insert(name.to_owned(), value.into());
        }
        row
    }

    fn parse(text: &str) -> Result<Filter, String> {
        Filter::parse(&tokens(text, Grammar::Search))
    }

    #[test]
    fn matches_as_the_search_command_does() {
        for (search, expected) in [
            ("*", true),
            ("", true),
            ("cart", true),
            ("CART alice", true),
            ("\"from alice\"", true),
            ("c*t", true),
            ("cart AND bob", false),
            ("cart OR bob", true),
            ("NOT bob", true),
            ("NOT NOT bob", false),
            ("(bob OR cart) index=main", true),
            ("status=404", true),
            ("status=4*", true),
            ("status!=404", false),
            ("missing!=1", false),
            ("NOT missing=1", true),
            ("status>=400 status<500", true),
            ("status>1000", false),
            ("user=alice", true),
            ("user IN (bob, \"alice\")", true),
            ("user IN (bob)", false),
            ("index=*", true),
            ("index=_*", false),
        ] {
            let filter = parse(search).unwrap();
            assert_eq!(filter.predicate.matches(&row()), expected, "{search}");
        }
    }

    #[test]
    fn takes_time_ranges_and_index_names_out() {
        let filter =
            parse("index=a OR (index IN (b, c) NOT index=d) earliest=-1h latest=now").unwrap();
        assert_eq!(filter.earliest.as_deref(), Some("-1h"));
        assert_eq!(filter.latest.as_deref(), Some("now"));
        assert_eq!(filter.predicate.indexes(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn refuses_what_does_not_parse() {
        for (search, expected) in [
            ("(a", "unbalanced parentheses"),
            ("a)", "unbalanced parentheses"),
            ("=5", "missing a term on the left"),
            ("status=", "missing a term on the right"),
            ("status=)", "missing a term on the right"),
            ("a IN (b", "unbalanced parentheses"),
            ("NOT", "NOT without a term"),
        ] {
            let error = parse(search).unwrap_err();
            assert!(error.contains(expected), "{search}: {error}");
        }
        assert!(parse(&"(".repeat(10_000)).unwrap_err().contains("nested"));
    }
}
