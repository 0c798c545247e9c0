//! What a plan breaks.

use std::fmt;

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The plan contradicts the cluster or itself.
    Bookkeeping,
    /// A node that goes must not.
    Candidate,
    /// More evictions at once than a PodDisruptionBudget allows.
    PodDisruptionBudget,
    /// More nodes at once than a NodePool's budget allows.
    NodePoolBudget,
    /// A pod does not fit, or may not be where it is put.
    Constraint,
    /// A new node is none that its NodePool may have.
    NodePool,
    /// Prices that do not add up, or a move that does not save enough.
    Price,
}

/// One thing that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Position of the move, from 1; zero for the plan as a whole.
    pub order: u32,
    /// The rule.
    pub rule: Rule,
    /// What exactly.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "move {}: {:?}: {}", self.order, self.rule, self.what)
    }
}
