//! A command: nodes that go together, and what comes for them. Plain data, made by a computation and carried out by the
//! part.

use std::collections::BTreeSet;
use std::fmt;

use supercargo_api::DisruptionReason;
use supercargo_catalog::Usd;
use supercargo_engine::consolidate::MoveKind;
use supercargo_reconcile::Key;

use crate::metrics::{ConsolidationType, DisruptionDecision};
use crate::provisioning::ClaimShape;

/// A node that goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The node's name.
    pub node: String,
    /// Its uid.
    pub node_uid: String,
    /// The NodeClaim's name.
    pub claim: String,
    /// Its uid.
    pub claim_uid: String,
    /// The NodePool.
    pub node_pool: String,
    /// Its type, by its label.
    pub instance_type: String,
    /// How it is paid for, by its label.
    pub capacity_type: String,
    /// Its zone, by its label.
    pub zone: String,
    /// Dollars per hour; zero where nobody knows.
    pub price: Usd,
}

/// A node that comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement {
    /// What it shall be.
    pub shape: ClaimShape,
    /// Pods that shall go there, with their uids.
    pub pods: Vec<(Key, String)>,
}

/// Nodes that go together, and what comes for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What budgets know it as.
    pub reason: DisruptionReason,
    /// What it does, for consolidation; nothing for drift.
    pub kind: Option<MoveKind>,
    /// Nodes that go; never empty.
    pub candidates: Vec<Candidate>,
    /// Nodes that have to be there before.
    pub replacements: Vec<Replacement>,
    /// Nodes that are there and take pods.
    pub takers: BTreeSet<String>,
    /// How many pods move.
    pub pods: usize,
    /// Dollars per hour of the nodes that go.
    pub price_before: Usd,
    /// Dollars per hour of the nodes that come.
    pub price_after: Usd,
    /// The least score among its NodePools (reference section 4.13).
    pub score: Option<f64>,
    /// Why, in words: what has drifted.
    pub detail: String,
}

impl Command {
    /// Whether nodes come for those that go.
    pub fn decision(&self) -> DisruptionDecision {
        if self.replacements.is_empty() { DisruptionDecision::Delete } else { DisruptionDecision::Replace }
    }

    /// How metrics know the search that found it.
    pub fn search(&self) -> ConsolidationType {
        match (self.reason, self.candidates.len()) {
            (DisruptionReason::Drifted, _) => ConsolidationType::None,
            (DisruptionReason::Empty, _) => ConsolidationType::Empty,
            (_, 1) => ConsolidationType::Single,
            _ => ConsolidationType::Multi,
        }
    }

    /// The reason as metrics have it: `underutilized`.
    pub fn reason_word(&self) -> &'static str {
        word(self.reason)
    }

    /// Dollars per hour that it saves; below zero for drift that makes things dearer.
    pub fn saved(&self) -> Usd {
        self.price_before - self.price_after
    }

    /// The NodePools of its nodes.
    pub fn node_pools(&self) -> BTreeSet<&str> {
        self.candidates.iter().map(|candidate| candidate.node_pool.as_str()).collect()
    }
}

/// The word of a reason in metrics.
pub fn word(reason: DisruptionReason) -> &'static str {
    match reason {
        DisruptionReason::Underutilized => "underutilized",
        DisruptionReason::Empty => "empty",
        DisruptionReason::Drifted => "drifted",
    }
}

/// The word of a reason in conditions and Events.
pub fn name(reason: DisruptionReason) -> &'static str {
    match reason {
        DisruptionReason::Underutilized => "Underutilized",
        DisruptionReason::Empty => "Empty",
        DisruptionReason::Drifted => "Drifted",
    }
}

impl fmt::Display for Command {
    /// `m6a.4xlarge (ip-10-0-0-7) becomes m6a.xlarge`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, candidate) in self.candidates.iter().take(3).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(out, "{separator}{} ({})", candidate.instance_type, candidate.node)?;
        }
        if self.candidates.len() > 3 {
            write!(out, " and {} more", self.candidates.len() - 3)?;
        }
        let several = self.candidates.len() > 1;
        match &self.replacements[..] {
            [] => out.write_str(if several { " go" } else { " goes" }),
            all => {
                out.write_str(if several { " become " } else { " becomes " })?;
                for (index, one) in all.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    let first = one.shape.instance_types.first().map_or("a node", String::as_str);
                    write!(out, "{separator}{first}")?;
                }
                Ok(())
            }
        }
    }
}
