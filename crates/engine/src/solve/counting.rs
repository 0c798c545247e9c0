//! Which spreads count a pod on a new node (reference row T2).
//!
//! A spread looks only at nodes that its own pods could use. On a room that is a question of labels and taints; of a new
//! node only the sets it may come from are known. Where they have nothing in common with the spread's own, its pods do
//! not count.

use std::sync::Arc;

use supercargo_api::requirements::Requirements;

use crate::fits::FitId;
use crate::topology::Rule;

use super::relaxation::Relaxation;
use super::solver::Solver;

impl Solver<'_> {
    /// The groups over domains that count pods of a class on new nodes.
    pub(super) fn counted_by(&mut self, class: u32) -> Arc<Vec<u32>> {
        if let Some(known) = self.counted.get(&class) {
            return known.clone();
        }
        let matched = self.topology.links[class as usize].matched.clone();
        let counted =
            Arc::new(matched.into_iter().filter(|group| self.counts_class(*group, class)).collect());
        self.counted.insert(class, Arc::clone(&counted));
        counted
    }

    fn counts_class(&mut self, group: u32, class: u32) -> bool {
        let entry = &self.topology.groups[group as usize];
        if entry.by_host {
            return false;
        }
        let Rule::Spread { honor_affinity, honor_taints, rules, .. } = entry.rule else { return true };
        let own = self.snapshot.classes[class as usize].rules;
        if !(honor_affinity || honor_taints) || rules == own {
            return true;
        }
        let relaxed = Relaxation { node: u16::MAX, tolerates: true, ..Relaxation::default() };
        let places = self.alternatives(own, &relaxed);
        let looked_at = self.sets_of_spread(rules, honor_affinity, honor_taints);
        places.iter().any(|place| looked_at.iter().any(|set| self.meet(*place, *set)))
    }

    /// The new nodes that a spread looks at.
    pub(super) fn sets_of_spread(
        &mut self,
        rules: u32,
        honor_affinity: bool,
        honor_taints: bool,
    ) -> Vec<FitId> {
        let ground = Self::ground(self.snapshot, &self.variants);
        let mut rules = self.snapshot.rules[rules as usize].clone();
        if !honor_taints {
            rules.tolerations.push(k8s_openapi::api::core::v1::Toleration {
                operator: Some("Exists".to_owned()),
                ..Default::default()
            });
        }
        let everything = [Requirements::new()];
        let terms = if honor_affinity { &rules.without_volumes[..] } else { &everything[..] };
        terms.iter().map(|term| self.fits.of_rules(ground, &rules, term, true)).collect()
    }

    /// Whether some node could come from either set.
    fn meet(&self, left: FitId, right: FitId) -> bool {
        self.fits.get(left).iter().any(|one| {
            self.fits.get(right).iter().any(|other| {
                one.variant == other.variant
                    && one.offers & other.offers != 0
                    && !one.types.is_disjoint(&other.types)
            })
        })
    }
}
