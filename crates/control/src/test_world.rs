//! Objects that many tests need.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use supercargo_api::Resources;
use supercargo_catalog::{CapacityType, Usd};
use supercargo_cloud::Cluster;
use supercargo_reconcile::Kind;
use supercargo_reconcile::toy::Toy;

use crate::knowledge::Knowledge;
use crate::outside::Computation;
use crate::provisioning::ClaimShape;
use crate::settings::Settings;

/// Default settings, a cluster called `eks-production` in us-east-1.
pub(crate) fn knowledge() -> Arc<Knowledge> {
    with_settings(Settings::default())
}

/// The same with other settings.
pub(crate) fn with_settings(settings: Settings) -> Arc<Knowledge> {
    let cluster = Cluster {
        name: "eks-production".to_owned(),
        kubernetes_version: "1.36".to_owned(),
        ..Cluster::default()
    };
    Arc::new(Knowledge::new(settings, cluster, "us-east-1"))
}

/// An EC2NodeClass `default` that is ready, with subnets in two zones and an image for each architecture.
pub(crate) fn node_class() -> Value {
    let arch = |arch: &str| json!([{"key": "kubernetes.io/arch", "operator": "In", "values": [arch]}]);
    json!({
        "metadata": {
            "name": "default",
            "annotations": {
                "karpenter.k8s.aws/ec2nodeclass-hash": "77", "karpenter.k8s.aws/ec2nodeclass-hash-version": "v6",
            },
        },
        "spec": {
            "role": "node",
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "eks-production"}}],
            "securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "eks-production"}}],
        },
        "status": {
            "subnets": [
                {"id": "subnet-a", "zone": "us-east-1a", "zoneID": "use1-az1"},
                {"id": "subnet-b", "zone": "us-east-1b", "zoneID": "use1-az2"},
            ],
            "securityGroups": [{"id": "sg-1", "name": "nodes"}],
            "amis": [
                {"id": "ami-amd64", "name": "x86", "requirements": arch("amd64")},
                {"id": "ami-arm64", "name": "arm", "requirements": arch("arm64")},
            ],
            "instanceProfile": "node-profile",
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Ready", "message": "",
                "lastTransitionTime": "2026-03-02T08:00:00Z",
            }],
        },
    })
}

/// A NodePool that is ready: amd64, both capacity types, categories c, m and r.
pub(crate) fn node_pool(name: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "annotations": {"karpenter.sh/nodepool-hash": "42", "karpenter.sh/nodepool-hash-version": "v3"},
        },
        "spec": {
            "template": {
                "metadata": {"labels": {"workload-type": "general"}, "annotations": {"owner": "platform"}},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                    "expireAfter": "720h",
                    "requirements": [
                        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                        {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"]},
                        {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["5"]},
                        {
                            "key": "karpenter.sh/capacity-type", "operator": "In",
                            "values": ["spot", "on-demand"],
                        },
                    ],
                },
            },
            "disruption": {"consolidateAfter": "30s"},
        },
        "status": {"conditions": [{
            "type": "Ready", "status": "True", "reason": "Ready", "message": "",
            "lastTransitionTime": "2026-03-02T08:00:00Z",
        }]},
    })
}

/// Both.
pub(crate) fn pool_and_class(toy: &mut Toy, name: &str) {
    toy.create(Kind::EC2NodeClass, node_class());
    toy.create(Kind::NodePool, node_pool(name));
}

/// A pod of namespace `shop` that the scheduler found no node for.
pub(crate) fn waiting_pod(name: &str, cpu: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"containers": [{
            "name": "main", "image": "nginx",
            "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}},
        }]},
        "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/0 nodes"},
        ]},
    })
}

/// Does the computations that parts have asked for and tells them what they come to.
pub(crate) fn answer_computations(toy: &mut Toy) {
    loop {
        let computation = toy.asked.iter().find_map(|(_, ticket, request)| {
            let computation = (**request).as_any().downcast_ref::<Computation>()?;
            Some((*ticket, computation.compute()))
        });
        let Some((ticket, answer)) = computation else { return };
        toy.answer(ticket, answer);
    }
}

/// A node of a NodePool that costs so much wherever it is launched.
pub(crate) fn claim_shape(pool: &str, price: Usd) -> ClaimShape {
    ClaimShape {
        node_pool: pool.to_owned(),
        labels: BTreeMap::new(),
        requirements: Vec::new(),
        requests: Resources::new(),
        instance_types: vec!["m6i.large".to_owned()],
        prices: vec![price],
        price,
        dearest: price,
        capacity: Resources::new(),
        zone: "us-east-1a".to_owned(),
        capacity_type: CapacityType::OnDemand,
        min_values_relaxed: false,
        price_overlay: false,
        capacity_overlay: false,
    }
}
