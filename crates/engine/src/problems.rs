//! Objects that do not count, and why.

use serde::{Deserialize, Serialize};

/// An object that does not count as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectProblem {
    /// Kind, for example `NodeOverlay`.
    pub kind: String,
    /// Name, with its namespace in front where there is one.
    pub name: String,
    /// Why.
    pub problem: String,
}
