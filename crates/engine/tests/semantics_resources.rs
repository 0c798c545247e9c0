//! What pods take and nodes have (reference sections 2.2 and 2.8).

mod by_hand;

use by_hand::{Cluster, InstanceTypeBuilder, Manifest, bought, instance_type, node, placed, pod, pods, pool};
use rstest::rstest;
use serde_json::{Value, json};

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1),
        instance_type("m.medium", 4, 16, 0.2),
        instance_type("m.large", 8, 32, 0.4),
        instance_type("g.large", 8, 32, 1.0).has("nvidia.com/gpu", 1),
        instance_type("g.huge", 8, 32, 3.0).has("nvidia.com/gpu", 4),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

fn spec(spec: Value) -> Manifest {
    pod("web", "0", "0").spec(spec)
}

fn requests(cpu: &str) -> Value {
    json!({"name": "x", "resources": {"requests": {"cpu": cpu}}})
}

fn sidecar(cpu: &str) -> Value {
    json!({"name": "mesh", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
}

#[rstest]
#[case::containers_add_up(json!({"containers": [requests("1500m"), requests("1500m")]}), "m.medium")]
#[case::init_containers_do_not(json!({"initContainers": [requests("2"), requests("2")]}), "m.small")]
#[case::the_largest_init_container_counts(json!({"initContainers": [requests("3")], "containers": [requests("1")]}), "m.medium")]
#[case::a_sidecar_adds_to_the_containers(json!({"initContainers": [sidecar("1500m")], "containers": [requests("1")]}), "m.medium")]
#[case::a_sidecar_adds_to_later_init_containers(
    json!({"initContainers": [sidecar("3"), requests("3")], "containers": [requests("1")]}), "m.large"
)]
#[case::a_sidecar_does_not_add_to_earlier_ones(
    json!({"initContainers": [requests("3"), sidecar("1")], "containers": [requests("1")]}), "m.medium"
)]
#[case::overhead_adds(json!({"overhead": {"cpu": "100m"}, "containers": [requests("2")]}), "m.medium")]
#[case::pod_level_resources_replace_the_sum(
    json!({"resources": {"requests": {"cpu": "3"}}, "containers": [requests("1")]}), "m.medium"
)]
#[case::a_limit_is_a_request_if_there_is_none(
    json!({"containers": [{"name": "x", "resources": {"limits": {"cpu": "3"}}}]}), "m.medium"
)]
#[case::a_limit_above_the_request_does_not_count(
    json!({"containers": [{"name": "x", "resources": {"limits": {"cpu": "8"}, "requests": {"cpu": "1"}}}]}), "m.small"
)]
#[case::nothing_at_all(json!({"containers": [{"name": "x"}]}), "m.small")]
#[case::a_gpu(json!({"containers": [{"name": "x", "resources": {"limits": {"nvidia.com/gpu": 1}}}]}), "g.large")]
#[case::more_gpus_than_one_has(json!({"containers": [{"name": "x", "resources": {"limits": {"nvidia.com/gpu": 2}}}]}), "g.huge")]
fn a_pod_takes_what_the_scheduler_says(#[case] fields: Value, #[case] expected: &str) {
    assert_eq!(bought(&cluster().pod(spec(fields)).plan()), [format!("{expected}: web")]);
}

/// A resize in flight holds the larger of the two (2.2).
#[rstest]
#[case::growing("1", "3", 1)]
#[case::shrinking("3", "1", 1)]
#[case::settled("1", "1", 3)]
fn a_pod_being_resized_holds_the_larger_amount(
    #[case] asked: &str,
    #[case] allocated: &str,
    #[case] left: usize,
) {
    let status = json!({"status": {"containerStatuses": [{
        "name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 0, "allocatedResources": {"cpu": allocated},
    }]}});
    let cluster =
        cluster().node(node("n1", "4", "8Gi")).pod(pod("running", asked, "1Gi").on("n1").with(status));
    let plan = cluster.pods(pods("web", 4, "1", "1Gi")).plan();
    assert_eq!(plan.summary.pods_on_existing_nodes, left);
}

#[rstest]
#[case::cpu("8100m", "1Gi", json!({}))]
#[case::memory("1", "33Gi", json!({}))]
#[case::disk("1", "1Gi", json!({"ephemeral-storage": "21Gi"}))]
#[case::an_extended_resource_nobody_has("1", "1Gi", json!({"example.com/fpga": "1"}))]
#[case::too_many_gpus("1", "1Gi", json!({"nvidia.com/gpu": "5"}))]
fn what_no_type_has_cannot_be_had(#[case] cpu: &str, #[case] memory: &str, #[case] more: Value) {
    let mut pod = pod("web", cpu, memory);
    for (name, amount) in more.as_object().unwrap() {
        pod.0["spec"]["containers"][0]["resources"]["requests"][name] = amount.clone();
    }
    let plan = cluster().pod(pod).plan();
    assert_eq!(plan.summary.unschedulable_pods, 1);
}

/// 9.1: ephemeral storage is a resource like any other.
#[test]
fn ephemeral_storage_fills_a_node() {
    let web = |pod: Manifest| {
        let mut pod = pod;
        pod.0["spec"]["containers"][0]["resources"]["requests"]["ephemeral-storage"] = json!("15Gi");
        pod
    };
    let plan = cluster().pods(pods("web", 2, "100m", "1Gi").into_iter().map(web)).plan();
    assert_eq!(plan.nodes.len(), 2);
}

#[test]
fn only_what_is_allocatable_counts() {
    let kept = instance_type("m.small", 2, 8, 0.1).keeps_cpu(100);
    let plan = Cluster::new(&[kept, instance_type("m.medium", 4, 16, 0.2)])
        .pool(pool("general"))
        .pod(pod("web", "2", "1Gi"))
        .plan();
    assert_eq!(bought(&plan), ["m.medium: web"]);
}

#[test]
fn a_node_holds_no_more_pods_than_it_may() {
    let few = instance_type("m.small", 2, 8, 0.1).has("pods", 3);
    let plan = Cluster::new(&[few]).pool(pool("general")).pods(pods("web", 7, "1m", "1Mi")).plan();
    assert_eq!(plan.nodes.len(), 3);
}

#[test]
fn pods_without_requests_still_need_a_node() {
    let plan = cluster().pod(pod("idle", "0", "0")).plan();
    assert_eq!(bought(&plan), ["m.small: idle"]);
}

/// Pods that are alike are one class, whatever their names (9.2-4).
#[test]
fn pods_that_differ_in_name_alone_are_one_class() {
    let cluster = cluster()
        .pods(
            pods("web", 50, "100m", "1Gi")
                .into_iter()
                .enumerate()
                .map(|(index, pod)| pod.label("pod-template-hash", &index.to_string())),
        )
        .pod(pod("other", "200m", "1Gi"));
    assert_eq!(cluster.snapshot().classes.len(), 2);
}

#[test]
fn too_many_different_resources_are_refused_and_not_miscounted() {
    let mut cluster = cluster();
    for index in 0..12 {
        let mut pod = pod(&format!("odd-{index:02}"), "1m", "1Mi");
        pod.0["spec"]["containers"][0]["resources"]["requests"][format!("example.com/r{index}")] = json!("1");
        cluster = cluster.pod(pod);
    }
    let plan = cluster.pod(pod("web", "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
    assert_eq!(plan.summary.unschedulable_pods + plan.summary.ignored_pods, 12);
    assert!(placed(&plan).is_empty());
}

#[test]
fn the_cheapest_mix_is_found_for_a_handful_of_pods() {
    // One large node ($0.40) beats medium and two small ones ($0.40 + ...) only when all four cannot share otherwise.
    let plan = cluster().pods(pods("web", 3, "2", "2Gi")).plan();
    assert_eq!(plan.summary.price_per_hour.to_string(), "$0.3");
    let plan = cluster().pod(pod("big", "3", "1Gi")).pod(pod("small", "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.medium: big small"]);
}
