//! CEL expressions: compiled once, with what they may refer to checked, and evaluated within a bound.
//!
//! ```text
//! source ──compile──> Expression ──evaluate(variables, budget)──> value
//!             │                         │
//!             └ too long, too deep,     └ what it may cost at most is reckoned from the sizes of the variables
//!               unknown names             before anything is evaluated
//! ```

mod compile;
mod cost;
mod evaluate;

mod names;
mod room;
mod values;

pub(crate) use compile::{Expression, compile, compile_once};
pub(crate) use evaluate::{Failure, evaluate};
pub(crate) use kube_cel::cel::Value as CelValue;
pub(crate) use values::{escaped as escaped_name, from_json, from_json_with_schema};
