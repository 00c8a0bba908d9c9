//! Words, quoted texts and symbols of one stage.

use std::iter::Peekable;
use std::str::Chars;

/// A piece of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word: a name, a number, a pattern.
    Word(String),
    /// A text that stood in double quotes (in expressions, a field name in single quotes is a [`Token::Word`]).
    Quoted(String),
    /// An operator or a bracket, such as `!=` or `(`.
    Symbol(&'static str),
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self, Self::Symbol(text) if *text == symbol)
    }

    /// The text of a word or a quoted text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Word(text) | Self::Quoted(text) => Some(text),
            Self::Symbol(_) => None,
        }
    }
}

/// Where the stage is cut: in expressions, arithmetic signs are symbols; elsewhere they belong to words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    Search,
    Expression,
}

/// Cuts a stage into tokens. Quotes are balanced already: [`super::split`] has seen to it.
pub(super) fn tokens(text: &str, grammar: Grammar) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(&character) = characters.peek() {
        if character.is_whitespace() {
            characters.next();
        } else if character == '"' {
            characters.next();
            tokens.push(Token::Quoted(until(&mut characters, '"')));
        } else if character == '\'' && grammar == Grammar::Expression {
            characters.next();
            tokens.push(Token::Word(until(&mut characters, '\'')));
        } else if let Some(symbol) = symbol(&mut characters, grammar) {
            tokens.push(Token::Symbol(symbol));
        } else {
            tokens.push(Token::Word(word(&mut characters, grammar)));
        }
    }
    tokens
}

fn is_symbol_start(character: char, grammar: Grammar) -> bool {
    matches!(character, '(' | ')' | ',' | '=' | '!' | '<' | '>')
        || (grammar == Grammar::Expression && matches!(character, '+' | '-' | '*' | '/' | '%'))
}

fn symbol(characters: &mut Peekable<Chars<'_>>, grammar: Grammar) -> Option<&'static str> {
    let first = characters.next_if(|character| is_symbol_start(*character, grammar))?;
    let mut equals = || characters.next_if_eq(&'=').is_some();
    Some(match first {
        '(' => "(",
        ')' => ")",
        ',' => ",",
        '=' => {
            if grammar == Grammar::Expression {
                equals();
            }
            "="
        }
        '!' => {
            if equals() {
                "!="
            } else {
                "!"
            }
        }
        '<' => {
            if equals() {
                "<="
            } else {
                "<"
            }
        }
        '>' => {
            if equals() {
                ">="
            } else {
                ">"
            }
        }
        '+' => "+",
        '-' => "-",
        '*' => "*",
        '/' => "/",
        _ => "%",
    })
}

fn word(characters: &mut Peekable<Chars<'_>>, grammar: Grammar) -> String {
    let mut word = String::new();
    while let Some(character) = characters.next_if(|character| {
        !character.is_whitespace() && *character != '"' && !is_symbol_start(*character, grammar)
    }) {
        if character == '\\' {
            word.extend(characters.next());
        } else {
            word.push(character);
        }
    }
    word
}

/// The text up to the closing quote, which is taken too. A backslash keeps the character after it.
fn until(characters: &mut Peekable<Chars<'_>>, quote: char) -> String {
    let mut text = String::new();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            _ if character == quote => break,
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Token {
        Token::Word(text.to_owned())
    }

    fn quoted(text: &str) -> Token {
        Token::Quoted(text.to_owned())
    }

    #[test]
    fn cuts_a_search() {
        assert_eq!(
            tokens(r#"host=web-0* "a \" b" (x!=1,y)"#, Grammar::Search),
            [
                word("host"),
                Token::Symbol("="),
                word("web-0*"),
                quoted("a \" b"),
                Token::Symbol("("),
                word("x"),
                Token::Symbol("!="),
                word("1"),
                Token::Symbol(","),
                word("y"),
                Token::Symbol(")"),
            ]
        );
    }

    #[test]
    fn cuts_an_expression() {
        assert_eq!(
            tokens("a>=b-1 == 'odd name'", Grammar::Expression),
            [
                word("a"),
                Token::Symbol(">="),
                word("b"),
                Token::Symbol("-"),
                word("1"),
                Token::Symbol("="),
                word("odd name"),
            ]
        );
    }

    #[test]
    fn ends_on_any_text() {
        for text in ["\\", "\"", "a\\", "'", "é\u{301}!", "<<>>=="] {
            tokens(text, Grammar::Search);
            tokens(text, Grammar::Expression);
        }
        assert_eq!(tokens("\\", Grammar::Search), [word("")]);
    }
}
