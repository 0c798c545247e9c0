//! A stage for tests: parts in virtual time, with a simulated region behind them that answers what they ask.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_clock::{Clock, VirtualClock};
use supercargo_cloud::{Cluster, Tags, tags};
use supercargo_cloud_sim::{ApiOptions, FailureOptions, InterruptionOptions, Machine, Region, RegionOptions};
use supercargo_reconcile::toy::Toy;
use supercargo_reconcile::{Key, Kind, Outside, Part};

use crate::knowledge::Knowledge;
use crate::outside::{Computing, World};
use crate::settings::Settings;

/// Parts, an API server, a region.
pub(crate) struct Stage {
    pub toy: Toy,
    pub region: Region,
    clock: Arc<VirtualClock>,
    world: World,
    /// Whether machines that have booted get a Node, as their kubelets would register it.
    pub kubelets: bool,
}

/// The name of the cluster on the stage.
pub(crate) const CLUSTER: &str = "stage";

/// What the parts on a stage know.
pub(crate) fn knowledge(settings: Settings) -> Arc<Knowledge> {
    let cluster = Cluster {
        name: CLUSTER.to_owned(),
        endpoint: "https://stage".to_owned(),
        ca_bundle: Some("Y2E=".to_owned()),
        service_cidr: Some("172.20.0.0/16".to_owned()),
        dns_ip: None,
        kubernetes_version: "1.36".to_owned(),
    };
    Arc::new(Knowledge::new(settings, cluster, "us-east-1"))
}

impl Stage {
    /// A region in which nothing happens by chance, and these parts.
    pub fn new(parts: Vec<Box<dyn Part>>) -> Self {
        Self::with(parts, |_| {})
    }

    /// A region with something different about it.
    pub fn with(parts: Vec<Box<dyn Part>>, change: impl FnOnce(&mut RegionOptions)) -> Self {
        let toy = Toy::new(parts);
        let clock = Arc::new(VirtualClock::new(toy.now));
        let mut options = RegionOptions::new(Arc::clone(&clock) as Arc<dyn Clock>, 1);
        options.cluster_name = CLUSTER.to_owned();
        options.api = ApiOptions::instant();
        options.interruptions = InterruptionOptions { hazard: 0.0, ..InterruptionOptions::default() };
        options.failures = FailureOptions::default();
        change(&mut options);
        let region = Region::new(options);
        let world = World::new(Arc::new(region.clone()), Computing::Inline);
        Self { toy, region, clock, world, kubelets: false }
    }

    /// Lets time pass, a second at a time; what is asked is answered at once.
    pub fn run(&mut self, duration: Duration) {
        let end = self.toy.now + duration;
        self.settle();
        while self.toy.now < end {
            let step = Duration::from_secs(1).min(end.duration_since(self.toy.now).unsigned_abs());
            self.toy.run(step);
            self.clock.advance_to(self.toy.now);
            self.settle();
        }
    }

    /// Answers until nothing is asked any more.
    fn settle(&mut self) {
        loop {
            if self.kubelets {
                self.join();
            }
            self.toy.run(Duration::ZERO);
            let Some((.., request)) = self.toy.asked.first() else { return };
            let answer = self.world.call(Arc::clone(request)).now_or_never();
            self.toy.answer_first(answer.expect("a region without latency answers at once"));
        }
    }

    /// Machines that have booted get their Node.
    fn join(&mut self) {
        for machine in self.region.machines() {
            let known = self.toy.state.nodes.get(&Key::cluster(&machine.private_dns_name)).is_some();
            if machine.kubelet_runs(self.toy.now) && !known {
                self.toy.create(Kind::Node, node_of(&machine, self.toy.now));
            }
        }
    }

    /// Launches an instance outside of any controller's knowledge, with the tags of this NodePool's instances.
    pub fn launch_stray(&self, node_pool: &str, client_token: &str) -> String {
        stray::launch(&self.region, node_pool, client_token)
    }

    /// An object as JSON.
    pub fn get(&self, kind: Kind, name: &str) -> Value {
        let found = self.toy.state.get(kind, &Key::cluster(name));
        found.map_or(Value::Null, |object| object.to_value().unwrap())
    }

    /// The status and reason of a condition: `True/Ready`.
    pub fn condition(&self, kind: Kind, name: &str, type_: &str) -> String {
        let object = self.get(kind, name);
        let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|condition| condition["type"] == type_);
        found.map_or_else(String::new, |condition| {
            format!(
                "{}/{}",
                condition["status"].as_str().unwrap_or_default(),
                condition["reason"].as_str().unwrap_or_default()
            )
        })
    }
}

/// An EC2NodeClass that finds what the stage's region has.
pub(crate) fn node_class(name: &str) -> Value {
    let discovery = json!([{"tags": {tags::DISCOVERY: CLUSTER}}]);
    json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": name},
        "spec": {
            "role": "stage-node",
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": discovery,
            "securityGroupSelectorTerms": discovery,
        },
    })
}

/// A NodePool of a class.
pub(crate) fn node_pool(name: &str, class: &str) -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": class},
            "requirements": [],
        }}},
    })
}

/// A NodeClaim of a pool and its class.
pub(crate) fn node_claim(name: &str, pool: &str, class: &str) -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": name, "labels": {"karpenter.sh/nodepool": pool}},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": class},
            "requirements": [],
        },
    })
}

/// The Node as the kubelet of a machine registers it.
pub(crate) fn node_of(machine: &Machine, _now: Timestamp) -> Value {
    let bootstrap = &machine.template.bootstrap;
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": machine.private_dns_name, "labels": bootstrap.labels},
        "spec": {"providerID": machine.provider_id().to_string(), "taints": bootstrap.taints},
        "status": {
            "capacity": {"cpu": "2", "memory": "8Gi", "pods": "29"},
            "allocatable": {"cpu": "1900m", "memory": "7Gi", "pods": "29"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

mod stray {
    use supercargo_cloud::{
        AllocationStrategy, FleetConfig, FleetOverride, FleetRequest, LaunchTemplateData,
        LaunchTemplateRequest, PurchaseOption,
    };

    use super::*;

    pub(super) fn launch(region: &Region, node_pool: &str, client_token: &str) -> String {
        let image = region.describe_images(&[]).outcome.unwrap().remove(0);
        let subnet = region.describe_subnets(&[]).outcome.unwrap().remove(0);
        let group = region.describe_security_groups(&[]).outcome.unwrap().remove(0);
        let all: Tags = tags::of_launch(CLUSTER, "default", Some(node_pool), None);
        let name = format!("stray-{client_token}");
        let template = LaunchTemplateRequest {
            name: name.clone(),
            data: LaunchTemplateData {
                image_id: image.id,
                security_group_ids: vec![group.id],
                ..LaunchTemplateData::default()
            },
            tags: all.clone(),
            dry_run: false,
        };
        region.create_launch_template(&template).outcome.unwrap();
        let fleet = FleetRequest {
            configs: vec![FleetConfig {
                launch_template: name,
                overrides: vec![FleetOverride {
                    instance_type: "m6i.large".to_owned(),
                    subnet_id: subnet.id,
                    zone: subnet.zone,
                    image_id: None,
                    priority: None,
                }],
            }],
            target_capacity: 1,
            purchase: PurchaseOption::OnDemand,
            strategy: AllocationStrategy::LowestPrice,
            instance_tags: all.clone(),
            fleet_tags: all,
            context: None,
            client_token: Some(client_token.to_owned()),
            dry_run: false,
        };
        let answer = region.create_fleet(&fleet).outcome.unwrap();
        answer.instance_ids().next().unwrap_or_else(|| panic!("{:?}", answer.errors)).to_owned()
    }
}
