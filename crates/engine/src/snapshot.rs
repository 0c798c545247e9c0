//! The cluster at one moment, interned and columnar: what every question of the engine starts from.
//!
//! ```text
//! Objects ──┬─ pods ──> classes, rules ─────┐
//!           ├─ nodes, NodeClaims ──> rooms ─┼──> Snapshot (immutable, owns all it needs)
//!           └─ NodePools x Market ──> pools ┘
//! ```

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use supercargo_api::objects::Objects;

use crate::amounts::ResourceNames;
use crate::buffers::buffer_pods;
use crate::class::{NodeRules, PodClass};
use crate::class_table::ClassTable;
use crate::eligibility::{FullyBlocked, Standing, daemon_set_name, display_name, is_reschedulable};
use crate::fingerprint::{SelectedKeys, collect_selected_keys};
use crate::market::Market;
use crate::overlays::overlaid_tables;
use crate::pools::{Daemon, Pool};
use crate::problems::ObjectProblem;
use crate::rooms::{Room, rooms};

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
    /// Index of its object among the input's pods, the stand-ins of buffers counted after them.
    pub object: u32,
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
    /// Names of the places in [`Amounts`](crate::amounts::Amounts).
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
    /// Objects that do not count as they are written.
    pub problems: Vec<ObjectProblem>,
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
        let (buffers, mut problems) = buffer_pods(objects);
        let mut keys = SelectedKeys::default();
        for pod in objects.pods.iter().chain(&buffers) {
            collect_selected_keys(pod, &mut keys);
        }
        let mut builder = ClassTable::new(objects, keys);
        let (tables, overlay_problems) =
            overlaid_tables(&objects.node_pools, &objects.node_overlays, &mut market);
        problems.extend(overlay_problems);
        let mut pools: Vec<Pool> = objects
            .node_pools
            .iter()
            .zip(tables)
            .map(|(pool, table)| {
                let placement = market.placement(&pool.spec.template.spec.node_class_ref.name);
                let mut compiled = Pool::new(pool, table, placement);
                let leaving = objects.node_classes.iter().any(|class| {
                    class.metadata.deletion_timestamp.is_some()
                        && class.metadata.name.as_deref() == Some(compiled.node_class.as_str())
                });
                if leaving {
                    compiled.problem = Some(format!("NodeClass {:?} is being deleted", compiled.node_class));
                }
                compiled
            })
            .collect();
        pools.sort_by(|left, right| right.weight.cmp(&left.weight).then_with(|| left.name.cmp(&right.name)));
        let mut rooms = if options.all_pods { Vec::new() } else { rooms(objects, &pools, &market) };
        let room_by_name: FxHashMap<String, u32> =
            rooms.iter().enumerate().map(|(index, room)| (room.name.clone(), index as u32)).collect();

        let mut pods = Vec::with_capacity(objects.pods.len() + buffers.len());
        let mut pending = Vec::new();
        let mut ignored = Vec::new();
        let blocked = FullyBlocked::new(objects);
        let first_buffer = objects.pods.len();
        for (index, pod) in objects.pods.iter().chain(&buffers).enumerate() {
            let buffer = index >= first_buffer;
            let standing = Standing::of(pod);
            if standing == Standing::Finished {
                continue;
            }
            let node_name = pod.node_name();
            let room = node_name.and_then(|name| room_by_name.get(name)).copied().unwrap_or(UNBOUND);
            let daemon_set = daemon_set_name(pod);
            let daemon = daemon_set.is_some();
            if let Some(name) = daemon_set {
                builder.see_daemon(pod, name);
            }
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
                object: index as u32,
                created,
                terminating,
                daemon,
                buffer,
            };
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
        let daemons = builder.daemons(objects);
        let ClassTable { names, classes, rules, .. } = builder;
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
        for room in rooms.iter().filter(|room| !room.deleted) {
            if let Some(pool) = room.pool.map(|pool| pool as usize) {
                pools[pool].nodes += u32::from(!room.leaving);
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
        Snapshot {
            names,
            market,
            pools,
            rooms,
            daemons,
            classes,
            rules,
            pods,
            pending,
            ignored,
            problems,
            namespaces,
        }
    }
}
