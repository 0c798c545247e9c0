//! Whether a set of nodes may go, and the best that can be made of it.

use std::collections::BTreeMap;

use supercargo_api::DisruptionReason;
use supercargo_catalog::{CapacityType, Usd};

use crate::disruption::{Allowed, Disruption};
use crate::snapshot::Snapshot;
use crate::whatif::{Ask, Board, Relocation, SpotRule};

use super::floor::required;
use super::options::ConsolidateOptions;

/// Spot replaces a single spot node only if it may turn out to be this many types (reference section 4.12).
pub(super) const FLEXIBLE: usize = 15;

/// What every question is asked against.
#[derive(Clone, Copy)]
pub(super) struct Scene<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) disruption: &'s Disruption,
    pub(super) options: &'s ConsolidateOptions,
    /// Spot replaces spot whatever the rules say: for what nobody executes.
    pub(super) any_spot: bool,
}

/// A set of nodes that may go, and where their pods would be.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    pub(super) rooms: Vec<u32>,
    pub(super) relocation: Relocation,
    pub(super) saved: Usd,
    pub(super) cost: f64,
}

impl Weighed {
    /// Dollars per hour saved for each unit of disruption.
    pub(super) fn ratio(&self) -> f64 {
        self.saved.as_f64() / self.cost
    }
}

impl<'s> Scene<'s> {
    /// Rescheduling disruption cost of a node as it stands (reference section 4.3).
    pub(super) fn cost(&self, board: &Board<'_>, room: u32) -> f64 {
        let pods = board.residents(room).iter();
        1.0 + pods.map(|pod| self.disruption.pods[*pod as usize].eviction_cost.max(0.0)).sum::<f64>()
    }

    /// Dollars per hour of a node; nothing where that is not known.
    pub(super) fn price(&self, room: u32) -> Usd {
        self.disruption.rooms[room as usize].price.unwrap_or(Usd::ZERO)
    }

    pub(super) fn prices(&self, rooms: &[u32]) -> Usd {
        rooms.iter().fold(Usd::ZERO, |sum, room| sum + self.price(*room))
    }

    /// Whether a node may go as far as it alone decides.
    pub(super) fn is_candidate(&self, board: &Board<'_>, room: u32) -> bool {
        !board.is_gone(room) && self.disruption.rooms[room as usize].candidate.is_ok()
    }

    /// What the budgets of a NodePool allow once it has so many nodes more than now.
    pub(super) fn allowed(&self, pool: u32, reason: DisruptionReason, grown: i64) -> Allowed {
        let budget = &self.disruption.budgets[pool as usize];
        let nodes = (i64::from(budget.nodes) + grown).max(0);
        budget.allowed_of(reason, u32::try_from(nodes).unwrap_or(u32::MAX))
    }

    /// Whether budgets let these nodes go at once.
    pub(super) fn within_budgets(&self, board: &Board<'_>, rooms: &[u32], reason: DisruptionReason) -> bool {
        let mut by_pool: BTreeMap<u32, u32> = BTreeMap::new();
        for room in rooms {
            let Some(pool) = self.snapshot.rooms[*room as usize].pool else { return false };
            *by_pool.entry(pool).or_default() += 1;
        }
        by_pool.iter().all(|(pool, nodes)| *nodes <= self.allowed(*pool, reason, board.grown(*pool)).nodes)
    }

    /// Whether PodDisruptionBudgets let all pods of these nodes be evicted at once.
    pub(super) fn within_pdbs(&self, board: &Board<'_>, rooms: &[u32]) -> bool {
        let pods = rooms.iter().flat_map(|room| board.residents(*room).iter().copied());
        self.disruption.simultaneous(pods).is_ok()
    }

    /// Which new nodes may be spot where these nodes go (reference section 4.12).
    pub(super) fn spot_rule(&self, rooms: &[u32]) -> SpotRule {
        let is_spot =
            |room: &u32| self.disruption.rooms[*room as usize].capacity_type == Some(CapacityType::Spot);
        if self.any_spot || !rooms.iter().all(is_spot) {
            SpotRule::Free
        } else if !self.options.spot_to_spot {
            SpotRule::Forbidden
        } else if rooms.len() == 1 {
            SpotRule::Flexible(FLEXIBLE)
        } else {
            SpotRule::Free
        }
    }

    pub(super) fn required(&self, board: &Board<'_>, rooms: &[u32]) -> Usd {
        required(self.snapshot, self.disruption, rooms, &|room| self.cost(board, room), self.options)
    }

    /// Whether spot replaces spot under the cover of nodes that are not. One spot node for several nodes of both sorts is
    /// a merge; with more than one that comes, the rule for spot nodes alone (reference section 4.12) would mean nothing.
    fn trades_spot_for_spot(&self, rooms: &[u32], relocation: &Relocation) -> bool {
        let is_spot =
            |room: &u32| self.disruption.rooms[*room as usize].capacity_type == Some(CapacityType::Spot);
        let keys = &self.snapshot.market.keys;
        !self.any_spot
            && !self.options.spot_to_spot
            && relocation.new_nodes.len() > 1
            && rooms.iter().any(is_spot)
            && relocation
                .new_nodes
                .iter()
                .any(|node| keys[node.offer as usize].capacity_type == CapacityType::Spot)
    }

    /// The best that can be made of these nodes, if that is worth it.
    pub(super) fn weigh(&self, board: &mut Board<'_>, rooms: &[u32]) -> Option<Weighed> {
        let may_go = rooms.iter().all(|room| self.is_candidate(board, *room))
            && self.within_budgets(board, rooms, DisruptionReason::Underutilized)
            && self.within_pdbs(board, rooms);
        if !may_go {
            return None;
        }
        let price = self.prices(rooms);
        let required = self.required(board, rooms);
        if required > price {
            return None;
        }
        let most = self.options.max_new_nodes.max(if rooms.len() > 1 { rooms.len() as u32 } else { 0 });
        let ask = Ask {
            max_new_nodes: most,
            below: Some(price - required + Usd::from_nanos(1)),
            use_rooms: true,
            spot: self.spot_rule(rooms),
        };
        let mut relocation = best_of(board, rooms, &ask)?;
        if self.trades_spot_for_spot(rooms, &relocation) {
            relocation = best_of(board, rooms, &Ask { spot: SpotRule::Forbidden, ..ask })?;
        }
        let saved = price - relocation.price();
        let cost = rooms.iter().map(|room| self.cost(board, *room)).sum();
        Some(Weighed { rooms: rooms.to_vec(), relocation, saved, cost })
    }
}

/// The cheaper of the answers with and without the rooms that stay.
fn best_of(board: &mut Board<'_>, rooms: &[u32], ask: &Ask) -> Option<Relocation> {
    let first = board.what_if(rooms, ask).ok();
    if first.as_ref().is_some_and(|relocation| relocation.new_nodes.is_empty()) {
        return first;
    }
    // The room that is left elsewhere may serve another node better.
    let below = first.as_ref().map(Relocation::price).or(ask.below);
    board.what_if(rooms, &Ask { use_rooms: false, below, ..*ask }).ok().or(first)
}
