//! What can be wrong with a label selector.

use crate::labels::LabelSyntaxError;

/// Why a label selector cannot be understood. Texts are cut to a readable length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The text form has something in the wrong place.
    #[error("selector has {found} at character {position}, expected {expected}")]
    Syntax {
        /// Where, in characters from 1.
        position: usize,
        /// What stands there.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A key is not a label key.
    #[error("selector: {0}")]
    Key(#[source] LabelSyntaxError),
    /// A value is not a label value.
    #[error("selector on {key:?}: {error}")]
    Value {
        /// The label's key.
        key: String,
        /// What is wrong with the value.
        #[source]
        error: LabelSyntaxError,
    },
    /// A comparison with something that is not an integer.
    #[error("selector on {key:?}: {operator} needs a whole number, found {value:?}")]
    NotAnInteger {
        /// The label's key.
        key: String,
        /// The comparison.
        operator: &'static str,
        /// The value found.
        value: String,
    },
    /// In or NotIn without values.
    #[error("selector on {key:?}: {operator} needs at least one value")]
    NoValues {
        /// The label's key.
        key: String,
        /// In or NotIn.
        operator: String,
    },
    /// Exists or DoesNotExist with values.
    #[error("selector on {key:?}: {operator} takes no values; leave them out")]
    UnexpectedValues {
        /// The label's key.
        key: String,
        /// Exists or DoesNotExist.
        operator: String,
    },
    /// An operator label selectors do not have.
    #[error("selector on {key:?}: operator {operator:?} is unknown; use In, NotIn, Exists or DoesNotExist")]
    UnknownOperator {
        /// The label's key.
        key: String,
        /// The operator found.
        operator: String,
    },
}
