//! All invariants together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use supercargo_cloud_sim::Region;
use supercargo_reconcile::{Change, Kind, Object, State};

use super::prices::Replacement;
use super::{budgets, evictions, launches, limits, prices, wishes};
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
    /// Whose prices count; without it nothing is said about prices.
    pub(super) region: Option<Region>,
    /// Nodes that the controllers have deleted and deadlines that they have given claims, by name: the cluster may not have
    /// been seen since.
    pub(super) ended: BTreeSet<String>,
    pub(super) deadlines: BTreeMap<String, Timestamp>,
    /// Claims that were made to replace others, by name.
    pub(super) replacements: BTreeMap<String, Replacement>,
    /// When claims were marked for disruption no more, by name.
    pub(super) unmarked: BTreeMap<String, Timestamp>,
    /// The launches that were called for together, in order, by the token of their call.
    pub(super) together: BTreeMap<String, Vec<String>>,
    /// Pods that wait though they could run, by uid, with the moment at which that was seen first.
    pub(super) overlooked: BTreeMap<String, Timestamp>,
}

impl Checks {
    /// Prices are those of this region.
    pub fn prices_of(&mut self, region: Region) {
        self.region = Some(region);
    }

    /// Takes notice of a change; the state has it already.
    pub fn change(&mut self, change: &Change, state: &State, now: Timestamp) {
        if change.old.is_none() {
            // another one may have had the name
            self.ended.remove(&change.key.name);
            self.deadlines.remove(&change.key.name);
        }
        if let Some(Object::NodeClaim(claim)) = &change.new {
            limits::check(self, claim, state, now);
        }
        if change.kind == Kind::Node && (change.old.is_none() || change.new.is_none()) {
            budgets::note_size(self, state, now);
        }
        evictions::note_loss(self, change, now);
        prices::note_unmarked(self, change, now);
    }

    /// Takes notice of a write of the controllers.
    pub fn audit(&mut self, audit: &Audit, state: &State) {
        if !audit.status.is_success() {
            return;
        }
        evictions::check(self, audit, state);
        launches::note(self, audit);
        budgets::check(self, audit, state);
        wishes::check(self, audit, state);
        prices::check(self, audit, state);
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
}
