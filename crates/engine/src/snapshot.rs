//! The cluster at one moment, interned and columnar: what every question of the engine starts from.
//!
//! ```text
//! Objects ──┬─ pods ──> classes, rules ─────┐
//!           ├─ nodes, NodeClaims ──> rooms ─┼──> Snapshot (immutable, owns all it needs)
//!           └─ NodePools x Market ──> pools ┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rustc_hash::FxHashMap;
use supercargo_api::labels;
use supercargo_api::objects::Objects;
use supercargo_api::selector::WhenAbsent;

use crate::amounts::{Amounts, ResourceNames, VOLUME_PREFIX};
use crate::buffers::buffer_pods;
use crate::class::{NodeRules, PodClass, host_ports, node_rules, pod_rules};
use crate::fingerprint::{SelectedKeys, collect_selected_keys, fingerprint, same_class, same_rules};
use crate::market::Market;
use crate::overlays::overlaid_table;
use crate::pools::{Daemon, Pool};
use crate::requests::effective_requests;
use crate::rooms::{Room, rooms};
use crate::volumes::{VolumeIndex, VolumeNeeds};

/// No node: the pod is not bound.
pub const UNBOUND: u32 = u32::MAX;

/// One pod.
#[derive(Clone, Debug)]
pub struct PodRow {
    /// Name.
    pub name: Box<str>,
    /// Index of its [`PodClass`].
    pub class: u32,
    /// Index of its [`Room`], or [`UNBOUND`].
    pub room: u32,
    /// Creation time in seconds since 1970; zero when unknown.
    pub created: i64,
    /// On its way out: it holds resources, but counts for nothing else.
    pub terminating: bool,
    /// Made by a DaemonSet.
    pub daemon: bool,
    /// A stand-in of a CapacityBuffer.
    pub buffer: bool,
}

/// A pod that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredPod {
    /// `namespace/name`.
    pub pod: String,
    /// Why.
    pub reason: String,
}

/// How to read the cluster.
#[derive(Clone, Debug, Default)]
pub struct SnapshotOptions {
    /// Plan for all pods from scratch, as if there were no nodes.
    pub all_pods: bool,
}

/// The cluster at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Names of the places in [`Amounts`].
    pub names: ResourceNames,
    /// The compiled catalogue.
    pub market: Market,
    /// NodePools, heaviest first, equal weights by name.
    pub pools: Vec<Pool>,
    /// Nodes and NodeClaims in flight.
    pub rooms: Vec<Room>,
    /// DaemonSets.
    pub daemons: Vec<Daemon>,
    /// Pod classes.
    pub classes: Vec<PodClass>,
    /// Rules about nodes, shared between classes.
    pub rules: Vec<NodeRules>,
    /// Pods that are running or shall run.
    pub pods: Vec<PodRow>,
    /// Pods to be placed, by index in `pods`.
    pub pending: Vec<u32>,
    /// Pods that are left out.
    pub ignored: Vec<IgnoredPod>,
    /// Labels of namespaces, for namespace selectors.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

impl Snapshot {
    /// `namespace/name` of a pod.
    pub fn pod_name(&self, pod: u32) -> String {
        let row = &self.pods[pod as usize];
        format!("{}/{}", self.classes[row.class as usize].namespace, row.name)
    }

    /// Reads a cluster.
    pub fn build(objects: &Objects, market: &Market, options: &SnapshotOptions) -> Snapshot {
        let mut market = market.clone();
        let buffers = buffer_pods(objects);
        let priorities = Priorities::new(objects);
        let mut builder = Builder {
            names: ResourceNames::default(),
            keys: SelectedKeys::default(),
            volumes: VolumeIndex::new(objects),
            volume_needs: vec![VolumeNeeds::default()],
            priorities,
            classes: Vec::new(),
            class_samples: Vec::new(),
            class_by_hash: FxHashMap::default(),
            rules: Vec::new(),
            rule_samples: Vec::new(),
            rules_by_hash: FxHashMap::default(),
        };
        for pod in objects.pods.iter().chain(&buffers) {
            collect_selected_keys(pod, &mut builder.keys);
        }
        let mut pools: Vec<Pool> = objects
            .node_pools
            .iter()
            .map(|pool| {
                let table = overlaid_table(pool, &objects.node_overlays, &mut market);
                Pool::new(pool, table)
            })
            .collect();
        pools.sort_by(|left, right| right.weight.cmp(&left.weight).then_with(|| left.name.cmp(&right.name)));
        let mut rooms = if options.all_pods { Vec::new() } else { rooms(objects, &pools) };
        let room_by_name: FxHashMap<String, u32> =
            rooms.iter().enumerate().map(|(index, room)| (room.name.clone(), index as u32)).collect();

        let mut pods = Vec::with_capacity(objects.pods.len() + buffers.len());
        let mut pending = Vec::new();
        let mut ignored = Vec::new();
        let blocked = FullyBlocked::new(objects);
        let mut daemon_requests: BTreeMap<(String, String), (i64, u32)> = BTreeMap::new();
        let first_buffer = objects.pods.len();
        for (index, pod) in objects.pods.iter().chain(&buffers).enumerate() {
            let buffer = index >= first_buffer;
            let standing = Standing::of(pod);
            if standing == Standing::Finished {
                continue;
            }
            let node_name = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            let room = node_name.and_then(|name| room_by_name.get(name)).copied().unwrap_or(UNBOUND);
            let daemon_set = daemon_set_name(pod);
            let daemon = daemon_set.is_some();
            if options.all_pods && (daemon || standing == Standing::Mirror) {
                continue;
            }
            let bound = node_name.is_some() && !options.all_pods;
            if !bound && !daemon {
                let reason = standing.not_pending_reason();
                if let Some(reason) = reason {
                    if !reason.is_empty() {
                        ignored.push(IgnoredPod { pod: display_name(pod), reason });
                    }
                    continue;
                }
            }
            if !bound && daemon {
                continue;
            }
            let class = builder.class_of(pod);
            let created = pod.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
            let terminating = pod.metadata.deletion_timestamp.is_some();
            let row = PodRow {
                name: pod.metadata.name.clone().unwrap_or_default().into_boxed_str(),
                class,
                room: if bound { room } else { UNBOUND },
                created,
                terminating,
                daemon,
                buffer,
            };
            if let Some(name) = daemon_set {
                let key = (pod.metadata.namespace.clone().unwrap_or_default(), name.to_owned());
                let newest = daemon_requests.entry(key).or_insert((i64::MIN, class));
                if created > newest.0 {
                    *newest = (created, class);
                }
            }
            let leaving = bound
                && room != UNBOUND
                && rooms[room as usize].leaving
                && !daemon
                && standing != Standing::Mirror
                && is_reschedulable(pod, terminating)
                && !blocked.blocks(pod);
            if (!bound || leaving)
                && let Some(reason) = &builder.classes[class as usize].refusal
            {
                if !reason.is_empty() && !bound {
                    ignored.push(IgnoredPod { pod: display_name(pod), reason: reason.clone() });
                }
                if !bound {
                    continue;
                }
            } else if !bound || leaving {
                pending.push(pods.len() as u32);
            }
            pods.push(row);
        }
        let daemons = builder.daemons(objects, &daemon_requests);
        let Builder { names, classes, rules, .. } = builder;
        for room in &mut rooms {
            room.measure(&names);
        }
        for row in &pods {
            if row.room == UNBOUND {
                continue;
            }
            let class = &classes[row.class as usize];
            rooms[row.room as usize].hold(class, row.daemon);
        }
        for room in &mut rooms {
            room.reserve_daemons(&daemons);
        }
        for room in rooms.iter().filter(|room| !room.leaving) {
            if let Some(pool) = room.pool.map(|pool| pool as usize) {
                pools[pool].nodes += 1;
                for (resource, limit) in &mut pools[pool].limits {
                    limit.left -= if resource == "nodes" { 1 } else { room.capacity.get(resource) };
                }
            }
        }
        let namespaces = objects.namespaces.iter().filter_map(|namespace| {
            let name = namespace.metadata.name.clone()?;
            let mut labels = namespace.metadata.labels.clone().unwrap_or_default();
            labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.clone());
            Some((name, labels))
        });
        let namespaces = namespaces.collect();
        Snapshot { names, market, pools, rooms, daemons, classes, rules, pods, pending, ignored, namespaces }
    }
}

fn display_name(pod: &Pod) -> String {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
    format!("{namespace}/{}", pod.metadata.name.as_deref().unwrap_or_default())
}

/// Where a pod stands, as far as its own object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    Finished,
    Terminating,
    Mirror,
    Gated,
    Preempting(String),
    Active,
}

impl Standing {
    fn of(pod: &Pod) -> Standing {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return Standing::Finished;
        }
        let annotations = pod.metadata.annotations.as_ref();
        let owned_by_node =
            pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "Node" && owner.api_version == "v1");
        if owned_by_node || annotations.is_some_and(|map| map.contains_key("kubernetes.io/config.mirror")) {
            return Standing::Mirror;
        }
        if pod.metadata.deletion_timestamp.is_some() {
            return Standing::Terminating;
        }
        let spec = pod.spec.as_ref();
        if spec.is_some_and(|spec| spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty())) {
            return Standing::Gated;
        }
        if let Some(node) = status.and_then(|status| status.nominated_node_name.as_deref())
            && !node.is_empty()
        {
            return Standing::Preempting(node.to_owned());
        }
        Standing::Active
    }

    /// Why an unbound pod is not pending; an empty reason is not worth a word.
    fn not_pending_reason(&self) -> Option<String> {
        match self {
            Standing::Finished | Standing::Terminating | Standing::Mirror => Some(String::new()),
            Standing::Gated => Some("has scheduling gates".to_owned()),
            Standing::Preempting(node) => Some(format!("is about to take the place of other pods on node {node}")),
            Standing::Active => None,
        }
    }
}

fn daemon_set_name(pod: &Pod) -> Option<&str> {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.kind == "DaemonSet").map(|owner| owner.name.as_str())
}

fn is_reschedulable(pod: &Pod, terminating: bool) -> bool {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    if terminating && !owners.iter().any(|owner| owner.kind == "StatefulSet") {
        return false;
    }
    let annotations = pod.metadata.annotations.iter().flatten();
    !annotations.into_iter().any(|(key, value)| key == labels::DO_NOT_DISRUPT && value == "true")
}

/// PodDisruptionBudgets that allow no eviction whatever happens.
struct FullyBlocked {
    selectors: Vec<(String, supercargo_api::selector::Selector)>,
}

impl FullyBlocked {
    fn new(objects: &Objects) -> FullyBlocked {
        use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
        let is = |value: Option<&IntOrString>, number: Option<i32>, text: &str| match value {
            Some(IntOrString::Int(given)) => Some(*given) == number,
            Some(IntOrString::String(given)) => given == text,
            None => false,
        };
        let mut selectors = Vec::new();
        for budget in &objects.pod_disruption_budgets {
            let Some(spec) = &budget.spec else { continue };
            let blocking =
                is(spec.max_unavailable.as_ref(), Some(0), "0%") || is(spec.min_available.as_ref(), None, "100%");
            if !blocking {
                continue;
            }
            if let Ok(selector) = supercargo_api::selector::Selector::compile_optional(spec.selector.as_ref(), WhenAbsent::SelectNothing) {
                selectors.push((budget.metadata.namespace.clone().unwrap_or_default(), selector));
            }
        }
        FullyBlocked { selectors }
    }

    fn blocks(&self, pod: &Pod) -> bool {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let empty = BTreeMap::new();
        let pod_labels = pod.metadata.labels.as_ref().unwrap_or(&empty);
        self.selectors.iter().any(|(own, selector)| own == namespace && selector.matches(pod_labels))
    }
}

/// PriorityClasses by name.
struct Priorities {
    by_name: BTreeMap<String, i32>,
    default: i32,
}

impl Priorities {
    fn new(objects: &Objects) -> Priorities {
        let mut by_name = BTreeMap::from([
            ("system-cluster-critical".to_owned(), 2_000_000_000),
            ("system-node-critical".to_owned(), 2_000_001_000),
        ]);
        let mut default = 0;
        for class in &objects.priority_classes {
            let value = class.value.unwrap_or_default();
            by_name.insert(class.metadata.name.clone().unwrap_or_default(), value);
            if class.global_default == Some(true) {
                default = value;
            }
        }
        Priorities { by_name, default }
    }

    fn of(&self, pod: &Pod) -> i32 {
        let Some(spec) = &pod.spec else { return self.default };
        let named = spec.priority_class_name.as_ref().and_then(|name| self.by_name.get(name)).copied();
        spec.priority.or(named).unwrap_or(self.default)
    }
}

struct Builder<'a> {
    names: ResourceNames,
    keys: SelectedKeys,
    volumes: VolumeIndex<'a>,
    volume_needs: Vec<VolumeNeeds>,
    priorities: Priorities,
    classes: Vec<PodClass>,
    class_samples: Vec<(&'a Pod, u32)>,
    class_by_hash: FxHashMap<u64, Vec<u32>>,
    rules: Vec<NodeRules>,
    rule_samples: Vec<(u32, u32)>,
    rules_by_hash: FxHashMap<u64, Vec<u32>>,
}

impl<'a> Builder<'a> {
    fn class_of(&mut self, pod: &'a Pod) -> u32 {
        let has_volumes = pod.spec.as_ref().is_some_and(|spec| spec.volumes.is_some());
        let needs = if has_volumes { self.volumes.needs(pod) } else { None };
        let volumes = match needs {
            None => 0,
            Some(needs) => {
                let known = self.volume_needs.iter().position(|known| *known == needs);
                known.unwrap_or_else(|| {
                    self.volume_needs.push(needs);
                    self.volume_needs.len() - 1
                })
            }
        } as u32;
        let print = fingerprint(pod, &self.keys, volumes);
        if let Some(candidates) = self.class_by_hash.get(&print.class) {
            for class in candidates {
                let (sample, sample_volumes) = &self.class_samples[*class as usize];
                if *sample_volumes == volumes && same_class(sample, pod, &self.keys) {
                    return *class;
                }
            }
        }
        let class = self.classes.len() as u32;
        let compiled = self.compile(pod, volumes, print.rules);
        self.classes.push(compiled);
        self.class_samples.push((pod, volumes));
        self.class_by_hash.entry(print.class).or_default().push(class);
        class
    }

    fn compile(&mut self, pod: &Pod, volumes: u32, rules_hash: u64) -> PodClass {
        let mut refusal = None;
        let needs = &self.volume_needs[volumes as usize];
        if let Some(problem) = &needs.problem {
            refusal = Some(problem.clone());
        }
        let attachments = needs.attachments.clone();
        let mut requests = match effective_requests(pod, &mut self.names) {
            Ok(requests) => requests,
            Err(error) => {
                refusal = Some(error.to_string());
                Amounts::ZERO
            }
        };
        for (driver, count) in attachments {
            match self.names.intern(&format!("{VOLUME_PREFIX}{driver}")) {
                Some(place) => requests[place] = count,
                None => refusal = Some("too many different extended resources are requested".to_owned()),
            }
        }
        let rules = match self.rules_of(pod, volumes, rules_hash) {
            Ok(rules) => rules,
            Err(reason) => {
                refusal = Some(reason);
                self.no_rules()
            }
        };
        let alternatives = &self.rules[rules as usize].alternatives;
        if alternatives.iter().all(|terms| terms.get(labels::NODEPOOL).is_some_and(|rule| rule.allows_absent() && !rule.complement())) {
            // Asked to stay away from NodePools: not ours, and not worth a word.
            refusal = Some(String::new());
        }
        let mut class = PodClass {
            namespace: pod.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            rules,
            requests,
            priority: self.priorities.of(pod),
            host_ports: Vec::new(),
            affinity: Vec::new(),
            anti_affinity: Vec::new(),
            preferred_affinity: Vec::new(),
            preferred_anti_affinity: Vec::new(),
            spreads: Vec::new(),
            refusal,
        };
        if let Some(spec) = &pod.spec {
            class.host_ports = host_ports(spec);
            pod_rules(spec, &mut class);
            if spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
                class.refusal =
                    Some("uses dynamic resource allocation (resourceClaims), which is not supported".to_owned());
            }
        }
        class
    }

    fn no_rules(&mut self) -> u32 {
        self.rules.push(NodeRules { alternatives: vec![Default::default()], ..NodeRules::default() });
        (self.rules.len() - 1) as u32
    }

    fn rules_of(&mut self, pod: &Pod, volumes: u32, hash: u64) -> Result<u32, String> {
        if let Some(candidates) = self.rules_by_hash.get(&hash) {
            for rules in candidates {
                let (class, sample_volumes) = self.rule_samples[*rules as usize];
                let same = self.class_samples.get(class as usize).is_some_and(|(sample, _)| same_rules(sample, pod));
                if sample_volumes == volumes && same {
                    return Ok(*rules);
                }
            }
        }
        let built = node_rules(pod, &self.volume_needs[volumes as usize])?;
        let rules = self.rules.len() as u32;
        self.rules.push(built);
        self.rule_samples.resize(rules as usize, (u32::MAX, 0));
        self.rule_samples.push((self.classes.len() as u32, volumes));
        self.rules_by_hash.entry(hash).or_default().push(rules);
        Ok(rules)
    }

    fn daemons(&mut self, objects: &Objects, live: &BTreeMap<(String, String), (i64, u32)>) -> Vec<Daemon> {
        let mut daemons = Vec::new();
        for daemon_set in &objects.daemon_sets {
            let spec = &daemon_set.spec;
            let namespace = daemon_set.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
            let name = daemon_set.metadata.name.clone().unwrap_or_default();
            let pod = pod_from_template(&spec.template, &namespace, &name);
            let Ok(rules) = node_rules(&pod, &VolumeNeeds::default()) else { continue };
            let running = live.get(&(namespace.clone(), name.clone()));
            let requests = match running {
                Some((_, class)) => self.classes[*class as usize].requests,
                None => effective_requests(&pod, &mut self.names).unwrap_or_default(),
            };
            let mut rules = rules;
            // The DaemonSet controller tolerates these on behalf of every daemon pod.
            rules.tolerations.extend(crate::rooms::daemon_tolerations());
            daemons.push(Daemon {
                name: format!("{namespace}/{name}"),
                rules,
                requests,
                host_ports: pod.spec.as_ref().map(host_ports).unwrap_or_default(),
            });
        }
        daemons
    }
}

/// A pod as a controller would make it.
pub fn pod_from_template(template: &PodTemplateSpec, namespace: &str, name: &str) -> Pod {
    let meta = template.metadata.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: meta.labels,
            annotations: meta.annotations,
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// The values that pending pods ask for, by label key.
pub fn asked_values(snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<String>> {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let classes: BTreeSet<u32> = snapshot.pending.iter().map(|pod| snapshot.pods[*pod as usize].class).collect();
    let rules: BTreeSet<u32> = classes.iter().map(|class| snapshot.classes[*class as usize].rules).collect();
    for rules in rules {
        let rules = &snapshot.rules[rules as usize];
        let preferred = rules.preferred.iter().map(|(_, requirements)| requirements);
        for requirement in rules.alternatives.iter().chain(preferred).flat_map(|terms| terms.iter()) {
            if !requirement.complement() {
                let values = asked.entry(requirement.key.clone()).or_default();
                values.extend(requirement.values().iter().cloned());
            }
        }
    }
    asked
}
