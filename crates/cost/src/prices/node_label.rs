//! Labels by which prices may be of nodes.

use serde::{Deserialize, Serialize};

use crate::facts::NodeFact;

/// Labels of nodes that the ledger keeps, besides the instance type; the most particular first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeLabel {
    /// The NodePool or node group.
    Pool,
    /// The zone.
    Zone,
    /// The region.
    Region,
    /// The architecture.
    Arch,
}

impl NodeLabel {
    /// All there are, the most particular first.
    pub const ALL: [NodeLabel; 4] = [NodeLabel::Pool, NodeLabel::Zone, NodeLabel::Region, NodeLabel::Arch];

    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            NodeLabel::Pool => "pool",
            NodeLabel::Zone => "zone",
            NodeLabel::Region => "region",
            NodeLabel::Arch => "arch",
        }
    }

    /// What a node has of it.
    pub(super) fn of(self, node: &NodeFact) -> &str {
        match self {
            NodeLabel::Pool => &node.pool,
            NodeLabel::Zone => &node.zone,
            NodeLabel::Region => &node.region,
            NodeLabel::Arch => &node.arch,
        }
    }
}
