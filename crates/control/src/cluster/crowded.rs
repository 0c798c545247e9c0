//! Pods whose place another has taken. The scheduler goes its own way: of pods that are alike it puts the first one onto the
//! node that is ready first, whichever node it was bought for. Where more were to go to a node than it has room for beside
//! those that are there, the rest has to be planned anew; the place of the other one is free for them.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::Pod;
use supercargo_api::resources::Resources;
use supercargo_engine::amounts::{Amounts, PLENTY, ResourceNames, WIDTH};
use supercargo_engine::requests::effective_requests;
use supercargo_reconcile::{Key, State, node_of};

use super::Assignments;
use super::live::{holds_a_node, is_provisionable};

/// The pods that find no room any more at the node they were to go to, of rooms by claim.
pub(super) fn crowded(
    state: &State,
    assignments: &Assignments,
    rooms: &BTreeMap<String, String>,
) -> BTreeSet<Key> {
    rooms.iter().flat_map(|(claim, node)| without_room(state, assignments, claim, node)).cloned().collect()
}

fn without_room<'a>(state: &State, assignments: &'a Assignments, claim: &str, node: &str) -> Vec<&'a Key> {
    let mut names = ResourceNames::default();
    let Some(mut free) = allocatable(state, node, &mut names) else { return Vec::new() };
    let mut takes = |pod: &Pod| {
        // what cannot be read takes nothing here; the plan says what is wrong with it
        effective_requests(pod, &mut names).unwrap_or(Amounts::ZERO)
    };
    for (_, pod) in state.pods_on(node).filter(|(_, pod)| holds_a_node(pod)) {
        free.subtract(&takes(pod));
    }
    let mut crowded = Vec::new();
    for key in assignments.to(claim) {
        let Some(pod) = state.pods.get(key) else { continue };
        if node_of(pod) == Some(node) || !(holds_a_node(pod) || is_provisionable(pod)) {
            continue;
        }
        let needed = takes(pod);
        if needed.fits(&free) {
            free.subtract(&needed);
        } else {
            crowded.push(key);
        }
    }
    crowded
}

/// What a node has, plenty of what it does not speak of: devices come after it. Nothing of one that has yet to say.
fn allocatable(state: &State, node: &str, names: &mut ResourceNames) -> Option<Amounts> {
    let node = state.nodes.named("", node)?;
    let stated = node.status.as_ref()?.allocatable.as_ref()?;
    let stated = Resources::from_quantities(stated).ok()?;
    let mut all = Amounts([PLENTY; WIDTH]);
    for (name, amount) in stated.iter() {
        if let Some(place) = names.intern(name) {
            all[place] = amount;
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supercargo_reconcile::Kind;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::test_world;

    fn node(toy: &mut Toy, name: &str, cpu: &str) {
        let allocatable = json!({"cpu": cpu, "memory": "8Gi", "pods": "29"});
        toy.create(Kind::Node, json!({"metadata": {"name": name}, "status": {"allocatable": allocatable}}));
    }

    fn pod(toy: &mut Toy, name: &str, node: Option<&str>) -> Key {
        let mut pod = test_world::waiting_pod(name, "1");
        if let Some(node) = node {
            pod["spec"]["nodeName"] = json!(node);
        }
        toy.create(Kind::Pod, pod);
        Key::new("shop", name)
    }

    fn assigned(toy: &Toy, pods: &[(&str, &str)]) -> Assignments {
        let mut assignments = Assignments::default();
        for (name, claim) in pods {
            let uid = toy.state.pods.named("shop", name).and_then(|pod| pod.metadata.uid.clone()).unwrap();
            assignments.assign(Key::new("shop", *name), &uid, claim);
        }
        assignments
    }

    #[test]
    fn a_pod_whose_place_another_has_taken_is_crowded_out_and_one_that_has_arrived_is_not() {
        let mut toy = Toy::new(Vec::new());
        node(&mut toy, "node-a", "3");
        pod(&mut toy, "stranger", Some("node-a"));
        pod(&mut toy, "arrived", Some("node-a"));
        pod(&mut toy, "first", None);
        let second = pod(&mut toy, "second", None);
        let assignments =
            assigned(&toy, &[("arrived", "claim-a"), ("first", "claim-a"), ("second", "claim-a")]);
        let rooms = BTreeMap::from([("claim-a".to_owned(), "node-a".to_owned())]);
        assert_eq!(crowded(&toy.state, &assignments, &rooms), BTreeSet::from([second]));
    }

    #[test]
    fn nobody_is_crowded_out_of_a_claim_without_a_node() {
        let mut toy = Toy::new(Vec::new());
        pod(&mut toy, "first", None);
        let assignments = assigned(&toy, &[("first", "claim-a")]);
        let rooms = BTreeMap::from([("claim-a".to_owned(), "claim-a".to_owned())]);
        assert_eq!(crowded(&toy.state, &assignments, &rooms), BTreeSet::new());
    }
}
