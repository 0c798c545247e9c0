//! Why a node has its type, what runs on it, what that costs, and whether it could go.

use supercargo_api::labels;
use supercargo_api::objects::Objects;
use supercargo_catalog::{PriceStamp, Usd};

use crate::amounts::Amounts;
use crate::disruption::{Disruption, DisruptionReason, PodMove, RoomStanding};
use crate::plan::{month, percent, texts};
use crate::rooms::Room;
use crate::snapshot::Snapshot;

use super::costs::{Rates, rates};
use super::node_document::{Going, NodeExplanation, NodeState, Obstacle, PodOnNode, PriceSplit};
use super::pod::{blocked, owner};
use super::sizing::{Case, sizing};
use super::what_if::what_if;

/// Explains a node, given by its name or by that of its NodeClaim; `None` where there is none.
///
/// The snapshot has to be of these objects.
pub fn explain_node(
    objects: &Objects,
    snapshot: &Snapshot,
    disruption: &Disruption,
    name: &str,
) -> Option<NodeExplanation> {
    let claim_name = |room: &Room| {
        let claim = objects.node_claims.get(room.claim? as usize)?;
        claim.metadata.name.as_deref()
    };
    let named = |room: &Room| room.name == name;
    let index = snapshot.rooms.iter().position(named);
    let index = index.or_else(|| snapshot.rooms.iter().position(|room| claim_name(room) == Some(name)))?;
    let room = &snapshot.rooms[index];
    let standing = &disruption.rooms[index];
    let claim = room.claim.and_then(|claim| objects.node_claims.get(claim as usize));
    let node = room.node.and_then(|node| objects.nodes.get(node as usize));
    let rows: Vec<u32> = (0..snapshot.pods.len() as u32)
        .filter(|row| snapshot.pods[*row as usize].room == index as u32)
        .collect();
    let amounts_of = |row: &u32| &snapshot.classes[snapshot.pods[*row as usize].class as usize].requests;
    let stays = |row: &u32| disruption.pods[*row as usize].moves == PodMove::LeavesWithNode;
    let (mut requests, mut daemons) = (Amounts::ZERO, Amounts::ZERO);
    for row in &rows {
        requests.add(amounts_of(row));
        if stays(row) {
            daemons.add(amounts_of(row));
        }
    }
    let mut allocatable = snapshot.names.amounts(&room.allocatable);
    for (driver, count) in &room.attachable {
        if let Some(place) = snapshot.names.place(&format!("{}{driver}", crate::amounts::VOLUME_PREFIX)) {
            allocatable[place] = *count;
        }
    }
    let rates = standing.price.and_then(|price| rates(snapshot, &allocatable, price));
    let moving: Vec<u32> = rows
        .iter()
        .copied()
        .filter(|row| disruption.pods[*row as usize].moves == PodMove::Reschedulable)
        .collect();
    let case = Case {
        snapshot,
        room,
        pods: &moving,
        requests: &requests,
        allocatable: &allocatable,
        price: standing.price,
        claim,
    };
    let sizing = sizing(&case);
    let label = |key: &str| room.labels.get(key).cloned().unwrap_or_default();
    let created = claim.map(|claim| &claim.metadata).or_else(|| node.map(|node| &node.metadata));
    let created = created.and_then(|metadata| metadata.creation_timestamp.as_ref());
    let mut pods: Vec<PodOnNode> = rows
        .iter()
        .map(|row| {
            let object = objects.pods.get(snapshot.pods[*row as usize].object as usize);
            PodOnNode {
                pod: snapshot.pod_name(*row),
                owner: object.and_then(|pod| owner(&pod.metadata)),
                requests: texts(&snapshot.names.resources(amounts_of(row))),
                price_per_hour: rates.as_ref().map(|rates| rates.cost(amounts_of(row))),
                stays: stays(row),
                eviction_cost: disruption.pods[*row as usize].eviction_cost,
                blocked: blocked(snapshot, disruption, *row),
            }
        })
        .collect();
    pods.sort_by(|left, right| {
        (left.stays, std::cmp::Reverse(left.price_per_hour), &left.pod).cmp(&(
            right.stays,
            std::cmp::Reverse(right.price_per_hour),
            &right.pod,
        ))
    });
    let split = standing.price.zip(rates.as_ref()).map(|(price, rates)| split(snapshot, rates, price, &pods));
    let allocated = &room.allocatable;
    let share =
        |place: usize, resource: &str| percent(requests[place] as f64, allocated.get(resource) as f64);
    let going = going(snapshot, disruption, index as u32, &moving);
    let mut answer = NodeExplanation {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "NodeExplanation".to_owned(),
        node: room.name.clone(),
        message: String::new(),
        node_claim: claim_name(room).map(str::to_owned),
        node_pool: room.labels.get(labels::NODEPOOL).cloned(),
        instance_type: label(labels::INSTANCE_TYPE),
        zone: label(labels::ZONE),
        capacity_type: label(labels::CAPACITY_TYPE),
        state: state(room, standing),
        created: created.map(|time| time.0.to_string()),
        price_per_hour: standing.price,
        price_per_month: standing.price.map(month),
        price: standing.price.and_then(|price| stamp(snapshot, room, price)),
        allocatable: texts(&snapshot.names.resources(&allocatable)),
        requests: texts(&snapshot.names.resources(&requests)),
        daemon_sets: texts(&snapshot.names.resources(&daemons)),
        cpu_percent: share(0, "cpu"),
        memory_percent: share(1, "memory"),
        sizing,
        split,
        pods,
        going,
    };
    answer.message = message(&answer);
    Some(answer)
}

fn message(answer: &NodeExplanation) -> String {
    let moving = answer.pods.iter().filter(|pod| !pod.stays).count();
    let pods = match moving {
        0 => "no pods but its own".to_owned(),
        1 => "1 pod".to_owned(),
        several => format!("{several} pods"),
    };
    let going = match (answer.going.obstacles.first(), &answer.going.what_if) {
        (Some(obstacle), _) => format!("it stays: {}", obstacle.text),
        (None, Some(what_if)) if !what_if.feasible => format!("it stays: {}", what_if.text),
        (None, Some(what_if)) if what_if.saved_per_hour.is_some_and(|saved| saved <= Usd::ZERO) => {
            format!("nothing cheaper would do: {}", what_if.text)
        }
        (None, Some(what_if)) => format!("it could go: {}", what_if.text),
        (None, None) => "nothing keeps it from going".to_owned(),
    };
    format!("it has {pods}; {going}")
}

fn state(room: &Room, standing: &RoomStanding) -> NodeState {
    match () {
        () if room.leaving => NodeState::GoingAway,
        () if room.in_flight => NodeState::InFlight,
        () if !room.initialized => NodeState::Starting,
        () if room.cordoned => NodeState::Cordoned,
        () if !standing.ready => NodeState::NotReady,
        () => NodeState::Ready,
    }
}

/// Kind and day of a node's price.
fn stamp(snapshot: &Snapshot, room: &Room, price: Usd) -> Option<PriceStamp> {
    let table = snapshot.pools[room.pool? as usize].table.as_ref()?;
    let name = room.labels.get(labels::INSTANCE_TYPE)?;
    let index = table.types.binary_search_by(|one| one.name.cmp(name)).ok()?;
    let mut offers = table.offers[index].iter().filter(|offer| offer.price == price);
    let here = |key: &str, value: Option<&str>| room.labels.get(key).map(String::as_str) == value;
    offers
        .clone()
        .find(|offer| {
            let key = &snapshot.market.keys[offer.key as usize];
            here(labels::ZONE, Some(&key.zone))
                && here(labels::CAPACITY_TYPE, Some(key.capacity_type.as_str()))
        })
        .or_else(|| offers.next())
        .map(|offer| offer.stamp)
}

/// What pods bear, and what is left of the price.
fn split(snapshot: &Snapshot, rates: &Rates, price: Usd, pods: &[PodOnNode]) -> PriceSplit {
    let sum = |stays: bool| {
        let costs = pods.iter().filter(|pod| pod.stays == stays).filter_map(|pod| pod.price_per_hour);
        costs.fold(Usd::ZERO, |sum, cost| sum + cost)
    };
    let (of_pods, of_daemons) = (sum(false), sum(true));
    PriceSplit {
        shares: rates.shares(snapshot),
        pods_per_hour: of_pods,
        daemon_sets_per_hour: of_daemons,
        idle_per_hour: (price - of_pods - of_daemons).max(Usd::ZERO),
    }
}

fn going(snapshot: &Snapshot, disruption: &Disruption, room: u32, moving: &[u32]) -> Going {
    let standing = &disruption.rooms[room as usize];
    let blocked = if standing.is_empty { &standing.empty_candidate } else { &standing.candidate };
    let reasons = blocked.as_ref().err().map(|blocked| blocked.reasons.as_slice()).unwrap_or_default();
    let obstacles = reasons.iter().map(|reason| Obstacle {
        code: reason.code().to_owned(),
        text: reason.to_string(),
        unlock: reason.unlock(),
    });
    let mut obstacles: Vec<Obstacle> = obstacles.collect();
    if obstacles.is_empty() {
        obstacles.extend(budget(snapshot, disruption, room));
        obstacles.extend(evictions_at_once(disruption, moving));
    }
    Going {
        may_go: obstacles.is_empty(),
        obstacles,
        what_if: what_if(snapshot, disruption, room),
        drift: standing.drift.as_ref().map(ToString::to_string),
        expires: standing.expires.map(|expiry| expiry.at.to_string()),
    }
}

/// A budget of the NodePool that has no place left for the node.
fn budget(snapshot: &Snapshot, disruption: &Disruption, room: u32) -> Option<Obstacle> {
    let is_empty = disruption.rooms[room as usize].is_empty;
    let reason = if is_empty { DisruptionReason::Empty } else { DisruptionReason::Underutilized };
    let budget = &disruption.budgets[snapshot.rooms[room as usize].pool? as usize];
    let allowed = budget.allowed(reason);
    let binding = allowed.binding.filter(|_| allowed.nodes == 0)?;
    Some(Obstacle {
        code: "budget".to_owned(),
        text: format!("NodePool {}: {binding}", budget.pool),
        unlock: format!("raise the budget of NodePool {}, or wait until it opens", budget.pool),
    })
}

/// More evictions at once than a PodDisruptionBudget allows.
fn evictions_at_once(disruption: &Disruption, moving: &[u32]) -> Option<Obstacle> {
    let short = disruption.simultaneous(moving.iter().copied()).err()?;
    Some(Obstacle {
        code: "pdb-at-once".to_owned(),
        text: format!(
            "PDB {} allows {} of the {} evictions it takes",
            short.name, short.allowed, short.wanted
        ),
        unlock: format!(
            "let PDB {} allow {} evictions at once: more healthy pods, or a lower minAvailable",
            short.name, short.wanted
        ),
    })
}
