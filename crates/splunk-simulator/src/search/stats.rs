//! The aggregations of `stats`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::data::{Row, text};

use super::evaluate::print;
use super::token::Token;

/// One aggregation: a function, its field and the name of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aggregation {
    function: Function,
    /// Empty for a plain `count`.
    field: String,
    pub(super) column: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Average,
    Count,
    DistinctCount,
    First,
    Last,
    List,
    Maximum,
    Minimum,
    Sum,
    Values,
}

const FUNCTIONS: [(&str, Function); 13] = [
    ("avg", Function::Average),
    ("c", Function::Count),
    ("count", Function::Count),
    ("dc", Function::DistinctCount),
    ("distinct_count", Function::DistinctCount),
    ("first", Function::First),
    ("last", Function::Last),
    ("list", Function::List),
    ("max", Function::Maximum),
    ("mean", Function::Average),
    ("min", Function::Minimum),
    ("sum", Function::Sum),
    ("values", Function::Values),
];

impl Aggregation {
    /// Reads one aggregation from the front: `function[(field)] [AS column]`. Gives it with the number of tokens used.
    pub(super) fn parse(tokens: &[&Token]) -> Result<(Self, usize), String> {
        let name = tokens
            .first()
            .and_then(|token| token.text())
            .unwrap_or_default();
        let lower = name.to_ascii_lowercase();
        let (_, function) = FUNCTIONS
            .iter()
            .find(|(known, _)| *known == lower)
            .ok_or_else(|| format!("The aggregation '{name}' is not known."))?;
        let (field, mut used) = match tokens.get(1..) {
            Some([Token::Symbol("("), Token::Symbol(")"), ..]) => (String::new(), 3),
            Some([Token::Symbol("("), field, Token::Symbol(")"), ..]) => {
                (field.text().unwrap_or_default().to_owned(), 4)
            }
            Some([Token::Symbol("("), ..]) => {
                return Err(format!("The argument of '{name}' is invalid."));
            }
            _ => (String::new(), 1),
        };
        if field.is_empty() && *function != Function::Count {
            return Err(format!("The aggregation '{name}' needs a field."));
        }
        let mut column = if field.is_empty() {
            lower
        } else {
            format!("{lower}({field})")
        };
        if let Some([word, alias, ..]) = tokens.get(used..)
            && word.is_word("as")
            && let Some(alias) = alias.text()
        {
            column = alias.to_owned();
            used += 2;
        }
        let aggregation = Self {
            function: *function,
            field,
            column,
        };
        Ok((aggregation, used))
    }

    /// The value over these rows; nothing when no row has a value for it.
    pub(super) fn over(&self, rows: &[&Row]) -> Option<Value> {
        let present = || {
            rows.iter()
                .filter(|row| row.contains_key(&self.field))
                .map(|row| text(row, &self.field))
        };
        let numbers = || present().filter_map(|text| text.parse::<f64>().ok());
        let count = |count: usize| Some(Value::from(count.to_string()));
        let number = |number: Option<f64>| number.map(|number| Value::from(print(number)));
        match self.function {
            Function::Count if self.field.is_empty() => count(rows.len()),
            Function::Count => count(present().count()),
            Function::DistinctCount => count(present().collect::<BTreeSet<_>>().len()),
            Function::Sum => number(numbers().reduce(|left, right| left + right)),
            Function::Average => {
                let total = numbers().reduce(|left, right| left + right);
                number(total.map(|total| total / numbers().count() as f64))
            }
            Function::Maximum => number(numbers().reduce(f64::max)),
            Function::Minimum => number(numbers().reduce(f64::min)),
            Function::First => present().next().map(Value::from),
            Function::Last => present().next_back().map(Value::from),
            Function::List => several(present().map(ToOwned::to_owned).collect()),
            Function::Values => {
                let distinct: BTreeSet<_> = present().map(ToOwned::to_owned).collect();
                several(distinct.into_iter().collect())
            }
        }
    }
}

/// One value stands alone, several are an array, as in Splunk's JSON.
fn several(mut values: Vec<String>) -> Option<Value> {
    if values.len() > 1 {
        return Some(Value::from(values));
    }
    values.pop().map(Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::token::{Grammar, tokens};
    use super::*;

    fn rows() -> Vec<Row> {
        [("a", "1"), ("b", "2"), ("a", "6"), ("c", "x")]
            .into_iter()
            .map(|(user, bytes)| {
                let mut row = Row::new();
                row.insert("user".to_owned(), user.into());
                row.insert("bytes".to_owned(), bytes.into());
                row
            })
            .collect()
    }

    fn parse(text: &str) -> Result<(Aggregation, usize), String> {
        let tokens = tokens(text, Grammar::Search);
        Aggregation::parse(&tokens.iter().collect::<Vec<_>>())
    }

    #[test]
    fn aggregates() {
        let rows = rows();
        let rows: Vec<&Row> = rows.iter().collect();
        for (text, column, expected) in [
            ("count", "count", Some(json!("4"))),
            ("count()", "count", Some(json!("4"))),
            ("count(missing)", "count(missing)", Some(json!("0"))),
            ("dc(user) AS users", "users", Some(json!("3"))),
            ("sum(bytes)", "sum(bytes)", Some(json!("9"))),
            ("avg(bytes)", "avg(bytes)", Some(json!("3"))),
            ("max(bytes)", "max(bytes)", Some(json!("6"))),
            ("min(bytes)", "min(bytes)", Some(json!("1"))),
            ("first(user)", "first(user)", Some(json!("a"))),
            ("last(user)", "last(user)", Some(json!("c"))),
            (
                "list(user)",
                "list(user)",
                Some(json!(["a", "b", "a", "c"])),
            ),
            ("values(user)", "values(user)", Some(json!(["a", "b", "c"]))),
            ("sum(missing)", "sum(missing)", None),
            ("values(missing)", "values(missing)", None),
        ] {
            let (aggregation, _) = parse(text).unwrap();
            assert_eq!(aggregation.column, column, "{text}");
            assert_eq!(aggregation.over(&rows), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for text in ["frob(x)", "sum", "sum()", "sum(a b)", "sum(", "("] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
