//! Reading and writing filters.

use std::fmt;

use thiserror::Error;

use crate::allocation::LabelAliases;
use crate::filter::field::{Field, Vocabulary};
use crate::filter::lexer::{Token, tokens};

/// How deep parentheses may go.
const DEEPEST: usize = 64;
/// How long a filter may be, in bytes: it is asked about every row.
const LONGEST: usize = 1 << 16;

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The same; of a list, one of its elements; of labels without a key, one of their keys.
    Is,
    /// A part of it.
    Contains,
    /// Its beginning.
    StartsWith,
    /// Its end.
    EndsWith,
}

/// A comparison of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What is compared.
    pub field: Field,
    /// How.
    pub operator: Operator,
    /// Whether the answer is turned round.
    pub negated: bool,
    /// With what; at least one.
    pub values: Vec<String>,
}

/// A filter. The empty one lets everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Everything passes.
    #[default]
    Everything,
    /// One comparison.
    Comparison(Comparison),
    /// All of them; at least two.
    And(Vec<Filter>),
    /// One of them; at least two.
    Or(Vec<Filter>),
}

/// A text that is no filter. Places are counted in bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// Something that does not belong there.
    #[error(
        "filter: {found} at {at} does not belong there: expected a comparison such as namespace:\"shop\", joined by + or |"
    )]
    Unexpected {
        /// Where.
        at: usize,
        /// What.
        found: String,
    },
    /// The filter ends too early.
    #[error("filter: ends where {expected} is expected")]
    Ends {
        /// What is missing.
        expected: &'static str,
    },
    /// A text without its closing quote.
    #[error("filter: the text that begins at {at} has no closing quote")]
    UnclosedText {
        /// Where.
        at: usize,
    },
    /// A key without its closing bracket.
    #[error("filter: the key that begins at {at} has no closing bracket")]
    UnclosedKey {
        /// Where.
        at: usize,
    },
    /// A field nobody knows.
    #[error("filter: unknown field {name:?} at {at}: expected one of {known}")]
    UnknownField {
        /// Where.
        at: usize,
        /// Its name, cut to 40 characters.
        name: String,
        /// The fields there are.
        known: String,
    },
    /// `+` and `|` side by side.
    #[error("filter: + and | at {at} without parentheses: write a+(b|c) or (a+b)|c")]
    Mixed {
        /// Where.
        at: usize,
    },
    /// More parentheses than anyone needs.
    #[error("filter: parentheses deeper than {DEEPEST} at {at}")]
    TooDeep {
        /// Where.
        at: usize,
    },
    /// Longer than anyone needs.
    #[error("filter: {length} bytes, at most {LONGEST} are read")]
    TooLong {
        /// Its length.
        length: usize,
    },
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str, vocabulary: Vocabulary) -> Result<Filter, FilterError> {
        Filter::parse_with(text, vocabulary, &LabelAliases::default())
    }

    /// Reads a filter; the aliases say which labels some words stand for.
    pub fn parse_with(
        text: &str,
        vocabulary: Vocabulary,
        aliases: &LabelAliases,
    ) -> Result<Filter, FilterError> {
        if text.len() > LONGEST {
            return Err(FilterError::TooLong { length: text.len() });
        }
        let tokens = tokens(text)?;
        if tokens.is_empty() {
            return Ok(Filter::Everything);
        }
        let mut reader = Reader { tokens: &tokens, next: 0, vocabulary, aliases };
        let filter = reader.filter(0)?;
        match reader.peek() {
            None => Ok(filter),
            Some((at, token)) => Err(FilterError::Unexpected { at: *at, found: describe(token) }),
        }
    }

    /// Whether everything passes because nothing was asked.
    pub const fn is_empty(&self) -> bool {
        matches!(self, Filter::Everything)
    }

    /// Both.
    pub fn and(self, other: Filter) -> Filter {
        match (self, other) {
            (Filter::Everything, filter) | (filter, Filter::Everything) => filter,
            (one, two) => Filter::And(vec![one, two]),
        }
    }
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    next: usize,
    vocabulary: Vocabulary,
    aliases: &'a LabelAliases,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a (usize, Token)> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, expected: &'static str) -> Result<&'a (usize, Token), FilterError> {
        let token = self.tokens.get(self.next).ok_or(FilterError::Ends { expected })?;
        self.next += 1;
        Ok(token)
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut operands = vec![self.operand(depth)?];
        let mut joined_by_or = None;
        while let Some((at, token)) = self.peek() {
            let or = match token {
                Token::And => false,
                Token::Or => true,
                // side by side: and
                Token::Open | Token::Name(_) => false,
                _ => break,
            };
            if *joined_by_or.get_or_insert(or) != or {
                return Err(FilterError::Mixed { at: *at });
            }
            if matches!(token, Token::And | Token::Or) {
                self.next += 1;
            }
            operands.push(self.operand(depth)?);
        }
        Ok(match joined_by_or {
            Some(true) => Filter::Or(operands),
            Some(false) => Filter::And(operands),
            None => operands.swap_remove(0),
        })
    }

    fn operand(&mut self, depth: usize) -> Result<Filter, FilterError> {
        match self.take("a comparison")? {
            (at, Token::Open) => {
                if depth >= DEEPEST {
                    return Err(FilterError::TooDeep { at: *at });
                }
                let inner = self.filter(depth + 1)?;
                match self.take("a closing parenthesis")? {
                    (_, Token::Close) => Ok(inner),
                    (at, token) => Err(FilterError::Unexpected { at: *at, found: describe(token) }),
                }
            }
            (at, Token::Name(name)) => self.comparison(*at, name).map(Filter::Comparison),
            (at, token) => Err(FilterError::Unexpected { at: *at, found: describe(token) }),
        }
    }

    fn comparison(&mut self, at: usize, name: &str) -> Result<Comparison, FilterError> {
        let key = match self.peek() {
            Some((_, Token::Key(key))) => {
                self.next += 1;
                Some(key.as_str())
            }
            _ => None,
        };
        let unknown = || FilterError::UnknownField {
            at,
            name: name.chars().take(40).collect(),
            known: self.vocabulary.names(),
        };
        let field = self.vocabulary.field(name, key, self.aliases).ok_or_else(unknown)?;
        let (operator, negated) = match self.take("an operator")? {
            (_, Token::Operator(operator, negated)) => (*operator, *negated),
            (at, token) => return Err(FilterError::Unexpected { at: *at, found: describe(token) }),
        };
        let mut values = Vec::new();
        loop {
            match self.take("a quoted text")? {
                (_, Token::Value(value)) => values.push(value.clone()),
                (at, token) => return Err(FilterError::Unexpected { at: *at, found: describe(token) }),
            }
            match self.peek() {
                Some((_, Token::Comma)) => self.next += 1,
                _ => return Ok(Comparison { field, operator, negated, values }),
            }
        }
    }
}

fn describe(token: &Token) -> String {
    let short = |text: &str| text.chars().take(40).collect::<String>();
    match token {
        Token::Name(name) => format!("{:?}", short(name)),
        Token::Key(key) => format!("[{}]", short(key)),
        Token::Value(value) => format!("{:?}", short(value)),
        Token::Operator(..) => "an operator".to_owned(),
        Token::Comma => "a comma".to_owned(),
        Token::And => "+".to_owned(),
        Token::Or => "|".to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.field.name())?;
        if let Field::Label(Some(key)) | Field::Annotation(Some(key)) = &self.field {
            write!(out, "[{key}]")?;
        }
        let sign = match self.operator {
            Operator::Is => ":",
            Operator::Contains => "~:",
            Operator::StartsWith => "<~:",
            Operator::EndsWith => "~>:",
        };
        write!(out, "{}{sign}", if self.negated { "!" } else { "" })?;
        for (index, value) in self.values.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
        }
        Ok(())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operands, sign) = match self {
            Filter::Everything => return Ok(()),
            Filter::Comparison(comparison) => return comparison.fmt(out),
            Filter::And(operands) => (operands, "+"),
            Filter::Or(operands) => (operands, "|"),
        };
        for (index, operand) in operands.iter().enumerate() {
            out.write_str(if index == 0 { "" } else { sign })?;
            match operand {
                Filter::Comparison(comparison) => comparison.fmt(out)?,
                nested => write!(out, "({nested})")?,
            }
        }
        Ok(())
    }
}
