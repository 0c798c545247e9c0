//! Label selectors: compiled once, asked many times.
//!
//! ```text
//! LabelSelector ──compile──> Selector ──matches──> bool
//! "a=b,c in (x,y)" ──parse──┘
//! ```
//!
//! A selector is a list of terms that must all hold. The text form is that of `kubectl -l`, with the comparisons
//! `>`, `<`, `>=` and `<=` beside it.

mod compile;
mod error;
mod parse;
mod terms;

pub use compile::WhenAbsent;
pub use error::SelectorError;
pub use terms::Selector;
