//! All metrics of the process.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::build::BuildFamilies;
use super::cloud_provider::CloudProviderFamilies;
use super::cluster_state::ClusterStateFamilies;
use super::consolidation::ConsolidationFamilies;
use super::disruption::DisruptionFamilies;
use super::exposition::Exposition;
use super::interruption::InterruptionFamilies;
use super::node_claims::NodeClaimFamilies;
use super::node_pools::NodePoolFamilies;
use super::nodes::NodeFamilies;
use super::operator::OperatorFamilies;
use super::pod_times::SharedPodTimes;
use super::pods::PodFamilies;
use super::scheduler::SchedulerFamilies;

/// All metrics of the process. Parts count into it, by methods named after what happened; it is written out for Prometheus.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) build: BuildFamilies,
    pub(super) cloud_provider: CloudProviderFamilies,
    pub(super) cluster_state: ClusterStateFamilies,
    pub(super) consolidation: ConsolidationFamilies,
    pub(super) disruption: DisruptionFamilies,
    pub(super) interruption: InterruptionFamilies,
    pub(super) node_claims: NodeClaimFamilies,
    pub(super) node_pools: NodePoolFamilies,
    /// Nodes whose price was not known the last time, with their NodePools.
    pub(super) node_pools_unpriced: Mutex<BTreeSet<(String, String)>>,
    pub(super) nodes: NodeFamilies,
    pub(super) operator: OperatorFamilies,
    pub(super) pods: PodFamilies,
    pub(super) pod_times: SharedPodTimes,
    pub(super) scheduler: SchedulerFamilies,
}

impl Metrics {
    /// Writes everything that was counted. What is read from the mirrored state comes beside it.
    pub fn write(&self, out: &mut Exposition) {
        self.build.write(out);
        self.node_claims.write(out);
        self.nodes.write(out);
        self.pods.write(out);
        self.scheduler.write(out);
        self.disruption.write(out);
        self.consolidation.write(out);
        self.node_pools.write(out);
        self.cluster_state.write(out);
        self.cloud_provider.write(out);
        self.interruption.write(out);
        self.operator.write(out);
    }

    /// Everything that was counted, as text.
    pub fn text(&self) -> String {
        let mut out = Exposition::default();
        self.write(&mut out);
        out.into_text()
    }
}
