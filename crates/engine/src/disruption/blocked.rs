//! Why a node must stay, and what would change that.

use std::fmt;

use jiff::Timestamp;
use supercargo_api::labels;

/// Everything that keeps a node where it is; never empty. The first reason is the one to do something about: while it
/// holds, the others do not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The reasons, the most fundamental first.
    pub reasons: Vec<BlockReason>,
}

/// One thing that keeps a node where it is (reference sections 4.2, 4.5, 4.6, 4.9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockReason {
    /// Neither a NodeClaim nor the label of a NodePool.
    NotManaged,
    /// The NodeClaim has no node yet.
    NoNodeYet,
    /// On its way out already.
    Leaving,
    /// Not initialised yet.
    NotInitialized,
    /// A controller keeps it for a while: pods shall come to it, or taking it away has just failed.
    Held {
        /// Why.
        why: String,
        /// Until when, if nothing changes.
        until: Timestamp,
    },
    /// The NodePool of its label does not exist.
    PoolNotFound {
        /// The NodePool; empty where there is a NodeClaim without one.
        pool: String,
    },
    /// Which instance types the NodePool can have is not known.
    TypesUnknown {
        /// The NodePool.
        pool: String,
        /// Its NodeClass.
        node_class: String,
    },
    /// The NodePool keeps a fixed number of nodes (reference section 2.15).
    StaticPool {
        /// The NodePool.
        pool: String,
    },
    /// A label that says what the node costs is missing.
    LabelMissing {
        /// The label.
        label: &'static str,
    },
    /// Its instance type is not in the catalogue, so its price is not known.
    TypeNotFound {
        /// The instance type.
        instance_type: String,
    },
    /// The annotation that forbids it, on the node itself (reference section 1.6).
    NodeDoNotDisrupt {
        /// Which object carries it.
        on: Annotated,
    },
    /// The NodePool's `consolidateAfter` is `Never` (reference row N10).
    ConsolidationOff {
        /// The NodePool.
        pool: String,
    },
    /// The NodePool gives up empty nodes only, and this one is not (reference row N9).
    WhenEmpty {
        /// The NodePool.
        pool: String,
    },
    /// Not empty: only for deleting empty nodes.
    NotEmpty {
        /// How many pods would have to move.
        pods: u32,
    },
    /// A pod that must not be disrupted.
    PodDoNotDisrupt {
        /// The pod, `namespace/name`.
        pod: String,
        /// When its protection ends; `None` if it does not end by itself.
        until: Option<Timestamp>,
    },
    /// A pod that more than one PodDisruptionBudget selects: the eviction API refuses it.
    SeveralPdbs {
        /// The pod, `namespace/name`.
        pod: String,
        /// The budgets, `namespace/name`.
        pdbs: Vec<String>,
    },
    /// A PodDisruptionBudget that allows no eviction now.
    Pdb {
        /// The budget, `namespace/name`.
        pdb: String,
        /// How it comes to zero: `minAvailable 3 of 3 healthy`.
        why: String,
        /// One of its pods here, `namespace/name`.
        pod: String,
        /// How many of its pods are here.
        pods: u32,
    },
    /// Pods came or went too short a time ago (reference section 4.6).
    ConsolidateAfter {
        /// The NodePool.
        pool: String,
        /// `consolidateAfter` as it is written.
        after: String,
        /// When the time is over.
        ends: Timestamp,
    },
}

/// Which object carries an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Annotated {
    /// The Node.
    Node,
    /// The NodeClaim.
    NodeClaim,
}

impl Blocked {
    /// Nothing that stands in the way is no block.
    pub(super) fn by(mut reasons: Vec<BlockReason>) -> Result<(), Blocked> {
        reasons.sort_unstable();
        if reasons.is_empty() { Ok(()) } else { Err(Blocked { reasons }) }
    }

    /// The one thing that would unlock the node, unless others are behind it.
    pub fn unlock(&self) -> String {
        self.reasons.first().map(BlockReason::unlock).unwrap_or_default()
    }

    /// The code of the first reason, for grouping.
    pub fn code(&self) -> &'static str {
        self.reasons.first().map_or("", BlockReason::code)
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, reason) in self.reasons.iter().enumerate() {
            if index > 0 {
                out.write_str("; ")?;
            }
            write!(out, "{reason}")?;
        }
        Ok(())
    }
}

impl BlockReason {
    /// A short name in kebab case, the same for all nodes that stay for the same kind of reason.
    pub const fn code(&self) -> &'static str {
        match self {
            BlockReason::NotManaged => "not-managed",
            BlockReason::NoNodeYet => "no-node-yet",
            BlockReason::Leaving => "leaving",
            BlockReason::NotInitialized => "not-initialized",
            BlockReason::Held { .. } => "held",
            BlockReason::PoolNotFound { .. } => "node-pool-not-found",
            BlockReason::TypesUnknown { .. } => "instance-types-unknown",
            BlockReason::StaticPool { .. } => "static-node-pool",
            BlockReason::LabelMissing { .. } => "label-missing",
            BlockReason::TypeNotFound { .. } => "instance-type-not-found",
            BlockReason::NodeDoNotDisrupt { .. } => "node-do-not-disrupt",
            BlockReason::ConsolidationOff { .. } => "consolidation-off",
            BlockReason::WhenEmpty { .. } => "policy-when-empty",
            BlockReason::NotEmpty { .. } => "not-empty",
            BlockReason::PodDoNotDisrupt { .. } => "pod-do-not-disrupt",
            BlockReason::SeveralPdbs { .. } => "several-pdbs",
            BlockReason::Pdb { .. } => "pdb",
            BlockReason::ConsolidateAfter { .. } => "consolidate-after",
        }
    }

    /// Whether it is a pod that blocks. With a termination grace period, drift goes on nevertheless (reference section
    /// 4.2).
    pub const fn is_of_a_pod(&self) -> bool {
        matches!(
            self,
            BlockReason::PodDoNotDisrupt { .. } | BlockReason::SeveralPdbs { .. } | BlockReason::Pdb { .. }
        )
    }

    /// What would unlock the node as far as this reason goes: one sentence without a full stop.
    pub fn unlock(&self) -> String {
        match self {
            BlockReason::NotManaged => {
                "nothing here: the node belongs to whatever launched it, such as a managed node group"
                    .to_owned()
            }
            BlockReason::NoNodeYet => "wait until its node has joined".to_owned(),
            BlockReason::Leaving => "nothing to do: it goes by itself".to_owned(),
            BlockReason::NotInitialized => {
                "wait until it is Ready and its startup taints are gone, or delete its NodeClaim".to_owned()
            }
            BlockReason::Held { until, .. } => format!("wait until {}", clock(*until)),
            BlockReason::PoolNotFound { pool } if pool.is_empty() => {
                "nothing here: NodeClaims without a NodePool are never consolidated".to_owned()
            }
            BlockReason::PoolNotFound { pool } => {
                format!(
                    "add NodePool {pool} to the input, or delete the node's NodeClaim if the NodePool is gone"
                )
            }
            BlockReason::TypesUnknown { node_class, .. } => {
                format!("add EC2NodeClass {node_class} to the input")
            }
            BlockReason::StaticPool { pool } => format!("scale NodePool {pool} down: lower spec.replicas"),
            BlockReason::LabelMissing { label } => format!("give the node the label {label}"),
            BlockReason::TypeNotFound { instance_type } => {
                format!("give a price for {instance_type}, or replace the node by hand")
            }
            BlockReason::NodeDoNotDisrupt { on } => {
                format!("remove the annotation {} from the {on}", labels::DO_NOT_DISRUPT)
            }
            BlockReason::ConsolidationOff { pool } => {
                format!("set spec.disruption.consolidateAfter of NodePool {pool} to a duration such as 5m")
            }
            BlockReason::WhenEmpty { pool } => {
                format!(
                    "set spec.disruption.consolidationPolicy of NodePool {pool} to WhenEmptyOrUnderutilized or Balanced"
                )
            }
            BlockReason::NotEmpty { .. } => "find another place for its pods".to_owned(),
            BlockReason::PodDoNotDisrupt { pod, until: None } => {
                format!(
                    "remove the annotation {} from pod {pod}, or wait until it ends",
                    labels::DO_NOT_DISRUPT
                )
            }
            BlockReason::PodDoNotDisrupt { until: Some(until), .. } => {
                format!("wait until {}", clock(*until))
            }
            BlockReason::SeveralPdbs { pod, pdbs } => {
                format!("let only one of the PDBs {} select pod {pod}", pdbs.join(", "))
            }
            BlockReason::Pdb { pdb, .. } => {
                format!("let PDB {pdb} allow an eviction: more healthy pods, or a lower minAvailable")
            }
            BlockReason::ConsolidateAfter { ends, .. } => format!("wait until {}", clock(*ends)),
        }
    }
}

impl fmt::Display for BlockReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockReason::NotManaged => out.write_str("not managed by a NodePool"),
            BlockReason::NoNodeYet => out.write_str("the NodeClaim has no node yet"),
            BlockReason::Leaving => out.write_str("being deleted"),
            BlockReason::NotInitialized => out.write_str("not initialized"),
            BlockReason::Held { why, .. } => out.write_str(why),
            BlockReason::PoolNotFound { pool } if pool.is_empty() => {
                out.write_str("its NodeClaim belongs to no NodePool")
            }
            BlockReason::PoolNotFound { pool } => write!(out, "NodePool {pool} not found"),
            BlockReason::TypesUnknown { pool, node_class } => {
                write!(
                    out,
                    "the instance types of NodePool {pool} are not known: no EC2NodeClass {node_class}"
                )
            }
            BlockReason::StaticPool { pool } => write!(out, "static NodePool {pool}"),
            BlockReason::LabelMissing { label } => write!(out, "no label {label}"),
            BlockReason::TypeNotFound { instance_type } => {
                write!(out, "instance type {instance_type} is not in the catalogue")
            }
            BlockReason::NodeDoNotDisrupt { on } => write!(out, "{on} annotation {}", labels::DO_NOT_DISRUPT),
            BlockReason::ConsolidationOff { pool } => write!(out, "NodePool {pool}: consolidateAfter Never"),
            BlockReason::WhenEmpty { pool } => write!(out, "NodePool {pool}: consolidationPolicy WhenEmpty"),
            BlockReason::NotEmpty { pods: 1 } => out.write_str("one pod would have to move"),
            BlockReason::NotEmpty { pods } => write!(out, "{pods} pods would have to move"),
            BlockReason::PodDoNotDisrupt { pod, until: None } => write!(out, "pod {pod} is do-not-disrupt"),
            BlockReason::PodDoNotDisrupt { pod, until: Some(until) } => {
                write!(out, "pod {pod} is do-not-disrupt until {}", clock(*until))
            }
            BlockReason::SeveralPdbs { pod, pdbs } => {
                write!(out, "pod {pod} is selected by several PDBs ({})", pdbs.join(", "))
            }
            BlockReason::Pdb { pdb, why, .. } => write!(out, "PDB {pdb} allows 0 evictions ({why})"),
            BlockReason::ConsolidateAfter { after, ends, .. } => {
                write!(out, "consolidateAfter {after} ends {}", clock(*ends))
            }
        }
    }
}

impl fmt::Display for Annotated {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Annotated::Node => "node",
            Annotated::NodeClaim => "NodeClaim",
        })
    }
}

/// A moment to the minute: `2026-11-23 18:00 UTC`.
pub(super) fn clock(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
