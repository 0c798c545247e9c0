//! Whether a node has been quiet for long enough to be consolidated (reference section 4.6).

use jiff::{SignedDuration, Timestamp};
use supercargo_api::condition_types::{CONSOLIDATABLE, INITIALIZED};
use supercargo_api::{NodeClaim, NodePool, find_condition, is_true};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

use super::claims::{is_leaving, node_pool_of};
use crate::conditions::{self, Finding};

/// The controller of the condition Consolidatable.
#[derive(Debug, Default)]
pub struct Consolidatables {}

/// From when on a claim may be consolidated; nothing if it never may.
fn quiet_from(claim: &NodeClaim, pool: Option<&NodePool>) -> Option<Timestamp> {
    // standalone claims and those of static NodePools are not consolidated (reference sections 1.2 and 2.15)
    let pool = pool.filter(|pool| !pool.spec.is_static())?;
    let after = pool.spec.disruption().consolidate_after.as_nanos()?;
    let initialized = find_condition(claim.conditions(), INITIALIZED)
        .filter(|_| is_true(claim.conditions(), INITIALIZED))?
        .last_transition_time
        .as_ref()
        .map(|time| time.0)?;
    let event =
        claim.status.as_ref().and_then(|status| status.last_pod_event_time.as_ref()).map(|time| time.0);
    event.unwrap_or(initialized).checked_add(SignedDuration::from_nanos(after.max(0))).ok()
}

impl Controller for Consolidatables {
    const NAME: &'static str = "consolidatable";
    const KINDS: &'static [Kind] = &[Kind::NodeClaim, Kind::NodePool];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (&change.old, &change.new) {
            (_, Some(Object::NodeClaim(_))) => vec![change.key.clone()],
            (Some(Object::NodePool(old)), Some(Object::NodePool(new)))
                if old.metadata.generation == new.metadata.generation =>
            {
                Vec::new()
            }
            (Some(Object::NodePool(_)), _) | (_, Some(Object::NodePool(_))) => {
                let of_pool = |claim: &NodeClaim| node_pool_of(claim) == Some(change.key.name.as_str());
                let claims = state.node_claims.iter().filter(|(_, claim)| of_pool(claim));
                claims.map(|(key, _)| key.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(claim) = state.node_claims.get(key).filter(|claim| !is_leaving(claim)) else {
            return Decision::nothing();
        };
        let pool = node_pool_of(claim).and_then(|pool| state.node_pools.get(&Key::cluster(pool)));
        let mut decision = Decision::nothing();
        let mut wanted = (**claim).clone();
        match quiet_from(claim, pool.map(|pool| &**pool)) {
            Some(from) if from <= now => {
                let status = wanted.status.get_or_insert_default();
                let generation = claim.metadata.generation;
                conditions::set(&mut status.conditions, CONSOLIDATABLE, &Finding::holds(), generation, now);
            }
            later => {
                if let Some(status) = &mut wanted.status {
                    conditions::clear(&mut status.conditions, CONSOLIDATABLE);
                }
                if let Some(from) = later {
                    decision.look_again(from);
                }
            }
        }
        if wanted.status != claim.status {
            decision.actions.extend(Action::update_status(Kind::NodeClaim, &**claim, &wanted));
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::stage;

    fn toy(after: &str, claim_status: Value) -> Toy {
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Consolidatables::default()))]);
        let mut pool = stage::node_pool("general", "default");
        pool["spec"]["disruption"] = json!({"consolidateAfter": after});
        toy.create(Kind::NodePool, pool);
        let mut claim = stage::node_claim("a", "general", "default");
        claim["status"] = claim_status;
        toy.create(Kind::NodeClaim, claim);
        toy
    }

    /// Initialized at 09:00:00, where the toy begins.
    fn initialized(event: Option<&str>) -> Value {
        json!({
            "lastPodEventTime": event,
            "conditions": [{"type": "Initialized", "status": "True", "lastTransitionTime": "2026-03-02T09:00:00Z"}],
        })
    }

    #[rstest]
    #[case::at_once("0s", initialized(None), 0, true)]
    #[case::not_yet("30s", initialized(None), 29, false)]
    #[case::after_its_time("30s", initialized(None), 30, true)]
    #[case::counted_from_the_last_pod("30s", initialized(Some("2026-03-02T09:00:10Z")), 39, false)]
    #[case::and_then_it_may("30s", initialized(Some("2026-03-02T09:00:10Z")), 40, true)]
    #[case::never("Never", initialized(None), 100_000, false)]
    #[case::not_initialized("0s", json!({}), 100_000, false)]
    fn section_4_6_a_claim_may_be_consolidated_once_it_was_quiet(
        #[case] after: &str,
        #[case] status: Value,
        #[case] seconds: u64,
        #[case] expected: bool,
    ) {
        let mut toy = toy(after, status);
        toy.run(Duration::from_secs(seconds));
        let claim = toy.state.node_claims.get(&Key::cluster("a")).unwrap();
        assert_eq!(is_true(claim.conditions(), CONSOLIDATABLE), expected);
    }

    #[test]
    fn another_pod_or_another_pool_takes_it_back() {
        let mut toy = toy("30s", initialized(None));
        toy.run(Duration::from_secs(31));
        let may = |toy: &Toy| {
            is_true(toy.state.node_claims.get(&Key::cluster("a")).unwrap().conditions(), CONSOLIDATABLE)
        };
        assert!(may(&toy));
        toy.patch_status(
            Kind::NodeClaim,
            &Key::cluster("a"),
            json!({"lastPodEventTime": "2026-03-02T09:00:31Z"}),
        );
        toy.run(Duration::from_secs(1));
        assert!(!may(&toy));
        toy.run(Duration::from_secs(30));
        assert!(may(&toy));
        toy.patch(
            Kind::NodePool,
            &Key::cluster("general"),
            json!({"spec": {"disruption": {"consolidateAfter": "Never"}}}),
        );
        toy.run(Duration::from_secs(1));
        assert!(!may(&toy));
    }
}
