//! What one label may be: the requirement algebra for a single key (reference section 2.5).
//!
//! All eight operators come down to one shape, so that any two can be intersected:
//!
//! ```text
//! In a b        values {a b}
//! NotIn a b     everything but {a b}
//! Exists        everything but {}
//! DoesNotExist  values {}
//! Gt 4          everything but {}, at least 5        (Gte 5)
//! Lt 4          everything but {}, at most 3         (Lte 3)
//! ```

mod algebra;
mod error;
mod operator;

pub use algebra::Requirement;
pub use error::RequirementError;
pub use operator::{Operator, UnknownOperator};
