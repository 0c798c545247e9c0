//! What can be asked of a made-up cluster.

use jiff::Timestamp;
use supercargo_catalog::Catalog;

/// More nodes than this are not made up.
pub const MOST_NODES: u32 = 20_000;
/// More pods than this fit on no node.
pub const MOST_PODS_PER_NODE: u32 = 110;
/// There are this many different NodePools to choose from, the one for GPUs aside.
pub const MOST_POOLS: u32 = 20;

/// What the cluster shall be like.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterOptions {
    /// How many nodes; from 1 to [`MOST_NODES`].
    pub nodes: u32,
    /// Another seed gives another cluster.
    pub seed: u64,
    /// Which share of the pods is gone after workloads were scaled down, unevenly; from 0 to below 1.
    pub churn: f64,
    /// About how many pods a node has before churn, those of DaemonSets included: sizes of pods are scaled for it.
    pub pods_per_node: u32,
    /// How many NodePools; from 1 to [`MOST_POOLS`].
    pub pools: u32,
    /// The moment of the dump: nothing in it is later.
    pub at: Timestamp,
    /// The AWS region; its first three zones are used.
    pub region: String,
    /// Whether there are PodDisruptionBudgets.
    pub pdbs: bool,
    /// Whether there is what else keeps nodes from going: pods that must not be disrupted, tight budgets and narrow
    /// policies of NodePools, nodes that were busy just now, nodes that drifted, nodes that are not managed.
    pub obstacles: bool,
    /// Whether there is a NodePool with GPUs, and pods for it.
    pub gpu: bool,
}

impl Default for ClusterOptions {
    fn default() -> ClusterOptions {
        ClusterOptions {
            nodes: 50,
            seed: 0,
            churn: 0.0,
            pods_per_node: 30,
            pools: 5,
            at: Timestamp::from_second(1_793_016_000).unwrap_or_default(),
            region: "us-east-1".to_owned(),
            pdbs: true,
            obstacles: true,
            gpu: false,
        }
    }
}

/// A cluster that cannot be made up.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// Too few or too many nodes.
    #[error("{0} nodes: from 1 to {MOST_NODES} are possible")]
    Nodes(u32),
    /// Too few or too many NodePools.
    #[error("{0} NodePools: from 1 to {MOST_POOLS} are possible")]
    Pools(u32),
    /// Fewer pods than DaemonSets have, or more than a node takes.
    #[error("{0} pods on a node: from 8 to {MOST_PODS_PER_NODE} are possible")]
    PodsPerNode(u32),
    /// No share.
    #[error("churn {0}: a share from 0 to 0.95 is possible")]
    Churn(f64),
    /// No such region.
    #[error("unknown region {region:?}; known: {known}")]
    Region {
        /// As asked for.
        region: String,
        /// All that are known.
        known: String,
    },
    /// The catalogue has more zones and capacity types than the engine can tell apart.
    #[error(transparent)]
    Market(#[from] supercargo_engine::market::MarketError),
    /// The NodeClass that was made up is not understood; a defect.
    #[error(transparent)]
    NodeClass(#[from] supercargo_catalog::NodeClassModelError),
    /// An object that was made up does not read as its kind; a defect.
    #[error("a made-up {kind} is none: {problem}")]
    Shape {
        /// The kind.
        kind: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The region does not sell what the NodePools ask for.
    #[error("in {region} there is nothing to buy for these NodePools after {nodes} nodes")]
    SoldOut {
        /// The region.
        region: String,
        /// How many nodes there are.
        nodes: usize,
    },
}

impl ClusterOptions {
    /// Whether such a cluster can be made up.
    ///
    /// # Errors
    /// The first option that is out of range.
    pub fn check(&self, catalog: &Catalog) -> Result<(), GenerateError> {
        if !(1..=MOST_NODES).contains(&self.nodes) {
            return Err(GenerateError::Nodes(self.nodes));
        }
        if !(8..=MOST_PODS_PER_NODE).contains(&self.pods_per_node) {
            return Err(GenerateError::PodsPerNode(self.pods_per_node));
        }
        if !(1..=MOST_POOLS).contains(&self.pools) {
            return Err(GenerateError::Pools(self.pools));
        }
        if !(0.0..=0.95).contains(&self.churn) {
            return Err(GenerateError::Churn(self.churn));
        }
        if catalog.zones(&self.region).is_empty() {
            let known: Vec<&str> = catalog.regions().collect();
            return Err(GenerateError::Region { region: self.region.clone(), known: known.join(", ") });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_nodes(ClusterOptions { nodes: 0, ..ClusterOptions::default() }, "0 nodes: from 1 to 20000 are possible")]
    #[case::too_many_pools(ClusterOptions { pools: 21, ..ClusterOptions::default() }, "21 NodePools: from 1 to 20 are possible")]
    #[case::no_room_for_workloads(ClusterOptions { pods_per_node: 5, ..ClusterOptions::default() }, "5 pods on a node: from 8 to 110 are possible")]
    #[case::everything_gone(ClusterOptions { churn: 1.0, ..ClusterOptions::default() }, "churn 1: a share from 0 to 0.95 is possible")]
    #[case::no_number(ClusterOptions { churn: f64::NAN, ..ClusterOptions::default() }, "churn NaN: a share from 0 to 0.95 is possible")]
    fn what_is_out_of_range_is_said(#[case] options: ClusterOptions, #[case] expected: &str) {
        assert_eq!(options.check(Catalog::embedded()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn an_unknown_region_is_answered_with_those_that_are_known() {
        let options = ClusterOptions { region: "moon-1".to_owned(), ..ClusterOptions::default() };
        let problem = options.check(Catalog::embedded()).unwrap_err().to_string();
        assert!(problem.starts_with("unknown region \"moon-1\"; known: ") && problem.contains("us-east-1"));
    }
}
