//! Nodes as facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use supercargo_api::quantity::{parse_milli, parse_value};

use crate::facts::{NodeFact, NodeHardware};
use crate::interval::Interval;

/// Extended resources that are GPUs.
pub(super) const GPU_RESOURCES: [&str; 2] = ["nvidia.com/gpu", "amd.com/gpu"];

/// Labels and values that mark a spot instance (reference section 4.3).
const SPOT_LABELS: [(&str, &str); 8] = [
    ("karpenter.sh/capacity-type", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("lifecycle", "EC2Spot"),
    ("kops.k8s.io/instancegroup", "spotinstance-nodes"),
    ("node.kubernetes.io/lifecycle", "spot"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("cloud.google.com/gke-spot", "true"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
];

/// A node in the stretch; none if it has no name.
pub(crate) fn node_fact(node: &Node, stretch: Interval) -> Option<NodeFact> {
    let name = node.metadata.name.as_deref().filter(|name| !name.is_empty())?;
    let empty = BTreeMap::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&empty);
    let label = |keys: &[&str]| -> Arc<str> {
        keys.iter().find_map(|key| labels.get(*key)).map(String::as_str).unwrap_or_default().into()
    };
    let status = node.status.as_ref();
    let capacity = hardware(status.and_then(|status| status.capacity.as_ref()));
    // a node that does not say what it leaves to pods leaves everything
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let allocatable = allocatable.map_or(capacity, |amounts| hardware(Some(amounts)));
    Some(NodeFact {
        name: name.into(),
        interval: stretch,
        provider_id: node
            .spec
            .as_ref()
            .and_then(|spec| spec.provider_id.as_deref())
            .unwrap_or_default()
            .into(),
        instance_type: label(&["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"]),
        region: label(&["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"]),
        zone: label(&["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]),
        arch: label(&["kubernetes.io/arch", "beta.kubernetes.io/arch"]),
        pool: label(&[
            "karpenter.sh/nodepool",
            "eks.amazonaws.com/nodegroup",
            "alpha.eksctl.io/nodegroup-name",
        ]),
        spot: SPOT_LABELS.iter().any(|(key, value)| labels.get(*key).is_some_and(|found| found == value)),
        capacity,
        allocatable,
    })
}

fn hardware(amounts: Option<&BTreeMap<String, Quantity>>) -> NodeHardware {
    let Some(amounts) = amounts else { return NodeHardware::default() };
    NodeHardware {
        millicores: milli(amounts.get("cpu")),
        ram_bytes: whole(amounts.get("memory")),
        milli_gpus: GPU_RESOURCES.iter().map(|name| whole(amounts.get(*name)).saturating_mul(1_000)).sum(),
    }
}

/// Thousandths of a quantity; what is no quantity, or negative, is nothing.
pub(super) fn milli(quantity: Option<&Quantity>) -> u64 {
    let parsed = quantity.and_then(|quantity| parse_milli(&quantity.0).ok());
    parsed.and_then(|amount| u64::try_from(amount).ok()).unwrap_or(0)
}

/// Whole units of a quantity; what is no quantity, or negative, is nothing.
pub(super) fn whole(quantity: Option<&Quantity>) -> u64 {
    let parsed = quantity.and_then(|quantity| parse_value(&quantity.0).ok());
    parsed.and_then(|amount| u64::try_from(amount).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn node(labels: serde_json::Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "n1", "labels": labels},
            "spec": {"providerID": "aws:///us-east-1a/i-1"},
            "status": {
                "capacity": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"},
                "allocatable": {"cpu": "3920m", "memory": "15Gi", "nvidia.com/gpu": "1"},
            },
        }))
        .unwrap()
    }

    /// Reference section 4.3.
    #[rstest]
    #[case("karpenter.sh/capacity-type", "spot", true)]
    #[case("karpenter.sh/capacity-type", "on-demand", false)]
    #[case("eks.amazonaws.com/capacityType", "SPOT", true)]
    #[case("lifecycle", "EC2Spot", true)]
    fn spot_instances_are_known_by_their_labels(#[case] key: &str, #[case] value: &str, #[case] spot: bool) {
        assert_eq!(node_fact(&node(json!({key: value})), Interval::hour(0)).unwrap().spot, spot);
    }

    #[test]
    fn a_node_is_read_whole() {
        let labels =
            json!({"node.kubernetes.io/instance-type": "g4dn.xlarge", "karpenter.sh/nodepool": "gpu"});
        let fact = node_fact(&node(labels), Interval::hour(0)).unwrap();
        assert_eq!((&*fact.instance_type, &*fact.pool, fact.instance_id()), ("g4dn.xlarge", "gpu", "i-1"));
        assert_eq!(fact.capacity, NodeHardware { millicores: 4_000, ram_bytes: 16 << 30, milli_gpus: 1_000 });
        assert_eq!(fact.allocatable.millicores, 3_920);
        assert_eq!(node_fact(&Node::default(), Interval::hour(0)), None);
    }
}
