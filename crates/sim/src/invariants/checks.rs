//! All invariants together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use supercargo_reconcile::{Change, Object, State};

use super::{budgets, evictions, limits};
use crate::world::Audit;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Invariant {
    /// No voluntary eviction beyond a PodDisruptionBudget.
    DisruptionBudget,
    /// A pod that is not to be disrupted is not evicted.
    DoNotDisrupt,
    /// No more nodes are disrupted at once than their NodePool allows.
    NodeBudget,
    /// A NodePool holds no more than its limits.
    Limit,
    /// One claim, one launch.
    DoubleLaunch,
    /// Every machine belongs to a claim.
    Leak,
    /// Every launched claim has a machine.
    Loss,
    /// What is deleted goes.
    Stuck,
    /// A pod that fits into a node that can be had runs.
    Placeable,
    /// Consolidation never raises the price.
    Price,
    /// What the scenario itself asks for.
    Assertion,
}

/// Something that should not have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// When.
    pub at: Timestamp,
    /// Of what.
    pub invariant: Invariant,
    /// What happened, with names and numbers.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {:?}: {}", self.at, self.invariant, self.what)
    }
}

/// More violations than these are counted and not kept.
const KEPT: usize = 100;

/// The invariants that hold at every moment.
#[derive(Debug, Default)]
pub struct Checks {
    violations: Vec<Violation>,
    /// Pods that were evicted, by uid, with the moment.
    pub(super) evicted: BTreeMap<String, Timestamp>,
    /// When pods of a namespace last stopped being ready without having been evicted.
    pub(super) lost: BTreeMap<String, Timestamp>,
    /// The most nodes that NodePools had lately.
    pub(super) sizes: BTreeMap<String, Vec<(Timestamp, usize)>>,
    /// Every instance that a claim ever named.
    pub(super) provider_ids: BTreeSet<String>,
}

impl Checks {
    /// Takes notice of a change; the state has it already.
    pub fn change(&mut self, change: &Change, state: &State, now: Timestamp) {
        match &change.new {
            Some(Object::NodeClaim(claim)) => {
                if let Some(id) = claim.status.as_ref().and_then(|status| status.provider_id.clone()) {
                    self.provider_ids.insert(id);
                }
                limits::check(self, claim, state, now);
            }
            Some(Object::Node(_)) => budgets::note_size(self, state, now),
            _ => {}
        }
        evictions::note_loss(self, change, now);
    }

    /// Takes notice of a write of the controllers.
    pub fn audit(&mut self, audit: &Audit, state: &State) {
        if !audit.status.is_success() {
            return;
        }
        evictions::check(self, audit, state);
        budgets::check(self, audit, state);
    }

    /// Something is wrong.
    pub fn violated(&mut self, at: Timestamp, invariant: Invariant, what: String) {
        if self.violations.len() < KEPT {
            self.violations.push(Violation { at, invariant, what });
        }
    }

    /// What was wrong.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Every instance that a claim ever named.
    pub fn provider_ids(&self) -> &BTreeSet<String> {
        &self.provider_ids
    }
}
