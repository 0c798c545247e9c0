//! Many pods that no node can ever take, ahead of a few that are easy: the few must not wait for the many.

use k8s_openapi::api::core::v1::{Pod, PodAffinity};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_engine::solve::SolveOptions;

use super::{Context, Workload};
use crate::pods::{affinity, dress, labels, pod, spec, term, unschedulable};
use crate::us_east_1;

/// Pods without a place.
pub const HOPELESS: u32 = 2_170;
/// Pods with one.
pub const PLACEABLE: u32 = 100;
/// Pods alike; every five are a class of their own.
const ALIKE: u32 = 5;

/// The pods, hopeless ones first and largest.
pub fn backlog(context: &Context) -> Workload {
    let mut pods: Vec<Pod> = (0..HOPELESS).map(hopeless).collect();
    for number in 0..PLACEABLE {
        let name = format!("worker-{}", number % 10);
        let own = labels([("app", &name)]);
        let cpu = format!("{}m", 100 + 50 * (number % 10));
        let mut pod = pod("apps", &format!("{name}-{number}"), &own, &cpu, "512Mi");
        dress(&mut pod, "ReplicaSet", &name, u64::from(HOPELESS + number));
        unschedulable(&mut pod);
        pods.push(pod);
    }
    Workload {
        name: "backlog",
        variant: String::new(),
        objects: Objects {
            pods: pods.into_iter().map(Into::into).collect(),
            node_pools: vec![us_east_1::node_pool(&us_east_1::ANY_CAPACITY)],
            ..Objects::default()
        },
        market: context.us_east_1.clone(),
        options: SolveOptions::default(),
    }
}

/// One of eight ways never to be scheduled, in as many classes as there are fives.
fn hopeless(number: u32) -> Pod {
    let class = number / ALIKE;
    let name = format!("stuck-{class}");
    let own = labels([("app", &name)]);
    let ordinary = format!("{}m", 1_000 + class);
    let (cpu, memory) = match class % 8 {
        0 => (format!("{}", 1_000 + class), "1Gi".to_owned()),
        1 => (ordinary, format!("{}Gi", 40_000 + class)),
        _ => (ordinary, "1Gi".to_owned()),
    };
    let mut pod = pod("apps", &format!("{name}-{number}"), &own, &cpu, &memory);
    dress(&mut pod, "ReplicaSet", &name, u64::from(number));
    let mut select = |key: &str, value: &str| {
        spec(&mut pod).node_selector = Some(labels([(key, value)]));
    };
    match class % 8 {
        2 => select("example.com/team", &name),
        3 => select(keys::ZONE, "us-east-1f"),
        4 => select(keys::INSTANCE_CATEGORY, "p"),
        5 => select(keys::CAPACITY_TYPE, "reserved"),
        6 => {
            let requests = spec(&mut pod).containers[0].resources.get_or_insert_default().requests.as_mut();
            if let Some(requests) = requests {
                requests.insert("nvidia.com/gpu".to_owned(), Quantity("1".to_owned()));
            }
        }
        7 => {
            let absent = labels([("app", "nowhere-to-be-found")]);
            affinity(&mut pod).pod_affinity = Some(PodAffinity {
                required_during_scheduling_ignored_during_execution: Some(vec![term(keys::ZONE, &absent)]),
                ..PodAffinity::default()
            });
        }
        _ => {}
    }
    unschedulable(&mut pod);
    pod
}
