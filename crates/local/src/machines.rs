//! The machines of a simulated region as hosts of kubelets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_api::EC2NodeClass;
use supercargo_api::labels::{ARCH, HOSTNAME, INSTANCE_TYPE, OS, REGION, ZONE, ZONE_ID};
use supercargo_catalog::{CapacitySettings, Catalog, InstanceType, NodeClassModel};
use supercargo_cloud::{InstanceState, LaunchTemplateData, ProviderId};
use supercargo_cloud_sim::{Machine, MachineFault, Region};

use crate::controllers::Instances;
use crate::kubelet::{Host, HostSource, HostState};

/// A region is asked at least this often, since others launch machines in it.
const PERIOD: Duration = Duration::from_secs(2);

/// The machines of a region.
pub struct RegionMachines {
    region: Region,
    version: u64,
    /// Names of nodes by instance, for those that were told of.
    told: BTreeMap<String, String>,
    down: BTreeSet<String>,
}

impl RegionMachines {
    /// All machines of a region, from its beginning.
    pub fn new(region: Region) -> Self {
        Self { region, version: 0, told: BTreeMap::new(), down: BTreeSet::new() }
    }

    fn news(&mut self, machine: &Machine) -> Option<HostState> {
        let id = &machine.instance_id;
        if is_alive(machine) {
            let boots_at = machine.boots_at?;
            if self.told.contains_key(id) {
                return None;
            }
            self.told.insert(id.clone(), machine.private_dns_name.clone());
            return Some(HostState::Up(Box::new(host(machine, self.region.name(), boots_at))));
        }
        let name = self.told.get(id)?.clone();
        self.down.insert(id.clone()).then_some(HostState::Down(name))
    }
}

impl HostSource for RegionMachines {
    fn poll(&mut self, _: Timestamp) -> Vec<HostState> {
        let changes = self.region.machine_changes(self.version);
        self.version = changes.version;
        let mut news: Vec<HostState> =
            changes.machines.iter().filter_map(|machine| self.news(machine)).collect();
        for id in changes.forgotten {
            let name = self.told.remove(&id);
            if !self.down.remove(&id) {
                news.extend(name.map(HostState::Down));
            }
        }
        news
    }

    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let regular = now.checked_add(PERIOD).unwrap_or(Timestamp::MAX);
        Some(
            self.region
                .next_change()
                .filter(|change| *change > now)
                .map_or(regular, |change| change.min(regular)),
        )
    }
}

/// Which instances a region has, for the controller that deletes nodes without one.
pub struct RegionInstances(pub Region);

impl Instances for RegionInstances {
    fn is_gone(&self, provider_id: &str) -> Option<bool> {
        let id: ProviderId = provider_id.parse().ok()?;
        let machine = self.0.machine(&id.instance_id);
        Some(machine.is_none_or(|machine| machine.state == InstanceState::Terminated))
    }
}

fn is_alive(machine: &Machine) -> bool {
    let runs = matches!(machine.state, InstanceState::Pending | InstanceState::Running);
    let silent = matches!(
        machine.fault,
        Some(MachineFault::NeverBoots | MachineFault::KubeletDead { .. } | MachineFault::HostImpaired { .. })
    );
    runs && !silent
}

fn host(machine: &Machine, region: &str, boots_at: Timestamp) -> Host {
    let bootstrap = &machine.template.bootstrap;
    let model = model_of(&machine.template);
    let resolved = Catalog::embedded().instance_type(region, &machine.instance_type, &model);
    let (mut capacity, mut allocatable, limit) = match resolved {
        Some(InstanceType { capacity, allocatable, volume_attachments, .. }) => {
            (capacity, allocatable, i32::try_from(volume_attachments).ok())
        }
        None => Default::default(),
    };
    // devices of plugins that nobody installed are not there; what is zero is not said
    for resources in [&mut capacity, &mut allocatable] {
        let zero: Vec<String> =
            resources.iter().filter(|(_, amount)| *amount == 0).map(|(name, _)| name.to_owned()).collect();
        for name in zero {
            resources.remove(&name);
        }
    }
    let mut labels = bootstrap.labels.clone();
    let architecture = machine.architecture.as_str();
    for (key, value) in [
        (INSTANCE_TYPE, machine.instance_type.as_str()),
        (ZONE, &machine.zone),
        (REGION, region),
        (ZONE_ID, &machine.zone_id),
        (ARCH, architecture),
        (OS, "linux"),
        (HOSTNAME, &machine.private_dns_name),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    Host {
        name: machine.private_dns_name.clone(),
        provider_id: Some(machine.provider_id().to_string()),
        labels,
        taints: bootstrap.taints.clone(),
        capacity,
        allocatable,
        address: machine.private_ip.to_string(),
        kubelet_version: format!("v{}.0-eks", machine.image.kubernetes_version),
        volume_limit: limit,
        boots_at,
    }
}

/// What the launch template says about capacity.
fn model_of(template: &LaunchTemplateData) -> NodeClassModel {
    let bootstrap = &template.bootstrap;
    let plain = NodeClassModel::new(bootstrap.family);
    let mut kubelet = Value::Object(bootstrap.kubelet.clone());
    if let Some(pods) = bootstrap.max_pods {
        kubelet["maxPods"] = json!(pods);
    }
    let class = json!({
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": "template"},
        "spec": {
            "amiFamily": bootstrap.family,
            "amiSelectorTerms": [],
            "subnetSelectorTerms": [],
            "securityGroupSelectorTerms": [],
            "kubelet": kubelet,
            "blockDeviceMappings": template.block_devices,
            "networkInterfaces": template.network_interfaces,
            "instanceStorePolicy": bootstrap.instance_store_raid0.then_some("RAID0"),
        },
    });
    let Ok(class) = serde_json::from_value::<EC2NodeClass>(class) else { return plain };
    NodeClassModel::from_ec2nodeclass(&class, CapacitySettings::default()).unwrap_or(plain)
}
