//! What is paid for: nodes, volumes, load balancers, the control plane, traffic.

use std::sync::Arc;

use crate::facts::NodeFact;
use crate::interval::Interval;
use crate::money::Money;
use crate::prices::{NodeParts, PriceSource};
use crate::workload::sanitized_key;

/// A thing that costs money, over a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Id of the cluster.
    pub cluster: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Provider id; may be empty.
    pub provider_id: Arc<str>,
    /// From the first second to the last.
    pub span: Interval,
    /// Seconds it was there.
    pub seconds: u128,
    /// What it cost.
    pub cost: Money,
    /// Where the price comes from; the least trusted if there were several.
    pub source: PriceSource,
    /// What it is.
    pub kind: AssetKind,
}

/// What an asset is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssetKind {
    /// A node.
    Node(Box<NodeAsset>),
    /// A persistent volume.
    Disk(Box<DiskAsset>),
    /// A load balancer.
    LoadBalancer {
        /// Address.
        address: Arc<str>,
        /// Whether it is not reachable from the internet.
        private: bool,
    },
    /// The control plane.
    ClusterManagement,
    /// Traffic of a node's containers.
    Network,
}

/// A node as an asset. Integrals are in the units of the facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeAsset {
    /// The node as it was last.
    pub fact: NodeFact,
    /// Cores times time.
    pub cpu: u128,
    /// Memory times time.
    pub ram: u128,
    /// GPUs times time.
    pub gpu: u128,
    /// Cores not left to pods, times time.
    pub cpu_reserved: u128,
    /// Memory not left to pods, times time.
    pub ram_reserved: u128,
    /// Cores used by containers outside `kube-system`, times time.
    pub cpu_used: u128,
    /// Memory used by containers outside `kube-system`, times time.
    pub ram_used: u128,
    /// Cores used by containers of `kube-system`, times time.
    pub cpu_used_by_system: u128,
    /// Memory used by containers of `kube-system`, times time.
    pub ram_used_by_system: u128,
    /// Seconds as a spot instance.
    pub spot_seconds: u128,
    /// What its cost is for.
    pub parts: NodeParts,
    /// Of its cost, what containers carry.
    pub allocated: NodeParts,
    /// Of what containers carry, the part of DaemonSets: they come with every node.
    pub daemonsets: NodeParts,
    /// Of its cost, what is kept for the system.
    pub overhead: NodeParts,
    /// What containers would cost more, had the node been as big as what they used at once.
    pub overcommit: NodeParts,
}

impl NodeAsset {
    /// Of its cost, what nobody carries.
    pub fn idle(&self) -> NodeParts {
        let rest = |all: Money, allocated: Money, overhead: Money| all - allocated - overhead;
        NodeParts {
            cpu: rest(self.parts.cpu, self.allocated.cpu, self.overhead.cpu),
            ram: rest(self.parts.ram, self.allocated.ram, self.overhead.ram),
            gpu: rest(self.parts.gpu, self.allocated.gpu, self.overhead.gpu),
        }
    }

    fn add(&mut self, other: &NodeAsset) {
        for (mine, theirs) in [
            (&mut self.cpu, other.cpu),
            (&mut self.ram, other.ram),
            (&mut self.gpu, other.gpu),
            (&mut self.cpu_reserved, other.cpu_reserved),
            (&mut self.ram_reserved, other.ram_reserved),
            (&mut self.cpu_used, other.cpu_used),
            (&mut self.ram_used, other.ram_used),
            (&mut self.cpu_used_by_system, other.cpu_used_by_system),
            (&mut self.ram_used_by_system, other.ram_used_by_system),
            (&mut self.spot_seconds, other.spot_seconds),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.parts.add(other.parts);
        self.allocated.add(other.allocated);
        self.daemonsets.add(other.daemonsets);
        self.overhead.add(other.overhead);
        self.overcommit.add(other.overcommit);
        if other.fact.interval >= self.fact.interval {
            self.fact = other.fact.clone();
        }
    }
}

/// A volume as an asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskAsset {
    /// Name of the StorageClass.
    pub storage_class: Arc<str>,
    /// Namespace of its claim.
    pub claim_namespace: Arc<str>,
    /// Name of its claim.
    pub claim: Arc<str>,
    /// Size times time.
    pub byte_seconds: u128,
    /// Bytes in use times time; none if nobody measured.
    pub used_byte_seconds: Option<u128>,
    /// The most bytes in use at once.
    pub used_peak: u64,
}

impl Asset {
    /// The word of the API for what it is.
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            AssetKind::Node(_) => "Node",
            AssetKind::Disk(_) => "Disk",
            AssetKind::LoadBalancer { .. } => "LoadBalancer",
            AssetKind::ClusterManagement => "ClusterManagement",
            AssetKind::Network => "Network",
        }
    }

    /// The category of the API.
    pub const fn category(&self) -> &'static str {
        match self.kind {
            AssetKind::Node(_) => "Compute",
            AssetKind::Disk(_) => "Storage",
            AssetKind::LoadBalancer { .. } | AssetKind::Network => "Network",
            AssetKind::ClusterManagement => "Management",
        }
    }

    /// What is known of its labels: key and value.
    pub fn labels(&self) -> Vec<(&'static str, &str)> {
        let AssetKind::Node(node) = &self.kind else { return Vec::new() };
        let fact = &node.fact;
        let capacity_type = match (fact.instance_type.is_empty(), fact.spot) {
            // a node that nobody has seen
            (true, _) => "",
            (false, true) => "spot",
            (false, false) => "on-demand",
        };
        let pairs: [(&'static str, &str); 6] = [
            ("kubernetes.io/arch", &fact.arch),
            ("karpenter.sh/capacity-type", capacity_type),
            ("karpenter.sh/nodepool", &fact.pool),
            ("node.kubernetes.io/instance-type", &fact.instance_type),
            ("topology.kubernetes.io/region", &fact.region),
            ("topology.kubernetes.io/zone", &fact.zone),
        ];
        pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// A label's value; the key as it is, or as Prometheus spells it, with `label_` before it or not.
    pub fn label(&self, key: &str) -> Option<&str> {
        let asked = sanitized_key(key);
        let asked = asked.strip_prefix("label_").unwrap_or(&asked);
        self.labels().into_iter().find(|(known, _)| sanitized_key(known) == asked).map(|(_, value)| value)
    }

    /// What two assets have in common that are one over time.
    pub fn identity(&self) -> (&'static str, Arc<str>, Arc<str>, Arc<str>) {
        (self.type_name(), Arc::clone(&self.cluster), Arc::clone(&self.name), Arc::clone(&self.provider_id))
    }

    /// Adds the same asset of another stretch of time.
    pub fn add(&mut self, other: &Asset) {
        self.span = self.span.hull(other.span);
        self.seconds = self.seconds.saturating_add(other.seconds);
        self.cost += other.cost;
        self.source = self.source.max(other.source);
        match (&mut self.kind, &other.kind) {
            (AssetKind::Node(mine), AssetKind::Node(theirs)) => mine.add(theirs),
            (AssetKind::Disk(mine), AssetKind::Disk(theirs)) => {
                mine.byte_seconds = mine.byte_seconds.saturating_add(theirs.byte_seconds);
                mine.used_byte_seconds = match (mine.used_byte_seconds, theirs.used_byte_seconds) {
                    (None, None) => None,
                    (one, two) => Some(one.unwrap_or(0).saturating_add(two.unwrap_or(0))),
                };
                mine.used_peak = mine.used_peak.max(theirs.used_peak);
            }
            _ => {}
        }
    }
}
