//! Pods with state that run on spot and have nobody to stand in for them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_api::{Objects, labels};
use supercargo_catalog::CapacityType;

use super::lint::{Lint, Severity};
use super::node_pool::Case;

/// So many pods are named.
const MOST_NAMED: usize = 3;

/// How many replicas workloads have, by namespace, kind and name.
pub(super) struct Workloads<'a> {
    replicas: BTreeMap<(&'a str, &'a str, &'a str), i32>,
    /// How many pods each owner has in the input: for workloads that are not there themselves.
    pods: BTreeMap<(&'a str, &'a str, &'a str), i32>,
}

fn namespace(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().unwrap_or("default")
}

fn owner(meta: &ObjectMeta) -> Option<(&str, &str, &str)> {
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true)).or_else(|| owners.first())?;
    Some((namespace(meta), &owner.kind, &owner.name))
}

impl<'a> Workloads<'a> {
    pub(super) fn new(objects: &'a Objects) -> Workloads<'a> {
        let mut replicas = BTreeMap::new();
        let mut note = |kind: &'a str, meta: &'a ObjectMeta, count: Option<i32>| {
            let name = meta.name.as_deref().unwrap_or_default();
            replicas.insert((namespace(meta), kind, name), count.unwrap_or(1));
        };
        for one in &objects.stateful_sets {
            note("StatefulSet", &one.metadata, one.spec.replicas);
        }
        for one in &objects.replica_sets {
            note("ReplicaSet", &one.metadata, one.spec.replicas);
        }
        let mut pods: BTreeMap<(&str, &str, &str), i32> = BTreeMap::new();
        for owner in objects.pods.iter().filter_map(|pod| owner(&pod.metadata)) {
            *pods.entry(owner).or_default() += 1;
        }
        Workloads { replicas, pods }
    }

    fn stands_alone(&self, pod: &Pod) -> bool {
        let Some(owner) = owner(&pod.metadata) else { return true };
        let known = self.replicas.get(&owner).or_else(|| self.pods.get(&owner));
        known.is_none_or(|replicas| *replicas < 2)
    }

    pub(super) fn lint(&self, case: &Case<'_>, lints: &mut Vec<Lint>) {
        let on_spot = |room: u32| {
            let index = room as usize;
            case.snapshot.rooms.get(index).is_some_and(|room| room.pool == Some(case.index))
                && case.disruption.rooms[index].capacity_type == Some(CapacityType::Spot)
        };
        let mut named: Vec<String> = Vec::new();
        let mut found = 0_usize;
        for (index, row) in case.snapshot.pods.iter().enumerate() {
            if row.daemon || row.terminating || !on_spot(row.room) {
                continue;
            }
            let Some(pod) = case.objects.pods.get(row.object as usize) else { continue };
            if has_state(pod) && self.stands_alone(pod) {
                found += 1;
                if named.len() < MOST_NAMED {
                    named.push(case.snapshot.pod_name(u32::try_from(index).unwrap_or(u32::MAX)));
                }
            }
        }
        if found == 0 {
            return;
        }
        let others = match found - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let pods = if found == 1 { "a pod with state runs" } else { "pods with state run" };
        let what = format!("{pods} on spot without a second replica: {}{others}", named.join(", "));
        let right = format!("run two replicas or more, or let it select {} on-demand", labels::CAPACITY_TYPE);
        let field = "spec.template.spec.requirements";
        lints.push(Lint::new(Severity::Warning, "stateful-on-spot", field, what, right));
    }
}

/// A pod of a StatefulSet, or one with a volume of its own.
fn has_state(pod: &Pod) -> bool {
    let volumes = pod.spec().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
    owner(&pod.metadata).is_some_and(|(_, kind, _)| kind == "StatefulSet")
        || volumes.iter().any(|volume| volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some())
}
