//! How long it takes from the end of a batch window to the last CreateFleet call, in real time.
//!
//! ```text
//! cargo run --release -p supercargo-control --example burst -- [PODS] [RUNNING]
//! ```
//!
//! An embedded API server, the controllers, and a simulated region whose calls take as long as EC2's. PODS pods (1,800) that
//! the scheduler found no node for appear at once; RUNNING pods (200) run on nodes already. Prints JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot be taken has failed")]

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use supercargo_api::{EC2NodeClass, NodePool, crd, is_true};
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::{Clock, Time};
use supercargo_cloud::{BoxFuture, Cluster, InstanceQuery};
use supercargo_cloud_sim::{PatientRegion, Region, RegionOptions};
use supercargo_control::outside::Computing;
use supercargo_control::settings::Settings;
use supercargo_control::{ControllerOptions, Controllers, start};

type Pod = k8s_openapi::api::core::v1::Pod;
type Node = k8s_openapi::api::core::v1::Node;

/// Pods on each node that is there already.
const PODS_PER_NODE: usize = 20;
/// Requests under way at once while the cluster is made.
const AT_ONCE: usize = 32;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number of pods"));
    let pods: usize = arguments.next().unwrap_or(1_800);
    let running: usize = arguments.next().unwrap_or(200);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let measured = runtime.block_on(measure(pods, running));
    println!("{}", serde_json::to_string_pretty(&measured).unwrap());
    runtime.shutdown_timeout(Duration::from_secs(1));
}

async fn measure(pods: usize, running: usize) -> Value {
    let time = Time::real();
    let clock: Arc<dyn Clock> = Arc::new(time.clone());
    let server = Server::new(ServerOptions::new(Arc::clone(&clock), 1)).unwrap();
    let client = server.client();
    definitions(&client).await;
    let region =
        Region::new(RegionOptions { cluster_name: "burst".to_owned(), ..RegionOptions::new(clock, 1) });
    furnish(&client, pods, running).await;
    let controllers = controllers(&client, &region, &time);
    ready(&client).await;
    let started = time.now();
    appear(&client, pods).await;
    let appeared = time.now();
    // all claims of the batch have an instance or are gone
    let closed = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let batch = controllers.knowledge().batches().iter().find(|batch| batch.closed >= started).copied();
        let Some(batch) = batch else { continue };
        let is_over = controllers.running().ask(|state| {
            let launched = state
                .node_claims
                .values()
                .filter(|claim| claim.status.as_ref().is_some_and(|status| status.provider_id.is_some()));
            launched.count() >= batch.claims
        });
        if is_over && controllers.knowledge().launches().is_empty() {
            break batch;
        }
    };
    let instances = region.describe_instances(&InstanceQuery::default()).outcome.unwrap();
    let last = instances.iter().map(|instance| instance.launched_at).max().unwrap();
    let first = instances.iter().map(|instance| instance.launched_at).min().unwrap();
    let since = |at: Timestamp| at.duration_since(closed.closed).as_millis() as i64;
    json!({
        "topic": "burst",
        "pods": pods,
        "running": running,
        "claims": closed.claims,
        "instances": instances.len(),
        "podsAppearedMs": appeared.duration_since(started).as_millis() as i64,
        "planMs": since(closed.planned),
        "firstCreateFleetMs": since(first),
        "lastCreateFleetMs": since(last),
        "goalMs": 1_000,
    })
}

async fn definitions(client: &Client) {
    let all: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in crd::definitions() {
        let resource: CustomResourceDefinition = serde_json::from_value(definition.resource.clone()).unwrap();
        let parameters = PatchParams::apply("burst").force();
        all.patch(&resource.name_any(), &parameters, &Patch::Apply(&resource)).await.unwrap();
    }
}

fn controllers(client: &Client, region: &Region, time: &Time) -> Controllers {
    let sleeper = time.clone();
    let sleep = move |duration: Duration| -> BoxFuture<'static, ()> {
        let sleeper = sleeper.clone();
        Box::pin(async move { sleeper.sleep(duration).await })
    };
    let clock: Arc<dyn Clock> = Arc::new(time.clone());
    start(ControllerOptions {
        client: client.clone(),
        time: time.clone(),
        provider: Arc::new(PatientRegion::new(region.clone(), clock, Arc::new(sleep))),
        settings: Settings::default(),
        cluster: Cluster {
            name: "burst".to_owned(),
            endpoint: "https://burst".to_owned(),
            ca_bundle: None,
            service_cidr: Some("10.100.0.0/16".to_owned()),
            dns_ip: None,
            kubernetes_version: "1.36".to_owned(),
        },
        seed: 1,
        concurrency: 16,
        computing: Computing::Apart,
    })
}

/// A class, a NodePool, nodes with pods, and pods that nobody has looked at yet.
async fn furnish(client: &Client, pods: usize, running: usize) {
    let found = json!([{"tags": {"karpenter.sh/discovery": "burst"}}]);
    let class = json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {
            "role": "burst-node", "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": found, "securityGroupSelectorTerms": found,
        },
    });
    let class: EC2NodeClass = serde_json::from_value(class).unwrap();
    Api::all(client.clone()).create(&PostParams::default(), &class).await.unwrap();
    let pool = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
                {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"]},
                {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["4"]},
                {"key": "karpenter.k8s.aws/instance-size", "operator": "In", "values": ["large", "xlarge", "2xlarge"]},
            ],
        }}},
    });
    let pool: NodePool = serde_json::from_value(pool).unwrap();
    Api::all(client.clone()).create(&PostParams::default(), &pool).await.unwrap();
    let nodes: Api<Node> = Api::all(client.clone());
    let node = |index: usize| {
        let node = json!({
            "metadata": {"name": format!("node-{index}")},
            "status": {
                "capacity": {"cpu": "8", "memory": "32Gi", "pods": "58"},
                "allocatable": {"cpu": "7900m", "memory": "30Gi", "pods": "58"},
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}],
            },
        });
        serde_json::from_value::<Node>(node).unwrap()
    };
    many(0..running.div_ceil(PODS_PER_NODE), |index| {
        let (nodes, node) = (nodes.clone(), node(index));
        async move { nodes.create(&PostParams::default(), &node).await.map(|_| ()) }
    })
    .await;
    let api: Api<Pod> = Api::namespaced(client.clone(), "default");
    many(0..pods + running, |index| {
        let api = api.clone();
        let node = (index >= pods).then(|| format!("node-{}", (index - pods) / PODS_PER_NODE));
        async move { api.create(&PostParams::default(), &pod(index, node)).await.map(|_| ()) }
    })
    .await;
}

fn pod(index: usize, node: Option<String>) -> Pod {
    let name = if node.is_some() { format!("old-{index}") } else { format!("web-{index}") };
    let cpu = if node.is_some() { "390m" } else { "1" };
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {
            "nodeName": node,
            "containers": [{
                "name": "web", "image": "web",
                "resources": {"requests": {"cpu": cpu, "memory": "1500Mi"}},
            }],
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app": "web"}},
            }],
        },
    }))
    .unwrap()
}

/// Waits until the class and the NodePool can be used.
async fn ready(client: &Client) {
    let pools: Api<NodePool> = Api::all(client.clone());
    loop {
        let pool = pools.get("general").await.unwrap();
        let conditions = pool.status.and_then(|status| status.conditions).unwrap_or_default();
        if is_true(&conditions, "Ready") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The scheduler finds no node for the pods.
async fn appear(client: &Client, pods: usize) {
    let api: Api<Pod> = Api::namespaced(client.clone(), "default");
    let verdict = json!({"status": {"conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no nodes available",
    }]}});
    many(0..pods, |index| {
        let (api, verdict) = (api.clone(), Patch::Merge(verdict.clone()));
        async move {
            api.patch_status(&format!("web-{index}"), &PatchParams::default(), &verdict).await.map(|_| ())
        }
    })
    .await;
}

async fn many<F>(indices: std::ops::Range<usize>, act: impl Fn(usize) -> F)
where
    F: Future<Output = Result<(), kube::Error>>,
{
    futures::stream::iter(indices.map(|index| Ok(act(index))))
        .map(|task: Result<F, kube::Error>| task)
        .try_for_each_concurrent(AT_ONCE, |task| task)
        .await
        .unwrap();
}
