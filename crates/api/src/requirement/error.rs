//! What can be wrong with a requirement as it is written (reference row N4).

use super::operator::{Operator, UnknownOperator};

/// Why a requirement cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// The operator is not one of the eight.
    #[error("requirement on {key:?}: {error}")]
    UnknownOperator {
        /// The label's key.
        key: String,
        /// The text found.
        #[source]
        error: UnknownOperator,
    },
    /// In without values.
    #[error("requirement on {key:?}: In needs at least one value")]
    NoValues {
        /// The label's key.
        key: String,
    },
    /// A comparison with none or several values.
    #[error("requirement on {key:?}: {operator} needs exactly one value, found {count}")]
    NotOneValue {
        /// The label's key.
        key: String,
        /// The comparison.
        operator: Operator,
        /// How many values were given.
        count: usize,
    },
    /// A comparison with something that is not a whole number from zero up.
    #[error("requirement on {key:?}: {operator} needs a whole number of at least 0, found {value:?}")]
    NotAnInteger {
        /// The label's key.
        key: String,
        /// The comparison.
        operator: Operator,
        /// The value, cut to a readable length.
        value: String,
    },
    /// In with fewer values than minValues asks for.
    #[error("requirement on {key:?}: In has {count} values but minValues asks for {min_values}")]
    TooFewValues {
        /// The label's key.
        key: String,
        /// How many values were given.
        count: usize,
        /// How many there must be.
        min_values: u32,
    },
}
