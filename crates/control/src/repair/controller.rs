//! Ends the claims of nodes that have been unhealthy for too long.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::NodeClaim;
use supercargo_api::labels::{CAPACITY_TYPE, NODEPOOL};
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

use super::policies::unhealthy;
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::said::{COMPONENT, Said};
use crate::termination::end_by_force;

/// The part of a NodePool that may be unhealthy, in percent, rounded up.
const MOST_PERCENT: usize = 20;
/// When a node is looked at again that may not be ended because too many are unhealthy.
const BLOCKED: Duration = Duration::from_secs(300);
/// How long it is not said again that nodes are not ended.
const WINDOW: Duration = Duration::from_secs(900);

/// Ends unhealthy nodes.
pub struct Repair {
    knowledge: Arc<Knowledge>,
    said: Said,
}

impl Repair {
    /// The controller; it does nothing unless the gate NodeRepair is open.
    pub fn new(knowledge: Arc<Knowledge>) -> Repair {
        Repair { knowledge, said: Said::default() }
    }

    fn blocked(
        &mut self,
        state: &State,
        node: &Node,
        claim: &NodeClaim,
        why: &str,
        now: Timestamp,
    ) -> Vec<Action> {
        let uid = claim.metadata.uid.as_deref().unwrap_or_default();
        let mut notes = Vec::new();
        if self.said.is_news("NodeRepairBlocked", uid, WINDOW, now) {
            notes.push(Action::warn(node, COMPONENT, "NodeRepairBlocked", why.to_owned()));
            notes.push(Action::warn(claim, COMPONENT, "NodeRepairBlocked", why.to_owned()));
        }
        if let Some(pool) = pool_of(claim).and_then(|pool| state.node_pools.get(&Key::cluster(pool)))
            && self.said.is_news("NodeRepairBlocked", pool_of(claim).unwrap_or_default(), WINDOW, now)
        {
            notes.push(Action::warn(&**pool, COMPONENT, "NodeRepairBlocked", why.to_owned()));
        }
        notes
    }
}

impl Controller for Repair {
    const NAME: &'static str = "repair";
    const KINDS: &'static [Kind] = &[Kind::Node, Kind::NodeClaim, Kind::NodePool];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match &change.new {
            Some(Object::Node(node))
                if self.knowledge.settings.gates.node_repair && unhealthy(node).is_some() =>
            {
                vec![change.key.clone()]
            }
            // the deadline has been written: the claim can be deleted now
            Some(Object::NodeClaim(claim)) if self.knowledge.settings.gates.node_repair => {
                let node = claim.status.as_ref().and_then(|status| status.node_name.as_deref());
                node.map(Key::cluster).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(node) = state.nodes.get(key) else { return Decision::nothing() };
        let Some((policy, until)) = unhealthy(node) else { return Decision::nothing() };
        let Some(claim) = claim_of(node, state) else { return Decision::nothing() };
        if claim.metadata.deletion_timestamp.is_some() {
            return Decision::nothing();
        }
        if until > now {
            return Decision { actions: Vec::new(), again: Some(until) };
        }
        let (bad, all) = health(state, pool_of(claim));
        let most = (all * MOST_PERCENT).div_ceil(100);
        if bad > most {
            let whose =
                pool_of(claim).map_or_else(|| "the cluster".to_owned(), |pool| format!("NodePool {pool}"));
            let why =
                format!("more than {MOST_PERCENT}% of the nodes of {whose} are unhealthy: {bad} of {all}");
            let actions = self.blocked(state, node, claim, &why, now);
            return Decision { actions, again: now.checked_add(BLOCKED).ok() };
        }
        let Some(action) = end_by_force(claim, now) else { return Decision::nothing() };
        if matches!(action.verb, supercargo_reconcile::Verb::Delete { .. }) {
            let pool = pool_of(claim).unwrap_or_default();
            let labels = claim.metadata.labels.as_ref();
            let capacity_type =
                labels.and_then(|all| all.get(CAPACITY_TYPE)).map(String::as_str).unwrap_or_default();
            let image =
                claim.status.as_ref().and_then(|status| status.image_id.as_deref()).unwrap_or_default();
            let condition = snake(policy.type_);
            self.knowledge.metrics.node_claim_unhealthy(pool, capacity_type, &condition, image);
            self.knowledge.metrics.node_claim_disrupted(pool, capacity_type, "unhealthy");
            let minutes = policy.tolerance.as_secs() / 60;
            let entry = Entry::new(now, EntryKind::Repair, Subject::of(&**node), "ended by force")
                .touching([Subject::of(claim)])
                .because(format!("{} has been {} for {minutes} minutes", policy.type_, policy.status))
                .given("unhealthy", format!("{bad} of {all} nodes"));
            self.knowledge.journal.record(entry);
        }
        Decision { actions: vec![action], again: None }
    }
}

/// How many nodes are unhealthy, and of how many: of a NodePool, or of all that have a claim.
fn health(state: &State, pool: Option<&str>) -> (usize, usize) {
    let of_pool = |node: &&Arc<Node>| match pool {
        Some(pool) => {
            node.metadata.labels.as_ref().and_then(|all| all.get(NODEPOOL)).is_some_and(|one| one == pool)
        }
        None => claim_of(node, state).is_some(),
    };
    let nodes: Vec<&Arc<Node>> = state.nodes.values().filter(of_pool).collect();
    (nodes.iter().filter(|node| unhealthy(node).is_some()).count(), nodes.len())
}

fn claim_of<'s>(node: &Node, state: &'s State) -> Option<&'s NodeClaim> {
    let owners = node.metadata.owner_references.iter().flatten();
    let mut owners = owners.filter(|owner| owner.kind == "NodeClaim");
    if let Some(claim) = owners.find_map(|owner| state.node_claims.get(&Key::cluster(&owner.name))) {
        return Some(claim);
    }
    let provider = node.spec.as_ref()?.provider_id.as_deref()?;
    let of_node = |claim: &&Arc<NodeClaim>| {
        claim.status.as_ref().and_then(|status| status.provider_id.as_deref()) == Some(provider)
    };
    state.node_claims.values().find(of_node).map(|claim| &**claim)
}

fn pool_of(claim: &NodeClaim) -> Option<&str> {
    claim.metadata.labels.as_ref()?.get(NODEPOOL).map(String::as_str)
}

/// `AcceleratedHardwareReady` as `accelerated_hardware_ready`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::settings::{FeatureGates, Settings};
    use crate::test_world;

    fn toy(is_on: bool) -> Toy {
        let gates = FeatureGates { node_repair: is_on, ..FeatureGates::default() };
        let knowledge = test_world::with_settings(Settings { gates, ..Settings::default() });
        Toy::new(vec![Box::new(Keyed::new(Repair::new(knowledge)))])
    }

    fn node(toy: &mut Toy, name: &str, condition: (&str, &str), since: &str) {
        let labels = json!({"karpenter.sh/nodepool": "web"});
        let provider = format!("aws:///us-east-1a/i-{name}");
        toy.create(
            Kind::NodeClaim,
            json!({
                "metadata": {"name": format!("web-{name}"), "labels": labels, "finalizers": ["karpenter.sh/termination"]},
                "spec": {"requirements": [], "nodeClassRef": {"group": "g", "kind": "k", "name": "n"}},
                "status": {"providerID": provider, "nodeName": name},
            }),
        );
        toy.create(
            Kind::Node,
            json!({
                "metadata": {"name": name, "labels": labels},
                "spec": {"providerID": provider},
                "status": {"conditions": [{"type": condition.0, "status": condition.1, "lastTransitionTime": since}]},
            }),
        );
    }

    fn claim(toy: &Toy, name: &str) -> NodeClaim {
        toy.state.node_claims.get(&Key::cluster(format!("web-{name}"))).unwrap().as_ref().clone()
    }

    #[rstest]
    #[case::not_ready_for_half_an_hour("Ready", "False", 30, true)]
    #[case::silent_for_half_an_hour("Ready", "Unknown", 30, true)]
    #[case::for_less("Ready", "False", 29, false)]
    #[case::hardware_for_ten_minutes("AcceleratedHardwareReady", "False", 10, true)]
    #[case::storage_for_ten_minutes("StorageReady", "False", 10, false)]
    #[case::kernel("KernelReady", "False", 30, true)]
    #[case::ready("Ready", "True", 600, false)]
    #[case::of_another_kind("DiskPressure", "True", 600, false)]
    fn a_node_that_is_unhealthy_for_too_long_ends_by_force_section_3_7(
        #[case] type_: &str,
        #[case] status: &str,
        #[case] minutes: u64,
        #[case] ends: bool,
    ) {
        let mut toy = toy(true);
        node(&mut toy, "a", (type_, status), "2026-03-02T09:00:00Z");
        for index in 0..4 {
            node(&mut toy, &format!("n{index}"), ("Ready", "True"), "2026-03-02T09:00:00Z");
        }
        toy.run(Duration::from_secs(60 * minutes));
        let claim = claim(&toy, "a");
        assert_eq!(claim.metadata.deletion_timestamp.is_some(), ends);
        let annotations = claim.metadata.annotations.unwrap_or_default();
        assert_eq!(annotations.contains_key("karpenter.sh/nodeclaim-termination-timestamp"), ends);
    }

    #[test]
    fn nobody_is_ended_while_more_than_a_fifth_is_unhealthy_section_3_7() {
        let mut toy = toy(true);
        for index in 0..6 {
            let status = if index < 3 { "False" } else { "True" };
            node(&mut toy, &format!("n{index}"), ("Ready", status), "2026-03-02T08:00:00Z");
        }
        toy.run(Duration::from_secs(120));
        assert!((0..6).all(|index| claim(&toy, &format!("n{index}")).metadata.deletion_timestamp.is_none()));
        let said = toy.said("n0", "NodeRepairBlocked");
        assert_eq!(said, ["more than 20% of the nodes of NodePool web are unhealthy: 3 of 6"]);
    }

    #[test]
    fn without_the_gate_nothing_happens() {
        let mut toy = toy(false);
        node(&mut toy, "a", ("Ready", "False"), "2026-03-02T08:00:00Z");
        toy.run(Duration::from_secs(7_200));
        assert!(claim(&toy, "a").metadata.deletion_timestamp.is_none());
    }
}
