//! What the controllers take in a big cluster: memory, processor time when nothing happens, and a scrape of `/metrics`:
//! `cargo build --release -p supercargo-cli --example fleet && target/release/examples/fleet [nodes pods seconds]`.
//!
//! This process has the API server, and fills it with made-up nodes (5,000), their NodeClaims, and pods (100,000) that leave no
//! room for a move. It then starts itself once more as `supercargo controller`, on a region that has an instance for each of
//! those nodes. That process lists everything over HTTPS, and is what is measured, for `seconds` (120) in which nodes say that
//! they are well as often as kubelets do. If anything else happens, a node that goes or a claim that comes, that is an error.
//! Needs Linux. Prints a line of JSON for each figure.
//!
//! ```text
//! fleet ── API server, made-up objects <──HTTPS── fleet controllers … ── Fleet: a region with those instances
//! ```

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use http::Request;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use supercargo_api::{Ami, EC2NodeClass, NodeClaim, NodePool, is_true};
use supercargo_apiserver::{ServeOptions, Server, ServerOptions};
use supercargo_catalog::{Arch, CapacityType, Tenancy};
use supercargo_cli::console::{ColorChoice, Console};
use supercargo_cli::controller;
use supercargo_clock::{Clock, RealClock, Stopwatch, Time};
use supercargo_cloud::{
    BoxFuture, CheckStatus, CloudError, CloudProvider, Cluster, FleetAnswer, FleetRequest, Instance,
    InstanceQuery, InstanceState, InstanceStatus, QueueMessage, ReceiveRequest, Reply, StateChange, tags,
    with_calls_beside_instances,
};
use supercargo_cloud_sim::{PatientRegion, Region, RegionOptions};
use supercargo_control::installation;

#[path = "../../apiserver/examples/clients/mod.rs"]
mod clients;

use clients::{Outcome, at_once, post};

// that of the binary
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often a kubelet writes the status of its node though nothing has changed.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// What holds of every claim.
const CLAIM_CONDITIONS: [&str; 5] =
    ["Launched", "Registered", "Initialized", "Ready", "ConsistentStateFound"];
/// What holds of every pod.
const POD_CONDITIONS: [&str; 4] = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
/// Hundredths of a second, in which Linux counts processor time.
const TICKS: f64 = 100.0;

/// The name of the cluster.
const CLUSTER: &str = "fleet";
/// How many workloads the pods are of.
const WORKLOADS: usize = 100;
/// As many images as a kubelet tells of.
const IMAGES: usize = 50;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "controllers").is_some() {
        return controllers(arguments);
    }
    let mut number = |usual: usize| arguments.next().map_or(Ok(usual), |text| text.parse());
    let (nodes, pods, seconds) = (number(5_000)?, number(100_000)?, number(120)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(nodes, pods, Duration::from_secs(u64::try_from(seconds)?)))
}

async fn measure(nodes: usize, pods: usize, span: Duration) -> Outcome<()> {
    let clock = RealClock::new();
    let server = Server::new(ServerOptions::new(Arc::new(RealClock::new()), 1))?;
    let client = server.client();
    installation::apply(&client, None, true, |_| ()).await?;
    let serving = server.serve(ServeOptions::default()).await?;
    let directory = std::env::temp_dir().join(format!("supercargo-fleet-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("kubeconfig"), serving.kubeconfig())?;
    post(&client, "/apis/karpenter.k8s.aws/v1/ec2nodeclasses", &class()).await?;
    post(&client, "/apis/karpenter.sh/v1/nodepools", &fleet_pool()).await?;
    post(&client, "/apis/karpenter.sh/v1/nodepools", &general_pool()).await?;
    let controller = Controller::start(&directory, 0, "none")?;
    controller.ready().await?;
    let likeness = Likeness::of(&client).await?;
    let image = likeness.image.clone();
    figure("memory of an empty cluster", controller.memory("VmRSS:")?, "MB");
    controller.end()?;
    let mut watch = Stopwatch::start(&clock);
    at_once(&client, nodes, move |client, number| {
        let likeness = likeness.clone();
        async move {
            post(&client, "/apis/karpenter.sh/v1/nodeclaims", &likeness.claim(number)).await?;
            let path = format!("/apis/karpenter.sh/v1/nodeclaims/fleet-{number}/status");
            patch(&client, &path, &likeness.claim_status(number, &now())).await?;
            post(&client, "/api/v1/nodes", &node(number, &now())).await
        }
    })
    .await?;
    let owners = Arc::new(workloads(&client).await?);
    at_once(&client, pods, move |client, number| {
        let owners = Arc::clone(&owners);
        async move {
            let path = "/api/v1/namespaces/default/pods";
            post(&client, path, &pod(number, nodes.max(1), &owners)).await?;
            patch(&client, &format!("{path}/pod-{number}/status"), &pod_status(number, &now())).await
        }
    })
    .await?;
    figure("time to make everything", watch.lap().as_secs_f64(), "s");
    let controller = Controller::start(&directory, nodes, &image)?;
    controller.ready().await?;
    figure("time until everything is listed", watch.lap().as_secs_f64(), "s");
    settle(&server).await;
    figure("time until there is nothing more to write", watch.lap().as_secs_f64(), "s");
    figure("memory", controller.memory("VmRSS:")?, "MB");
    figure("the most memory until then", controller.memory("VmHWM:")?, "MB");
    idle(&client, &controller, nodes, span).await?;
    figure("memory after that", controller.memory("VmRSS:")?, "MB");
    scrape(&controller, &clock)?;
    figure("memory after that", controller.memory("VmRSS:")?, "MB");
    figure("the most memory", controller.memory("VmHWM:")?, "MB");
    at_rest(&client, nodes, pods).await.map_err(|what| {
        let log = directory.join("log");
        format!("the cluster was not at rest: {what}; the log of the controllers is {}", log.display())
    })?;
    controller.end()?;
    serving.shutdown().await;
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("{}", json!({ "figure": name, "value": (value * 100.0).round() / 100.0, "unit": unit }));
}

fn now() -> String {
    RealClock::new().now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Waits until nothing has been written for ten seconds.
async fn settle(server: &Server) {
    let mut quiet = 0;
    let mut revision = server.revision();
    while quiet < 10 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = server.revision();
        // the lease is renewed every two seconds
        quiet = if after.saturating_sub(revision) <= 1 { quiet + 1 } else { 0 };
        revision = after;
    }
}

/// Whether everything still is as it was made: as many nodes, claims and pods, none of them on its way out.
async fn at_rest(client: &Client, nodes: usize, pods: usize) -> Outcome<()> {
    let all = ListParams::default();
    let found: Vec<Node> = Api::all(client.clone()).list(&all).await?.items;
    let claims: Vec<NodeClaim> = Api::all(client.clone()).list(&all).await?.items;
    let running: Vec<supercargo_api::Pod> = Api::all(client.clone()).list(&all).await?.items;
    for (kind, count, expected) in
        [("nodes", found.len(), nodes), ("claims", claims.len(), nodes), ("pods", running.len(), pods)]
    {
        if count != expected {
            return Err(format!("there are {count} {kind}, not {expected}").into());
        }
    }
    let tainted = found.iter().filter(|node| node.spec.as_ref().is_some_and(|spec| spec.taints.is_some()));
    let metadata = found.iter().map(|node| &node.metadata).chain(claims.iter().map(|claim| &claim.metadata));
    let metadata = metadata.chain(running.iter().map(|pod| &*pod.metadata));
    let leaving = metadata.filter(|metadata| metadata.deletion_timestamp.is_some());
    match (tainted.count(), leaving.count()) {
        (0, 0) => Ok(()),
        (tainted, leaving) => Err(format!("{tainted} nodes have taints, {leaving} objects go").into()),
    }
}

/// Lets time pass in which nodes say that they are well, and nothing else happens.
async fn idle(client: &Client, controller: &Controller, nodes: usize, span: Duration) -> Outcome<()> {
    let pause = HEARTBEAT.div_f64(nodes.max(1) as f64);
    let clock = RealClock::new();
    let watch = Stopwatch::start(&clock);
    let before = controller.processor_seconds()?;
    let mut number = 0;
    while watch.elapsed() < span {
        let heartbeat = json!({"status": {"conditions": ready_condition(&now())}});
        patch(client, &format!("/api/v1/nodes/node-{number}/status"), &heartbeat).await?;
        number = (number + 1) % nodes.max(1);
        tokio::time::sleep(pause).await;
    }
    let spent = controller.processor_seconds()? - before;
    figure("processor when nothing happens", 100.0 * spent / watch.elapsed().as_secs_f64(), "% of a core");
    Ok(())
}

fn scrape(controller: &Controller, clock: &dyn Clock) -> Outcome<()> {
    let before = controller.processor_seconds()?;
    for accept in ["identity", "gzip"] {
        let mut watch = Stopwatch::start(clock);
        let (status, body) = get(controller.metrics, "/metrics", accept)?;
        if status != 200 {
            return Err(format!("/metrics answers {status}").into());
        }
        figure(&format!("a scrape of /metrics, {accept}"), watch.lap().as_secs_f64() * 1_000.0, "ms");
        figure(&format!("size of /metrics, {accept}"), body.len() as f64 / 1e6, "MB");
    }
    figure("processor of both scrapes", controller.processor_seconds()? - before, "s");
    Ok(())
}

/// `supercargo controller` as a process, on a [`Fleet`].
struct Controller {
    child: Child,
    metrics: SocketAddr,
    health: SocketAddr,
}

impl Controller {
    /// Starts it, on a region with so many instances of an image.
    fn start(directory: &Path, instances: usize, image: &str) -> Outcome<Self> {
        let (metrics, health) = (free_address()?, free_address()?);
        let log = std::fs::File::create(directory.join("log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["controllers", &instances.to_string(), image])
            .args(["--cloud", "sim", "--bind", "127.0.0.1", "--cluster-name", CLUSTER])
            .args(["--metrics-port", &metrics.port().to_string()])
            .args(["--health-probe-port", &health.port().to_string()])
            .arg("--kubeconfig")
            .arg(directory.join("kubeconfig"))
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, metrics, health })
    }

    /// Waits until it leads and has listed everything.
    async fn ready(&self) -> Outcome<()> {
        for _ in 0..1_200 {
            if get(self.health, "/readyz", "identity")
                .is_ok_and(|(status, body)| status == 200 && body == b"ok")
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the controllers do not become ready".into())
    }

    /// A line of the process's status, in megabytes.
    fn memory(&self, name: &str) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("the process is gone")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    fn processor_seconds(&self) -> Outcome<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // after the name in parentheses the user's time is the 12th field, the system's the 13th
        let fields = text.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
        Ok(fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS)
    }

    fn end(mut self) -> Outcome<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // it has ended already if all went well
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The status and the body of an answer, as it came.
fn get(address: SocketAddr, path: &str, accept: &str) -> Outcome<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\nAccept-Encoding: {accept}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or("an answer without an end of its head")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).ok_or("an answer without a status")?.parse()?;
    Ok((status, answer.split_off(end + 4)))
}

async fn patch(client: &Client, path: &str, body: &Value) -> Outcome<()> {
    let request = Request::patch(path)
        .header("content-type", "application/merge-patch+json")
        .body(body.to_string().into_bytes())?;
    client.request_text(request).await?;
    Ok(())
}

/// The arguments of `supercargo controller`.
#[derive(Parser)]
struct ControllerLine {
    #[command(flatten)]
    arguments: controller::Arguments,
}

/// Is the controllers' process: arguments are how many instances there are, of which image, and those of the command.
fn controllers(mut arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let instances = arguments.next().ok_or("how many instances?")?.parse()?;
    let image = arguments.next().ok_or("which image?")?;
    let line = ControllerLine::parse_from(std::iter::once("controllers".to_owned()).chain(arguments));
    let console = Console::new(ColorChoice::Never, true, false);
    let made = |cluster: &Cluster, time: &Time| -> Arc<dyn CloudProvider> {
        Arc::new(Fleet::new(cluster, time, instances, &image))
    };
    match controller::run_on_cloud(&line.arguments, &console, &made) {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.to_string().into()),
    }
}

/// A simulated region that has instances already, and neither launches others nor ends them.
struct Fleet {
    region: PatientRegion,
    instances: Vec<Instance>,
}

impl Fleet {
    fn new(cluster: &Cluster, time: &Time, count: usize, image: &str) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let region = Region::new(RegionOptions {
            cluster_name: cluster.name.clone(),
            kubernetes_version: cluster.kubernetes_version.clone(),
            ..RegionOptions::new(clock, 1)
        });
        let subnets = region.describe_subnets(&[]).outcome.unwrap_or_default();
        let groups = region.describe_security_groups(&[]).outcome.unwrap_or_default();
        let groups: Vec<String> = groups.into_iter().map(|group| group.id).collect();
        let instances = (0..count).map(|number| {
            let subnet = subnets.iter().find(|subnet| subnet.zone == zone(number));
            let mut tags = tags::of_launch(&cluster.name, "default", Some("fleet"), None);
            tags.extend(tags::of_node(&format!("fleet-{number}"), &format!("node-{number}")));
            Instance {
                id: instance_id(number),
                instance_type: "m7i.4xlarge".to_owned(),
                zone: zone(number).to_owned(),
                zone_id: subnet.map(|subnet| subnet.zone_id.clone()).unwrap_or_default(),
                capacity_type: CapacityType::OnDemand,
                reservation_id: None,
                tenancy: Tenancy::Default,
                state: InstanceState::Running,
                state_reason: None,
                launched_at: time.now(),
                image_id: image.to_owned(),
                architecture: Arch::Amd64,
                subnet_id: subnet.map(|subnet| subnet.id.clone()).unwrap_or_default(),
                security_group_ids: groups.clone(),
                private_ip: None,
                private_dns_name: format!("node-{number}"),
                instance_profile: None,
                placement_group: None,
                placement_partition: None,
                launch_template: None,
                tags,
            }
        });
        let instances = instances.collect();
        Self { region: PatientRegion::on(region, time), instances }
    }

    fn refusal(action: supercargo_cloud::Action) -> CloudError {
        let message = "nothing was to be launched or ended".to_owned();
        CloudError::new(action, "UnauthorizedOperation", message)
    }
}

/// Hands calls on to the region.
macro_rules! handed_on {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        $(fn $name<'a>(&'a self, $($argument: $kind),*) -> BoxFuture<'a, Result<$answer, CloudError>> {
            self.region.$name($($argument),*)
        })+
    };
}

impl CloudProvider for Fleet {
    fn region(&self) -> &str {
        self.region.region()
    }

    fn describe_instances<'a>(&'a self, query: &'a InstanceQuery) -> Reply<'a, Vec<Instance>> {
        let has = |instance: &Instance, (key, value): (&String, &String)| {
            instance.tags.get(key).is_some_and(|known| value == "*" || known == value)
        };
        let found = self.instances.iter().filter(move |instance| {
            (query.ids.is_empty() || query.ids.contains(&instance.id))
                && (query.states.is_empty() || query.states.contains(&instance.state))
                && query.tags.iter().all(|tag| has(instance, tag))
        });
        let found = found.cloned().collect();
        Box::pin(async move { Ok(found) })
    }

    fn describe_instance_status(&self) -> Reply<'_, Vec<InstanceStatus>> {
        let status = |instance: &Instance| InstanceStatus {
            id: instance.id.clone(),
            zone: instance.zone.clone(),
            state: instance.state,
            instance_status: CheckStatus::Ok,
            system_status: CheckStatus::Ok,
            events: Vec::new(),
        };
        let all = self.instances.iter().map(status).collect();
        Box::pin(async move { Ok(all) })
    }

    fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
        // whether it may launch is asked without launching anything
        if request.dry_run {
            return self.region.create_fleet(request);
        }
        Box::pin(async { Err(Self::refusal(supercargo_cloud::Action::CreateFleet)) })
    }

    fn terminate_instances<'a>(&'a self, _: &'a [String]) -> Reply<'a, Vec<StateChange>> {
        Box::pin(async { Err(Self::refusal(supercargo_cloud::Action::TerminateInstances)) })
    }

    fn receive_messages(&self, request: ReceiveRequest) -> Reply<'_, Vec<QueueMessage>> {
        self.region.receive_messages(request)
    }

    with_calls_beside_instances!(handed_on);
}

fn class() -> Value {
    let found = json!([{"tags": {"karpenter.sh/discovery": "fleet"}}]);
    json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {
            "role": "node", "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": found, "securityGroupSelectorTerms": found,
        },
    })
}

/// The NodePool of the nodes, of one type, so that no node is too dear.
fn fleet_pool() -> Value {
    pool(
        "fleet",
        json!([
            {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m7i.4xlarge"]},
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
        ]),
        json!([]),
    )
}

/// A NodePool of many types that no pod tolerates.
fn general_pool() -> Value {
    pool(
        "general",
        json!([
            {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"]},
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
        ]),
        json!([{"key": "kept", "effect": "NoSchedule"}]),
    )
}

fn pool(name: &str, requirements: Value, taints: Value) -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name},
        "spec": {
            "template": {"spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "requirements": requirements, "taints": taints,
            }},
            "disruption": {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "30s"},
        },
    })
}

/// What claims have of their NodePool and class, so that they do not drift.
#[derive(Clone)]
struct Likeness {
    annotations: Value,
    image: String,
}

impl Likeness {
    async fn of(client: &Client) -> Outcome<Self> {
        let pools: Api<NodePool> = Api::all(client.clone());
        let classes: Api<EC2NodeClass> = Api::all(client.clone());
        loop {
            let (pool, class) = (pools.get("fleet").await?, classes.get("default").await?);
            let conditions = pool.status.and_then(|status| status.conditions).unwrap_or_default();
            let images = class.status.and_then(|status| status.amis).unwrap_or_default();
            let hashes = (pool.metadata.annotations, class.metadata.annotations);
            if let (true, Some(image), (Some(of_pool), Some(of_class))) =
                (is_true(&conditions, "Ready"), images.iter().find(|image| is_for_the_fleet(image)), hashes)
            {
                let mut annotations = serde_json::Map::new();
                let all = of_pool.into_iter().chain(of_class).filter(|(key, _)| key.contains("hash"));
                annotations.extend(all.map(|(key, value)| (key, json!(value))));
                annotations.insert("karpenter.k8s.aws/tagged".to_owned(), json!("true"));
                annotations
                    .insert("compatibility.karpenter.k8s.aws/cluster-name-tagged".to_owned(), json!("true"));
                return Ok(Self { annotations: Value::Object(annotations), image: image.id.clone() });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn claim(&self, number: usize) -> Value {
        json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
            "metadata": {
                "name": format!("fleet-{number}"), "labels": labels(number), "annotations": self.annotations,
                "finalizers": ["karpenter.sh/termination"],
            },
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "requirements": [
                    {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m7i.4xlarge"]},
                    {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                    {"key": "karpenter.sh/nodepool", "operator": "In", "values": ["fleet"]},
                ],
                "resources": {"requests": {"cpu": "15600m", "memory": "54Gi", "pods": "20"}},
                "expireAfter": "720h",
            },
        })
    }

    fn claim_status(&self, number: usize, now: &str) -> Value {
        let condition = |name: &str| json!({"type": name, "status": "True", "reason": name, "message": "", "lastTransitionTime": now});
        json!({"status": {
            "nodeName": format!("node-{number}"), "providerID": provider_id(number), "imageID": self.image,
            "capacity": capacity(), "allocatable": allocatable(),
            "conditions": CLAIM_CONDITIONS.map(condition),
        }})
    }
}

/// Whether an image is the one that machines without accelerators get.
fn is_for_the_fleet(image: &Ami) -> bool {
    let is_amd64 =
        image.requirements.iter().any(|term| term.values.iter().flatten().any(|value| value == "amd64"));
    is_amd64 && !image.requirements.iter().any(|term| term.operator == "Exists")
}

fn labels(number: usize) -> Value {
    json!({
        "karpenter.sh/nodepool": "fleet", "karpenter.sh/capacity-type": "on-demand",
        "karpenter.sh/registered": "true", "karpenter.sh/initialized": "true",
        "karpenter.k8s.aws/ec2nodeclass": "default",
        "karpenter.k8s.aws/instance-category": "m", "karpenter.k8s.aws/instance-family": "m7i",
        "karpenter.k8s.aws/instance-generation": "7", "karpenter.k8s.aws/instance-size": "4xlarge",
        "karpenter.k8s.aws/instance-cpu": "16", "karpenter.k8s.aws/instance-memory": "65536",
        "node.kubernetes.io/instance-type": "m7i.4xlarge", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": format!("node-{number}"), "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": zone(number),
    })
}

fn zone(number: usize) -> &'static str {
    ["us-east-1a", "us-east-1b", "us-east-1c"][number % 3]
}

fn instance_id(number: usize) -> String {
    format!("i-{number:017x}")
}

fn provider_id(number: usize) -> String {
    format!("aws:///{}/{}", zone(number), instance_id(number))
}

fn capacity() -> Value {
    json!({"cpu": "16", "memory": "62Gi", "pods": "234", "ephemeral-storage": "20Gi"})
}

fn allocatable() -> Value {
    json!({"cpu": "15890m", "memory": "56Gi", "pods": "234", "ephemeral-storage": "17Gi"})
}

fn ready_condition(now: &str) -> Value {
    json!([{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now, "lastTransitionTime": "2026-01-01T00:00:00Z"}])
}

fn node(number: usize, now: &str) -> Value {
    let image = |index: usize| json!({"names": [format!("registry.example/team-{index}/service@sha256:{index:064x}")], "sizeBytes": 1});
    let images: Vec<Value> = (0..IMAGES).map(|index| image(index * (number + 1))).collect();
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": format!("node-{number}"), "labels": labels(number), "finalizers": ["karpenter.sh/termination"],
        },
        "spec": {"providerID": provider_id(number)},
        "status": {
            "capacity": capacity(), "allocatable": allocatable(), "conditions": ready_condition(now), "images": images,
            "addresses": [{"type": "InternalIP", "address": format!("10.0.{}.{}", number / 250, number % 250)}],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.12.37", "kubeProxyVersion": "v1.36.0", "kubeletVersion": "v1.36.0", "machineID": "",
                "operatingSystem": "linux", "osImage": "Amazon Linux 2023", "systemUUID": "",
            },
        },
    })
}

/// Makes the workloads that own the pods, which nobody would keep without; returns their uids.
async fn workloads(client: &Client) -> Outcome<Vec<String>> {
    let path = "/apis/apps/v1/namespaces/default/replicasets";
    for number in 0..WORKLOADS {
        let labels = json!({"app": format!("app-{number}")});
        let container = json!({"name": "web", "image": "nginx"});
        let set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": format!("app-{number}-5d8f9b7c6d")},
            "spec": {
                "replicas": 0, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        });
        post(client, path, &set).await?;
    }
    let sets: Api<ReplicaSet> = Api::default_namespaced(client.clone());
    let mut uids = Vec::new();
    for number in 0..WORKLOADS {
        uids.extend(sets.get(&format!("app-{number}-5d8f9b7c6d")).await?.metadata.uid);
    }
    Ok(uids)
}

fn pod(number: usize, nodes: usize, owners: &[String]) -> Value {
    let app = format!("app-{}", number % WORKLOADS);
    let token = format!("kube-api-access-{number}");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("pod-{number}"), "labels": {"app": app, "pod-template-hash": "5d8f9b7c6d"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-5d8f9b7c6d"), "controller": true,
                "uid": owners.get(number % WORKLOADS),
            }],
        },
        "spec": {
            "nodeName": format!("node-{}", number % nodes),
            "volumes": [{"name": token, "projected": {"sources": [
                {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            ]}}],
            "containers": [{
                "name": "web", "image": "nginx", "ports": [{"containerPort": 80}],
                "env": [{"name": "COLOUR", "value": "blue"}],
                "volumeMounts": [{
                    "name": token, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true,
                }],
                "resources": {"requests": {"cpu": "780m", "memory": "2700Mi"}, "limits": {"memory": "2700Mi"}},
            }],
        },
    })
}

fn pod_status(number: usize, now: &str) -> Value {
    let address = format!("10.1.{}.{}", number / 250 % 250, number % 250);
    let condition = |name: &str| json!({"type": name, "status": "True", "lastTransitionTime": now});
    json!({"status": {
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": now,
        "conditions": POD_CONDITIONS.map(condition),
        "containerStatuses": [{
            "name": "web", "image": "nginx", "imageID": "sha256:0", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }],
    }})
}
