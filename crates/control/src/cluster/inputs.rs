//! What a decision about the cluster is made from: shared objects, cheap to take, turned into the engine's words by who
//! computes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, PodTemplate};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use supercargo_api::labels::keys;
use supercargo_api::{
    CapacityBuffer, EC2NodeClass, NodeClaim, NodeOverlay, NodePool, Objects, Pod, condition_types,
    find_condition, is_true,
};
use supercargo_engine::market::Market;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_reconcile::{Key, State, Store, node_of};

use super::Assignments;
use super::crowded::crowded;
use super::live::{holds_a_node, is_leaving, is_managed, is_provisionable, with_plain_readiness};
use super::overdue::{Overdue, avoided, not_counted_on, overdue};
use crate::knowledge::Knowledge;

/// How long after its node is ready a pod counts as going where it was planned: the scheduler looks again at pods that it
/// found no node for within this time.
const CHANCE: SignedDuration = SignedDuration::from_secs(20);

/// A pod, and the room it counts as being in instead of where it is.
#[derive(Clone, Debug)]
struct SeenPod {
    pod: Arc<Pod>,
    room: Option<String>,
}

/// Shared objects of the cluster at one moment.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The moment.
    pub now: Timestamp,
    pods: Vec<SeenPod>,
    waiting: usize,
    nodes: Vec<Arc<Node>>,
    claims: Vec<Arc<NodeClaim>>,
    /// Claims among them that nobody counts on any more.
    overdue: Overdue,
    pools: Vec<Arc<NodePool>>,
    classes: Vec<Arc<EC2NodeClass>>,
    overlays: Vec<Arc<NodeOverlay>>,
    buffers: Vec<Arc<CapacityBuffer>>,
    pod_templates: Vec<Arc<PodTemplate>>,
    deployments: Vec<Arc<Deployment>>,
    replica_sets: Vec<Arc<ReplicaSet>>,
    stateful_sets: Vec<Arc<StatefulSet>>,
    daemon_sets: Vec<Arc<DaemonSet>>,
    volumes: Vec<Arc<PersistentVolume>>,
    volume_claims: Vec<Arc<PersistentVolumeClaim>>,
    storage_classes: Vec<Arc<StorageClass>>,
    csi_nodes: Vec<Arc<CSINode>>,
    budgets: Vec<Arc<PodDisruptionBudget>>,
    priority_classes: Vec<Arc<PriorityClass>>,
    namespaces: Vec<Arc<Namespace>>,
    dedicated: bool,
    knowledge: Arc<Knowledge>,
}

/// What there is now. Costs a walk over the pods, no copies.
pub fn inputs(state: &State, knowledge: &Arc<Knowledge>, now: Timestamp) -> Inputs {
    let gates = &knowledge.settings.gates;
    let overdue = overdue(state, now);
    let (pods, waiting) = seen_pods(state, &knowledge.assignments(), &overdue, now);
    let pools: Vec<Arc<NodePool>> =
        state.node_pools.values().filter(|pool| is_managed(pool)).cloned().collect();
    // only a buffer needs the shape and size of workloads
    let has_buffers = gates.capacity_buffer && !state.capacity_buffers.is_empty();
    let dedicated = pools.iter().any(|pool| names_tenancy(pool))
        || pods.iter().any(|seen| node_of(&seen.pod).is_none() && pod_names_tenancy(&seen.pod));
    Inputs {
        now,
        waiting,
        pods,
        nodes: all(&state.nodes),
        claims: all(&state.node_claims),
        overdue,
        pools,
        classes: all(&state.node_classes),
        overlays: if gates.node_overlay { all(&state.node_overlays) } else { Vec::new() },
        buffers: if has_buffers { all(&state.capacity_buffers) } else { Vec::new() },
        pod_templates: if has_buffers { all(&state.pod_templates) } else { Vec::new() },
        deployments: if has_buffers { all(&state.deployments) } else { Vec::new() },
        replica_sets: if has_buffers { all(&state.replica_sets) } else { Vec::new() },
        stateful_sets: if has_buffers { all(&state.stateful_sets) } else { Vec::new() },
        daemon_sets: all(&state.daemon_sets),
        volumes: all(&state.volumes),
        volume_claims: all(&state.claims),
        storage_classes: all(&state.storage_classes),
        csi_nodes: all(&state.csi_nodes),
        budgets: all(&state.budgets),
        priority_classes: all(&state.priority_classes),
        namespaces: all(&state.namespaces),
        dedicated,
        knowledge: Arc::clone(knowledge),
    }
}

/// The objects that a decision can depend on, as the engine reads them.
pub fn objects(state: &State, knowledge: &Arc<Knowledge>, now: Timestamp) -> Objects {
    inputs(state, knowledge, now).objects()
}

/// The objects and the snapshot of them, on the market of now. On a big cluster this takes long: take [`inputs`] and let a
/// [`Computation`](crate::outside::Computation) ask them for their snapshot.
pub fn snapshot(
    state: &State,
    knowledge: &Arc<Knowledge>,
    now: Timestamp,
    options: &SnapshotOptions,
) -> (Objects, Snapshot) {
    inputs(state, knowledge, now).snapshot(options)
}

impl Inputs {
    /// How many pods wait for a node, those that are on their way to one left out.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The market of now.
    pub fn market(&self) -> Arc<Market> {
        self.knowledge.market(&self.classes, self.dedicated, self.now)
    }

    /// The objects as the engine reads them.
    pub fn objects(&self) -> Objects {
        Objects {
            pods: self.pods.iter().map(SeenPod::read).collect(),
            nodes: self.nodes(),
            node_claims: self.claims.iter().map(|claim| self.read(claim)).collect(),
            node_pools: self.pools.iter().map(|pool| with_plain_readiness(pool)).collect(),
            node_classes: copies(&self.classes),
            node_overlays: copies(&self.overlays),
            capacity_buffers: copies(&self.buffers),
            pod_templates: copies(&self.pod_templates),
            deployments: copies(&self.deployments),
            replica_sets: copies(&self.replica_sets),
            stateful_sets: copies(&self.stateful_sets),
            daemon_sets: copies(&self.daemon_sets),
            jobs: Vec::new(),
            cron_jobs: Vec::new(),
            persistent_volumes: copies(&self.volumes),
            persistent_volume_claims: copies(&self.volume_claims),
            storage_classes: copies(&self.storage_classes),
            csi_nodes: copies(&self.csi_nodes),
            pod_disruption_budgets: copies(&self.budgets),
            priority_classes: copies(&self.priority_classes),
            namespaces: copies(&self.namespaces),
        }
    }

    fn nodes(&self) -> Vec<Node> {
        if self.overdue.claims.is_empty() {
            return copies(&self.nodes);
        }
        let overdue = self.claims.iter().filter(|claim| self.is_overdue(claim));
        let overdue: BTreeSet<&str> =
            overdue.filter_map(|claim| claim.status.as_ref()?.node_name.as_deref()).collect();
        let is_overdue =
            |node: &Node| node.metadata.name.as_deref().is_some_and(|name| overdue.contains(name));
        let read = |node: &Arc<Node>| if is_overdue(node) { avoided(node) } else { Node::clone(node) };
        self.nodes.iter().map(read).collect()
    }

    fn is_overdue(&self, claim: &NodeClaim) -> bool {
        claim.metadata.name.as_ref().is_some_and(|name| self.overdue.claims.contains_key(name))
    }

    fn read(&self, claim: &Arc<NodeClaim>) -> NodeClaim {
        if self.is_overdue(claim) { not_counted_on(claim) } else { NodeClaim::clone(claim) }
    }

    /// The objects and the snapshot of them.
    pub fn snapshot(&self, options: &SnapshotOptions) -> (Objects, Snapshot) {
        let objects = self.objects();
        let snapshot = Snapshot::build(&objects, &self.market(), options);
        (objects, snapshot)
    }
}

impl SeenPod {
    fn read(&self) -> Pod {
        // metadata, spec and status are shared, not copied
        let mut pod = Pod::clone(&self.pod);
        if let Some(room) = &self.room {
            pod.set_node_name(Some(room));
        }
        pod
    }
}

/// Pods that run and pods that wait, and how many of these have no node to come yet.
fn seen_pods(
    state: &State,
    assignments: &Assignments,
    overdue: &Overdue,
    now: Timestamp,
) -> (Vec<SeenPod>, usize) {
    let rooms = rooms(state, assignments, overdue, now);
    let crowded = crowded(state, assignments, &rooms);
    let mut pods = Vec::with_capacity(state.pods.len());
    let mut waiting = 0;
    for (key, pod) in state.pods.iter() {
        let holds = holds_a_node(pod);
        if !holds && !is_provisionable(pod) {
            continue;
        }
        let assigned = if rooms.is_empty() { None } else { assignments.of(key, pod.metadata.uid.as_deref()) };
        let room = assigned.and_then(|claim| rooms.get(claim));
        let room = room.filter(|_| (!holds || moves(state, pod)) && !crowded.contains(key));
        waiting += usize::from(!holds && room.is_none());
        pods.push(SeenPod { pod: Arc::clone(pod), room: room.cloned() });
    }
    (pods, waiting)
}

/// Whether a pod that has a node has to leave it, but has not been told so.
fn moves(state: &State, pod: &Pod) -> bool {
    let node = node_of(pod).and_then(|name| state.nodes.named("", name));
    pod.metadata.deletion_timestamp.is_none() && node.is_some_and(|node| is_leaving(node))
}

/// By claim that pods are assigned to: the name of its room, if it still takes them.
fn rooms(
    state: &State,
    assignments: &Assignments,
    overdue: &Overdue,
    now: Timestamp,
) -> BTreeMap<String, String> {
    let mut rooms = BTreeMap::new();
    let mut by_provider: Option<BTreeMap<&str, &str>> = None;
    for name in assignments.claims() {
        let Some(claim) = state.node_claims.get(&Key::cluster(name)) else { continue };
        let is_going = claim.metadata.deletion_timestamp.is_some();
        if is_going || overdue.claims.contains_key(name) || had_its_chance(claim, now) {
            continue;
        }
        let status = claim.status.as_ref();
        let named = status.and_then(|status| status.node_name.clone());
        let node = named.filter(|node| state.nodes.named("", node).is_some()).or_else(|| {
            let provider = status.and_then(|status| status.provider_id.as_deref())?;
            let nodes = by_provider.get_or_insert_with(|| {
                state
                    .nodes
                    .values()
                    .filter_map(|node| {
                        Some((node.spec.as_ref()?.provider_id.as_deref()?, node.metadata.name.as_deref()?))
                    })
                    .collect()
            });
            nodes.get(provider).map(|node| (*node).to_owned())
        });
        rooms.insert(name.to_owned(), node.unwrap_or_else(|| name.to_owned()));
    }
    rooms
}

/// Whether the node has been ready for so long that what is not there by now does not come.
pub(super) fn had_its_chance(claim: &NodeClaim, now: Timestamp) -> bool {
    let conditions =
        claim.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    if !is_true(conditions, condition_types::INITIALIZED) {
        return false;
    }
    let since = find_condition(conditions, condition_types::INITIALIZED)
        .and_then(|condition| condition.last_transition_time.as_ref());
    since.is_none_or(|since| now.duration_since(since.0) >= CHANCE)
}

fn names_tenancy(pool: &NodePool) -> bool {
    let template = &pool.spec.template;
    template.spec.requirements.iter().any(|term| term.key == keys::INSTANCE_TENANCY)
        || template.labels().contains_key(keys::INSTANCE_TENANCY)
}

fn pod_names_tenancy(pod: &Pod) -> bool {
    let Some(spec) = pod.spec() else { return false };
    if spec.node_selector.as_ref().is_some_and(|map| map.contains_key(keys::INSTANCE_TENANCY)) {
        return true;
    }
    let Some(affinity) = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref()) else {
        return false;
    };
    let required = affinity.required_during_scheduling_ignored_during_execution.iter();
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
    let terms = required
        .flat_map(|required| &required.node_selector_terms)
        .chain(preferred.map(|term| &term.preference));
    terms
        .flat_map(|term| term.match_expressions.iter().flatten())
        .any(|one| one.key == keys::INSTANCE_TENANCY)
}

fn all<T: kube::Resource>(store: &Store<T>) -> Vec<Arc<T>> {
    store.values().cloned().collect()
}

fn copies<T: Clone>(shared: &[Arc<T>]) -> Vec<T> {
    shared.iter().map(|object| T::clone(object)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_reconcile::Kind;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::test_world::{self, knowledge};

    fn waiting_pod(toy: &mut Toy, name: &str) {
        toy.create(Kind::Pod, test_world::waiting_pod(name, "1"));
    }

    fn claim(toy: &mut Toy, status: Value) {
        let spec = json!({
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [
                {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m6i.large", "m6i.xlarge"]},
            ],
        });
        let labels = json!({"karpenter.sh/nodepool": "general"});
        toy.create(
            Kind::NodeClaim,
            json!({
                "metadata": {"name": "general-1", "labels": labels}, "spec": spec, "status": status,
            }),
        );
    }

    #[test]
    fn the_engine_sees_the_same_class_of_a_pod_of_which_only_that_is_kept_which_decides() {
        let pod = json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"},
                "annotations": {
                    "karpenter.sh/do-not-disrupt": "true", "kubectl.kubernetes.io/last-applied-configuration": "{}",
                },
            },
            "spec": {
                "nodeSelector": {"kubernetes.io/arch": "amd64"},
                "containers": [{
                    "name": "a", "command": ["sleep"], "env": [{"name": "A", "value": "b"}],
                    "ports": [{"containerPort": 80}, {"containerPort": 90, "hostPort": 90}],
                    "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}},
                }],
                "tolerations": [{"key": "spot", "operator": "Exists"}],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
            "status": {
                "phase": "Running",
                "containerStatuses": [{
                    "name": "a", "image": "i", "imageID": "j", "ready": true, "restartCount": 0,
                    "allocatedResources": {"cpu": "3"},
                }],
            },
        });
        let whole: Pod = serde_json::from_value(pod).unwrap();
        let mut kept = whole.clone();
        supercargo_api::manifest::strip_but_limits(&mut kept);
        let length = |pod: &Pod| serde_json::to_string(pod).unwrap().len();
        assert!(length(&kept) < length(&whole));
        let class = |pod: Pod| {
            let objects = Objects { pods: vec![pod], ..Objects::default() };
            let market = knowledge().market(&[], false, Timestamp::UNIX_EPOCH);
            format!("{:?}", Snapshot::build(&objects, &market, &SnapshotOptions::default()).classes)
        };
        assert_eq!(class(kept), class(whole));
    }

    #[test]
    fn an_unlaunched_claim_is_room_for_the_least_it_may_become() {
        let mut toy = Toy::new(Vec::new());
        test_world::pool_and_class(&mut toy, "general");
        claim(&mut toy, Value::Null);
        let knowledge = knowledge();
        let (_, snapshot) = snapshot(&toy.state, &knowledge, toy.now, &SnapshotOptions::default());
        assert_eq!(snapshot.rooms.len(), 1);
        let room = &snapshot.rooms[0];
        assert!(room.in_flight);
        assert!((1_500..2_000).contains(&room.allocatable.get("cpu")), "{:?}", room.allocatable);
        assert_eq!(room.capacity.get("cpu"), 4_000);
    }

    #[rstest]
    #[case::on_its_way(Value::Null, false)]
    #[case::ready_a_moment_ago(json!({"conditions": [
        {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-03-02T08:59:50Z"}]}), false)]
    #[case::ready_for_long(json!({"conditions": [
        {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-03-02T08:59:40Z"}]}), true)]
    fn a_pod_counts_as_on_the_claim_it_was_planned_onto_until_that_had_its_chance(
        #[case] status: Value,
        #[case] waits: bool,
    ) {
        let mut toy = Toy::new(Vec::new());
        test_world::pool_and_class(&mut toy, "general");
        claim(&mut toy, status);
        waiting_pod(&mut toy, "web-0");
        let knowledge = knowledge();
        let pod = toy.state.pods.named("shop", "web-0").unwrap();
        knowledge.assignments().assign(
            Key::of(&pod.metadata),
            pod.metadata.uid.as_deref().unwrap(),
            "general-1",
        );
        let inputs = inputs(&toy.state, &knowledge, toy.now);
        assert_eq!(inputs.waiting() == 1, waits);
        let (_, snapshot) = inputs.snapshot(&SnapshotOptions::default());
        assert_eq!(snapshot.pending.len() == 1, waits);
        let full = &snapshot.rooms[0];
        assert_eq!(full.free[0] < full.allocatable.get("cpu") - 900, !waits);
    }

    #[test]
    fn pods_that_the_scheduler_has_not_looked_at_are_not_there() {
        let mut toy = Toy::new(Vec::new());
        let mut pod = test_world::waiting_pod("web-0", "1");
        pod["status"] = json!({"phase": "Pending"});
        toy.create(Kind::Pod, pod);
        assert!(objects(&toy.state, &knowledge(), toy.now).pods.is_empty());
    }
}
