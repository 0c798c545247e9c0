//! A cluster in the making, and the plan for it.

use std::collections::BTreeMap;

use serde_json::Value;
use supercargo_api::objects::Objects;
use supercargo_catalog::{InstanceType, Placement};
use supercargo_engine::invariants::check;
use supercargo_engine::market::Market;
use supercargo_engine::plan::Plan;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{MinValuesPolicy, PreferencePolicy, SolveOptions, solve};

use super::catalogue::InstanceTypeBuilder;
use super::manifests::Manifest;

/// Objects, a catalogue and settings.
#[derive(Clone, Default)]
pub struct Cluster {
    objects: Objects,
    types: BTreeMap<String, Vec<InstanceType>>,
    placements: BTreeMap<String, Placement>,
    snapshot_options: SnapshotOptions,
    options: SolveOptions,
}

impl Cluster {
    /// A cluster whose NodeClass `default` offers these types.
    pub fn new(types: &[InstanceTypeBuilder]) -> Cluster {
        Cluster::default().node_class("default", types)
    }

    /// A cluster whose NodeClass `default` offers a real list of types.
    pub fn of(types: Vec<InstanceType>) -> Cluster {
        let mut cluster = Cluster::default();
        cluster.types.insert("default".to_owned(), types);
        cluster
    }

    /// Nodes of the NodeClass `default` are launched into this placement group.
    pub fn placed(mut self, placement: Placement) -> Self {
        self.placements.insert("default".to_owned(), placement);
        self
    }

    /// Another NodeClass.
    pub fn node_class(mut self, name: &str, types: &[InstanceTypeBuilder]) -> Self {
        self.types.insert(name.to_owned(), types.iter().map(InstanceTypeBuilder::build).collect());
        self
    }

    /// Adds an object of the kind it says it is.
    pub fn object(mut self, kind: &str, object: &Manifest) -> Self {
        let objects = &mut self.objects;
        match kind {
            "Pod" => objects.pods.push(object.build()),
            "Node" => objects.nodes.push(object.build()),
            "NodeClaim" => objects.node_claims.push(object.build()),
            "NodePool" => objects.node_pools.push(object.build()),
            "EC2NodeClass" => objects.node_classes.push(object.build()),
            "NodeOverlay" => objects.node_overlays.push(object.build()),
            "CapacityBuffer" => objects.capacity_buffers.push(object.build()),
            "PodTemplate" => objects.pod_templates.push(object.build()),
            "Deployment" => objects.deployments.push(object.build()),
            "ReplicaSet" => objects.replica_sets.push(object.build()),
            "StatefulSet" => objects.stateful_sets.push(object.build()),
            "DaemonSet" => objects.daemon_sets.push(object.build()),
            "PersistentVolume" => objects.persistent_volumes.push(object.build()),
            "PersistentVolumeClaim" => objects.persistent_volume_claims.push(object.build()),
            "StorageClass" => objects.storage_classes.push(object.build()),
            "CSINode" => objects.csi_nodes.push(object.build()),
            "PodDisruptionBudget" => objects.pod_disruption_budgets.push(object.build()),
            "PriorityClass" => objects.priority_classes.push(object.build()),
            "Namespace" => objects.namespaces.push(object.build()),
            unknown => panic!("no list for {unknown}"),
        }
        self
    }

    /// Adds an object written as JSON.
    pub fn json(self, kind: &str, object: Value) -> Self {
        self.object(kind, &Manifest(object))
    }

    /// Adds a NodePool.
    pub fn pool(self, pool: Manifest) -> Self {
        self.object("NodePool", &pool)
    }

    /// Adds a pod.
    pub fn pod(self, pod: Manifest) -> Self {
        self.object("Pod", &pod)
    }

    /// Adds pods.
    pub fn pods(self, pods: impl IntoIterator<Item = Manifest>) -> Self {
        pods.into_iter().fold(self, Cluster::pod)
    }

    /// Adds a node.
    pub fn node(self, node: Manifest) -> Self {
        self.object("Node", &node)
    }

    /// Adds a NodeClaim.
    pub fn claim(self, claim: Manifest) -> Self {
        self.object("NodeClaim", &claim)
    }

    /// Preferences are left aside.
    pub fn ignoring_preferences(mut self) -> Self {
        self.options.preferences = PreferencePolicy::Ignore;
        self
    }

    /// `minValues` is kept as far as can be.
    pub fn best_effort(mut self) -> Self {
        self.options.min_values = MinValuesPolicy::BestEffort;
        self
    }

    /// All pods are planned from scratch.
    pub fn planned_from_scratch(mut self) -> Self {
        self.snapshot_options.all_pods = true;
        self
    }

    /// Its objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The cluster as the engine sees it.
    ///
    /// # Panics
    /// When the catalogue has too many offering keys: the test is wrong.
    pub fn snapshot(&self) -> Snapshot {
        let types = self.types.iter().map(|(name, types)| (name.clone(), types.clone()));
        let market = Market::compile(types).expect("few offering keys");
        let placements = self.placements.clone().into_iter();
        let market = placements.fold(market, |market, (class, group)| market.placed(&class, group));
        Snapshot::build(&self.objects, &market, &self.snapshot_options)
    }

    /// The plan, with the invariants of every plan checked.
    ///
    /// # Panics
    /// When one of them does not hold.
    pub fn plan(&self) -> Plan {
        let snapshot = self.snapshot();
        let outcome = solve(&snapshot, self.options);
        let violations = check(&snapshot, &outcome);
        assert!(violations.is_empty(), "{violations:#?}");
        Plan::new(&snapshot, &outcome, self.options)
    }
}
