//! Karpenter's preference benchmark (reference section 8.1): 4,000 equal pods with three preferences, one of which
//! cannot be met for more than one pod to a zone.

use k8s_openapi::api::core::v1::{
    NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm, WeightedPodAffinityTerm,
};
use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_clock::Randomness;
use supercargo_engine::solve::{PreferencePolicy, SolveOptions};

use super::diverse::{cpu, memory};
use super::{Context, Workload};
use crate::pods::{affinity, labels, pod, term};
use crate::synthetic;

const PODS: u32 = 4_000;
const SEED: u64 = 42;

/// The pods, solved under a policy.
pub fn preference(context: &Context, policy: PreferencePolicy) -> Workload {
    let mut randomness = Randomness::from_seed(SEED);
    let (cpu, memory) = (cpu(&mut randomness), memory(&mut randomness));
    let own = labels([("app", "nginx")]);
    let pods = (0..PODS).map(|number| {
        let mut pod = pod("default", &format!("pod-{number}"), &own, cpu, memory);
        let affinity = affinity(&mut pod);
        affinity.node_affinity = Some(NodeAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![PreferredSchedulingTerm {
                weight: 1,
                preference: NodeSelectorTerm {
                    match_expressions: Some(vec![NodeSelectorRequirement {
                        key: keys::ZONE.to_owned(),
                        operator: "In".to_owned(),
                        values: Some(vec!["test-zone-1".to_owned()]),
                    }]),
                    match_fields: None,
                },
            }]),
            ..NodeAffinity::default()
        });
        let weighted = |weight, key| WeightedPodAffinityTerm { weight, pod_affinity_term: term(key, &own) };
        affinity
            .pod_anti_affinity
            .get_or_insert_default()
            .preferred_during_scheduling_ignored_during_execution =
            Some(vec![weighted(10, keys::ZONE), weighted(1, keys::HOSTNAME)]);
        pod.into()
    });
    let variant = match policy {
        PreferencePolicy::Respect => "respect",
        PreferencePolicy::Ignore => "ignore",
    };
    Workload {
        name: "preference",
        variant: variant.to_owned(),
        objects: Objects {
            pods: pods.collect(),
            node_pools: vec![synthetic::node_pool()],
            ..Objects::default()
        },
        market: context.synthetic.clone(),
        options: SolveOptions { preferences: policy, ..SolveOptions::default() },
    }
}
