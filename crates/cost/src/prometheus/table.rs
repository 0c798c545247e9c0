//! All that series say about an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::prometheus::counters::Points;
use crate::prometheus::grid::{Grid, STEPS};
use crate::prometheus::told::Told;
use crate::workload::Labels;

/// Namespace and name.
pub(super) type Name = (Arc<str>, Arc<str>);

/// Kind, namespace and name of what has an owner.
pub(super) type OwnedName = (&'static str, Arc<str>, Arc<str>);

/// Kind and name of an owner.
pub(super) type Owner = (Arc<str>, Arc<str>);

/// An amount that series tell of a container or node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Amounts {
    CpuRequest,
    RamRequest,
    GpuRequest,
    CpuLimit,
    RamLimit,
    /// The greater of request and use, as OpenCost exports it.
    CpuAllocation,
    RamAllocation,
    GpuAllocation,
    CpuCapacity,
    RamCapacity,
    GpuCapacity,
    CpuAllocatable,
    RamAllocatable,
    GpuAllocatable,
}

pub(super) type AmountPoints = BTreeMap<Amounts, Points>;

/// A pod of one uid; the uid may be unknown.
#[derive(Debug, Default)]
pub(super) struct PodSeries {
    /// When it was bound to a node and told of.
    pub present: u64,
    /// When it had ended.
    pub ended: u64,
    /// Node and address.
    pub place: Told<(Arc<str>, Arc<str>)>,
    pub owner: Told<(Arc<str>, Arc<str>)>,
    pub labels: Told<Labels>,
    pub annotations: Told<Labels>,
    /// Seconds at which it was bound, was begun by the kubelet, was made.
    pub begun: [Option<i64>; 3],
    pub completed: Option<i64>,
    pub claims: BTreeSet<Arc<str>>,
    /// Containers that have a row, if that is told.
    pub listed: BTreeSet<Arc<str>>,
    /// Containers that begin a pod, which have a row only if they are listed.
    pub init: BTreeSet<Arc<str>>,
    pub containers: BTreeMap<Arc<str>, AmountPoints>,
}

/// What the containers of pods of one name used.
#[derive(Debug, Default)]
pub(super) struct UseSeries {
    /// Node, as far as usage tells.
    pub node: Told<Arc<str>>,
    /// By container and cgroup: seconds of cores.
    pub cpu: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Points>>,
    /// By container: bytes.
    pub ram: BTreeMap<Arc<str>, Points>,
    /// By container and device: share of the time that it worked.
    pub gpu: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Points>>,
    /// By class and interface: bytes.
    pub traffic: BTreeMap<(Traffic, Arc<str>), Points>,
}

/// A counter of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Traffic {
    Sent,
    Received,
    Zone,
    Region,
    Internet,
}

#[derive(Debug, Default)]
pub(super) struct NodeSeries {
    /// When kube-state-metrics told of it.
    pub present: u64,
    /// When others did, at every step.
    pub mentioned: u64,
    /// When slow series did.
    pub rumoured: u64,
    /// Provider id and address.
    pub identity: Told<(Arc<str>, Arc<str>)>,
    pub labels: Told<Labels>,
    /// What other exporters say, as labels of the node.
    pub known: Told<Labels>,
    pub amounts: AmountPoints,
    pub created: Option<i64>,
}

/// A machine as node_exporter or cAdvisor knows it, by its address or name.
#[derive(Debug, Default)]
pub(super) struct MachineSeries {
    pub cores: BTreeSet<Arc<str>>,
    pub core_count: Points,
    pub ram_bytes: Points,
}

#[derive(Debug, Default)]
pub(super) struct VolumeSeries {
    pub present: u64,
    pub bytes: Points,
    /// StorageClass and handle.
    pub info: Told<(Arc<str>, Arc<str>)>,
    pub claim: Told<Name>,
    pub created: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct ServiceSeries {
    pub address: Told<Arc<str>>,
    pub present: u64,
    pub selector: Told<Labels>,
    /// Addresses of its endpoints, and when they were there.
    pub endpoints: BTreeMap<Arc<str>, u64>,
    pub created: Option<i64>,
}

/// All that series say about an hour. Taking the same series again changes nothing, and neither does the order.
#[derive(Debug)]
pub(crate) struct HourTable {
    pub(super) grid: Grid,
    pub(super) pods: BTreeMap<Name, BTreeMap<Arc<str>, PodSeries>>,
    pub(super) uses: BTreeMap<Name, UseSeries>,
    pub(super) nodes: BTreeMap<Arc<str>, NodeSeries>,
    pub(super) machines: BTreeMap<Arc<str>, MachineSeries>,
    pub(super) namespaces: BTreeMap<Arc<str>, (Told<Labels>, Told<Labels>)>,
    /// Kind, namespace and name of an owner; kind and name of its own.
    pub(super) owners: BTreeMap<OwnedName, Told<Owner>>,
    pub(super) volumes: BTreeMap<Arc<str>, VolumeSeries>,
    pub(super) claim_use: BTreeMap<Name, Points>,
    pub(super) services: BTreeMap<Name, ServiceSeries>,
}

impl HourTable {
    /// An hour of which nothing is known yet.
    pub fn new(grid: Grid) -> HourTable {
        HourTable {
            grid,
            pods: BTreeMap::new(),
            uses: BTreeMap::new(),
            nodes: BTreeMap::new(),
            machines: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            owners: BTreeMap::new(),
            volumes: BTreeMap::new(),
            claim_use: BTreeMap::new(),
            services: BTreeMap::new(),
        }
    }

    /// Moments at which anything of the cluster was told, by series that are read at every step.
    pub fn seen(&self) -> u64 {
        let pods = self.pods.values().flat_map(BTreeMap::values).map(|pod| pod.present | pod.ended);
        let nodes = self.nodes.values().map(|node| node.present | node.mentioned);
        let known = pods.chain(nodes).fold(0, |all, set| all | set);
        let all = if known & STEPS == 0 {
            // without kube-state-metrics the containers' own figures tell what there is
            self.uses
                .values()
                .flat_map(|each| each.ram.values())
                .fold(known, |all, points| all | points.set())
        } else {
            known
        };
        all & STEPS & self.all_steps()
    }

    /// All moments but the first.
    pub fn all_steps(&self) -> u64 {
        ((1u64 << self.grid.last()) << 1).wrapping_sub(1) & STEPS
    }
}
