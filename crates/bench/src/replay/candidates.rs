//! Whether a node may go at all (reference sections 4.2, 4.5, 4.6 and 4.9).

use jiff::Timestamp;
use supercargo_api::duration::GoDuration;
use supercargo_api::{ConsolidationPolicy, labels as keys};

use super::world::{Occupant, World};

impl World<'_> {
    /// Why the node must not go, if it must not.
    pub(super) fn must_stay(&self, node: &str, now: Timestamp) -> Option<String> {
        let site = self.sites.get(node)?;
        if let Some(kept) = &site.kept {
            return Some(kept.clone());
        }
        let pool = site.labels.get(keys::NODEPOOL).and_then(|name| self.pools.get(name));
        let Some(pool) = pool else { return Some("its NodePool is not there".to_owned()) };
        let disruption = pool.spec.disruption();
        let moving = site.pods.iter().filter(|name| self.pods[*name].moves).count();
        if disruption.consolidation_policy() == ConsolidationPolicy::WhenEmpty && moving > 0 {
            return Some("its NodePool lets only empty nodes go".to_owned());
        }
        let Some(wait) = disruption.consolidate_after.as_nanos() else {
            return Some("its NodePool never consolidates".to_owned());
        };
        let last = site.claim.and_then(|claim| claim.status.as_ref()?.last_pod_event_time.as_ref());
        if let Some(last) = last
            && now.as_nanosecond() - last.0.as_nanosecond() < i128::from(wait)
        {
            return Some("it was busy within consolidateAfter".to_owned());
        }
        site.pods.iter().find_map(|name| self.pod_stays(name, &self.pods[name], now))
    }

    fn pod_stays(&self, name: &str, occupant: &Occupant<'_>, now: Timestamp) -> Option<String> {
        let annotations = occupant.pod.metadata.annotations.as_ref();
        if let Some(text) = annotations.and_then(|annotations| annotations.get(keys::DO_NOT_DISRUPT)) {
            let started = occupant.pod.status.as_ref().and_then(|status| status.start_time.as_ref());
            let still = text.parse::<GoDuration>().is_ok_and(|duration| {
                started.is_none_or(|started| {
                    now.as_nanosecond() - started.0.as_nanosecond() < i128::from(duration.as_nanos())
                })
            });
            // A moved pod has started anew.
            if text == "true" || still {
                return Some(format!("{name} must not be disrupted"));
            }
        }
        if !occupant.moves {
            return None;
        }
        let budgets = self.budgets_of(name);
        if budgets.len() > 1 {
            return Some(format!("{name} has more than one PodDisruptionBudget"));
        }
        let refused = budgets
            .into_iter()
            .any(|budget| self.evictions_allowed(budget) == 0 && !self.always_allowed(name, budget));
        refused.then(|| format!("a PodDisruptionBudget does not let {name} go"))
    }
}
