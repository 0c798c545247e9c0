//! The words of a filter.

use crate::filter::parse::{FilterError, Operator};

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A field's name.
    Name(String),
    /// What stands in brackets.
    Key(String),
    /// An operator, and whether it is negated.
    Operator(Operator, bool),
    /// A quoted text.
    Value(String),
    /// `,`
    Comma,
    /// `+`
    And,
    /// `|`
    Or,
    /// `(`
    Open,
    /// `)`
    Close,
}

/// The operators, the longer first.
const OPERATORS: [(&str, Operator, bool); 8] = [
    ("!<~:", Operator::StartsWith, true),
    ("!~>:", Operator::EndsWith, true),
    ("!~:", Operator::Contains, true),
    ("<~:", Operator::StartsWith, false),
    ("~>:", Operator::EndsWith, false),
    ("~:", Operator::Contains, false),
    ("!:", Operator::Is, true),
    (":", Operator::Is, false),
];

/// Cuts a text into words, each with the byte it begins at.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(found) };
        let single = match first {
            ',' => Some(Token::Comma),
            '+' => Some(Token::And),
            '|' => Some(Token::Or),
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            _ => None,
        };
        let (token, length) = if let Some(token) = single {
            (token, 1)
        } else if first == '"' {
            quoted(rest).ok_or(FilterError::UnclosedText { at })?
        } else if first == '[' {
            let end = rest.find(']').ok_or(FilterError::UnclosedKey { at })?;
            (Token::Key(unquoted(rest[1..end].trim()).to_owned()), end + 1)
        } else if let Some((sign, operator, negated)) =
            OPERATORS.iter().find(|(sign, ..)| rest.starts_with(sign))
        {
            (Token::Operator(*operator, *negated), sign.len())
        } else {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
            if end == 0 {
                return Err(FilterError::Unexpected { at, found: first.to_string() });
            }
            (Token::Name(rest[..end].to_owned()), end)
        };
        found.push((at, token));
        rest = &rest[length..];
    }
}

fn unquoted(key: &str) -> &str {
    key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key)
}

/// A quoted text at the beginning, and how many bytes it takes.
fn quoted(text: &str) -> Option<(Token, usize)> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((Token::Value(value), at + 1)),
            '\\' => match letters.peek().copied() {
                Some((_, next @ ('"' | '\\'))) => {
                    value.push(next);
                    letters.next();
                }
                _ => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    None
}
