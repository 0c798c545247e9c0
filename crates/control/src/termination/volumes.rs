//! Volumes that have to be detached before an instance ends (reference section 3.5).

use std::collections::BTreeSet;

use supercargo_reconcile::{State, claims_of};

use super::drain::{has_ended, is_drained};

/// The attachments to a node that are waited for, by name. Those of volumes that pods use which stay to the end are not.
pub(super) fn awaited(state: &State, node: &str) -> Vec<String> {
    let of_node = || state.attachments.values().filter(|one| one.spec.node_name == node);
    if of_node().next().is_none() {
        return Vec::new();
    }
    let staying = state.pods_on(node).filter(|(_, pod)| !is_drained(pod) && !has_ended(pod));
    let kept: BTreeSet<&str> = staying
        .flat_map(|(_, pod)| claims_of(pod))
        .filter_map(|claim| state.claims.get(&claim)?.spec.as_ref()?.volume_name.as_deref())
        .collect();
    of_node()
        .filter(|one| {
            one.spec.source.persistent_volume_name.as_deref().is_none_or(|volume| !kept.contains(volume))
        })
        .filter_map(|one| one.metadata.name.clone())
        .collect()
}
