//! The expressions of `eval` and `where`: literals, fields, arithmetic, comparisons and a few functions.

use super::DEEPEST_NESTING;
use super::pattern::Comparison;
use super::token::Token;

/// The most tokens of an expression.
const LONGEST_EXPRESSION: usize = 500;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Text(String),
    Boolean(bool),
    Field(String),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// `+ - * / %`.
    Arithmetic(&'static str, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
}

/// The functions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    If,
    IsNull,
    IsNotNull,
    Len,
    Lower,
    Now,
    Round,
    Upper,
}

/// Name, function and the number of its arguments.
const FUNCTIONS: [(&str, Function, usize); 8] = [
    ("if", Function::If, 3),
    ("isnull", Function::IsNull, 1),
    ("isnotnull", Function::IsNotNull, 1),
    ("len", Function::Len, 1),
    ("lower", Function::Lower, 1),
    ("now", Function::Now, 0),
    ("round", Function::Round, 1),
    ("upper", Function::Upper, 1),
];

impl Expression {
    /// Reads one expression; all tokens must belong to it.
    pub(super) fn parse(tokens: &[Token], command: &'static str) -> Result<Self, String> {
        let mut parser = Parser {
            tokens,
            command,
            depth: 0,
        };
        // A long chain of operators is a deep tree.
        if tokens.len() > LONGEST_EXPRESSION {
            return Err(parser.malformed());
        }
        let expression = parser.or()?;
        if parser.tokens.is_empty() {
            Ok(expression)
        } else {
            Err(parser.malformed())
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    command: &'static str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn malformed(&self) -> String {
        format!(
            "Error in '{}' command: The expression is malformed.",
            self.command
        )
    }

    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn take(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let found = self.tokens.first().is_some_and(wanted);
        if found {
            self.next();
        }
        found
    }

    /// Takes one of the symbols, when it is next.
    fn take_symbol(&mut self, symbols: &[&str]) -> Option<&'static str> {
        match self.tokens.first() {
            Some(Token::Symbol(symbol)) if symbols.contains(symbol) => {
                self.next();
                Some(symbol)
            }
            _ => None,
        }
    }

    fn or(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(self.malformed());
        }
        let mut left = self.and()?;
        while self.take(|token| token.is_word("OR")) {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.not()?;
        while self.take(|token| token.is_word("AND")) {
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expression, String> {
        let mut negated = false;
        while self.take(|token| token.is_word("NOT")) {
            negated = !negated;
        }
        let inner = self.comparison()?;
        Ok(if negated {
            Expression::Not(Box::new(inner))
        } else {
            inner
        })
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let left = self.sum()?;
        let Some(comparison) = self
            .take_symbol(&["=", "!=", "<", "<=", ">", ">="])
            .and_then(Comparison::of)
        else {
            return Ok(left);
        };
        Ok(Expression::Compare(
            comparison,
            Box::new(left),
            Box::new(self.sum()?),
        ))
    }

    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(sign) = self.take_symbol(&["+", "-"]) {
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.operand()?;
        while let Some(sign) = self.take_symbol(&["*", "/", "%"]) {
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.operand()?));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression, String> {
        match self.next() {
            Some(Token::Quoted(text)) => Ok(Expression::Text(text.clone())),
            Some(Token::Symbol("(")) => self.closed(),
            Some(Token::Symbol("-")) => match self.next() {
                Some(Token::Word(text)) => text
                    .parse()
                    .map(|number: f64| Expression::Number(-number))
                    .map_err(|_| self.malformed()),
                _ => Err(self.malformed()),
            },
            Some(Token::Word(name)) => {
                if self.take(|token| token.is_symbol("(")) {
                    return self.call(name);
                }
                Ok(match name.parse::<f64>() {
                    Ok(number) if number.is_finite() => Expression::Number(number),
                    _ if name.eq_ignore_ascii_case("true") => Expression::Boolean(true),
                    _ if name.eq_ignore_ascii_case("false") => Expression::Boolean(false),
                    _ => Expression::Field(name.clone()),
                })
            }
            _ => Err(self.malformed()),
        }
    }

    /// The rest of a parenthesis.
    fn closed(&mut self) -> Result<Expression, String> {
        let inner = self.or()?;
        if self.take(|token| token.is_symbol(")")) {
            Ok(inner)
        } else {
            Err(self.malformed())
        }
    }

    fn call(&mut self, name: &str) -> Result<Expression, String> {
        let mut arguments = Vec::new();
        if !self.take(|token| token.is_symbol(")")) {
            loop {
                arguments.push(self.or()?);
                if self.take(|token| token.is_symbol(")")) {
                    break;
                }
                if !self.take(|token| token.is_symbol(",")) {
                    return Err(self.malformed());
                }
            }
        }
        let command = self.command;
        let lower = name.to_ascii_lowercase();
        let (_, function, count) = FUNCTIONS
            .iter()
            .find(|(known, ..)| *known == lower)
            .ok_or_else(|| {
                format!(
                    "Error in '{command}' command: The '{name}' function is unsupported or undefined."
                )
            })?;
        if arguments.len() != *count {
            return Err(format!(
                "Error in '{command}' command: The arguments to the '{name}' function are invalid."
            ));
        }
        Ok(Expression::Call(*function, arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::{Grammar, tokens};
    use super::*;

    fn parse(text: &str) -> Result<Expression, String> {
        Expression::parse(&tokens(text, Grammar::Expression), "eval")
    }

    #[test]
    fn refuses_what_does_not_parse() {
        for (text, expected) in [
            ("", "malformed"),
            ("1 2", "malformed"),
            ("(1", "malformed"),
            ("1+", "malformed"),
            ("-x", "malformed"),
            (
                "sleep(5)",
                "The 'sleep' function is unsupported or undefined",
            ),
            ("len()", "The arguments to the 'len' function are invalid"),
            ("len(user", "malformed"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(parse(&"(".repeat(100)).is_err());
        assert!(parse(&"len(".repeat(100)).is_err());
        assert!(parse(&format!("1{}", "+1".repeat(10_000))).is_err());
    }
}
