//! Nodes that a plan would buy.

use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::class::HostPort;
use crate::market::{OfferMask, TypeSet};
use crate::topology::HostCounts;

/// A node that the plan would buy.
#[derive(Clone, Debug)]
pub struct PlannedNode {
    /// Index of the variant.
    pub variant: u32,
    /// Types that would do for everything on it, size included once the plan is finished.
    pub types: TypeSet,
    /// Offerings that would do for everything on it.
    pub offers: OfferMask,
    /// The type it is bought as: the cheapest that holds everything.
    pub chosen: u32,
    /// Offering key it is bought under.
    pub offer: u8,
    /// Its price.
    pub price: Usd,
    /// What its pods take, DaemonSets aside.
    pub used: Amounts,
    /// Classes and how many pods of each.
    pub contents: Vec<(u32, u32)>,
    /// Indices of the pods, filled in at the end.
    pub pods: Vec<u32>,
    /// Counts of the groups by host.
    pub host: HostCounts,
    /// Host ports in use, DaemonSets' included.
    pub ports: Vec<HostPort>,
    /// One of the nodes a static NodePool keeps.
    pub is_static: bool,
    /// Whether `minValues` had to be given up.
    pub min_values_relaxed: bool,
}
