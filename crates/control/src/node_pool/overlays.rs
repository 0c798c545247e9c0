//! NodeOverlays say whether they count (reference section 1.3; gate NodeOverlay).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::condition_reasons::node_overlay as reasons;
use supercargo_api::condition_types::{NODE_OVERLAY_ROOTS, VALIDATION_SUCCEEDED};
use supercargo_api::{EC2NodeClass, NodeOverlay, NodePool};
use supercargo_engine::overlays::overlaid_tables;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State};

use crate::conditions::{self, Finding};
use crate::knowledge::Knowledge;

/// How often all are looked at though nothing changes.
const EVERY: Duration = Duration::from_secs(6 * 3_600);

/// The controller of NodeOverlays. They are looked at all together, because they may contradict each other.
pub struct Overlays {
    knowledge: Arc<Knowledge>,
}

impl Overlays {
    /// A controller.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge }
    }

    /// What is found about each overlay, by name.
    fn findings(&self, state: &State, now: Timestamp) -> BTreeMap<String, Finding> {
        let overlays: Vec<NodeOverlay> =
            state.node_overlays.values().map(|overlay| (**overlay).clone()).collect();
        let pools: Vec<NodePool> = state.node_pools.values().map(|pool| (**pool).clone()).collect();
        let classes: Vec<Arc<EC2NodeClass>> = state.node_classes.values().cloned().collect();
        let mut market = (*self.knowledge.market(&classes, false, now)).clone();
        let (_, problems) = overlaid_tables(&pools, &overlays, &mut market);
        let mut findings = BTreeMap::new();
        for overlay in &overlays {
            let name = overlay.metadata.name.clone().unwrap_or_default();
            let finding = match overlay.runtime_problems().first() {
                Some(problem) => Finding::fails(reasons::RUNTIME_VALIDATION, problem.to_string()),
                None => Finding::holds(),
            };
            findings.insert(name, finding);
        }
        for problem in problems {
            let is_conflict = problem.problem.starts_with("conflicts with");
            let reason = if is_conflict { reasons::CONFLICT } else { reasons::RUNTIME_VALIDATION };
            findings.insert(problem.name, Finding::fails(reason, problem.problem));
        }
        findings
    }
}

impl Controller for Overlays {
    const NAME: &'static str = "overlays";
    const KINDS: &'static [Kind] = &[Kind::NodeOverlay, Kind::NodePool, Kind::EC2NodeClass];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        // statuses change more often than what overlays depend on
        let generation = |object: &Option<supercargo_reconcile::Object>| {
            object.as_ref().and_then(|object| object.metadata().generation)
        };
        let is_news = change.old.is_none()
            || change.new.is_none()
            || generation(&change.old) != generation(&change.new)
            || change.kind == Kind::EC2NodeClass;
        if is_news && !state.node_overlays.is_empty() { vec![Key::cluster("")] } else { Vec::new() }
    }

    fn decide(&mut self, _: &Key, state: &State, now: Timestamp) -> Decision {
        let mut decision = Decision::nothing();
        if !self.knowledge.settings.gates.node_overlay || state.node_overlays.is_empty() {
            return decision;
        }
        let findings = self.findings(state, now);
        for (key, overlay) in state.node_overlays.iter() {
            let Some(finding) = findings.get(&key.name) else { continue };
            let mut wanted = (**overlay).clone();
            let generation = overlay.metadata.generation;
            let status = wanted.status.get_or_insert_default();
            conditions::set(&mut status.conditions, VALIDATION_SUCCEEDED, finding, generation, now);
            conditions::sum_up(&mut status.conditions, &NODE_OVERLAY_ROOTS, generation, now);
            decision.actions.extend(Action::update_status(Kind::NodeOverlay, &**overlay, &wanted));
        }
        decision.look_again(now + EVERY);
        decision
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::settings::{FeatureGates, Settings};
    use crate::test_world;

    fn toy(gate: bool) -> Toy {
        let gates = FeatureGates { node_overlay: gate, ..FeatureGates::default() };
        let knowledge = test_world::with_settings(Settings { gates, ..Settings::default() });
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Overlays::new(knowledge)))]);
        toy.create(Kind::EC2NodeClass, test_world::node_class());
        toy.create(Kind::NodePool, test_world::node_pool("general"));
        toy
    }

    fn overlay(name: &str, spec: Value) -> Value {
        let mut spec = spec;
        spec["requirements"] =
            json!([{"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m7i"]}]);
        json!({"metadata": {"name": name}, "spec": spec})
    }

    fn told(toy: &Toy, name: &str) -> String {
        let found = toy.state.node_overlays.get(&Key::cluster(name)).unwrap();
        let status = found.status.clone().unwrap_or_default();
        let all = status.conditions.unwrap_or_default();
        let words = all.iter().map(|condition| {
            format!(
                "{}={:?}/{}",
                condition.type_,
                condition.status,
                condition.reason.clone().unwrap_or_default()
            )
        });
        words.collect::<Vec<_>>().join(" ")
    }

    const GOOD: &str = "ValidationSucceeded=True/ValidationSucceeded Ready=True/Ready";
    const INVALID: &str = "ValidationSucceeded=False/RuntimeValidation Ready=False/UnhealthyDependents";
    const CONFLICT: &str = "ValidationSucceeded=False/Conflict Ready=False/UnhealthyDependents";

    #[rstest]
    #[case::a_price(true, json!({"price": "0.25"}), GOOD)]
    #[case::the_gate_is_off(false, json!({"price": "0.25"}), "")]
    #[case::a_resource_that_types_tell_themselves(true, json!({"capacity": {"nvidia.com/gpu": "1"}}), INVALID)]
    #[case::no_price(true, json!({"price": "a lot"}), INVALID)]
    fn section_1_3_an_overlay_says_whether_it_counts(
        #[case] gate: bool,
        #[case] spec: Value,
        #[case] expected: &str,
    ) {
        let mut toy = toy(gate);
        toy.create(Kind::NodeOverlay, overlay("a", spec));
        toy.run(Duration::from_secs(1));
        assert_eq!(told(&toy, "a"), expected);
    }

    #[test]
    fn section_1_3_of_two_that_weigh_the_same_and_say_different_things_one_is_left_out() {
        let mut toy = toy(true);
        toy.create(Kind::NodeOverlay, overlay("a", json!({"price": "0.25", "weight": 5})));
        toy.create(Kind::NodeOverlay, overlay("b", json!({"price": "0.50", "weight": 5})));
        toy.run(Duration::from_secs(1));
        assert_eq!((told(&toy, "a").as_str(), told(&toy, "b").as_str()), (CONFLICT, GOOD));
        toy.patch(Kind::NodeOverlay, &Key::cluster("a"), json!({"spec": {"weight": 6}}));
        toy.run(Duration::from_secs(1));
        assert_eq!((told(&toy, "a").as_str(), told(&toy, "b").as_str()), (GOOD, GOOD));
    }
}
