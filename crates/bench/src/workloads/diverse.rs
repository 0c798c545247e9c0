//! Karpenter's own scheduler benchmark (reference section 8.1): five equal classes of pods on 400 synthetic types.

use k8s_openapi::api::core::v1::{Pod, PodAffinity};
use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_clock::Randomness;
use supercargo_engine::solve::SolveOptions;

use super::{Context, Workload};
use crate::pods::{Labels, affinity, labels, pod, shun, spec, spread, term};
use crate::synthetic;

const SEED: u64 = 42;

/// One of the five classes.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Generic,
    ZoneSpread,
    HostSpread,
    ZoneAffinity,
    HostAntiAffinity,
}

/// `count` pods: a fifth of each class, and generic ones to make up the number.
pub fn diverse(context: &Context, count: u32) -> Workload {
    let mut randomness = Randomness::from_seed(SEED);
    let fifth = count / 5;
    let shapes =
        [Shape::Generic, Shape::ZoneSpread, Shape::HostSpread, Shape::ZoneAffinity, Shape::HostAntiAffinity];
    let mut pods = Vec::with_capacity(count as usize);
    for shape in shapes {
        for _ in 0..fifth {
            pods.push(made(shape, pods.len(), &mut randomness).into());
        }
    }
    while pods.len() < count as usize {
        pods.push(made(Shape::Generic, pods.len(), &mut randomness).into());
    }
    Workload {
        name: "diverse",
        variant: count.to_string(),
        objects: Objects { pods, node_pools: vec![synthetic::node_pool()], ..Objects::default() },
        market: context.synthetic.clone(),
        options: SolveOptions::default(),
    }
}

fn made(shape: Shape, number: usize, randomness: &mut Randomness) -> Pod {
    let own = match shape {
        Shape::Generic | Shape::ZoneSpread | Shape::HostSpread => labels([("my-label", letter(randomness))]),
        Shape::ZoneAffinity => labels([("my-affininity", letter(randomness))]),
        Shape::HostAntiAffinity => labels([("app", "nginx")]),
    };
    // A spread selects by a label drawn on its own: it need not select the pod that states it.
    let spread_over: Labels = labels([("my-label", letter(randomness))]);
    let cpu = cpu(randomness);
    let memory = memory(randomness);
    let mut pod = pod("default", &format!("pod-{number}"), &own, cpu, memory);
    match shape {
        Shape::Generic => {}
        Shape::ZoneSpread => {
            spec(&mut pod).topology_spread_constraints = Some(vec![spread(keys::ZONE, 1, &spread_over)]);
        }
        Shape::HostSpread => {
            spec(&mut pod).topology_spread_constraints = Some(vec![spread(keys::HOSTNAME, 1, &spread_over)]);
        }
        Shape::ZoneAffinity => {
            affinity(&mut pod).pod_affinity = Some(PodAffinity {
                required_during_scheduling_ignored_during_execution: Some(vec![term(keys::ZONE, &own)]),
                ..PodAffinity::default()
            });
        }
        Shape::HostAntiAffinity => shun(&mut pod, keys::HOSTNAME, &own),
    }
    pod
}

fn letter(randomness: &mut Randomness) -> &'static str {
    randomness.choose(&["a", "b", "c", "d", "e", "f", "g"]).copied().unwrap_or("a")
}

/// Millicores, as the benchmark draws them.
pub(super) fn cpu(randomness: &mut Randomness) -> &'static str {
    randomness.choose(&["100m", "250m", "500m", "1000m", "1500m"]).copied().unwrap_or("100m")
}

/// Memory, as the benchmark draws it.
pub(super) fn memory(randomness: &mut Randomness) -> &'static str {
    randomness.choose(&["100Mi", "256Mi", "512Mi", "1024Mi", "2048Mi", "4096Mi"]).copied().unwrap_or("100Mi")
}
