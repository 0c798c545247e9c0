//! Persistent volumes of an hour, as facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::{VolumeFact, sweep};
use crate::interval::Interval;
use crate::prometheus::hour::{Frame, Seen};
use crate::prometheus::pods::Pod;
use crate::prometheus::table::{HourTable, Name};
use crate::workload::Workload;

/// The largest volume that is believed (reference section 1.2, item 4): 10 PiB.
const LARGEST: f64 = (10u64 << 50) as f64;

/// Containers with their lives, by namespace and claim.
pub(super) type Users = BTreeMap<Name, Vec<(Arc<Workload>, Interval)>>;

/// Notes who had which claims. Series do not tell which container mounts a volume, so it is every container's.
pub(super) fn note_users(users: &mut Users, pod: &Pod<'_>, workloads: &[(Arc<Workload>, Interval)]) {
    for claim in &pod.series.claims {
        let of_claim = users.entry((Arc::clone(&pod.name.0), Arc::clone(claim))).or_default();
        of_claim.extend(workloads.iter().cloned());
    }
}

/// Whether a neighbouring hour knows the cluster at all: volumes and Services live long.
pub(super) fn any_nodes(seen: &Seen) -> bool {
    !seen.nodes.is_empty() || !seen.pods.is_empty()
}

/// All volumes of the hour.
pub(super) fn volume_facts(table: &HourTable, users: &Users, frame: &Frame<'_>) -> Vec<VolumeFact> {
    let grid = table.grid;
    let volume = |(name, series): (&Arc<str>, &crate::prometheus::table::VolumeSeries)| {
        let present = series.present | series.bytes.set();
        // slow series do not tell when within five minutes: the time they were made does
        let life = frame.life(present, series.created, any_nodes)?;
        let moment = life.to;
        let bytes = series.bytes.near(moment).filter(|bytes| *bytes >= 0.0 && *bytes <= LARGEST)? as u64;
        let empty = (Arc::from(""), Arc::from(""));
        let (class, handle) = series.info.at(moment).unwrap_or(&empty);
        let claim = series.claim.at(moment).unwrap_or(&empty);
        let interval = life.stretch;
        let used = table.claim_use.get(claim).filter(|_| !claim.1.is_empty());
        let used_in = |points: &crate::prometheus::counters::Points| {
            let steps = points.iter().filter(|(moment, _)| *moment > 0);
            let amounts = steps.map(|(moment, value)| {
                (value.max(0.0) as u64).saturating_mul(grid.cell(moment).overlap(interval).seconds())
            });
            amounts.fold(0u64, u64::saturating_add)
        };
        let peak = |points: &crate::prometheus::counters::Points| {
            points.iter().map(|(_, value)| value.max(0.0) as u64).max()
        };
        Some(VolumeFact {
            name: Arc::clone(name),
            interval,
            bytes,
            provider_id: Arc::clone(handle),
            storage_class: Arc::clone(class),
            volume_type: "".into(),
            claim_namespace: Arc::clone(&claim.0),
            claim: Arc::clone(&claim.1),
            used_byte_seconds: used.map(used_in),
            used_peak: used.and_then(peak).unwrap_or(0),
            uses: sweep(bytes, interval, users.get(claim).map_or(&[], Vec::as_slice)),
        })
    };
    table.volumes.iter().filter_map(volume).collect()
}
