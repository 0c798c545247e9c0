//! What the rules about nodes leave: rooms, and sets of new nodes.

use std::sync::Arc;

use supercargo_api::taint;

use crate::fits::FitId;

use super::relaxation::Relaxation;
use super::solver::Solver;

impl Solver<'_> {
    /// Rooms that a set of rules admits, in the order they are tried.
    pub(super) fn admissible_rooms(&mut self, rules: u32, level: &Relaxation) -> Arc<Vec<u32>> {
        let preference = self.preference(rules, level);
        let key = (rules, preference, level.tolerates);
        if let Some(known) = self.admissible.get(&key) {
            return known.clone();
        }
        let requirements = self.requirements_at(rules, preference);
        let tolerations = &self.snapshot.rules[rules as usize].tolerations;
        let mut admitted = Vec::new();
        for (index, room) in self.snapshot.rooms.iter().enumerate() {
            if room.leaving
                || (room.cordoned && !tolerates_cordon(tolerations))
                || taint::first_untolerated(&room.taints, tolerations, !level.tolerates).is_some()
                || !requirements.iter().any(|alternative| room.satisfies(alternative))
            {
                continue;
            }
            admitted.push(index as u32);
        }
        let admitted = Arc::new(admitted);
        self.admissible.insert(key, admitted.clone());
        admitted
    }

    /// New-node sets of a class's rules: one per alternative, those that say the same as one set put together.
    pub(super) fn alternatives(&mut self, rules: u32, level: &Relaxation) -> Arc<Vec<FitId>> {
        let preference = self.preference(rules, level);
        let key = (rules, preference, level.tolerates);
        if let Some(known) = self.alternatives.get(&key) {
            return known.clone();
        }
        let ground = Self::ground(self.snapshot, &self.variants);
        let mut sets = Vec::new();
        for requirements in self.requirements_at(rules, preference) {
            let set = self.fits.of_rules(
                ground,
                &self.snapshot.rules[rules as usize],
                &requirements,
                level.tolerates,
            );
            let merged = sets.iter_mut().any(|known| match self.fits.union(*known, set) {
                Some(both) => {
                    *known = both;
                    true
                }
                None => false,
            });
            if !merged {
                sets.push(set);
            }
        }
        let sets = Arc::new(sets);
        self.alternatives.insert(key, sets.clone());
        sets
    }
}

fn tolerates_cordon(tolerations: &[k8s_openapi::api::core::v1::Toleration]) -> bool {
    let cordon = k8s_openapi::api::core::v1::Taint {
        key: supercargo_api::labels::UNSCHEDULABLE_TAINT.to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Default::default()
    };
    taint::tolerates(tolerations, &cordon)
}
