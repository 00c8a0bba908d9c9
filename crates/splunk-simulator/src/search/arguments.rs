//! The arguments of a command, and the ways several commands read them.

use super::token::Token;

/// The tokens after a command's name.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub(super) command: &'a str,
    pub(super) tokens: &'a [Token],
}

impl Arguments<'_> {
    pub(super) fn error(&self, text: &str) -> String {
        format!("Error in '{}' command: {text}", self.command)
    }

    pub(super) fn invalid(&self, token: &Token) -> String {
        let text = match token {
            Token::Word(text) | Token::Quoted(text) => text.as_str(),
            Token::Symbol(symbol) => symbol,
        };
        self.error(&format!("Invalid argument: '{text}'"))
    }

    /// `[limit=]<number>` alone, or `default`.
    pub(super) fn limit(&self, default: usize) -> Result<usize, String> {
        let number = match self.tokens {
            [] => return Ok(default),
            [name, Token::Symbol("="), number] if name.is_word("limit") => number,
            [number] => number,
            [first, ..] => return Err(self.invalid(first)),
        };
        self.number(number)
    }

    pub(super) fn number(&self, token: &Token) -> Result<usize, String> {
        token
            .text()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.invalid(token))
    }

    /// Names separated by spaces or commas; at least one.
    pub(super) fn names(&self) -> Result<Vec<String>, String> {
        let names = names(self.tokens).map_err(|token| self.invalid(token))?;
        if names.is_empty() {
            return Err(self.error("The argument list is empty: at least one field is needed."));
        }
        Ok(names)
    }
}

fn names(tokens: &[Token]) -> Result<Vec<String>, &Token> {
    tokens
        .iter()
        .filter(|token| !token.is_symbol(","))
        .map(|token| token.text().map(ToOwned::to_owned).ok_or(token))
        .collect()
}
