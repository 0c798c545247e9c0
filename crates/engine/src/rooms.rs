//! Rooms: nodes that exist, and NodeClaims in flight, with what is still free on each.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};
use rustc_hash::FxHashMap;
use supercargo_api::NodeClaim;
use supercargo_api::labels;
use supercargo_api::objects::Objects;
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::Resources;
use supercargo_api::taint;

use crate::amounts::{Amounts, PLENTY, ResourceNames, VOLUME_PREFIX};
use crate::class::{HostPort, NodeRules, PodClass};
use crate::in_flight::room_of_claim;
use crate::market::Market;
use crate::pools::{Daemon, Pool};
use crate::volumes::EBS_DRIVER;

/// A place for pods that is paid for already.
#[derive(Clone, Debug)]
pub struct Room {
    /// Name of the node, or of the NodeClaim where the node is not there yet.
    pub name: String,
    /// Index of the node among the input's nodes.
    pub node: Option<u32>,
    /// Index of the NodeClaim among the input's NodeClaims.
    pub claim: Option<u32>,
    /// Labels, hostname included.
    pub labels: BTreeMap<String, String>,
    /// Labels that it will have, but with which of these values is not decided yet; `None` for going without.
    pub undecided: BTreeMap<String, BTreeSet<Option<String>>>,
    /// Taints that count: those that go away by themselves while a node starts are left out.
    pub taints: Vec<Taint>,
    /// Index of its NodePool.
    pub pool: Option<u32>,
    /// Registered and initialised, or not ours to wait for.
    pub initialized: bool,
    /// Only a NodeClaim so far.
    pub in_flight: bool,
    /// Going away, so nothing new may land here.
    pub leaving: bool,
    /// Deleted, so that limits count it no more; what is only marked to go away may stay yet.
    pub deleted: bool,
    /// Cordoned without the taint that says so.
    pub cordoned: bool,
    /// As reported, or the most it may turn out to have: what counts against limits.
    pub capacity: Resources,
    /// As reported, or the least it may turn out to have: what pods can count on.
    pub allocatable: Resources,
    /// Attachable volumes by CSI driver.
    pub attachable: BTreeMap<String, i64>,
    /// What pods may still take. Negative where a node is overdrawn.
    pub free: Amounts,
    /// Host ports in use.
    pub host_ports: Vec<HostPort>,
    /// What running DaemonSet pods take.
    pub daemons_running: Amounts,
}

/// What the DaemonSet controller adds to every daemon pod.
pub fn daemon_tolerations() -> Vec<Toleration> {
    let keys = [
        ("node.kubernetes.io/not-ready", "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ];
    let toleration = |(key, effect): (&str, &str)| Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some(effect.to_owned()),
        ..Toleration::default()
    };
    keys.into_iter().map(toleration).collect()
}

/// All nodes, then all NodeClaims without one, initialised first, each group by name.
pub fn rooms(objects: &Objects, pools: &[Pool], market: &Market) -> Vec<Room> {
    let pool_index: BTreeMap<&str, u32> =
        pools.iter().enumerate().map(|(index, pool)| (pool.name.as_str(), index as u32)).collect();
    let mut claim_by_node: FxHashMap<&str, (u32, &NodeClaim)> = FxHashMap::default();
    let mut claim_by_provider: FxHashMap<&str, (u32, &NodeClaim)> = FxHashMap::default();
    for (index, claim) in objects.node_claims.iter().enumerate() {
        let Some(status) = &claim.status else { continue };
        if let Some(node) = &status.node_name {
            claim_by_node.insert(node, (index as u32, claim));
        }
        if let Some(provider) = &status.provider_id {
            claim_by_provider.insert(provider, (index as u32, claim));
        }
    }
    let attachable: FxHashMap<&str, BTreeMap<String, i64>> = objects
        .csi_nodes
        .iter()
        .filter_map(|csi_node| {
            let drivers = csi_node.spec.drivers.iter().filter_map(|driver| {
                let count = driver.allocatable.as_ref()?.count?;
                Some((driver.name.clone(), i64::from(count)))
            });
            Some((csi_node.metadata.name.as_deref()?, drivers.collect()))
        })
        .collect();
    let mut joined: FxHashMap<&str, ()> = FxHashMap::default();
    let mut all = Vec::new();
    for (index, node) in objects.nodes.iter().enumerate() {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let provider = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
        let claim = claim_by_node
            .get(name)
            .or_else(|| provider.and_then(|provider| claim_by_provider.get(provider)))
            .copied();
        if let Some(claim_name) = claim.and_then(|(_, claim)| claim.metadata.name.as_deref()) {
            joined.insert(claim_name, ());
        }
        let mut room = room_of_node(node, claim.map(|(_, claim)| claim), &pool_index);
        room.node = Some(index as u32);
        room.claim = claim.map(|(claim, _)| claim);
        match attachable.get(name) {
            Some(counts) => room.attachable.clone_from(counts),
            None => room.expect_attachments(pools),
        }
        all.push(room);
    }
    for (index, claim) in objects.node_claims.iter().enumerate() {
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        if !joined.contains_key(name) {
            let mut room = room_of_claim(claim, pools, &pool_index, market);
            room.claim = Some(index as u32);
            room.expect_attachments(pools);
            all.push(room);
        }
    }
    all.sort_by(|left, right| {
        right.initialized.cmp(&left.initialized).then_with(|| left.name.cmp(&right.name))
    });
    all
}

fn room_of_node(node: &Node, claim: Option<&NodeClaim>, pools: &BTreeMap<&str, u32>) -> Room {
    let name = node.metadata.name.clone().unwrap_or_default();
    let mut node_labels = node.metadata.labels.clone().unwrap_or_default();
    node_labels.entry(labels::HOSTNAME.to_owned()).or_insert_with(|| name.clone());
    let mut taints = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let is_true =
        |key: &str, labels: &BTreeMap<String, String>| labels.get(key).is_some_and(|value| value == "true");
    if let Some(claim) = claim
        && !is_true(labels::REGISTERED, &node_labels)
    {
        // Labels and taints come with registration; the claim has them already.
        let claimed = claim.metadata.labels.iter().flatten();
        node_labels.extend(claimed.map(|(key, value)| (key.clone(), value.clone())));
        let missing = claim.spec.taints().iter().filter(|taint| !taints.contains(taint));
        taints.extend(missing.cloned().collect::<Vec<_>>());
    }
    let managed = claim.is_some() || node_labels.contains_key(labels::NODEPOOL);
    let initialized = !managed || is_true(labels::INITIALIZED, &node_labels);
    let status = node.status.as_ref();
    let mut capacity = named(status.and_then(|status| status.capacity.as_ref()));
    let mut allocatable = named(status.and_then(|status| status.allocatable.as_ref()));
    if !initialized {
        taints.retain(|taint| !taint::is_known_ephemeral(taint));
    }
    if let Some(claim) = claim
        && !initialized
    {
        let claim_status = claim.status.as_ref();
        let claimed = |list: Option<&supercargo_api::ResourceList>| named(list.map(|list| &**list));
        capacity = filled(capacity, &claimed(claim_status.and_then(|status| status.capacity.as_ref())));
        allocatable =
            filled(allocatable, &claimed(claim_status.and_then(|status| status.allocatable.as_ref())));
        let startup = claim.spec.startup_taints();
        taints.retain(|taint| {
            !startup.iter().any(|other| other.key == taint.key && other.effect == taint.effect)
        });
    }
    let disrupted = taints.iter().any(|taint| taint.key == labels::DISRUPTED_TAINT);
    let claim_deleted = claim.is_some_and(|claim| claim.metadata.deletion_timestamp.is_some());
    let deleted = claim_deleted || node.metadata.deletion_timestamp.is_some();
    let unschedulable = node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
    Room {
        pool: node_labels.get(labels::NODEPOOL).and_then(|name| pools.get(name.as_str())).copied(),
        initialized,
        in_flight: false,
        leaving: disrupted || deleted,
        deleted,
        cordoned: unschedulable,
        name,
        node: None,
        claim: None,
        labels: node_labels,
        undecided: BTreeMap::new(),
        taints,
        capacity,
        allocatable,
        attachable: BTreeMap::new(),
        free: Amounts::ZERO,
        host_ports: Vec::new(),
        daemons_running: Amounts::ZERO,
    }
}

pub(crate) fn named(
    quantities: Option<&BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>,
) -> Resources {
    quantities.and_then(|map| Resources::from_quantities(map).ok()).unwrap_or_default()
}

/// Zero and absent values are taken from the second.
fn filled(mut first: Resources, second: &Resources) -> Resources {
    for (name, amount) in second.iter() {
        if first.get(name) == 0 {
            first.set(name, amount);
        }
    }
    first
}

impl Room {
    /// Starts counting: everything allocatable is free.
    pub fn measure(&mut self, names: &ResourceNames) {
        self.free = names.amounts(&self.allocatable);
        for place in 0..names.len() {
            if let Some(driver) = names.name(place).strip_prefix(VOLUME_PREFIX) {
                // Neither a CSINode nor a known type means no known limit.
                self.free[place] = self.attachable.get(driver).copied().unwrap_or(PLENTY);
            }
        }
    }

    /// Without a CSINode, a node takes as many volumes as its type does, if that is known.
    fn expect_attachments(&mut self, pools: &[Pool]) {
        let table = self.pool.and_then(|pool| pools[pool as usize].table.as_ref());
        let Some((table, name)) = table.zip(self.labels.get(labels::INSTANCE_TYPE)) else { return };
        if let Ok(index) = table.types.binary_search_by(|known| known.name.cmp(name)) {
            let count = i64::from(table.types[index].volume_attachments);
            self.attachable.insert(EBS_DRIVER.to_owned(), count);
        }
    }

    /// Counts a pod that runs here.
    pub fn hold(&mut self, class: &PodClass, daemon: bool) {
        self.free.subtract(&class.requests);
        self.host_ports.extend(class.host_ports.iter().cloned());
        if daemon {
            self.daemons_running.add(&class.requests);
        }
    }

    /// Keeps room and host ports for DaemonSet pods that are expected but not here yet (reference section 2.9).
    pub fn reserve_daemons(&mut self, daemons: &[Daemon]) {
        let mut expected = Amounts::ZERO;
        for daemon in daemons {
            if self.admits(&daemon.rules)
                && taint::first_untolerated(&self.taints, &daemon.rules.tolerations, false).is_none()
            {
                expected.add(&daemon.requests);
                // A port that is in use is in use by the daemon itself.
                let free = |port: &&HostPort| !self.host_ports.iter().any(|used| port.conflicts(used));
                let missing: Vec<HostPort> = daemon.host_ports.iter().filter(free).cloned().collect();
                self.host_ports.extend(missing);
            }
        }
        let missing = expected.minus(&self.daemons_running).at_least(&Amounts::ZERO);
        self.free.subtract(&missing);
    }

    /// Whether the node's labels satisfy one alternative of the rules.
    pub fn admits(&self, rules: &NodeRules) -> bool {
        rules.alternatives.iter().any(|requirements| self.satisfies(requirements))
    }

    /// Whether the node's labels satisfy all requirements, however what is undecided turns out.
    pub fn satisfies(&self, requirements: &Requirements) -> bool {
        requirements.iter().all(|requirement| match self.labels.get(requirement.key.as_str()) {
            Some(value) => requirement.has(value),
            None => {
                let suits =
                    |value: &Option<String>| value.as_ref().is_none_or(|value| requirement.has(value));
                requirement.allows_absent()
                    && self
                        .undecided
                        .get(requirement.key.as_str())
                        .is_none_or(|values| values.iter().all(suits))
            }
        })
    }
}
