//! Filters of the second version (reference section 2.10):
//!
//! ```text
//! filter     := operand (('+' | '|') operand)*      + is and, | is or; mixing them needs parentheses,
//!                                                   two operands side by side are an and
//! operand    := '(' filter ')' | comparison
//! comparison := field ['[' key ']'] operator value (',' value)*
//! operator   := : !: ~: !~: <~: !<~: ~>: !~>:       is, contains, starts with, ends with; ! is not
//! value      := '"' text '"'                        with \" and \\ inside
//! ```
//! Several values are alternatives, or, with a negated operator, all excluded.

mod evaluate;
mod field;
mod lexer;
mod parse;

pub use evaluate::Subject;
pub(crate) use evaluate::provider_of;
pub use field::{Field, Vocabulary};
pub use parse::{Comparison, Filter, FilterError, Operator};
