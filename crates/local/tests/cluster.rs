//! The whole cluster on the embedded API server, in virtual time.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Node, PersistentVolumeClaim, Pod};
use kube::Client;
use kube::api::{Api, DeleteParams, EvictParams, ListParams, Patch, PatchParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::{Clock, Time};
use supercargo_local::{Cluster, NewNode, PartOptions, new_node};

fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

async fn cluster(seed: u64) -> (Cluster, Time) {
    let time = Time::paused(start());
    let clock: Arc<dyn Clock> = Arc::new(time.clone());
    let server = Server::new(ServerOptions::new(clock, seed)).unwrap();
    let options = PartOptions { seed, pace: 1.0, region: None, events: true, readings: None };
    (Cluster::start(server, time.clone(), options).await.unwrap(), time)
}

async fn add_nodes(client: &Client, count: usize) {
    let nodes: Api<Node> = Api::all(client.clone());
    for number in 0..count {
        let node = new_node(&NewNode {
            name: format!("node-{number}"),
            instance_type: "m6i.xlarge".into(),
            zone: ["us-east-1a", "us-east-1b", "us-east-1c"][number % 3].into(),
            capacity_type: "on-demand".into(),
            labels: Default::default(),
            taints: Vec::new(),
            boot: Duration::from_secs(5),
        });
        nodes.create(&PostParams::default(), &node.unwrap()).await.unwrap();
    }
}

async fn create<T>(client: &Client, value: Value) -> T
where
    T: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Serialize
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api: Api<T> = Api::default_namespaced(client.clone());
    api.create(&PostParams::default(), &serde_json::from_value(value).unwrap()).await.unwrap()
}

fn deployment(name: &str, replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
                {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}}}]}}},
    })
}

async fn ready(client: &Client, name: &str) -> i32 {
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    deployments.get(name).await.unwrap().status.unwrap().ready_replicas.unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn nodes_join_and_a_deployment_runs_on_them() {
    let (cluster, time) = cluster(1).await;
    let client = cluster.server().client();
    create::<Deployment>(&client, deployment("web", 6)).await;
    time.sleep(Duration::from_secs(10)).await;
    assert_eq!(ready(&client, "web").await, 0);
    let events: Api<Event> = Api::default_namespaced(client.clone());
    let failed = events.list(&ListParams::default().fields("reason=FailedScheduling")).await.unwrap();
    assert_eq!(failed.items[0].message.as_deref(), Some("no nodes available to schedule pods"));
    add_nodes(&client, 3).await;
    time.sleep(Duration::from_secs(60)).await;
    assert_eq!(ready(&client, "web").await, 6);
    let nodes: Api<Node> = Api::all(client.clone());
    for node in nodes.list(&ListParams::default()).await.unwrap() {
        assert_eq!(node.spec.unwrap().taints, None);
        assert_eq!(node.status.unwrap().allocatable.unwrap()["pods"].0, "58");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_made_where_its_pod_goes() {
    let (cluster, time) = cluster(1).await;
    let client = cluster.server().client();
    add_nodes(&client, 3).await;
    create::<PersistentVolumeClaim>(
        &client,
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}}),
    )
    .await;
    create::<Pod>(
        &client,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db"}, "spec": {
            "nodeSelector": {"topology.kubernetes.io/zone": "us-east-1b"},
            "containers": [{"name": "c", "image": "postgres"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}}),
    )
    .await;
    time.sleep(Duration::from_secs(60)).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    assert_eq!(pods.get("db").await.unwrap().status.unwrap().phase.as_deref(), Some("Running"));
    let claims: Api<PersistentVolumeClaim> = Api::default_namespaced(client.clone());
    let claim = claims.get("data").await.unwrap();
    assert_eq!(claim.spec.unwrap().storage_class_name.as_deref(), Some("gp3"));
    assert_eq!(claim.status.unwrap().phase.as_deref(), Some("Bound"));
    pods.delete("db", &DeleteParams::default()).await.unwrap();
    time.sleep(Duration::from_secs(30)).await;
    claims.delete("data", &DeleteParams::default()).await.unwrap();
    time.sleep(Duration::from_secs(30)).await;
    let volumes: Api<k8s_openapi::api::core::v1::PersistentVolume> = Api::all(client.clone());
    assert!(volumes.list(&ListParams::default()).await.unwrap().items.is_empty());
}

/// Mission, section 4: of ten replicas under a budget of 50 % five may go at once.
#[tokio::test(start_paused = true)]
async fn five_of_ten_may_be_evicted_at_once() {
    let (cluster, time) = cluster(1).await;
    let client = cluster.server().client();
    add_nodes(&client, 3).await;
    create::<Deployment>(&client, deployment("batch-processor", 10)).await;
    create::<k8s_openapi::api::policy::v1::PodDisruptionBudget>(
        &client,
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
            "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "batch-processor"}}}}),
    )
    .await;
    time.sleep(Duration::from_secs(60)).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let mut evicted = 0;
    for pod in pods.list(&ListParams::default().labels("app=batch-processor")).await.unwrap() {
        let answer = pods.evict(&pod.metadata.name.unwrap(), &EvictParams::default()).await;
        match answer {
            Ok(_) => evicted += 1,
            Err(kube::Error::Api(status)) => assert_eq!(status.code, 429),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(evicted, 5);
    time.sleep(Duration::from_secs(90)).await;
    assert_eq!(ready(&client, "batch-processor").await, 10);
}

/// Mission, section 3, step 5.
#[tokio::test(start_paused = true)]
async fn the_batch_job_completes() {
    let (cluster, time) = cluster(1).await;
    let client = cluster.server().client();
    add_nodes(&client, 6).await;
    create::<Job>(
        &client,
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "video-encode-batch"},
            "spec": {"parallelism": 10, "completions": 50, "backoffLimit": 5, "template": {
                "metadata": {"labels": {"app": "video-encoder", "team": "media"}},
                "spec": {"restartPolicy": "OnFailure", "terminationGracePeriodSeconds": 90, "containers": [{
                    "name": "encode", "image": "encoder",
                    "command": ["/bin/sh", "-c", "sleep $((30 + RANDOM % 60))"],
                    "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
                    "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "4Gi"}}}]}}}}),
    )
    .await;
    time.sleep(Duration::from_secs(900)).await;
    let jobs: Api<Job> = Api::default_namespaced(client.clone());
    let status = jobs.get("video-encode-batch").await.unwrap().status.unwrap();
    assert_eq!(status.succeeded, Some(50));
    assert!(status.completion_time.is_some());
}

/// Everything that the API server says of a run, as bytes.
async fn history(seed: u64) -> String {
    let (cluster, time) = cluster(seed).await;
    let client = cluster.server().client();
    add_nodes(&client, 4).await;
    create::<Deployment>(&client, deployment("web", 12)).await;
    time.sleep(Duration::from_secs(45)).await;
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}});
    deployments.patch("web", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    time.sleep(Duration::from_secs(90)).await;
    let nodes: Api<Node> = Api::all(client.clone());
    nodes.delete("node-1", &DeleteParams::default()).await.unwrap();
    time.sleep(Duration::from_secs(120)).await;
    let mut history = String::new();
    for path in [
        "/api/v1/events",
        "/api/v1/pods",
        "/api/v1/nodes",
        "/apis/apps/v1/replicasets",
        "/apis/apps/v1/deployments",
    ] {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        history.push_str(&client.request_text(request).await.unwrap());
        history.push('\n');
    }
    history
}

#[test]
fn one_seed_twice_gives_the_same_bytes_and_another_seed_others() {
    let run = |seed| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(history(seed))
    };
    let first = run(7);
    assert!(first.contains("Scaled up replica set") && first.contains("Successfully assigned"));
    assert!(first == run(7), "the same seed took another course");
    assert!(first != run(8), "the seed does not matter");
}
