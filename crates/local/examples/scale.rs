//! What a cluster of a size costs to run: `cargo run --release --example scale [-- nodes pods seconds [real]]`.
//!
//! Pods come from Deployments of 100. Without `real` the time is virtual: it leaps from one timer to the next, so that the
//! wall clock shows the work alone. Prints a line of JSON when the nodes are ready, when all pods are, and when they have
//! stayed so for the seconds asked for.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, PostParams};
use serde_json::json;
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::{Clock, RealClock, Stopwatch, Time};
use supercargo_local::{Cluster, NewNode, PartOptions, new_node};
use supercargo_reconcile::State;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Pods of one Deployment.
const REPLICAS: usize = 100;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let (nodes, pods, seconds) = (number(200)?, number(6_000)?, number(3_600)?);
    let is_real = arguments.next().is_some_and(|word| word == "real");
    let mut builder = if is_real {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.worker_threads(2).enable_all().build()?;
    runtime.block_on(run(nodes, pods, seconds, is_real))
}

async fn run(nodes: usize, pods: usize, seconds: usize, is_real: bool) -> Outcome<()> {
    let start: Timestamp = "2026-03-02T09:00:00Z".parse()?;
    let time = if is_real {
        Time::paced(1.0, start)
    } else {
        tokio::time::pause();
        Time::paused(start)
    };
    let wall = RealClock::new();
    let mut stopwatch = Stopwatch::start(&wall);
    let clock: Arc<dyn Clock> = Arc::new(time.clone());
    let server = Server::new(ServerOptions::new(clock, 1))?;
    let options = PartOptions { seed: 1, pace: 1.0, region: None, events: true, readings: None };
    let cluster = Cluster::start(server, time.clone(), options).await?;
    let client = cluster.server().client();
    let mut phase = Phase { name: "nodes ready", from: time.now(), revision: 0, cpu: 0.0 };
    let api: Api<Node> = Api::all(client.clone());
    for number in 0..nodes {
        api.create(&PostParams::default(), &node(number)?).await?;
    }
    wait(&cluster, &time, |state| ready_nodes(state) == nodes).await;
    phase = phase.end(&cluster, &time, &mut stopwatch, "pods ready");
    let api: Api<Deployment> = Api::default_namespaced(client);
    for number in 0..pods.div_ceil(REPLICAS) {
        let replicas = REPLICAS.min(pods - number * REPLICAS);
        api.create(&PostParams::default(), &deployment(number, replicas)?).await?;
    }
    wait(&cluster, &time, |state| ready_pods(state) == pods).await;
    phase = phase.end(&cluster, &time, &mut stopwatch, "stayed up");
    time.sleep(Duration::from_secs(u64::try_from(seconds)?)).await;
    phase.end(&cluster, &time, &mut stopwatch, "");
    Ok(())
}

/// What is measured.
struct Phase {
    name: &'static str,
    from: Timestamp,
    revision: u64,
    cpu: f64,
}

impl Phase {
    /// Prints what it took and begins the next.
    fn end(self, cluster: &Cluster, time: &Time, stopwatch: &mut Stopwatch<'_>, next: &'static str) -> Phase {
        let (now, revision, cpu) = (time.now(), cluster.server().revision(), cpu_seconds());
        let (nodes, pods) = cluster.control_plane().ask(|state| (ready_nodes(state), ready_pods(state)));
        let line = json!({
            "phase": self.name,
            "wallSeconds": rounded(stopwatch.lap().as_secs_f64()),
            "cpuSeconds": rounded(cpu - self.cpu),
            "virtualSeconds": rounded(now.duration_since(self.from).as_secs_f64()),
            "writes": revision - self.revision,
            "readyNodes": nodes,
            "readyPods": pods,
            "residentMegabytes": resident_megabytes(),
        });
        println!("{line}");
        Phase { name: next, from: now, revision, cpu }
    }
}

async fn wait(cluster: &Cluster, time: &Time, is_over: impl Fn(&State) -> bool) {
    while !cluster.control_plane().ask(&is_over) {
        time.sleep(Duration::from_secs(1)).await;
    }
}

fn ready_nodes(state: &State) -> usize {
    let is_ready = |node: &Node| {
        let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|known| known.type_ == "Ready" && known.status == "True")
    };
    state.nodes.values().filter(|node| is_ready(node)).count()
}

fn ready_pods(state: &State) -> usize {
    let pods = state.pods.values().filter_map(|pod| pod.status.as_ref()?.conditions.as_ref());
    pods.filter(|conditions| conditions.iter().any(|known| known.type_ == "Ready" && known.status == "True"))
        .count()
}

fn node(number: usize) -> Outcome<Node> {
    Ok(new_node(&NewNode {
        name: format!("node-{number}"),
        instance_type: "m6i.2xlarge".into(),
        zone: ["us-east-1a", "us-east-1b", "us-east-1c"][number % 3].into(),
        capacity_type: "on-demand".into(),
        labels: Default::default(),
        taints: Vec::new(),
        boot: Duration::from_secs(5),
    })?)
}

fn deployment(number: usize, replicas: usize) -> Outcome<Deployment> {
    let name = format!("app-{number}");
    Ok(serde_json::from_value(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
                {"name": "c", "image": "nginx",
                    "resources": {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}}}]}}},
    }))?)
}

/// Seconds of processors that this process has used, on Linux.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // after the name in parentheses the user's time is the 12th field, the system's the 13th, in hundredths
    let fields = text.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Memory of this process, on Linux.
fn resident_megabytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? / 1_024)
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}
