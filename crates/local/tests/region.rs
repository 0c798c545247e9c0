//! Machines of the simulated region as nodes: what they join with, how they are lost, what becomes of their pods.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use kube::Client;
use kube::api::{Api, ListParams, PostParams};
use rstest::rstest;
use serde_json::json;
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::{Clock, Time};
use supercargo_cloud::{
    AllocationStrategy, Bootstrap, FleetConfig, FleetOverride, FleetRequest, LaunchTemplateData,
    LaunchTemplateRequest, PurchaseOption, Tags,
};
use supercargo_cloud_sim::{
    ApiOptions, Effect, InterruptionOptions, Region, RegionOptions, Scope, ScriptEvent, When,
};
use supercargo_local::{Cluster, PartOptions};

const TEMPLATE: &str = "test";

/// A cluster on a calm region.
struct World {
    cluster: Cluster,
    region: Region,
    time: Time,
    client: Client,
}

impl World {
    async fn new() -> World {
        let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        World::kept_in(None, Time::paused(start), 1).await
    }

    async fn kept_in(directory: Option<&Path>, time: Time, region_seed: u64) -> World {
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let options = ServerOptions {
            data_dir: directory.map(Path::to_owned),
            ..ServerOptions::new(Arc::clone(&clock), 1)
        };
        let server = Server::new(options).unwrap();
        let region = Region::new(RegionOptions {
            api: ApiOptions::instant(),
            interruptions: InterruptionOptions { hazard: 0.0, ..InterruptionOptions::default() },
            ..RegionOptions::new(clock, region_seed)
        });
        let parameter =
            "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/x86_64/standard/recommended/image_id";
        let bootstrap = Bootstrap {
            labels: BTreeMap::from([
                ("team".to_owned(), "media".to_owned()),
                ("karpenter.sh/capacity-type".to_owned(), "spot".to_owned()),
            ]),
            taints: vec![Taint {
                key: "dedicated".into(),
                value: Some("media".into()),
                effect: "NoSchedule".into(),
                ..Taint::default()
            }],
            max_pods: Some(20),
            ..Bootstrap::default()
        };
        let data = LaunchTemplateData {
            image_id: region.get_parameter(parameter).outcome.unwrap(),
            bootstrap,
            ..LaunchTemplateData::default()
        };
        let template =
            LaunchTemplateRequest { name: TEMPLATE.into(), data, ..LaunchTemplateRequest::default() };
        region.create_launch_template(&template).outcome.unwrap();
        let parts =
            PartOptions { seed: 1, pace: 1.0, region: Some(region.clone()), events: true, readings: None };
        let cluster = Cluster::start(server, time.clone(), parts).await.unwrap();
        let client = cluster.server().client();
        World { cluster, region, time, client }
    }

    /// Launches instances of m5.large in us-east-1b.
    fn launch(&self, purchase: PurchaseOption, count: u32) -> Vec<String> {
        let subnets = self.region.describe_subnets(&[]).outcome.unwrap();
        let subnet = subnets.into_iter().find(|subnet| subnet.zone == "us-east-1b").unwrap();
        let offering = FleetOverride {
            instance_type: "m5.large".into(),
            subnet_id: subnet.id,
            zone: subnet.zone,
            ..FleetOverride::default()
        };
        let request = FleetRequest {
            configs: vec![FleetConfig { launch_template: TEMPLATE.into(), overrides: vec![offering] }],
            target_capacity: count,
            purchase,
            strategy: AllocationStrategy::LowestPrice,
            instance_tags: Tags::new(),
            fleet_tags: Tags::new(),
            context: None,
            client_token: None,
            dry_run: false,
        };
        let answer = self.region.create_fleet(&request).outcome.unwrap();
        answer.instance_ids().map(str::to_owned).collect()
    }

    fn happen(&self, effect: Effect) {
        let event = ScriptEvent {
            at: When::At(self.time.now()),
            every: None,
            lasts: None,
            scope: Scope::default(),
            effect,
        };
        self.region.schedule(vec![event]);
    }

    async fn pass(&self, seconds: u64) {
        self.time.sleep(Duration::from_secs(seconds)).await;
    }

    async fn nodes(&self) -> Vec<Node> {
        let api: Api<Node> = Api::all(self.client.clone());
        api.list(&ListParams::default()).await.unwrap().items
    }

    async fn pods(&self) -> Vec<Pod> {
        let api: Api<Pod> = Api::all(self.client.clone());
        api.list(&ListParams::default()).await.unwrap().items
    }
}

fn ready(node: &Node) -> String {
    let conditions = node.status.clone().unwrap().conditions.unwrap();
    conditions.into_iter().find(|known| known.type_ == "Ready").unwrap().status
}

fn taints(node: &Node) -> Vec<String> {
    let taints = node.spec.clone().unwrap().taints.unwrap_or_default();
    taints.into_iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_machine_joins_as_its_launch_template_says_and_with_what_its_type_has() {
    let world = World::new().await;
    let ids = world.launch(PurchaseOption::OnDemand, 1);
    world.pass(90).await;
    let nodes = world.nodes().await;
    assert_eq!(nodes.len(), 1);
    let machine = world.region.machine(&ids[0]).unwrap();
    let node = &nodes[0];
    assert_eq!(node.metadata.name.as_ref(), Some(&machine.private_dns_name));
    assert_eq!(node.spec.as_ref().unwrap().provider_id, Some(format!("aws:///us-east-1b/{}", ids[0])));
    let labels = node.metadata.labels.clone().unwrap();
    for (key, value) in [
        ("team", "media"),
        ("karpenter.sh/capacity-type", "spot"),
        ("node.kubernetes.io/instance-type", "m5.large"),
        ("topology.kubernetes.io/zone", "us-east-1b"),
        ("topology.kubernetes.io/region", "us-east-1"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/hostname", &machine.private_dns_name),
    ] {
        assert_eq!(labels.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(ready(node), "True");
    assert_eq!(taints(node), ["dedicated:NoSchedule"]);
    let status = node.status.clone().unwrap();
    let (capacity, allocatable) = (status.capacity.unwrap(), status.allocatable.unwrap());
    assert_eq!((capacity["cpu"].0.as_str(), capacity["pods"].0.as_str()), ("2", "20"));
    assert_eq!(allocatable["cpu"].0, "1930m");
    let address =
        status.addresses.unwrap().into_iter().find(|address| address.type_ == "InternalIP").unwrap();
    assert_eq!(address.address, machine.private_ip.to_string());
}

/// How a machine ends, and what its node is a few minutes later: gone, or silent while the instance still runs.
#[rstest]
#[case::terminated(None, true)]
#[case::reclaimed(Some(Effect::Interrupt(100.0)), true)]
#[case::with_a_dead_kubelet(Some(Effect::KillKubelets(100.0)), false)]
#[case::with_a_broken_host(Some(Effect::ImpairHosts(100.0)), false)]
#[tokio::test(start_paused = true)]
async fn a_node_falls_silent_with_its_machine_and_goes_with_the_instance(
    #[case] effect: Option<Effect>,
    #[case] is_gone: bool,
) {
    let world = World::new().await;
    let ids = world.launch(PurchaseOption::Spot, 2);
    world.pass(120).await;
    assert_eq!(world.nodes().await.iter().filter(|node| ready(node) == "True").count(), 2);
    match effect {
        Some(effect) => world.happen(effect),
        None => {
            world.region.terminate_instances(&ids).outcome.unwrap();
        }
    }
    world.pass(360).await;
    let nodes = world.nodes().await;
    if is_gone {
        assert!(nodes.is_empty(), "{nodes:?}");
        return;
    }
    assert_eq!(nodes.len(), 2);
    for node in &nodes {
        assert_eq!(ready(node), "Unknown");
        let found = taints(node);
        for effect in ["NoSchedule", "NoExecute"] {
            assert!(found.contains(&format!("node.kubernetes.io/unreachable:{effect}")), "{found:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_lost_node_are_evicted_when_they_tolerate_it_no_longer() {
    let world = World::new().await;
    world.launch(PurchaseOption::OnDemand, 1);
    world.pass(120).await;
    let pod = json!({
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "100m"}}}],
    });
    let deployments: Api<Deployment> = Api::default_namespaced(world.client.clone());
    let deployment = json!({
        "metadata": {"name": "web"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod}},
    });
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment).unwrap()).await.unwrap();
    world.pass(60).await;
    let lost = world.nodes().await[0].metadata.name.clone();
    world.happen(Effect::KillKubelets(100.0));
    world.launch(PurchaseOption::OnDemand, 1);
    // 50 seconds until the node counts as lost, and 300 that pods tolerate it
    world.pass(300).await;
    let pods = world.pods().await;
    assert_eq!(pods.len(), 3);
    assert!(pods.iter().all(|pod| pod.metadata.deletion_timestamp.is_none()));
    let is_ready = |pod: &Pod| {
        let conditions = pod.status.clone().unwrap().conditions.unwrap_or_default();
        conditions.iter().any(|known| known.type_ == "Ready" && known.status == "True")
    };
    assert!(!pods.iter().any(is_ready));
    world.pass(120).await;
    let pods = world.pods().await;
    let (going, new): (Vec<&Pod>, Vec<&Pod>) =
        pods.iter().partition(|pod| pod.metadata.deletion_timestamp.is_some());
    // nobody is left on the lost node who could say that they have ended
    assert_eq!((going.len(), new.len()), (3, 3));
    for pod in going {
        assert_eq!(pod.spec.as_ref().unwrap().node_name, lost);
        let conditions = pod.status.clone().unwrap().conditions.unwrap();
        let target = conditions.into_iter().find(|known| known.type_ == "DisruptionTarget").unwrap();
        assert_eq!(target.reason.as_deref(), Some("DeletionByTaintManager"));
    }
    assert!(new.into_iter().all(is_ready));
}

/// A kept cluster keeps its objects. Its region begins anew, as if the power had gone: the nodes of its instances go.
#[tokio::test(start_paused = true)]
async fn after_a_restart_nodes_without_an_instance_go() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept-region");
    let _ = std::fs::remove_dir_all(&directory);
    let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let time = Time::paused(start);
    let before = World::kept_in(Some(&directory), time.clone(), 1).await;
    before.launch(PurchaseOption::OnDemand, 2);
    before.pass(120).await;
    assert_eq!(before.nodes().await.len(), 2);
    let World { cluster, region, client, .. } = before;
    drop((cluster, region, client));
    // the tasks that were told to end have to have a turn
    time.sleep(Duration::from_secs(1)).await;
    let after = World::kept_in(Some(&directory), time, 2).await;
    assert_eq!(after.nodes().await.len(), 2);
    after.launch(PurchaseOption::OnDemand, 1);
    after.pass(120).await;
    let nodes = after.nodes().await;
    assert_eq!(nodes.len(), 1);
    assert_eq!(ready(&nodes[0]), "True");
}
