//! Classes as their controller would leave them, claims, and the launch between them.

#![allow(dead_code, reason = "every test file uses another part")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::json;
use supercargo_api::{EC2NodeClass, NodeClaim};
use supercargo_catalog::{CapacitySettings, InstanceType, NodeClassModel};
use supercargo_cloud::launch::{
    AddressesInFlight, Direct, LaunchError, LaunchFailure, LaunchInput, LaunchPlan, Launched,
    MinValuesPolicy, perform, plan,
};
use supercargo_cloud::{CloudProvider, Cluster, PlacementGroup, Selector, Subnet, resolve};

use crate::world::{World, catalog};

/// The outcome of a future that never waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the region never waits"),
    }
}

/// A class as its controller would leave it, and what a launch needs of it.
pub struct Class {
    pub node_class: EC2NodeClass,
    pub subnets: Vec<Subnet>,
    pub types: Vec<InstanceType>,
    pub placement_group: Option<PlacementGroup>,
}

pub fn class(world: &World, spec: serde_json::Value) -> Class {
    let mut all = json!({
        "amiSelectorTerms": [{"alias": "al2023@latest"}],
        "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "supercargo"}}],
        "securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "supercargo"}}],
        "role": "node",
        "tags": {"team": "media"},
    });
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    let mut node_class: EC2NodeClass = serde_json::from_value(json!({
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": "default", "generation": 1},
        "spec": all,
        "status": {
            "instanceProfile": "supercargo-node",
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Ready", "message": "", "observedGeneration": 1,
                "lastTransitionTime": "2026-11-23T09:00:00Z",
            }],
        },
    }))
    .unwrap();
    let region: &dyn CloudProvider = &world.region;
    let spec = node_class.spec.clone();
    let amis = now(resolve::images(region, &spec.ami_selector_terms, "1.36", world.now())).unwrap();
    let (subnets, free) = now(resolve::subnets(region, &spec.subnet_selector_terms)).unwrap();
    let groups = now(resolve::security_groups(region, &spec.security_group_selector_terms)).unwrap();
    let terms = spec.capacity_reservation_selector_terms.as_deref().unwrap_or_default();
    let (reservations, _) = now(resolve::reservations(region, terms, world.now())).unwrap();
    let status = node_class.status.as_mut().unwrap();
    status.amis = Some(amis);
    status.subnets = Some(subnets);
    status.security_groups = Some(groups);
    status.capacity_reservations = Some(reservations);
    let placement_group = node_class.spec.placement_group_selector.as_ref().and_then(|wanted| {
        let selector = Selector { id: wanted.id.clone(), name: wanted.name.clone(), ..Selector::default() };
        now(region.describe_placement_groups(&[selector])).unwrap().pop()
    });
    let mut model = NodeClassModel::from_ec2nodeclass(&node_class, CapacitySettings::default()).unwrap();
    model.placement = placement_group.as_ref().map(PlacementGroup::placement);
    let types = catalog().instance_types("us-east-1", None, &model);
    Class { node_class, subnets: free, types, placement_group }
}

pub fn claim(requirements: serde_json::Value, requests: serde_json::Value) -> NodeClaim {
    serde_json::from_value(json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodeClaim",
        "metadata": {"name": "general-abc", "labels": {"karpenter.sh/nodepool": "general", "workload-type": "x"}},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": requirements,
            "resources": {"requests": requests},
            "taints": [{"key": "spot", "value": "true", "effect": "NoSchedule"}],
        },
    }))
    .unwrap()
}

/// A requirement in the short form of tests.
pub fn requirement(key: &str, operator: &str, values: &[&str]) -> serde_json::Value {
    json!({"key": key, "operator": operator, "values": values})
}

pub const CAPACITY: &str = "karpenter.sh/capacity-type";
pub const VCPUS: &str = "karpenter.k8s.aws/instance-cpu";
pub const FAMILY: &str = "karpenter.k8s.aws/instance-family";
pub const TYPE: &str = "node.kubernetes.io/instance-type";
pub const ZONE: &str = "topology.kubernetes.io/zone";

pub fn small() -> serde_json::Value {
    json!({"cpu": "1", "memory": "2Gi", "pods": "5"})
}

pub fn cluster() -> Cluster {
    Cluster { name: "supercargo".to_owned(), kubernetes_version: "1.36".to_owned(), ..Cluster::default() }
}

pub fn planned(class: &Class, claim: &NodeClaim) -> Result<LaunchPlan, LaunchError> {
    plan(LaunchInput {
        claim,
        node_class: &class.node_class,
        cluster: &cluster(),
        instance_types: &class.types,
        subnets: &class.subnets,
        placement_group: class.placement_group.as_ref(),
        in_flight: &AddressesInFlight::default(),
        min_values_policy: MinValuesPolicy::Strict,
        uses_reservations: true,
    })
}

pub fn launched(world: &World, class: &Class, claim: &NodeClaim) -> Result<Launched, LaunchFailure> {
    now(perform(&Direct(&world.region), &planned(class, claim).unwrap()))
}
