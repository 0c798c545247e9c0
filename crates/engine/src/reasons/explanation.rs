//! What is said about a class of pods without a place.

use serde::{Deserialize, Serialize};

use crate::snapshot::Snapshot;
use crate::solve::{Outcome, SolveOptions, Unplaced};

use super::by_pool::{Attempt, Case};
use super::wording::message;

/// What one NodePool had to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Name.
    pub node_pool: String,
    /// Types of its NodeClass.
    pub types: usize,
    /// What removed them, in order.
    pub steps: Vec<Step>,
    /// Types left at the end. Not zero where other pods, not types, are in the way.
    pub left: usize,
    /// How close it came, for example `needs 200 cpu; the nearest allowed type, c7a.48xlarge, has 191.6 for pods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest_miss: Option<String>,
}

/// One constraint and the types it removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The constraint.
    pub constraint: String,
    /// Types removed by it.
    pub removed: usize,
    /// Types left after it.
    pub left: usize,
}

/// The reasons for one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The most telling reason.
    pub message: String,
    /// By NodePool.
    pub node_pools: Vec<Explanation>,
}

/// Explains why the pods of a class have no place.
pub fn explain_unplaced(
    snapshot: &Snapshot,
    outcome: &Outcome,
    unplaced: &Unplaced,
    options: SolveOptions,
) -> Explained {
    let case = Case { snapshot, outcome, unplaced, options };
    let attempts: Vec<Attempt> = (0..snapshot.pools.len()).map(|pool| case.explain(pool)).collect();
    let message = message(snapshot, unplaced, &attempts);
    Explained { message, node_pools: attempts.into_iter().map(|attempt| attempt.explanation).collect() }
}
