//! The condition Consolidatable: nothing has come or gone for as long as the NodePool asks (reference section 4.6).

use jiff::{SignedDuration, Timestamp};
use supercargo_api::condition_types::{CONSOLIDATABLE, INITIALIZED};
use supercargo_api::labels::NODEPOOL;
use supercargo_api::{ConditionStatus, NodeClaim, NodePool, find_condition, is_true};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

/// Keeps the condition Consolidatable.
#[derive(Debug, Default)]
pub struct Quiet;

impl Controller for Quiet {
    const NAME: &'static str = "consolidatable";
    const KINDS: &'static [Kind] = &[Kind::NodeClaim, Kind::NodePool];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (change.kind, &change.old, &change.new) {
            (Kind::NodeClaim, ..) => vec![change.key.clone()],
            (Kind::NodePool, Some(Object::NodePool(old)), Some(Object::NodePool(new)))
                if old.spec.disruption() == new.spec.disruption() =>
            {
                Vec::new()
            }
            _ => claims_of_pool(state, &change.key.name),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(claim) = state.node_claims.get(key) else { return Decision::nothing() };
        let pool = pool_of(claim).and_then(|pool| state.node_pools.get(&Key::cluster(pool)));
        decide(claim, pool.map(|pool| &**pool), now)
    }
}

/// What the condition has to be now, and when it has to be looked at again.
fn decide(claim: &NodeClaim, pool: Option<&NodePool>, now: Timestamp) -> Decision {
    if claim.metadata.deletion_timestamp.is_some() {
        return Decision::nothing();
    }
    let quiet_at = pool.and_then(|pool| quiet_at(claim, pool));
    let holds = quiet_at.is_some_and(|at| at <= now);
    let mut changed = claim.clone();
    if holds {
        changed.set_condition(CONSOLIDATABLE, ConditionStatus::True, "", "", now);
    } else {
        changed.remove_condition(CONSOLIDATABLE);
    }
    let again = quiet_at.filter(|at| *at > now && *at < Timestamp::MAX);
    Decision { actions: Action::update_status(Kind::NodeClaim, claim, &changed).into_iter().collect(), again }
}

/// From when on a claim's node is quiet; nothing if it never is: not initialised, or consolidation is off.
fn quiet_at(claim: &NodeClaim, pool: &NodePool) -> Option<Timestamp> {
    if pool.spec.is_static() || !is_true(claim.conditions(), INITIALIZED) {
        return None;
    }
    let after = pool.spec.disruption().consolidate_after.as_nanos()?;
    let event = claim.status.as_ref().and_then(|status| status.last_pod_event_time.as_ref());
    let initialized = find_condition(claim.conditions(), INITIALIZED)?.last_transition_time.as_ref();
    let since = event.or(initialized)?.0;
    Some(since.checked_add(SignedDuration::from_nanos(after)).unwrap_or(Timestamp::MAX))
}

/// The NodePool of a claim.
pub(super) fn pool_of(claim: &NodeClaim) -> Option<&str> {
    claim.metadata.labels.as_ref()?.get(NODEPOOL).map(String::as_str)
}

/// The claims of a NodePool.
pub(super) fn claims_of_pool(state: &State, pool: &str) -> Vec<Key> {
    let claims = state.node_claims.iter().filter(|(_, claim)| pool_of(claim) == Some(pool));
    claims.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn claim(status: Value) -> NodeClaim {
        serde_json::from_value(json!({
            "metadata": {"name": "a", "labels": {"karpenter.sh/nodepool": "web"}},
            "spec": {"requirements": [], "nodeClassRef": {"group": "g", "kind": "k", "name": "n"}},
            "status": status,
        }))
        .unwrap()
    }

    fn pool(after: &str) -> NodePool {
        let mut pool: Value = crate::test_world::node_pool("web");
        pool["spec"]["disruption"]["consolidateAfter"] = json!(after);
        serde_json::from_value(pool).unwrap()
    }

    fn initialized(at: &str) -> Value {
        json!([{"type": "Initialized", "status": "True", "lastTransitionTime": at}])
    }

    #[rstest]
    #[case::since_it_was_initialized("30s", json!({"conditions": initialized("2026-03-02T09:00:00Z")}), "09:00:30", true, None)]
    #[case::not_yet("30s", json!({"conditions": initialized("2026-03-02T09:00:00Z")}), "09:00:29", false, Some("09:00:30"))]
    #[case::a_pod_came_since("30s", json!({"conditions": initialized("2026-03-02T09:00:00Z"), "lastPodEventTime": "2026-03-02T09:05:00Z"}), "09:05:10", false, Some("09:05:30"))]
    #[case::consolidation_is_off("Never", json!({"conditions": initialized("2026-03-02T09:00:00Z")}), "23:00:00", false, None)]
    #[case::not_initialized("0s", json!({"conditions": []}), "23:00:00", false, None)]
    fn a_node_is_consolidatable_when_it_has_been_quiet_long_enough_section_4_6(
        #[case] after: &str,
        #[case] status: Value,
        #[case] now: &str,
        #[case] holds: bool,
        #[case] again: Option<&str>,
    ) {
        let time = |text: &str| at(&format!("2026-03-02T{text}Z"));
        let decision = decide(&claim(status), Some(&pool(after)), time(now));
        assert_eq!(decision.actions.len(), usize::from(holds));
        assert_eq!(decision.again, again.map(time));
    }

    #[test]
    fn the_condition_goes_when_the_node_is_not_quiet_any_more() {
        let mut conditions = initialized("2026-03-02T09:00:00Z");
        conditions.as_array_mut().unwrap().push(json!({"type": "Consolidatable", "status": "True", "reason": "Consolidatable"}));
        let claim = claim(json!({"conditions": conditions, "lastPodEventTime": "2026-03-02T09:05:00Z"}));
        let decision = decide(&claim, Some(&pool("30s")), at("2026-03-02T09:05:01Z"));
        assert_eq!(decision.actions.len(), 1);
    }
}
