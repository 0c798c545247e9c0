//! How long it takes from the end of a batch window to the last CreateFleet call, in real time:
//! `cargo run --release -p supercargo-cli --example burst [-- pods running sizes]`.
//!
//! All in one process, as `supercargo up` has it: API server, scheduler, workload controllers, kubelets, the controllers, and a
//! region whose calls take as long as EC2's and are throttled as EC2's. A Deployment of `pods` (1,800) appears at once in a
//! cluster where another of `running` (200) has nodes. The NodePool takes spot and on-demand instances of the categories c, m
//! and r; `sizes` (large,xlarge,2xlarge) are those it allows. Prints JSON.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use supercargo_api::{EC2NodeClass, NodePool, is_true};
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::{Clock, Time};
use supercargo_cloud::{
    CloudProvider, Cluster as JoinedCluster, FleetAnswer, FleetRequest, QueueMessage, ReceiveRequest, Reply,
    with_calls,
};
use supercargo_cloud_sim::{PatientRegion, Region, RegionOptions};
use supercargo_control::outside::Computing;
use supercargo_control::settings::Settings;
use supercargo_control::{ControllerOptions, Controllers, installation, start};
use supercargo_local::{Cluster, NewNode, PartOptions, new_node};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

// that of the binary
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pods on each node that is there already.
const PODS_PER_NODE: usize = 20;
/// The name of the cluster, by which the class finds its subnets.
const NAME: &str = "burst";
/// What is not done by then is not done, in seconds.
const PATIENCE: i64 = 120;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual: usize| arguments.next().map_or(Ok(usual), |text| text.parse());
    let (pods, running) = (number(1_800)?, number(200)?);
    let sizes = std::env::args().nth(3).unwrap_or_else(|| "large,xlarge,2xlarge".to_owned());
    let sizes: Vec<&str> = sizes.split(',').collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let measured = runtime.block_on(measure(pods, running, &sizes));
    runtime.shutdown_timeout(Duration::from_secs(1));
    println!("{:#}", measured?);
    Ok(())
}

async fn measure(pods: usize, running: usize, sizes: &[&str]) -> Outcome<Value> {
    let time = Time::real();
    let clock: Arc<dyn Clock> = Arc::new(time.clone());
    let server = Server::new(ServerOptions::new(Arc::clone(&clock), 1))?;
    let client = server.client();
    installation::apply(&client, None, true, |_| ()).await?;
    let region = Region::new(RegionOptions { cluster_name: NAME.to_owned(), ..RegionOptions::new(clock, 1) });
    let parts =
        PartOptions { seed: 1, pace: 1.0, region: Some(region.clone()), events: true, readings: None };
    let _cluster = Cluster::start(server, time.clone(), parts).await?;
    let counted = Arc::new(Counted::new(PatientRegion::on(region, &time), time.clone()));
    let controllers = controllers(&client, Arc::clone(&counted), &time);
    furnish(&client, sizes).await?;
    let nodes: Api<Node> = Api::all(client.clone());
    for number in 0..running.div_ceil(PODS_PER_NODE) {
        nodes.create(&PostParams::default(), &node(number)?).await?;
    }
    deploy(&client, "old", running, "300m", "1Gi").await?;
    let running_pods = |controllers: &Controllers| {
        controllers.running().ask(|state| {
            let phase = |pod: &supercargo_api::Pod| pod.status.as_ref()?.phase.clone();
            state.pods.values().filter(|pod| phase(pod).as_deref() == Some("Running")).count()
        })
    };
    until(&time, || running_pods(&controllers) == running).await?;
    ready(&client, &time).await?;
    let begun = time.now();
    deploy(&client, "web", pods, "1", "1500Mi").await?;
    let launched = || {
        controllers.running().ask(|state| {
            let known = |claim: &supercargo_api::NodeClaim| claim.status.as_ref()?.provider_id.clone();
            state.node_claims.values().filter(|claim| known(claim).is_some()).count()
        })
    };
    let batches = || -> Vec<_> {
        let batches = controllers.knowledge().batches();
        batches.iter().filter(|batch| batch.closed >= begun && batch.claims > 0).copied().collect()
    };
    let wanted = || batches().iter().map(|batch| batch.claims).sum::<usize>();
    let is_over = || {
        // every pod has a node, or a claim that was made for it
        let placed = controllers.running().ask(|state| {
            let assignments = controllers.knowledge().assignments();
            let new = state.pods.iter().filter(|(key, _)| is_new(&key.name));
            new.filter(|(key, pod)| {
                pod.node_name().is_some() || assignments.of(key, pod.metadata.uid.as_deref()).is_some()
            })
            .count()
        });
        // after that, so that what was planned in between is waited for
        let wanted = wanted();
        placed == pods && wanted > 0 && launched() >= wanted && controllers.knowledge().launches().is_empty()
    };
    let finished = until(&time, is_over).await.is_ok();
    let (batches, calls) = (batches(), counted.calls());
    let Some(first) = batches.first() else { return Err("no batch was planned".into()) };
    let since = |at: Timestamp| at.duration_since(first.closed).as_millis() as i64;
    let fleets: Vec<_> = calls.iter().filter(|call| call.at >= first.closed).collect();
    let refused = fleets.iter().filter(|call| call.refused).count();
    let instances: u32 = fleets.iter().filter(|call| !call.refused).map(|call| call.instances).sum();
    let last = fleets.iter().filter(|call| !call.refused).map(|call| call.at).max();
    Ok(json!({
        "figure": "from the end of the batch window to the last CreateFleet call that was taken",
        "value": last.map(since),
        "unit": "ms",
        "goal": 1_000,
        "pods": pods,
        "running": running,
        "finished": finished,
        "batches": batches.iter().map(|batch| json!({
            "closed": since(batch.closed), "planned": since(batch.planned), "claims": batch.claims,
        })).collect::<Vec<_>>(),
        "createFleetCalls": fleets.len(),
        "refusedCalls": refused,
        "instances": instances,
        "firstCallMs": fleets.iter().map(|call| call.at).min().map(since),
        "podsToWindowMs": first.closed.duration_since(begun).as_millis() as i64,
    }))
}

/// Whether a pod is one of those that appear.
fn is_new(name: &str) -> bool {
    name.starts_with("web-")
}

fn controllers(client: &Client, provider: Arc<Counted>, time: &Time) -> Controllers {
    start(ControllerOptions {
        client: client.clone(),
        time: time.clone(),
        provider,
        settings: Settings { cluster_name: Some(NAME.to_owned()), ..Settings::default() },
        cluster: JoinedCluster {
            name: NAME.to_owned(),
            endpoint: "https://127.0.0.1".to_owned(),
            ca_bundle: None,
            service_cidr: Some("10.100.0.0/16".to_owned()),
            dns_ip: None,
            kubernetes_version: "1.36".to_owned(),
        },
        seed: 1,
        concurrency: 16,
        computing: Computing::Apart,
        readings: None,
    })
}

/// A class and a NodePool.
async fn furnish(client: &Client, sizes: &[&str]) -> Outcome<()> {
    let found = json!([{"tags": {"karpenter.sh/discovery": NAME}}]);
    let class: EC2NodeClass = serde_json::from_value(json!({
        "metadata": {"name": "default"},
        "spec": {
            "role": "burst-node", "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": found, "securityGroupSelectorTerms": found,
        },
    }))?;
    Api::all(client.clone()).create(&PostParams::default(), &class).await?;
    let pool: NodePool = serde_json::from_value(json!({
        "metadata": {"name": "general"},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
                {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"]},
                {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["4"]},
                {"key": "karpenter.k8s.aws/instance-size", "operator": "In", "values": sizes},
            ],
        }}},
    }))?;
    Api::all(client.clone()).create(&PostParams::default(), &pool).await?;
    Ok(())
}

/// Waits until the NodePool can be used.
async fn ready(client: &Client, time: &Time) -> Outcome<()> {
    let pools: Api<NodePool> = Api::all(client.clone());
    loop {
        let conditions = pools.get("general").await?.status.and_then(|status| status.conditions);
        if is_true(&conditions.unwrap_or_default(), "Ready") {
            return Ok(());
        }
        time.sleep(Duration::from_millis(100)).await;
    }
}

async fn deploy(client: &Client, name: &str, replicas: usize, cpu: &str, memory: &str) -> Outcome<()> {
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {
                "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu, "memory": memory}}}],
                "topologySpreadConstraints": [{
                    "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"app": name}},
                }],
            }}},
    }))?;
    Api::default_namespaced(client.clone()).create(&PostParams::default(), &deployment).await?;
    Ok(())
}

fn node(number: usize) -> Outcome<Node> {
    Ok(new_node(&NewNode {
        name: format!("node-{number}"),
        instance_type: "m7i.2xlarge".into(),
        zone: ["us-east-1a", "us-east-1b", "us-east-1c"][number % 3].into(),
        capacity_type: "on-demand".into(),
        labels: Default::default(),
        taints: Vec::new(),
        boot: Duration::from_secs(1),
    })?)
}

/// Waits until something is so, for two minutes at most.
async fn until(time: &Time, is_so: impl Fn() -> bool) -> Outcome<()> {
    let begun = time.now();
    while !is_so() {
        if time.now().duration_since(begun).as_secs() > PATIENCE {
            return Err("it takes too long".into());
        }
        time.sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A CreateFleet call.
#[derive(Clone, Copy, Debug)]
struct Call {
    at: Timestamp,
    instances: u32,
    refused: bool,
}

/// A region that notes when CreateFleet is called.
struct Counted {
    region: PatientRegion,
    time: Time,
    calls: Mutex<Vec<Call>>,
}

impl Counted {
    fn new(region: PatientRegion, time: Time) -> Self {
        Self { region, time, calls: Mutex::default() }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

macro_rules! passed_on {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        impl CloudProvider for Counted {
            fn region(&self) -> &str {
                CloudProvider::region(&self.region)
            }

            fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
                let at = self.time.now();
                Box::pin(async move {
                    let answer = self.region.create_fleet(request).await;
                    let call = Call { at, instances: request.target_capacity, refused: answer.is_err() };
                    self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
                    answer
                })
            }

            fn receive_messages(&self, request: ReceiveRequest) -> Reply<'_, Vec<QueueMessage>> {
                self.region.receive_messages(request)
            }

            $(fn $name<'a>(&'a self, $($argument: $kind),*) -> Reply<'a, $answer> {
                self.region.$name($($argument),*)
            })+
        }
    };
}

with_calls!(passed_on);
