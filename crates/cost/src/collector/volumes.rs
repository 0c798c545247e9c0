//! Persistent volumes as facts, with who had them.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, PersistentVolume};
use k8s_openapi::api::storage::v1::StorageClass;
use rustc_hash::FxHashMap;
use supercargo_api::Pod;

use crate::collector::nodes::whole;
use crate::collector::pods::{LivePod, running};
use crate::collector::view::{Seen, VolumeUsage};
use crate::facts::{VolumeFact, sweep};
use crate::interval::Interval;
use crate::workload::Workload;

/// The largest volume that is believed (reference section 1.2, item 4): 10 PiB.
const LARGEST: u64 = 10 << 50;

type Users = Vec<(Arc<Workload>, Interval)>;

/// What is in use, by namespace and claim.
pub(super) type ClaimUsage<'a> = FxHashMap<(&'a str, &'a str), &'a VolumeUsage>;

/// What was measured, to be looked up; what is there twice counts as it was said first.
pub(super) fn usage_of_claims(measured: &[VolumeUsage]) -> ClaimUsage<'_> {
    let mut usage = ClaimUsage::default();
    for each in measured {
        usage.entry((&*each.namespace, &*each.claim)).or_insert(each);
    }
    usage
}

/// Containers by namespace and claim.
pub(super) struct ClaimUsers {
    users: BTreeMap<(String, String), Users>,
}

impl ClaimUsers {
    pub fn new(pods: &[LivePod<'_>]) -> ClaimUsers {
        let mut users: BTreeMap<(String, String), Users> = BTreeMap::new();
        for live in pods {
            for (volume, claim) in claims(live.pod) {
                let mounts = |container: &Container| {
                    container.volume_mounts.iter().flatten().any(|mount| mount.name == volume)
                };
                let mounting: Vec<bool> = live.pod.spec().into_iter().flat_map(running).map(mounts).collect();
                // a volume that is attached but mounted by none is every container's
                let everyone = !mounting.contains(&true);
                let containers =
                    live.containers.iter().zip(mounting).filter(|(_, mounts)| everyone || *mounts);
                let namespace = live.pod.metadata.namespace.as_deref().unwrap_or_default();
                let entry = users.entry((namespace.to_owned(), claim)).or_default();
                entry.extend(containers.map(|(container, _)| (Arc::clone(&container.workload), live.life)));
            }
        }
        ClaimUsers { users }
    }

    fn of(&self, namespace: &str, claim: &str) -> &[(Arc<Workload>, Interval)] {
        self.users.get(&(namespace.to_owned(), claim.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// Names of a pod's volumes with their claims.
fn claims(pod: &Pod) -> Vec<(String, String)> {
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    let volumes = pod.spec().into_iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .filter_map(|volume| {
            let named = volume.persistent_volume_claim.as_ref().map(|claim| claim.claim_name.clone());
            let ephemeral = volume.ephemeral.as_ref().map(|_| format!("{pod_name}-{}", volume.name));
            named.or(ephemeral).map(|claim| (volume.name.clone(), claim))
        })
        .collect()
}

/// A volume in the stretch; none if it was not there.
pub(super) fn volume_fact(
    seen: Seen<'_, PersistentVolume>,
    classes: &[&StorageClass],
    users: &ClaimUsers,
    usage: &ClaimUsage<'_>,
    stretch: Interval,
) -> Option<VolumeFact> {
    let volume = seen.object;
    let name = volume.metadata.name.as_deref().filter(|name| !name.is_empty())?;
    let spec = volume.spec.as_ref()?;
    let created = volume.metadata.creation_timestamp.as_ref().map_or(i64::MIN, |time| time.0.as_second());
    let interval = seen.since(created).overlap(stretch);
    let bytes = whole(spec.capacity.as_ref().and_then(|capacity| capacity.get("storage")));
    if interval.is_empty() || bytes > LARGEST {
        return None;
    }
    let class = spec.storage_class_name.as_deref().unwrap_or_default();
    let parameters = classes
        .iter()
        .find(|known| known.metadata.name.as_deref() == Some(class))
        .and_then(|known| known.parameters.as_ref());
    let kind =
        parameters.and_then(|parameters| parameters.get("type")).map(String::as_str).unwrap_or_default();
    let handle = spec.csi.as_ref().map(|csi| csi.volume_handle.as_str());
    let in_tree = spec.aws_elastic_block_store.as_ref().map(|disk| disk.volume_id.as_str());
    let claim = spec.claim_ref.as_ref();
    let namespace = claim.and_then(|claim| claim.namespace.as_deref()).unwrap_or_default();
    let claim = claim.and_then(|claim| claim.name.as_deref()).unwrap_or_default();
    let used = usage.get(&(namespace, claim)).filter(|_| !claim.is_empty());
    Some(VolumeFact {
        name: name.into(),
        interval,
        bytes,
        provider_id: handle.or(in_tree).unwrap_or_default().into(),
        storage_class: class.into(),
        volume_type: kind.into(),
        claim_namespace: namespace.into(),
        claim: claim.into(),
        used_byte_seconds: used.map(|used| used.used_bytes.saturating_mul(interval.seconds())),
        used_peak: used.map_or(0, |used| used.used_bytes),
        uses: sweep(bytes, interval, users.of(namespace, claim)),
    })
}
