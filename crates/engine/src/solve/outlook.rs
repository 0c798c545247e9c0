//! What a solver knows of pods before it places any: taken out once, for many what-if questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::fits::{Fit, FitId};
use crate::pack::HostRules;
use crate::pools::Variant;
use crate::snapshot::Snapshot;
use crate::topology::{Rule, Strength, Topology};

use super::options::{PreferencePolicy, SolveOptions};
use super::relaxation::Relaxation;
use super::solver::Solver;

/// What holds for the pods of one class wherever they go, preferences aside.
#[derive(Clone, Debug)]
pub(crate) struct ClassOutlook {
    /// Rules by host.
    pub(crate) host: HostRules,
    /// Rooms that would do, other pods aside.
    pub(crate) rooms: Arc<Vec<u32>>,
    /// Sets of new nodes that would do, other pods aside.
    pub(crate) sets: Arc<Vec<Vec<Fit>>>,
    /// Groups over domains that count its pods on new nodes.
    pub(crate) counted: Arc<Vec<u32>>,
    /// By required spread over domains that the class states: the domains it counts over.
    pub(crate) universes: BTreeMap<u32, Arc<Vec<String>>>,
}

/// What holds for all pods of a snapshot's `pending`.
#[derive(Debug)]
pub(crate) struct Outlook {
    /// The variants of all pools that can make nodes, DaemonSets subtracted.
    pub(crate) variants: Vec<Variant>,
    /// By weight of the NodePool, heaviest first: which variants.
    pub(crate) tiers: Vec<Vec<bool>>,
    /// Groups, and each class's relation to them.
    pub(crate) topology: Topology,
    /// By class; nothing for classes without a pod that waits.
    pub(crate) classes: Vec<Option<ClassOutlook>>,
}

/// Takes out what holds for the pods of `pending`.
pub(crate) fn outlook(snapshot: &Snapshot) -> Outlook {
    let options = SolveOptions { preferences: PreferencePolicy::Ignore, ..SolveOptions::default() };
    let mut solver = Solver::new(snapshot, options);
    let level = Relaxation { node: u16::MAX, tolerates: true, ..Relaxation::default() };
    let mut waits = vec![false; snapshot.classes.len()];
    for pod in &snapshot.pending {
        waits[snapshot.pods[*pod as usize].class as usize] = true;
    }
    let mut sets: FxHashMap<Vec<FitId>, Arc<Vec<Vec<Fit>>>> = FxHashMap::default();
    let mut universes: BTreeMap<(u32, bool, bool, String), Arc<Vec<String>>> = BTreeMap::new();
    let mut classes = Vec::with_capacity(waits.len());
    for (index, waits) in waits.into_iter().enumerate() {
        let row = &snapshot.classes[index];
        if !waits || row.refusal.is_some() {
            classes.push(None);
            continue;
        }
        let class = index as u32;
        let ids = solver.alternatives(row.rules, &level);
        let sets = sets.entry(ids.to_vec()).or_insert_with(|| {
            Arc::new(
                ids.iter().map(|id| solver.fits.get(*id).to_vec()).filter(|set| !set.is_empty()).collect(),
            )
        });
        let sets = Arc::clone(sets);
        let mut counted_over = BTreeMap::new();
        for (group, strength) in solver.topology.links[index].owned.clone() {
            let entry = &solver.topology.groups[group as usize];
            let Rule::Spread { honor_affinity, honor_taints, .. } = entry.rule else { continue };
            if entry.by_host || strength != Strength::Required {
                continue;
            }
            let key = (row.rules, honor_affinity, honor_taints, entry.key.clone());
            let known = universes.get(&key).cloned();
            let universe = known.unwrap_or_else(|| {
                let universe = solver.universe(class, group, &level);
                universes.insert(key, Arc::clone(&universe));
                universe
            });
            counted_over.insert(group, universe);
        }
        classes.push(Some(ClassOutlook {
            host: solver.host_rules(class, &level),
            rooms: solver.admissible_rooms(row.rules, &level),
            sets,
            counted: solver.counted_by(class),
            universes: counted_over,
        }));
    }
    Outlook { variants: solver.variants, tiers: solver.tiers, topology: solver.topology, classes }
}
