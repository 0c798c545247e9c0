//! Several replicas on one API server, in virtual time: one works, and nothing is launched twice (reference section 6.4).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use supercargo_api::{EC2NodeClass, NodeClaim, NodePool};
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::{Clock, Time};
use supercargo_cloud::{Cluster, tags};
use supercargo_cloud_sim::{InterruptionOptions, PatientRegion, Region, RegionOptions};
use supercargo_control::election::{ElectionOptions, Elector};
use supercargo_control::installation::apply;
use supercargo_control::outside::Computing;
use supercargo_control::settings::Settings;
use supercargo_control::{ControllerOptions, Controllers, start};

const CLUSTER: &str = "pair";

/// An API server, a region, and pods that wait.
struct Scene {
    time: Time,
    client: Client,
    region: Region,
}

impl Scene {
    async fn new() -> Self {
        let time = Time::paused("2026-03-02T09:00:00Z".parse().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let server = Server::new(ServerOptions::new(Arc::clone(&clock), 1)).unwrap();
        let client = server.client();
        apply(&client, None, false, |_| {}).await.unwrap();
        let region = Region::new(RegionOptions {
            cluster_name: CLUSTER.to_owned(),
            interruptions: InterruptionOptions { hazard: 0.0, ..InterruptionOptions::default() },
            ..RegionOptions::new(clock, 1)
        });
        Self { time, client, region }
    }

    /// A class, a NodePool, and pods for which the scheduler found no node.
    async fn fill(&self, pods: usize) {
        let discovery = json!([{"tags": {tags::DISCOVERY: CLUSTER}}]);
        let class = json!({"metadata": {"name": "default"}, "spec": {
            "role": "node", "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": discovery, "securityGroupSelectorTerms": discovery}});
        let classes: Api<EC2NodeClass> = Api::all(self.client.clone());
        classes.create(&PostParams::default(), &serde_json::from_value(class).unwrap()).await.unwrap();
        let pool = json!({"metadata": {"name": "general"}, "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]}]}}}});
        let pools: Api<NodePool> = Api::all(self.client.clone());
        pools.create(&PostParams::default(), &serde_json::from_value(pool).unwrap()).await.unwrap();
        let api: Api<Pod> = Api::namespaced(self.client.clone(), "default");
        for number in 0..pods {
            let name = format!("web-{number}");
            // each on a node of its own
            let pod = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {
                "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}],
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}}}});
            api.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
            let status = json!({"status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": "2026-03-02T09:00:00Z"}]}});
            api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
        }
    }

    fn elector(&self, identity: &str, seed: u64) -> Elector {
        let options = ElectionOptions::new("karpenter-leader-election", "kube-system", identity);
        Elector::new(self.client.clone(), self.time.clone(), options, seed)
    }

    fn controllers(&self) -> Controllers {
        let provider = PatientRegion::on(self.region.clone(), &self.time);
        start(ControllerOptions {
            client: self.client.clone(),
            time: self.time.clone(),
            provider: Arc::new(provider),
            settings: Settings { cluster_name: Some(CLUSTER.to_owned()), ..Settings::default() },
            cluster: Cluster {
                name: CLUSTER.to_owned(),
                endpoint: "https://pair".to_owned(),
                ca_bundle: Some("Y2E=".to_owned()),
                service_cidr: Some("172.20.0.0/16".to_owned()),
                kubernetes_version: "1.36".to_owned(),
                ..Cluster::default()
            },
            seed: 1,
            concurrency: 1,
            computing: Computing::Inline,
            readings: None,
        })
    }

    async fn claims(&self) -> Vec<NodeClaim> {
        let api: Api<NodeClaim> = Api::all(self.client.clone());
        api.list(&ListParams::default()).await.unwrap().items
    }

    async fn provider_ids(&self) -> Vec<String> {
        let claims = self.claims().await;
        claims.into_iter().filter_map(|claim| claim.status?.provider_id).collect()
    }

    async fn holder(&self) -> Option<String> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-system");
        leases.get("karpenter-leader-election").await.unwrap().spec.unwrap().holder_identity
    }
}

/// Lets a replica wait for the lease in the background; when it leads, it works for as long as the answer is kept.
fn second(scene: &Scene) -> tokio::task::JoinHandle<(Timestamp, Controllers, Elector)> {
    let mut elector = scene.elector("supercargo_b", 2);
    let (time, client, region) = (scene.time.clone(), scene.client.clone(), scene.region.clone());
    tokio::spawn(async move {
        elector.acquire().await;
        let since = time.now();
        let scene = Scene { time, client, region };
        (since, scene.controllers(), elector)
    })
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_dies_after_a_launch_and_before_it_is_written_down_is_followed_by_one_that_adopts_the_instance()
 {
    let scene = Scene::new().await;
    let mut first = scene.elector("supercargo_a", 1);
    first.acquire().await;
    let holding = tokio::spawn(async move { first.hold().await });
    let working = scene.controllers();
    let waiting = second(&scene);
    scene.fill(3).await;
    let mut steps = 0;
    while scene.region.machines().is_empty() {
        steps += 1;
        assert!(steps < 10_000, "nothing was launched: {:?}", scene.claims().await);
        scene.time.sleep(Duration::from_millis(10)).await;
    }
    // the instances are there, the answers are still on their way
    assert_eq!(scene.provider_ids().await, Vec::<String>::new());
    drop(working);
    holding.abort();
    let died = scene.time.now();
    let launched = scene.region.machines().len();
    assert!(launched > 0);

    let (since, _working, mut elector) = waiting.await.unwrap();
    let after = since.duration_since(died).as_secs_f64();
    assert!((5.0..=15.0).contains(&after), "it took over after {after} s");
    assert_eq!(scene.holder().await.as_deref(), Some("supercargo_b"));
    let _holding = tokio::spawn(async move { elector.hold().await });
    scene.time.sleep(Duration::from_secs(60)).await;

    let ids = scene.provider_ids().await;
    let machines = scene.region.machines();
    assert_eq!(scene.claims().await.len(), 3);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3, "{ids:?}");
    assert_eq!(machines.len(), 3, "as many instances as claims: none was launched twice");
    for machine in &machines {
        assert!(ids.contains(&machine.provider_id().to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_asked_to_end_writes_down_what_it_launched_and_gives_the_lease_back() {
    let scene = Scene::new().await;
    let mut first = scene.elector("supercargo_a", 1);
    first.acquire().await;
    let working = scene.controllers();
    scene.fill(2).await;
    let mut steps = 0;
    while scene.region.machines().is_empty() {
        steps += 1;
        assert!(steps < 10_000, "nothing was launched");
        scene.time.sleep(Duration::from_millis(10)).await;
    }
    let waiting = second(&scene);
    scene.time.sleep(Duration::from_millis(100)).await;
    assert_eq!(scene.provider_ids().await, Vec::<String>::new());
    working.end().await;
    assert_eq!(scene.provider_ids().await.len(), scene.region.machines().len());
    let ended = scene.time.now();
    first.release().await;
    let (since, ..) = waiting.await.unwrap();
    assert!(since.duration_since(ended).as_secs_f64() < 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_stops() {
    let scene = Scene::new().await;
    let mut first = scene.elector("supercargo_a", 1);
    first.acquire().await;
    let leases: Api<Lease> = Api::namespaced(scene.client.clone(), "kube-system");
    let mut lease = leases.get("karpenter-leader-election").await.unwrap();
    lease.spec.as_mut().unwrap().holder_identity = Some("karpenter-7d_1".to_owned());
    leases.replace("karpenter-leader-election", &PostParams::default(), &lease).await.unwrap();
    let began = scene.time.now();
    first.hold().await;
    assert!(scene.time.now().duration_since(began).as_secs_f64() <= 10.0);
    // nor does it take away what is not its own
    first.release().await;
    assert_eq!(scene.holder().await.as_deref(), Some("karpenter-7d_1"));
}

#[tokio::test(start_paused = true)]
async fn of_several_replicas_one_leads_however_long_they_wait() {
    let scene = Scene::new().await;
    let mut electors: Vec<Elector> =
        (0..3).map(|number| scene.elector(&format!("supercargo_{number}"), number)).collect();
    let mut first = electors.remove(0);
    first.acquire().await;
    let holding = tokio::spawn(async move { first.hold().await });
    let waiting: Vec<_> = electors
        .into_iter()
        .map(|mut elector| {
            tokio::spawn(async move {
                elector.acquire().await;
                elector
            })
        })
        .collect();
    scene.time.sleep(Duration::from_secs(3_600)).await;
    assert!(!holding.is_finished());
    assert!(waiting.iter().all(|task| !task.is_finished()));
    assert_eq!(scene.holder().await.as_deref(), Some("supercargo_0"));
}
