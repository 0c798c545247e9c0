//! The parts together, on the toy API server.

use std::time::Duration;

use serde_json::{Value, json};
use supercargo_reconcile::{Key, Kind, Part, node_of};

use crate::conditions::{is_ready, phase};
use crate::*;
use supercargo_reconcile::Keyed;
use supercargo_reconcile::toy::Toy;

fn parts(seed: u64) -> Vec<Box<dyn Part>> {
    vec![
        Box::new(Keyed::new(Deployments)),
        Box::new(Keyed::new(ReplicaSets::default())),
        Box::new(Keyed::new(StatefulSets)),
        Box::new(Keyed::new(DaemonSets)),
        Box::new(Keyed::new(Jobs)),
        Box::new(Keyed::new(CronJobs)),
        Box::new(Keyed::new(Autoscalers::new(seed))),
        Box::new(Keyed::new(Budgets::default())),
        Box::new(Keyed::new(EndpointSlices)),
        Box::new(Keyed::new(NodeHealth::new(NodeHealthOptions::default()))),
        Box::new(Keyed::new(Evictions)),
        Box::new(Keyed::new(PodGarbage)),
        Box::new(Keyed::new(ServiceAccounts)),
        Box::new(Keyed::new(Volumes::new(seed))),
        Box::new(Keyed::new(Attachments)),
        Box::new(Scheduler::new(SchedulerOptions { seed, ..SchedulerOptions::default() })),
        Box::new(Kubelets::new(KubeletsOptions { seed, pace: 1.0 }, Vec::new())),
    ]
}

fn cluster(nodes: usize) -> Toy {
    let mut toy = Toy::new(parts(1));
    for number in 0..nodes {
        let zone = ["a", "b", "c"][number % 3];
        add_node(&mut toy, &format!("n{number}"), zone, json!({}));
    }
    toy.run(Duration::from_secs(20));
    toy
}

fn add_node(toy: &mut Toy, name: &str, zone: &str, machine: Value) {
    toy.create(
        Kind::Node,
        json!({"metadata": {"name": name,
            "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone},
            "annotations": {MACHINE_ANNOTATION: machine.to_string()}}}),
    );
}

fn deployment(name: &str, replicas: i32, image: &str, spec: Value) -> Value {
    let mut pod =
        json!({"containers": [{"name": "c", "image": image, "resources": {"requests": {"cpu": "100m"}}}]});
    for (key, value) in spec.as_object().unwrap() {
        pod[key] = value.clone();
    }
    json!({
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "progressDeadlineSeconds": 600,
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod}},
    })
}

fn key(name: &str) -> Key {
    Key::new("n", name)
}

fn ready_pods(toy: &Toy) -> usize {
    toy.state.pods.values().filter(|pod| is_ready(pod)).count()
}

fn phases(toy: &Toy, wanted: &str) -> usize {
    toy.state.pods.values().filter(|pod| phase(pod) == wanted).count()
}

#[test]
fn a_deployment_runs_and_rolls_and_scales() {
    let mut toy = cluster(3);
    assert!(toy.state.nodes.values().all(|node| crate::conditions::is_node_ready(node)));
    assert!(toy.state.nodes.values().all(|node| node.spec.as_ref().unwrap().taints.is_none()));
    toy.create(Kind::Deployment, deployment("web", 10, "v1", json!({})));
    toy.run(Duration::from_secs(60));
    assert_eq!(ready_pods(&toy), 10);
    let status = toy.state.deployments.get(&key("web")).unwrap().status.clone().unwrap();
    assert_eq!(status.available_replicas, Some(10));
    let web = deployment("web", 10, "v2", json!({}));
    toy.patch(Kind::Deployment, &key("web"), json!({"spec": {"template": web["spec"]["template"]}}));
    toy.run(Duration::from_secs(120));
    assert_eq!(toy.state.replica_sets.len(), 2);
    assert_eq!(ready_pods(&toy), 10);
    assert!(
        toy.state.pods.values().all(|pod| pod.spec().unwrap().containers[0].image.as_deref() == Some("v2"))
    );
    toy.patch(Kind::Deployment, &key("web"), json!({"spec": {"replicas": 3}}));
    toy.run(Duration::from_secs(120));
    assert_eq!(toy.state.pods.len(), 3);
    let said = toy.said("web", "ScalingReplicaSet");
    assert!(
        said[0].ends_with(" from 0 to 10") && said[0].starts_with("Scaled up replica set web-"),
        "{said:?}"
    );
    assert!(said[1].ends_with(" from 0 to 3") && said.last().unwrap().ends_with(" from 10 to 3"), "{said:?}");
    toy.delete(Kind::Deployment, &key("web"));
    toy.run(Duration::from_secs(60));
    assert!(toy.state.pods.is_empty() && toy.state.replica_sets.is_empty());
}

#[test]
fn a_rollout_that_does_not_come_up_keeps_the_old_pods_and_times_out() {
    let mut toy = cluster(3);
    let mut web = deployment("web", 4, "v1", json!({}));
    web["spec"]["progressDeadlineSeconds"] = json!(60);
    toy.create(Kind::Deployment, web);
    toy.run(Duration::from_secs(60));
    let broken = deployment("web", 4, "v2", json!({"nodeSelector": {"disk": "none"}}));
    toy.patch(Kind::Deployment, &key("web"), json!({"spec": {"template": broken["spec"]["template"]}}));
    toy.run(Duration::from_secs(120));
    assert_eq!(ready_pods(&toy), 3);
    let status = toy.state.deployments.get(&key("web")).unwrap().status.clone().unwrap();
    let progressing = status
        .conditions
        .unwrap()
        .into_iter()
        .find(|known| known.type_.as_deref() == Some("Progressing"))
        .unwrap();
    assert_eq!(progressing.reason.as_deref(), Some("ProgressDeadlineExceeded"));
}

#[test]
fn the_batch_job_of_the_exercise_completes() {
    let mut toy = cluster(6);
    toy.create(
        Kind::Job,
        json!({
            "metadata": {"name": "video-encode-batch", "namespace": "n"},
            "spec": {"parallelism": 10, "completions": 50, "backoffLimit": 5, "template": {
                "metadata": {"labels": {"app": "video-encoder"}},
                "spec": {"restartPolicy": "OnFailure", "terminationGracePeriodSeconds": 90, "containers": [{
                    "name": "encode", "image": "encoder",
                    "command": ["/bin/sh", "-c", "echo start; sleep $((30 + RANDOM % 60)); echo done"],
                    "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}]}}},
        }),
    );
    toy.run(Duration::from_secs(30));
    let job = toy.state.jobs.get(&key("video-encode-batch")).unwrap();
    assert_eq!(job.status.as_ref().unwrap().active, Some(10));
    toy.run(Duration::from_secs(900));
    let status = toy.state.jobs.get(&key("video-encode-batch")).unwrap().status.clone().unwrap();
    assert_eq!(status.succeeded, Some(50));
    assert_eq!(status.failed, None);
    assert!(
        status.conditions.unwrap().iter().any(|known| known.type_ == "Complete" && known.status == "True")
    );
    assert_eq!(phases(&toy, "Succeeded"), 50);
    assert!(toy.state.pods.values().all(|pod| pod.metadata.finalizers.iter().flatten().count() == 0));
}

#[test]
fn a_job_whose_pods_fail_gives_up_at_its_limit() {
    let mut toy = cluster(1);
    toy.create(
        Kind::Job,
        json!({
            "metadata": {"name": "bad", "namespace": "n"},
            "spec": {"backoffLimit": 2, "template": {
                "metadata": {"annotations": {"local.supercargo.dev/fail-pods": "1"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}},
        }),
    );
    toy.run(Duration::from_secs(300));
    let status = toy.state.jobs.get(&key("bad")).unwrap().status.clone().unwrap();
    assert_eq!(status.failed, Some(3));
    let failed = status.conditions.unwrap().into_iter().find(|known| known.type_ == "Failed").unwrap();
    assert_eq!(failed.reason.as_deref(), Some("BackoffLimitExceeded"));
}

#[test]
fn an_indexed_job_completes_every_index_and_goes_when_its_time_is_up() {
    let mut toy = cluster(2);
    toy.create(
        Kind::Job,
        json!({
            "metadata": {"name": "ix", "namespace": "n"},
            "spec": {"completionMode": "Indexed", "completions": 5, "parallelism": 2, "ttlSecondsAfterFinished": 300,
                "template": {"spec": {"restartPolicy": "Never", "containers": [
                    {"name": "c", "image": "i", "command": ["sleep", "3"]}]}}},
        }),
    );
    toy.run(Duration::from_secs(120));
    let status = toy.state.jobs.get(&key("ix")).unwrap().status.clone().unwrap();
    assert_eq!((status.succeeded, status.completed_indexes.as_deref()), (Some(5), Some("0-4")));
    toy.run(Duration::from_secs(300));
    assert!(toy.state.jobs.is_empty() && toy.state.pods.is_empty());
}

#[test]
fn a_stateful_set_comes_up_in_order_with_its_volumes() {
    let mut toy = cluster(3);
    toy.create(Kind::StorageClass, serde_json::from_str(DEFAULT_STORAGE_CLASS).unwrap());
    toy.create(
        Kind::StatefulSet,
        json!({
            "metadata": {"name": "db", "namespace": "n"},
            "spec": {"replicas": 3, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": "gp3",
                    "resources": {"requests": {"storage": "10Gi"}}}}]},
        }),
    );
    toy.run(Duration::from_secs(120));
    assert_eq!(ready_pods(&toy), 3);
    assert_eq!(toy.state.volumes.len(), 3);
    assert_eq!(toy.state.attachments.len(), 3);
    for (key, pod) in toy.state.pods.iter() {
        let node = toy.state.nodes.get(&Key::cluster(node_of(pod).unwrap())).unwrap();
        let claim = toy.state.claims.named("n", &format!("data-{}", key.name)).unwrap();
        let volume = crate::scheduler::volume_of(claim).unwrap();
        let volume = toy.state.volumes.get(&Key::cluster(volume)).unwrap();
        let affinity = serde_json::to_value(&volume.spec.as_ref().unwrap().node_affinity).unwrap();
        let zone = &affinity["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"][0];
        assert_eq!(
            node.metadata.labels.as_ref().unwrap()["topology.kubernetes.io/zone"],
            zone.as_str().unwrap()
        );
    }
    let created: Vec<&String> = toy.journal.iter().filter(|line| line.contains("added Pod n/db-")).collect();
    assert!(created[0].ends_with("db-0") && created[1].ends_with("db-1") && created[2].ends_with("db-2"));
    toy.patch(Kind::StatefulSet, &key("db"), json!({"spec": {"replicas": 1}}));
    toy.run(Duration::from_secs(120));
    assert_eq!(toy.state.pods.iter().map(|(key, _)| key.name.as_str()).collect::<Vec<_>>(), ["db-0"]);
    assert_eq!((toy.state.attachments.len(), toy.state.claims.len()), (1, 3));
}

#[test]
fn a_partition_holds_back_the_update_of_a_stateful_set() {
    let mut toy = cluster(1);
    let set = |image: &str| {
        json!({
            "metadata": {"name": "db", "namespace": "n"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "db"}},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": image}]}}},
        })
    };
    toy.create(Kind::StatefulSet, set("v1"));
    toy.run(Duration::from_secs(60));
    toy.patch(Kind::StatefulSet, &key("db"), json!({"spec": {"template": set("v2")["spec"]["template"]}}));
    toy.run(Duration::from_secs(60));
    let images: Vec<String> =
        toy.state.pods.values().map(|pod| pod.spec().unwrap().containers[0].image.clone().unwrap()).collect();
    assert_eq!(images, ["v1", "v1", "v2"]);
    toy.patch(
        Kind::StatefulSet,
        &key("db"),
        json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}),
    );
    toy.run(Duration::from_secs(120));
    let status = toy.state.stateful_sets.get(&key("db")).unwrap().status.clone().unwrap();
    assert_eq!((status.current_revision.clone(), status.ready_replicas), (status.update_revision, Some(3)));
    assert_eq!(toy.state.revisions.len(), 2);
}

#[test]
fn a_daemon_set_is_on_every_node_and_follows_new_ones() {
    let mut toy = cluster(3);
    toy.create(
        Kind::DaemonSet,
        json!({
            "metadata": {"name": "agent", "namespace": "n", "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": "agent"}},
                "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}},
        }),
    );
    toy.run(Duration::from_secs(30));
    assert_eq!(ready_pods(&toy), 3);
    add_node(&mut toy, "late", "a", json!({"bootSeconds": 10}));
    toy.run(Duration::from_secs(40));
    assert_eq!(ready_pods(&toy), 4);
    let status = toy.state.daemon_sets.get(&key("agent")).unwrap().status.clone().unwrap();
    assert_eq!((status.desired_number_scheduled, status.number_ready), (4, 4));
}

#[test]
fn what_does_not_fit_says_why_as_kube_scheduler_does() {
    let mut toy = cluster(3);
    toy.patch(
        Kind::Node,
        &Key::cluster("n0"),
        json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}),
    );
    toy.create(
        Kind::Pod,
        json!({"metadata": {"name": "big", "namespace": "n"}, "spec": {"containers": [
            {"name": "c", "image": "i", "resources": {"requests": {"cpu": "64", "memory": "100Mi"}}}]}}),
    );
    toy.run(Duration::from_secs(5));
    let message = "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to \
                   deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
    assert_eq!(toy.said("big", "FailedScheduling"), [message]);
    let pod = toy.state.pods.get(&key("big")).unwrap();
    let condition = crate::conditions::pod_condition(pod, "PodScheduled").unwrap();
    assert_eq!(condition.message.as_deref(), Some(message));
    add_node(&mut toy, "huge", "a", json!({"capacity": {"cpu": "96", "memory": "1Ti", "pods": "110"}}));
    toy.run(Duration::from_secs(30));
    assert_eq!(ready_pods(&toy), 1);
    assert_eq!(toy.said("big", "Scheduled"), ["Successfully assigned n/big to huge"]);
}

#[test]
fn the_important_pod_takes_the_place_of_one_whose_budget_allows_it() {
    let mut toy = cluster(2);
    let pod = |name: &str, node: &str, priority: i32, app: &str| {
        json!({"metadata": {"name": name, "namespace": "n", "labels": {"app": app}},
            "spec": {"priority": priority, "nodeSelector": {"kubernetes.io/hostname": node}, "containers": [
                {"name": "c", "image": "i", "resources": {"requests": {"cpu": "3"}}}]}})
    };
    toy.create(Kind::Pod, pod("guarded", "n0", 0, "guarded"));
    toy.create(Kind::Pod, pod("free", "n1", 0, "free"));
    toy.create(
        Kind::PodDisruptionBudget,
        json!({"metadata": {"name": "b", "namespace": "n"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}}}),
    );
    toy.run(Duration::from_secs(20));
    assert_eq!(ready_pods(&toy), 2);
    let mut important = pod("important", "n0", 1000, "x");
    important["spec"]["nodeSelector"] = json!({});
    toy.create(Kind::Pod, important);
    toy.run(Duration::from_secs(60));
    assert!(toy.state.pods.get(&key("free")).is_none());
    assert_eq!(toy.said("free", "Preempted").len(), 1);
    let pod = toy.state.pods.get(&key("important")).unwrap();
    assert_eq!(node_of(pod), Some("n1"));
    assert!(is_ready(pod));
}

#[test]
fn spread_affinity_and_anti_affinity_are_kept() {
    let mut toy = cluster(6);
    let labels = json!({"matchLabels": {"app": "spread"}});
    toy.create(
        Kind::Deployment,
        deployment(
            "spread",
            9,
            "i",
            json!({"topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": labels}]}),
        ),
    );
    let own = json!({"matchLabels": {"app": "apart"}});
    toy.create(
        Kind::Deployment,
        deployment("apart", 7, "i", json!({"affinity": {"podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": own}]}}})),
    );
    toy.create(
        Kind::Deployment,
        deployment(
            "near",
            3,
            "i",
            json!({"affinity": {"podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "topology.kubernetes.io/zone",
                "labelSelector": {"matchLabels": {"app": "near"}}}]}}}),
        ),
    );
    toy.run(Duration::from_secs(60));
    let of = |app: &str, by: &str| {
        let mut counts = std::collections::BTreeMap::new();
        for pod in toy.state.pods.values() {
            if pod.metadata.labels.as_ref().unwrap()["app"] == app
                && let Some(node) = node_of(pod)
            {
                let labels =
                    toy.state.nodes.get(&Key::cluster(node)).unwrap().metadata.labels.clone().unwrap();
                *counts.entry(labels[by].clone()).or_insert(0) += 1;
            }
        }
        counts.into_values().collect::<Vec<i32>>()
    };
    assert_eq!(of("spread", "topology.kubernetes.io/zone"), [3, 3, 3]);
    assert_eq!(of("apart", "kubernetes.io/hostname"), [1, 1, 1, 1, 1, 1]);
    assert_eq!(of("near", "topology.kubernetes.io/zone"), [3]);
    let waiting = toy.state.pods.values().find(|pod| node_of(pod).is_none()).unwrap();
    let message = crate::conditions::pod_condition(waiting, "PodScheduled").unwrap().message.clone().unwrap();
    assert!(
        message.starts_with("0/6 nodes are available: 6 node(s) didn't match pod anti-affinity rules."),
        "{message}"
    );
}

#[test]
fn pods_on_their_way_out_do_not_count_when_others_are_spread() {
    let mut toy = cluster(3);
    let pod = |name: &str, spec: Value| {
        let mut pod = json!({
            "metadata": {"name": name, "namespace": "n", "labels": {"app": "spread"}},
            "spec": {"terminationGracePeriodSeconds": 600, "containers": [
                {"name": "c", "image": "i", "lifecycle": {"preStop": {"sleep": {"seconds": 300}}}},
            ]},
        });
        pod["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        pod
    };
    for (name, node) in [("a-1", "n0"), ("a-2", "n0"), ("b-1", "n1"), ("c-1", "n2")] {
        toy.create(Kind::Pod, pod(name, json!({"nodeName": node})));
    }
    toy.run(Duration::from_secs(20));
    for name in ["a-1", "a-2"] {
        toy.delete(Kind::Pod, &key(name));
    }
    let spread = json!({"topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "spread"}},
    }]});
    toy.create(Kind::Pod, pod("new", spread));
    toy.run(Duration::from_secs(20));
    let held = toy.state.pods.get(&key("a-1")).unwrap();
    assert!(held.metadata.deletion_timestamp.is_some() && phase(held) == "Running");
    assert_eq!(node_of(toy.state.pods.get(&key("new")).unwrap()), Some("n0"));
}

#[test]
fn gates_hold_a_pod_back_until_they_are_gone() {
    let mut toy = cluster(1);
    toy.create(
        Kind::Pod,
        json!({"metadata": {"name": "gated", "namespace": "n"}, "spec": {
            "schedulingGates": [{"name": "wait"}], "containers": [{"name": "c", "image": "i"}]}}),
    );
    toy.run(Duration::from_secs(10));
    let pod = toy.state.pods.get(&key("gated")).unwrap();
    assert_eq!(
        crate::conditions::pod_condition(pod, "PodScheduled").unwrap().reason.as_deref(),
        Some("SchedulingGated")
    );
    toy.patch(Kind::Pod, &key("gated"), json!({"spec": {"schedulingGates": null}}));
    toy.run(Duration::from_secs(10));
    assert_eq!(ready_pods(&toy), 1);
}

#[test]
fn a_crashing_container_waits_longer_every_time() {
    let mut toy = cluster(1);
    toy.create(
        Kind::Pod,
        json!({"metadata": {"name": "crash", "namespace": "n", "annotations": {"local.supercargo.dev/fail-runs": "4"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}),
    );
    toy.run(Duration::from_secs(30));
    let status = toy.state.pods.get(&key("crash")).unwrap().status.clone().unwrap();
    let container = &status.container_statuses.as_ref().unwrap()[0];
    let waiting = container.state.as_ref().unwrap().waiting.as_ref().unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("CrashLoopBackOff"));
    assert!(
        waiting
            .message
            .as_ref()
            .unwrap()
            .starts_with("back-off 20s restarting failed container=c pod=crash_n(")
    );
    assert_eq!(container.last_state.as_ref().unwrap().terminated.as_ref().unwrap().exit_code, 1);
    toy.run(Duration::from_secs(120));
    let status = toy.state.pods.get(&key("crash")).unwrap().status.clone().unwrap();
    assert_eq!(status.container_statuses.as_ref().unwrap()[0].restart_count, 4);
    assert_eq!(ready_pods(&toy), 1);
}

#[test]
fn a_pod_has_its_hook_and_its_grace() {
    let mut toy = cluster(1);
    toy.create(
        Kind::Pod,
        json!({"metadata": {"name": "p", "namespace": "n", "annotations": {"local.supercargo.dev/stop-seconds": "60"}},
            "spec": {"terminationGracePeriodSeconds": 20, "containers": [
                {"name": "c", "image": "i", "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}}}]}}),
    );
    toy.create(
        Kind::Pod,
        json!({"metadata": {"name": "q", "namespace": "n", "annotations": {"local.supercargo.dev/stop-seconds": "1"}},
            "spec": {"terminationGracePeriodSeconds": 20, "containers": [
                {"name": "c", "image": "i", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}]}}),
    );
    toy.run(Duration::from_secs(20));
    toy.delete(Kind::Pod, &key("p"));
    toy.delete(Kind::Pod, &key("q"));
    toy.run(Duration::from_secs(5));
    assert_eq!(toy.state.pods.len(), 2);
    toy.run(Duration::from_secs(2));
    assert_eq!(toy.state.pods.iter().map(|(key, _)| key.name.as_str()).collect::<Vec<_>>(), ["p"]);
    toy.run(Duration::from_secs(14));
    assert!(toy.state.pods.is_empty());
}

#[test]
fn init_containers_run_one_after_the_other_and_sidecars_stay() {
    let mut toy = cluster(1);
    toy.create(
        Kind::Pod,
        json!({"metadata": {"name": "p", "namespace": "n"}, "spec": {"restartPolicy": "Never",
            "initContainers": [
                {"name": "first", "image": "i", "command": ["sleep", "10"]},
                {"name": "proxy", "image": "i", "restartPolicy": "Always"},
                {"name": "second", "image": "i", "command": ["sleep", "10"]}],
            "containers": [{"name": "c", "image": "i", "command": ["sleep", "20"]}]}}),
    );
    toy.run(Duration::from_secs(10));
    let pod = toy.state.pods.get(&key("p")).unwrap();
    assert_eq!(phase(pod), "Pending");
    toy.run(Duration::from_secs(30));
    let pod = toy.state.pods.get(&key("p")).unwrap();
    assert_eq!((phase(pod), is_ready(pod)), ("Running", true));
    toy.run(Duration::from_secs(30));
    assert_eq!(phases(&toy, "Succeeded"), 1);
}

#[test]
fn a_node_that_falls_silent_loses_its_pods() {
    let mut toy = cluster(2);
    toy.create(Kind::Deployment, deployment("web", 4, "i", json!({})));
    toy.run(Duration::from_secs(30));
    toy.delete(Kind::Node, &Key::cluster("n0"));
    toy.run(Duration::from_secs(120));
    assert_eq!(ready_pods(&toy), 4);
    assert!(toy.state.pods.values().all(|pod| node_of(pod) == Some("n1")));
}

#[test]
fn cron_jobs_come_by_the_clock_and_keep_a_short_history() {
    let mut toy = cluster(1);
    toy.create(
        Kind::CronJob,
        json!({"metadata": {"name": "tick", "namespace": "n"}, "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [
                {"name": "c", "image": "i", "command": ["sleep", "2"]}]}}}}}}),
    );
    toy.run(Duration::from_secs(3_600));
    assert_eq!(toy.state.jobs.len(), 3);
    let status = toy.state.cron_jobs.get(&key("tick")).unwrap().status.clone().unwrap();
    assert_eq!(status.last_schedule_time.unwrap().0, "2026-03-02T10:00:00Z".parse().unwrap());
}

#[test]
fn a_budget_counts_half_of_its_controllers() {
    let mut toy = cluster(2);
    toy.create(Kind::Deployment, deployment("batch-processor", 10, "i", json!({})));
    toy.create(
        Kind::PodDisruptionBudget,
        json!({"metadata": {"name": "b", "namespace": "n"},
            "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "batch-processor"}}}}),
    );
    toy.run(Duration::from_secs(30));
    let status = toy.state.budgets.get(&key("b")).unwrap().status.clone().unwrap();
    assert_eq!(
        (status.expected_pods, status.desired_healthy, status.current_healthy, status.disruptions_allowed),
        (Some(10), Some(5), Some(10), Some(5))
    );
}

#[test]
fn services_follow_their_pods() {
    let mut toy = cluster(2);
    toy.create(
        Kind::Deployment,
        deployment("web", 120, "i", json!({"containers": [{"name": "c", "image": "i"}]})),
    );
    toy.create(
        Kind::Service,
        json!({"metadata": {"name": "web", "namespace": "n"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
    );
    toy.run(Duration::from_secs(60));
    let sizes: Vec<usize> =
        toy.state.endpoint_slices.values().map(|slice| slice.endpoints.iter().flatten().count()).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (2, 120));
    toy.patch(Kind::Deployment, &key("web"), json!({"spec": {"replicas": 5}}));
    toy.run(Duration::from_secs(60));
    let ready: usize =
        toy.state.endpoint_slices.values().map(|slice| slice.endpoints.iter().flatten().count()).sum();
    assert_eq!(ready, 5);
}

#[test]
fn an_autoscaler_follows_usage() {
    let mut toy = cluster(4);
    let mut web = deployment("web", 2, "i", json!({}));
    web["spec"]["template"]["metadata"]["annotations"] = json!({"local.supercargo.dev/cpu-usage": "1.5"});
    toy.create(Kind::Deployment, web);
    toy.create(
        Kind::HorizontalPodAutoscaler,
        json!({"metadata": {"name": "web", "namespace": "n"}, "spec": {"minReplicas": 1, "maxReplicas": 12,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 30}}}]}}),
    );
    toy.run(Duration::from_secs(300));
    assert_eq!(toy.state.deployments.get(&key("web")).unwrap().spec.replicas, Some(12));
    let status = toy.state.autoscalers.get(&key("web")).unwrap().status.clone().unwrap();
    let condition =
        status.conditions.unwrap().into_iter().find(|known| known.type_ == "ScalingLimited").unwrap();
    assert_eq!(condition.reason.as_deref(), Some("TooManyReplicas"));
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    let journal = |seed: u64| {
        let mut toy = Toy::new(parts(seed));
        for number in 0..5 {
            add_node(&mut toy, &format!("n{number}"), "a", json!({}));
        }
        toy.create(Kind::Deployment, deployment("web", 20, "i", json!({})));
        toy.run(Duration::from_secs(120));
        toy.journal
    };
    assert_eq!(journal(1), journal(1));
    assert_ne!(journal(1), journal(2));
}
