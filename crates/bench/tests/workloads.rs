//! The workloads are what they say, and the same every time.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;

use rstest::rstest;
use supercargo_api::Pod;
use supercargo_bench::us_east_1::ANY_CAPACITY;
use supercargo_bench::workloads::{
    Context, HOPELESS, PLACEABLE, Workload, backlog, burst, diverse, dlrm, openb, preference,
};
use supercargo_engine::solve::PreferencePolicy;

fn count(workload: &Workload, is_one: impl Fn(&Pod) -> bool) -> usize {
    workload.objects.pods.iter().filter(|pod| is_one(pod)).count()
}

fn spreads_over(pod: &Pod, key: &str) -> bool {
    let spreads = pod.spec().and_then(|spec| spec.topology_spread_constraints.as_ref());
    spreads.is_some_and(|spreads| spreads.iter().any(|spread| spread.topology_key == key))
}

fn has_affinity(pod: &Pod) -> bool {
    let affinity = pod.spec().and_then(|spec| spec.affinity.as_ref());
    affinity.is_some_and(|affinity| affinity.pod_affinity.is_some())
}

fn has_anti_affinity(pod: &Pod) -> bool {
    let affinity = pod.spec().and_then(|spec| spec.affinity.as_ref());
    affinity.is_some_and(|affinity| affinity.pod_anti_affinity.is_some())
}

#[rstest]
#[case::one(1, 1, 0)]
#[case::not_a_multiple_of_five(53, 13, 10)]
#[case::twenty_thousand(20_000, 4_000, 4_000)]
fn diverse_has_five_equal_classes_and_a_generic_rest(
    #[case] pods: u32,
    #[case] generic: usize,
    #[case] each: usize,
) {
    let workload = diverse(&Context::new().unwrap(), pods);
    assert_eq!(workload.objects.pods.len(), pods as usize);
    assert_eq!(count(&workload, |pod| spreads_over(pod, "topology.kubernetes.io/zone")), each);
    assert_eq!(count(&workload, |pod| spreads_over(pod, "kubernetes.io/hostname")), each);
    assert_eq!(count(&workload, has_affinity), each);
    assert_eq!(count(&workload, has_anti_affinity), each);
    assert_eq!(workload.objects.pods.len() - 4 * each, generic);
}

#[test]
fn burst_is_sixteen_hundred_replicas_of_twelve_deployments() {
    let workload = burst(&Context::new().unwrap());
    let mut replicas: BTreeMap<String, usize> = BTreeMap::new();
    for pod in &workload.objects.pods {
        let name = pod.metadata.labels.as_ref().unwrap()["app.kubernetes.io/name"].clone();
        *replicas.entry(name).or_default() += 1;
    }
    assert_eq!(replicas.len(), 12);
    assert_eq!(workload.objects.pods.len(), 1_600);
    assert_eq!(count(&workload, |pod| spreads_over(pod, "topology.kubernetes.io/zone")), 1_600);
    assert!(count(&workload, has_anti_affinity) > 0);
}

#[test]
fn the_placeable_pods_of_the_backlog_come_last() {
    let workload = backlog(&Context::new().unwrap());
    let names = workload.objects.pods.iter().map(|pod| pod.metadata.name.as_deref().unwrap());
    let kinds: Vec<bool> = names.map(|name| name.starts_with("stuck-")).collect();
    assert!(kinds[..HOPELESS as usize].iter().all(|stuck| *stuck));
    assert!(kinds[HOPELESS as usize..].iter().all(|stuck| !*stuck));
    assert_eq!(kinds.len(), (HOPELESS + PLACEABLE) as usize);
}

#[test]
fn a_workload_is_the_same_every_time() {
    let context = Context::new().unwrap();
    assert_eq!(diverse(&context, 500).objects, diverse(&context, 500).objects);
    let policy = PreferencePolicy::Respect;
    assert_eq!(preference(&context, policy).objects, preference(&context, policy).objects);
}

#[test]
fn traces_are_planned_with_and_without_spot() {
    let context = Context::new().unwrap();
    let with_spot = openb(&context, &ANY_CAPACITY).unwrap();
    let without = dlrm(&context, &ANY_CAPACITY[1..]).unwrap();
    assert_eq!((with_spot.variant.as_str(), with_spot.objects.pods.len()), ("spot+on-demand", 8_152));
    assert_eq!((without.variant.as_str(), without.objects.pods.len()), ("on-demand", 23_871));
    assert_eq!(count(&without, |pod| spreads_over(pod, "kubernetes.io/hostname")), 11_623);
}
