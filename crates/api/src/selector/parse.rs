//! The text form of a selector, as in `kubectl -l`: `a=b,c in (x,y),!d,e!=f,n>3`.
//!
//! ```text
//! selector ::= "" | term { "," term }
//! term     ::= KEY | "!" KEY | KEY ("=" | "==" | "!=") VALUE | KEY ("in" | "notin") "(" VALUE { "," VALUE } ")"
//!            | KEY (">" | "<" | ">=" | "<=") INTEGER
//! ```
//!
//! A value may be empty. One pass, no recursion.

use std::str::FromStr;

use super::compile::term;
use super::error::SelectorError;
use super::terms::{Selector, Term, Test};
use crate::labels::excerpt;

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut tokens = Tokens { text, position: 0 };
        let mut terms = Vec::new();
        if tokens.peek() == Token::End {
            return Ok(Self::everything());
        }
        loop {
            terms.push(parse_term(&mut tokens)?);
            match tokens.next() {
                (_, Token::End) => return Ok(Self::of(terms)),
                (_, Token::Comma) => {}
                found => return Err(tokens.unexpected(found, "a comma or the end")),
            }
        }
    }
}

fn parse_term(tokens: &mut Tokens<'_>) -> Result<Term, SelectorError> {
    if tokens.peek() == Token::Not {
        tokens.next();
        return term(tokens.word("a label key after '!'")?, Test::DoesNotExist);
    }
    let key = tokens.word("a label key or '!'")?;
    if matches!(tokens.peek(), Token::End | Token::Comma) {
        return term(key, Test::Exists);
    }
    match tokens.next() {
        (_, Token::Equals) => term(key, Test::In(vec![tokens.value().to_owned()])),
        (_, Token::NotEquals) => term(key, Test::NotIn(vec![tokens.value().to_owned()])),
        (_, Token::Word("in")) => term(key, Test::In(tokens.values()?)),
        (_, Token::Word("notin")) => term(key, Test::NotIn(tokens.values()?)),
        (_, Token::Greater) => term(key, Test::Gt(integer(key, ">", tokens.value())?)),
        (_, Token::Less) => term(key, Test::Lt(integer(key, "<", tokens.value())?)),
        (_, Token::GreaterOrEqual) => term(key, Test::Gte(integer(key, ">=", tokens.value())?)),
        (_, Token::LessOrEqual) => term(key, Test::Lte(integer(key, "<=", tokens.value())?)),
        found => Err(tokens.unexpected(found, "one of = == != > < >= <= in notin, a comma or the end")),
    }
}

fn integer(key: &str, operator: &'static str, value: &str) -> Result<i64, SelectorError> {
    value.parse().map_err(|_| SelectorError::NotAnInteger {
        key: excerpt(key),
        operator,
        value: excerpt(value),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Equals,
    NotEquals,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Not,
    Open,
    Close,
    Comma,
    End,
}

/// The text and how far it has been read, in bytes.
struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Tokens<'a> {
    /// The next token and where it starts.
    fn next(&mut self) -> (usize, Token<'a>) {
        let (start, token, end) = self.scan();
        self.position = end;
        (start, token)
    }

    fn peek(&self) -> Token<'a> {
        self.scan().1
    }

    /// The token at the position, where it starts and where it ends.
    fn scan(&self) -> (usize, Token<'a>, usize) {
        let bytes = self.text.as_bytes();
        let rest = &bytes[self.position..];
        let blanks = rest.iter().position(|byte| !is_blank(*byte)).unwrap_or(rest.len());
        let start = self.position + blanks;
        let Some(&first) = bytes.get(start) else { return (start, Token::End, start) };
        let equals_follows = bytes.get(start + 1) == Some(&b'=');
        let (token, length) = match first {
            b'=' if equals_follows => (Token::Equals, 2),
            b'=' => (Token::Equals, 1),
            b'!' if equals_follows => (Token::NotEquals, 2),
            b'!' => (Token::Not, 1),
            b'>' if equals_follows => (Token::GreaterOrEqual, 2),
            b'>' => (Token::Greater, 1),
            b'<' if equals_follows => (Token::LessOrEqual, 2),
            b'<' => (Token::Less, 1),
            b'(' => (Token::Open, 1),
            b')' => (Token::Close, 1),
            b',' => (Token::Comma, 1),
            _ => {
                let rest = &bytes[start..];
                let length =
                    rest.iter().position(|byte| is_blank(*byte) || is_symbol(*byte)).unwrap_or(rest.len());
                // Both ends lie beside ASCII bytes or at an end of the text.
                (Token::Word(&self.text[start..start + length]), length)
            }
        };
        (start, token, start + length)
    }

    fn word(&mut self, expected: &'static str) -> Result<&'a str, SelectorError> {
        match self.next() {
            (_, Token::Word(word)) => Ok(word),
            found => Err(self.unexpected(found, expected)),
        }
    }

    /// A single value, which may be empty.
    fn value(&mut self) -> &'a str {
        match self.scan() {
            (_, Token::Word(word), end) => {
                self.position = end;
                word
            }
            _ => "",
        }
    }

    /// Values in brackets; nothing between the commas is an empty value.
    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        match self.next() {
            (_, Token::Open) => {}
            found => return Err(self.unexpected(found, "'('")),
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value().to_owned());
            match self.next() {
                (_, Token::Comma) => {}
                (_, Token::Close) => return Ok(values),
                found => return Err(self.unexpected(found, "a comma or ')'")),
            }
        }
    }

    fn unexpected(&self, (start, token): (usize, Token<'_>), expected: &'static str) -> SelectorError {
        let found = match token {
            Token::End => "its end".to_owned(),
            _ => format!("{:?}", excerpt(&self.text[start..self.position])),
        };
        SelectorError::Syntax { position: self.text[..start].chars().count() + 1, found, expected }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_symbol(byte: u8) -> bool {
    matches!(byte, b'=' | b'!' | b'(' | b')' | b',' | b'>' | b'<')
}
