//! Gauges of what is, read from the mirrored state when Prometheus asks.
//!
//! The state is only copied by reference while it is locked; everything else is done after.

mod amounts;
mod condition_gauges;
mod market_gauges;
mod node_gauges;
mod node_pool_gauges;
mod pod_gauges;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::{CapacityBuffer, EC2NodeClass, NodeClaim, NodePool, Pod};
use supercargo_reconcile::{State, View};

use super::exposition::Exposition;
use super::registry::Metrics;

/// What gauges are read from.
#[derive(Debug, Default)]
pub struct Observed {
    nodes: Vec<Arc<Node>>,
    pods: Vec<Arc<Pod>>,
    claims: Vec<Arc<NodeClaim>>,
    node_pools: Vec<Arc<NodePool>>,
    node_classes: Vec<Arc<EC2NodeClass>>,
    buffers: Vec<Arc<CapacityBuffer>>,
    is_filled: bool,
}

impl Observed {
    /// What running controllers see now.
    pub fn of(view: &View) -> Self {
        Self { is_filled: view.is_filled(), ..view.ask(Self::of_state) }
    }

    /// What is in a state that is complete.
    pub fn of_state(state: &State) -> Self {
        Self {
            nodes: state.nodes.values().cloned().collect(),
            pods: state.pods.values().cloned().collect(),
            claims: state.node_claims.values().cloned().collect(),
            node_pools: state.node_pools.values().cloned().collect(),
            node_classes: state.node_classes.values().cloned().collect(),
            buffers: state.capacity_buffers.values().cloned().collect(),
            is_filled: true,
        }
    }

    /// Writes the gauges of now; those of every single pod only if they are asked for.
    pub fn write(&self, metrics: &Metrics, every_pod: bool, now: Timestamp, out: &mut Exposition) {
        self.nodes(now, out);
        self.node_pools(out);
        self.conditions(now, out);
        if every_pod {
            self.pods(metrics, now, out);
        }
    }

    /// Notes how many nodes there are, and whether that is all; if it is not, that was so for this long.
    pub fn note_state(&self, unsynced: Duration, metrics: &Metrics) {
        let joined: std::collections::BTreeSet<&str> =
            self.nodes.iter().filter_map(|node| node.spec.as_ref()?.provider_id.as_deref()).collect();
        let on_their_way = self.claims.iter().filter(|claim| {
            let id = claim.status.as_ref().and_then(|status| status.provider_id.as_deref());
            id.is_none_or(|id| !joined.contains(id))
        });
        let unsynced = (!self.is_filled).then_some(unsynced);
        metrics.cluster_state(self.nodes.len() + on_their_way.count(), unsynced);
        metrics.user_data_bytes(self.node_classes.iter().filter_map(|class| {
            Some((class.metadata.name.as_deref()?, class.spec.user_data.as_ref()?.len()))
        }));
    }
}

/// How long ago something was, in seconds; zero for what is to come.
fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// When an object was created.
fn created(metadata: &ObjectMeta) -> Option<Timestamp> {
    metadata.creation_timestamp.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supercargo_reconcile::Kind;
    use supercargo_reconcile::toy::Toy;

    use super::*;

    fn cluster() -> Toy {
        let mut toy = Toy::new(Vec::new());
        toy.create(
            Kind::NodePool,
            json!({"metadata": {"name": "spot"}, "spec": {"limits": {"cpu": "200", "memory": "800Gi"}, "template": {"spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []}}},
                "status": {"resources": {"cpu": "4", "memory": "16Gi", "nodes": "1"}, "conditions": [
                    {"type": "Ready", "status": "True", "reason": "Ready", "lastTransitionTime": "2026-03-02T08:59:00Z", "message": ""}]}}),
        );
        toy.create(
            Kind::Node,
            json!({"metadata": {"name": "ip-10-0-1-17", "labels": {
                "karpenter.sh/nodepool": "spot", "karpenter.sh/capacity-type": "spot",
                "topology.kubernetes.io/zone": "us-east-1a", "node.kubernetes.io/instance-type": "m7i.xlarge",
                "kubernetes.io/arch": "amd64", "team": "media"}},
                "spec": {"providerID": "aws:///us-east-1a/i-1"},
                "status": {"capacity": {"cpu": "4", "memory": "16Gi"}, "allocatable": {"cpu": "3920m", "memory": "14Gi"}}}),
        );
        toy.create(
            Kind::NodeClaim,
            json!({"metadata": {"name": "spot-x"}, "spec": {"requirements": [],
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}}}),
        );
        let pod = |name: &str, node: Option<&str>, owner: &str, phase: &str| {
            json!({"metadata": {"name": name, "namespace": "shop",
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner, "name": "web", "uid": "u", "controller": true}]},
                "spec": {"nodeName": node, "containers": [{"name": "c", "resources": {
                    "requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}}}]},
                "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]}})
        };
        toy.create(Kind::Pod, pod("web-1", Some("ip-10-0-1-17"), "ReplicaSet", "Running"));
        toy.create(Kind::Pod, pod("agent", Some("ip-10-0-1-17"), "DaemonSet", "Running"));
        toy.create(Kind::Pod, pod("done", Some("ip-10-0-1-17"), "Job", "Succeeded"));
        toy.create(Kind::Pod, pod("web-2", None, "ReplicaSet", "Pending"));
        toy.run(Duration::from_secs(60));
        toy
    }

    fn text(every_pod: bool) -> String {
        let toy = cluster();
        let metrics = Metrics::default();
        let mut out = Exposition::default();
        Observed::of_state(&toy.state).write(&metrics, every_pod, toy.now, &mut out);
        out.into_text()
    }

    #[test]
    fn nodes_and_node_pools_are_written_with_their_labels() {
        insta::assert_snapshot!(text(false));
    }

    #[test]
    fn every_pod_is_written_when_it_is_asked_for() {
        let (without, with) = (text(false), text(true));
        insta::assert_snapshot!(with.strip_prefix(without.as_str()).unwrap());
    }

    #[test]
    fn the_state_counts_nodes_and_claims_without_one() {
        let toy = cluster();
        let metrics = Metrics::default();
        let mut observed = Observed::of_state(&toy.state);
        observed.note_state(Duration::from_secs(7), &metrics);
        let text = metrics.text();
        assert!(text.contains("karpenter_cluster_state_node_count 2\n"), "{text}");
        assert!(text.contains("karpenter_cluster_state_synced 1\n"), "{text}");
        assert!(text.contains("karpenter_cluster_state_unsynced_time_seconds 0\n"), "{text}");
        observed.is_filled = false;
        observed.note_state(Duration::from_secs(7), &metrics);
        let text = metrics.text();
        assert!(text.contains("karpenter_cluster_state_synced 0\n"), "{text}");
        assert!(text.contains("karpenter_cluster_state_unsynced_time_seconds 7\n"), "{text}");
    }
}
