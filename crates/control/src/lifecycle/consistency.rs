//! Whether nodes have what their claims promised (reference section 3.6).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::condition_reasons::node_claim::CONSISTENCY_CHECK_FAILED;
use supercargo_api::condition_types::{CONSISTENT_STATE_FOUND, INITIALIZED};
use supercargo_api::{NodeClaim, Resources, is_true};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

use super::claims::{is_leaving, provider_id};
use crate::conditions::{self, Finding};

/// How often each claim is looked at.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// The controller of consistency.
#[derive(Debug, Default)]
pub struct Consistency {}

/// The resources of which a node has less than 90 % of what was promised, told in words.
fn shortfalls(claim: &NodeClaim, node: &Node) -> Vec<String> {
    let promised = claim.status.as_ref().and_then(|status| status.capacity.as_ref());
    let promised = promised.and_then(|capacity| capacity.resources().ok()).unwrap_or_default();
    let requests = claim.spec.requests().and_then(|requests| requests.resources().ok()).unwrap_or_default();
    let found = node.status.as_ref().and_then(|status| status.capacity.as_ref());
    let found =
        found.and_then(|capacity| Resources::from_quantities(capacity.iter()).ok()).unwrap_or_default();
    let asked = requests.iter().filter(|(_, amount)| *amount > 0);
    asked
        .filter_map(|(name, _)| {
            let (expected, has) = (promised.get(name), found.get(name));
            // in tenths, so that nothing is rounded
            let short = expected > 0 && i128::from(has) * 10 < i128::from(expected) * 9;
            let share = i128::from(has) * 100 / i128::from(expected.max(1));
            short.then(|| {
                format!("expected {expected} of resource {name}, but found {has} ({share}% of expected)")
            })
        })
        .collect()
}

impl Controller for Consistency {
    const NAME: &'static str = "consistency";
    const KINDS: &'static [Kind] = &[Kind::NodeClaim, Kind::Node];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        let initialized = |object: &Option<Object>| match object {
            Some(Object::NodeClaim(claim)) => is_true(claim.conditions(), INITIALIZED),
            _ => false,
        };
        let is_news = initialized(&change.new) && !initialized(&change.old);
        if is_news { vec![change.key.clone()] } else { Vec::new() }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let claim = state.node_claims.get(key).filter(|claim| !is_leaving(claim));
        let Some((claim, id)) = claim.and_then(|claim| Some((claim, provider_id(claim)?))) else {
            return Decision::nothing();
        };
        let mut decision = Decision::nothing();
        decision.look_again(now + EVERY);
        let Some((_, node)) = state.nodes_of_instance(id).next() else { return decision };
        let shortfalls = shortfalls(claim, node);
        let finding = if shortfalls.is_empty() {
            Finding::holds()
        } else {
            Finding::fails(CONSISTENCY_CHECK_FAILED, shortfalls.join("; "))
        };
        for shortfall in shortfalls {
            decision.actions.push(Action::warn(&**claim, "karpenter", "FailedConsistencyCheck", shortfall));
        }
        let mut wanted = (**claim).clone();
        let status = wanted.status.get_or_insert_default();
        conditions::set(
            &mut status.conditions,
            CONSISTENT_STATE_FOUND,
            &finding,
            claim.metadata.generation,
            now,
        );
        if wanted.status != claim.status {
            decision.actions.extend(Action::update_status(Kind::NodeClaim, &**claim, &wanted));
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_api::{ConditionStatus, find_condition};
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::stage;

    #[rstest]
    #[case::as_promised(json!({"cpu": "2", "memory": "8Gi"}), json!({"cpu": "2", "memory": "8Gi"}), 0)]
    #[case::at_90_percent(json!({"cpu": "2", "memory": "10Gi"}), json!({"cpu": "2", "memory": "9Gi"}), 0)]
    #[case::just_below(json!({"cpu": "2", "memory": "10Gi"}), json!({"cpu": "1799m", "memory": "9Gi"}), 1)]
    #[case::nothing_of_it(json!({"cpu": "2", "memory": "10Gi"}), json!({}), 2)]
    #[case::not_asked_for(json!({"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": "1"}), json!({"cpu": "2", "memory": "8Gi"}), 0)]
    #[case::not_promised(json!({}), json!({"cpu": "2"}), 0)]
    fn section_3_6_only_what_was_asked_for_is_compared(
        #[case] promised: Value,
        #[case] found: Value,
        #[case] expected: usize,
    ) {
        let mut claim = stage::node_claim("a", "general", "default");
        claim["spec"]["resources"] = json!({"requests": {"cpu": "1", "memory": "1Gi"}});
        claim["status"] = json!({"capacity": promised});
        let node = json!({"metadata": {"name": "n"}, "status": {"capacity": found}});
        let told =
            shortfalls(&serde_json::from_value(claim).unwrap(), &serde_json::from_value(node).unwrap());
        assert_eq!(told.len(), expected, "{told:?}");
    }

    #[test]
    fn section_3_6_a_node_that_falls_short_is_told_of_every_ten_minutes() {
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Consistency::default()))]);
        let mut claim = stage::node_claim("a", "general", "default");
        claim["spec"]["resources"] = json!({"requests": {"cpu": "1"}});
        claim["status"] = json!({
            "providerID": "aws:///us-east-1a/i-1", "capacity": {"cpu": "4"},
            "conditions": [{"type": "Initialized", "status": "True"}],
        });
        toy.create(Kind::NodeClaim, claim);
        toy.create(Kind::Node, json!({
            "metadata": {"name": "n"}, "spec": {"providerID": "aws:///us-east-1a/i-1"}, "status": {"capacity": {"cpu": "2"}},
        }));
        let told = |toy: &Toy| {
            let claim = toy.state.node_claims.get(&Key::cluster("a")).unwrap();
            let found = find_condition(claim.conditions(), CONSISTENT_STATE_FOUND).unwrap().clone();
            (found.status, found.reason.unwrap())
        };
        toy.run(Duration::from_secs(601));
        assert_eq!(told(&toy), (ConditionStatus::False, "ConsistencyCheckFailed".to_owned()));
        assert!(toy.said("a", "FailedConsistencyCheck").len() >= 2);
        toy.patch_status(Kind::Node, &Key::cluster("n"), json!({"capacity": {"cpu": "4"}}));
        toy.run(Duration::from_secs(601));
        assert_eq!(told(&toy).0, ConditionStatus::True);
    }
}
