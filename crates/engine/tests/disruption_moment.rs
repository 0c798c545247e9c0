//! The moment a dump was made, as far as it tells.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::Objects;
use supercargo_engine::disruption::moment;

use dump::{Dump, at, node, pdb, pod, read};

const LATEST: &str = "2026-11-23T11:59:58Z";

#[test]
fn without_dates_there_is_no_moment() {
    assert_eq!(moment(&Objects::default()), None);
    assert_eq!(moment(&Dump::new().objects()), None);
}

#[rstest]
#[case::creation(json!({ "metadata": { "creationTimestamp": LATEST } }))]
#[case::a_change_of_a_field(json!({ "metadata": { "managedFields": [{ "time": LATEST }] } }))]
#[case::start(json!({ "status": { "startTime": LATEST } }))]
#[case::a_condition(json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": LATEST }] } }))]
#[case::a_probe(json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "lastProbeTime": LATEST }] } }))]
#[case::a_container(json!({ "status": { "containerStatuses": [{
    "name": "web", "image": "", "imageID": "", "ready": true, "restartCount": 0,
    "state": { "running": { "startedAt": LATEST } },
}] } }))]
#[case::a_container_that_ended(json!({ "status": { "initContainerStatuses": [{
    "name": "web", "image": "", "imageID": "", "ready": true, "restartCount": 0,
    "state": { "terminated": { "exitCode": 0, "finishedAt": LATEST } },
}] } }))]
#[case::the_wish_that_it_go(json!({ "metadata": {
    "deletionTimestamp": "2026-11-23T12:00:28Z", "deletionGracePeriodSeconds": 30,
} }))]
fn a_pod_tells(#[case] patch: Value) {
    let dump = Dump::of_pods(vec![pod("a", "n1", patch)]);
    assert_eq!(moment(&dump.objects()), Some(at(LATEST)));
}

#[test]
fn nodes_and_claims_tell() {
    let beat = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "lastHeartbeatTime": LATEST }] } });
    let dump = Dump::new().with_node("n1", beat, json!({}));
    assert_eq!(moment(&dump.objects()), Some(at(LATEST)));
    let event = json!({ "status": { "lastPodEventTime": LATEST } });
    let dump = Dump::new().with_node("n1", json!({}), event);
    assert_eq!(moment(&dump.objects()), Some(at(LATEST)));
    let gone = json!({ "metadata": { "deletionTimestamp": LATEST } });
    let dump = Dump::new().with_node("n1", json!({}), gone);
    assert_eq!(moment(&dump.objects()), Some(at(LATEST)));
}

/// Deadlines lie ahead.
#[test]
fn what_is_going_to_happen_does_not_count() {
    let until = json!({ "metadata": { "annotations": {
        "karpenter.sh/nodeclaim-termination-timestamp": "2027-01-01T00:00:00Z",
    } } });
    let dump = Dump::new().with_node("n1", json!({}), until);
    assert_eq!(moment(&dump.objects()), Some(at("2026-11-14T12:00:00Z")));
}

#[test]
fn workloads_and_budgets_tell() {
    let deployments = json!({ "metadata": { "name": "web" }, "spec": { "selector": {}, "template": {} }, "status": {
        "conditions": [{ "type": "Progressing", "status": "True", "lastUpdateTime": LATEST }],
    } });
    let of_deployments = Objects { deployments: vec![read(deployments)], ..Objects::default() };
    let job = json!({ "metadata": { "name": "one" }, "spec": { "template": {} }, "status": { "completionTime": LATEST } });
    let of_jobs = Objects { jobs: vec![read(job)], ..Objects::default() };
    let cron_job = json!({
        "metadata": { "name": "one" },
        "spec": { "schedule": "@daily", "jobTemplate": {} },
        "status": { "lastScheduleTime": LATEST },
    });
    let of_cron_jobs = Objects { cron_jobs: vec![read(cron_job)], ..Objects::default() };
    let budget = pdb("web", json!({ "status": { "disruptedPods": { "a": LATEST } } }));
    let of_budgets = Objects { pod_disruption_budgets: vec![read(budget)], ..Objects::default() };
    let pool = dump::node_pool(json!({ "status": { "conditions": [
        { "type": "Ready", "status": "True", "lastTransitionTime": LATEST },
    ] } }));
    let of_pools = Objects { node_pools: vec![read(pool)], ..Objects::default() };
    let namespace = json!({ "metadata": { "name": "shop", "creationTimestamp": LATEST } });
    let of_namespaces = Objects { namespaces: vec![read(namespace)], ..Objects::default() };
    for objects in [of_deployments, of_jobs, of_cron_jobs, of_budgets, of_pools, of_namespaces] {
        assert_eq!(moment(&objects), Some(at(LATEST)), "{objects:?}");
    }
}

#[test]
fn the_latest_of_all_counts() {
    let mut dump =
        Dump::of_pods(vec![pod("a", "n1", json!({ "status": { "startTime": "2026-11-20T00:00:00Z" } }))]);
    dump.nodes.push(node("n2", json!({ "metadata": { "creationTimestamp": "2026-11-21T00:00:00Z" } })));
    assert_eq!(moment(&dump.objects()), Some(at("2026-11-21T00:00:00Z")));
}
