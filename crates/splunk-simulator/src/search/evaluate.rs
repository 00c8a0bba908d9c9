//! What the expressions of `eval` and `where` come to.

use crate::data::{Row, text};

use super::expression::{Expression, Function};
use super::pattern::Comparison;

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Evaluated {
    Null,
    Number(f64),
    Text(String),
    Boolean(bool),
}

impl Evaluated {
    pub(super) fn is_true(&self) -> bool {
        matches!(self, Self::Boolean(true))
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The value as a field holds it; nothing for null.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Number(number) => Some(print(number)),
            Self::Text(text) => Some(text),
            Self::Boolean(flag) => Some(if flag { "true" } else { "false" }.to_owned()),
        }
    }
}

/// Prints a number as Splunk does: whole numbers without a point, others with at most six digits after it.
pub(super) fn print(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        format!("{number:.0}")
    } else {
        let text = format!("{number:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl Expression {
    pub(super) fn evaluate(&self, row: &Row, now: i64) -> Evaluated {
        let of = |part: &Self| part.evaluate(row, now);
        match self {
            Self::Number(number) => Evaluated::Number(*number),
            Self::Text(text) => Evaluated::Text(text.clone()),
            Self::Boolean(flag) => Evaluated::Boolean(*flag),
            Self::Field(name) if row.contains_key(name) => {
                Evaluated::Text(text(row, name).to_owned())
            }
            Self::Field(_) => Evaluated::Null,
            Self::Not(inner) => Evaluated::Boolean(!of(inner).is_true()),
            Self::And(left, right) => Evaluated::Boolean(of(left).is_true() && of(right).is_true()),
            Self::Or(left, right) => Evaluated::Boolean(of(left).is_true() || of(right).is_true()),
            Self::Compare(comparison, left, right) => compare(*comparison, of(left), of(right)),
            Self::Arithmetic(sign, left, right) => arithmetic(sign, of(left), of(right)),
            Self::Call(function, arguments) => {
                let mut values = arguments.iter().map(of);
                let mut next = || values.next().unwrap_or(Evaluated::Null);
                call(*function, now, &mut next)
            }
        }
    }
}

fn compare(comparison: Comparison, left: Evaluated, right: Evaluated) -> Evaluated {
    let order = match (left.number(), right.number()) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => match (left.into_text(), right.into_text()) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => return Evaluated::Null,
        },
    };
    Evaluated::Boolean(comparison.holds(order))
}

/// Numbers are calculated with; `+` joins anything else. No result becomes null, as in Splunk.
fn arithmetic(sign: &str, left: Evaluated, right: Evaluated) -> Evaluated {
    let Some((a, b)) = left.number().zip(right.number()) else {
        return match (sign, left.into_text(), right.into_text()) {
            ("+", Some(left), Some(right)) => Evaluated::Text(left + &right),
            _ => Evaluated::Null,
        };
    };
    let result = match sign {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        _ => a % b,
    };
    if result.is_finite() {
        Evaluated::Number(result)
    } else {
        Evaluated::Null
    }
}

fn call(function: Function, now: i64, next: &mut dyn FnMut() -> Evaluated) -> Evaluated {
    match function {
        Function::Now => Evaluated::Number(now as f64),
        Function::If => {
            let (condition, then, otherwise) = (next(), next(), next());
            if condition.is_true() { then } else { otherwise }
        }
        Function::IsNull => Evaluated::Boolean(next() == Evaluated::Null),
        Function::IsNotNull => Evaluated::Boolean(next() != Evaluated::Null),
        Function::Round => next()
            .number()
            .map_or(Evaluated::Null, |number| Evaluated::Number(number.round())),
        Function::Len | Function::Lower | Function::Upper => match next().into_text() {
            None => Evaluated::Null,
            Some(text) => match function {
                Function::Len => Evaluated::Number(text.chars().count() as f64),
                Function::Lower => Evaluated::Text(text.to_lowercase()),
                _ => Evaluated::Text(text.to_uppercase()),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::{Grammar, tokens};
    use super::*;

    fn parse(text: &str) -> Result<Expression, String> {
        Expression::parse(&tokens(text, Grammar::Expression), "eval")
    }

    fn evaluate(text: &str) -> Option<String> {
        let mut row = Row::new();
        row.insert("bytes".to_owned(), "10".into());
        row.insert("user".to_owned(), "Alice".into());
        row.insert("odd name".to_owned(), "x".into());
        parse(text).unwrap().evaluate(&row, 7).into_text()
    }

    #[test]
    fn evaluates() {
        for (text, expected) in [
            ("1+2*3", Some("7")),
            ("(1+2)*3", Some("9")),
            ("7-2-1", Some("4")),
            ("-2+bytes", Some("8")),
            ("bytes/4", Some("2.5")),
            ("1/3", Some("0.333333")),
            ("bytes/0", None),
            ("bytes%3", Some("1")),
            ("user+\"!\"", Some("Alice!")),
            ("missing+1", None),
            ("'odd name'", Some("x")),
            ("bytes>9 AND user=\"Alice\"", Some("true")),
            ("bytes>9 AND NOT user==\"Alice\"", Some("false")),
            ("user=\"alice\"", Some("false")),
            ("missing=1 OR true", Some("true")),
            ("if(bytes>=10, \"big\", \"small\")", Some("big")),
            ("upper(user)+lower(user)", Some("ALICEalice")),
            ("len(user)", Some("5")),
            ("now()", Some("7")),
            ("round(2.5)", Some("3")),
            ("isnull(missing)", Some("true")),
            ("isnotnull(missing)", Some("false")),
        ] {
            assert_eq!(evaluate(text).as_deref(), expected, "{text}");
        }
    }
}
