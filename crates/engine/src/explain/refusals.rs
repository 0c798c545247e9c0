//! Which existing nodes would take a pod, and why the others would not.

use std::collections::BTreeMap;

use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::taint;

use crate::amounts::{PODS, WIDTH};
use crate::class::NodeRules;
use crate::reasons::{amount, port_text, requested};
use crate::rooms::Room;
use crate::snapshot::Snapshot;
use crate::solve::{ClassOutlook, Outlook};

use super::neighbours::Neighbours;
use super::pod_document::{ExistingNodes, Refusing};

/// Why a node would not take a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refusal {
    GoingAway,
    Cordoned,
    Taint(String),
    Labels(String),
    /// The place of the resource that is scarcest.
    Resource(usize),
    Port(String),
    Neighbours(String),
}

/// A reason, for how many nodes, and the node that came nearest.
struct Tally<'s> {
    nodes: usize,
    nearest: &'s Room,
}

/// Asks every node but one, in the order in which they are tried.
pub(super) fn existing_nodes(
    snapshot: &Snapshot,
    outlook: &Outlook,
    class: u32,
    of_class: &ClassOutlook,
    but: Option<u32>,
) -> ExistingNodes {
    let neighbours = Neighbours { snapshot, outlook, class, of_class };
    let mut taking = Vec::new();
    let mut refusing: BTreeMap<Refusal, Tally<'_>> = BTreeMap::new();
    let mut asked = 0;
    for (index, room) in snapshot.rooms.iter().enumerate() {
        let index = index as u32;
        if Some(index) == but {
            continue;
        }
        asked += 1;
        match refusal(&neighbours, room, index) {
            None => taking.push(room.name.clone()),
            Some(refusal) => {
                let place = if let Refusal::Resource(place) = &refusal { *place } else { WIDTH };
                let tally = refusing.entry(refusal).or_insert(Tally { nodes: 0, nearest: room });
                tally.nodes += 1;
                if place < WIDTH && room.free[place] > tally.nearest.free[place] {
                    tally.nearest = room;
                }
            }
        }
    }
    let mut refusing: Vec<Refusing> =
        refusing.into_iter().map(|(refusal, tally)| refusal.told(snapshot, class, &tally)).collect();
    // reasons that are equally frequent keep their order
    refusing.sort_by_key(|one| std::cmp::Reverse(one.nodes));
    ExistingNodes { asked, taking, refusing }
}

fn refusal(neighbours: &Neighbours<'_>, room: &Room, index: u32) -> Option<Refusal> {
    let snapshot = neighbours.snapshot;
    let class = &snapshot.classes[neighbours.class as usize];
    let rules = &snapshot.rules[class.rules as usize];
    if room.leaving {
        return Some(Refusal::GoingAway);
    }
    // the outlook knows who tolerates a cordon
    if neighbours.of_class.rooms.binary_search(&index).is_err() {
        return Some(by_rules(room, rules));
    }
    let missing = |place: &usize| class.requests[*place] > 0 && class.requests[*place] > room.free[*place];
    let scarce = (0..WIDTH).filter(missing).max_by(|left, right| {
        let share = |place: usize| room.free[place].max(0) as f64 / class.requests[place] as f64;
        share(*right).total_cmp(&share(*left)).then(right.cmp(left))
    });
    if let Some(place) = scarce {
        return Some(Refusal::Resource(place));
    }
    let conflicts = |port: &&crate::class::HostPort| room.host_ports.iter().any(|used| port.conflicts(used));
    if let Some(port) = class.host_ports.iter().find(conflicts) {
        return Some(Refusal::Port(port_text(port)));
    }
    neighbours.in_the_way(index).map(Refusal::Neighbours)
}

/// What of a room's taints and labels is in the way.
fn by_rules(room: &Room, rules: &NodeRules) -> Refusal {
    if let Some(taint) = taint::first_untolerated(&room.taints, &rules.tolerations, false) {
        return if taint.key == labels::UNSCHEDULABLE_TAINT {
            Refusal::Cordoned
        } else {
            Refusal::Taint(taint::describe(taint))
        };
    }
    // of several alternatives, the one with the fewest demands unmet tells most
    let unmet = rules.alternatives.iter().map(|alternative| {
        alternative.iter().filter(|requirement| !meets(room, requirement)).collect::<Vec<_>>()
    });
    match unmet.min_by_key(Vec::len).unwrap_or_default().first() {
        Some(requirement) => Refusal::Labels(requirement.to_string()),
        None => Refusal::Cordoned,
    }
}

fn meets(room: &Room, requirement: &Requirement) -> bool {
    let mut alone = Requirements::new();
    alone.add(requirement.clone());
    room.satisfies(&alone)
}

impl Refusal {
    fn told(&self, snapshot: &Snapshot, class: u32, tally: &Tally<'_>) -> Refusing {
        let (code, reason) = match self {
            Refusal::GoingAway => ("going-away", "going away".to_owned()),
            Refusal::Cordoned => ("cordoned", "cordoned".to_owned()),
            Refusal::Taint(taint) => ("taint", format!("taint {taint} is not tolerated")),
            Refusal::Labels(requirement) => ("labels", format!("not {requirement}")),
            Refusal::Resource(place) => {
                let needed = snapshot.classes[class as usize].requests[*place];
                let free = tally.nearest.free[*place].max(0);
                let reason = if *place == PODS {
                    "as many pods as it can have".to_owned()
                } else {
                    let most = if tally.nodes == 1 { "there are" } else { "at most" };
                    format!(
                        "needs {}, {most} {} free",
                        requested(snapshot, *place, needed),
                        amount(*place, free)
                    )
                };
                ("resources", reason)
            }
            Refusal::Port(port) => ("host-port", format!("host port {port} is in use")),
            Refusal::Neighbours(rule) => ("other-pods", rule.clone()),
        };
        Refusing { code: code.to_owned(), reason, nodes: tally.nodes, example: tally.nearest.name.clone() }
    }
}
