//! From an outcome to the document.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_api::{DisruptionReason, labels};
use supercargo_catalog::Usd;

use crate::disruption::{Disruption, PodMove};
use crate::plan::HOURS_PER_MONTH;
use crate::pools::Variant;
use crate::snapshot::{Snapshot, UNBOUND};
use crate::whatif::{Fresh, Place, Relocation};

use super::document::{
    Consolidation, Move, MoveKind, NewNode, OldNode, PodMove as Placement, Rotation, StayingNode, Summary,
};
use super::options::ConsolidateOptions;
use super::outcome::{Outcome, PlannedMove, Stay};

impl NewNode {
    /// Writes a new node of one of these variants down.
    pub(crate) fn of(
        snapshot: &Snapshot,
        variants: &[Variant],
        name: String,
        node: &Fresh,
    ) -> Option<NewNode> {
        let variant = variants.get(node.variant as usize)?;
        let pool = &snapshot.pools[variant.pool as usize];
        let table = pool.table.as_ref()?;
        let key = &snapshot.market.keys[node.offer as usize];
        let mut types: Vec<(Usd, &str)> = node
            .types
            .ones()
            .filter_map(|index| {
                let offer = table.cheapest_offer(index, node.offers)?;
                Some((offer.price, table.types[index].name.as_str()))
            })
            .collect();
        types.sort_unstable();
        Some(NewNode {
            name,
            node_pool: pool.name.clone(),
            instance_type: table.types[node.type_index as usize].name.clone(),
            zone: key.zone.clone(),
            capacity_type: key.capacity_type.as_str().to_owned(),
            price_per_hour: node.price,
            instance_types: types.into_iter().map(|(_, name)| name.to_owned()).collect(),
            pods: node.contents.iter().map(|(_, pods)| *pods as usize).sum(),
        })
    }
}

/// Writes an outcome down. `claims` are the names of the input's NodeClaims, in their order.
struct Writer<'a> {
    snapshot: &'a Snapshot,
    disruption: &'a Disruption,
    outcome: &'a Outcome,
    claims: &'a [String],
    /// Names of the nodes that moves bring, in order.
    new_names: Vec<String>,
    residents: Vec<usize>,
}

impl Consolidation {
    /// Writes an outcome down. `claims` are the names of the input's NodeClaims in their order, `at` is the moment that
    /// counted as now.
    pub fn new(
        snapshot: &Snapshot,
        disruption: &Disruption,
        outcome: &Outcome,
        options: &ConsolidateOptions,
        claims: &[String],
        at: Timestamp,
    ) -> Consolidation {
        let mut new_names = Vec::new();
        for (index, one) in outcome.moves.iter().enumerate() {
            let numbers = 1..=one.relocation.new_nodes.len();
            new_names.extend(numbers.map(|number| new_name(index + 1, number)));
        }
        let mut residents = vec![0; snapshot.rooms.len()];
        for (pod, standing) in snapshot.pods.iter().zip(&disruption.pods) {
            if pod.room != UNBOUND && standing.moves == PodMove::Reschedulable {
                residents[pod.room as usize] += 1;
            }
        }
        let writer = Writer { snapshot, disruption, outcome, claims, new_names, residents };
        let moves: Vec<Move> =
            outcome.moves.iter().enumerate().map(|(index, one)| writer.one_move(index + 1, one)).collect();
        Consolidation {
            api_version: "supercargo.dev/v1".to_owned(),
            kind: "Consolidation".to_owned(),
            at: at.to_string(),
            summary: writer.summary(&moves, options),
            staying: outcome.staying.iter().map(|stay| writer.staying(stay)).collect(),
            rotations: writer.rotations(),
            moves,
            object_problems: snapshot.problems.clone(),
        }
    }
}

fn new_name(order: usize, number: usize) -> String {
    format!("new-{order}-{number}")
}

fn month(amount: Usd) -> f64 {
    (amount.as_f64() * HOURS_PER_MONTH * 100.0).round() / 100.0
}

impl Writer<'_> {
    fn summary(&self, moves: &[Move], options: &ConsolidateOptions) -> Summary {
        let snapshot = self.snapshot;
        let counts = |room: usize| snapshot.rooms[room].pool.is_some() && !snapshot.rooms[room].leaving;
        let rooms: Vec<usize> = (0..snapshot.rooms.len()).filter(|room| counts(*room)).collect();
        let gone: usize = moves.iter().map(|one| one.nodes.len()).sum();
        let come: usize = moves.iter().map(|one| one.new_nodes.len()).sum();
        let saved = self.outcome.saved();
        let now = self.outcome.price_now;
        let after = now - saved;
        let share = if now.is_zero() { 0.0 } else { saved.as_f64() / now.as_f64() };
        Summary {
            region: snapshot
                .market
                .tables()
                .find_map(|(_, table)| Some(table.types.first()?.labels.get(labels::REGION)?.clone())),
            nodes_now: rooms.len(),
            nodes_after: rooms.len() + come - gone,
            pods: rooms.iter().map(|room| self.residents[*room]).sum(),
            price_per_hour_now: now,
            price_per_hour_after: after,
            saved_per_hour: saved,
            ideal_per_hour: self.outcome.ideal,
            lower_bound_per_hour: self.outcome.lower_bound,
            price_per_month_now: month(now),
            price_per_month_after: month(after),
            saved_per_month: month(saved),
            saved_percent: (share * 1000.0).round() / 10.0,
            moves: moves.len(),
            waves: self.outcome.moves.last().map_or(0, |last| last.wave),
            pods_moved: moves.iter().map(|one| one.pods_moved).sum(),
            unpriced_nodes: rooms.iter().filter(|room| self.disruption.rooms[**room].price.is_none()).count(),
            pending_pods: snapshot.pending.len(),
            floor: options.floor.to_string(),
        }
    }

    fn room_name(&self, room: u32) -> String {
        if room < self.outcome.first_new_room {
            return self.snapshot.rooms[room as usize].name.clone();
        }
        let number = (room - self.outcome.first_new_room) as usize;
        self.new_names.get(number).cloned().unwrap_or_default()
    }

    fn old_node(&self, room: u32, pods: usize) -> OldNode {
        let row = &self.snapshot.rooms[room as usize];
        let label = |key: &str| row.labels.get(key).cloned().unwrap_or_default();
        OldNode {
            name: row.name.clone(),
            node_claim: row.claim.and_then(|claim| self.claims.get(claim as usize).cloned()),
            node_pool: label(labels::NODEPOOL),
            instance_type: label(labels::INSTANCE_TYPE),
            zone: label(labels::ZONE),
            capacity_type: label(labels::CAPACITY_TYPE),
            price_per_hour: self.disruption.rooms[room as usize].price.unwrap_or(Usd::ZERO),
            pods,
        }
    }

    fn new_node(&self, name: String, node: &Fresh) -> Option<NewNode> {
        NewNode::of(self.snapshot, &self.outcome.variants, name, node)
    }

    fn one_move(&self, order: usize, one: &PlannedMove) -> Move {
        let mut pods_of: BTreeMap<u32, usize> = BTreeMap::new();
        one.from.iter().for_each(|room| *pods_of.entry(*room).or_default() += 1);
        let nodes: Vec<OldNode> = one
            .rooms
            .iter()
            .map(|room| self.old_node(*room, pods_of.get(room).copied().unwrap_or(0)))
            .collect();
        let fresh = one.relocation.new_nodes.iter().enumerate();
        let new_nodes: Vec<NewNode> =
            fresh.filter_map(|(number, node)| self.new_node(new_name(order, number + 1), node)).collect();
        let placements =
            self.placements(&one.relocation, &one.from, &|number| new_name(order, number as usize + 1));
        let why = why(one.kind, &nodes, &new_nodes, placements.len());
        Move {
            wave: one.wave,
            order: order as u32,
            kind: one.kind,
            reason: reason(one.reason).to_owned(),
            pods_moved: placements.len(),
            nodes,
            new_nodes,
            placements,
            saved_per_hour: one.saved,
            saved_per_month: month(one.saved),
            disruption_cost: (one.cost * 1000.0).round() / 1000.0,
            score: one.score.map(|score| (score * 100.0).round() / 100.0),
            why,
        }
    }

    fn placements(
        &self,
        relocation: &Relocation,
        from: &[u32],
        new: &dyn Fn(u32) -> String,
    ) -> Vec<Placement> {
        let pairs = relocation.placements.iter().zip(from);
        pairs
            .map(|((pod, place), from)| Placement {
                pod: self.snapshot.pod_name(*pod),
                from: self.room_name(*from),
                to: match place {
                    Place::Room(room) => self.room_name(*room),
                    Place::New(number) => new(*number),
                },
            })
            .collect()
    }

    fn staying(&self, stay: &Stay) -> StayingNode {
        let row = &self.snapshot.rooms[stay.room as usize];
        let label = |key: &str| row.labels.get(key).cloned().unwrap_or_default();
        let used = &self.outcome.used_after[stay.room as usize];
        let all = self.snapshot.names.amounts(&row.allocatable);
        let percent = |place: usize| {
            if all[place] <= 0 {
                0.0
            } else {
                (used[place] as f64 / all[place] as f64 * 1000.0).round() / 10.0
            }
        };
        StayingNode {
            name: row.name.clone(),
            node_pool: label(labels::NODEPOOL),
            instance_type: label(labels::INSTANCE_TYPE),
            zone: label(labels::ZONE),
            capacity_type: label(labels::CAPACITY_TYPE),
            price_per_hour: self.disruption.rooms[stay.room as usize].price,
            cpu_percent: percent(0),
            memory_percent: percent(1),
            reason: stay.code.clone(),
            detail: stay.detail.clone(),
            unlock: stay.unlock.clone(),
        }
    }

    fn rotations(&self) -> Vec<Rotation> {
        let rotations = self.outcome.rotations.iter().map(|rotation| {
            let name = &self.snapshot.rooms[rotation.room as usize].name;
            let fresh = rotation.relocation.new_nodes.iter().enumerate();
            let replacement = |number: u32| format!("{name}-replacement-{}", number + 1);
            let new_nodes: Vec<NewNode> =
                fresh.filter_map(|(number, node)| self.new_node(replacement(number as u32), node)).collect();
            let from = vec![rotation.room; rotation.relocation.placements.len()];
            let old = self.old_node(rotation.room, self.residents[rotation.room as usize]);
            let change = match rotation.blocked {
                Some(_) if new_nodes.is_empty() && rotation.relocation.placements.is_empty() => Usd::ZERO,
                _ => rotation.relocation.price() - old.price_per_hour,
            };
            Rotation {
                price_change_per_hour: change,
                node: old,
                cause: rotation.cause.to_owned(),
                detail: rotation.detail.clone(),
                at: rotation.at.map(|at| at.to_string()),
                new_nodes,
                placements: self.placements(&rotation.relocation, &from, &replacement),
                blocked: rotation.blocked.clone(),
            }
        });
        rotations.collect()
    }
}

fn reason(reason: DisruptionReason) -> &'static str {
    match reason {
        DisruptionReason::Underutilized => "Underutilized",
        DisruptionReason::Empty => "Empty",
        DisruptionReason::Drifted => "Drifted",
    }
}

fn why(kind: MoveKind, old: &[OldNode], new: &[NewNode], pods: usize) -> String {
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    };
    match kind {
        MoveKind::DeleteEmpty if old.len() == 1 => "no pod needs it".to_owned(),
        MoveKind::DeleteEmpty => "no pod needs them".to_owned(),
        MoveKind::Delete => format!("the other nodes have room for {}", count(pods, "pod")),
        MoveKind::Replace | MoveKind::Split | MoveKind::Merge => {
            let on_new: usize = new.iter().map(|node| node.pods).sum();
            let elsewhere = pods.saturating_sub(on_new);
            let bought = format!("{} on {} for less", count(on_new, "pod"), count(new.len(), "new node"));
            match elsewhere {
                0 => bought,
                pods => format!("{bought}, {} on other nodes", count(pods, "pod")),
            }
        }
    }
}
