//! Why a pod waits, or where it could go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_api::objects::Objects;

use crate::disruption::{BlockReason, Disruption, PodBlock};
use crate::eligibility::display_name;
use crate::fits::Fit;
use crate::plan::{InstanceChoice, Plan};
use crate::reasons::explain_unplaced;
use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::{Outcome, Outlook, Relaxation, SolveOptions, Unplaced, outlook, solve};

use super::pod_document::{
    Eviction, ExistingNodes, NewPlace, NodePoolAnswer, Place, PodExplanation, PodState,
};
use super::{constraints, refusals};

/// Explains a pod, given by its index among the objects' pods; `None` where there is none.
///
/// The snapshot has to be of these objects. A pod on a node is asked about as if it had to leave it.
pub fn explain_pod(
    objects: &Objects,
    snapshot: &Snapshot,
    disruption: &Disruption,
    pod: usize,
    options: SolveOptions,
) -> Option<PodExplanation> {
    let object = objects.pods.get(pod)?;
    let mut answer = PodExplanation {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "PodExplanation".to_owned(),
        pod: display_name(object),
        owner: owner(&object.metadata),
        state: PodState::Finished,
        node: object.node_name().filter(|name| !name.is_empty()).map(str::to_owned),
        message: "it has finished".to_owned(),
        scheduler: verdict(object),
        requests: Default::default(),
        priority: object.spec().and_then(|spec| spec.priority).unwrap_or(0),
        constraints: Vec::new(),
        place: None,
        existing_nodes: None,
        node_pools: Vec::new(),
        eviction: None,
    };
    let Some(row) = snapshot.pods.iter().position(|row| row.object as usize == pod) else {
        leave_out(&mut answer, object, snapshot);
        return Some(answer);
    };
    let row = row as u32;
    let known = &snapshot.pods[row as usize];
    let class = &snapshot.classes[known.class as usize];
    answer.requests = crate::plan::texts(&snapshot.names.resources(&class.requests));
    answer.priority = class.priority;
    answer.constraints = constraints::constraints(snapshot, known.class);
    let waits = snapshot.pending.contains(&row);
    answer.state = match (waits, known.terminating) {
        (true, _) => PodState::Pending,
        (false, true) => PodState::Terminating,
        (false, false) => PodState::Bound,
    };
    if known.room != UNBOUND {
        answer.eviction = Some(eviction(snapshot, disruption, row));
    }
    if let Some(refusal) = &class.refusal {
        answer.message = format!("it can never be scheduled as it is written: {refusal}");
        return Some(answer);
    }
    if known.daemon {
        answer.message = "it belongs to a DaemonSet: it comes and goes with its node".to_owned();
        return Some(answer);
    }
    if waits {
        waiting(&mut answer, snapshot, row, options)
    } else {
        running(&mut answer, snapshot, row, options)
    }
    Some(answer)
}

/// `ReplicaSet web-5d4f8c7b9`: the controller, or else the first owner.
pub(super) fn owner(metadata: &ObjectMeta) -> Option<String> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true)).or_else(|| owners.first())?;
    Some(format!("{} {}", owner.kind, owner.name))
}

/// What the scheduler said last of a pod that waits.
fn verdict(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled")?;
    scheduled.message.clone().filter(|message| scheduled.status == "False" && !message.is_empty())
}

/// A pod that the snapshot does not have.
fn leave_out(answer: &mut PodExplanation, object: &Pod, snapshot: &Snapshot) {
    let phase = object.status.as_ref().and_then(|status| status.phase.as_deref());
    if matches!(phase, Some("Succeeded" | "Failed")) {
        return;
    }
    if object.metadata.deletion_timestamp.is_some() {
        answer.state = PodState::Terminating;
        answer.message = "it is on its way out".to_owned();
        return;
    }
    answer.state = PodState::LeftOut;
    let ignored = snapshot.ignored.iter().find(|ignored| ignored.pod == answer.pod);
    answer.message = match ignored {
        Some(ignored) => format!("it is left out: {}", ignored.reason),
        None if crate::eligibility::daemon_set_name(object).is_some() => {
            "it belongs to a DaemonSet, which waits for no other node than its own".to_owned()
        }
        None => "it is left out: it is not the scheduler's to place".to_owned(),
    };
}

fn eviction(snapshot: &Snapshot, disruption: &Disruption, row: u32) -> Eviction {
    let standing = &disruption.pods[row as usize];
    let pdbs = standing.pdbs.iter().map(|pdb| disruption.pdbs[*pdb as usize].name.clone());
    Eviction {
        cost: standing.eviction_cost,
        pdbs: pdbs.collect(),
        blocked: blocked(snapshot, disruption, row),
    }
}

/// Why a pod may not be evicted now.
pub(super) fn blocked(snapshot: &Snapshot, disruption: &Disruption, row: u32) -> Option<String> {
    let standing = &disruption.pods[row as usize];
    let pod = snapshot.pod_name(row);
    let reason = match standing.blocks.as_ref()? {
        PodBlock::DoNotDisrupt { until } => BlockReason::PodDoNotDisrupt { pod, until: *until },
        PodBlock::SeveralPdbs => {
            let pdbs = standing.pdbs.iter().map(|pdb| disruption.pdbs[*pdb as usize].name.clone());
            BlockReason::SeveralPdbs { pod, pdbs: pdbs.collect() }
        }
        PodBlock::Pdb(pdb) => {
            let pdb = &disruption.pdbs[*pdb as usize];
            BlockReason::Pdb { pdb: pdb.name.clone(), why: pdb.why.clone(), pod, pods: 1 }
        }
    };
    Some(reason.to_string())
}

/// A pod that waits: where a plan for all that wait puts it.
fn waiting(answer: &mut PodExplanation, snapshot: &Snapshot, row: u32, options: SolveOptions) {
    let outcome = solve(snapshot, options);
    let outlook = outlook(snapshot);
    let nodes = existing(snapshot, &outlook, row, None);
    answer.node_pools = node_pools(snapshot, &outcome, &outlook, row, options);
    let on_room = outcome.on_rooms.iter().find(|(_, pod)| *pod == row);
    let planned = outcome.nodes.iter().position(|node| node.pods.contains(&row));
    let unplaced = outcome.unplaced.iter().find(|unplaced| unplaced.pods.contains(&row));
    if let Some((room, _)) = on_room {
        let room = &snapshot.rooms[*room as usize];
        let flight = if room.in_flight { ", which is on its way" } else { "" };
        answer.message = format!("it waits, but has a place on {}{flight}", room.name);
        answer.place = Some(Place::ExistingNode(room.name.clone()));
    } else if planned.is_some() {
        let pod = snapshot.pod_name(row);
        let plan = Plan::new(snapshot, &outcome, options);
        if let Some(node) = plan.nodes.iter().find(|node| node.pods.contains(&pod)) {
            let new = NewPlace {
                node_pool: node.node_pool.clone(),
                instance_type: node.instance_type.clone(),
                zone: node.zone.clone(),
                capacity_type: node.capacity_type.clone(),
                price_per_hour: node.price_per_hour,
                other_pods: node.pods.len() - 1,
                why: node.why.text.clone(),
            };
            answer.message = format!(
                "it waits for a new node: {} {} in {} of NodePool {}",
                new.capacity_type, new.instance_type, new.zone, new.node_pool
            );
            answer.place = Some(Place::NewNode(Box::new(new)));
        }
    } else if let Some(unplaced) = unplaced {
        let explained = explain_unplaced(snapshot, &outcome, unplaced, options);
        answer.message = format!("it has no place: {}", explained.message);
        answer.place = Some(Place::None);
    }
    answer.existing_nodes = nodes;
}

/// A pod on a node: where else it could be.
fn running(answer: &mut PodExplanation, snapshot: &Snapshot, row: u32, options: SolveOptions) {
    let own = snapshot.pods[row as usize].room;
    let mut without = snapshot.clone();
    without.pending = vec![row];
    let outlook = outlook(&without);
    let variants = outlook.variants.clone();
    let outcome = Outcome { variants, ..Outcome::default() };
    let own = (own != UNBOUND).then_some(own);
    let nodes = existing(&without, &outlook, row, own);
    answer.node_pools = node_pools(&without, &outcome, &outlook, row, options);
    let here = match (&answer.node, own) {
        (Some(node), Some(_)) => format!("it is on {node}"),
        (Some(node), None) => format!("it is on {node}, which is not in the input"),
        (None, _) => "it is on its way out".to_owned(),
    };
    let taking = nodes.as_ref().map_or(0, |nodes| nodes.taking.len());
    let asked = nodes.as_ref().map_or(0, |nodes| nodes.asked);
    let cheapest = answer.node_pools.iter().filter_map(|pool| pool.cheapest.as_ref());
    let cheapest = cheapest.min_by_key(|choice| choice.price_per_hour);
    let new = match cheapest {
        Some(choice) => format!(
            "the cheapest new node would be {} {} in {}",
            choice.capacity_type, choice.instance_type, choice.zone
        ),
        None => "no NodePool has a new node for it".to_owned(),
    };
    let others = match asked {
        0 => "there is no other node".to_owned(),
        1 => format!("{taking} of 1 other node would take it"),
        _ => format!("{taking} of {asked} other nodes would take it"),
    };
    answer.message = format!("{here}; {others}, and {new}");
    answer.existing_nodes = nodes;
}

fn existing(snapshot: &Snapshot, outlook: &Outlook, row: u32, own: Option<u32>) -> Option<ExistingNodes> {
    let class = snapshot.pods[row as usize].class;
    let of_class = outlook.classes[class as usize].as_ref()?;
    Some(refusals::existing_nodes(snapshot, outlook, class, of_class, own))
}

/// What each NodePool did to the types, and the cheapest that is left.
fn node_pools(
    snapshot: &Snapshot,
    outcome: &Outcome,
    outlook: &Outlook,
    row: u32,
    options: SolveOptions,
) -> Vec<NodePoolAnswer> {
    let class = snapshot.pods[row as usize].class;
    let unplaced = Unplaced { class, pods: vec![row], level: Relaxation::default() };
    let explained = explain_unplaced(snapshot, outcome, &unplaced, options);
    let of_class = outlook.classes[class as usize].as_ref();
    let sets = of_class.map_or(&[][..], |of_class| &of_class.sets[..]);
    let answers = explained.node_pools.into_iter().enumerate().map(|(pool, explanation)| {
        let fits = sets.iter().flatten().filter(|fit| {
            let variant = &outlook.variants[fit.variant as usize];
            variant.pool as usize == pool
        });
        let cheapest = if explanation.left == 0 { None } else { cheapest(snapshot, outlook, class, fits) };
        NodePoolAnswer { explanation, cheapest }
    });
    answers.collect()
}

fn cheapest<'f>(
    snapshot: &Snapshot,
    outlook: &Outlook,
    class: u32,
    fits: impl Iterator<Item = &'f Fit>,
) -> Option<InstanceChoice> {
    let requests = &snapshot.classes[class as usize].requests;
    let choices = fits.flat_map(|fit| {
        let variant = &outlook.variants[fit.variant as usize];
        let table = snapshot.pools[variant.pool as usize].table.as_ref();
        table.into_iter().flat_map(move |table| {
            let holding = fit.types.ones().filter(|index| requests.fits(&variant.net[*index]));
            holding.filter_map(|index| {
                Some((table.cheapest_offer(index, fit.offers)?, &table.types[index].name))
            })
        })
    });
    let (offer, name) = choices.min_by_key(|(offer, name)| (offer.price, *name, offer.key))?;
    let key = &snapshot.market.keys[offer.key as usize];
    Some(InstanceChoice {
        instance_type: name.clone(),
        zone: key.zone.clone(),
        capacity_type: key.capacity_type.as_str().to_owned(),
        price_per_hour: offer.price,
    })
}
