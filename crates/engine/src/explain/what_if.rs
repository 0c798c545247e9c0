//! Where the pods of a node would go if it went, whatever keeps it.

use supercargo_catalog::Usd;

use crate::consolidate::{NewNode, PodMove, layout};
use crate::disruption::Disruption;
use crate::snapshot::Snapshot;
use crate::whatif::{Ask, Board, Layout, Place, Relocation, SpotRule, Stranded};

use super::node_document::WhatIf;

/// At most this many new nodes for the pods of one.
const MOST_NEW_NODES: u32 = 4;

/// Asks; nothing for a node that is going away anyway, or is not there yet.
pub(super) fn what_if(snapshot: &Snapshot, disruption: &Disruption, room: u32) -> Option<WhatIf> {
    let row = &snapshot.rooms[room as usize];
    if row.leaving || row.in_flight {
        return None;
    }
    let layout = layout(snapshot, disruption);
    let mut board = Board::new(&layout);
    let ask = Ask { max_new_nodes: MOST_NEW_NODES, below: None, use_rooms: true, spot: SpotRule::Free };
    Some(match board.what_if(&[room], &ask) {
        Ok(relocation) => feasible(snapshot, &layout, disruption, room, &relocation),
        Err(stranded) => stranded_pods(snapshot, room, &stranded),
    })
}

fn feasible(
    snapshot: &Snapshot,
    layout: &Layout<'_>,
    disruption: &Disruption,
    room: u32,
    relocation: &Relocation,
) -> WhatIf {
    let new_name = |number: u32| format!("new-{}", number + 1);
    let new_nodes: Vec<NewNode> = relocation
        .new_nodes
        .iter()
        .enumerate()
        .filter_map(|(number, node)| NewNode::of(snapshot, layout.variants(), new_name(number as u32), node))
        .collect();
    let placements: Vec<PodMove> = relocation
        .placements
        .iter()
        .map(|(pod, place)| PodMove {
            pod: snapshot.pod_name(*pod),
            from: snapshot.rooms[room as usize].name.clone(),
            to: match place {
                Place::Room(room) => snapshot.rooms[*room as usize].name.clone(),
                Place::New(number) => new_name(*number),
            },
        })
        .collect();
    let saved = disruption.rooms[room as usize].price.map(|price| price - relocation.price());
    WhatIf {
        feasible: true,
        text: text(&placements, &new_nodes, saved),
        placements,
        new_nodes,
        saved_per_hour: saved,
    }
}

fn text(placements: &[PodMove], new_nodes: &[NewNode], saved: Option<Usd>) -> String {
    let on_new: usize = new_nodes.iter().map(|node| node.pods).sum();
    let beside = if on_new < placements.len() { " and nodes that are there" } else { "" };
    let there = match (placements.len(), new_nodes) {
        (0, _) => "no pod needs it".to_owned(),
        (_, []) => "its pods fit on nodes that are there".to_owned(),
        (_, [one]) => {
            format!("its pods would go to a new {} {}{beside}", one.capacity_type, one.instance_type)
        }
        (_, several) => format!("its pods would go to {} new nodes{beside}", several.len()),
    };
    match saved {
        Some(saved) if saved > Usd::ZERO => format!("{there}, which saves {saved} an hour"),
        Some(saved) if saved.is_negative() => format!("{there}, which costs {} more an hour", -saved),
        Some(_) => format!("{there}, which saves nothing"),
        None => there,
    }
}

fn stranded_pods(snapshot: &Snapshot, room: u32, stranded: &Stranded) -> WhatIf {
    let pods: u32 = stranded.left.iter().map(|(_, pods)| pods).sum();
    let of_class = |class: u32| snapshot.pods.iter().position(|pod| pod.class == class && pod.room == room);
    let first = stranded.left.first().and_then(|(class, _)| of_class(*class));
    let name = first.map(|pod| snapshot.pod_name(pod as u32)).unwrap_or_default();
    let text = if pods <= 1 {
        format!("pod {name} would have no other place")
    } else {
        format!("{pods} of its pods, {name} among them, would have no other place")
    };
    WhatIf { feasible: false, text, placements: Vec::new(), new_nodes: Vec::new(), saved_per_hour: None }
}
